/** What `stats` and `labels` tell, put together from what is stored, what is declared and how the worker is. */

import { limitsOf } from "./declaration.js";
import { now, whole } from "./records.js";
import { isPersisted } from "./storage.js";
import { readDeclaration, readNumbers } from "./view.js";

/** @typedef {import("./records.js").Declaration} Declaration */

/**
 * What the queue holds and does; web/pyqueue.d.ts names the fields.
 *
 * @param {import("./worker.js").WorkerHandle} worker
 * @param {Declaration} [declared] by the server
 */
export async function readStats(worker, declared) {
  const [numbers, durable] = await Promise.all([readNumbers(), isPersisted()]);
  // Others may have been given the same: each may do with its own what it likes.
  const { meta, depth, inbox, oldest, sealed, setAside } = structuredClone(numbers);
  const { counters, open } = meta.tallies ?? {};
  const { holds = {}, outage } = meta;
  const declaration = declared ?? meta.declaration;
  const limits = limitsOf(declaration);
  return {
    depth,
    inFlight: depth.sending,
    attempts: counters?.attempts ?? 0,
    retries: counters?.retries ?? 0,
    permanentFailures: counters?.failed ?? 0,
    refused: counters?.refused ?? 0,
    pruned: counters?.pruned ?? 0,
    prunedFailed: counters?.pruned_failed ?? 0,
    setAside,
    sealed,
    oldestPendingAge: oldest === undefined ? null : Math.max(0, now() - oldest),
    paused: Object.keys(holds).length > 0,
    holds,
    login: loginOf(declaration),
    outage: outage
      ? { code: outage.code, message: outage.message, since: outage.since, nextTryAt: outage.probe_at }
      : null,
    nextWakeUp: meta.schedule?.wake_at ?? null,
    bytes: whole(open?.bytes) + inbox.bytes,
    limits: { payloadBytes: limits.payload_bytes, jobs: limits.jobs, bytes: limits.bytes },
    durable,
    online: navigator.onLine,
    backgroundSync: worker.backgroundSync ?? null,
    worker: worker.state,
  };
}

/**
 * @param {Declaration} [declaration]
 * @returns {string | null} where people sign in; only within the site, whoever wrote the declaration
 */
function loginOf({ login } = {}) {
  return typeof login === "string" && /^\/(?![/\\])/.test(login) ? login : null;
}

/**
 * @param {Declaration} [declared] by the server
 * @returns {Promise<{[task: string]: string}>} what a person calls the tasks that have a label
 */
export async function readLabels(declared) {
  const tasks = Object.entries((declared ?? (await readDeclaration()))?.tasks ?? {});
  return Object.fromEntries(tasks.flatMap(([name, { label }]) => (label ? [[name, label]] : [])));
}
