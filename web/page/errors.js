/**
 * What the queue throws. Branch on the class or on `name`; the message names the value and the remedy. The names are
 * written out: those of the classes themselves are shortened when the script is built.
 */

export class PyqueueError extends Error {
  name = "PyqueueError";
}

/** The payload is over the limit for one job. Nothing was written. */
export class PayloadTooLarge extends PyqueueError {
  name = "PayloadTooLarge";
}

/** The jobs not yet delivered have reached the queue's limit. Nothing was written. */
export class QueueFull extends PyqueueError {
  name = "QueueFull";
}

/** The browser has no room left for this site. Nothing was written. */
export class QuotaExceeded extends PyqueueError {
  name = "QuotaExceeded";
}

/** The payload, or an option, is not something that can be stored and sent. Nothing was written. */
export class InvalidPayload extends PyqueueError {
  name = "InvalidPayload";
}

/** The site declares no task of this name. Nothing was written. */
export class UnknownTask extends PyqueueError {
  name = "UnknownTask";
}

/** This place has no IndexedDB, or refuses it. */
export class NotSupported extends PyqueueError {
  name = "NotSupported";
}

/** The database refused a transaction. Nothing was written. */
export class StoreError extends PyqueueError {
  name = "StoreError";
}

/** The secret that encrypts was not given, or is another one. Nothing was written. */
export class Locked extends PyqueueError {
  name = "Locked";
}

/** There is no job with this id: it never was, or its retention is over. */
export class UnknownJob extends PyqueueError {
  name = "UnknownJob";
}

/** The job did not end `done`. */
export class JobFailed extends PyqueueError {
  name = "JobFailed";

  /** @param {import("./records.js").JobRecord} record the job as it ended */
  constructor(record) {
    super(`job ${record.id} ended ${record.status}: ${record.error?.message ?? "no reason was kept"}`);
    /** How it ended: `failed`, `cancelled` or `expired`. */
    this.status = record.status;
    /** Why. */
    this.error = record.error;
  }
}
