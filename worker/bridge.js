/** All the JavaScript that Python calls. What it awaits never rejects; see answer.js. */

import { openDatabase } from "../web/schema.js";
import { answer } from "./answer.js";
import { broadcast } from "./channel.js";
import { acquire } from "./locks.js";
import { finished, setStraysAside, splitRecords, write } from "./records.js";
import { send } from "./send.js";
import { askPages, origin, readCookie } from "./site.js";
import { register } from "./sync.js";
import { hideAnswer, openPayload } from "./vault.js";

export const bridge = {
  /** @param {() => void} onClose see `openDatabase` */
  open: (onClose) => answer(() => openDatabase(onClose)),
  finished,
  splitRecords,
  setStraysAside,
  write,
  /** Whether there are Web Locks: they need a secure context. */
  hasLocks: "locks" in navigator,
  acquire,
  send,
  origin: origin(),
  readCookie,
  askPages,
  openPayload,
  hideAnswer,
  broadcast,
  register,
};
