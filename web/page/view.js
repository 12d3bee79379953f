/** Reading what concerns the whole queue: its numbers, its declaration, and what was set aside. */

import { BATCH, STATUSES } from "../vocabulary.js";
import { result } from "./database.js";
import { NOBODY, readPages } from "./identity.js";
import { readMeta } from "./meta.js";
import { paced } from "./pace.js";
import { transact } from "./shared.js";
import { inboxTally } from "./records.js";
import { believed, isCommand, isJob } from "./shapes.js";
import { startingWith } from "./work.js";

/**
 * @typedef {import("./records.js").AsideRecord} AsideRecord
 * @typedef {import("./records.js").Command} Command
 * @typedef {import("./records.js").Meta} Meta
 * @typedef {import("./records.js").Status} Status
 * @typedef {{meta: Meta, depth: {[status in Status]: number}, inbox: import("./records.js").Tally, oldest?: number,
 *   sealed: number, setAside: number}} Numbers `depth`: of whoever is signed in; `inbox`: what waits there; `oldest`:
 *   when the first job that still waits was enqueued; `sealed`: what others have not delivered
 */

/** Records set aside that are shown. */
const SHOWN_ASIDE = 50;

/** Records set aside that are counted; there may be more. */
const MOST_ASIDE = 1000;

/**
 * What `stats` tells. It comes from tallies and bounded reads: its cost does not grow with the queue.
 *
 * @returns {Promise<Numbers>}
 */
export const readNumbers = () => look(undefined);
const look = paced(async (/** @type {undefined[]} */ asked) => {
  const numbers = await transact(["inbox", "jobs", "meta", "pages", "aside"], "readonly", numbersIn);
  return asked.map(() => numbers);
});

/**
 * @param {IDBTransaction} tx
 * @returns {Promise<Numbers>}
 */
async function numbersIn(tx) {
  const { appended, identity } = await readPages(tx);
  const principal = identity?.principal ?? NOBODY;
  const [named, oldest, aside] = await Promise.all([
    readMeta(tx, "tallies", "holds", "outage", "schedule", "declaration"),
    result(tx.objectStore("jobs").index("mine").get(startingWith(principal, "pending"))),
    result(tx.objectStore("aside").getAllKeys(null, MOST_ASIDE)),
  ]);
  const meta = believed(named);
  const { [principal]: stored, ...others } = meta.tallies?.people ?? {};
  const sealed = Object.values(others).reduce(
    (sum, { pending = 0, sending = 0, failed = 0 }) => sum + pending + sending + failed,
    0,
  );
  const depth = /** @type {{[status in Status]: number}} */ (
    Object.fromEntries(STATUSES.map((status) => [status, stored?.[status] ?? 0]))
  );
  const inbox = inboxTally(appended, meta.tallies);
  depth.pending += inbox.count;
  const since = (isJob(oldest) ? oldest.created_at : undefined) ?? (inbox.count ? await firstEnqueued(tx) : undefined);
  return { meta, depth, inbox, oldest: since, sealed, setAside: aside.length };
}

/**
 * @param {IDBTransaction} tx
 * @returns {Promise<number | undefined>} when the first job in the inbox was enqueued, if one of the first commands is
 *   an enqueue
 */
async function firstEnqueued(tx) {
  const inbox = tx.objectStore("inbox");
  // One at first: its payload is read too.
  for (const count of [1, BATCH]) {
    /** @type {Command[]} */
    const commands = await result(inbox.getAll(null, count));
    const first = commands.find((command) => isCommand(command) && command.type === "enqueue");
    if (first || commands.length < count) return first?.at;
  }
  return undefined;
}

/** @returns {Promise<import("./records.js").Declaration | undefined>} as the worker left it */
export async function readDeclaration() {
  const { declaration } = await transact(["meta"], "readonly", (tx) => readMeta(tx, "declaration"));
  return believed({ declaration }).declaration;
}

/** @returns {Promise<Omit<AsideRecord, "key" | "seq">[]>} the first records that could not be read */
export async function readAside() {
  /** @type {AsideRecord[]} */
  const records = await transact(["aside"], "readonly", (tx) => result(tx.objectStore("aside").getAll(null, SHOWN_ASIDE)));
  return records.map(({ from, reason, at, record }) => ({ from, reason, at, record }));
}
