/** When to look again. */

const { pyqueue } = window;

/**
 * Does something now, and whenever what the page shows may have changed. For changes that come meanwhile it is
 * done once, afterwards.
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
        changed = false;
        await act();
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
