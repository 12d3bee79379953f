/** Wakes the queue: boots Python when needed and drains. */

import { boot, origin } from "./boot.js";
import { broadcast, broadcastFailure } from "./channel.js";

/** Why a page wakes the queue. */
export const PAGE_REASONS = new Set(["append", "load", "online", "visible", "timer"]);

/** Milliseconds after a wake-up in which further ones for the same reason are told together. */
const GAP = 10;

/**
 * By reason, the wake-up that is still to be told.
 * @type {Map<string, Promise<number | undefined>>}
 */
const next = new Map();

/** When Python was last told of each reason. @type {Map<string, number>} */
const toldAt = new Map();

/**
 * Wakes the queue, the first time at once. A page that enqueues in a loop wakes it thousands of times.
 *
 * @param {string} reason what woke the queue: `append`, `load`, `online`, `visible`, `timer` or `sync`
 * @param {number} linger seconds for which to wait for work that comes due, instead of ending
 * @returns {Promise<number | undefined>} when there is work next, Unix time in seconds; `undefined`: none
 * @throws {Error} Python did not boot or the drain failed; the pages were told
 */
export function wake(reason, linger) {
  const waiting = next.get(reason);
  if (waiting) return waiting;
  const rest = (toldAt.get(reason) ?? -Infinity) + GAP - performance.now();
  if (rest <= 0) return tell(reason, linger);
  const later = new Promise((resolve) => self.setTimeout(resolve, rest)).then(() => {
    next.delete(reason);
    return tell(reason, linger);
  });
  next.set(reason, later);
  return later;
}

/**
 * @param {string} reason
 * @param {number} linger
 * @returns {Promise<number | undefined>}
 */
async function tell(reason, linger) {
  toldAt.set(reason, performance.now());
  try {
    const dispatcher = await boot();
    // Said at each wake, not only after a boot: a page that came later has not heard it.
    broadcast({ type: "worker", state: "ready", boot: origin });
    const answer = await dispatcher.wake(reason, linger);
    if (!answer.ok) throw Object.assign(new Error(answer.message), { name: answer.name });
    return answer.value;
  } catch (cause) {
    broadcastFailure(cause);
    throw cause;
  }
}
