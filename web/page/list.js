/**
 * Reading lists of jobs, as the worker has them and as they wait in the inbox, in the order of their enqueues.
 *
 * A list is read in steps of at most so many records. Each is a transaction of its own, between which the worker
 * commits: a list of any length never holds it up for longer than one step takes. A job keeps its `seq` for life,
 * in the inbox and in `jobs`, whatever its status; each step reads all places at which a job can be, up to the same
 * `seq`, so that a job that changes meanwhile is in the list exactly once.
 */

import { BATCH, STATUSES } from "../vocabulary.js";
import { result } from "./database.js";
import { decryptAll } from "./decrypt.js";
import { NOBODY, scoped } from "./identity.js";
import { foresight, readInbox } from "./inbox.js";
import { paced } from "./pace.js";
import { transact } from "./shared.js";
import { recordOf } from "./records.js";
import { isCommand, isJob } from "./shapes.js";
import { readSurroundings } from "./surroundings.js";

/**
 * @typedef {import("./inbox.js").Inbox} Inbox
 * @typedef {import("./records.js").JobRecord} JobRecord
 * @typedef {import("./records.js").Status} Status
 * @typedef {import("./surroundings.js").Surroundings} Surroundings
 * @typedef {{status?: Status | Status[], task?: string, orderingKey?: string, limit?: number, reverse?: boolean,
 *   explain?: boolean}} Filter
 * @typedef {{record: JobRecord, surroundings?: Surroundings}} Listed `surroundings`: if it is to be explained
 *
 * @typedef {object} Place where jobs are, in the order of their `seq`
 * @property {IDBObjectStore | IDBIndex} source
 * @property {string[]} [prefix] of the index's keys, before the `seq`; absent: the keys are the `seq`
 * @property {(record: any) => JobRecord[]} jobOf the job of what is stored there, if it is one that belongs here
 */

/** Records that are read in one step of one place. */
const STEP = 5 * BATCH;

/** Records that are read first where not all of them may match. */
const PROBE = BATCH / 5;

/** @typedef {{name: string, filter: Filter}} Asked `name`: the same for the same filter */

/**
 * Reads the jobs that match. Lists that are asked for at the same time are read together, and the same list once. One
 * without a limit may take long: those that have one do not wait for it.
 *
 * @param {Filter} [filter]
 * @returns {Promise<Listed[]>}
 */
export async function readJobs(filter = {}) {
  const asked = { name: JSON.stringify(Object.entries(filter).sort()), filter };
  return decryptAll(await (filter.limit === undefined ? readWhole(asked) : readPart(asked)));
}
const readPart = paced(readLists);
const readWhole = paced(readLists);

/** @param {Asked[]} asked @returns {Promise<Listed[][]>} */
async function readLists(asked) {
  const lists = new Map(asked.map(({ name, filter }) => [name, new List(filter)]));
  let unread = [...lists.values()];
  while ((unread = unread.filter((list) => !list.isRead)).length) {
    await transact(["inbox", "jobs", "meta", "pages"], "readonly", async (tx) => {
      const inbox = await readInbox(tx);
      await Promise.all(unread.map((list) => list.readOn(tx, inbox)));
    });
  }
  const answers = new Map([...lists].map(([name, list]) => [name, list.jobs()]));
  return asked.map(({ name }) => /** @type {Listed[]} */ (answers.get(name)));
}

/** One list while it is read. */
class List {
  /** @param {Filter} filter */
  constructor({ status, task, orderingKey, limit = Infinity, reverse = false, explain = false }) {
    // Another word is no job's status.
    this.#statuses = status === undefined ? undefined : STATUSES.filter((word) => [status].flat().includes(word));
    this.#task = task;
    this.#orderingKey = orderingKey;
    this.#limit = limit;
    this.#reverse = reverse;
    this.#explain = explain;
    this.#passed = reverse ? Infinity : -Infinity;
    const isSifted = task !== undefined || orderingKey !== undefined;
    this.#size = Math.min(Math.max(Math.ceil(limit), isSifted ? PROBE : 1), STEP);
    this.isRead = !(limit > 0);
  }

  #statuses;
  #task;
  #orderingKey;
  #limit;
  #reverse;
  #explain;
  /** The `seq` up to which all places have been read. */
  #passed;
  #size;
  /** @type {Listed[]} */
  #found = [];

  /** @returns {Listed[]} */
  jobs() {
    const sign = this.#reverse ? -1 : 1;
    return this.#found.sort((a, b) => sign * (a.record.seq - b.record.seq)).slice(0, this.#limit);
  }

  /**
   * Reads one step.
   *
   * @param {IDBTransaction} tx
   * @param {Inbox} inbox
   */
  async readOn(tx, inbox) {
    const see = foresight(inbox.asked);
    /** @type {JobRecord[]} */
    const found = [];
    const isFull = () => this.#found.length + found.length >= this.#limit;
    let left = STEP;
    // What waits in the inbox was enqueued later than all that is stored.
    const places = [this.#stored(tx, inbox), this.#waiting(tx, inbox)];
    for (const there of this.#reverse ? places.reverse() : places) {
      if (!there.length) continue;
      let isCut;
      do {
        const { records, edge } = await this.#reach(there);
        found.push(...records.map(see).filter((record) => this.#matches(record)));
        left -= this.#size;
        this.#size = Math.min(4 * this.#size, STEP);
        isCut = Number.isFinite(edge);
        if (isCut) this.#passed = edge;
      } while (isCut && !isFull() && left > 0);
      if (isFull()) break;
      if (isCut) return this.#keep(tx, found);
    }
    this.isRead = true;
    return this.#keep(tx, found);
  }

  /**
   * @param {IDBTransaction} tx
   * @param {JobRecord[]} records
   */
  async #keep(tx, records) {
    if (!this.#explain) {
      this.#found.push(...records.map((record) => ({ record })));
      return;
    }
    const surroundingsOf = await readSurroundings(tx, records);
    this.#found.push(...records.map((record) => ({ record, surroundings: surroundingsOf(record) })));
  }

  /** @param {JobRecord} record */
  #matches({ status, task, ordering_key }) {
    return (
      (this.#statuses?.includes(status) ?? true) &&
      (this.#task === undefined || task === this.#task) &&
      (this.#orderingKey === undefined || ordering_key === this.#orderingKey)
    );
  }

  /**
   * Where the stored jobs are that may match; no job is at two places.
   *
   * @param {IDBTransaction} tx
   * @param {Inbox} inbox
   * @returns {Place[]}
   */
  #stored(tx, { asked, principal }) {
    const jobs = tx.objectStore("jobs");
    const key = this.#orderingKey;
    const statuses = new Set(this.#statuses ?? STATUSES);
    // What is stored as failed may be seen as pending.
    if (statuses.has("pending") && asked.some(({ type }) => type === "edit" || type === "retry")) statuses.add("failed");
    return [...statuses].map((status) =>
      // What is pending is in the line of its key, which is short where many wait for other keys.
      typeof key === "string" && status === "pending"
        ? {
            source: jobs.index("order"),
            prefix: [scoped(principal, key)],
            jobOf: (record) => (isJob(record) && record.status === status ? [record] : []),
          }
        : { source: jobs.index("mine"), prefix: [principal, status], jobOf: (record) => (isJob(record) ? [record] : []) },
    );
  }

  /**
   * Where the jobs are that the worker has not admitted yet.
   *
   * @param {IDBTransaction} tx
   * @param {Inbox} inbox
   * @returns {Place[]}
   */
  #waiting(tx, { ends, principal }) {
    if (!ends || !(this.#statuses?.includes("pending") ?? true)) return [];
    const jobOf = (/** @type {unknown} */ command) =>
      isCommand(command) && command.type === "enqueue" && (command.principal ?? NOBODY) === principal ? [recordOf(command)] : [];
    return [{ source: tx.objectStore("inbox"), jobOf }];
  }

  /**
   * Reads on in several places, as far as all of them were read.
   *
   * @param {Place[]} places
   * @returns {Promise<{records: JobRecord[], edge: number}>} `edge`: the `seq` of the last that was read; infinite
   *   if there are no more
   */
  async #reach(places) {
    const reverse = this.#reverse;
    const parts = await Promise.all(
      places.map(({ source, prefix }) => {
        const range = rangeAfter(this.#passed, reverse, prefix);
        return reverse ? lastOf(source, range, this.#size) : result(source.getAll(range, this.#size));
      }),
    );
    // Where nothing says how far was read there is nothing to go on from.
    const edgeless = reverse ? -Infinity : Infinity;
    const cuts = parts.flatMap((part) => (part.length < this.#size ? [] : [part.findLast(hasSeq)?.seq ?? edgeless]));
    const edge = reverse ? Math.max(...cuts) : Math.min(...cuts);
    const isWithin = (/** @type {JobRecord} */ { seq }) => (reverse ? seq >= edge : seq <= edge);
    const records = places.flatMap(({ jobOf }, position) => (parts[position] ?? []).flatMap(jobOf));
    return { records: records.filter(isWithin).sort((a, b) => a.seq - b.seq), edge };
  }
}

/** @param {any} record */
const hasSeq = (record) => Number.isFinite(record?.seq);

/**
 * @param {number} seq
 * @param {boolean} reverse
 * @param {string[]} [prefix]
 * @returns {IDBKeyRange} of what comes after it, or, in reverse, before it
 */
function rangeAfter(seq, reverse, prefix) {
  if (prefix === undefined) return reverse ? IDBKeyRange.upperBound(seq, true) : IDBKeyRange.lowerBound(seq, true);
  return reverse
    ? IDBKeyRange.bound(prefix, [...prefix, seq], false, true)
    : IDBKeyRange.bound([...prefix, seq], [...prefix, []], true);
}

/**
 * The last records of a range, the last first. By a cursor: only new engines have a `getAll` with a direction.
 *
 * @param {IDBObjectStore | IDBIndex} source
 * @param {IDBKeyRange} range
 * @param {number} count
 * @returns {Promise<any[]>}
 */
function lastOf(source, range, count) {
  return new Promise((resolve, reject) => {
    /** @type {any[]} */
    const records = [];
    const request = source.openCursor(range, "prev");
    request.onerror = () => reject(request.error);
    request.onsuccess = () => {
      const cursor = request.result;
      if (cursor) records.push(cursor.value);
      if (!cursor || records.length === count) resolve(records);
      else cursor.continue();
    };
  });
}
