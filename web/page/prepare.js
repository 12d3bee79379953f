/** What an append needs besides writing: what only few pages run of it. */

import { isEncrypted } from "../cipher.js";
import { result } from "./database.js";
import { encryptCommands } from "./encrypt.js";
import { requireJob } from "./follow.js";
import { checkRequest } from "./request.js";
import { declared, Locked } from "./shared.js";

/**
 * @typedef {import("./records.js").Command} Command
 * @typedef {(tx: IDBTransaction, principal?: string) => Promise<unknown>} Check within the transaction, before anything
 *   is written; rejects if nothing may be
 * @typedef {[commands: Command[], stores: string[], check: Check]} Prepared what is to be written, the stores that the
 *   transaction opens besides, and what to do first in it
 *
 * @param {Command[]} commands
 * @param {import("./records.js").Declaration} [declaration]
 * @param {string} [told] who is signed in, as this page was told
 * @returns {Promise<Prepared>}
 * @throws {import("./errors.js").PyqueueError} what is to be encrypted cannot be
 */
export async function prepare(commands, declaration, told) {
  for (const { type, task, payload } of commands) {
    if (type === "enqueue" && task === undefined) checkRequest(payload ?? {}, declaration, declared);
  }
  const naming = commands.filter((command) => command.type !== "enqueue" && "id" in command);
  const cleared = commands.filter(({ type }) => type === "clear");
  const prepared = await encryptCommands(commands, declaration, told);
  const keys = prepared.flatMap(({ principal, payload }) => {
    const key = isEncrypted(payload) && payload[1].key;
    return key ? [[principal, key]] : [];
  });
  return [
    prepared,
    [...(naming.length ? ["jobs"] : []), ...(cleared.length || keys.length ? ["keys"] : [])],
    (tx, principal) => {
      // What is left on the disk of theirs cannot be read from here on.
      for (const { principal = "" } of cleared) {
        tx.objectStore("keys").delete(IDBKeyRange.bound([principal], [principal, []]));
      }
      return Promise.all([
        ...naming.map(async ({ id, payload }) => {
          const { task } = await requireJob(tx, id, principal);
          if (payload && task === undefined) checkRequest(payload, declaration, declared);
        }),
        ...keys.map((key) => requireKey(tx, /** @type {string[]} */ (key))),
      ]);
    },
  ];
}

/**
 * A person may have discarded everything, in another tab, between the encryption and the write.
 *
 * @param {IDBTransaction} tx over `keys`
 * @param {string[]} key
 * @throws {Locked} it is not there: what it encrypted could never be read
 */
async function requireKey(tx, key) {
  if ((await result(tx.objectStore("keys").getKey(key))) === undefined) {
    throw new Locked("the key was destroyed while this was encrypted: somebody has signed out; try again");
  }
}
