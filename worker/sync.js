/**
 * Background Sync: the wake-up that works with no page open.
 *
 * Measured in Chromium: an event lives 185 s, is fired 3 times at most (5, then 15 minutes apart), and
 * `register` is refused while no window of the origin is open. So with no page, letting the event fail is
 * the only way to be woken again.
 */

import { NAME } from "./mount.js";

/**
 * @typedef {ExtendableEvent & {tag: string, lastChance: boolean}} SyncEvent
 * @typedef {{register(tag: string): Promise<void>}} SyncManager
 */

/** Seconds for which a drain in a sync event waits for near retries: the event's life, with a margin. */
const LINGER = 150;

/** Sync events being handled. */
let running = 0;

const registration = /** @type {(ServiceWorkerRegistration & {sync?: SyncManager}) | undefined} */ (
  /** @type {any} */ (self).registration
);

/**
 * Asks for a sync event as soon as there is a network. Does nothing where that is not possible; then open
 * pages do the waking. Never rejects.
 *
 * During a sync event it does nothing either: the browser would fire the new one as soon as this ends, in a
 * loop without the pause that a failed event gets.
 */
export async function register() {
  if (running > 0) return;
  await registerAnyway();
}

async function registerAnyway() {
  try {
    await registration?.sync?.register(NAME);
  } catch {
    // No window is open, or the user has switched Background Sync off.
  }
}

/**
 * Drains the queue for one event.
 *
 * @param {SyncEvent} event
 * @param {(reason: string, linger: number) => Promise<number | undefined>} wake
 * @throws {Error} there is work left: the event fails, and the browser fires it again later
 */
export async function onSync(event, wake) {
  running += 1;
  let next;
  try {
    next = await wake("sync", LINGER);
  } catch (error) {
    if (event.lastChance) await registerAnyway();
    throw error;
  } finally {
    running -= 1;
  }
  if (next === undefined) return;
  // The browser gives up after the last chance. Where a window is open, a new registration starts over.
  if (event.lastChance) await registerAnyway();
  throw new Error(`the queue has work at ${new Date(next * 1000).toISOString()}`);
}
