/** `<pyqueue-status>`: says how the queue is, and what can be done about it. */

import { Job } from "./job.js";

/**
 * @typedef {import("./client.js").Client} Client
 * @typedef {Awaited<ReturnType<Client["stats"]>>} Stats
 */

/** Jobs shown in the list; more are counted. */
const SHOWN = 50;

/** Characters of a job's own texts that stand in its row. */
const GIST = 80;

const STYLE = `
  :host { display: inline-block; position: relative; font: inherit; color-scheme: light dark;
    --_ok: var(--pyqueue-ok, light-dark(#1a7f46, #4cc38a));
    --_busy: var(--pyqueue-busy, light-dark(#2257c4, #8ab0ff));
    --_wait: var(--pyqueue-wait, light-dark(#8a5a00, #e5b567));
    --_bad: var(--pyqueue-bad, light-dark(#b3261e, #ff8f87));
    --_surface: var(--pyqueue-surface, light-dark(#fff, #1d2027));
    --_line: var(--pyqueue-line, light-dark(#d6d9e0, #3a3f4b)); }
  .bar { display: inline-flex; align-items: center; gap: .5em; }
  .spoken { position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%);
    white-space: nowrap; }
  button { font: inherit; color: inherit; cursor: pointer; background: transparent;
    border: 1px solid var(--_line); border-radius: 99px; padding: .3em .8em; }
  button:hover { border-color: currentColor; }
  button:focus-visible { outline: 2px solid var(--_busy); outline-offset: 2px; }
  [part=summary] { display: inline-flex; align-items: center; gap: .55em; }
  .dot { inline-size: .6em; block-size: .6em; border-radius: 50%; background: var(--_tone); flex: none; }
  .bar[data-tone=ok] { --_tone: var(--_ok); }
  .bar[data-tone=busy] { --_tone: var(--_busy); }
  .bar[data-tone=wait] { --_tone: var(--_wait); }
  .bar[data-tone=bad] { --_tone: var(--_bad); }
  [part=retry] { color: var(--_bad); font-weight: 600; }
  [data-tone=busy] .dot { animation: pulse 1.2s ease-in-out infinite; }
  @keyframes pulse { 50% { opacity: .25; } }
  @media (prefers-reduced-motion: reduce) { [data-tone=busy] .dot { animation: none; } }
  [part=list] { position: absolute; z-index: 10; inset-block-start: calc(100% + .4em); inset-inline-end: 0;
    box-sizing: border-box; inline-size: min(26em, 90vw); max-block-size: 60vh; overflow: auto;
    margin: 0; padding: .4em; list-style: none;
    background: var(--_surface); border: 1px solid var(--_line); border-radius: .7em;
    box-shadow: 0 8px 30px rgb(0 0 0 / .18); text-align: start; }
  [part=list][hidden] { display: none; }
  li { padding: .55em .6em; display: grid; gap: .15em; }
  li + li { border-block-start: 1px solid var(--_line); }
  .gist { overflow-wrap: anywhere; }
  .why { opacity: .8; font-size: .9em; overflow-wrap: anywhere; }
  .actions { display: flex; gap: .4em; margin-block-start: .25em; }
  .actions button { font-size: .85em; padding: .15em .7em; }
`;

/**
 * The one sentence, and how grave it is.
 *
 * @param {Stats} stats
 * @returns {{text: string, tone: "ok" | "busy" | "wait" | "bad"}}
 */
export function summarize(stats) {
  const waiting = stats.depth.pending + stats.depth.sending;
  const saved = waiting ? `: ${waiting} saved here` : "";
  // Nothing goes on without it, so it comes first.
  if (stats.holds.unauthorized) return { text: `Sign in to go on${saved}`, tone: "wait" };
  if (stats.depth.failed) {
    return { text: `${stats.depth.failed} need${stats.depth.failed === 1 ? "s" : ""} attention`, tone: "bad" };
  }
  if (stats.paused) return { text: `Paused${saved}`, tone: "wait" };
  if (!stats.online) return { text: `Offline${saved}`, tone: "wait" };
  if (waiting && stats.worker.state === "failed") return { text: `Cannot sync${saved}`, tone: "bad" };
  if (waiting && stats.outage) return { text: `The server has trouble; ${waiting} saved here`, tone: "wait" };
  if (waiting) return { text: `Syncing… ${waiting}`, tone: "busy" };
  return { text: "All saved", tone: "ok" };
}

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Partial<HTMLElementTagNameMap[K]>} [properties]
 * @param {(Node | string)[]} children
 */
function create(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/**
 * What a person may know a job by: the texts that they wrote.
 *
 * @param {import("./records.js").Payload} payload
 */
function gist(payload) {
  const texts = Object.values(payload ?? {}).map((value) => (value instanceof File ? value.name : value));
  const gist = texts.filter((value) => typeof value === "string" && value.trim()).join(" · ");
  return gist.length > GIST ? `${gist.slice(0, GIST)}…` : gist;
}

/**
 * @param {Job} job
 * @param {{[task: string]: string}} labels
 */
function nameOf({ task, payload }, labels) {
  if (task === undefined) return `${payload?.method ?? "POST"} ${payload?.url}`;
  return Object.hasOwn(labels, task) ? /** @type {string} */ (labels[task]) : task;
}

/** @param {string} text */
const note = (text) => create("li", { className: "why", textContent: text });

/**
 * @param {string} className
 * @param {string} [text]
 */
const line = (className, text) => (text ? [create("span", { className, textContent: text })] : []);

/** @param {Client} client */
export function defineStatusElement(client) {
  if (customElements.get("pyqueue-status")) return;
  // Not a <style>: a site's Content-Security-Policy may refuse those.
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(STYLE);

  class StatusElement extends HTMLElement {
    #text = create("span");
    // Of its own: what is within a button is no live region to a screen reader.
    #spoken = create("span", { className: "spoken" });
    #summary = create("button", { type: "button" }, create("span", { className: "dot" }), this.#text);
    #retry = create("button", { type: "button", textContent: "Retry now", hidden: true });
    #resume = create("button", { type: "button", textContent: "Go on", hidden: true });
    #live = create("span", { className: "bar" }, this.#spoken, this.#summary, this.#retry, this.#resume);
    #list = create("ul", { hidden: true });
    #stop = () => {};
    #drawing = false;
    #stale = false;

    constructor() {
      super();
      this.#summary.setAttribute("part", "summary");
      this.#summary.setAttribute("aria-expanded", "false");
      this.#summary.setAttribute("aria-controls", "list");
      this.#retry.setAttribute("part", "retry");
      this.#resume.setAttribute("part", "resume");
      this.#list.setAttribute("part", "list");
      this.#list.id = "list";
      this.#spoken.setAttribute("role", "status");
      this.#summary.onclick = () => this.#toggle();
      this.#retry.onclick = () => client.retry();
      this.#resume.onclick = () => client.resume();
      const root = this.attachShadow({ mode: "open" });
      root.adoptedStyleSheets = [sheet];
      root.append(this.#live, this.#list);
      root.addEventListener("keydown", (event) => {
        if (/** @type {KeyboardEvent} */ (event).key === "Escape" && !this.#list.hidden) {
          this.#toggle();
          this.#summary.focus();
        }
      });
    }

    connectedCallback() {
      this.#stop = client.subscribe(() => this.#draw());
      this.#draw();
    }

    disconnectedCallback() {
      this.#stop();
    }

    #toggle() {
      this.#list.hidden = !this.#list.hidden;
      this.#summary.setAttribute("aria-expanded", String(!this.#list.hidden));
      // It hangs from the element's end; where that is near the page's start, it would stand out of the page.
      this.#list.style.translate = "";
      const { left } = this.#list.getBoundingClientRect();
      if (left < 0) this.#list.style.translate = `${-left}px`;
      this.#draw();
    }

    /** Many changes at once are drawn once, the last of them always. */
    async #draw() {
      this.#stale = true;
      if (this.#drawing) return;
      this.#drawing = true;
      try {
        while (this.#stale) {
          this.#stale = false;
          const stats = await client.stats();
          this.#show(stats);
          if (!this.#list.hidden) await this.#showList(stats);
        }
      } catch (error) {
        this.#say(/** @type {Error} */ (error).message);
        this.#live.dataset.tone = "bad";
      } finally {
        this.#drawing = false;
      }
    }

    /** @param {Stats} stats */
    #show(stats) {
      const { text, tone } = summarize(stats);
      this.#say(text);
      this.#live.dataset.tone = tone;
      const reasons = Object.values(stats.holds).map((hold) => hold.reason);
      this.#summary.title = [...reasons, ...(stats.outage ? [stats.outage.message] : [])].join("; ");
      this.#retry.hidden = stats.depth.failed === 0;
      this.#resume.hidden = !stats.holds.unauthorized && !stats.holds.paused;
    }

    /** @param {string} text */
    #say(text) {
      // Only a change is written: what is written is read out.
      if (this.#text.textContent === text) return;
      this.#text.textContent = text;
      this.#spoken.textContent = text;
    }

    /** @param {Stats} stats */
    async #showList({ depth, setAside }) {
      const labels = await client.labels();
      const failed = await client.jobs({ status: "failed", limit: SHOWN });
      const others = await client.jobs({ status: ["sending", "pending"], limit: SHOWN });
      const jobs = [...failed, ...others].slice(0, SHOWN);
      const rows = await Promise.all(jobs.map((job) => this.#row(job, labels)));
      const more = depth.failed + depth.sending + depth.pending - jobs.length;
      if (jobs.length === SHOWN && more > 0) rows.push(note(`and ${more} more`));
      if (!jobs.length) rows.push(note("Everything is on the server."));
      if (setAside === 1) rows.push(note("1 record could not be read and was set aside."));
      if (setAside > 1) rows.push(note(`${setAside} records could not be read and were set aside.`));
      this.#list.replaceChildren(...rows);
    }

    /**
     * @param {Job} job
     * @param {{[task: string]: string}} labels
     */
    async #row(job, labels) {
      const action = (/** @type {string} */ label, /** @type {() => Promise<void>} */ act) =>
        create("button", { type: "button", textContent: label, onclick: () => void act() });
      const actions =
        job.status === "failed"
          ? [action("Retry", () => client.retry(job.id)), action("Discard", () => client.discard(job.id))]
          : [action("Cancel", () => client.cancel(job.id))];
      const { message } = await Job.explainAsRead(job);
      const row = create(
        "li",
        {},
        create("strong", { textContent: nameOf(job, labels) }),
        ...line("gist", job.task === undefined ? "" : gist(job.payload)),
        ...line("why", message),
        ...line("why", job.refusal?.message),
        create("span", { className: "actions" }, ...actions),
      );
      row.dataset.status = job.status;
      return row;
    }
  }

  customElements.define("pyqueue-status", StatusElement);
}
