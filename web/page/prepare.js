/** What an append needs besides writing: what only few pages run of it. */

import { encryptCommands } from "./encrypt.js";
import { requireJob } from "./follow.js";

/**
 * @typedef {import("./records.js").Command} Command
 * @typedef {(tx: IDBTransaction, principal?: string) => Promise<unknown>} Check within the transaction, before anything
 *   is written; rejects if nothing may be
 * @typedef {[commands: Command[], stores: string[], check: Check]} Prepared what is to be written, the stores that the
 *   transaction opens besides, and what to do first in it
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
  return [
    await encryptCommands(commands, declared, told),
    [...(naming.length ? ["jobs"] : []), ...(cleared.length ? ["keys"] : [])],
    (tx, principal) => {
      // What is left on the disk of theirs cannot be read from here on.
      for (const { principal = "" } of cleared) {
        tx.objectStore("keys").delete(IDBKeyRange.bound([principal], [principal, []]));
      }
      return Promise.all(naming.map(({ id }) => requireJob(tx, id, principal)));
    },
  ];
}
