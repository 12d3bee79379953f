/** What the explanations of jobs need besides their records. */

import { result } from "./database.js";
import { readMeta } from "./meta.js";
import { believed, isJob } from "./shapes.js";

/**
 * @typedef {import("./records.js").JobRecord} JobRecord
 * @typedef {import("./records.js").Meta & {head?: JobRecord}} Surroundings `head`: the first job of its ordering key
 */

/**
 * Reads what surrounds jobs that were read in the same transaction: each ordering key that is concerned once.
 *
 * @param {IDBTransaction} tx over `jobs` and `meta`
 * @param {JobRecord[]} records
 * @returns {Promise<(record: JobRecord) => Surroundings>}
 */
export async function readSurroundings(tx, records) {
  // Only the first job of a key has a time at which it is due: such a one is its own head.
  const behind = records.filter(({ status, due }) => status === "pending" && due === undefined);
  const keys = [...new Set(behind.flatMap(({ open_key }) => (open_key === undefined ? [] : [open_key])))];
  const order = tx.objectStore("jobs").index("order");
  const [named, ...heads] = await Promise.all([
    readMeta(tx, "holds", "outage"),
    ...keys.map((key) => result(order.get(IDBKeyRange.bound([key], [key, []])))),
  ]);
  const meta = believed(named);
  const headOf = new Map(keys.map((key, position) => [key, isJob(heads[position]) ? heads[position] : undefined]));
  return ({ open_key, due }) => ({
    ...meta,
    head: open_key === undefined || due !== undefined ? undefined : headOf.get(open_key),
  });
}
