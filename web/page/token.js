/** The CSRF token of this page, for the worker that is about to send: it is told to nobody else. */

/** @typedef {"cookie" | "meta"} Source */

/**
 * @param {Source} source
 * @param {string} name of the cookie, or of the `<meta>`
 * @returns {string | undefined}
 */
export function tokenOf(source, name) {
  if (typeof document === "undefined") return undefined;
  if (source === "cookie") return cookieOf(name);
  return document.querySelector(`meta[name="${CSS.escape(name)}"]`)?.getAttribute("content") ?? undefined;
}

/** @param {string} name */
function cookieOf(name) {
  try {
    const pairs = document.cookie.split("; ");
    return pairs.find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1);
  } catch {
    return undefined; // in a sandboxed frame
  }
}
