/** The keys of this page's person: made when one is first needed, and unlocked by a secret. */

import { decryptAnswer, encryptAnswer } from "../cipher.js";
import { keyOf, Ring } from "../keys.js";
import { result } from "./database.js";
import { InvalidPayload, Locked, mount, PyqueueError, transact } from "./shared.js";
import { now } from "./records.js";
import { uuid } from "./uuid.js";

/**
 * @typedef {import("../keys.js").KeyRecord} KeyRecord
 * @typedef {import("../keys.js").Derivation} Derivation
 * @typedef {import("../keys.js").Found} Found
 */

/** Rounds of PBKDF2 with SHA-256: OWASP's recommendation of 2023. */
const ITERATIONS = 600_000;

/** Bytes of the shortest secret that is taken as it is, and of a salt. */
const SECRET = 16;

const AES = { name: "AES-GCM", length: 256 };

/** What a secret's key is checked with: the text says nothing. */
const CHECK = "pyqueue";

/** @type {Ring | undefined} */
let held;
const ring = () => (held ??= new Ring(mount()));

/** @returns {SubtleCrypto} @throws {PyqueueError} there is none here */
function subtle() {
  if (globalThis.crypto?.subtle) return crypto.subtle;
  throw new PyqueueError("browsers encrypt only on pages that came over https, or from localhost");
}

/** @param {string} principal */
const allOf = (principal) => IDBKeyRange.bound([principal], [principal, []]);

/**
 * @param {IDBTransaction} tx over `keys`
 * @param {string} principal
 * @param {KeyRecord["kind"]} kind
 * @returns {Promise<KeyRecord[]>} the newest first
 */
async function readKeys(tx, principal, kind) {
  /** @type {KeyRecord[]} */
  const records = await result(tx.objectStore("keys").getAll(allOf(principal)));
  return records.filter((record) => record.kind === kind).sort((a, b) => b.made_at - a.made_at);
}

/**
 * The key for what is written now.
 *
 * @param {string} principal
 * @param {KeyRecord["kind"]} kind of kind `device`, one is made if there is none
 * @returns {Promise<[key: CryptoKey, id: string]>}
 * @throws {Locked | PyqueueError}
 */
export async function keyToEncrypt(principal, kind) {
  const crypto = subtle();
  let [record] = await transact(["keys"], "readonly", (tx) => readKeys(tx, principal, kind));
  if (!record && kind === "device") {
    // Made outside of the transaction, which would not wait for it.
    const key = /** @type {CryptoKey} */ (await crypto.generateKey(AES, false, ["encrypt", "decrypt"]));
    /** @type {KeyRecord} */
    const made = { principal, id: uuid(), made_at: now(), kind, key };
    record = await transact(["keys"], "readwrite", async (tx) => {
      const [first] = await readKeys(tx, principal, kind);
      if (!first) tx.objectStore("keys").add(made);
      return first ?? made;
    });
  }
  const key = record ? await keyOf(record, ring) : "locked";
  if (!record || typeof key === "string") {
    throw new Locked("this write is to be encrypted by a secret that nobody has given; call pyqueue.unlock(secret)");
  }
  return [key, record.id];
}

/**
 * @param {string} principal
 * @param {string} id
 * @returns {Promise<Found>}
 */
export async function keyToDecrypt(principal, id) {
  return keyOf(await transact(["keys"], "readonly", (tx) => result(tx.objectStore("keys").get([principal, id]))), ring);
}

/**
 * Derives the person's key from a secret, and hands it to the worker and the other pages, for as long as they run.
 *
 * What waited for it is sent now.
 *
 * @param {import("./client.js").Client} client
 * @param {unknown} secret a passphrase, or at least 16 random bytes
 * @param {{replace?: boolean}} [options] `replace`: a secret that opens nothing yet is for what is written from now on
 * @throws {Locked} it is not the secret
 * @throws {InvalidPayload | PyqueueError}
 */
export async function unlock(client, secret, { replace = false } = {}) {
  const principal = await client.principal();
  await hold(principal, secret, replace);
  await client.flush();
}

/**
 * @param {string} principal
 * @param {unknown} secret
 * @param {boolean} replace
 */
async function hold(principal, secret, replace) {
  const isText = typeof secret === "string";
  const bytes = isText ? new TextEncoder().encode(secret.normalize("NFC")) : secret;
  if (!(bytes instanceof Uint8Array && bytes.length >= (isText ? 1 : SECRET))) {
    throw new InvalidPayload(`unlock takes a passphrase, or a Uint8Array of at least ${SECRET} random bytes`);
  }
  const name = isText ? "PBKDF2" : "HKDF";
  const material = await subtle().importKey("raw", new Uint8Array(bytes), name, false, ["deriveKey"]);
  const records = await transact(["keys"], "readonly", (tx) => readKeys(tx, principal, "secret"));
  for (const { id, derivation, check = "" } of records) {
    if (derivation?.name !== name) continue;
    const key = await derive(material, derivation);
    const opens = await decryptAnswer(key, { principal, id }, check).then(() => true, () => false);
    if (opens) return ring().add(principal, id, key);
  }
  if (records.length && !replace) {
    throw new Locked("this is not the secret that was given before; to change it, pass {replace: true}");
  }
  const salt = crypto.getRandomValues(new Uint8Array(SECRET));
  /** @type {Derivation} */
  const derivation = isText ? { name: "PBKDF2", salt, iterations: ITERATIONS } : { name: "HKDF", salt };
  const key = await derive(material, derivation);
  const id = uuid();
  const check = await encryptAnswer(key, { principal, id }, CHECK);
  await transact(["keys"], "readwrite", async (tx) => {
    // Another page may have begun with another secret meanwhile: of two, the second was not checked against the first.
    const known = await readKeys(tx, principal, "secret");
    if (known.length !== records.length) throw new Locked("another page has given a secret meanwhile; unlock again");
    tx.objectStore("keys").add({ principal, id, made_at: now(), kind: "secret", derivation, check });
  });
  ring().add(principal, id, key);
}

/** Forgets the keys of one person that are made of secrets, in all pages and the worker. @param {string} principal */
export const lock = (principal) => ring().forget(principal);

/**
 * @param {CryptoKey} material
 * @param {Derivation} derivation
 */
function derive(material, derivation) {
  const parameters = { ...derivation, hash: "SHA-256", info: new TextEncoder().encode("pyqueue 1") };
  return subtle().deriveKey(parameters, material, AES, false, ["encrypt", "decrypt"]);
}
