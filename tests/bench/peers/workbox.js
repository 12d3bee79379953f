import { ask, jobsOf, start, timed } from "./client.js";

/** What each contender's page offers to the bench. Workbox pushes in its service worker, and has no batch. */
window.bench = {
  ready: () => start("/peers/workbox-sw.js"),
  fill: ([n, keys]) => ask({ name: "push", argument: jobsOf(n, keys) }),
  go: () => void ask({ name: "drain" }),
  enqueue: ([n, keys, pause]) => timed(jobsOf(n, keys), (job) => ask({ name: "push", argument: [job] }), pause),
  async burst(n) {
    const begin = performance.now();
    await ask({ name: "push", argument: jobsOf(n, 16) });
    return (performance.now() - begin) / n;
  },
};
