/** What the queue throws. Branch on the class or on `name`; the message names the value and the remedy. */

export class PyqueueError extends Error {
  /**
   * @param {string} message
   * @param {ErrorOptions} [options]
   */
  constructor(message, options) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** The payload is over the limit for one job. Nothing was written. */
export class PayloadTooLarge extends PyqueueError {}

/** The jobs not yet delivered have reached the queue's limit. Nothing was written. */
export class QueueFull extends PyqueueError {}

/** The browser has no room left for this site. Nothing was written. */
export class QuotaExceeded extends PyqueueError {}

/** The payload, or an option, is not something that can be stored and sent. Nothing was written. */
export class InvalidPayload extends PyqueueError {}

/** The site declares no task of this name. Nothing was written. */
export class UnknownTask extends PyqueueError {}

/** This place has no IndexedDB, or refuses it. */
export class NotSupported extends PyqueueError {}

/** The database refused a transaction. Nothing was written. */
export class StoreError extends PyqueueError {}

/** There is no job with this id: it never was, or its retention is over. */
export class UnknownJob extends PyqueueError {}

/** The job did not end `done`. */
export class JobFailed extends PyqueueError {
  /** @param {import("./records.js").JobRecord} record the job as it ended */
  constructor(record) {
    super(`job ${record.id} ended ${record.status}: ${record.error?.message ?? "no reason was kept"}`);
    /** How it ended: `failed`, `cancelled` or `expired`. */
    this.status = record.status;
    /** Why. */
    this.error = record.error;
  }
}
