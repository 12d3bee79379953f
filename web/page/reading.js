/** The transactions of views.js. Being a script of its own, it is given the page's, and with them its one connection. */

/** @type {typeof import("./database.js").transact} */
export let transact;

/** @param {typeof transact} given called before anything is read */
export function readWith(given) {
  transact = given;
}
