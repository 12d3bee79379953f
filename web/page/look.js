/** Reading single jobs by their ids: all that are asked for at the same time, in one transaction. */

import { BATCH } from "../vocabulary.js";
import { result, transact } from "./database.js";
import { foresight, readInbox } from "./inbox.js";
import { paced, shared } from "./pace.js";
import { recordOf } from "./records.js";
import { readSurroundings } from "./surroundings.js";

/**
 * @typedef {import("./inbox.js").Inbox} Inbox
 * @typedef {import("./list.js").Listed} Listed
 * @typedef {import("./records.js").Command} Command
 * @typedef {import("./records.js").JobRecord} JobRecord
 */

/** Commands that are read in one transaction in search of a job that is not stored. */
const STEP = 5 * BATCH;

/** @param {JobRecord} record @returns {boolean} whether a command that waits can change what is shown of it */
const isOpen = ({ status }) => status === "pending" || status === "failed";

const look = paced(async (/** @type {{id: string, explain: boolean}[]} */ asked) => {
  const ids = asked.map(({ id }) => id);
  const explain = asked.some((one) => one.explain);
  const found = await findAll(new Set(ids), explain);
  return shared(ids, (id) => found.get(id));
});

/**
 * @param {string} id
 * @returns {Promise<JobRecord | undefined>}
 */
export async function readJob(id) {
  return (await look({ id, explain: false }))?.record;
}

/**
 * A job together with what its explanation needs.
 *
 * @param {string} id
 * @returns {Promise<Listed | undefined>}
 */
export const readExplained = (id) => look({ id, explain: true });

/**
 * @param {Set<string>} ids
 * @param {boolean} explain
 * @returns {Promise<Map<string, Listed>>}
 */
async function findAll(ids, explain) {
  /** @type {Map<string, Listed>} */
  const found = new Map();
  /** @type {number | undefined} the key down to which the inbox was searched, the last command first */
  let searched = Infinity;
  while (searched !== undefined) {
    const missing = [...ids].filter((id) => typeof id === "string" && !found.has(id));
    searched = await transact(["inbox", "jobs", "meta"], "readonly", async (tx) => {
      const stored = await findStored(tx, missing);
      // The inbox may be large where no worker can start: it is read only for those that it concerns.
      const isKnown = stored.length === missing.length;
      const inbox = isKnown && !stored.some(isOpen) ? { asked: [] } : await readInbox(tx);
      const search = isKnown ? undefined : await findWaiting(tx, inbox, new Set(missing), /** @type {number} */ (searched));
      const records = [...stored, ...(search?.records ?? [])].map(foresight(inbox.asked));
      const surroundingsOf = explain ? await readSurroundings(tx, records) : () => undefined;
      for (const record of records) found.set(record.id, { record, surroundings: surroundingsOf(record) });
      return records.length === missing.length ? undefined : search?.searched;
    });
  }
  return found;
}

/**
 * @param {IDBTransaction} tx
 * @param {string[]} ids
 * @returns {Promise<JobRecord[]>}
 */
async function findStored(tx, ids) {
  const index = tx.objectStore("jobs").index("id");
  const records = await Promise.all(ids.map((id) => result(index.get(id))));
  return records.filter((record) => record !== undefined);
}

/**
 * Searches a part of the inbox for jobs that the worker has not admitted yet. One that is admitted before the next
 * part is searched is found among the stored ones then.
 *
 * @param {IDBTransaction} tx
 * @param {Inbox} inbox
 * @param {Set<string>} ids
 * @param {number} before the key before which to search
 * @returns {Promise<{records: JobRecord[], searched?: number}>} `searched`: down to which key; absent: to the first
 */
async function findWaiting(tx, { ends }, ids, before) {
  if (!ends || before <= ends.first) return { records: [] };
  const last = Math.min(before - 1, ends.last);
  const first = Math.max(last - STEP + 1, ends.first);
  /** @type {Command[]} */
  const commands = await result(tx.objectStore("inbox").getAll(IDBKeyRange.bound(first, last)));
  const wanted = commands.filter(({ type, id }) => type === "enqueue" && id !== undefined && ids.has(id));
  return { records: wanted.map(recordOf), ...(first > ends.first ? { searched: first } : {}) };
}
