/** Appending commands to the inbox: the only write that a page makes. */

import { transact } from "./database.js";
import { InvalidPayload, PyqueueError } from "./errors.js";
import { readPages } from "./identity.js";
import { isName, optionsOf } from "./options.js";
import { payloadOf, requestOf } from "./payload.js";
import { command } from "./records.js";
import { checkPayloads, reserve, withRoom } from "./room.js";
import { views } from "./second.js";
import { shown } from "./text.js";
import { dropTokens } from "./tokens.js";
import { toldPrincipal } from "./told.js";
import { uuid } from "./uuid.js";

/**
 * @typedef {import("./records.js").Command} Command
 * @typedef {import("./records.js").Declaration} Declaration
 * @typedef {import("./errors.js").PayloadTooLarge} PayloadTooLarge
 * @typedef {import("./errors.js").QueueFull} QueueFull
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
 * Appends commands in one transaction, after checking them against the queue's limits. It opens only what it
 * writes, so that it hardly ever waits for the worker, which reads and empties the inbox as well, or for whoever
 * reads jobs.
 *
 * @param {Command[]} commands
 * @param {Declaration} [declared] by the server
 * @returns {Promise<void>} resolves when all are on disk
 * @throws {PayloadTooLarge | QueueFull | PyqueueError} none was written; `UnknownJob`: one names no job of this person
 */
export async function append(commands, declared) {
  const added = commands.filter(({ type }) => type === "enqueue");
  const told = await toldPrincipal();
  const isPlain = added.every(({ task }) => task !== undefined) && commands.every(isPlainCommand);
  await withRoom(declared, async (room) => {
    const { declaration } = room;
    for (const { payload } of commands) if (payload) dropTokens(payload, "payload", declaration);
    checkPayloads(room, commands);
    /** @type {import("./prepare.js").Prepared | []} */
    // Only here, where it is known that something can be stored at all.
    const prepared = isPlain && !declaration?.encrypts ? [] : await (await views()).prepare(commands, declaration, told);
    const [stored = commands, stores = [], check] = prepared;
    return transact(["inbox", "pages", ...stores], "readwrite", async (tx) => {
      const principal = told ?? (await readPages(tx)).identity?.principal;
      await check?.(tx, principal);
      const inbox = tx.objectStore("inbox");
      const pages = tx.objectStore("pages");
      // Fired together, not awaited each. If there is no room for them, the transaction is aborted.
      for (const command of stored) {
        inbox.add(principal === undefined ? command : { principal, ...command });
        if (command.type === "identify") pages.put({ name: "identity", value: { principal: command.principal } });
      }
      // Its answer comes after theirs: WebKit would commit without a file that it could not prepare.
      const { appended } = await readPages(tx);
      if (added.length) pages.put({ name: "appended", value: reserve(room, appended, added) });
    });
  });
}

/** @param {Command} command @returns {boolean} whether it can be written as it is, if nothing is encrypted */
const isPlainCommand = (command) => command.type === "enqueue" || !("id" in command || command.type === "clear");
