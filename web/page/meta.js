/** Reading the worker's named values. */

import { result } from "./database.js";

/**
 * @typedef {import("./records.js").Meta} Meta
 *
 * @param {IDBTransaction} tx
 * @param {(keyof Meta)[]} names
 * @returns {Promise<Meta>}
 */
export async function readMeta(tx, ...names) {
  return named(await Promise.all(names.map((name) => result(tx.objectStore("meta").get(name)))));
}

/**
 * @param {{name: string, value: any}[]} records `undefined` where there is none
 * @returns {{[name: string]: any}} their values. Any script of the site may write them: what is no object is absent,
 *   and of the others each reader checks what it needs.
 */
export const named = (records) =>
  Object.fromEntries(records.flatMap((one) => (one?.value instanceof Object ? [[one.name, one.value]] : [])));
