/**
 * Lets the page itself open offline, and says so once it can. This is the site's own affair, not the queue's:
 * the queue's worker has its own scope and no `fetch` listener, and lives beside this one.
 */
export async function registerShell() {
  if (!("serviceWorker" in navigator)) return;
  await navigator.serviceWorker.register("/shell-sw.js");
  const { active } = await navigator.serviceWorker.ready;
  // What this page loaded before there was a worker to see it.
  const loaded = performance.getEntriesByType("resource").map((entry) => entry.name);
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => {
    /** @type {HTMLElement} */ (document.getElementById("opens-offline")).hidden = false;
    port1.close();
  };
  active?.postMessage({ type: "keep", urls: [location.pathname, ...loaded] }, [port2]);
}
