/** The board: draws what the server has and what this browser has still to deliver. */

import { drawComments } from "./comments.js";
import { drawQueue, watchPanel } from "./panel.js";
import { drawPhotos, watchPhotos } from "./photos.js";
import { registerShell } from "./shell.js";

const { pyqueue } = window;

const form = /** @type {HTMLFormElement} */ (document.getElementById("comment-form"));
const text = /** @type {HTMLTextAreaElement} */ (document.getElementById("comment-text"));
const problem = /** @type {HTMLElement} */ (document.getElementById("comment-error"));

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  problem.hidden = true;
  try {
    await pyqueue.enqueue("comment.create", { post_id: 1, text: text.value });
    form.reset();
  } catch (error) {
    // Nothing was stored (too long, queue full, no room): the words stay in the field.
    problem.textContent = /** @type {Error} */ (error).message;
    problem.hidden = false;
  }
  text.focus();
});

text.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
});

let drawing = false;
let changed = false;

/** Draws everything; changes that come meanwhile are drawn once, afterwards. */
async function draw() {
  changed = true;
  if (drawing) return;
  drawing = true;
  while (changed) {
    changed = false;
    const jobs = await pyqueue.jobs();
    await Promise.all([drawComments(jobs), drawPhotos(jobs), drawQueue(jobs)]);
  }
  drawing = false;
}

pyqueue.subscribe(draw);
addEventListener("online", draw);
document.addEventListener("visibilitychange", () => document.hidden || draw());
watchPanel(draw);
watchPhotos();
draw();
registerShell();
