/** Talks to a contender's own service worker. */

let worker;

/** @param {string} script of the service worker, whose folder is its scope */
export async function start(script) {
  const registration = await navigator.serviceWorker.register(script, { type: "module" });
  const starting = registration.installing ?? registration.waiting;
  if (starting) await new Promise((resolve) => starting.addEventListener("statechange", () => {
    if (starting.state === "activated") resolve();
  }));
  worker = registration.active;
}

/** @returns {Promise<any>} what the worker answers */
export function ask(message) {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = ({ data }) => resolve(data);
    worker.postMessage(message, [port2]);
  });
}

/** @param {number} n @param {number} keys */
export const jobsOf = (n, keys) => Array.from({ length: n }, (_, at) => ({ key: `k${at % keys}`, n: at }));

/**
 * Milliseconds of each call, one after the other.
 *
 * @param {any[]} arguments_
 * @param {(argument: any) => Promise<any>} call
 * @param {number} [pause] milliseconds between two calls
 */
export async function timed(arguments_, call, pause = 0) {
  const times = [];
  for (const argument of arguments_) {
    if (pause) await new Promise((resolve) => setTimeout(resolve, pause));
    const begin = performance.now();
    await call(argument);
    times.push(performance.now() - begin);
  }
  return times;
}

/** Milliseconds of bare requests, one after the other. @param {number} n */
export const roundTrips = (n) =>
  timed(Array.from({ length: n }), async () => {
    const headers = { "Content-Type": "application/json" };
    const response = await fetch("/write", { method: "POST", headers, body: JSON.stringify({ key: "bare", n: -1 }) });
    await response.text();
  });
