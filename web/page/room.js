/** The queue's limits, checked without waiting for the worker. */

import { result, transact } from "./database.js";
import { limitsOf } from "./declaration.js";
import { PayloadTooLarge, QueueFull } from "./errors.js";
import { inboxTally } from "./records.js";

/**
 * @typedef {import("./records.js").Command} Command
 * @typedef {import("./records.js").Declaration} Declaration
 * @typedef {import("./records.js").Meta} Meta
 * @typedef {import("./records.js").Tally} Tally
 */

/**
 * What the worker had last written when it was looked at. While it is old it says too much rather than too
 * little: jobs that were delivered since still count. So an append that fits by it fits.
 *
 * @type {Pick<Meta, "tallies" | "declaration"> | undefined}
 */
let seen;

/**
 * Checks commands, with fresh numbers before it refuses any.
 *
 * @template T
 * @param {() => Promise<T>} append uses `checkPayloads` and `reserve`
 * @returns {Promise<T>}
 */
export async function withRoom(append) {
  const isFresh = seen === undefined;
  if (isFresh) await look();
  try {
    return await append();
  } catch (error) {
    if (isFresh || !(error instanceof QueueFull || error instanceof PayloadTooLarge)) throw error;
    await look();
    return append();
  }
}

async function look() {
  seen = await transact(["meta"], "readonly", async (tx) => {
    const meta = tx.objectStore("meta");
    const records = await Promise.all(["tallies", "declaration"].map((name) => result(meta.get(name))));
    return { tallies: records[0]?.value, declaration: records[1]?.value };
  });
}

/**
 * @param {Command[]} commands
 * @param {Declaration} [declared] by the server
 * @throws {PayloadTooLarge}
 */
export function checkPayloads(commands, declared) {
  const limit = limitsOf(declared ?? seen?.declaration).payload_bytes;
  for (const { bytes = 0 } of commands) {
    if (bytes > limit) throw new PayloadTooLarge(`the payload has ${bytes} bytes; one job may have ${limit}`);
  }
}

/**
 * Counts jobs that are about to be appended.
 *
 * @param {Tally | undefined} appended before
 * @param {Command[]} added `enqueue` commands
 * @param {Declaration} [declared] by the server
 * @returns {Tally} appended after
 * @throws {QueueFull} they would be too many
 */
export function reserve(appended, added, declared) {
  const limits = limitsOf(declared ?? seen?.declaration);
  const sum = added.reduce((total, { bytes = 0 }) => total + bytes, 0);
  const inbox = inboxTally(appended, seen?.tallies);
  const waiting = inbox.count + (seen?.tallies?.open.count ?? 0);
  const stored = inbox.bytes + (seen?.tallies?.open.bytes ?? 0);
  if (waiting + added.length > limits.jobs) {
    throw new QueueFull(`${waiting} jobs wait already; the queue takes ${limits.jobs}`);
  }
  if (stored + sum > limits.bytes) {
    throw new QueueFull(`${stored} bytes wait already; the queue takes ${limits.bytes}`);
  }
  return { count: (appended?.count ?? 0) + added.length, bytes: (appended?.bytes ?? 0) + sum };
}
