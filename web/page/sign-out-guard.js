/** `data-pyqueue-sign-out` on a link or a form: asks, before it is followed, what is to become of what waits. */

import { askBeforeSignOut } from "./sign-out.js";

/** Links and forms that are followed now. @type {WeakSet<Element>} */
const asked = new WeakSet();

/**
 * @param {Document} document
 * @param {import("./client.js").Client} client
 */
export function guardSignOut(document, client) {
  for (const type of ["click", "submit"]) {
    document.addEventListener(type, (event) => {
      const target = /** @type {Element} */ (event.target);
      const link = /** @type {HTMLElement | null} */ (
        type === "click" ? target.closest("a[data-pyqueue-sign-out]") : target
      );
      if (event.defaultPrevented || !link?.matches("a, form[data-pyqueue-sign-out]") || asked.delete(link)) return;
      const follow = () => {
        asked.add(link);
        if (link instanceof HTMLFormElement) HTMLFormElement.prototype.requestSubmit.call(link);
        else link.click();
      };
      event.preventDefault();
      askBeforeSignOut(client)
        // Whoever signs out must be able to.
        .catch((error) => (console.error("pyqueue:", error), true))
        .then((leaves) => leaves && follow());
    });
  }
}
