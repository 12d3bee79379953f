/**
 * Who is signed in, as this page was told, by its script tag or by `identify`: whose its writes are. A page that was not
 * told goes by what another was told last.
 */

import { MAX_KEY } from "../vocabulary.js";
import { InvalidPayload } from "./errors.js";
import { NOBODY } from "./identity.js";
import { isPrincipal, shown } from "./text.js";

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
  if (!id || !isPrincipal(id)) {
    throw new InvalidPayload(`${shown(user)} is no user's id: give null, or 1 to ${MAX_KEY} characters`);
  }
  return hash ? digestOf(id) : id;
}

/** @param {string} id @returns {Promise<string>} as `pyqueue.server.principals.hashed` makes it */
async function digestOf(id) {
  const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(`pyqueue:${id}`));
  return `sha256:${[...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}
