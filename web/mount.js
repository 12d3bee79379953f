/**
 * The name that all carries which pages and the worker of one site share: two sites of one origin, each with the static
 * files at a place of its own, never meet.
 */

/** @type {string | undefined} */
let name;

/**
 * Says where the static files are: first of all, by the page's entry and by the worker's.
 *
 * @param {string | URL} url of a file at their root, absolute
 */
export function mountAt(url) {
  name = `pyqueue:${new URL("./", url).pathname}`;
}

/** @returns {string} the name of the database, the lock, the channel and the sync tag; the beginning of a cache's */
export function mount() {
  if (name === undefined) throw new Error("nobody has said where pyqueue is mounted");
  return name;
}
