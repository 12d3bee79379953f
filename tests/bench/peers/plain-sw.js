/** A queue in plain JavaScript, as a competent author writes it: strict puts, a Web Lock, one request at a time. */

import { open } from "./plain-store.js";

const BATCH = 100;

async function drain() {
  const db = await open();
  for (;;) {
    const [jobs, keys] = await Promise.all([db.getAll("jobs", null, BATCH), db.getAllKeys("jobs", null, BATCH)]);
    if (!jobs.length) return;
    for (const [at, { id, ...job }] of jobs.entries()) {
      const response = await fetch("/write", {
        method: "POST",
        headers: { "Content-Type": "application/json", "Idempotency-Key": `"${id}"` },
        body: JSON.stringify(job),
      });
      await response.text();
      if (!response.ok) return;
      await db.delete("jobs", keys[at]);
    }
  }
}

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("message", (event) => {
  event.waitUntil(navigator.locks.request("plain", drain).then(() => event.ports[0]?.postMessage(true)));
});
