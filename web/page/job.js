/** A job, as it was when it was read. */

import { JobFailed, UnknownJob } from "./errors.js";
import { listen } from "./channel.js";
import { now } from "./records.js";
import { readJob, readSurroundings } from "./view.js";

/**
 * @typedef {import("./records.js").JobRecord} JobRecord
 * @typedef {{code: string, message: string, until?: number, behind?: string}} Explanation
 */

/** Milliseconds between two looks while someone waits: a page that was frozen may have missed a broadcast. */
const LOOK_AGAIN = 5000;

const SETTLED = new Set(["done", "failed", "cancelled", "expired"]);

export class Job {
  /**
   * @param {JobRecord} record
   * @param {() => import("./worker.js").WorkerState} worker says how the worker is
   */
  constructor(record, worker) {
    this.#record = record;
    this.#worker = worker;
  }

  #record;
  #worker;

  get id() {
    return this.#record.id;
  }
  get task() {
    return this.#record.task;
  }
  get payload() {
    return this.#record.payload;
  }
  get status() {
    return this.#record.status;
  }
  get certainty() {
    return this.#record.certainty;
  }
  get attempts() {
    return this.#record.attempts;
  }
  get error() {
    return this.#record.error;
  }
  get orderingKey() {
    return this.#record.ordering_key;
  }
  get idempotencyKey() {
    return this.#record.idempotency_key;
  }
  get createdAt() {
    return this.#record.created_at;
  }
  get settledAt() {
    return this.#record.settled_at;
  }

  /** What can be seen of it, as a plain object. */
  toJSON() {
    const { id, task, payload, status, certainty, attempts, error, orderingKey, createdAt, settledAt } = this;
    return { id, task, payload, status, certainty, attempts, error, orderingKey, createdAt, settledAt };
  }

  /**
   * Reads the job again.
   *
   * @returns {Promise<this>}
   * @throws {UnknownJob} it was pruned
   */
  async refresh() {
    this.#record = await read(this.id);
    return this;
  }

  /**
   * Waits until the job has ended. A job that another stands for, by its unique key, ends as that one does.
   *
   * @returns {Promise<any>} what its task answered
   * @throws {JobFailed} it did not end `done`
   * @throws {UnknownJob} it was pruned
   */
  async result() {
    let { id } = this;
    while (true) {
      // Listened for before it is read: what changes in between is news.
      const news = changed(id);
      try {
        const record = await read(id);
        if (id === this.id) this.#record = record;
        if (record.superseded_by !== undefined) id = record.superseded_by;
        else if (record.status === "done") return record.result;
        else if (SETTLED.has(record.status)) throw new JobFailed(record);
        else await news.come;
      } finally {
        news.stop();
      }
    }
  }

  /**
   * Says what the job waits for, or how it ended.
   *
   * @returns {Promise<Explanation>} `message` for a person, `code` to branch on; `until` (Unix time in
   *   seconds) where the wait has an end, `behind` the id of the job that has to go first
   */
  async explain() {
    await this.refresh();
    const record = this.#record;
    const surroundings = await readSurroundings(record);
    return explain(record, surroundings, this.#worker(), navigator.onLine);
  }
}

/** @param {string} id */
async function read(id) {
  const record = await readJob(id);
  if (!record) throw new UnknownJob(`there is no job ${id}: it was never enqueued, or its retention is over`);
  return record;
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

/**
 * @param {JobRecord} record
 * @param {{holds: import("./records.js").Holds, head?: JobRecord}} surroundings
 * @param {import("./worker.js").WorkerState} worker
 * @param {boolean} online
 * @returns {Explanation}
 */
export function explain(record, { holds, head }, worker, online) {
  const why = record.error?.message;
  switch (record.status) {
    case "done":
      return { code: "done", message: "Saved on the server." };
    case "sending":
      return { code: "sending", message: "Being sent now." };
    case "failed":
      return { code: "failed", message: why ?? "The server refused it." };
    case "cancelled":
    case "expired":
      return { code: record.status, message: why ?? `It was ${record.status}.` };
  }
  for (const kind of ["control", "paused"]) {
    if (holds[kind]) return { code: kind, message: `The queue is paused: ${holds[kind].reason}` };
  }
  if (holds.unauthorized) return { code: "unauthorized", message: "Waits until you sign in again." };
  if (worker.state === "failed") {
    return { code: "worker_failed", message: `The worker cannot start: ${worker.error?.message ?? "unknown"}` };
  }
  if (!online) return { code: "offline", message: "Saved here; it is sent when there is a network." };
  if (record.waits_for_worker) return { code: "not_admitted", message: "Saved here; the worker is starting." };
  if (head && head.seq !== record.seq) {
    const message = head.status === "failed" ? "one that needs attention" : "an earlier one";
    return { code: "behind", message: `Waits for ${message} of ${record.ordering_key}.`, behind: head.id };
  }
  const until = record.due ?? record.not_before;
  if (until !== undefined && until > now()) {
    const seconds = Math.ceil(until - now());
    if (!record.error) return { code: "delayed", message: `Is sent in ${seconds} s, as asked.`, until };
    const message = `Attempt ${record.attempts} did not succeed (${why}); next in ${seconds} s.`;
    return { code: "backoff", message, until };
  }
  return { code: "due", message: "Is sent next." };
}
