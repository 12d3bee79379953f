/** Who is signed in, as all pages know. What is shown is that person's only, on every page. */

import { result } from "./database.js";
import { named } from "./meta.js";
import { isPrincipal } from "./text.js";

/** The principal of what is written while nobody is signed in. */
export const NOBODY = "";

/**
 * @typedef {{appended?: import("./records.js").Tally, identity?: {principal: string}}} Pages what pages have noted
 *
 * @param {IDBTransaction} tx over `pages`
 * @returns {Promise<Pages>}
 */
export async function readPages(tx) {
  const pages = named(await result(tx.objectStore("pages").getAll()));
  if (!isPrincipal(pages.identity?.principal)) delete pages.identity;
  return pages;
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
