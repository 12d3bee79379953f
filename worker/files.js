/**
 * The files that the worker boots from: precached at install, so that it boots offline.
 *
 * Cache entries are keyed by content (`<url>?sha256=<hex>`). A file that did not change between two builds
 * is therefore found in the older build's cache and not downloaded again.
 */

import manifest from "./manifest.js";
import { NAME } from "./mount.js";

/**
 * A file the worker needs.
 * @typedef {object} File
 * @property {string} url absolute
 * @property {string} [sha256] hexadecimal; absent where nobody knew it when the worker was registered
 */

/** `sw.js` lies at the root of the static folder; everything else is found from there. */
const ROOT = new URL("./", self.location.href);
const CACHE = `${NAME} ${manifest.build}`;
/** The cache of snapshot.js. */
export const SNAPSHOTS = `${CACHE} snapshot`;

/** The real one, also while `withCachedFetch` shadows it. */
const networkFetch = self.fetch.bind(self);

/** The Cache API needs a secure context; without it, files come from the network or the HTTP cache. */
export const hasCache = "caches" in self;

/**
 * @param {string} path relative to the static folder
 * @returns {File}
 */
export function file(path) {
  return { url: new URL(path, ROOT).href, sha256: manifest.files[path] };
}

/**
 * The user's tasks module, if the site has one. A server that knows the file appends its hash to `sw.js`,
 * so that the browser sees a new worker when the tasks change; a static host names it in the URL.
 *
 * @returns {File | undefined}
 * @throws {Error} it is not on this site's origin: its code would act for this one
 */
export function tasksFile() {
  const named = new URL(self.location.href).searchParams.get("tasks");
  const tasks = /** @type {any} */ (self).PYQUEUE_TASKS ?? (named ? { url: named } : undefined);
  if (!tasks) return undefined;
  const url = new URL(tasks.url, self.location.href);
  if (!isOwn(url)) throw new Error(`tasks must be on this site's origin, not ${url.href}`);
  return { url: url.href, sha256: tasks.sha256 };
}

/**
 * @param {URL} url
 * @returns {boolean} whether it is on this origin, and no `blob:`, which has the origin of whoever made it
 */
const isOwn = ({ origin, protocol }) => origin === self.location.origin && protocol === self.location.protocol;

/** @param {File} file */
function keyOf({ url, sha256 }) {
  if (!sha256) return url;
  const key = new URL(url);
  key.searchParams.set("sha256", sha256);
  return key.href;
}

/** @returns {File[]} everything to precache */
function wanted() {
  const tasks = tasksFile();
  return [...Object.keys(manifest.files).map(file), ...(tasks ? [tasks] : [])];
}

/**
 * @param {BufferSource} content
 * @returns {Promise<string>} its SHA-256, hexadecimal
 */
export async function hashOf(content) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", content));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * Downloads a file, past the HTTP cache's freshness, and verifies it.
 *
 * @param {File} file
 * @returns {Promise<Response>}
 * @throws {Error} the network, the server or the hash refused it; the message names the file
 */
async function download({ url, sha256 }) {
  let response;
  try {
    response = await networkFetch(url, { cache: "no-cache" });
  } catch (error) {
    throw new Error(`${url} could not be downloaded: ${/** @type {Error} */ (error).message}`);
  }
  if (!isOwn(new URL(response.url))) throw new Error(`${url} was redirected to another origin: ${response.url}`);
  if (!response.ok) throw new Error(`${url} could not be downloaded: the server answered ${response.status}`);
  // `crypto.subtle` is there wherever the Cache API is; without both, nothing outlives this boot.
  if (sha256 && self.crypto.subtle) {
    const hex = await hashOf(await response.clone().arrayBuffer());
    if (hex !== sha256) throw new Error(`${url} is not the file this build was made with: its SHA-256 is ${hex}`);
  }
  return response;
}

/**
 * Stores every file of this build. A file that cannot be had fails the install, and the old worker stays.
 *
 * @throws {Error} naming the file
 */
export async function precache() {
  const cache = await caches.open(CACHE);
  await Promise.all(
    wanted().map(async (file) => {
      const kept = file.sha256 && (await caches.match(keyOf(file)));
      await cache.put(keyOf(file), kept || (await download(file)));
    }),
  );
}

/** Deletes older builds' caches, and from this build's what an older tasks module left. */
export async function removeOldFiles() {
  const old = (await caches.keys()).filter((name) => name.startsWith(`${NAME} `) && name !== CACHE && name !== SNAPSHOTS);
  await Promise.all(old.map((name) => caches.delete(name)));
  const cache = await caches.open(CACHE);
  const keys = new Set(wanted().map(keyOf));
  const stale = (await cache.keys()).filter((request) => !keys.has(request.url));
  await Promise.all(stale.map((request) => cache.delete(request)));
}

/**
 * A file, from the cache if it is there, else from the network.
 *
 * A file without a hash may have changed on its host: the copy for the next boot is fetched beside this one. Another
 * mount may have kept the same file at another time, so only this one's copy counts.
 *
 * @param {File} file
 * @returns {Promise<Response>}
 * @throws {Error} naming the file
 */
export async function read(file) {
  const places = file.sha256 ? {} : { cacheName: CACHE };
  const kept = hasCache ? await caches.match(keyOf(file), places) : undefined;
  if (!kept) return download(file);
  if (!file.sha256) {
    download(file)
      .then(async (fresh) => (await caches.open(CACHE)).put(keyOf(file), fresh))
      .catch(() => {}); // offline: the kept copy serves
  }
  return kept;
}

/**
 * Runs a function during which `fetch` answers these files from the cache.
 *
 * A service worker's own requests do not pass through any worker, and Pyodide has no setting for where its
 * WebAssembly and its library come from but their URLs: so `fetch` itself is shadowed while it loads.
 *
 * @template T
 * @param {string[]} paths relative to the static folder
 * @param {() => Promise<T>} run
 * @returns {Promise<T>} rejects with an `Error` that names the file, if one of them cannot be had
 */
export async function withCachedFetch(paths, run) {
  const files = new Map(paths.map((path) => [file(path).url, file(path)]));
  const shadowed = self.fetch;
  try {
    return await new Promise((resolve, reject) => {
      self.fetch = (input, init) => {
        const url = new URL(input instanceof Request ? input.url : input, self.location.href).href;
        const known = files.get(url);
        if (!known) return networkFetch(input, init);
        const response = read(known);
        // Pyodide waits for ever for a file that it could not get.
        response.catch(reject);
        return response;
      };
      run().then(resolve, reject);
    });
  } finally {
    self.fetch = shadowed;
  }
}
