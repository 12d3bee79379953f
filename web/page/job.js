/** A job, as it was when it was read. */

import { views } from "./second.js";

/**
 * @typedef {import("./explain.js").Explanation} Explanation
 * @typedef {import("./records.js").JobRecord} JobRecord
 */

/** What a job's JSON has. */
const SEEN =
  "id task payload status certainty attempts error refusal orderingKey idempotencyKey createdAt settledAt sealed encryption explanation";

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

  /** Whether what was encrypted could be opened. */
  get encryption() {
    return this.#record.encryption;
  }

  /** What it waited for, or how it had ended, if that was asked for when it was read. */
  get explanation() {
    return this.#explanation;
  }

  /** What can be seen of it, as a plain object. */
  toJSON() {
    return Object.fromEntries(SEEN.split(" ").map((name) => [name, /** @type {any} */ (this)[name]]));
  }

  /**
   * Reads the job again.
   *
   * @returns {Promise<this>}
   * @throws {import("./errors.js").UnknownJob} it was pruned
   */
  async refresh() {
    const { readAgain } = await views();
    this.#record = await readAgain(this.id, this.#record.seq);
    this.#explanation = undefined;
    return this;
  }

  /**
   * Waits until the job has ended. A job that another stands for, by its unique key, ends as that one does.
   *
   * @returns {Promise<any>} what its task answered
   * @throws {import("./errors.js").JobFailed} it did not end `done`
   * @throws {import("./errors.js").UnknownJob} it was pruned
   */
  async result() {
    const { followToEnd } = await views();
    return followToEnd(this.id, (record) => {
      this.#record = record;
    });
  }

  /**
   * Reads the job again and says what it waits for, or how it ended.
   *
   * @returns {Promise<Explanation>} `message` for a person, `code` to branch on; `until` (Unix time in
   *   seconds) where the wait has an end, `behind` the id of the job that has to go first
   * @throws {import("./errors.js").UnknownJob} it was pruned
   */
  async explain() {
    const { explainJob } = await views();
    const { record, explanation } = await explainJob(this.id, this.#record.seq, this.#worker());
    this.#record = record;
    return (this.#explanation = explanation);
  }
}
