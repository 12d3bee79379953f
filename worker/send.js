/** One HTTP exchange, as Python's transport asks for it. */

import { MAX_BODY } from "../web/vocabulary.js";
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
 *
 * @typedef {(typeof import("../web/vocabulary.js").UNREACHABLE)[number]} Unreachable
 * @typedef {{ok: false, name: Unreachable | "invalid" | "aborted", message: string}} SendFailure
 */

/** Milliseconds: what `setTimeout` can count to. More would end at once. */
const LONGEST = 2 ** 31 - 1;

/**
 * Sends a request and reads the answer.
 *
 * @param {Exchange} exchange
 * @returns {{answer: Promise<{ok: true, value: any} | SendFailure>, abort: () => void}} the answer's value is
 *   `{status, headers, body, truncated, redirected}`, the body at most `MAX_BODY` bytes, `truncated` if it had more.
 *   A failure's name is `invalid` (no such request can be made), `timeout`, `offline` (the browser says so),
 *   `network`, or `aborted` after `abort()`.
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
 * @returns {Promise<{ok: true, value: any} | SendFailure>}
 */
async function run(exchange, controller) {
  let request;
  try {
    request = toRequest(exchange);
  } catch (error) {
    return { ...failure(error), name: "invalid" };
  }
  const limit = Math.min(exchange.timeout * 1000, LONGEST);
  const timer = self.setTimeout(() => controller.abort("timeout"), limit);
  try {
    return { ok: true, value: await read(await fetch(request, { signal: controller.signal })) };
  } catch (error) {
    const { aborted, reason } = controller.signal;
    if (!aborted) return { ...failure(error), name: navigator.onLine ? "network" : "offline" };
    const message = reason === "timeout" ? `no answer within ${exchange.timeout} seconds` : "it was withdrawn";
    return { ok: false, name: reason, message };
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
async function read(response) {
  return {
    status: response.status,
    // Not by assignment: a header may be called `__proto__`.
    headers: Object.fromEntries(response.headers),
    ...(await readBody(response)),
    redirected: response.type === "opaqueredirect",
  };
}

/**
 * Reads what is worth keeping of a body, and no more: it may have no end.
 *
 * @param {Response} response
 * @returns {Promise<{body: Uint8Array, truncated: boolean}>} rejects if it breaks off
 */
async function readBody(response) {
  const parts = [];
  let room = MAX_BODY;
  const reader = response.body?.getReader();
  for (let read = await reader?.read(); read && !read.done; read = await reader?.read()) {
    parts.push(read.value.subarray(0, room));
    if (read.value.length > room) {
      // Not awaited: no answer depends on how the server takes it.
      reader?.cancel().catch(() => {});
      return { body: await joined(parts), truncated: true };
    }
    room -= read.value.length;
  }
  return { body: await joined(parts), truncated: false };
}

/** @param {Uint8Array<ArrayBuffer>[]} parts */
const joined = async (parts) => new Uint8Array(await new Blob(parts).arrayBuffer());
