/** Jobs as whoever is signed in may read them: what is encrypted is opened, if its key is at hand. */

import { decryptAnswer, decryptPayload, isEncrypted } from "../cipher.js";
import { WHY } from "../keys.js";
import { NOBODY } from "./identity.js";
import { keyToDecrypt } from "./key-store.js";

/**
 * @typedef {import("../keys.js").Found} Found
 * @typedef {import("./records.js").JobRecord} JobRecord
 * @typedef {import("./list.js").Listed} Listed
 */

/**
 * @param {Listed[]} listed
 * @returns {Promise<Listed[]>} the same, or copies of those that were encrypted
 */
export async function decryptAll(listed) {
  /** By principal and id: each is looked for once. @type {Map<string, Promise<Found>>} */
  const keys = new Map();
  const find = (/** @type {string} */ principal, /** @type {string} */ id) => {
    const name = JSON.stringify([principal, id]);
    const key = keys.get(name) ?? keyToDecrypt(principal, id);
    keys.set(name, key);
    return key;
  };
  return Promise.all(
    listed.map(async (one) => (isEncrypted(one.record.payload) ? { ...one, record: await decrypt(one.record, find) } : one)),
  );
}

/**
 * @param {JobRecord} record
 * @param {(principal: string, id: string) => Promise<Found>} find
 * @returns {Promise<JobRecord>}
 */
async function decrypt(record, find) {
  const [clear, envelope] = /** @type {import("../cipher.js").Encrypted} */ (/** @type {unknown} */ (record.payload));
  const whose = { principal: record.principal ?? NOBODY, id: record.id };
  const isSealed = envelope.server !== undefined;
  const key = envelope.key === undefined ? undefined : await find(whose.principal, envelope.key);
  /** @type {JobRecord} */
  const known = { ...record, payload: clear, encryption: isSealed ? "server" : "open" };
  if (key === undefined) return known;
  if (typeof key === "string") return closed(known, isSealed ? "server" : key, key);
  try {
    if (!isSealed) known.payload = await decryptPayload(key, whose, envelope);
    if (typeof record.result === "string") known.result = JSON.parse(await decryptAnswer(key, whose, record.result));
    if (record.error?.body !== undefined) {
      const { said, message, body } = JSON.parse(await decryptAnswer(key, whose, record.error.body));
      // What the worker has added stays: after how many attempts it gave up, say.
      known.error = { ...record.error, message: record.error.message.replace(said, () => message), body: body ?? undefined };
    }
    return known;
  } catch {
    return closed({ ...known, payload: clear }, "damaged", "damaged");
  }
}

/**
 * @param {JobRecord} record
 * @param {JobRecord["encryption"]} encryption
 * @param {string} why
 * @returns {JobRecord} without what cannot be read
 */
function closed({ result, error, ...record }, encryption, why) {
  const legible = error && { ...error, body: undefined };
  const withheld = result === undefined ? {} : { withheld: WHY[why] };
  return { ...record, ...(legible && { error: legible }), ...withheld, encryption };
}
