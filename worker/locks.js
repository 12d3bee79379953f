/** The Web Lock of the queue's owner. */

import { failure } from "./answer.js";

const NAME = "pyqueue";

/**
 * Asks for the lock.
 *
 * @param {{wait: number} | {steal: true}} how seconds to wait, or take it from its holder at once
 * @returns {Promise<import("./answer.js").Answer>} the value is the function that lets the lock go; the
 *   failure of a wait that was too long is named `AbortError`
 */
export function acquire(how) {
  const waiting = new AbortController();
  const timer = "wait" in how ? self.setTimeout(() => waiting.abort(), how.wait * 1000) : undefined;
  // The engine refuses a signal together with `steal`.
  const options = "wait" in how ? { signal: waiting.signal } : { steal: true };
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
