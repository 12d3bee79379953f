/** The worker, as a page sees it: a service worker, or where there can be none a dedicated one. */

import { announceHere } from "./channel.js";

/**
 * @typedef {ServiceWorkerRegistration & {sync?: {register(tag: string): Promise<void>}}} Registration
 * @typedef {{name: string, message: string}} Cause
 * @typedef {{restored: boolean, reason?: string, milliseconds: number}} Boot
 * @typedef {{mode: "service-worker" | "worker" | "none", state: string, error?: Cause, boot?: Boot}} WorkerState
 */

const TAG = "pyqueue";

/** Milliseconds between two registrations for Background Sync. */
const ARM_GAP = 100;

export class WorkerHandle {
  /** @param {URL} url of pyqueue.js: the worker's script stands beside it and is given its `?tasks=` */
  constructor(url) {
    this.#script = new URL("sw.js", url);
    const tasks = url.searchParams.get("tasks");
    if (tasks) this.#script.searchParams.set("tasks", new URL(tasks, url).href);
    /** @type {Promise<void>} resolves when it is known which kind of worker there is */
    this.ready = this.#register();
  }

  #script;
  /** @type {Registration | undefined} */
  #registration;
  /** @type {Worker | undefined} */
  #dedicated;
  #mustBeDedicated = false;
  #mustArm = false;
  #isArming = false;
  /** @type {boolean | undefined} */
  #backgroundSync;
  /** @type {WorkerState} */
  #state = { mode: "none", state: "starting" };

  /** @returns {WorkerState} */
  get state() {
    return this.#state;
  }

  /** @returns {boolean | undefined} whether Background Sync took a registration; `undefined`: not tried yet */
  get backgroundSync() {
    return this.#mustBeDedicated || (this.#registration && !this.#registration.sync) ? false : this.#backgroundSync;
  }

  /** Keeps what the worker says of itself. @param {{state: string, error?: Cause, boot?: Boot}} said */
  heard({ state, error, boot }) {
    if (error && error.message !== this.#state.error?.message) {
      console.error(`pyqueue: the worker cannot run: ${error.name}: ${error.message}`);
    }
    this.#state = { mode: this.#state.mode, state, ...(error && { error }), ...(boot && { boot }) };
  }

  /**
   * Wakes the worker; returns once it was told, not once it is done.
   *
   * @param {string} reason `append`, `load`, `online`, `visible` or `timer`
   */
  async wake(reason) {
    await this.ready;
    const message = { type: "wake", reason };
    if (!this.#mustBeDedicated) {
      if (reason === "append") this.#armBackgroundSync();
      const active = this.#registration?.active;
      // One that is still being installed wakes by itself once it is active.
      if (active) active.postMessage(message);
      return;
    }
    this.#dedicated ??= this.#start();
    this.#dedicated.postMessage(message);
  }

  async #register() {
    if (!navigator.serviceWorker) {
      this.#useDedicated();
      return;
    }
    try {
      const registration = await navigator.serviceWorker.register(this.#script, {
        type: "module",
        scope: new URL("./", this.#script).pathname,
        // Each build has its own names for what sw.js imports: the HTTP cache may answer for it.
        updateViaCache: "imports",
      });
      this.#registration = registration;
      // Registering the same script again looks for no new one, and no page is ever opened in its scope.
      if (registration.active) registration.update().catch(() => {}); // offline: the old one serves
      this.#state = { mode: "service-worker", state: registration.active ? "installed" : "installing" };
      this.#follow(registration.installing ?? registration.waiting);
      registration.addEventListener("updatefound", () => this.#follow(registration.installing));
    } catch (error) {
      console.warn("pyqueue: no service worker can be registered here, a page's worker takes its place:", error);
      this.#useDedicated();
    }
  }

  /** @param {ServiceWorker | null} worker one that is being installed */
  #follow(worker) {
    worker?.addEventListener("statechange", () => {
      const { active, waiting, installing } = this.#registration ?? {};
      if (worker.state === "activated") {
        this.#state = { mode: "service-worker", state: "installed" };
      } else if (worker.state === "redundant" && !(active ?? waiting ?? installing)) {
        console.warn("pyqueue: the service worker could not be installed, a page's worker takes its place");
        this.#useDedicated();
      }
      announceHere({ type: "worker", ...this.#state });
    });
  }

  #useDedicated() {
    this.#mustBeDedicated = true;
    this.#state = { mode: "worker", state: "idle" };
  }

  #start() {
    const worker = new Worker(this.#script, { type: "module", name: "pyqueue" });
    worker.addEventListener("error", (event) => {
      const message = event.message || `${this.#script} cannot be loaded`;
      // It will never run: the next wake-up starts another.
      if (!event.message) this.#dedicated = undefined;
      this.heard({ state: "failed", error: { name: "WorkerError", message } });
      announceHere({ type: "worker", ...this.#state });
    });
    return worker;
  }

  /** Asks for a `sync` event, which comes when there is a network, also when every page is closed. */
  async #armBackgroundSync() {
    this.#mustArm = true;
    if (this.#isArming) return;
    this.#isArming = true;
    // What was asked for meanwhile is asked for once: each costs the browser more than a write. A worker that hears
    // of the write arms it as well.
    while (this.#mustArm) {
      this.#mustArm = false;
      try {
        // It rejects without an active worker, and where the person turned it off: then the page's own
        // wake-ups are all there is.
        await this.#registration?.sync?.register(TAG);
        if (this.#registration?.sync) this.#backgroundSync = true;
      } catch {
        this.#backgroundSync = false;
      }
      await new Promise((resolve) => setTimeout(resolve, ARM_GAP));
    }
    this.#isArming = false;
  }
}
