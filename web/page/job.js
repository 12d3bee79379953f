/** A job, as it was when it was read. */

import { SETTLED } from "../vocabulary.js";
import { listen } from "./channel.js";
import { JobFailed, UnknownJob } from "./errors.js";
import { explain } from "./explain.js";
import { readJob, readSurroundings } from "./view.js";

/**
 * @typedef {import("./explain.js").Explanation} Explanation
 * @typedef {import("./records.js").JobRecord} JobRecord
 */

/** Milliseconds between two looks while someone waits: a page that was frozen may have missed a broadcast. */
const LOOK_AGAIN = 5000;

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
  get refusal() {
    return this.#record.refusal;
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
    const { id, task, payload, status, certainty, attempts, error, refusal } = this;
    const { orderingKey, idempotencyKey, createdAt, settledAt } = this;
    return {
      ...{ id, task, payload, status, certainty, attempts, error, refusal },
      ...{ orderingKey, idempotencyKey, createdAt, settledAt },
    };
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
        else if (isSettled(record.status)) throw new JobFailed(record);
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
    return Job.explainAsRead(this);
  }

  /**
   * The same for a job that was read just now, as those of a list were.
   *
   * @param {Job} job
   */
  static async explainAsRead(job) {
    const record = job.#record;
    return explain(record, await readSurroundings(record), job.#worker(), navigator.onLine);
  }
}

/** @param {import("./records.js").Status} status @returns {boolean} */
const isSettled = (status) => SETTLED.some((settled) => settled === status);

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
