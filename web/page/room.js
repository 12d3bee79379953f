/** The queue's limits, checked without waiting for the worker. */

import { listen } from "./channel.js";
import { transact } from "./database.js";
import { limitsOf } from "./declaration.js";
import { PayloadTooLarge, QueueFull } from "./errors.js";
import { readMeta } from "./meta.js";
import { inboxTally, whole } from "./records.js";

/**
 * @typedef {import("./records.js").Command} Command
 * @typedef {import("./records.js").Declaration} Declaration
 * @typedef {import("./records.js").Meta} Meta
 * @typedef {import("./records.js").Tally} Tally
 */

/**
 * What the worker had last written when it was looked at. While it is old it says too much rather than too
 * little, as jobs that were delivered since still count, but for failed jobs that were tried again and edits. So
 * an append that fits by it fits, unless these have made the queue larger since.
 *
 * @typedef {Pick<Meta, "tallies" | "declaration">} Room
 *
 * @type {Room | undefined}
 */
let seen;

listen(({ type }) => {
  // The worker has done what there was to do, and may have declared other limits when it began.
  if (type === "idle") seen = undefined;
});

/**
 * Appends by what is known of the room that is left, and by fresh numbers before anything is refused.
 *
 * @template T
 * @param {Declaration | undefined} declared by the server
 * @param {(room: Room) => Promise<T>} append uses `checkPayloads` and `reserve`
 * @returns {Promise<T>}
 */
export async function withRoom(declared, append) {
  const named = declared ? { declaration: declared } : {};
  const known = seen;
  // While nobody has said what the limits are, the worker may at any time.
  const mayBeOld = known !== undefined && (declared ?? known.declaration) !== undefined;
  try {
    return await append({ ...(mayBeOld ? known : await look()), ...named });
  } catch (error) {
    if (!mayBeOld || !(error instanceof QueueFull || error instanceof PayloadTooLarge)) throw error;
    return append({ ...(await look()), ...named });
  }
}

/** @returns {Promise<Room>} */
async function look() {
  const room = await transact(["meta"], "readonly", (tx) => readMeta(tx, "tallies", "declaration"));
  seen = room;
  return room;
}

/**
 * @param {Room} room
 * @param {Command[]} commands
 * @throws {PayloadTooLarge}
 */
export function checkPayloads({ declaration }, commands) {
  const limit = limitsOf(declaration).payload_bytes;
  for (const { bytes = 0 } of commands) {
    if (bytes > limit) throw new PayloadTooLarge(`the payload has ${bytes} bytes; one job may have ${limit}`);
  }
}

/**
 * Counts jobs that are about to be appended.
 *
 * @param {Room} room
 * @param {Tally | undefined} appended before
 * @param {Command[]} added `enqueue` commands
 * @returns {Tally} appended after
 * @throws {QueueFull} they would be too many
 */
export function reserve({ declaration, tallies }, appended, added) {
  const limits = limitsOf(declaration);
  const sum = added.reduce((total, { bytes = 0 }) => total + bytes, 0);
  const inbox = inboxTally(appended, tallies);
  const waiting = inbox.count + whole(tallies?.open?.count);
  const stored = inbox.bytes + whole(tallies?.open?.bytes);
  if (waiting + added.length > limits.jobs) {
    throw new QueueFull(`${waiting} jobs wait already; the queue takes ${limits.jobs}`);
  }
  if (stored + sum > limits.bytes) {
    throw new QueueFull(`${stored} bytes wait already; the queue takes ${limits.bytes}`);
  }
  // Not from what was noted: if that is damaged, it is right again from here on.
  const { count, bytes } = tallies?.admitted ?? { count: 0, bytes: 0 };
  return { count: whole(count) + inbox.count + added.length, bytes: whole(bytes) + inbox.bytes + sum };
}
