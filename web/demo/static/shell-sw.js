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

/** @param {string[]} urls */
async function keep(urls) {
  const cache = await caches.open(CACHE);
  await Promise.all(
    urls.map(async (url) => {
      await networkFirst(new Request(url)).catch(() => {});
      if (!(await cache.match(url, { ignoreVary: true }))) throw new Error(`${url} could not be kept`);
    }),
  );
}

worker.addEventListener("message", (/** @type {any} */ event) => {
  if (event.data?.type !== "keep") return;
  const urls = event.data.urls.filter((/** @type {string} */ url) => isShell(new URL(url, location.origin)));
  event.waitUntil(keep(urls).then(() => event.ports[0].postMessage("kept")));
});
