/** The photos: a task written in Python uploads them. */

import { element } from "./element.js";
import { ServerList } from "./server-list.js";

const { pyqueue } = window;
const photos = new ServerList("/api/photos");
const list = /** @type {HTMLUListElement} */ (document.getElementById("photos"));
const input = /** @type {HTMLInputElement} */ (document.getElementById("photo-input"));
const problem = /** @type {HTMLElement} */ (document.getElementById("photos-error"));
let drawn = "";

/** Reads what the server has. */
export const readPhotos = () => photos.read();

/** @param {import("./queue.js").Queue} queue */
export function drawPhotos(queue) {
  const waiting = queue.waiting.filter((job) => job.task === "photo.upload");
  const state = JSON.stringify([photos.latest.items, waiting.map((job) => job.id)]);
  if (state === drawn) return;
  drawn = state;
  list.replaceChildren(
    ...waiting.map((job) => item(URL.createObjectURL(job.payload.photo), "A photo on its way")),
    ...photos.latest.items.map((photo) => item(photo.url, `Photo ${photo.id}`)),
  );
}

/**
 * @param {string} source
 * @param {string} description
 */
function item(source, description) {
  const image = /** @type {HTMLImageElement} */ (element("img", { src: source, alt: description }));
  if (source.startsWith("blob:")) image.onload = () => URL.revokeObjectURL(source);
  const made = element("li", { "data-testid": "photo" });
  made.append(image);
  return made;
}

/** Enqueues what is chosen, all of it or nothing. */
export function watchPhotos() {
  input.addEventListener("change", async () => {
    problem.hidden = true;
    try {
      const files = [...(input.files ?? [])];
      await pyqueue.enqueueMany(files.map((photo) => ({ task: "photo.upload", payload: { photo } })));
    } catch (error) {
      problem.textContent = /** @type {Error} */ (error).message;
      problem.hidden = false;
    }
    input.value = "";
  });
}
