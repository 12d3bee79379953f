/** The channel on which the worker tells pages what it does; docs/architecture.md lists the messages. */

const channel = new BroadcastChannel("pyqueue");

/** @param {object} message structured-clonable */
export function broadcast(message) {
  channel.postMessage(message);
}
