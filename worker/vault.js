/** Opens what pages have encrypted, and encrypts what comes back, for Python's `Vault`. Nothing here rejects. */

import { decryptPayload, encryptAnswer } from "../web/cipher.js";
import { keyOf, Ring, WHY } from "../web/keys.js";
import { openDatabase } from "../web/schema.js";
import { answer } from "./answer.js";
import { NAME } from "./mount.js";

/** @typedef {import("../web/cipher.js").Envelope} Envelope */

/** @type {Ring | undefined} */
let held;
const ring = () => (held ??= new Ring(NAME));

// From the start: a page gives its key when it is unlocked, not when it is needed.
if (typeof BroadcastChannel !== "undefined") ring();

/** @type {Promise<IDBDatabase> | undefined} */
let opening;

/**
 * The payload as the site gave it.
 *
 * @param {Envelope} envelope
 * @param {string} principal
 * @param {string} id of the job
 * @returns {Promise<import("./answer.js").Answer>} a failure's name is `locked`, `key_lost` or `damaged`
 */
export const openPayload = (envelope, principal, id) =>
  answer(async () => {
    const key = await find(envelope, principal);
    if (typeof key === "string") throw refusal(key);
    return decryptPayload(key, { principal, id }, envelope).catch(() => {
      throw refusal("damaged");
    });
  });

/**
 * A text, for whoever can read the job's payload.
 *
 * @param {Envelope} envelope
 * @param {string} principal
 * @param {string} id of the job
 * @param {string} text
 * @returns {Promise<import("./answer.js").Answer>} fails where the key is not at hand any more
 */
export const hideAnswer = (envelope, principal, id, text) =>
  answer(async () => {
    const key = await find(envelope, principal);
    if (typeof key === "string") throw refusal(key);
    return encryptAnswer(key, { principal, id }, text);
  });

/** @param {string} name */
const refusal = (name) => Object.assign(new Error(WHY[name]), { name });

/**
 * Reads the key each time: once it is deleted, it is not used any more.
 *
 * @param {Envelope} envelope
 * @param {string} principal
 */
async function find({ key = "" }, principal) {
  const record = await read([principal, key]);
  return keyOf(record, ring);
}

/** @param {[principal: string, id: string]} key @returns {Promise<import("../web/keys.js").KeyRecord | undefined>} */
async function read(key) {
  opening ??= openDatabase(() => (opening = undefined));
  try {
    const reading = (await opening).transaction("keys").objectStore("keys").get(key);
    return await new Promise((resolve, reject) => {
      reading.onsuccess = () => resolve(reading.result);
      reading.onerror = () => reject(reading.error);
    });
  } catch (error) {
    opening = undefined; // The connection was closed under us: the next attempt opens another.
    throw error;
  }
}
