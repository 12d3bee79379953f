/**
 * The interpreter's memory, kept from one boot for the next: restoring it takes about a tenth of a cold boot.
 *
 * It is one entry of a cache of its own. Whatever becomes of it (evicted, half written, damaged, of another
 * browser) costs a cold boot, never a write: it holds the code of the boot, and nothing of the queue.
 *
 * An entry has the pages that are not empty, about half of them. Compressed it would be read more slowly.
 */

import { SNAPSHOTS, hashOf } from "./files.js";

/** Words of four bytes. */
const PAGE = 1 << 12;

/** Of the response that the entry is: the memory's length in bytes, and the SHA-256 of the body. */
const SIZE = "Pyqueue-Size";
const HASH = "Pyqueue-SHA-256";

/**
 * A snapshot that was found.
 * @typedef {object} Snapshot
 * @property {Uint8Array} memory zeros, until `filled`
 * @property {Promise<void>} filled rejects with an `Error` if what was kept is damaged
 */

/** @param {string} key */
const urlOf = (key) => new URL(`snapshot?${key}`, self.location.href).href;

/**
 * @param {string} key of all that is in it
 * @returns {Promise<Snapshot | undefined>}
 */
export async function findSnapshot(key) {
  const response = await (await caches.open(SNAPSHOTS)).match(urlOf(key));
  if (!response) return undefined;
  const memory = new Uint8Array(Number(response.headers.get(SIZE)));
  const filled = response.arrayBuffer().then(async (body) => {
    const isWhole = response.headers.get(HASH) === (await hashOf(body));
    if (!isWhole || !unpack(new Uint32Array(body), memory)) throw new Error("the kept snapshot is damaged");
  });
  filled.catch(() => {}); // it is awaited later
  return { memory, filled };
}

/**
 * Keeps a snapshot, in place of any other.
 *
 * @param {string} key
 * @param {Uint8Array} memory
 */
export async function keepSnapshot(key, memory) {
  const packed = pack(memory);
  const headers = { [SIZE]: String(memory.length), [HASH]: await hashOf(packed) };
  await dropSnapshots();
  await (await caches.open(SNAPSHOTS)).put(urlOf(key), new Response(packed, { headers }));
}

/** Forgets what is kept. */
export async function dropSnapshots() {
  await caches.delete(SNAPSHOTS);
}

/**
 * @param {Uint8Array} memory a multiple of four bytes
 * @returns {Uint32Array<ArrayBuffer>} the memory's length, the number of pages, the number of each, and the pages, the
 *   last of them filled up
 */
function pack(memory) {
  const words = new Uint32Array(memory.buffer, memory.byteOffset, memory.length / 4);
  const pages = [];
  for (let page = 0; page * PAGE < words.length; page += 1) {
    if (pageOf(words, page).some((word) => word !== 0)) pages.push(page);
  }
  const head = [memory.length, pages.length, ...pages];
  const packed = new Uint32Array(head.length + pages.length * PAGE);
  packed.set(head);
  pages.forEach((page, position) => packed.set(pageOf(words, page), head.length + position * PAGE));
  return packed;
}

/**
 * @param {Uint32Array} packed
 * @param {Uint8Array} memory zeros
 * @returns {boolean} whether it has that length
 */
function unpack(packed, memory) {
  const [length, count] = packed;
  if (length !== memory.length) return false;
  const words = new Uint32Array(memory.buffer);
  packed.subarray(2, 2 + count).forEach((page, position) => {
    const start = 2 + count + position * PAGE;
    const target = pageOf(words, page);
    target.set(packed.subarray(start, start + target.length));
  });
  return true;
}

/**
 * @param {Uint32Array} words
 * @param {number} page
 */
const pageOf = (words, page) => words.subarray(page * PAGE, (page + 1) * PAGE);
