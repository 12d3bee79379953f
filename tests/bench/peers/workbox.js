import { ask, jobsOf, start } from "./client.js";

/** What each contender's page offers to the bench. Workbox has no batch, and pushes in its service worker. */
window.bench = {
  ready: () => start("/peers/workbox-sw.js"),
  fill: ([n, keys]) => ask({ name: "push", argument: jobsOf(n, keys) }).then(() => {}),
  go: () => void ask({ name: "drain" }),
  enqueue: ([n, keys]) => ask({ name: "push", argument: jobsOf(n, keys) }),
  async burst(n) {
    const begin = performance.now();
    await ask({ name: "push", argument: jobsOf(n, 16) });
    return (performance.now() - begin) / n;
  },
};
