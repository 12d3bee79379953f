/** Appending commands to the inbox: the only write that a page makes. */

import { result, transact } from "./database.js";
import { InvalidPayload, PayloadTooLarge, QueueFull, UnknownJob } from "./errors.js";
import { payloadOf, requestOf, sizeOf } from "./payload.js";
import { now } from "./records.js";
import { uuid } from "./uuid.js";

/**
 * @typedef {import("./records.js").Command} Command
 * @typedef {import("./records.js").CommandOptions} CommandOptions
 * @typedef {import("./records.js").Payload} Payload
 * @typedef {{payload_bytes: number, jobs: number, bytes: number}} Limits
 */

/** What holds until the worker has told the site's own; the defaults of `pyqueue.Limits`. */
export const DEFAULT_LIMITS = { payload_bytes: 1 << 20, jobs: 10_000, bytes: 100 << 20 };

/** @type {{[camel: string]: [stored: string, isRight: (value: any) => boolean]}} */
const OPTIONS = {
  orderingKey: ["ordering_key", (value) => value === null || typeof value === "string"],
  idempotencyKey: ["idempotency_key", (value) => typeof value === "string" && /^[ -~]{1,255}$/.test(value)],
  uniqueKey: ["unique_key", (value) => typeof value === "string"],
  onConflict: ["on_conflict", (value) => value === "keep" || value === "replace"],
  delay: ["delay", (value) => Number.isFinite(value) && value >= 0],
  expires: ["expires", (value) => Number.isFinite(value) && value > 0],
  timeout: ["timeout", (value) => Number.isFinite(value) && value > 0],
  retry: ["retry", (value) => typeof value === "object" && value !== null],
};

const RETRY = { maxAttempts: "max_attempts", base: "base", cap: "cap" };

/**
 * @param {{[name: string]: any}} given
 * @returns {CommandOptions}
 * @throws {InvalidPayload} an option is unknown or wrong
 */
function optionsOf(given) {
  /** @type {{[name: string]: any}} */
  const options = {};
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined) continue;
    const known = OPTIONS[name];
    if (!known) throw new InvalidPayload(`there is no option ${name}; there are ${Object.keys(OPTIONS).join(", ")}`);
    const [stored, isRight] = known;
    if (!isRight(value)) throw new InvalidPayload(`option ${name} cannot be ${JSON.stringify(value)}`);
    options[stored] = name === "retry" ? retryOf(value) : value;
  }
  return options;
}

/** @param {{[name: string]: any}} given */
function retryOf(given) {
  /** @type {{[name: string]: number}} */
  const policy = {};
  for (const [name, value] of Object.entries(given)) {
    const stored = RETRY[/** @type {keyof typeof RETRY} */ (name)];
    if (!stored || !Number.isFinite(value) || value < (name === "maxAttempts" ? 1 : 0)) {
      throw new InvalidPayload(`retry.${name} cannot be ${JSON.stringify(value)}`);
    }
    policy[stored] = value;
  }
  return policy;
}

/**
 * @param {string | Payload} task the declared name, or a request `{url, method?, headers?, body?}`
 * @param {unknown} payload
 * @param {{[name: string]: any}} [options]
 * @returns {Command}
 * @throws {InvalidPayload}
 */
export function enqueueCommand(task, payload, options = {}) {
  const named = typeof task === "string";
  if (named && task === "") throw new InvalidPayload("a task needs a name");
  const stored = named ? payloadOf(payload) : requestOf(payloadOf(task));
  return {
    v: 1,
    type: "enqueue",
    at: now(),
    id: uuid(),
    ...(named ? { task } : {}),
    payload: stored,
    bytes: sizeOf(stored),
    options: optionsOf(options),
  };
}

/**
 * @param {string} id of a failed job
 * @param {unknown} payload
 * @returns {Command}
 */
export function editCommand(id, payload) {
  const stored = payloadOf(payload);
  return { v: 1, type: "edit", at: now(), id, payload: stored, bytes: sizeOf(stored) };
}

/**
 * Appends commands in one transaction, after checking them against the queue's limits.
 *
 * @param {Command[]} commands
 * @returns {Promise<void>} resolves when all are on disk
 * @throws {PayloadTooLarge | QueueFull | UnknownJob | import("./errors.js").PyqueueError} none was written
 */
export async function append(commands) {
  const naming = commands.filter((command) => command.type !== "enqueue" && command.id !== undefined);
  // An enqueue leaves `jobs` alone: it must not wait for whoever reads there.
  const stores = naming.length ? ["inbox", "meta", "jobs"] : ["inbox", "meta"];
  await transact(stores, "readwrite", async (tx) => {
    const inbox = tx.objectStore("inbox");
    await Promise.all(naming.map(({ id }) => requireJob(tx, /** @type {string} */ (id))));
    await reserve(tx.objectStore("meta"), commands);
    // Fired together: the transaction's end is awaited, not each request.
    for (const command of commands) inbox.add(command);
  });
}

/**
 * @param {IDBTransaction} tx
 * @param {string} id
 * @throws {UnknownJob} no job has it
 */
async function requireJob(tx, id) {
  const key = await result(tx.objectStore("jobs").index("id").getKey(id));
  if (key !== undefined) return;
  const waiting = await result(tx.objectStore("inbox").getAll());
  if (!waiting.some((command) => command.type === "enqueue" && command.id === id)) {
    throw new UnknownJob(`there is no job ${id}`);
  }
}

/**
 * Checks the caps and counts what is about to be appended.
 *
 * @param {IDBObjectStore} meta
 * @param {Command[]} commands
 */
async function reserve(meta, commands) {
  const sized = commands.filter((command) => command.payload !== undefined);
  if (!sized.length) return;
  const names = ["limits", "open", "appended", "admitted"];
  const records = await Promise.all(names.map((name) => result(meta.get(name))));
  const [limits, open, appended, admitted] = records.map((record) => record?.value);
  const { payload_bytes, jobs, bytes } = /** @type {Limits} */ (limits ?? DEFAULT_LIMITS);

  for (const command of sized) {
    const size = command.bytes ?? 0;
    if (size > payload_bytes) {
      throw new PayloadTooLarge(`the payload has ${size} bytes; one job may have ${payload_bytes}`);
    }
  }
  const added = sized.filter((command) => command.type === "enqueue");
  if (!added.length) return;
  const sum = added.reduce((total, command) => total + (command.bytes ?? 0), 0);
  const count = (/** @type {{count?: number} | undefined} */ tally) => tally?.count ?? 0;
  const size = (/** @type {{bytes?: number} | undefined} */ tally) => tally?.bytes ?? 0;
  const waiting = count(open) + count(appended) - count(admitted);
  const stored = size(open) + size(appended) - size(admitted);
  if (waiting + added.length > jobs) {
    throw new QueueFull(`${waiting} jobs wait already; the queue takes ${jobs}`);
  }
  if (stored + sum > bytes) {
    throw new QueueFull(`${stored} bytes wait already; the queue takes ${bytes}`);
  }
  meta.put({
    name: "appended",
    value: { count: count(appended) + added.length, bytes: size(appended) + sum },
  });
}
