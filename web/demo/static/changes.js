/** When to look again. */

const { pyqueue } = window;

/** Milliseconds between two looks: nobody reads faster. */
const REST = 200;

/** The same as a multiple of the time that the last one took, and at most. */
const SHARE = 3;
const LONGEST_REST = 500;

/**
 * Does something now, and whenever what the page shows may have changed: before the browser draws next, which it does
 * not while the tab is hidden. For changes that come meanwhile, or soon after, it is done once.
 *
 * @param {() => Promise<unknown>} act
 * @returns {() => Promise<void>} does it once more
 */
export function onChanges(act) {
  let acting = false;
  let changed = false;

  async function again() {
    changed = true;
    if (acting) return;
    acting = true;
    try {
      while (changed) {
        await new Promise((resolve) => requestAnimationFrame(resolve));
        changed = false;
        const start = performance.now();
        await act();
        const rest = Math.min(Math.max(REST, SHARE * (performance.now() - start)), LONGEST_REST);
        await new Promise((resolve) => setTimeout(resolve, rest));
      }
    } finally {
      acting = false;
    }
  }

  pyqueue.subscribe(again);
  addEventListener("online", again);
  document.addEventListener("visibilitychange", () => document.hidden || again());
  again();
  return again;
}
