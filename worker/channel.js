/** The channel on which the worker tells pages what it does; docs/architecture.md lists the messages. */

import { failure } from "./answer.js";
import { NAME } from "./mount.js";

const channel = new BroadcastChannel(NAME);

/** @param {object} message structured-clonable */
export function broadcast(message) {
  channel.postMessage(message);
}

/**
 * Tells the pages, and the console, that the worker cannot do its work.
 *
 * @param {any} cause anything thrown
 */
export function broadcastFailure(cause) {
  const { name, message } = failure(cause);
  broadcast({ type: "worker", state: "failed", error: { name, message } });
  console.error(`pyqueue: ${name}: ${message}`);
}
