/**
 * Whose the writes are. A page is told who is signed in, by its script tag or by `identify`; one that was not told
 * goes by what another page was told last. What is shown is that person's only, on every page.
 */

import { MAX_KEY } from "../vocabulary.js";
import { result } from "./database.js";
import { InvalidPayload } from "./errors.js";
import { shown } from "./text.js";

/** The principal of what is written while nobody is signed in. */
export const NOBODY = "";

/** @type {string | Promise<string> | undefined} what this page was told */
let told;

/** @param {string | Promise<string>} principal */
export const tell = (principal) => {
  told = principal;
};

/** @returns {string | Promise<string> | undefined} the principal that this page was told; `undefined`: none */
export const toldPrincipal = () => told;

/**
 * @param {unknown} user a stable id; `null`: nobody
 * @param {{hash?: boolean}} [options] `hash`: only a digest of the id is stored and sent
 * @returns {string | Promise<string>} the principal
 * @throws {InvalidPayload}
 */
export function principalOf(user, { hash } = {}) {
  if (user === null) return NOBODY;
  const id = Number.isSafeInteger(user) ? String(user) : user;
  if (typeof id !== "string" || !id || id.length > MAX_KEY || /\p{Cc}|\p{Cs}/u.test(id)) {
    throw new InvalidPayload(`${shown(user)} is no user's id: give null, or 1 to ${MAX_KEY} characters`);
  }
  return hash ? digestOf(id) : id;
}

/** @param {string} id @returns {Promise<string>} as `pyqueue.server.principals.hashed` makes it */
async function digestOf(id) {
  const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(`pyqueue:${id}`));
  return `sha256:${[...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

/**
 * @typedef {{appended?: import("./records.js").Tally, identity?: {principal: string}}} Pages what pages have noted
 *
 * @param {IDBTransaction} tx over `pages`
 * @returns {Promise<Pages>}
 */
export async function readPages(tx) {
  const records = await result(tx.objectStore("pages").getAll());
  return Object.fromEntries(records.map(({ name, value }) => [name, value]));
}

/**
 * @param {IDBTransaction} tx over `pages`
 * @returns {Promise<string>} who is signed in: whose jobs are shown
 */
export async function readPrincipal(tx) {
  return (await readPages(tx)).identity?.principal ?? NOBODY;
}

/**
 * A key as one principal's own; as `pyqueue._principal.scoped`.
 *
 * @param {string} principal
 * @param {string} key
 */
export const scoped = (principal, key) =>
  principal === NOBODY && !key.includes("\n") ? key : `${principal}\n${key}`;
