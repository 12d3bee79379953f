/** Looking whether there is work for the worker. */

import { result, transact } from "./database.js";
import { readMeta } from "./meta.js";

/** All keys that start with this word in an index on `[word, ...]`. @param {string} word */
export const startingWith = (word) => IDBKeyRange.bound([word], [word, []]);

/**
 * @typedef {object} Work
 * @property {boolean} commands the inbox is not empty
 * @property {boolean} sending a job is being sent, or was when its worker died
 * @property {boolean} waiting a job is pending, or gave up for lack of a network
 * @property {number} [due] when the first of the jobs whose turn it is may be sent
 * @property {boolean} failed some failed: a worker with newer tasks may be able to do them
 * @property {import("./records.js").Schedule} [schedule]
 */

/**
 * Whether waking the worker could do any good: booting Python for an empty queue would not.
 *
 * @returns {Promise<Work>}
 */
export function readWork() {
  return transact(["inbox", "jobs", "meta"], "readonly", async (tx) => {
    const jobs = tx.objectStore("jobs");
    const holds = async (/** @type {string} */ index, /** @type {string} */ word) =>
      (await result(jobs.index(index).getKey(startingWith(word)))) !== undefined;
    const [commands, sending, pending, unreached, failed, due, { schedule }] = await Promise.all([
      result(tx.objectStore("inbox").getAllKeys(null, 1)),
      holds("status", "sending"),
      holds("status", "pending"),
      holds("backoff", "network"),
      holds("status", "failed"),
      result(jobs.index("due").openKeyCursor()),
      readMeta(tx, "schedule"),
    ]);
    return {
      commands: commands.length > 0,
      sending,
      waiting: pending || unreached,
      failed,
      ...(due ? { due: /** @type {[number, number]} */ (due.key)[0] } : {}),
      ...(schedule ? { schedule } : {}),
    };
  });
}
