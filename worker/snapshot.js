/**
 * The interpreter's memory, kept from one boot for the next: restoring it takes about a tenth of a cold boot.
 *
 * It is one entry of a cache of its own. Whatever becomes of it (evicted, half written, damaged, of another
 * browser) costs a cold boot, never a write: it holds the code of the boot, and nothing of the queue.
 *
 * An entry is the pages that are not empty, with their numbers and a checksum; about half of the memory is empty.
 * Compressed it would be read more slowly.
 */

import { SNAPSHOTS } from "./files.js";

/** Words of four bytes. */
const PAGE = 1 << 12;

/** Of the response that the entry is: the bytes of the unpacked memory, and the checksum of the body. */
const SIZE = "Pyqueue-Size";
const CHECKSUM = "Pyqueue-Checksum";

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
  const size = Number(response.headers.get(SIZE));
  const memory = new Uint8Array(size);
  const filled = response.arrayBuffer().then((body) => {
    const packed = new Uint32Array(body, 0, body.byteLength >> 2);
    if (response.headers.get(CHECKSUM) !== checksum(packed, size)) throw new Error("the kept snapshot is damaged");
    unpack(packed, memory);
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
  const headers = { [SIZE]: String(memory.length), [CHECKSUM]: checksum(packed, memory.length) };
  await dropSnapshots();
  await (await caches.open(SNAPSHOTS)).put(urlOf(key), new Response(packed, { headers }));
}

/** Forgets what is kept. */
export async function dropSnapshots() {
  await caches.delete(SNAPSHOTS);
}

/**
 * @param {Uint8Array} memory a multiple of four bytes
 * @returns {Uint32Array<ArrayBuffer>} the number of pages, the number of each, and the pages; the last may be shorter
 */
function pack(memory) {
  const words = new Uint32Array(memory.buffer, memory.byteOffset, memory.length / 4);
  const pages = [];
  for (let page = 0; page * PAGE < words.length; page += 1) {
    if (words.subarray(page * PAGE, (page + 1) * PAGE).some((word) => word !== 0)) pages.push(page);
  }
  const packed = new Uint32Array(1 + pages.length * (1 + PAGE));
  packed.set([pages.length, ...pages]);
  pages.forEach((page, position) => {
    packed.set(words.subarray(page * PAGE, (page + 1) * PAGE), 1 + pages.length + position * PAGE);
  });
  return packed;
}

/**
 * @param {Uint32Array} packed
 * @param {Uint8Array} memory zeros
 */
function unpack(packed, memory) {
  const words = new Uint32Array(memory.buffer);
  const head = 1 + packed[0];
  packed.subarray(1, head).forEach((page, position) => {
    const start = head + position * PAGE;
    words.set(packed.subarray(start, start + Math.min(PAGE, words.length - page * PAGE)), page * PAGE);
  });
}

/**
 * Tells whether an entry is what was written. It takes 10 ms.
 *
 * @param {Uint32Array} words the body
 * @param {number} size of the memory
 */
function checksum(words, size) {
  let [a, b] = [size, words.length];
  for (const word of words) {
    a = (a + word) | 0;
    b = (b + a) | 0;
  }
  return `${a}.${b}`;
}
