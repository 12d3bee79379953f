/** The list of `<pyqueue-status>`: a row for each job, and notes below them. */

import { create } from "./element.js";

/**
 * @typedef {import("./client.js").Client} Client
 * @typedef {import("./job.js").Job} Job
 * @typedef {{item: HTMLElement, write: (job: Job, labels: {[task: string]: string}) => void}} Row
 */

/** Characters of a job's own texts that stand in its row. */
const GIST = 80;

export class JobRows {
  /**
   * @param {HTMLElement} list
   * @param {Client} client
   */
  constructor(list, client) {
    this.#list = list;
    this.#client = client;
  }

  #list;
  #client;
  /** @type {Map<string, Row>} by what makes it another row */
  #rows = new Map();

  /**
   * Shows jobs and notes. What did not change is not touched, so that the button that has the focus keeps it.
   *
   * @param {Job[]} jobs explained
   * @param {{[task: string]: string}} labels
   * @param {string[]} notes
   */
  show(jobs, labels, notes) {
    /** @type {Map<string, Row>} */
    const rows = new Map();
    for (const job of jobs) {
      const key = `${job.status} ${job.id}`;
      const row = this.#rows.get(key) ?? rowOf(job, this.#client);
      row.write(job, labels);
      rows.set(key, row);
    }
    for (const text of notes) rows.set(text, this.#rows.get(text) ?? noteOf(text));
    for (const [key, { item }] of this.#rows) if (!rows.has(key)) item.remove();
    let next = this.#list.firstElementChild;
    for (const { item } of rows.values()) {
      if (item === next) next = next.nextElementSibling;
      else this.#list.insertBefore(item, next);
    }
    this.#rows = rows;
  }
}

/**
 * @param {Job} job
 * @param {Client} client
 * @returns {Row}
 */
function rowOf({ id, status }, client) {
  const action = (/** @type {string} */ label, /** @type {() => Promise<void>} */ act) =>
    create("button", { type: "button", textContent: label, onclick: () => void act() });
  const actions =
    status === "failed"
      ? [action("Retry", () => client.retry(id)), action("Discard", () => client.discard(id))]
      : [action("Cancel", () => client.cancel(id))];
  const name = create("strong");
  const words = create("span", { className: "gist" });
  const why = create("span", { className: "why" });
  const refusal = create("span", { className: "why" });
  const item = create("li", {}, name, words, why, refusal, create("span", { className: "actions" }, ...actions));
  item.dataset.status = status;
  return {
    item,
    write(job, labels) {
      write(name, nameOf(job, labels));
      write(words, job.task === undefined ? "" : gist(job.payload));
      write(why, job.explanation?.message);
      write(refusal, job.refusal?.message);
    },
  };
}

/** @param {string} text @returns {Row} */
const noteOf = (text) => ({ item: create("li", { className: "why", textContent: text }), write() {} });

/**
 * @param {HTMLElement} line
 * @param {string} [text] nothing: there is no such line
 */
function write(line, text = "") {
  if (line.textContent !== text) line.textContent = text;
  line.hidden = text === "";
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
  if (task === undefined) return payload?.url === undefined ? "An encrypted request" : `${payload.method ?? "POST"} ${payload.url}`;
  return Object.hasOwn(labels, task) ? /** @type {string} */ (labels[task]) : task;
}
