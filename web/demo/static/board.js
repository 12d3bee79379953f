/** The board: draws what the server has and what this browser has still to deliver. */

import { onChanges } from "./changes.js";
import { drawComments, readComments, serverComments } from "./comments.js";
import { drawQueue, readLog, watchPanel } from "./panel.js";
import { drawPhotos, readPhotos, watchPhotos } from "./photos.js";
import { readQueue } from "./queue.js";
import { registerShell } from "./shell.js";

const { pyqueue } = window;

const form = /** @type {HTMLFormElement} */ (document.getElementById("comment-form"));
const text = /** @type {HTMLTextAreaElement} */ (document.getElementById("comment-text"));
const send = /** @type {HTMLButtonElement} */ (document.getElementById("send"));
const problem = /** @type {HTMLElement} */ (document.getElementById("comment-error"));

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  problem.hidden = true;
  send.disabled = true; // A second click while the first is being written.
  try {
    await pyqueue.enqueue("comment.create", { post_id: 1, text: text.value });
    form.reset();
  } catch (error) {
    // Nothing was stored (too long, queue full, no room): the words stay in the field.
    problem.textContent = /** @type {Error} */ (error).message;
    problem.hidden = false;
  }
  send.disabled = false;
  text.focus();
});

text.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) send.click();
});

const draw = onChanges(async () => {
  const server = serverComments();
  const queue = await readQueue();
  await drawComments(server, queue);
  drawPhotos(queue);
  drawQueue(queue);
});
// Beside it, so that what is written appears at once, however slow the network is.
const read = onChanges(async () => {
  await Promise.all([readComments(), readPhotos(), readLog()]);
  draw();
});
watchPanel(read);
watchPhotos();
registerShell();
