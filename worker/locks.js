/** The Web Lock of the queue's owner. */

import { failure } from "./answer.js";
import { NAME } from "./mount.js";

/**
 * Asks for the lock.
 *
 * @param {number} wait seconds
 * @param {boolean} steal take it from its holder at once; `wait` then does not matter
 * @returns {Promise<import("./answer.js").Answer>} the value is the function that lets the lock go; the
 *   failure of a wait that was too long is named `AbortError`
 */
export function acquire(wait, steal) {
  const waiting = new AbortController();
  const timer = self.setTimeout(() => waiting.abort(), wait * 1000);
  // The engine refuses a signal together with `steal`.
  const options = steal ? { steal } : { signal: waiting.signal };
  return new Promise((resolve) => {
    navigator.locks
      .request(NAME, options, () => {
        clearTimeout(timer);
        return new Promise((release) => resolve({ ok: true, value: release }));
      })
      // After the lock was granted this is only news of a theft: the next commit finds out by the epoch.
      .catch((error) => resolve(failure(error)));
  });
}
