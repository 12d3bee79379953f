/**
 * `<form data-pyqueue="task">`: a submit enqueues the form's fields. Without this script, or before it has
 * loaded, the form submits as it always did.
 */

import { fieldsOf } from "./payload.js";

/**
 * @param {Document} document
 * @param {import("./queue.js").Queue} queue
 */
export function enhanceForms(document, queue) {
  // On the document: forms that are added later are served as well.
  document.addEventListener("submit", (event) => {
    const form = /** @type {HTMLFormElement} */ (event.target);
    const task = form.dataset?.pyqueue;
    if (task === undefined || event.defaultPrevented) return;
    event.preventDefault();
    submit(queue, form, task, event.submitter);
  });
}

/**
 * @param {import("./queue.js").Queue} queue
 * @param {HTMLFormElement} form
 * @param {string} task
 * @param {HTMLElement | null} submitter
 */
async function submit(queue, form, task, submitter) {
  if (form.ariaBusy === "true") return; // A second click while the first is being written.
  const fields = fieldsOf(new FormData(form, submitter));
  const { pyqueueOrderingKey, pyqueueUniqueKey } = form.dataset;
  form.ariaBusy = "true";
  try {
    const job = await queue.enqueue(task, fields, {
      orderingKey: pyqueueOrderingKey,
      uniqueKey: pyqueueUniqueKey,
    });
    form.reset();
    complain(form, "");
    emit(form, "pyqueue:enqueued", { job });
  } catch (error) {
    complain(form, /** @type {Error} */ (error).message);
    emit(form, "pyqueue:error", { error });
  } finally {
    form.ariaBusy = null;
  }
}

/**
 * @param {HTMLFormElement} form
 * @param {string} type
 * @param {object} detail
 */
function emit(form, type, detail) {
  form.dispatchEvent(new CustomEvent(type, { bubbles: true, detail }));
}

/**
 * Shows why nothing was enqueued, at the form's end; its fields are as the person left them.
 *
 * @param {HTMLFormElement} form
 * @param {string} message empty: takes the complaint away
 */
function complain(form, message) {
  let place = form.querySelector(":scope > .pyqueue-error");
  if (!message) {
    place?.remove();
    return;
  }
  if (!place) {
    place = form.ownerDocument.createElement("p");
    place.className = "pyqueue-error";
    place.setAttribute("role", "alert");
    form.append(place);
  }
  place.textContent = message;
}
