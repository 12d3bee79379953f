/**
 * `<form data-pyqueue="task">`: a submit enqueues the form's fields. Without this script, or before it has
 * loaded, the form submits as it always did.
 *
 * A field's name shadows the form's own property: with `<input name="reset">`, `form.reset` is that input. So
 * what is asked of a form is asked through the prototypes.
 */

import { NotSupported } from "./errors.js";
import { fieldsOf } from "./payload.js";
import { views } from "./second.js";

/** This place can keep no write. */
let isRefused = false;

/** Forms whose submit is being written: a second click does nothing. @type {WeakSet<HTMLFormElement>} */
const busy = new WeakSet();

/**
 * @param {Document} document
 * @param {import("./client.js").Client} client
 */
export function enhanceForms(document, client) {
  // On the document: forms that are added later are served as well.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || event.defaultPrevented) return;
    const task = attribute(form, "data-pyqueue");
    if (task === undefined || isRefused) return;
    event.preventDefault();
    submit(client, form, task, event.submitter);
  });
}

/**
 * @param {HTMLFormElement} form
 * @param {string} name
 */
const attribute = (form, name) => Element.prototype.getAttribute.call(form, name) ?? undefined;

/**
 * @param {import("./client.js").Client} client
 * @param {HTMLFormElement} form
 * @param {string} task
 * @param {HTMLElement | null} submitter
 */
async function submit(client, form, task, submitter) {
  if (busy.has(form)) return;
  busy.add(form);
  Element.prototype.setAttribute.call(form, "aria-busy", "true");
  try {
    const job = await client.enqueue(task, fieldsOf(new FormData(form, submitter)), {
      orderingKey: attribute(form, "data-pyqueue-ordering-key"),
      uniqueKey: attribute(form, "data-pyqueue-unique-key"),
    });
    HTMLFormElement.prototype.reset.call(form);
    complain(form);
    emit(form, "pyqueue:enqueued", { job });
  } catch (error) {
    if (error instanceof NotSupported) {
      // As if this script were absent, this form and every later one.
      isRefused = true;
      // Not in the middle of the event that was prevented: then it is ignored.
      setTimeout(() => HTMLFormElement.prototype.requestSubmit.call(form, submitter));
      return;
    }
    complain(form, /** @type {Error} */ (error).message);
    emit(form, "pyqueue:error", { error });
  } finally {
    busy.delete(form);
    Element.prototype.removeAttribute.call(form, "aria-busy");
  }
}

/**
 * Shows why nothing was enqueued, somewhere in any case.
 *
 * @param {HTMLFormElement} form
 * @param {string} [message] absent: takes the complaint away
 */
const complain = (form, message) =>
  views().then(
    (views) => views.complain(form, message),
    () => message && alert(message),
  );

/**
 * @param {HTMLFormElement} form
 * @param {string} type
 * @param {object} detail
 */
function emit(form, type, detail) {
  EventTarget.prototype.dispatchEvent.call(form, new CustomEvent(type, { bubbles: true, detail }));
}
