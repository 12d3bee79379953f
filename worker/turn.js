/**
 * One interpreter for all tabs. Pages that can have no service worker each start a worker of their own; of those, one
 * has the turn, and only that one boots Python. The others hand it their wake-ups, and wait in case it ends.
 */

import { isInboxEmpty } from "./inbox.js";
import { NAME } from "./mount.js";
import { PAGE_REASONS } from "./wake.js";

/** Seconds without work after which the page may end its worker, and the interpreter with it. */
const REST = 10;

/** Seconds within which the worker that has the turn answers; one that does not is frozen with its tab. */
const PATIENCE = 10;

/** Whether the tabs can agree on one of their workers: Web Locks need a secure context. */
const canAgree = "locks" in navigator;

/**
 * Between the workers of the tabs: `{wake}` is a reason, `{heard}` answers it, and `{done}` tells that all is done
 * which was asked for.
 */
const tabs = new BroadcastChannel(`${NAME} tabs`);

let hasTurn = !canAgree;
/** @type {Promise<boolean> | undefined} */
let waiting;
/** Messages of this worker's page. */
let received = 0;
let working = 0;
/** @type {number | undefined} */
let timer;

/**
 * Does what this worker's page asks for, when it is this worker's turn.
 *
 * @param {string} reason of the wake-up
 * @param {(reason: string) => Promise<unknown>} work never rejects
 */
export async function inTurn(reason, work) {
  received += 1;
  await take(reason, work);
}

/**
 * @param {string} reason
 * @param {(reason: string) => Promise<unknown>} work
 */
async function take(reason, work) {
  clearTimeout(timer);
  working += 1;
  if (!hasTurn) tabs.postMessage({ wake: reason });
  if (hasTurn || (await turn(work))) await work(reason);
  working -= 1;
  if (working > 0) return;
  if (hasTurn) tabs.postMessage({ done: true });
  timer = self.setTimeout(() => self.postMessage({ type: "rested", received }), REST * 1000);
}

/**
 * Waits until the worker that has the turn has ended, or has done all there is.
 *
 * @param {(reason: string) => Promise<unknown>} work
 * @returns {Promise<boolean>} whether it is this worker's turn now
 */
function turn(work) {
  waiting ??= new Promise((resolve) => {
    const withdrawal = new AbortController();
    const begin = () => {
      if (hasTurn) return; // It was not waited for any longer, and is granted now.
      clearTimeout(limit);
      tabs.removeEventListener("message", follow);
      hasTurn = true;
      tabs.addEventListener("message", ({ data }) => {
        if (!PAGE_REASONS.has(data?.wake)) return;
        tabs.postMessage({ heard: true });
        take(data.wake, work);
      });
      resolve(true);
    };
    /** @param {MessageEvent} event */
    const follow = async ({ data }) => {
      if (data?.heard || data?.done) clearTimeout(limit);
      // It may have looked before this page's command was there.
      if (data?.done && (await isInboxEmpty().catch(() => false))) withdrawal.abort();
    };
    // The lock of the queue itself knows what to do about a frozen owner.
    const limit = self.setTimeout(begin, PATIENCE * 1000);
    tabs.addEventListener("message", follow);
    navigator.locks
      .request(`${NAME} interpreter`, { signal: withdrawal.signal }, () => {
        begin();
        return new Promise(() => {}); // until this worker ends
      })
      .catch(() => {
        clearTimeout(limit);
        tabs.removeEventListener("message", follow);
        resolve(false);
      });
  }).then((mine) => {
    waiting = undefined;
    return mine;
  });
  return waiting;
}
