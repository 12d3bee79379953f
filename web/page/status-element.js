/** `<pyqueue-status>`: says how the queue is, and what can be done about it. */

import { create } from "./element.js";
import { JobRows } from "./job-rows.js";

/**
 * @typedef {import("./client.js").Client} Client
 * @typedef {Awaited<ReturnType<Client["stats"]>>} Stats
 */

/** Jobs shown in the list; more are counted. */
const SHOWN = 50;

/** Milliseconds between two drawings: nobody reads faster, and what is drawn costs those who deliver. */
const REST = 100;

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
  a { color: inherit; }
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
    #signIn = /** @type {HTMLAnchorElement} */ (create("a", { textContent: "Sign in", hidden: true }));
    #live = create(
      "span",
      { className: "bar" },
      ...[this.#spoken, this.#summary, this.#retry, this.#signIn, this.#resume],
    );
    #list = create("ul", { hidden: true });
    #rows = new JobRows(this.#list, client);
    #stop = () => {};
    #drawing = false;
    #stale = false;
    /** What is shown, so that nothing is drawn that is there already. */
    #shown = "";

    constructor() {
      super();
      this.#summary.setAttribute("part", "summary");
      this.#summary.setAttribute("aria-expanded", "false");
      this.#summary.setAttribute("aria-controls", "list");
      this.#retry.setAttribute("part", "retry");
      this.#resume.setAttribute("part", "resume");
      this.#signIn.setAttribute("part", "sign-in");
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

    /** Many changes at once are drawn once, the last of them always; where nobody sees it, nothing is read. */
    async #draw() {
      this.#stale = true;
      if (this.#drawing) return;
      this.#drawing = true;
      try {
        while (this.#stale) {
          await frame();
          this.#stale = false;
          const stats = await client.stats();
          this.#show(stats);
          if (!this.#list.hidden) await this.#showList(stats);
          await new Promise((resolve) => setTimeout(resolve, REST));
        }
      } catch (error) {
        this.#say(/** @type {Error} */ (error).message);
        this.#live.dataset.tone = "bad";
        this.#shown = "";
      } finally {
        this.#drawing = false;
      }
    }

    /** @param {Stats} stats */
    #show(stats) {
      const { text, tone } = summarize(stats);
      const reasons = Object.values(stats.holds).map((hold) => hold.reason);
      const title = [...reasons, ...(stats.outage ? [stats.outage.message] : [])].join("; ");
      const canRetry = stats.depth.failed > 0;
      const canResume = Boolean(stats.holds.unauthorized ?? stats.holds.paused);
      // Once somebody is signed in, the queue goes on by itself.
      const login = stats.holds.unauthorized ? stats.login : null;
      const shown = JSON.stringify([text, tone, title, canRetry, canResume, login]);
      if (shown === this.#shown) return;
      this.#shown = shown;
      this.#say(text);
      this.#live.dataset.tone = tone;
      this.#summary.title = title;
      this.#retry.hidden = !canRetry;
      this.#signIn.hidden = login === null;
      this.#signIn.href = login ?? "";
      this.#resume.hidden = !canResume || login !== null;
    }

    /** @param {string} text */
    #say(text) {
      // Only a change is written: what is written is read out.
      if (this.#text.textContent === text) return;
      this.#text.textContent = text;
      this.#spoken.textContent = text;
    }

    /** @param {Stats} stats */
    async #showList({ depth, sealed, setAside }) {
      const [labels, failed, others] = await Promise.all([
        client.labels(),
        client.jobs({ status: "failed", limit: SHOWN, explain: true }),
        client.jobs({ status: ["sending", "pending"], limit: SHOWN, explain: true }),
      ]);
      const jobs = [...failed, ...others].slice(0, SHOWN);
      const notes = [];
      const more = depth.failed + depth.sending + depth.pending - jobs.length;
      if (jobs.length === SHOWN && more > 0) notes.push(`and ${more} more`);
      if (!jobs.length) notes.push("Everything is on the server.");
      if (sealed) notes.push(`${sealed} of somebody else wait here until they sign in again.`);
      if (setAside === 1) notes.push("1 record could not be read and was set aside.");
      if (setAside > 1) notes.push(`${setAside} records could not be read and were set aside.`);
      this.#rows.show(jobs, labels, notes);
    }
  }

  customElements.define("pyqueue-status", StatusElement);
}

/** @returns {Promise<number>} resolves when the browser draws next, which it does not while the tab is hidden */
const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
