/** What changed: of this page, of other pages, and of the worker. */

import { mount } from "../mount.js";

/**
 * @typedef {{id: string, status?: import("../vocabulary.js").Status, task?: string}} ChangedJob
 * @typedef {{type: string, jobs?: ChangedJob[], [name: string]: any}} Change
 * @typedef {(change: Change) => void} Listener
 */

/** @type {BroadcastChannel | undefined} */
let channel;

/** @type {Set<Listener>} */
const listeners = new Set();

/** @param {Change} change */
function notify(change) {
  for (const listener of [...listeners]) {
    // One listener's mistake must not keep the change from the others.
    try {
      listener(change);
    } catch (error) {
      reportError(error);
    }
  }
}

/**
 * Whether it is a message of this queue: another script of the site may send anything.
 *
 * @param {any} data
 */
const isChange = (data) =>
  data?.type && (data.jobs === undefined || (Array.isArray(data.jobs) && data.jobs.every((/** @type {any} */ job) => job?.id)));

/** Begins to hear other pages and the worker. */
export function openChannel() {
  if (typeof BroadcastChannel === "undefined") return;
  channel = new BroadcastChannel(mount());
  channel.addEventListener("message", ({ data }) => isChange(data) && notify(data));
}

/**
 * @param {Listener} listener
 * @returns {() => void} ends it
 */
export function listen(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/**
 * Tells this page's listeners, and those of the other pages: a page does not hear its own broadcasts.
 *
 * @param {Change} change
 */
export function announce(change) {
  channel?.postMessage(change);
  notify(change);
}

/** Tells this page's listeners only. @param {Change} change */
export const announceHere = notify;
