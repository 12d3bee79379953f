/** Reading named values: the worker's in `meta`, and the pages' own. */

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

/**
 * @param {IDBTransaction} tx over `pages`
 * @returns {Promise<import("./records.js").Tally | undefined>} enqueues ever appended to the inbox
 */
export async function readAppended(tx) {
  return (await result(tx.objectStore("pages").get("appended")))?.value;
}
