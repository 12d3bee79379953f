/** The worker, as a page sees it: a service worker, or where there can be none one of the page's own. */

import { mount } from "../mount.js";
import { announceHere } from "./channel.js";
import { momentToInstall } from "./moment.js";
import { views } from "./second.js";
import { trustedScript } from "./trusted.js";

/**
 * @typedef {ServiceWorkerRegistration & {sync?: {register(tag: string): Promise<void>}}} Registration
 * @typedef {{name: string, message: string}} Cause
 * @typedef {{restored: boolean, reason?: string, milliseconds: number}} Boot
 * @typedef {{mode: "service-worker" | "worker" | "none", state: string, error?: Cause, boot?: Boot}} WorkerState
 */

/** Milliseconds between two registrations for Background Sync. */
const ARM_GAP = 100;

export class WorkerHandle {
  /** @param {URL} url of pyqueue.js: the worker's script stands beside it and is given its `?tasks=` */
  constructor(url) {
    const script = new URL("sw.js", url);
    const tasks = url.searchParams.get("tasks");
    if (tasks) script.searchParams.set("tasks", new URL(tasks, url).href);
    this.#script = trustedScript(script);
    this.#scope = new URL("./", script);
    this.#begin(url);
  }

  #script;
  #scope;
  /** @type {Promise<import("./own-worker.js").OwnWorker> | undefined} */
  #own;
  /** @type {Promise<void> | undefined} */
  #ready;
  /** @type {Registration | undefined} */
  #registration;
  #mustBeOwn = false;
  /** Why there is no service worker. @type {string | undefined} */
  #refusal;
  #mustArm = false;
  #isArming = false;
  /** @type {boolean | undefined} */
  #backgroundSync;
  /** @type {WorkerState} */
  #state = { mode: "none", state: "starting" };

  /** @returns {Promise<void>} resolves when it is known which kind of worker there is; asking for it installs it */
  get ready() {
    this.#ready ??= this.#register();
    return this.#ready;
  }

  /** @returns {WorkerState} */
  get state() {
    return this.#state;
  }

  /** @returns {boolean | undefined} whether Background Sync took a registration; `undefined`: not tried yet */
  get backgroundSync() {
    return this.#mustBeOwn || (this.#registration && !this.#registration.sync) ? false : this.#backgroundSync;
  }

  /** Keeps what the worker says of itself. @param {{state?: any, error?: Cause, boot?: Boot, [name: string]: any}} said */
  heard({ state, error, boot }) {
    if (typeof state !== "string") return;
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
    if (this.#mustBeOwn) {
      try {
        (await this.#ownWorker()).post(message);
      } catch (error) {
        this.#failed(/** @type {Error} */ (error)); // Its script cannot be loaded: the next wake-up tries again.
      }
      return;
    }
    if (reason === "append") this.#armBackgroundSync();
    // One that is still being installed wakes by itself once it is active.
    this.#registration?.active?.postMessage(message);
  }

  /** Tells the worker something that it has asked. @param {object} message */
  async tell(message) {
    if (this.#mustBeOwn) (await this.#ownWorker()).tell(message);
    else this.#registration?.active?.postMessage(message);
  }

  #ownWorker() {
    this.#own ??= views()
      .then(({ OwnWorker }) => new OwnWorker(this.#script, (error) => this.#failed(error)))
      .catch((error) => {
        this.#own = undefined;
        throw error;
      });
    return this.#own;
  }

  /** @param {Cause} cause */
  #failed({ name, message }) {
    const reason = this.#refusal && `; nor can a service worker be registered: ${this.#refusal}`;
    this.heard({ state: "failed", error: { name, message: `${message}${reason ?? ""}` } });
    announceHere({ type: "worker", ...this.#state });
  }

  /** Installs the worker when it is time; one that is there already is only looked after. @param {URL} url */
  async #begin(url) {
    const isThere = await serviceWorkers()
      ?.getRegistration(this.#scope.href)
      .catch(() => undefined);
    // The browser answers with any registration whose scope this one is in.
    if (isThere?.scope !== this.#scope.href) await momentToInstall(url);
    await this.ready;
  }

  async #register() {
    const container = serviceWorkers();
    if (!container) {
      this.#useOwn();
      return;
    }
    try {
      const registration = await container.register(this.#script, {
        type: "module",
        scope: this.#scope.pathname,
        // Each build has its own names for what sw.js imports: the HTTP cache may answer for it.
        updateViaCache: "imports",
      });
      this.#registration = registration;
      if (registration.active) registerPeriodically(registration);
      // Registering the same script again looks for no new one, and no page is ever opened in its scope.
      if (registration.active) registration.update().catch(() => {}); // offline: the old one serves
      this.#state = { mode: "service-worker", state: registration.active ? "installed" : "installing" };
      this.#follow(registration.installing ?? registration.waiting);
      registration.addEventListener("updatefound", () => this.#follow(registration.installing));
    } catch (error) {
      console.warn("pyqueue: no service worker can be registered here, a page's worker takes its place:", error);
      this.#refusal = /** @type {Error} */ (error).message;
      this.#useOwn();
    }
  }

  /** @param {ServiceWorker | null} worker one that is being installed */
  #follow(worker) {
    worker?.addEventListener("statechange", () => {
      const { active, waiting, installing } = this.#registration ?? {};
      if (worker.state === "activated") {
        this.#state = { mode: "service-worker", state: "installed" };
        if (this.#registration) registerPeriodically(this.#registration);
      } else if (worker.state === "redundant" && !(active ?? waiting ?? installing)) {
        console.warn("pyqueue: the service worker could not be installed, a page's worker takes its place");
        this.#useOwn();
      }
      announceHere({ type: "worker", ...this.#state });
    });
  }

  #useOwn() {
    this.#mustBeOwn = true;
    this.#state = { mode: "worker", state: "idle" };
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
        await this.#registration?.sync?.register(mount());
        if (this.#registration?.sync) this.#backgroundSync = true;
      } catch {
        this.#backgroundSync = false;
      }
      await new Promise((resolve) => setTimeout(resolve, ARM_GAP));
    }
    this.#isArming = false;
  }
}

/** @param {ServiceWorkerRegistration} registration */
function registerPeriodically(registration) {
  // If it cannot be loaded now, the next page tries again: the other wake-ups are enough until then.
  views().then(({ registerPeriodicSync }) => registerPeriodicSync(registration), () => {});
}

/** @returns {ServiceWorkerContainer | undefined} */
function serviceWorkers() {
  try {
    return navigator.serviceWorker;
  } catch {
    return undefined; // in a sandboxed frame the browser refuses even to name it
  }
}
