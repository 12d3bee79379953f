/** The side panel: the server's mood, this browser's queue, and what the server received. */

import { element } from "./element.js";
import { ServerList } from "./server-list.js";

const { pyqueue } = window;
const $ = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));

const log = new ServerList("/api/server/log?limit=50");
const form = /** @type {HTMLFormElement} */ ($("server-form"));
const paused = /** @type {HTMLInputElement} */ ($("control-paused"));

/** The stats that are times; other numbers are counts, seconds or bytes. */
const TIMES = ["nextWakeUp", "since", "nextTryAt"];

/** @param {number} time Unix time in seconds */
const clock = (time) => new Date(time * 1000).toLocaleTimeString();

/**
 * Sends a change and shows the refusal, if it is one.
 * @param {string} url
 * @param {unknown} value
 */
async function put(url, value) {
  const answer = await fetch(url, { method: "PUT", body: JSON.stringify(value) }).catch(() => null);
  $("server-error").hidden = answer?.ok === true;
  $("server-error").textContent = !answer
    ? "The server cannot be reached."
    : answer.ok ? "" : (await answer.json()).detail;
}

/**
 * Makes the panel's controls work.
 * @param {() => void} read called when what the server has changed
 */
export async function watchPanel(read) {
  form.addEventListener("change", async (event) => {
    if (event.target === paused) {
      await put("/pyqueue-control.json", { paused: paused.checked, reason: "paused in the panel" });
      // The queue reads the flag before it sends.
      pyqueue.flush();
      return;
    }
    const values = Object.fromEntries(new FormData(form));
    await put("/api/server", {
      mode: values.mode,
      delay: Number(values.delay),
      retry_after: values.retry_after === "" ? null : Number(values.retry_after),
      status: Number(values.status),
    });
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  $("queue-pause").addEventListener("click", () => pyqueue.pause("paused by you"));
  $("queue-resume").addEventListener("click", () => pyqueue.resume());
  $("queue-flush").addEventListener("click", () => pyqueue.flush());
  $("log-clear").addEventListener("click", () => fetch("/api/server/log", { method: "DELETE" }).then(read));
  await showServer().catch(() => {});
}

/** Sets the controls to how the server is now. */
async function showServer() {
  const [server, control] = await Promise.all(
    ["/api/server", "/pyqueue-control.json"].map((url) => fetch(url).then((answer) => answer.json())),
  );
  for (const [name, value] of Object.entries(server)) {
    const field = form.elements.namedItem(name);
    if (field instanceof HTMLInputElement || field instanceof HTMLSelectElement) field.value = String(value ?? "");
  }
  paused.checked = control.paused;
}

/** @param {import("./queue.js").Queue} queue */
export function drawQueue({ stats, latest }) {
  $("stats").replaceChildren(
    ...Object.entries(stats).flatMap(([name, value]) => [
      element("dt", {}, words(name)),
      element("dd", { "data-stat": name }, shown(name, value)),
    ]),
  );
  $("jobs").replaceChildren(
    ...latest.map((job) => line(job.status, job.task ?? job.payload.url, jobDetail(job))),
  );
}

/** Reads and draws what the server received. */
export async function readLog() {
  await log.read();
  $("log").replaceChildren(
    ...log.latest.items.toReversed().map((arrival) => {
      const answer = arrival.replayed ? `${arrival.status} again` : String(arrival.status ?? "…");
      return line(answer, JSON.stringify(arrival.body), `${clock(arrival.time)} ${arrival.key ?? "no key"}`);
    }),
  );
}

/** @param {import("../../pyqueue.js").Job} job */
function jobDetail(job) {
  const attempts = job.attempts === 1 ? "1 attempt" : `${job.attempts} attempts`;
  return [clock(job.createdAt), attempts, job.error?.message].filter(Boolean).join(" · ");
}

/**
 * @param {string} first
 * @param {string} second
 * @param {string} below
 */
function line(first, second, below) {
  const item = element("li");
  item.append(element("strong", {}, first), element("span", {}, second), element("small", {}, below));
  return item;
}

/**
 * `nextWakeUp` as "next wake up".
 * @param {string} name
 */
function words(name) {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

/**
 * @param {string} name
 * @param {unknown} value
 * @returns {string}
 */
function shown(name, value) {
  if (value === undefined || value === null) return "–";
  if (typeof value === "number") return TIMES.includes(name) ? clock(value) : String(Math.round(value * 10) / 10);
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value !== "object") return String(value);
  const parts = Object.entries(value).filter(([, part]) => part !== 0);
  return parts.map(([key, part]) => `${words(key)} ${shown(key, part)}`).join(", ") || "–";
}
