/** One HTTP exchange, as Python's transport asks for it. */

import { failure } from "./answer.js";
import { encodeBody } from "./body.js";

/**
 * @typedef {object} Exchange
 * @property {string} method
 * @property {string} url absolute, or relative to the site's root
 * @property {Record<string, string>} headers
 * @property {any} body see `encodeBody`
 * @property {import("./body.js").Encoding} encoding
 * @property {number} timeout seconds for the whole exchange, the answer's body included
 * @property {"follow" | "manual"} redirect
 */

/**
 * Sends a request and reads the whole answer.
 *
 * @param {Exchange} exchange
 * @returns {{answer: Promise<import("./answer.js").Answer>, abort: () => void}} the answer's value is
 *   `{status, headers, body, redirected}`. A failure's name is `invalid` (no such request can be made),
 *   `timeout`, `offline` (the browser says so), `network`, or `aborted` after `abort()`.
 */
export function send(exchange) {
  const controller = new AbortController();
  return {
    answer: run(exchange, controller),
    abort: () => controller.abort("aborted"),
  };
}

/**
 * @param {Exchange} exchange
 * @param {AbortController} controller aborted with the failure's name as its reason
 * @returns {Promise<import("./answer.js").Answer>}
 */
async function run(exchange, controller) {
  let request;
  try {
    request = toRequest(exchange);
  } catch (error) {
    return { ...failure(error), name: "invalid" };
  }
  const timer = self.setTimeout(() => controller.abort("timeout"), exchange.timeout * 1000);
  try {
    return { ok: true, value: await readAll(await fetch(request, { signal: controller.signal })) };
  } catch (error) {
    const { aborted, reason } = controller.signal;
    if (aborted) return { ok: false, name: reason, message: `no answer within ${exchange.timeout} seconds` };
    return { ...failure(error), name: navigator.onLine ? "network" : "offline" };
  } finally {
    clearTimeout(timer);
  }
}

/** @param {Exchange} exchange */
function toRequest({ method, url, headers, body, encoding, redirect }) {
  const out = new Headers(headers);
  const encoded = encodeBody(body, encoding, out.get("idempotency-key") ?? "");
  if (encoded.type && !out.has("content-type")) out.set("content-type", encoded.type);
  return new Request(new URL(url, self.location.origin), {
    method,
    headers: out,
    body: encoded.body,
    credentials: "same-origin",
    // The answer must be the server's own, not a stored one.
    cache: "no-store",
    redirect,
  });
}

/** @param {Response} response */
async function readAll(response) {
  /** @type {Record<string, string>} */
  const headers = {};
  response.headers.forEach((value, name) => (headers[name] = value));
  return {
    status: response.status,
    headers,
    body: new Uint8Array(await response.arrayBuffer()),
    redirected: response.type === "opaqueredirect",
  };
}
