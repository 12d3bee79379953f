/**
 * The types of what is stored; docs/architecture.md describes every field.
 *
 * @typedef {"pending" | "sending" | "done" | "failed" | "cancelled" | "expired"} Status
 * @typedef {"never_sent" | "maybe_applied" | "applied" | "rejected"} Certainty
 * @typedef {{code: string, message: string, status?: number, body?: string}} JobError
 * @typedef {{[name: string]: any}} Payload
 *
 * @typedef {object} JobRecord
 * @property {number} seq
 * @property {string} id
 * @property {string} [task]
 * @property {Payload} payload
 * @property {number} bytes
 * @property {Status} status
 * @property {Certainty} certainty
 * @property {string} [ordering_key]
 * @property {string} [open_key]
 * @property {number} [due]
 * @property {number} [not_before]
 * @property {number} created_at
 * @property {number} [expires_at]
 * @property {number} [settled_at]
 * @property {string} idempotency_key
 * @property {number} attempts
 * @property {any} [result]
 * @property {JobError} [error]
 * @property {string} [superseded_by]
 * @property {boolean} [waits_for_worker] true of a job that is still a command in the inbox
 *
 * @typedef {object} CommandOptions
 * @property {string | null} [ordering_key]
 * @property {string} [idempotency_key]
 * @property {string} [unique_key]
 * @property {"keep" | "replace"} [on_conflict]
 * @property {number} [delay]
 * @property {number} [expires]
 * @property {number} [timeout]
 * @property {{max_attempts?: number, base?: number, cap?: number}} [retry]
 *
 * @typedef {object} Command
 * @property {number} [seq]
 * @property {1} v
 * @property {string} type
 * @property {number} at
 * @property {string} [id]
 * @property {string} [task]
 * @property {Payload} [payload]
 * @property {number} [bytes]
 * @property {CommandOptions} [options]
 * @property {string} [reason]
 *
 * @typedef {{[kind: string]: {reason: string, since: number}}} Holds
 */

/** @returns {number} Unix time in seconds, as everything stored has it */
export const now = () => Date.now() / 1000;

/**
 * A job that the worker has not admitted yet, as the record that it will become.
 *
 * @param {Command} command an `enqueue`
 * @returns {JobRecord}
 */
export function recordOf(command) {
  const id = /** @type {string} */ (command.id);
  return {
    seq: command.seq ?? Infinity,
    id,
    ...(command.task === undefined ? {} : { task: command.task }),
    payload: command.payload ?? {},
    bytes: command.bytes ?? 0,
    status: "pending",
    certainty: "never_sent",
    ...(command.options?.ordering_key == null ? {} : { ordering_key: command.options.ordering_key }),
    created_at: command.at,
    idempotency_key: command.options?.idempotency_key ?? id,
    attempts: 0,
    waits_for_worker: true,
  };
}
