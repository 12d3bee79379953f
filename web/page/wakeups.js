/**
 * When a page wakes the worker. Due or future work always has an armed wake-up: the timer runs for as long
 * as there is work, whatever became of the worker.
 */

import { listen } from "./channel.js";
import { now } from "./records.js";
import { readWork } from "./view.js";

/** Seconds without a word from a worker that was woken, after which it is taken for stopped. */
const SILENCE = 30;

/** Milliseconds: what `setTimeout` can count to. */
const LONGEST = 2 ** 31 - 1;

/**
 * Wakes the worker whenever there may be something to do.
 *
 * @param {(reason: string) => void} wake
 * @returns {(reason: string) => void} wakes it too, and watches that it answers
 */
export function armWakeups(wake) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;

  /** @param {number} seconds from now */
  function wakeIn(seconds) {
    clearTimeout(timer);
    timer = setTimeout(() => wakeIfWork("timer"), Math.min(Math.max(seconds * 1000, 0), LONGEST));
  }

  /** @param {string} reason */
  function wakeNow(reason) {
    wakeIn(SILENCE);
    wake(reason);
  }

  /**
   * @param {string} reason
   * @param {boolean} [isNew] the worker may know tasks that the last one did not
   */
  async function wakeIfWork(reason, isNew = false) {
    try {
      const { work, undeclared, wakeAt } = await readWork();
      if (!work && !(isNew && undeclared)) return;
      if (reason === "timer" && wakeAt !== undefined && wakeAt > now()) wakeIn(wakeAt - now());
      else wakeNow(reason);
    } catch (error) {
      console.error("pyqueue: cannot look for work:", error);
      wakeIn(SILENCE);
    }
  }

  listen((change) => {
    if (change.type === "idle") {
      clearTimeout(timer);
      if (change.wake_at !== undefined) wakeIn(change.wake_at - now());
    } else if (change.type === "changed" || change.type === "appended") {
      wakeIn(SILENCE);
    } else if (change.type === "worker" && (change.state === "installed" || change.state === "idle")) {
      // Now there is someone to wake, and to arm Background Sync with, for what was enqueued before.
      wakeIfWork("append", true);
    }
  });

  globalThis.addEventListener("online", () => wakeIfWork("online"));
  globalThis.addEventListener("pageshow", (event) => {
    // Out of the back/forward cache: every other show is a load.
    if (/** @type {PageTransitionEvent} */ (event).persisted) wakeIfWork("visible");
  });
  globalThis.document?.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") wakeIfWork("visible");
  });
  wakeIfWork("load");
  return wakeNow;
}
