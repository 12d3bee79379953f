/** Wakes the queue: boots Python when needed and drains. */

import { boot } from "./boot.js";
import { broadcast, broadcastFailure } from "./channel.js";

/**
 * @param {string} reason what woke the queue: `append`, `load`, `online`, `visible`, `timer` or `sync`
 * @param {number} linger seconds for which to wait for work that comes due, instead of ending
 * @returns {Promise<number | undefined>} when there is work next, Unix time in seconds; `undefined`: none
 * @throws {Error} Python did not boot or the drain failed; the pages were told
 */
export async function wake(reason, linger) {
  try {
    const dispatcher = await boot();
    // Said at each wake, not only after a boot: a page that came later has not heard it.
    broadcast({ type: "worker", state: "ready" });
    const answer = await dispatcher.wake(reason, linger);
    if (!answer.ok) throw Object.assign(new Error(answer.message), { name: answer.name });
    return answer.value;
  } catch (cause) {
    broadcastFailure(cause);
    throw cause;
  }
}
