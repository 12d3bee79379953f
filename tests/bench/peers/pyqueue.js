import { jobsOf, timed } from "./client.js";

const { pyqueue } = window;

/** Of its database and its lock. */
const NAME = "pyqueue:/pyqueue/";

/** Waits until something is so. @param {() => Promise<boolean>} holds */
async function until(holds) {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 20));
}

/** @returns {Promise<IDBDatabase>} the queue's own, as docs/architecture.md describes it */
function database() {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open(NAME);
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => resolve(opening.result);
  });
}

/** Commands that the worker has not taken yet. */
async function inboxSize() {
  const db = await database();
  const counting = db.transaction("inbox").objectStore("inbox").count();
  await new Promise((resolve) => (counting.onsuccess = resolve));
  db.close();
  return counting.result;
}

const CHUNK = 1000;

/** @param {{key: string, n: number}[]} payloads */
async function appendAll(payloads) {
  const jobs = payloads.map((payload) => ({ task: "write", payload }));
  for (let at = 0; at < jobs.length; at += CHUNK) await pyqueue.enqueueMany(jobs.slice(at, at + CHUNK));
  await until(async () => (await pyqueue.stats()).paused && (await inboxSize()) === 0);
}

window.bench = {
  async ready() {
    await pyqueue.ready;
    await (await pyqueue.enqueue("write", { key: "first", n: -1 })).result();
  },
  /** Held, and taken over by the worker. */
  async fill([n, keys]) {
    await pyqueue.pause();
    await appendAll(jobsOf(n, keys));
  },
  /** Jobs of one ordering key behind one that the server does not take. @param {number} n */
  async fillBehind(n) {
    const jobs = Array.from({ length: n }, (_, at) => ({ key: "stuck", n: at }));
    await pyqueue.enqueue("write", jobs.shift());
    await until(async () => (await pyqueue.stats()).attempts > 1);
    await pyqueue.pause();
    await appendAll(jobs);
  },
  /** Milliseconds of reading calls, each by itself. @param {number} n */
  async reads(n) {
    const calls = Array.from({ length: n });
    const stats = await timed(calls, () => pyqueue.stats(), 100);
    return { stats, jobs: await timed(calls, () => pyqueue.jobs({ limit: 20 }), 100) };
  },
  /** Begins to watch the worker, and waits until it has let the queue go. */
  async watch() {
    await (await pyqueue.enqueue("watch", {})).result();
    await until(async () => !(await navigator.locks.query()).held.some(({ name }) => name === NAME));
  },
  /** Puts jobs into the store, as such a queue has left it. */
  async store([jobs, tallies]) {
    const db = await database();
    const tx = db.transaction(["jobs", "meta"], "readwrite");
    for (const job of jobs) tx.objectStore("jobs").put(job);
    tx.objectStore("meta").put({ name: "tallies", value: tallies });
    await new Promise((resolve) => (tx.oncomplete = resolve));
    db.close();
  },
  /** Carries a sign out. @param {"online" | "retry"} sign */
  async sign(sign) {
    window.longest = 0;
    new BroadcastChannel("bench").onmessage = ({ data }) => (window.longest = Math.max(window.longest, data));
    if (sign === "retry") await pyqueue.retry();
    else dispatchEvent(new Event("online"));
  },
  longest: () => window.longest,
  go: () => pyqueue.resume(),
  enqueue: ([n, keys, pause]) => timed(jobsOf(n, keys), (payload) => pyqueue.enqueue("write", payload), pause),
  async burst(n) {
    await pyqueue.pause();
    const jobs = jobsOf(n, 16).map((payload) => ({ task: "write", payload }));
    const begin = performance.now();
    await pyqueue.enqueueMany(jobs);
    return (performance.now() - begin) / n;
  },
};
