/** When the worker is installed: it is 5 MB, and a visitor who only reads needs none of them. */

/** Milliseconds for which a page that is never idle is waited for. */
const PATIENCE = 10_000;

/** @returns {Promise<void>} resolves once the page has loaded and has nothing to do */
export async function idle() {
  if (typeof document !== "undefined" && document.readyState !== "complete") {
    await new Promise((resolve) => addEventListener("load", resolve, { once: true }));
  }
  await new Promise((resolve) => {
    if (typeof requestIdleCallback === "function") requestIdleCallback(resolve, { timeout: PATIENCE });
    else setTimeout(resolve);
  });
}

/**
 * Whether the worker comes with the first write only: the visitor asked to save data, or the site chose so by
 * `install="write"` on its script tag.
 *
 * @param {URL} url of pyqueue.js
 */
function waitsForWrite(url) {
  if (/** @type {any} */ (navigator).connection?.saveData) return true;
  if (typeof document === "undefined") return false;
  const tag = [...document.scripts].find(({ src }) => src === url.href);
  return tag?.getAttribute("install") === "write";
}

/**
 * @param {URL} url of pyqueue.js
 * @returns {Promise<void>} resolves when the worker may be fetched though nobody has written anything
 */
export const momentToInstall = (url) => (waitsForWrite(url) ? new Promise(() => {}) : idle());
