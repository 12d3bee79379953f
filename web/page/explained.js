/** Jobs together with what they wait for. */

import { explain } from "./explain.js";
import { required } from "./follow.js";
import { readJobs } from "./list.js";
import { readExplained } from "./look.js";

/**
 * @typedef {import("./worker.js").WorkerState} WorkerState
 * @typedef {{record: import("./records.js").JobRecord, explanation?: import("./explain.js").Explanation}} Explained
 */

/**
 * @param {import("./list.js").Filter | undefined} filter
 * @param {WorkerState} worker
 * @returns {Promise<Explained[]>} `explanation`: if the filter asks for it
 */
export async function listJobs(filter, worker) {
  return (await readJobs(filter)).map(({ record, surroundings }) => ({
    record,
    explanation: surroundings && explain(record, surroundings, worker, navigator.onLine),
  }));
}

/**
 * @param {string} id
 * @param {number} seq the job's
 * @param {WorkerState} worker
 * @returns {Promise<Required<Explained>>}
 * @throws {import("./errors.js").UnknownJob}
 */
export async function explainJob(id, seq, worker) {
  const { record, surroundings = {} } = await required(id, readExplained(id, seq));
  return { record, explanation: explain(record, surroundings, worker, navigator.onLine) };
}
