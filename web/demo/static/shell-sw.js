/** The site's own worker: pages, scripts and styles from the network, or as they were last seen. */

const CACHE = "demo-shell";
// Typed loosely: this folder is checked with the types of pages, which a worker's would contradict.
const worker = /** @type {any} */ (self);

/** @param {URL} url */
const isShell = (url) => url.origin === location.origin && !/^\/(api\/|pyqueue-control)/.test(url.pathname);

/** @param {Request} request */
async function networkFirst(request) {
  const cache = await caches.open(CACHE);
  try {
    const response = await fetch(request);
    if (response.ok) await cache.put(request, response.clone());
    return response;
  } catch (error) {
    const kept = await cache.match(request, { ignoreVary: true });
    if (kept) return kept;
    throw error;
  }
}

worker.addEventListener("install", () => worker.skipWaiting());
worker.addEventListener("activate", (/** @type {any} */ event) => event.waitUntil(worker.clients.claim()));

worker.addEventListener("fetch", (/** @type {any} */ event) => {
  if (event.request.method === "GET" && isShell(new URL(event.request.url))) {
    event.respondWith(networkFirst(event.request));
  }
});

worker.addEventListener("message", (/** @type {any} */ event) => {
  if (event.data?.type !== "keep") return;
  const urls = event.data.urls.filter((/** @type {string} */ url) => isShell(new URL(url, location.origin)));
  event.waitUntil(Promise.all(urls.map((/** @type {string} */ url) => networkFirst(new Request(url)).catch(() => {}))));
});
