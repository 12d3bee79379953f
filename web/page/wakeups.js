/**
 * When a page wakes the worker. Due or future work always has an armed wake-up: the timer runs for as long
 * as there is work, whatever became of the worker.
 */

import { SILENCE } from "../vocabulary.js";
import { listen } from "./channel.js";
import { now } from "./records.js";
import { readWork } from "./work.js";

/** Milliseconds: what `setTimeout` can count to. More would end at once. */
const LONGEST = 2 ** 31 - 1;

/** Seconds after which a worker that has just ended is woken again at the earliest. */
const PAUSE = 1;

/**
 * The schedule, if it can be believed: a command is newer than any schedule, and one that was written later than
 * now is by another clock.
 *
 * @param {import("./work.js").Work} work
 * @param {number} time Unix time in seconds
 */
const scheduleOf = ({ commands, schedule }, time) =>
  commands || !schedule || !(schedule.at <= time) || !Number.isFinite(schedule.wake_at ?? 0) ? undefined : schedule;

/**
 * How long the work can wait, for all that is known after a silence: the worker may have died at any instant, with
 * a job on its way or due that the schedule does not know of.
 *
 * @param {import("./work.js").Work} work
 * @param {number} time Unix time in seconds
 * @returns {number} seconds; 0: the worker is to be woken now
 */
function waitAfterSilence(work, time) {
  const wakeAt = scheduleOf(work, time)?.wake_at;
  if (work.sending || wakeAt === undefined) return 0;
  return Math.max(0, Math.min(wakeAt, work.due ?? wakeAt) - time);
}

/**
 * The same once the worker has said that it ends: then its schedule knows of all but the inbox.
 *
 * @param {import("./work.js").Work} work
 * @param {number} time Unix time in seconds
 * @returns {number} seconds; infinite: nothing is due by itself
 */
function waitAfterIdle(work, time) {
  const schedule = scheduleOf(work, time);
  return schedule ? Math.max(PAUSE, (schedule.wake_at ?? Infinity) - time) : SILENCE;
}

/**
 * Wakes the worker whenever there may be something to do.
 *
 * @param {(reason: string) => void} wake
 * @returns {(reason: string) => void} wakes it too, and watches that it answers
 */
export function armWakeups(wake) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  /** How often the timer was set: what was read before the last time is too old to set it again. */
  let armed = 0;

  /** @param {number} seconds from now; infinite: never */
  function wakeIn(seconds) {
    armed += 1;
    clearTimeout(timer);
    if (seconds === Infinity) return;
    timer = setTimeout(() => look("timer", waitAfterSilence), Math.min(seconds * 1000, LONGEST));
  }

  /** @param {string} reason */
  function wakeNow(reason) {
    wakeIn(SILENCE);
    wake(reason);
  }

  /**
   * Wakes the worker if there is work, now or when it is time.
   *
   * @param {string} reason
   * @param {(work: import("./work.js").Work, time: number) => number} [waitFor] seconds; left out: wake it now
   * @param {boolean} [isNew] the worker may know tasks that the last one did not
   */
  async function look(reason, waitFor = () => 0, isNew = false) {
    const before = armed;
    try {
      const work = await readWork();
      const some = work.commands || work.sending || work.waiting || (isNew && work.failed);
      const wait = some ? waitFor(work, now()) : Infinity;
      if (wait === 0) wakeNow(reason);
      // Else there was news while this was read, which has set the timer itself.
      else if (armed === before) wakeIn(wait);
    } catch (error) {
      console.error("pyqueue: cannot look for work:", error);
      wakeIn(SILENCE);
    }
  }

  listen((change) => {
    if (change.type === "idle") {
      // Read, not taken from the message: there may be newer work.
      look("timer", waitAfterIdle);
    } else if (change.type === "changed" || change.type === "appended") {
      wakeIn(SILENCE);
    } else if (change.type === "worker" && (change.state === "installed" || change.state === "idle")) {
      // Now there is someone to wake, and to arm Background Sync with, for what was enqueued before.
      look("append", undefined, true);
    }
  });

  globalThis.addEventListener("online", () => look("online"));
  globalThis.addEventListener("pageshow", (event) => {
    // Out of the back/forward cache: every other show is a load.
    if (/** @type {PageTransitionEvent} */ (event).persisted) look("visible");
  });
  globalThis.document?.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") look("visible");
  });
  look("load");
  return wakeNow;
}
