/**
 * pyqueue on a page: one script tag, or `import pyqueue from "/pyqueue/pyqueue.js"`. Also importable in a
 * dedicated worker. Loaded twice from one folder, it is still one queue; of two folders, the first has the global name.
 */

import { mount, mountAt } from "./mount.js";
import { Client } from "./page/client.js";
import { enhanceForms } from "./page/forms.js";
import { defineStatusElement } from "./page/status-element.js";

mountAt(import.meta.url);
const key = Symbol.for(mount());
const shared = /** @type {{[name: symbol]: Client, pyqueue?: Client}} */ (globalThis);

export const pyqueue = (shared[key] ??= new Client(new URL(import.meta.url)));
shared.pyqueue ??= pyqueue;

if (typeof document !== "undefined") {
  enhanceForms(document, pyqueue);
  defineStatusElement(pyqueue);
}

export default pyqueue;
export * from "./page/errors.js";
