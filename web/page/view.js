/** Reading: jobs, as the worker has them and as they wait in the inbox, and the queue's numbers. */

import { result, transact } from "./database.js";
import { recordOf } from "./records.js";

/**
 * @typedef {import("./records.js").Command} Command
 * @typedef {import("./records.js").JobRecord} JobRecord
 * @typedef {import("./records.js").Status} Status
 * @typedef {{status?: Status | Status[], task?: string, orderingKey?: string, limit?: number}} Filter
 */

const STATUSES = /** @type {Status[]} */ (["pending", "sending", "done", "failed", "cancelled", "expired"]);

/** Errors after which a failed job goes on by itself at a sign of a network; as in pyqueue/engine.py. */
const UNREACHABLE = new Set(["network", "offline", "timeout"]);

/** All keys that start with this status in an index on `[status, ...]`. @param {string} status */
const range = (status) => IDBKeyRange.bound([status], [status, []]);

/**
 * @param {IDBTransaction} tx
 * @returns {Promise<Command[]>} what the worker has not carried out yet
 */
const waitingCommands = (tx) => result(tx.objectStore("inbox").getAll());

/** @param {Command[]} commands @returns {JobRecord[]} the jobs that the worker has not admitted yet */
const unadmitted = (commands) => commands.filter((command) => command.type === "enqueue").map(recordOf);

/**
 * A failed job that a person has sent on its way again is not failed any more, though the worker has yet to
 * hear of it: whoever asks for its result waits for the new one.
 *
 * @param {JobRecord} record
 * @param {Command[]} commands
 * @returns {JobRecord}
 */
function reopened(record, commands) {
  if (record.status !== "failed") return record;
  const reopens = commands.filter(
    ({ type, id }) => (type === "edit" && id === record.id) || (type === "retry" && (id ?? record.id) === record.id),
  );
  if (!reopens.length) return record;
  const payload = reopens.findLast(({ type }) => type === "edit")?.payload ?? record.payload;
  return { ...record, payload, status: "pending", waits_for_worker: true };
}

/**
 * Reads jobs in one transaction, so that a job that is just being admitted is seen once.
 *
 * @param {Filter} [filter]
 * @returns {Promise<JobRecord[]>} in the order in which they were enqueued
 */
export async function readJobs(filter = {}) {
  const statuses = filter.status === undefined ? undefined : [filter.status].flat();
  const records = await transact(["inbox", "jobs"], "readonly", async (tx) => {
    const jobs = tx.objectStore("jobs");
    // Failed jobs may turn out to be pending again.
    const read = statuses?.includes("pending") ? [...new Set([...statuses, "failed"])] : statuses;
    const stored = read
      ? Promise.all(read.map((status) => result(jobs.index("status").getAll(range(status)))))
      : Promise.all([result(jobs.getAll())]);
    const [found, commands] = await Promise.all([stored, waitingCommands(tx)]);
    return [...found.flat().map((record) => reopened(record, commands)), ...unadmitted(commands)];
  });
  const chosen = records.filter(
    (record) =>
      (!statuses || statuses.includes(record.status)) &&
      (filter.task === undefined || record.task === filter.task) &&
      (filter.orderingKey === undefined || record.ordering_key === filter.orderingKey),
  );
  chosen.sort((a, b) => a.seq - b.seq);
  return filter.limit === undefined ? chosen : chosen.slice(0, filter.limit);
}

/**
 * @param {string} id
 * @returns {Promise<JobRecord | undefined>}
 */
export function readJob(id) {
  return transact(["inbox", "jobs"], "readonly", async (tx) => {
    const [record, commands] = await Promise.all([
      result(tx.objectStore("jobs").index("id").get(id)),
      waitingCommands(tx),
    ]);
    return record ? reopened(record, commands) : unadmitted(commands).find((job) => job.id === id);
  });
}

/**
 * What a job's explanation needs besides its record.
 *
 * @param {JobRecord} record
 * @returns {Promise<{holds: import("./records.js").Holds, head?: JobRecord}>} `head`: the first job of its
 *   ordering key
 */
export function readSurroundings(record) {
  return transact(["jobs", "meta"], "readonly", async (tx) => {
    const key = record.open_key;
    const [holds, head] = await Promise.all([
      result(tx.objectStore("meta").get("holds")),
      key === undefined
        ? undefined
        : result(tx.objectStore("jobs").index("order").get(IDBKeyRange.bound([key], [key, []]))),
    ]);
    return { holds: holds?.value ?? {}, head };
  });
}

/** @returns {Promise<{[name: string]: any}>} all of `meta`, by name, and what is counted */
export function readNumbers() {
  return transact(["inbox", "jobs", "meta"], "readonly", async (tx) => {
    const byStatus = tx.objectStore("jobs").index("status");
    const [named, counts, oldest, commands] = await Promise.all([
      result(tx.objectStore("meta").getAll()),
      Promise.all(STATUSES.map((status) => result(byStatus.count(range(status))))),
      result(byStatus.get(range("pending"))),
      waitingCommands(tx),
    ]);
    const waiting = unadmitted(commands);
    const depth = Object.fromEntries(STATUSES.map((status, index) => [status, counts[index]]));
    depth.pending += waiting.length;
    return {
      meta: Object.fromEntries(named.map(({ name, value }) => [name, value])),
      depth,
      oldest: oldest?.created_at ?? waiting[0]?.created_at,
    };
  });
}

/**
 * Whether waking the worker could do any good: booting Python for an empty queue would not.
 *
 * @returns {Promise<{work: boolean, undeclared: boolean, wakeAt?: number}>} `undeclared`: there are jobs that a
 *   worker with newer tasks may be able to do; `wakeAt`: the schedule that the worker left
 */
export function readWork() {
  return transact(["inbox", "jobs", "meta"], "readonly", async (tx) => {
    const byStatus = tx.objectStore("jobs").index("status");
    const [commands, schedule, pending, sending, failed] = await Promise.all([
      result(tx.objectStore("inbox").count()),
      result(tx.objectStore("meta").get("schedule")),
      result(byStatus.count(range("pending"))),
      result(byStatus.count(range("sending"))),
      result(byStatus.getAll(range("failed"))),
    ]);
    const unreached = failed.some((record) => UNREACHABLE.has(record.error?.code));
    return {
      work: commands + pending + sending > 0 || unreached,
      undeclared: failed.some((record) => record.error?.code === "unknown_task"),
      wakeAt: schedule?.value.wake_at,
    };
  });
}
