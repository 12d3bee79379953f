/**
 * The inbox as a page reads it. Where no worker can start it may hold as many commands as the queue takes, so only
 * as many are read as it takes to know what they will do to the jobs that are shown.
 */

import { BATCH } from "../vocabulary.js";
import { result } from "./database.js";
import { NOBODY, readPages } from "./identity.js";
import { readMeta } from "./meta.js";
import { inboxTally, whole } from "./records.js";
import { isCommand } from "./shapes.js";

/**
 * @typedef {import("./records.js").Command} Command
 * @typedef {import("./records.js").JobRecord} JobRecord
 * @typedef {import("./records.js").Payload} Payload
 * @typedef {{first: number, last: number}} Ends the keys of the first and the last command
 * @typedef {{ends?: Ends, asked: Command[], principal: string}} Inbox `ends`: absent if it is empty; `asked`: what is
 *   no enqueue; `principal`: who is signed in
 */

/** Commands that are read at each end to find those that are no enqueues: first so many, then so many. */
const REACHES = [BATCH, 10 * BATCH];

/**
 * Finds the commands that concern jobs which exist already.
 *
 * The commands have the numbers from the first to the last without a gap, and the tallies say how many of them are
 * enqueues. If that is all of them, none has to be read. Else those that are not enqueues are looked for among the
 * first and the last 1,000: of a longer inbox, one in the middle may stay unseen until the worker carries it out.
 *
 * @param {IDBTransaction} tx over `inbox`, `pages` and `meta`
 * @returns {Promise<Inbox>}
 */
export async function readInbox(tx) {
  const inbox = tx.objectStore("inbox");
  const [{ appended, identity }, { tallies }] = await Promise.all([readPages(tx), readMeta(tx, "tallies")]);
  const principal = identity?.principal ?? NOBODY;
  // An engine may look at each command that was deleted lately: it starts behind them.
  const commands = IDBKeyRange.bound(whole(tallies?.admitted?.seq), Infinity, true);
  const first = await keyOf(inbox.openKeyCursor(commands));
  const last = first === undefined ? undefined : await keyOf(inbox.openKeyCursor(commands, "prev"));
  if (first === undefined || last === undefined) return { asked: [], principal };
  const others = last - first + 1 - inboxTally(appended, tallies).count;
  const asked = others === 0 ? [] : await readAsked(inbox, { first, last }, others);
  return { ends: { first, last }, asked, principal };
}

/** @param {IDBRequest<IDBCursor | null>} request */
async function keyOf(request) {
  return /** @type {number | undefined} */ ((await result(request))?.key);
}

/**
 * @param {IDBObjectStore} inbox
 * @param {Ends} ends
 * @param {number} others how many are no enqueues; negative: the tallies do not know
 * @returns {Promise<Command[]>} in their order
 */
async function readAsked(inbox, { first, last }, others) {
  /** @type {Command[]} */
  let asked = [];
  for (const reach of REACHES) {
    const ranges = [IDBKeyRange.bound(first, Math.min(first + reach - 1, last))];
    if (first + reach <= last) ranges.push(IDBKeyRange.bound(Math.max(first + reach, last - reach + 1), last));
    const commands = await Promise.all(ranges.map((range) => result(inbox.getAll(range))));
    asked = commands.flat().filter((command) => isCommand(command) && command.type !== "enqueue");
    if (asked.length === others || last - first < 2 * reach) break;
  }
  return asked;
}

/**
 * Jobs as the waiting commands will leave them: edited, or, if they had failed, pending once more, so that whoever
 * asks for the result waits for the new one. A job that is being sent stays what it is: only its answer decides
 * whether an edit comes in time.
 *
 * @param {Command[]} asked
 * @returns {(record: JobRecord) => JobRecord}
 */
export function foresight(asked) {
  /** @type {Map<string | undefined, Payload | undefined>} */
  const edits = new Map(asked.flatMap(({ type, id, payload }) => (type === "edit" ? [[id, payload]] : [])));
  const retries = new Set(asked.flatMap(({ type, id }) => (type === "retry" ? [id] : [])));
  return (record) => {
    if (record.sealed) return record;
    const { id, status } = record;
    if (status !== "pending" && status !== "failed") return record;
    const edited = edits.has(id);
    const payload = edits.get(id) ?? record.payload;
    if (status === "pending") return edited ? { ...record, payload } : record;
    // A retry that names no job is for all of them.
    const reopened = edited || retries.has(id) || retries.has(undefined);
    return reopened ? { ...record, payload, status: "pending", waits_for_worker: true } : record;
  };
}
