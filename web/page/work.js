/** Looking whether there is work for the worker. */

import { result, transact } from "./database.js";
import { readPrincipal } from "./identity.js";
import { readMeta } from "./meta.js";

/** All keys of an index that start with these words. @param {string[]} words */
export const startingWith = (...words) => IDBKeyRange.bound(words, [...words, []]);

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
  return transact(["inbox", "jobs", "meta", "pages"], "readonly", async (tx) => {
    const jobs = tx.objectStore("jobs");
    const holds = async (/** @type {string} */ index, /** @type {string[]} */ ...words) =>
      (await result(jobs.index(index).getKey(startingWith(...words)))) !== undefined;
    // What others wrote waits until they sign in again.
    const principal = await readPrincipal(tx);
    const [commands, sending, pending, unreached, failed, due, { schedule }] = await Promise.all([
      result(tx.objectStore("inbox").getAllKeys(null, 1)),
      holds("status", "sending"),
      holds("mine", principal, "pending"),
      holds("backoff", "network"),
      holds("status", "failed"),
      result(jobs.index("due").openKeyCursor(startingWith(principal))),
      readMeta(tx, "schedule"),
    ]);
    const at = /** @type {[string, number, number] | undefined} */ (due?.key)?.[1];
    return {
      commands: commands.length > 0,
      sending,
      waiting: pending || unreached,
      failed,
      // What is no time sorts behind all times.
      due: Number.isFinite(at) ? at : undefined,
      schedule,
    };
  });
}
