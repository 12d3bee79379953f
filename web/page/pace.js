/**
 * The pace at which a page reads. The worker's commits wait behind whoever reads the stores they write, so a page
 * that reads at every change must leave most of the time to them.
 */

/** Of the time, what one kind of read may take. */
const SHARE = 1 / 6;

/** Milliseconds of reading that are free after a rest: who reads now and then never waits. */
const FREE = 100;

/** Milliseconds of reading that are counted at most: even after the longest read the next one waits one second. */
const COUNTED = 150;

/**
 * Makes one read of all that is asked for at the same time, and lets these reads follow each other one at a time
 * and no faster than their share of the time allows. A call that comes while one is on its way is answered by the
 * next one, so that every answer was read after it was asked for. Who asks for the same may get the same object.
 *
 * @template Asked, Answer
 * @param {(asked: Asked[]) => Promise<Answer[]>} read answers in the order of what was asked
 * @returns {(asked: Asked) => Promise<Answer>}
 */
export function paced(read) {
  /** @type {{asked: Asked, resolve: (answer: Answer) => void, reject: (error: unknown) => void}[]} */
  let waiting = [];
  let reading = false;
  let left = FREE;
  let counted = performance.now();

  /** Waits until there is time for a read. */
  async function rest() {
    const time = performance.now();
    left = Math.min(FREE, left + Math.max(0, time - counted) * SHARE);
    counted = time;
    if (left >= 0) return;
    const owed = -left;
    await new Promise((resolve) => setTimeout(resolve, owed / SHARE));
    // By the timer, not by the clock: a tab in the background may be woken late, and a clock can be set.
    left = 0;
    counted = performance.now();
  }

  async function readOn() {
    while (waiting.length) {
      await rest();
      const calls = waiting;
      waiting = [];
      try {
        const answers = await read(calls.map(({ asked }) => asked));
        for (const [position, { resolve }] of calls.entries()) resolve(/** @type {Answer} */ (answers[position]));
      } catch (error) {
        for (const { reject } of calls) reject(error);
      }
      const time = performance.now();
      left = Math.max(-COUNTED, left - Math.max(0, time - counted));
      counted = time;
    }
    reading = false;
  }

  return (asked) =>
    new Promise((resolve, reject) => {
      waiting.push({ asked, resolve, reject });
      if (reading) return;
      reading = true;
      // Once the caller's turn is over: what it asks for in the same turn is read together.
      queueMicrotask(readOn);
    });
}
