/** Who is signed in, as all pages know. What is shown is that person's only, on every page. */

import { result } from "./database.js";

/** The principal of what is written while nobody is signed in. */
export const NOBODY = "";

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
