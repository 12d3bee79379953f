/** What an append needs besides writing: what only few pages run of it. */

import { encryptCommands } from "./encrypt.js";
import { requireJob } from "./follow.js";

/**
 * @typedef {import("./records.js").Command} Command
 * @typedef {object} Prepared
 * @property {Command[]} commands to be written
 * @property {string[]} stores that the transaction opens besides
 * @property {(tx: IDBTransaction, principal?: string) => Promise<unknown>} check within the transaction, before anything
 *   is written; rejects if nothing may be
 *
 * @param {Command[]} commands
 * @param {import("./records.js").Declaration} [declared]
 * @param {string} [told] who is signed in, as this page was told
 * @returns {Promise<Prepared>}
 * @throws {import("./errors.js").PyqueueError} what is to be encrypted cannot be
 */
export async function prepare(commands, declared, told) {
  const naming = commands.filter(({ type, id }) => type !== "enqueue" && id !== undefined);
  const cleared = commands.filter(({ type }) => type === "clear");
  return {
    commands: await encryptCommands(commands, declared, told),
    stores: [...(naming.length ? ["jobs"] : []), ...(cleared.length ? ["keys"] : [])],
    check(tx, principal) {
      // What is left on the disk of theirs cannot be read from here on.
      for (const { principal = "" } of cleared) {
        tx.objectStore("keys").delete(IDBKeyRange.bound([principal], [principal, []]));
      }
      return Promise.all(naming.map(({ id }) => requireJob(tx, id, principal)));
    },
  };
}
