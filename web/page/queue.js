/** The queue on a page: what `window.pyqueue` is. */

import { append, DEFAULT_LIMITS, editCommand, enqueueCommand } from "./append.js";
import { announce, announceHere, listen } from "./channel.js";
import { InvalidPayload } from "./errors.js";
import { Job } from "./job.js";
import { now, recordOf } from "./records.js";
import { readJob, readJobs, readNumbers } from "./view.js";
import { armWakeups } from "./wakeups.js";
import { WorkerHandle } from "./worker.js";

/**
 * @typedef {import("./records.js").Command} Command
 * @typedef {import("./records.js").JobRecord} JobRecord
 */

export class Queue {
  /** @param {URL} url of pyqueue.js */
  constructor(url) {
    this.#worker = new WorkerHandle(url);
    this.#wake = armWakeups((reason) => {
      this.#worker.wake(reason).catch((error) => console.error("pyqueue: cannot wake the worker:", error));
    });
    listen((change) => {
      if (change.type === "worker" && change.state) {
        this.#worker.heard({ state: change.state, error: change.error });
      }
    });
    for (const type of ["online", "offline"]) {
      globalThis.addEventListener(type, () => announceHere({ type }));
    }
    /** @type {Promise<void>} */
    this.ready = this.#worker.ready;
  }

  #worker;
  #wake;

  /**
   * Stores a job; when this resolves it survives the page, the browser and the machine's restart.
   *
   * @param {string | {[name: string]: any}} task the declared name, or a request `{url, method?, headers?, body?}`
   * @param {{[name: string]: any}} [payload] the fields; left out where the task is a request
   * @param {{[name: string]: any}} [options]
   * @returns {Promise<Job>}
   */
  async enqueue(task, payload, options) {
    const [job] = await this.#enqueue([described(task, payload, options)]);
    return /** @type {Job} */ (job);
  }

  /**
   * Stores several jobs in this order, all or none.
   *
   * @param {(any[] | {task?: string, payload?: object, options?: object})[]} jobs each `[task, payload?, options?]`,
   *   `[request, options?]`, `{task, payload?, options?}` or `{request, options?}`
   * @returns {Promise<Job[]>}
   */
  async enqueueMany(jobs) {
    return this.#enqueue(
      jobs.map((/** @type {any} */ job) => {
        if (Array.isArray(job)) return described(job[0], job[1], job[2]);
        if (job.request !== undefined) return described(job.request, job.options);
        return described(job.task, job.payload, job.options);
      }),
    );
  }

  /**
   * @param {import("./view.js").Filter} [filter]
   * @returns {Promise<Job[]>} in the order in which they were enqueued
   */
  async jobs(filter) {
    return (await readJobs(filter)).map((record) => this.#job(record));
  }

  /**
   * @param {string} id
   * @returns {Promise<Job | null>} `null`: there is none, or its retention is over
   */
  async job(id) {
    const record = await readJob(id);
    return record ? this.#job(record) : null;
  }

  /** What the queue holds and does; web/pyqueue.d.ts names the fields. */
  async stats() {
    const [{ meta, depth, oldest }, durable] = await Promise.all([readNumbers(), isPersisted()]);
    const { attempts = 0, retries = 0, failed = 0, pruned = 0, pruned_failed = 0 } = meta.counters ?? {};
    const limits = meta.limits ?? DEFAULT_LIMITS;
    return {
      depth,
      inFlight: depth.sending,
      attempts,
      retries,
      permanentFailures: failed,
      pruned,
      prunedFailed: pruned_failed,
      oldestPendingAge: oldest === undefined ? null : Math.max(0, now() - oldest),
      paused: Object.keys(meta.holds ?? {}).length > 0,
      holds: meta.holds ?? {},
      nextWakeUp: meta.schedule?.wake_at ?? null,
      bytes: Math.max(
        0,
        (meta.open?.bytes ?? 0) + (meta.appended?.bytes ?? 0) - (meta.admitted?.bytes ?? 0),
      ),
      limits: { payloadBytes: limits.payload_bytes, jobs: limits.jobs, bytes: limits.bytes },
      durable,
      online: navigator.onLine,
      backgroundSync: this.#worker.backgroundSync ?? null,
      worker: this.#worker.state,
    };
  }

  /**
   * @param {import("./channel.js").Listener} listener called at every change, of this page, another or the worker
   * @returns {() => void} ends it
   */
  subscribe(listener) {
    return listen(listener);
  }

  /** Tries a failed job again, or all of them. @param {string} [id] */
  retry(id) {
    return this.#command("retry", id === undefined ? {} : { id });
  }

  /** Takes back a job that was not delivered yet. @param {string} id */
  cancel(id) {
    return this.#command("cancel", { id });
  }

  /** Gives a failed job up. @param {string} id */
  discard(id) {
    return this.#command("discard", { id });
  }

  /**
   * Replaces a failed job's payload and tries it again.
   *
   * @param {string} id
   * @param {{[name: string]: any}} payload
   */
  edit(id, payload) {
    return this.#append([editCommand(id, payload)]);
  }

  /** Holds the queue, across restarts, until `resume`. @param {string} [reason] */
  pause(reason) {
    return this.#command("pause", reason === undefined ? {} : { reason });
  }

  /** Ends a pause, and the hold after a missing sign-in. */
  resume() {
    return this.#command("resume", {});
  }

  /** Sends what waits now, whatever its backoff. */
  flush() {
    return this.#command("flush", {});
  }

  /** @param {Command[]} commands */
  async #enqueue(commands) {
    await this.#append(commands);
    return commands.map((command) => this.#job(recordOf(command)));
  }

  /**
   * @param {string} type
   * @param {Partial<Command>} fields
   */
  #command(type, fields) {
    return this.#append([{ v: 1, type, at: now(), ...fields }]);
  }

  /** @param {Command[]} commands */
  async #append(commands) {
    await append(commands);
    // On disk: from here on nothing that fails can lose it.
    const jobs = commands.flatMap(({ id, task }) => (id === undefined ? [] : [{ id, task }]));
    announce({ type: "appended", jobs });
    this.#wake("append");
  }

  /** @param {JobRecord} record */
  #job(record) {
    return new Job(record, () => this.#worker.state);
  }
}

/**
 * @param {any} task
 * @param {any} payload
 * @param {any} [options]
 */
function described(task, payload, options) {
  if (typeof task === "string") return enqueueCommand(task, payload, options);
  if (typeof task !== "object" || task === null) throw new InvalidPayload("a job needs a task's name or a request");
  return enqueueCommand(task, undefined, payload);
}

/** @returns {Promise<boolean | null>} whether the browser promised to keep the data; `null`: it does not say */
async function isPersisted() {
  return (await navigator.storage?.persisted?.().catch(() => null)) ?? null;
}
