/** Periodic wake-ups, where the browser has granted them: they also come when the last `sync` event was given up. */

import { mount } from "./shared.js";

/** Milliseconds. Browsers make it longer, by how much the site is used. */
const INTERVAL = 12 * 60 * 60 * 1000;

/**
 * @typedef {{register(tag: string, options: {minInterval: number}): Promise<void>}} PeriodicSyncManager
 */

/**
 * Registers the worker for `periodicsync` events; nobody is asked.
 *
 * @param {ServiceWorkerRegistration & {periodicSync?: PeriodicSyncManager}} registration
 */
export async function registerPeriodicSync({ periodicSync }) {
  if (!periodicSync) return;
  try {
    const name = /** @type {PermissionName} */ ("periodic-background-sync");
    const { state } = await navigator.permissions.query({ name });
    if (state === "granted") await periodicSync.register(mount(), { minInterval: INTERVAL });
  } catch {
    // The other wake-ups are enough.
  }
}
