/** What the second script does on every page with a document, once it is there. */

import { hpke } from "./seal.js";
import { declared } from "./shared.js";
import { guardSignOut } from "./sign-out-guard.js";
import { defineStatusElement } from "./status-element.js";

/** @param {import("./client.js").Client} client */
export function begin(client) {
  defineStatusElement(client);
  guardSignOut(document, client);
  // Whoever writes later may be offline then.
  if (declared?.server_key) hpke().catch((error) => console.warn("pyqueue:", error.message));
}
