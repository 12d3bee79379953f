/**
 * pyqueue on a page: one script tag, or `import pyqueue from "/pyqueue/pyqueue.js"`. Also importable in a
 * dedicated worker. Loaded twice from one folder, it is still one queue; of two folders, the first has the global name.
 */

import { mount, mountAt } from "./mount.js";
import { Client } from "./page/client.js";
import { enhanceForms } from "./page/forms.js";
import { idle } from "./page/moment.js";
import { views } from "./page/second.js";

mountAt(import.meta.url);
const key = Symbol.for(mount());
const shared = /** @type {{[name: symbol]: Client, pyqueue?: Client}} */ (globalThis);

export const pyqueue = (shared[key] ??= new Client(new URL(import.meta.url)));
shared.pyqueue ??= pyqueue;
// For the line that the server appends: the build shortens the names of this module.
/** @type {any} */ (import.meta).pyqueue = pyqueue;

if (typeof document !== "undefined") {
  const { user, userHash } = [...document.scripts].find(({ src }) => src === import.meta.url)?.dataset ?? {};
  if (user !== undefined) {
    pyqueue
      .identify(user || null, { hash: userHash !== undefined })
      .catch((error) => console.error("pyqueue:", error));
  }
  enhanceForms(document, pyqueue);
  const show = () =>
    views()
      .then(({ begin }) => begin(pyqueue))
      .catch((error) => console.error("pyqueue:", error));
  // Loaded at any rate, while there is a network: whoever asks for a job later may be offline.
  if (document.querySelector("pyqueue-status")) show();
  else idle().then(show);
}

export default pyqueue;
export * from "./page/errors.js";
