/** The list of comments: those the server has, then those on their way. */

import { remembered } from "./remembered.js";
import { element } from "./element.js";

const { pyqueue } = window;
const list = /** @type {HTMLOListElement} */ (document.getElementById("comments"));
const count = /** @type {HTMLElement} */ (document.getElementById("comment-count"));
const empty = /** @type {HTMLElement} */ (document.getElementById("no-comments"));

const SHOWN = ["pending", "sending", "failed", "expired"];

/**
 * @typedef {{key: string, text: string, photo?: string | Blob, status: string, note?: string, job?: any}} Entry
 */

/** @param {any[]} jobs what `pyqueue.jobs()` answers */
export async function drawComments(jobs) {
  const { value: comments, readAt } = await remembered("/api/comments", []);
  const mine = jobs.filter((job) => job.task === "comment.create");
  // A job done since the list was read is not in it yet, and must not vanish meanwhile.
  const onTheirWay = mine.filter(
    (job) => SHOWN.includes(job.status) || (job.status === "done" && job.settledAt >= readAt),
  );
  const known = new Set(comments.map((/** @type {any} */ comment) => comment.id));
  const entries = [
    ...comments.map(ofComment),
    ...(await Promise.all(onTheirWay.filter((job) => !known.has(job.result?.id)).map(ofJob))),
  ];
  reconcile(entries);
  count.textContent = entries.length ? String(entries.length) : "";
  empty.hidden = entries.length > 0;
}

/**
 * @param {{id: number, text: string, photo?: string}} comment
 * @returns {Entry}
 */
function ofComment({ id, text, photo }) {
  return { key: `comment-${id}`, text, photo, status: "done" };
}

/**
 * @param {any} job
 * @returns {Promise<Entry>}
 */
async function ofJob(job) {
  const { text, photo } = job.payload;
  return { key: `job-${job.id}`, text, photo, status: job.status, note: await noteOf(job), job };
}

/**
 * What to say about a job under its text.
 * @param {any} job
 */
async function noteOf(job) {
  if (job.status === "done") return "";
  if (job.status === "failed" || job.status === "expired") return reasonOf(job.error);
  const handle = await pyqueue.job(job.id);
  const why = job.status === "pending" && handle ? await handle.explain() : "";
  return why ? `Syncing… ${why}` : "Syncing…";
}

/**
 * The server's own words where it gave any.
 * @param {{message: string, body?: string} | undefined} error
 */
function reasonOf(error) {
  try {
    return JSON.parse(error?.body ?? "").detail ?? error?.message;
  } catch {
    return error?.message ?? "It was not accepted.";
  }
}

/**
 * Makes the list show these entries. What did not change is not touched, so that focus, a picture or an
 * answer being written stay.
 * @param {Entry[]} entries
 */
function reconcile(entries) {
  const old = new Map([...list.children].map((item) => [/** @type {HTMLElement} */ (item).dataset.key, item]));
  let next = list.firstElementChild;
  for (const entry of entries) {
    let item = /** @type {HTMLElement | undefined} */ (old.get(entry.key));
    const state = `${entry.status} ${entry.note ?? ""} ${entry.text}`;
    if (!item || (item.dataset.state !== state && !item.querySelector("textarea"))) {
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
  if (entry.status === "failed" || entry.status === "expired") item.append(actions(entry, item));
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
  const failed = status === "failed" || status === "expired";
  const line = element("p", { class: "note", "data-testid": "comment-note" }, note);
  if (failed) line.setAttribute("role", "alert");
  return line;
}

/**
 * @param {Entry} entry
 * @param {HTMLElement} item
 */
function actions({ job }, item) {
  const row = element("div", { class: "row end" });
  const button = (/** @type {string} */ label, /** @type {string} */ id, /** @type {() => unknown} */ act) => {
    const made = element("button", { type: "button", "data-testid": id }, label);
    made.addEventListener("click", act);
    row.append(made);
  };
  button("Edit & resend", "edit", () => row.replaceWith(editor(job, item)));
  button("Retry", "retry", () => pyqueue.retry(job.id));
  button("Discard", "discard", () => pyqueue.discard(job.id));
  return row;
}

/**
 * @param {any} job
 * @param {HTMLElement} item
 */
function editor(job, item) {
  const field = /** @type {HTMLTextAreaElement} */ (
    element("textarea", { id: `edit-${job.id}`, "data-testid": "edit-text", rows: "3", required: "" })
  );
  field.value = job.payload.text;
  const form = element("form", { "data-testid": "edit-form" });
  form.append(
    element("label", { for: field.id }, "Your comment"),
    field,
    element("button", { class: "primary", "data-testid": "edit-save" }, "Resend"),
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    await pyqueue.edit(job.id, { ...job.payload, text: field.value });
    // From here on the list draws this entry again.
    form.remove();
    item.dataset.state = "";
  });
  setTimeout(() => field.focus());
  return form;
}
