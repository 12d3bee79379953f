/** When to draw again. */

const { pyqueue } = window;

/**
 * Draws now, and whenever what is shown may have changed. Changes that come while it draws are drawn once,
 * afterwards.
 *
 * @param {() => Promise<unknown>} drawAll
 * @returns {() => Promise<void>} draws once more
 */
export function onChanges(drawAll) {
  let drawing = false;
  let changed = false;

  async function draw() {
    changed = true;
    if (drawing) return;
    drawing = true;
    while (changed) {
      changed = false;
      await drawAll();
    }
    drawing = false;
  }

  pyqueue.subscribe(draw);
  addEventListener("online", draw);
  document.addEventListener("visibilitychange", () => document.hidden || draw());
  draw();
  return draw;
}
