/** What the board shows of this browser's queue. Its cost does not grow with the queue: all of it has a limit. */

const { pyqueue } = window;

/** Jobs that are shown of each kind; of those that wait, more are counted. */
const SHOWN = 50;

/**
 * @typedef {import("../../pyqueue.js").Job} Job
 * @typedef {object} Queue
 * @property {Job[]} waiting the first that are to be sent, each with its `explanation`
 * @property {number} more how many wait behind them
 * @property {Job[]} over the last that were not accepted
 * @property {Job[]} done the last that were delivered
 * @property {Job[]} latest the last of all, the last first
 * @property {import("../../pyqueue.js").Stats} stats
 */

/** Reads it: the lists together, for they are asked for at the same time. @returns {Promise<Queue>} */
export async function readQueue() {
  const last = { limit: SHOWN, reverse: true };
  const [waiting, over, done, latest, stats] = await Promise.all([
    pyqueue.jobs({ status: ["sending", "pending"], limit: SHOWN, explain: true }),
    pyqueue.jobs({ status: ["failed", "expired"], ...last }),
    pyqueue.jobs({ status: "done", ...last }),
    pyqueue.jobs(last),
    pyqueue.stats(),
  ]);
  const { sending, pending } = stats.depth;
  const more = waiting.length < SHOWN ? 0 : Math.max(0, sending + pending - SHOWN);
  return { waiting, more, over: over.reverse(), done: done.reverse(), latest, stats };
}
