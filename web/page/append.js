/** Appending commands to the inbox: the only write that a page makes. */

import { result, transact } from "./database.js";
import { limitsOf } from "./declaration.js";
import { InvalidPayload, PayloadTooLarge, PyqueueError, QueueFull, UnknownJob } from "./errors.js";
import { isName, optionsOf } from "./options.js";
import { payloadOf, requestOf } from "./payload.js";
import { command, inboxTally } from "./records.js";
import { shown } from "./text.js";
import { uuid } from "./uuid.js";

/**
 * @typedef {import("./records.js").Command} Command
 * @typedef {import("./records.js").Declaration} Declaration
 * @typedef {import("./records.js").Meta} Meta
 */

/**
 * @param {unknown} task the declared name, or a request `{url, method?, headers?, body?}`
 * @param {unknown} payload
 * @param {unknown} [options]
 * @returns {Command}
 * @throws {InvalidPayload | PayloadTooLarge}
 */
export function enqueueCommand(task, payload, options) {
  return reading(() => {
    const named = typeof task === "string";
    if (named && (task === "" || !isName(task))) throw new InvalidPayload(`${shown(task)} is not a task's name`);
    const stored = named ? payloadOf(payload) : requestOf(task);
    return command("enqueue", { id: uuid(), ...(named ? { task } : {}), ...stored, options: optionsOf(options) });
  });
}

/**
 * @param {string} id
 * @param {unknown} payload
 * @returns {Command}
 * @throws {InvalidPayload | PayloadTooLarge}
 */
export function editCommand(id, payload) {
  return reading(() => command("edit", { id, ...payloadOf(payload) }));
}

/**
 * @param {unknown} [reason] shown to the person
 * @returns {Command}
 * @throws {InvalidPayload}
 */
export function pauseCommand(reason) {
  if (reason === undefined) return command("pause", {});
  if (!isName(reason)) throw new InvalidPayload(`a reason must be text, not ${shown(reason)}`);
  return command("pause", { reason: /** @type {string} */ (reason) });
}

/**
 * Reads what the site passed: what its own getters and proxies throw is about the payload.
 *
 * @template T
 * @param {() => T} read
 * @returns {T}
 */
function reading(read) {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof PyqueueError) throw cause;
    const { message } = /** @type {Error} */ (cause ?? {});
    throw new InvalidPayload(`what was passed cannot be read: ${message ?? cause}`, { cause });
  }
}

/**
 * Appends commands in one transaction, after checking them against the queue's limits.
 *
 * @param {Command[]} commands
 * @param {Declaration} [declared] by the server
 * @returns {Promise<void>} resolves when all are on disk
 * @throws {PayloadTooLarge | QueueFull | UnknownJob | PyqueueError} none was written
 */
export async function append(commands, declared) {
  const naming = commands.filter((command) => command.type !== "enqueue" && "id" in command);
  // An enqueue leaves `jobs` alone: it must not wait for whoever reads there.
  const stores = naming.length ? ["inbox", "meta", "jobs"] : ["inbox", "meta"];
  await transact(stores, "readwrite", async (tx) => {
    const inbox = tx.objectStore("inbox");
    await Promise.all(naming.map(({ id }) => requireJob(tx, id)));
    await reserve(tx.objectStore("meta"), commands, declared);
    // Fired together: the transaction's end is awaited, not each request.
    for (const command of commands) inbox.add(command);
  });
}

/**
 * @param {IDBTransaction} tx
 * @param {unknown} id
 * @throws {UnknownJob} no job has it
 */
async function requireJob(tx, id) {
  if (typeof id === "string") {
    const key = await result(tx.objectStore("jobs").index("id").getKey(id));
    if (key !== undefined) return;
    const waiting = await result(tx.objectStore("inbox").getAll());
    if (waiting.some((command) => command.type === "enqueue" && command.id === id)) return;
  }
  throw new UnknownJob(`there is no job ${shown(id)}`);
}

/**
 * Checks the caps and counts what is about to be appended.
 *
 * @param {IDBObjectStore} store `meta`
 * @param {Command[]} commands
 * @param {Declaration} [declared]
 */
async function reserve(store, commands, declared) {
  const sized = commands.filter((command) => command.payload !== undefined);
  if (!sized.length) return;
  const names = ["declaration", "tallies", "appended"];
  const records = await Promise.all(names.map((name) => result(store.get(name))));
  const [declaration, tallies, appended] = records.map((record) => record?.value);
  const limits = limitsOf(declared ?? declaration);

  for (const { bytes = 0 } of sized) {
    if (bytes > limits.payload_bytes) {
      throw new PayloadTooLarge(`the payload has ${bytes} bytes; one job may have ${limits.payload_bytes}`);
    }
  }
  const added = sized.filter((command) => command.type === "enqueue");
  if (!added.length) return;
  const sum = added.reduce((total, { bytes = 0 }) => total + bytes, 0);
  const inbox = inboxTally({ appended, tallies });
  const waiting = inbox.count + (tallies?.open.count ?? 0);
  const stored = inbox.bytes + (tallies?.open.bytes ?? 0);
  if (waiting + added.length > limits.jobs) {
    throw new QueueFull(`${waiting} jobs wait already; the queue takes ${limits.jobs}`);
  }
  if (stored + sum > limits.bytes) {
    throw new QueueFull(`${stored} bytes wait already; the queue takes ${limits.bytes}`);
  }
  store.put({
    name: "appended",
    value: { count: (appended?.count ?? 0) + added.length, bytes: (appended?.bytes ?? 0) + sum },
  });
}
