/**
 * The worker's entry. It runs as the service worker of its own folder, and, where service workers are
 * missing or refused, as a dedicated worker of each page; both process the queue under the same lock.
 *
 * A service worker is only woken for listeners that were there when its script was first evaluated, so all
 * of them are attached here, at once. There is no `fetch` listener: the site's requests are none of ours.
 */

import { isBooted } from "./boot.js";
import { broadcastFailure } from "./channel.js";
import { precache, removeOldFiles } from "./files.js";
import { isInboxEmpty } from "./inbox.js";
import { NAME } from "./mount.js";
import { onToken } from "./site.js";
import { onSync, register } from "./sync.js";
import { inTurn } from "./turn.js";
import { PAGE_REASONS, wake } from "./wake.js";

/** Seconds. After a message the page's timer wakes the queue again, so only nearest work is waited for. */
const MESSAGE_LINGER = 5;

const worker = /** @type {ServiceWorkerGlobalScope} */ (/** @type {unknown} */ (self));

/** Set between install and activation: an update runs beside the active worker and leaves the queue to it. */
let installing = false;

/**
 * Drains for a page. A drain that ends with work left has armed a wake-up; one that failed was reported to
 * the pages, and Background Sync tries again also when they are closed.
 *
 * @param {string} reason see `wake`
 */
async function wakeForPage(reason) {
  await wake(reason, MESSAGE_LINGER).catch(register);
}

worker.addEventListener("install", (event) => {
  installing = true;
  // Pages need not be reloaded for a new worker: it controls none, and the browser lets the old one finish
  // its event before this one becomes active.
  worker.skipWaiting();
  event.waitUntil(
    precache().catch((error) => {
      broadcastFailure(error);
      throw error; // the install fails, and an older worker stays
    }),
  );
});

worker.addEventListener("activate", (event) => {
  installing = false;
  event.waitUntil(removeOldFiles());
  // What was written before there was a worker: its page may be gone by now. Activation does not wait for it,
  // and Python is not booted for a visitor who has written nothing.
  isInboxEmpty().then((empty) => (empty ? undefined : wakeForPage("load")), register);
});

worker.addEventListener("message", (event) => {
  if (event.data?.type === "token") onToken(event.data);
  const { type, reason } = event.data ?? {};
  // Any script of the site may send anything, and a reason of its own making would be remembered for ever.
  if (type !== "wake" || !PAGE_REASONS.has(reason) || installing) return;
  // The message event of a page's own worker has no life to extend: the worker lives as long as its page lets it.
  if ("waitUntil" in event) event.waitUntil(wakeForPage(reason));
  else inTurn(reason, wakeForPage);
});

// Heard only by a worker that is at work already: what it waits to send for lack of a network is due now.
worker.addEventListener("online", () => isBooted() && wakeForPage("online"));

/** @param {Event} event */
function onBackgroundSync(event) {
  const sync = /** @type {import("./sync.js").SyncEvent} */ (event);
  if (sync.tag === NAME) sync.waitUntil(onSync(sync, wake));
}

worker.addEventListener("sync", onBackgroundSync);
worker.addEventListener("periodicsync", onBackgroundSync);
