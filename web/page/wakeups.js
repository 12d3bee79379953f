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

  /** @param {string} reason */
  async function wakeIfWork(reason) {
    const { work, wakeAt } = await readWork();
    if (!work) return;
    if (reason === "timer" && wakeAt !== undefined && wakeAt > now()) wakeIn(wakeAt - now());
    else wakeNow(reason);
  }

  listen((change) => {
    if (change.type === "idle") {
      clearTimeout(timer);
      if (change.wake_at !== undefined) wakeIn(change.wake_at - now());
    } else if (change.type === "changed" || change.type === "appended") {
      wakeIn(SILENCE);
    }
  });

  const on = (/** @type {string} */ type, /** @type {() => void} */ listener) =>
    globalThis.addEventListener(type, listener);
  const quietly = (/** @type {string} */ reason) => void wakeIfWork(reason).catch(() => {});
  on("online", () => quietly("online"));
  on("pageshow", () => quietly("visible"));
  globalThis.document?.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") quietly("visible");
  });
  quietly("load");
  return wakeNow;
}
