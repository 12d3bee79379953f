/** Following a job until it has ended, and requiring that there is one. */

import { SETTLED } from "../vocabulary.js";
import { result } from "./database.js";
import { NOBODY } from "./identity.js";
import { readJob } from "./look.js";
import { JobFailed, listen, Locked, UnknownJob } from "./shared.js";
import { shown } from "./text.js";

/** @typedef {import("./records.js").JobRecord} JobRecord */

/** Milliseconds between two looks while someone waits: a page that was frozen may have missed a broadcast. */
const LOOK_AGAIN = 5000;

/**
 * Waits until a job has ended. One that another stands for, by its unique key, ends as that one does.
 *
 * @param {string} id
 * @param {(record: JobRecord) => void} see is given each record of this very job
 * @returns {Promise<any>} what its task answered
 * @throws {import("./errors.js").JobFailed} it did not end `done`
 * @throws {import("./errors.js").UnknownJob} it was pruned
 * @throws {import("./errors.js").Locked} the result is encrypted, and cannot be opened here
 */
export async function followToEnd(id, see) {
  let followed = id;
  while (true) {
    // Listened for before it is read: what changes in between is news.
    const news = changed(followed);
    try {
      const record = await required(followed, readJob(followed));
      if (followed === id) see(record);
      if (record.superseded_by !== undefined) followed = record.superseded_by;
      else if (record.withheld) throw new Locked(`the result of job ${followed} cannot be read: ${record.withheld}`);
      else if (record.status === "done") return structuredClone(record.result);
      else if (SETTLED.some((settled) => settled === record.status)) throw new JobFailed(record);
      else await news.come;
    } finally {
      news.stop();
    }
  }
}

/**
 * @param {string} id
 * @param {number} seq the job's
 * @returns {Promise<JobRecord>}
 * @throws {import("./errors.js").UnknownJob}
 */
export const readAgain = (id, seq) => required(id, readJob(id, seq));

/**
 * @template T
 * @param {string} id
 * @param {Promise<T | undefined>} reading
 * @returns {Promise<T>}
 * @throws {import("./errors.js").UnknownJob}
 */
export async function required(id, reading) {
  const read = await reading;
  if (!read) throw new UnknownJob(`there is no job ${id}: it was never enqueued, or its retention is over`);
  return read;
}

/**
 * @param {IDBTransaction} tx over `jobs` and `inbox`
 * @param {unknown} id
 * @param {string} [principal] whose it has to be
 * @returns {Promise<{task?: string}>} the job, or the command that makes it
 * @throws {import("./errors.js").UnknownJob} no job of theirs has it
 */
export async function requireJob(tx, id, principal = NOBODY) {
  if (typeof id === "string") {
    const record = await result(tx.objectStore("jobs").index("id").get(id));
    const waiting = record ? [record] : await result(tx.objectStore("inbox").getAll());
    const found = waiting.find((one) => one?.id === id && (record || one.type === "enqueue"));
    if (found && (found.principal ?? NOBODY) === principal) return found;
  }
  throw new UnknownJob(`there is no job ${shown(id)}`);
}

/**
 * Listens for news of a job.
 *
 * @param {string} id
 * @returns {{come: Promise<void>, stop: () => void}} `come` resolves when there may be some
 */
function changed(id) {
  let stop = () => {};
  /** @type {Promise<void>} */
  const come = new Promise((resolve) => {
    const unlisten = listen((change) => {
      if (change.jobs?.some((job) => job.id === id)) resolve();
    });
    const timer = setTimeout(resolve, LOOK_AGAIN);
    stop = () => {
      unlisten();
      clearTimeout(timer);
    };
  });
  return { come, stop };
}
