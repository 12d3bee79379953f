/**
 * The keys of encrypted payloads. One that the browser made is stored, and cannot be read; one that is made of a secret
 * is not: pages and the worker hold it in memory, and tell each other.
 */

/**
 * @typedef {object} KeyRecord of the store `keys`, by `[principal, id]`
 * @property {string} principal whose it is
 * @property {string} id
 * @property {number} made_at Unix time in seconds; the newest of its kind is for what is written now
 * @property {import("./vocabulary.js").Encryption} kind
 * @property {CryptoKey} [key] of kind `device`
 * @property {Derivation} [derivation] of kind `secret`
 * @property {string} [check] of kind `secret`: opens with the right key alone
 *
 * @typedef {{name: "PBKDF2", salt: Uint8Array<ArrayBuffer>, iterations: number} |
 *   {name: "HKDF", salt: Uint8Array<ArrayBuffer>}} Derivation how the key comes of the secret
 * @typedef {CryptoKey | "locked" | "key_lost"} Found
 */

/** Milliseconds within which somebody who holds a key gives it. */
const PATIENCE = 500;

/** Milliseconds after which the others are asked again: whoever has a key later gives it unasked. */
const AGAIN = 10_000;

/** Keys made of secrets. */
export class Ring {
  /** @param {string} name of the queue */
  constructor(name) {
    this.#channel = new BroadcastChannel(`${name} keys`);
    this.#channel.onmessage = ({ data: { type, principal, keys } }) => this.#hear(type, principal, keys);
  }

  #channel;
  /** By principal and id. @type {Map<string, Map<string, CryptoKey>>} */
  #keys = new Map();
  /** By principal, when the others were asked last. @type {Map<string, {at: number, given: Promise<unknown>}>} */
  #asked = new Map();
  /** Called whenever keys were given. @type {Set<() => void>} */
  #waiting = new Set();

  /**
   * @param {string} principal
   * @param {string} id
   * @returns {Promise<CryptoKey | undefined>} whoever holds it is asked for it
   */
  async find(principal, id) {
    const held = () => this.#keys.get(principal)?.get(id);
    if (!held()) await this.#ask(principal);
    return held();
  }

  /** @param {string} principal */
  #ask(principal) {
    const last = this.#asked.get(principal);
    const at = performance.now();
    if (last && at < last.at + AGAIN) return last.given;
    const given = new Promise((/** @type {(value?: unknown) => void} */ resolve) => {
      this.#waiting.add(resolve);
      setTimeout(() => {
        this.#waiting.delete(resolve);
        resolve();
      }, PATIENCE);
    });
    this.#asked.set(principal, { at, given });
    this.#channel.postMessage({ type: "asked", principal });
    return given;
  }

  /** Holds a key, and gives it to all others. @param {string} principal @param {string} id @param {CryptoKey} key */
  add(principal, id, key) {
    this.#hear("given", principal, [[id, key]]);
    this.#channel.postMessage({ type: "given", principal, keys: [[id, key]] });
  }

  /** Forgets one person's keys, here and everywhere. @param {string} principal */
  forget(principal) {
    this.#keys.delete(principal);
    this.#channel.postMessage({ type: "forgotten", principal });
  }

  /**
   * @param {"asked" | "given" | "forgotten"} type
   * @param {string} principal
   * @param {[id: string, key: CryptoKey][]} [keys]
   */
  #hear(type, principal, keys = []) {
    const held = this.#keys.get(principal);
    if (type === "forgotten") this.#keys.delete(principal);
    else if (type === "given") {
      this.#keys.set(principal, new Map([...(held ?? []), ...keys]));
      for (const resolve of this.#waiting) resolve();
      this.#waiting.clear();
    } else if (held) this.#channel.postMessage({ type: "given", principal, keys: [...held] });
  }
}

/**
 * @param {KeyRecord | undefined} record as it is stored
 * @param {() => Ring} ring
 * @returns {Promise<Found>}
 */
export async function keyOf(record, ring) {
  if (!record) return "key_lost";
  if (record.kind === "device") return record.key ?? "key_lost";
  return (await ring().find(record.principal, record.id)) ?? "locked";
}

/** What a person is told of a job that cannot be opened. @type {{[found: string]: string}} */
export const WHY = {
  locked: "it is encrypted, and nobody has given the secret that opens it; call pyqueue.unlock(secret)",
  key_lost: "it is encrypted, and its key is gone: nobody can read it any more",
  damaged: "it is encrypted, and its record was changed since it was written",
};
