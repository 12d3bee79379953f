/** Reading single jobs by their ids: all that are asked for at the same time, in one transaction. */

import { BATCH } from "../vocabulary.js";
import { result } from "./database.js";
import { decryptAll } from "./decrypt.js";
import { NOBODY, readPrincipal } from "./identity.js";
import { foresight, readInbox } from "./inbox.js";
import { paced } from "./pace.js";
import { transact } from "./shared.js";
import { recordOf } from "./records.js";
import { isCommand, isJob } from "./shapes.js";
import { readSurroundings } from "./surroundings.js";

/**
 * @typedef {import("./inbox.js").Inbox} Inbox
 * @typedef {import("./list.js").Listed} Listed
 * @typedef {import("./records.js").Command} Command
 * @typedef {import("./records.js").JobRecord} JobRecord
 */

/** Commands that are read in one transaction in search of a job that is not stored. */
const STEP = 5 * BATCH;

/** Jobs at least that are read at once if they are neighbours. */
const NEIGHBOURS = 10;

/** @param {JobRecord} record @returns {boolean} whether a command that waits can change what is shown of it */
const isOpen = ({ status }) => status === "pending" || status === "failed";

/** @typedef {{id: string, seq?: number, explain?: boolean}} Asked `seq`: where it is known */

const look = paced(async (/** @type {Asked[]} */ asked) => {
  const seqs = new Map(asked.map(({ id, seq }) => [id, seq]));
  const explain = asked.some((one) => one.explain);
  const found = await findAll(seqs, explain);
  return asked.map(({ id }) => found.get(id));
});

/**
 * @param {Asked} asked
 * @returns {Promise<Listed | undefined>}
 */
async function lookAt(asked) {
  const found = await look(asked);
  return found && (await decryptAll([found]))[0];
}

/**
 * @param {string} id
 * @param {number} [seq] the job's, where it is known
 * @returns {Promise<JobRecord | undefined>}
 */
export async function readJob(id, seq) {
  return (await lookAt({ id, seq }))?.record;
}

/**
 * A job together with what its explanation needs.
 *
 * @param {string} id
 * @param {number} [seq] the job's, where it is known
 * @returns {Promise<Listed | undefined>}
 */
export const readExplained = (id, seq) => lookAt({ id, seq, explain: true });

/**
 * A job as the one who is signed in may see it: of another's only that it is there.
 *
 * @param {JobRecord} record
 * @param {string} principal
 * @returns {JobRecord}
 */
function sealed(record, principal) {
  if ((record.principal ?? NOBODY) === principal) return record;
  const { seq, id, status, certainty, created_at, idempotency_key, superseded_by } = record;
  const visible = { seq, id, status, certainty, created_at, idempotency_key, superseded_by };
  return { ...visible, payload: {}, bytes: 0, attempts: 0, sealed: true };
}

/**
 * @param {Map<string, number | undefined>} seqs by id
 * @param {boolean} explain
 * @returns {Promise<Map<string, Listed>>}
 */
async function findAll(seqs, explain) {
  /** @type {Map<string, Listed>} */
  const found = new Map();
  /** @type {number | undefined} the key down to which the inbox was searched, the last command first */
  let searched = Infinity;
  while (searched !== undefined) {
    const missing = [...seqs.keys()].filter((id) => typeof id === "string" && !found.has(id));
    searched = await transact(["inbox", "jobs", "meta", "pages"], "readonly", async (tx) => {
      const stored = await findStored(tx, missing, seqs);
      // The inbox may be large where no worker can start: it is read only for those that it concerns.
      const isKnown = stored.length === missing.length;
      const needsInbox = !isKnown || stored.some(isOpen);
      const inbox = needsInbox ? await readInbox(tx) : { asked: [], principal: await readPrincipal(tx) };
      const search = isKnown ? undefined : await findWaiting(tx, inbox, new Set(missing), /** @type {number} */ (searched));
      const see = foresight(inbox.asked);
      const records = [...stored, ...(search?.records ?? [])].map((record) => see(sealed(record, inbox.principal)));
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
 * @param {Map<string, number | undefined>} seqs
 * @returns {Promise<JobRecord[]>}
 */
async function findStored(tx, ids, seqs) {
  const jobs = tx.objectStore("jobs");
  const wanted = new Set(ids);
  const known = ids.map((id) => seqs.get(id) ?? Infinity).filter(Number.isFinite);
  const [first, last] = [Math.min(...known), Math.max(...known)];
  // Neighbours are read at once, as those of a list are: a request for each would cost more than their records.
  const areNeighbours = known.length >= NEIGHBOURS && last - first < 2 * known.length;
  /** @type {JobRecord[]} */
  const read = areNeighbours ? await result(jobs.getAll(IDBKeyRange.bound(first, last))) : [];
  const together = read.filter((record) => isJob(record) && wanted.delete(record.id));
  const index = jobs.index("id");
  const others = await Promise.all([...wanted].map((id) => result(index.get(id))));
  return [...together, ...others.filter(isJob)];
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
  const enqueues = commands.filter((command) => isCommand(command) && command.type === "enqueue");
  const wanted = enqueues.filter(({ id }) => id !== undefined && ids.has(id));
  return { records: wanted.map(recordOf), ...(first > ends.first ? { searched: first } : {}) };
}
