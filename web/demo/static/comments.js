/** The list of comments: those the server has, then those on their way. */

import { edit } from "./editor.js";
import { element } from "./element.js";
import { ServerList } from "./server-list.js";

const { pyqueue } = window;
const comments = new ServerList("/api/comments");
const list = /** @type {HTMLOListElement} */ (document.getElementById("comments"));
const count = /** @type {HTMLElement} */ (document.getElementById("comment-count"));
const empty = /** @type {HTMLElement} */ (document.getElementById("no-comments"));
const rest = /** @type {HTMLElement} */ (document.getElementById("more-comments"));

/**
 * @typedef {import("../../pyqueue.js").Job} Job
 * @typedef {{key: string, text: string, photo?: string | Blob, status: string, note?: string, job?: Job}} Entry
 */

/** @type {Map<string, {settledAt: number, entry: Entry}>} what was delivered since the server was read, by its job */
const delivered = new Map();

/** Reads what the server has. */
export const readComments = () => comments.read(nothingIsBeingSent);

/** The server may have a comment whose answer is still on its way: it would be shown twice. */
async function nothingIsBeingSent() {
  const sending = await pyqueue.jobs({ task: "comment.create", status: "sending", limit: 1 });
  return sending.length === 0;
}

/** What the server had when it was read last. */
export const serverComments = () => comments.latest;

/**
 * @param {{items: any[], readAt: number}} server `serverComments`, as they were before the queue was read
 * @param {import("./queue.js").Queue} queue
 */
export async function drawComments({ items, readAt }, { waiting, more, over, done }) {
  await keepDelivered(done.filter(isComment), readAt);
  const known = new Set(items.map((comment) => `comment-${comment.id}`));
  const arrived = [...delivered.values()].map(({ entry }) => entry).filter(({ key }) => !known.has(key));
  const onTheirWay = [...over, ...waiting].filter(isComment).sort((a, b) => a.createdAt - b.createdAt);
  reconcile([...items.map(ofComment), ...arrived, ...onTheirWay.map(ofJob)]);
  count.textContent = list.childElementCount ? String(list.childElementCount) : "";
  empty.hidden = list.childElementCount > 0 || readAt === 0;
  rest.hidden = more === 0;
  rest.textContent = `and ${more} more on their way`;
}

/** @param {Job} job */
const isComment = ({ task }) => task === "comment.create";

/**
 * A comment delivered since the server's list was read is not in it yet, and must not vanish meanwhile.
 *
 * @param {Job[]} done
 * @param {number} readAt
 */
async function keepDelivered(done, readAt) {
  for (const [id, { settledAt }] of delivered) if (settledAt < readAt) delivered.delete(id);
  const fresh = done.filter(({ id, settledAt = 0 }) => settledAt >= readAt && !delivered.has(id));
  const results = await Promise.all(fresh.map((job) => job.result().catch(() => null))); // Null: pruned meanwhile.
  for (const [position, { id, settledAt = 0 }] of fresh.entries()) {
    const comment = results[position];
    if (comment) delivered.set(id, { settledAt, entry: ofComment(comment) });
  }
}

/**
 * @param {{id: number, text: string, photo?: string}} comment
 * @returns {Entry}
 */
function ofComment({ id, text, photo }) {
  return { key: `comment-${id}`, text, photo, status: "done" };
}

/**
 * @param {Job} job one that the server does not have
 * @returns {Entry}
 */
function ofJob(job) {
  const { text, photo } = job.payload;
  return { key: `job-${job.id}`, text, photo, status: job.status, note: noteOf(job), job };
}

/**
 * What to say about a job under its text.
 *
 * @param {Job} job
 */
function noteOf({ status, error, explanation }) {
  if (isOver(status)) return error?.message ?? "It was not accepted.";
  return status === "pending" ? `Syncing… ${explanation?.message}` : "Syncing…";
}

/** @param {string} status */
const isOver = (status) => status === "failed" || status === "expired";

/**
 * Makes the list show these entries. What did not change is not touched, so that focus and
 * pictures stay.
 * @param {Entry[]} entries
 */
function reconcile(entries) {
  const old = new Map([...list.children].map((item) => [/** @type {HTMLElement} */ (item).dataset.key, item]));
  let next = list.firstElementChild;
  for (const entry of entries) {
    let item = /** @type {HTMLElement | undefined} */ (old.get(entry.key));
    const state = `${entry.status} ${entry.note ?? ""} ${entry.text}`;
    if (!item || item.dataset.state !== state) {
      const fresh = draw(entry);
      fresh.dataset.state = state;
      if (item === next) next = next?.nextElementSibling ?? null;
      item?.remove();
      item = fresh;
    }
    if (item === next) next = next.nextElementSibling;
    else list.insertBefore(item, next);
    old.delete(entry.key);
  }
  for (const gone of old.values()) gone.remove();
}

/**
 * @param {Entry} entry
 * @returns {HTMLElement}
 */
function draw(entry) {
  const item = element("li", { class: "comment", "data-testid": "comment", "data-key": entry.key });
  item.dataset.status = entry.status;
  if (entry.job) item.dataset.jobId = entry.job.id;
  item.append(element("p", { "data-testid": "comment-body" }, entry.text));
  if (entry.photo && (typeof entry.photo === "string" || entry.photo.size)) item.append(picture(entry));
  if (entry.note) item.append(note(entry));
  if (entry.job && isOver(entry.status)) item.append(actions(entry.job));
  return item;
}

/** @param {Entry} entry */
function picture({ photo, text }) {
  const image = /** @type {HTMLImageElement} */ (element("img", { alt: text, loading: "lazy" }));
  if (photo instanceof Blob) {
    image.src = URL.createObjectURL(photo);
    image.onload = () => URL.revokeObjectURL(image.src);
  } else {
    image.src = photo ?? "";
  }
  return image;
}

/** @param {Entry} entry */
function note({ note, status }) {
  const line = element("p", { class: "note", "data-testid": "comment-note" }, note);
  if (isOver(status)) line.setAttribute("role", "alert");
  return line;
}

/** @param {Job} job */
function actions(job) {
  const row = element("div", { class: "row end" });
  const button = (/** @type {string} */ label, /** @type {string} */ id, /** @type {() => unknown} */ act) => {
    const made = element("button", { type: "button", "data-testid": id }, label);
    made.addEventListener("click", act);
    row.append(made);
  };
  button("Edit & resend", "edit", () => edit(job));
  button("Retry", "retry", () => pyqueue.retry(job.id));
  button("Discard", "discard", () => pyqueue.discard(job.id));
  return row;
}
