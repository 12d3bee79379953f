/** The page's own worker, where no service worker can be had. It ends when it has had nothing to do for a while. */

import { mount } from "../mount.js";

export class OwnWorker {
  /**
   * @param {string} script a trusted one
   * @param {(error: {name: string, message: string}) => void} onFailure it cannot be loaded or run
   */
  constructor(script, onFailure) {
    this.#script = script;
    this.#onFailure = onFailure;
  }

  #script;
  #onFailure;
  /** @type {Worker | undefined} */
  #worker;
  /** Messages that it was sent. */
  #sent = 0;

  /** @param {object} message */
  post(message) {
    try {
      this.#worker ??= this.#start();
    } catch (error) {
      // The site's Content-Security-Policy or Trusted Types refuse it, or there are no workers here.
      const { name, message } = /** @type {Error} */ (error);
      this.#onFailure({ name, message });
      return;
    }
    this.#sent += 1;
    this.#worker.postMessage(message);
  }

  /** Tells the worker something, if there is one: it is none of what it is to do. @param {object} message */
  tell(message) {
    this.#worker?.postMessage(message);
  }

  #start() {
    const worker = new Worker(this.#script, { type: "module", name: mount() });
    this.#sent = 0;
    worker.addEventListener("error", (event) => {
      // Without a message it could not be loaded and will never run: the next wake-up starts another.
      if (!event.message) this.#end(worker);
      this.#onFailure({ name: "WorkerError", message: event.message || `${this.#script} cannot be loaded` });
    });
    worker.addEventListener("message", ({ data }) => {
      // A message that it had not got yet when it said so keeps it.
      if (data?.type === "rested" && data.received === this.#sent) this.#end(worker);
    });
    return worker;
  }

  /** @param {Worker} worker */
  #end(worker) {
    worker.terminate();
    if (this.#worker === worker) this.#worker = undefined;
  }
}
