/**
 * pyqueue on a page: one script tag, or `import pyqueue from "/pyqueue/pyqueue.js"`. Also importable in a
 * dedicated worker. Loaded twice, under whatever URLs, it is still one queue.
 */

import { Client } from "./page/client.js";
import { enhanceForms } from "./page/forms.js";
import { defineStatusElement } from "./page/status-element.js";

const KEY = Symbol.for("pyqueue");
const shared = /** @type {{[KEY]?: Client, pyqueue?: Client}} */ (globalThis);

export const pyqueue = (shared[KEY] ??= new Client(new URL(import.meta.url)));
shared.pyqueue = pyqueue;

if (typeof document !== "undefined") {
  enhanceForms(document, pyqueue);
  defineStatusElement(pyqueue);
}

export default pyqueue;
export * from "./page/errors.js";
