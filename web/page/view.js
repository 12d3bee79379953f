/** Reading: jobs, as the worker has them and as they wait in the inbox, and the queue's numbers. */

import { BATCH, SETTLED, STATUSES } from "../vocabulary.js";
import { result, transact } from "./database.js";
import { inboxTally, recordOf } from "./records.js";

/**
 * @typedef {import("./records.js").AsideRecord} AsideRecord
 * @typedef {import("./records.js").Command} Command
 * @typedef {import("./records.js").JobRecord} JobRecord
 * @typedef {import("./records.js").Meta} Meta
 * @typedef {import("./records.js").Status} Status
 * @typedef {{status?: Status | Status[], task?: string, orderingKey?: string, limit?: number}} Filter
 */

/** Records set aside that are counted; there may be more. */
const MOST_ASIDE = 1000;

/** All keys that start with this word in an index on `[word, ...]`. @param {string} word */
const startingWith = (word) => IDBKeyRange.bound([word], [word, []]);

/**
 * @param {IDBTransaction} tx
 * @returns {Promise<Command[]>} what the worker has not carried out yet
 */
const waitingCommands = (tx) => result(tx.objectStore("inbox").getAll());

/**
 * @param {IDBTransaction} tx
 * @param {(keyof Meta)[]} names
 * @returns {Promise<Meta>}
 */
async function readMeta(tx, ...names) {
  const records = await Promise.all(names.map((name) => result(tx.objectStore("meta").get(name))));
  return Object.fromEntries(records.flatMap((record) => (record ? [[record.name, record.value]] : [])));
}

/** @param {Command[]} commands @returns {JobRecord[]} the jobs that the worker has not admitted yet */
const unadmitted = (commands) =>
  commands
    .filter((command) => command.type === "enqueue")
    .map((command) => foreseen(recordOf(command), commands));

/**
 * A job as the waiting commands will leave it: edited, or, if it had failed, pending once more, so that whoever
 * asks for its result waits for the new one. A job that is being sent stays what it is: only its answer
 * decides whether an edit comes in time.
 *
 * @param {JobRecord} record
 * @param {Command[]} commands
 * @returns {JobRecord}
 */
function foreseen(record, commands) {
  if (record.status !== "pending" && record.status !== "failed") return record;
  const edit = commands.findLast(({ type, id }) => type === "edit" && id === record.id);
  const payload = edit?.payload ?? record.payload;
  if (record.status === "pending") return edit ? { ...record, payload } : record;
  const retried = commands.some(({ type, id }) => type === "retry" && (id ?? record.id) === record.id);
  return edit || retried ? { ...record, payload, status: "pending", waits_for_worker: true } : record;
}

/**
 * Reads jobs in one transaction, so that a job that is just being admitted is seen once.
 *
 * @param {Filter} [filter]
 * @returns {Promise<JobRecord[]>} in the order in which they were enqueued
 */
export async function readJobs({ status, task, orderingKey, limit = Infinity } = {}) {
  const statuses = status === undefined ? undefined : [status].flat();
  const matches = (/** @type {JobRecord} */ record) =>
    (!statuses || statuses.includes(record.status)) &&
    (task === undefined || record.task === task) &&
    (orderingKey === undefined || record.ordering_key === orderingKey);
  const chosen = await transact(["inbox", "jobs"], "readonly", async (tx) => {
    const commands = await waitingCommands(tx);
    const see = (/** @type {JobRecord} */ record) => foreseen(record, commands);
    const reopens = commands.some(({ type }) => type === "edit" || type === "retry");
    // What is stored as failed may be seen as pending.
    const read = reopens && statuses?.includes("pending") ? [...new Set([...statuses, "failed"])] : statuses;
    const jobs = tx.objectStore("jobs");
    const all = { source: jobs, range: IDBKeyRange.lowerBound(-Infinity), keyOf: (/** @type {number} */ seq) => seq };
    const of = (/** @type {string} */ word) => ({
      source: jobs.index("status"),
      range: startingWith(word),
      keyOf: (/** @type {number} */ seq) => [word, seq],
    });
    const found = await Promise.all((read?.map(of) ?? [all]).map((part) => firstOf(part, limit, see, matches)));
    return [...found.flat(), ...unadmitted(commands).filter(matches)];
  });
  chosen.sort((a, b) => a.seq - b.seq);
  return chosen.slice(0, limit);
}

/**
 * The first records that match, read no further than needed.
 *
 * @param {{source: IDBObjectStore | IDBIndex, range: IDBKeyRange, keyOf: (seq: number) => IDBValidKey}} part of the
 *   jobs, in their order; `keyOf` gives a record's key in the source
 * @param {number} limit
 * @param {(record: JobRecord) => JobRecord} see
 * @param {(record: JobRecord) => boolean} matches
 * @returns {Promise<JobRecord[]>}
 */
async function firstOf({ source, range, keyOf }, limit, see, matches) {
  const batch = Math.max(1, Math.min(limit, 10 * BATCH));
  /** @type {JobRecord[]} */
  const found = [];
  let rest = range;
  while (found.length < limit) {
    /** @type {JobRecord[]} */
    const records = await result(source.getAll(rest, batch));
    found.push(...records.map(see).filter(matches));
    const last = records[batch - 1];
    if (!last) break;
    const after = keyOf(last.seq);
    const { upper } = range;
    rest = upper === undefined ? IDBKeyRange.lowerBound(after, true) : IDBKeyRange.bound(after, upper, true);
  }
  return found;
}

/**
 * @param {string} id
 * @returns {Promise<JobRecord | undefined>}
 */
export function readJob(id) {
  return transact(["inbox", "jobs"], "readonly", async (tx) => {
    const record = await result(tx.objectStore("jobs").index("id").get(id));
    // A job that is over is as it is; the inbox may be large where no worker can start.
    if (record && record.status !== "failed" && SETTLED.includes(record.status)) return record;
    const commands = await waitingCommands(tx);
    return record ? foreseen(record, commands) : unadmitted(commands).find((job) => job.id === id);
  });
}

/**
 * What a job's explanation needs besides its record.
 *
 * @param {JobRecord} record
 * @returns {Promise<Meta & {head?: JobRecord}>} `head`: the first job of its ordering key
 */
export function readSurroundings(record) {
  return transact(["jobs", "meta"], "readonly", async (tx) => {
    const key = record.open_key;
    const [meta, head] = await Promise.all([
      readMeta(tx, "holds", "outage"),
      key === undefined ? undefined : result(tx.objectStore("jobs").index("order").get(startingWith(key))),
    ]);
    return { ...meta, head };
  });
}

/**
 * What `stats` tells. It comes from tallies and bounded reads: its cost does not grow with the queue.
 *
 * @returns {Promise<{meta: Meta, depth: {[status in Status]: number}, inbox: import("./records.js").Tally,
 *   oldest?: number, setAside: number}>}
 *   `oldest`: when the first job that still waits was enqueued
 */
export function readNumbers() {
  return transact(["inbox", "jobs", "meta", "pages", "aside"], "readonly", async (tx) => {
    const [meta, appended, oldest, commands, aside] = await Promise.all([
      readMeta(tx, "tallies", "holds", "outage", "schedule", "declaration"),
      result(tx.objectStore("pages").get("appended")),
      result(tx.objectStore("jobs").index("status").get(startingWith("pending"))),
      result(tx.objectStore("inbox").getAll(null, BATCH)),
      result(tx.objectStore("aside").getAllKeys(null, MOST_ASIDE)),
    ]);
    const stored = meta.tallies?.depth;
    const depth = /** @type {{[status in Status]: number}} */ (
      Object.fromEntries(STATUSES.map((status) => [status, stored?.[status] ?? 0]))
    );
    const inbox = inboxTally(appended?.value, meta.tallies);
    depth.pending += inbox.count;
    const first = commands.find((/** @type {Command} */ command) => command.type === "enqueue");
    return { meta, depth, inbox, oldest: oldest?.created_at ?? first?.at, setAside: aside.length };
  });
}

/** @returns {Promise<import("./records.js").Declaration | undefined>} as the worker left it */
export async function readDeclaration() {
  const { declaration } = await transact(["meta"], "readonly", (tx) => readMeta(tx, "declaration"));
  return declaration;
}

/**
 * @param {number} limit
 * @returns {Promise<AsideRecord[]>} the first records that could not be read
 */
export function readAside(limit) {
  return transact(["aside"], "readonly", (tx) => result(tx.objectStore("aside").getAll(null, limit)));
}

/**
 * @typedef {object} Work
 * @property {boolean} commands the inbox is not empty
 * @property {boolean} sending a job is being sent, or was when its worker died
 * @property {boolean} waiting a job is pending, or gave up for lack of a network
 * @property {number} [due] when the first of the jobs whose turn it is may be sent
 * @property {boolean} failed some failed: a worker with newer tasks may be able to do them
 * @property {import("./records.js").Schedule} [schedule]
 */

/**
 * Whether waking the worker could do any good: booting Python for an empty queue would not.
 *
 * @returns {Promise<Work>}
 */
export function readWork() {
  return transact(["inbox", "jobs", "meta"], "readonly", async (tx) => {
    const jobs = tx.objectStore("jobs");
    const holds = async (/** @type {string} */ index, /** @type {string} */ word) =>
      (await result(jobs.index(index).getKey(startingWith(word)))) !== undefined;
    const [commands, sending, pending, unreached, failed, due, { schedule }] = await Promise.all([
      result(tx.objectStore("inbox").getAllKeys(null, 1)),
      holds("status", "sending"),
      holds("status", "pending"),
      holds("backoff", "network"),
      holds("status", "failed"),
      result(jobs.index("due").openKeyCursor()),
      readMeta(tx, "schedule"),
    ]);
    return {
      commands: commands.length > 0,
      sending,
      waiting: pending || unreached,
      failed,
      ...(due ? { due: /** @type {[number, number]} */ (due.key)[0] } : {}),
      ...(schedule ? { schedule } : {}),
    };
  });
}
