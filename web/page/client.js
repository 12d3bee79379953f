/** The queue as a page sees it: what `window.pyqueue` is. */

import { append, editCommand, enqueueCommand, pauseCommand } from "./append.js";
import { announce, announceHere, listen, openChannel } from "./channel.js";
import { declare, declared, requireTask } from "./declaration.js";
import { transact } from "./database.js";
import { InvalidPayload } from "./errors.js";
import { readPages } from "./identity.js";
import { Job } from "./job.js";
import { readMeta } from "./meta.js";
import { command, recordOf } from "./records.js";
import { views } from "./second.js";
import { shown } from "./text.js";
import { principalOf, tell } from "./told.js";
import { armWakeups } from "./wakeups.js";
import { WorkerHandle } from "./worker.js";

/**
 * @typedef {import("./records.js").Command} Command
 * @typedef {import("./records.js").Declaration} Declaration
 * @typedef {import("./records.js").JobRecord} JobRecord
 * @typedef {import("./records.js").Payload} Payload
 * @typedef {import("./options.js").Options} Options
 * @typedef {{task?: string, request?: object, payload?: Payload | FormData, options?: Options}} Described
 */

export class Client {
  /** @param {URL} url of pyqueue.js */
  constructor(url) {
    openChannel();
    this.#worker = new WorkerHandle(url);
    this.#wake = armWakeups((reason) => {
      this.#worker.wake(reason).catch((error) => console.error("pyqueue: cannot wake the worker:", error));
    });
    listen((change) => {
      if (change.type === "worker") this.#worker.heard(change);
      // If it cannot be loaded, another page may know the token, or this one when it is asked again.
      if (change.type === "token_wanted") views().then((views) => views.tellToken(change, this.#worker), () => {});
    });
    for (const type of ["online", "offline"]) {
      globalThis.addEventListener(type, () => announceHere({ type }));
    }
  }

  #worker;
  #wake;
  /** Ends once all know whom this page was told of last. @type {Promise<unknown>} */
  #identified = Promise.resolve();

  /** @returns {Promise<void>} resolves once it is known which worker there is; asking for it installs it at once */
  get ready() {
    return this.#worker.ready;
  }

  /**
   * Called by the line that the server appends to pyqueue.js, before any page can enqueue.
   *
   * @param {Declaration} declaration of the site's tasks module
   */
  declare(declaration) {
    declare(declaration);
  }

  /**
   * Says who is signed in, from here on. What somebody else wrote is neither sent nor shown until they are back.
   *
   * @param {string | number | null} user a stable id; `null`: nobody
   * @param {{hash?: boolean}} [options] `hash`: only a digest of the id is stored and sent
   * @returns {Promise<void>} resolves when it is on disk
   */
  async identify(user, options) {
    const principal = principalOf(user, options);
    tell(principal);
    const identified = Promise.resolve(principal).then((name) => this.#identify(name));
    this.#identified = identified.catch(() => {});
    await identified;
  }

  /** @returns {Promise<string>} who is signed in, as stored; empty: nobody */
  async principal() {
    await this.#identified;
    const { principal } = await views();
    return principal();
  }

  /**
   * Signs the person out of the queue. To be called before the session ends: what is sent is sent as them.
   *
   * @param {{waiting?: "keep" | "send" | "discard", timeout?: number}} [options]
   * @returns {Promise<import("./sign-out.js").Left[]>} what became of each job that was not delivered
   */
  async signOut(options) {
    const { signOut } = await views();
    return signOut(this, options);
  }

  /**
   * Forgets one person's jobs and results, whatever they are. If they are signed in, they are no more.
   *
   * @param {string} [principal] by default of whoever is signed in
   */
  async clear(principal) {
    const { clear } = await views();
    return clear(this, (commands) => this.#append(commands), principal);
  }

  /**
   * Gives the secret of which the key for the tasks with `encrypt="secret"` is made. It is not stored.
   *
   * @param {string | Uint8Array} secret a passphrase, or at least 16 random bytes
   * @param {{replace?: boolean}} [options] `replace`: if it is a new one, it is for what is written from now on
   */
  async unlock(secret, options) {
    const { unlock } = await views();
    await unlock(this, secret, options);
  }

  /**
   * Stores a job; when this resolves it survives the page, the browser and the machine's restart.
   *
   * @param {string | object} task the declared name, or a request `{url, method?, headers?, body?}`
   * @param {Payload | FormData | Options} [payload] the fields; where the task is a request, the options
   * @param {Options} [options]
   * @returns {Promise<Job>}
   */
  async enqueue(task, payload, options) {
    const [job] = await this.#enqueue([described([task, payload, options])]);
    return /** @type {Job} */ (job);
  }

  /**
   * Stores several jobs in this order, all or none.
   *
   * @param {(unknown[] | Described)[]} jobs each `[task, payload?, options?]`, `[request, options?]`,
   *   `{task, payload?, options?}` or `{request, options?}`
   * @returns {Promise<Job[]>}
   */
  async enqueueMany(jobs) {
    if (!Array.isArray(jobs)) throw new InvalidPayload(`enqueueMany takes an array, not ${shown(jobs)}`);
    return this.#enqueue(jobs.map(described));
  }

  /**
   * @param {import("./list.js").Filter} [filter]
   * @returns {Promise<Job[]>} in the order in which they were enqueued
   */
  async jobs(filter) {
    await this.#identified;
    const { listJobs } = await views();
    const listed = await listJobs(filter, this.#worker.state);
    return listed.map(({ record, explanation }) => this.#job(record, explanation));
  }

  /**
   * @param {string} id
   * @returns {Promise<Job | null>} `null`: there is none, or its retention is over
   */
  async job(id) {
    await this.#identified;
    const { readJob } = await views();
    const record = await readJob(id);
    return record ? this.#job(record) : null;
  }

  /** What the queue holds and does; web/pyqueue.d.ts names the fields. */
  async stats() {
    await this.#identified;
    const { readStats } = await views();
    return readStats(this.#worker, declared);
  }

  /**
   * Asks the browser to keep the queue also when room gets short.
   *
   * @returns {Promise<boolean | null>} whether it will; `null`: it asks the person, and `stats().durable` will tell
   */
  async persist() {
    const { persist } = await views();
    return persist();
  }

  /** What could not be read, the first of it: it keeps no other job waiting. */
  async setAside() {
    const { readAside } = await views();
    return readAside();
  }

  /** @returns {Promise<{[task: string]: string}>} what a person calls the tasks that have a label */
  async labels() {
    const { readLabels } = await views();
    return readLabels(declared);
  }

  /**
   * @param {import("./channel.js").Listener} listener called at every change, of this page, another or the worker
   * @returns {() => void} ends it
   */
  subscribe(listener) {
    return listen(listener);
  }

  /** Tries a failed job again, or all of them. @param {string} [id] */
  async retry(id) {
    await this.#append([command("retry", id === undefined ? {} : { id })]);
  }

  /** Takes back a job that was not delivered yet. @param {string} id */
  async cancel(id) {
    await this.#append([command("cancel", { id })]);
  }

  /** Gives a job up. @param {string} id */
  async discard(id) {
    await this.#append([command("discard", { id })]);
  }

  /**
   * Replaces the payload of a job that was not delivered yet; one that failed is tried again.
   *
   * @param {string} id
   * @param {Payload | FormData} payload
   */
  async edit(id, payload) {
    await this.#append([editCommand(id, payload)]);
  }

  /** Holds the queue, across restarts, until `resume`. @param {string} [reason] */
  async pause(reason) {
    await this.#append([pauseCommand(reason)]);
  }

  /** Ends a pause, and the hold after a missing sign-in. */
  async resume() {
    await this.#append([command("resume", {})]);
  }

  /** Sends what waits now, whatever its backoff. */
  async flush() {
    await this.#append([command("flush", {})]);
  }

  /** @param {string} principal */
  async #identify(principal) {
    const [{ identity }, { holds }] = await transact(["meta", "pages"], "readonly", (tx) =>
      Promise.all([readPages(tx), readMeta(tx, "holds")]),
    );
    // Nothing is news on most pages. Where the queue waits for a sign-in, this may be it.
    if (identity?.principal === principal && !holds?.unauthorized) return;
    await this.#append([command("identify", { principal })]);
    announce({ type: "identified" });
  }

  /** @param {Command[]} commands */
  async #enqueue(commands) {
    for (const { task } of commands) if (task !== undefined) requireTask(declared, task);
    await this.#append(commands);
    return commands.map((command) => this.#job(recordOf(command)));
  }

  /** @param {Command[]} commands */
  async #append(commands) {
    await append(commands, declared);
    // On disk: from here on nothing that fails can lose it.
    const jobs = commands.flatMap(({ id, task }) => (id === undefined ? [] : [{ id, task }]));
    announce({ type: "appended", jobs });
    this.#wake("append");
  }

  /**
   * @param {JobRecord} record
   * @param {import("./explain.js").Explanation} [explanation]
   */
  #job(record, explanation) {
    return new Job(record, () => this.#worker.state, explanation);
  }
}

/** The fields of a job that is described by an object. */
const DESCRIBED = ["task", "request", "payload", "options"];

/**
 * @param {unknown[] | Described} job in any of the forms that `enqueueMany` takes
 * @returns {Command}
 * @throws {InvalidPayload}
 */
function described(job) {
  if (Array.isArray(job)) {
    const [task, payload, options] = job;
    return typeof task === "string" ? enqueueCommand(task, payload, options) : enqueueCommand(task, undefined, payload);
  }
  if (typeof job !== "object" || job === null) throw new InvalidPayload(`a job cannot be ${shown(job)}`);
  const unknown = Object.keys(job).find((name) => !DESCRIBED.includes(name));
  if (unknown !== undefined) throw new InvalidPayload(`a job has no ${unknown}; it has ${DESCRIBED.join(", ")}`);
  return enqueueCommand(job.request ?? job.task, job.payload, job.options);
}
