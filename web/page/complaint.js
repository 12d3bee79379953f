/** Why a form's fields were not enqueued. */

/**
 * Shows it at the form's end; its fields are as the person left them.
 *
 * @param {HTMLFormElement} form its fields' names may shadow its own properties, see forms.js
 * @param {string} [message] absent: takes the complaint away
 */
export function complain(form, message) {
  let place = Element.prototype.querySelector.call(form, ":scope > .pyqueue-error");
  if (!message) {
    place?.remove();
    return;
  }
  if (!place) {
    place = document.createElement("p");
    place.className = "pyqueue-error";
    place.setAttribute("role", "alert");
    Element.prototype.append.call(form, place);
  }
  place.textContent = message;
}
