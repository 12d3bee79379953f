/**
 * Where the static files are. All that pages and the worker of one site share is named after that place: two sites of
 * one origin, each with files at a place of its own, never meet.
 */

/** @type {URL | undefined} */
let folder;

/**
 * Says where the static files are: first of all, by the page's entry and by the worker's.
 *
 * @param {string | URL} url of a file at their root, absolute
 */
export function mountAt(url) {
  folder = new URL("./", url);
}

/** @returns {string} the name of the database, the lock, the channel and the sync tag; the beginning of a cache's */
export const mount = () => `pyqueue:${known().pathname}`;

/**
 * The site's root, at which relative URLs begin. `location` does not tell it everywhere: that of a worker may be a
 * `blob:`, that of a frame `about:srcdoc`.
 *
 * @returns {string} absolute
 */
export const siteRoot = () => new URL("/", known()).href;

function known() {
  if (folder === undefined) throw new Error("nobody has said where pyqueue is mounted");
  return folder;
}
