/** A job, as it was when it was read. */

import { SETTLED } from "../vocabulary.js";
import { listen } from "./channel.js";
import { JobFailed, UnknownJob } from "./errors.js";
import { views } from "./second.js";

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
   * @param {Explanation} [explanation] if it was read together with it
   */
  constructor(record, worker, explanation) {
    this.#record = record;
    this.#worker = worker;
    this.#explanation = explanation;
  }

  #record;
  #worker;
  /** @type {{of: JobRecord, copy: any} | undefined} */
  #payload;
  /** @type {Explanation | undefined} */
  #explanation;

  get id() {
    return this.#record.id;
  }
  get task() {
    return this.#record.task;
  }
  /** @returns {import("./records.js").Payload} */
  get payload() {
    // A record may be shared with other handles: what is done to one's payload must not change the others'.
    if (this.#payload?.of !== this.#record) {
      this.#payload = { of: this.#record, copy: structuredClone(this.#record.payload) };
    }
    return this.#payload.copy;
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

  get sealed() {
    return this.#record.sealed ?? false;
  }

  /** What it waited for, or how it had ended, if that was asked for when it was read. */
  get explanation() {
    return this.#explanation;
  }

  /** What can be seen of it, as a plain object. */
  toJSON() {
    const { id, task, payload, status, certainty, attempts, error, refusal } = this;
    const { orderingKey, idempotencyKey, createdAt, settledAt, sealed, explanation } = this;
    return {
      ...{ id, task, payload, status, certainty, attempts, error, refusal },
      ...{ orderingKey, idempotencyKey, createdAt, settledAt, sealed, explanation },
    };
  }

  /**
   * Reads the job again.
   *
   * @returns {Promise<this>}
   * @throws {UnknownJob} it was pruned
   */
  async refresh() {
    const { readJob } = await views();
    this.#record = await found(this.id, readJob(this.id, this.#record.seq));
    this.#explanation = undefined;
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
    const { readJob } = await views();
    let { id } = this;
    while (true) {
      // Listened for before it is read: what changes in between is news.
      const news = changed(id);
      try {
        const record = await found(id, readJob(id));
        if (id === this.id) this.#record = record;
        if (record.superseded_by !== undefined) id = record.superseded_by;
        else if (record.status === "done") return structuredClone(record.result);
        else if (isSettled(record.status)) throw new JobFailed(record);
        else await news.come;
      } finally {
        news.stop();
      }
    }
  }

  /**
   * Reads the job again and says what it waits for, or how it ended.
   *
   * @returns {Promise<Explanation>} `message` for a person, `code` to branch on; `until` (Unix time in
   *   seconds) where the wait has an end, `behind` the id of the job that has to go first
   * @throws {UnknownJob} it was pruned
   */
  async explain() {
    const { explain, readExplained } = await views();
    const { record, surroundings = {} } = await found(this.id, readExplained(this.id, this.#record.seq));
    this.#record = record;
    this.#explanation = explain(record, surroundings, this.#worker(), navigator.onLine);
    return this.#explanation;
  }
}

/** @param {import("./records.js").Status} status @returns {boolean} */
const isSettled = (status) => SETTLED.some((settled) => settled === status);

/**
 * @template T
 * @param {string} id
 * @param {Promise<T | undefined>} reading
 * @returns {Promise<T>}
 * @throws {UnknownJob}
 */
async function found(id, reading) {
  const read = await reading;
  if (!read) throw new UnknownJob(`there is no job ${id}: it was never enqueued, or its retention is over`);
  return read;
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
