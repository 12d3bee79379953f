/** Encrypts what commands carry, before it is written, as the site's tasks ask for it. */

import { encryptPayload } from "../cipher.js";
import { keyToEncrypt } from "./key-store.js";
import { readPrincipal } from "./identity.js";
import { readJob } from "./look.js";
import { sealPayload } from "./seal.js";
import { transact } from "./shared.js";

/**
 * @typedef {import("./records.js").Command} Command
 * @typedef {import("./records.js").Declaration} Declaration
 * @typedef {import("./records.js").TaskDeclaration} TaskDeclaration
 */

/**
 * @param {Command[]} commands
 * @param {Declaration} [declared]
 * @param {string} [told] who is signed in, as this page was told
 * @returns {Promise<Command[]>} copies, where there is something to encrypt: what was passed stays as it is
 * @throws {import("./errors.js").PyqueueError} `Locked`: no key can be made yet; nothing may be written
 */
export async function encryptCommands(commands, declared, told) {
  if (!commands.some(({ payload }) => payload)) return commands;
  const principal = told ?? (await transact(["pages"], "readonly", readPrincipal));
  return Promise.all(
    commands.map(async (command) => {
      if (!command.payload) return command;
      const { task, encrypted } = await jobOf(command);
      const rule = ruleOf(declared, task);
      // An edit of what is encrypted is encrypted, whatever is declared by now.
      const kind = rule.encrypt ?? (encrypted ? "device" : undefined);
      if (rule.seal === undefined && kind === undefined) return command;
      const key = kind && (await keyToEncrypt(principal, kind));
      const whose = { principal, id: /** @type {string} */ (command.id) };
      const clear = legible(command.payload, rule.clear ?? []);
      const payload =
        rule.seal === undefined
          ? await encryptPayload(
              .../** @type {[CryptoKey, string]} */ (key),
              ...[whose, command.payload, clear],
            )
          : await sealPayload(command.payload, clear, {
              ...{ encoding: rule.seal, task: /** @type {string} */ (task), id: whose.id, key: key?.[1] },
              serverKey: declared?.server_key ?? "",
            });
      return { ...command, principal, payload };
    }),
  );
}

/**
 * @param {Command} command
 * @returns {Promise<{task?: string, encrypted?: boolean}>} of its job
 */
async function jobOf(command) {
  if (command.type === "enqueue") return command;
  const record = await readJob(/** @type {string} */ (command.id));
  return { task: record?.task, encrypted: record?.encryption !== undefined };
}

/**
 * @param {Declaration} [declared]
 * @param {string} [task] absent: the job is a request of its own
 * @returns {TaskDeclaration} for a task that is not declared, what the queue says
 */
function ruleOf({ tasks = {}, encrypt } = {}, task = "") {
  return Object.hasOwn(tasks, task) ? /** @type {TaskDeclaration} */ (tasks[task]) : { encrypt };
}

/**
 * @param {import("./records.js").Payload} payload
 * @param {string[]} names
 */
const legible = (payload, names) =>
  Object.fromEntries(names.filter((name) => Object.hasOwn(payload, name)).map((name) => [name, payload[name]]));
