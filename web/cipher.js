/**
 * AES-GCM over payloads and texts, for pages and the worker. An encrypted payload is stored as a pair, which no payload
 * of a site can be: what stays legible of it, and an envelope.
 *
 * @typedef {{[name: string]: any}} Payload
 * @typedef {object} Envelope
 * @property {1} v
 * @property {Uint8Array<ArrayBuffer> | Blob} data the ciphertext; of a payload that holds files, a `Blob`
 * @property {Uint8Array<ArrayBuffer>} [nonce] of AES-GCM: 12 random bytes
 * @property {string} [key] the id of the key that opens it, and of what hides the job's answers; absent: answers are
 *   kept as they are
 * @property {string} [server] the id of the server's key that it was sealed to: then `key` is of the answers alone
 *
 * @typedef {[clear: Payload, envelope: Envelope]} Encrypted
 * @typedef {"payload" | "answer"} Purpose
 * @typedef {{principal: string, id: string}} Whose the job's principal and id: with others' it does not open
 * @typedef {{path: (string | number)[], type: string, size: number, name?: string, lastModified?: number}} Packed a
 *   file: where it stands, and what it is called
 */

const NONCE = 12;

/** Bytes of the number that says how long the JSON is. */
const LENGTH = 4;

const encoder = new TextEncoder();

/** @param {any} payload @returns {payload is Encrypted} whether it is stored encrypted */
export const isEncrypted = (payload) => Array.isArray(payload);

/**
 * @param {CryptoKey} key
 * @param {string} id of the key
 * @param {Whose} whose
 * @param {Payload} payload may hold files where a payload may
 * @param {Payload} clear what stays legible
 * @returns {Promise<Encrypted>}
 */
export async function encryptPayload(key, id, whose, payload, clear) {
  const { bytes, hasFiles } = await packed(payload);
  const { nonce, data } = await encrypt(key, "payload", whose, bytes);
  return [clear, { v: 1, key: id, nonce, data: hasFiles ? new Blob([data]) : data }];
}

/**
 * @param {CryptoKey} key
 * @param {Whose} whose
 * @param {Envelope} envelope
 * @returns {Promise<Payload>} rejects if it is not what was encrypted for this job
 */
export async function decryptPayload(key, whose, { nonce, data }) {
  const bytes = data instanceof Blob ? new Uint8Array(await data.arrayBuffer()) : data;
  return unpacked(await decrypt(key, "payload", whose, /** @type {Uint8Array<ArrayBuffer>} */ (nonce), bytes));
}

/**
 * @param {CryptoKey} key
 * @param {Whose} whose
 * @param {string} text
 * @returns {Promise<string>} base64: it stands where a result, or an answer's body, would
 */
export async function encryptAnswer(key, whose, text) {
  const { nonce, data } = await encrypt(key, "answer", whose, encoder.encode(text));
  return btoa([...nonce, ...data].map((byte) => String.fromCharCode(byte)).join(""));
}

/**
 * @param {CryptoKey} key
 * @param {Whose} whose
 * @param {string} hidden of `encryptAnswer`
 * @returns {Promise<string>} rejects if it is not what was encrypted for this job
 */
export async function decryptAnswer(key, whose, hidden) {
  const bytes = Uint8Array.from(atob(hidden), (character) => character.charCodeAt(0));
  const text = await decrypt(key, "answer", whose, bytes.slice(0, NONCE), bytes.slice(NONCE));
  return new TextDecoder().decode(text);
}

/**
 * @param {CryptoKey} key
 * @param {Purpose} purpose
 * @param {Whose} whose
 * @param {Uint8Array<ArrayBuffer>} bytes
 */
async function encrypt(key, purpose, whose, bytes) {
  const nonce = crypto.getRandomValues(new Uint8Array(NONCE));
  const data = await crypto.subtle.encrypt(algorithm(purpose, whose, nonce), key, bytes);
  return { nonce, data: new Uint8Array(data) };
}

/**
 * @param {CryptoKey} key
 * @param {Purpose} purpose
 * @param {Whose} whose
 * @param {Uint8Array<ArrayBuffer>} nonce
 * @param {Uint8Array<ArrayBuffer>} data
 */
async function decrypt(key, purpose, whose, nonce, data) {
  return new Uint8Array(await crypto.subtle.decrypt(algorithm(purpose, whose, nonce), key, data));
}

/**
 * What is authenticated besides keeps records from being swapped: between jobs, people, payloads and answers.
 *
 * @param {Purpose} purpose
 * @param {Whose} whose
 * @param {Uint8Array<ArrayBuffer>} nonce
 */
const algorithm = (purpose, { principal, id }, nonce) => ({
  name: "AES-GCM",
  iv: nonce,
  additionalData: encoder.encode(JSON.stringify(["pyqueue", 1, purpose, principal, id])),
});

/**
 * A payload as bytes: how long the JSON is, the JSON of its fields and of what its files are called, then the files.
 *
 * @param {Payload} payload
 */
async function packed(payload) {
  /** @type {Blob[]} */
  const files = [];
  /** @type {Packed[]} */
  const places = [];
  /** @param {any} value @param {(string | number)[]} path @returns {any} */
  const withoutFiles = (value, path) => {
    if (value instanceof Blob) {
      files.push(value);
      const named = value instanceof File ? { name: value.name, lastModified: value.lastModified } : {};
      places.push({ path, type: value.type, size: value.size, ...named });
      return null;
    }
    if (Array.isArray(value)) return value.map((item, index) => withoutFiles(item, [...path, index]));
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, withoutFiles(part, [...path, name])]));
  };
  const head = encoder.encode(JSON.stringify({ payload: withoutFiles(payload, []), files: places }));
  const length = new Uint8Array(LENGTH);
  new DataView(length.buffer).setUint32(0, head.length);
  const whole = await new Blob([length, head, ...files]).arrayBuffer();
  return { bytes: new Uint8Array(whole), hasFiles: files.length > 0 };
}

/** @param {Uint8Array<ArrayBuffer>} bytes of `packed` @returns {Payload} */
function unpacked(bytes) {
  const end = LENGTH + new DataView(bytes.buffer).getUint32(0);
  /** @type {{payload: Payload, files: Packed[]}} */
  const { payload, files } = JSON.parse(new TextDecoder().decode(bytes.subarray(LENGTH, end)));
  let at = end;
  for (const { path, type, size, name, lastModified } of files) {
    const part = bytes.slice(at, at + size);
    at += size;
    const file = name === undefined ? new Blob([part], { type }) : new File([part], name, { type, lastModified });
    const holder = path.slice(0, -1).reduce((/** @type {any} */ value, key) => value[key], payload);
    // Not by assignment: a field may be called `__proto__`.
    Object.defineProperty(holder, /** @type {string} */ (path.at(-1)), {
      value: file,
      ...{ writable: true, enumerable: true, configurable: true },
    });
  }
  return payload;
}
