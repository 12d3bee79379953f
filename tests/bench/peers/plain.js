import { ask, jobsOf, roundTrips, start, timed } from "./client.js";
import { append } from "./plain-store.js";

window.bench = {
  roundTrips,
  ready: () => start("/peers/plain-sw.js"),
  fill: ([n, keys]) => append(jobsOf(n, keys)),
  go: () => void ask({}),
  enqueue: ([n, keys, pause]) =>
    timed(
      jobsOf(n, keys),
      async (job) => {
        await append([job]);
        ask({});
      },
      pause,
    ),
  async burst(n) {
    const jobs = jobsOf(n, 16);
    const begin = performance.now();
    await append(jobs);
    return (performance.now() - begin) / n;
  },
};
