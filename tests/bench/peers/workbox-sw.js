/** Workbox's queue in its own service worker, as its documentation uses it; replays only when it is told to. */

import { Queue } from "workbox-background-sync";

// Two replays at a time send entries twice: neither its own sync event nor its start may begin one.
const queue = new Queue("bench", { onSync: async () => {} });

/** @param {{key: string, n: number}} job */
const requestOf = (job) =>
  new Request("/write", {
    method: "POST",
    headers: { "Content-Type": "application/json", "Idempotency-Key": `"${crypto.randomUUID()}"` },
    body: JSON.stringify(job),
  });

const commands = {
  /** @param {{key: string, n: number}[]} jobs */
  async push(jobs) {
    for (const job of jobs) await queue.pushRequest({ request: requestOf(job) });
  },
  drain: () => queue.replayRequests(),
};

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("message", (event) => {
  const { name, argument } = event.data;
  event.waitUntil(commands[name](argument).then((result) => event.ports[0].postMessage(result)));
});
