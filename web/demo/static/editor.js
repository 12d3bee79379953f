/** The dialog in which an author corrects a comment that was refused. */

const { pyqueue } = window;
const $ = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));

const dialog = /** @type {HTMLDialogElement} */ ($("editor"));
const text = /** @type {HTMLTextAreaElement} */ ($("edit-text"));

/** @type {import("../../pyqueue.js").Job} */
let edited;

/**
 * Opens it.
 *
 * @param {import("../../pyqueue.js").Job} job
 */
export function edit(job) {
  edited = job;
  $("editor-note").textContent = job.error?.message ?? "";
  text.value = job.payload.text;
  $("edit-error").hidden = true;
  dialog.showModal();
  text.focus();
}

$("edit-cancel").addEventListener("click", () => dialog.close());
$("edit-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    await pyqueue.edit(edited.id, { ...edited.payload, text: text.value });
    dialog.close();
  } catch (error) {
    $("edit-error").textContent = /** @type {Error} */ (error).message;
    $("edit-error").hidden = false;
  }
});
