/** The CSRF token of this page, for the worker that is about to send: it is told to nobody else. */

/** @typedef {"cookie" | "meta"} Source */

/**
 * Tells the worker what it has asked for: the worker itself, by a message to it alone. Whoever else may ask for a token
 * by a broadcast hears no answer, and the worker takes none that it did not ask for.
 *
 * @param {import("./channel.js").Change} asked
 * @param {import("./worker.js").WorkerHandle} worker
 */
export function tellToken({ id, source, name }, worker) {
  const isAsked = typeof id === "string" && typeof name === "string" && (source === "cookie" || source === "meta");
  if (isAsked) worker.tell({ type: "token", id, token: tokenOf(source, name) });
}

/**
 * @param {Source} source
 * @param {string} name of the cookie, or of the `<meta>`
 * @returns {string | undefined}
 */
function tokenOf(source, name) {
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
