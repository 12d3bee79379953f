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
  const records = await Promise.all(names.map((name) => result(tx.objectStore("meta").get(name))));
  return Object.fromEntries(records.flatMap((record) => (record ? [[record.name, record.value]] : [])));
}
