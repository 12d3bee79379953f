/**
 * The types of what is stored; docs/architecture.md describes every field.
 *
 * @typedef {import("../vocabulary.js").Status} Status
 * @typedef {import("../vocabulary.js").Certainty} Certainty
 * @typedef {import("../vocabulary.js").CommandType} CommandType
 * @typedef {import("../vocabulary.js").ErrorCode} ErrorCode
 * @typedef {import("../vocabulary.js").HoldKind} HoldKind
 * @typedef {import("../vocabulary.js").OnConflict} OnConflict
 * @typedef {import("../vocabulary.js").Encryption} Encryption
 *
 * @typedef {{code: ErrorCode | (string & {}), message: string, status?: number, body?: string}} JobError the code
 *   is one of ours, or one that a task's own `fail` gave
 * @typedef {Extract<CommandType, "cancel" | "retry" | "discard" | "edit">} JobCommand what a person asks of one job
 * @typedef {{command: JobCommand, message: string, at: number}} Refusal
 * @typedef {{[name: string]: any}} Payload
 *
 * @typedef {object} JobRecord
 * @property {number} seq
 * @property {string} id
 * @property {string} [principal] whose it is; absent of a job that is still a command of a page that knew nobody
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
 * @property {Refusal} [refusal] what a person asked for last that could not be done
 * @property {string} [superseded_by]
 * @property {string} [waits_for] the id of a job with the same unique key that is still being sent
 * @property {boolean} [sealed] true of another principal's job, of which nothing else is told; never stored
 * @property {"open" | "locked" | "key_lost" | "damaged" | "server"} [encryption] whether what was encrypted could be
 *   opened; never stored
 * @property {string} [withheld] why the result cannot be read; never stored
 * @property {boolean} [waits_for_worker] true of a job that is still a command in the inbox; never stored
 *
 * @typedef {object} CommandOptions
 * @property {string | null} [ordering_key]
 * @property {string} [idempotency_key]
 * @property {string} [unique_key]
 * @property {OnConflict} [on_conflict]
 * @property {number} [delay]
 * @property {number} [expires]
 * @property {number} [timeout]
 * @property {{max_attempts?: number, base?: number, cap?: number}} [retry]
 *
 * @typedef {object} Command
 * @property {number} [seq]
 * @property {number} v
 * @property {CommandType} type
 * @property {number} at
 * @property {string} [id]
 * @property {string} [task]
 * @property {Payload} [payload]
 * @property {number} [bytes]
 * @property {CommandOptions} [options]
 * @property {string} [reason]
 * @property {string} [principal] who made it; of `identify`, who is signed in from now on; of `clear`, whose jobs go
 *
 * @typedef {{count: number, bytes: number}} Tally
 * @typedef {{[kind in HoldKind]?: {reason: string, since: number}}} Holds
 * @typedef {{code: string, message: string, since: number, probe_at: number}} Outage the server fails job after
 *   job: only one of them tries, at `probe_at`
 * @typedef {{wake_at?: number, at: number}} Schedule as the worker left it at `at`
 * @typedef {{payload_bytes: number, jobs: number, bytes: number}} Limits
 * @typedef {{header: string, field?: string}} Csrf where the site's forms and requests bear a token
 * @typedef {{label?: string | null, encrypt?: Encryption, seal?: import("../../worker/body.js").Encoding, clear?: string[]}}
 *   TaskDeclaration `seal`: how the body is encoded that is sealed to the server; `clear`: what stays legible
 * @typedef {{limits?: Partial<Limits>, tasks?: {[name: string]: TaskDeclaration}, csrf?: Csrf, login?: string,
 *   origins?: string[], encrypts?: boolean, encrypt?: Encryption, server_key?: string}} Declaration `origins`: besides
 *   the site's own, to which requests may go; `encrypts`: whether anything is; `encrypt`: jobs with a request of their own
 * @typedef {{key: number, from: "inbox" | "jobs", seq: number, reason: string, at: number, record: unknown}}
 *   AsideRecord
 *
 * @typedef {(typeof import("../vocabulary.js").SETTLED)[number]} Settled
 * @typedef {"attempts" | "retries" | Settled | "pruned" | "pruned_failed" | "set_aside" | "refused"} Counter
 * @typedef {object} Tallies
 * @property {Tally} open jobs that are not settled
 * @property {Tally & {seq?: number}} admitted enqueues ever taken out of the inbox; `seq`: no command up to this one is
 *   left there
 * @property {{[status in Status]: number}} depth stored jobs
 * @property {{[principal: string]: {[status in Status]?: number}}} [people] the same for each principal
 * @property {{[counter in Counter]: number}} counters ever growing
 *
 * What the store `meta` holds, by name. Each may be absent.
 * @typedef {object} Meta
 * @property {Tallies} [tallies]
 * @property {Holds} [holds]
 * @property {Outage | null} [outage]
 * @property {Schedule} [schedule]
 * @property {Declaration} [declaration]
 */

import { COMMAND_VERSION } from "../vocabulary.js";

/** @returns {number} Unix time in seconds, as everything stored has it */
export const now = () => Date.now() / 1000;

/**
 * @param {CommandType} type
 * @param {Partial<Command>} fields
 * @returns {Command}
 */
export const command = (type, fields) => ({ v: COMMAND_VERSION, type, at: now(), ...fields });

/** @param {any} value @returns {number} the value, or 0 where it is no whole number above 0 */
export const whole = (value) => (Number.isSafeInteger(value) && value > 0 ? value : 0);

/**
 * What waits in the inbox: two records, of which pages and the worker each write only their own.
 *
 * @param {Tally | undefined} appended enqueues ever appended to the inbox
 * @param {Tallies | undefined} tallies
 * @returns {Tally}
 */
export function inboxTally(appended, tallies) {
  const left = (/** @type {"count" | "bytes"} */ unit) =>
    Math.max(0, whole(appended?.[unit]) - whole(tallies?.admitted?.[unit]));
  return { count: left("count"), bytes: left("bytes") };
}

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
    ...(command.principal === undefined ? {} : { principal: command.principal }),
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
