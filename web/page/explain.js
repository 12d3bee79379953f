/** What a job waits for, or how it ended, in a sentence for a person. */

import { now } from "./records.js";

/**
 * @typedef {import("./records.js").JobRecord} JobRecord
 * @typedef {Exclude<import("./records.js").Status, "pending"> | import("./records.js").HoldKind | "worker_failed" |
 *   "offline" | "no_token" | "locked" | "not_admitted" | "sealed" | "behind" | "outage" | "delayed" | "backoff" |
 *   "due"} ExplanationCode
 * @typedef {{code: ExplanationCode, message: string, until?: number, behind?: string}} Explanation
 */

/**
 * @param {JobRecord} record
 * @param {import("./surroundings.js").Surroundings} surroundings
 * @param {import("./worker.js").WorkerState} worker
 * @param {boolean} online
 * @returns {Explanation}
 */
export function explain(record, { holds = {}, outage, head }, worker, online) {
  if (record.sealed && (record.status === "pending" || record.status === "failed")) {
    return { code: "sealed", message: "Waits until whoever wrote it signs in again." };
  }
  if (record.status !== "pending") return { code: record.status, message: ending(record) };
  for (const kind of /** @type {const} */ (["kill_switch", "paused"])) {
    if (holds[kind]) return { code: kind, message: `The queue is paused: ${holds[kind].reason}` };
  }
  if (holds.unauthorized) return { code: "unauthorized", message: "Waits until you sign in again." };
  if (worker.state === "failed") {
    return { code: "worker_failed", message: `The worker cannot start: ${worker.error?.message ?? "unknown"}` };
  }
  if (!online) return { code: "offline", message: "Saved here; it is sent when there is a network." };
  if (record.waits_for_worker) return { code: "not_admitted", message: "Saved here; the worker is starting." };
  return turnOf(record, head) ?? timeOf(record, outage);
}

/** @param {JobRecord} record one that does not wait @returns {string} */
function ending({ status, error }) {
  if (status === "done") return "Saved on the server.";
  if (status === "sending") return "Being sent now.";
  return error?.message ?? (status === "failed" ? "The server refused it." : `It was ${status}.`);
}

/**
 * @param {JobRecord} record
 * @param {JobRecord} [head]
 * @returns {Explanation | undefined} which job has to go first, if one has
 */
function turnOf(record, head) {
  if (record.waits_for !== undefined) {
    const message = "Waits for an earlier one, which it replaces and which is still being sent.";
    return { code: "behind", message, behind: record.waits_for };
  }
  if (!head || head.seq === record.seq) return undefined;
  const which = head.status === "failed" ? "one that needs attention" : "an earlier one";
  return { code: "behind", message: `Waits for ${which} of ${record.ordering_key}.`, behind: head.id };
}

/**
 * @param {JobRecord} record
 * @param {import("./records.js").Outage | null} [outage]
 * @returns {Explanation} when it is sent
 */
function timeOf(record, outage) {
  const until = record.due ?? record.not_before ?? 0;
  const waits = until > now();
  if (waits && !record.error) return { code: "delayed", message: `Is sent in ${secondsTo(until)} s, as asked.`, until };
  if (outage) {
    const message = `The server has trouble (${outage.message}); next try in ${secondsTo(outage.probe_at)} s.`;
    return { code: "outage", message, until: outage.probe_at };
  }
  if (!waits) return { code: "due", message: "Is sent next." };
  if (record.error?.code === "locked") {
    return { code: "locked", message: "It is encrypted: waits until you unlock it.", until };
  }
  if (record.error?.code === "no_token") {
    const message = `Waits for a page of the site to be opened: ${record.error.message}; next try in ${secondsTo(until)} s.`;
    return { code: "no_token", message, until };
  }
  const failure = `Attempt ${record.attempts} did not succeed (${record.error?.message})`;
  return { code: "backoff", message: `${failure}; next in ${secondsTo(until)} s.`, until };
}

/** @param {number} time */
const secondsTo = (time) => Math.max(0, Math.ceil(time - now()));
