/** One HTTP exchange, as Python's transport asks for it. */

import { MAX_BODY } from "../web/vocabulary.js";
import { failure } from "./answer.js";
import { encodeBody } from "./body.js";

/**
 * @typedef {object} Head of a request
 * @property {string} method
 * @property {string} url absolute, or relative to the site's root
 * @property {Record<string, string>} headers
 * @property {import("./body.js").Encoding} encoding of a body that is an object
 * @property {number} timeout seconds for the whole exchange, the answer's body included
 * @property {"follow" | "manual"} redirect
 * @property {string | null} origin to which the URL must lead; `null`: the site's own
 * @property {"omit" | "include"} credentials for another origin than the site's own
 *
 * @typedef {(typeof import("../web/vocabulary.js").UNREACHABLE)[number]} Unreachable
 * @typedef {{ok: false, name: Unreachable | "invalid" | "aborted", message: string}} SendFailure
 * @typedef {{ok: true, head: string, body: Uint8Array}} Sent the answer: `head` is JSON of `{status, headers,
 *   redirected, truncated}`, the body at most `MAX_BODY` bytes, `truncated` if it had more
 */

/** Milliseconds: what `setTimeout` can count to. More would end at once. */
const LONGEST = 2 ** 31 - 1;

/**
 * Sends a request and reads the answer.
 *
 * @param {string} head JSON of a `Head`: one text crosses to Python faster than an object
 * @param {any} body see `encodeBody`
 * @returns {{answer: Promise<Sent | SendFailure>, abort: () => void}} a failure's name is `invalid` (no such request
 *   can be made), `timeout`, `offline` (the browser says so), `network`, or `aborted` after `abort()`.
 */
export function send(head, body) {
  const controller = new AbortController();
  return {
    answer: run(JSON.parse(head), body, controller),
    abort: () => controller.abort("aborted"),
  };
}

/**
 * @param {Head} head
 * @param {any} body
 * @param {AbortController} controller aborted with the failure's name as its reason
 * @returns {Promise<Sent | SendFailure>}
 */
async function run(head, body, controller) {
  // Not on the stack of Python's interpreter: whoever watches the network notes the stack of each request.
  await undefined;
  let request;
  try {
    request = toRequest(head, body, controller.signal);
  } catch (error) {
    return { ...failure(error), name: "invalid" };
  }
  const limit = Math.min(head.timeout * 1000, LONGEST);
  const timer = self.setTimeout(() => controller.abort("timeout"), limit);
  try {
    return await read(await fetch(request));
  } catch (error) {
    const { aborted, reason } = controller.signal;
    if (!aborted) return { ...failure(error), name: navigator.onLine ? "network" : "offline" };
    const message = reason === "timeout" ? `no answer within ${head.timeout} seconds` : "it was withdrawn";
    return { ok: false, name: reason, message };
  } finally {
    clearTimeout(timer);
  }
}

/**
 * @param {Head} head
 * @param {any} body
 * @param {AbortSignal} signal
 */
function toRequest({ method, url, headers, encoding, redirect, origin, credentials }, body, signal) {
  const out = new Headers(headers);
  const encoded = encodeBody(body, encoding, out.get("idempotency-key") ?? "");
  if (encoded.type && !out.has("content-type")) out.set("content-type", encoded.type);
  const own = self.location.origin;
  const target = new URL(url, own);
  const isOwn = target.origin === own;
  // Python has judged the text; this is what the browser makes of it.
  if (target.origin !== (origin ?? own)) throw new TypeError(`it leads to ${target.origin}, and may go to ${origin ?? own}`);
  // The server half then tells a redirect in a form that can be read here. Not to other origins, where one more
  // header would have to be allowed.
  if (redirect === "manual" && isOwn) out.set("pyqueue-redirect", "tell");
  return new Request(target, {
    method,
    headers: out,
    body: encoded.body,
    credentials: isOwn ? "same-origin" : credentials,
    // So a redirect that the browser follows does not leave the site.
    mode: isOwn ? "same-origin" : "cors",
    // The answer must be the server's own, not a stored one.
    cache: "no-store",
    redirect,
    signal,
  });
}

/**
 * @param {Response} response
 * @returns {Promise<Sent>}
 */
async function read(response) {
  const { body, truncated } = await readBody(response);
  const head = {
    status: response.status,
    // Not by assignment: a header may be called `__proto__`.
    headers: Object.fromEntries(response.headers),
    redirected: response.type === "opaqueredirect",
    truncated,
  };
  return { ok: true, head: JSON.stringify(head), body };
}

/**
 * Reads what is worth keeping of a body, and no more: it may have no end.
 *
 * @param {Response} response
 * @returns {Promise<{body: Uint8Array, truncated: boolean}>} rejects if it breaks off
 */
async function readBody(response) {
  /** @type {Uint8Array[]} */
  const parts = [];
  let room = MAX_BODY;
  const reader = response.body?.getReader();
  for (let read = await reader?.read(); read && !read.done; read = await reader?.read()) {
    parts.push(read.value.subarray(0, room));
    if (read.value.length > room) {
      // Not awaited: no answer depends on how the server takes it.
      reader?.cancel().catch(() => {});
      return { body: joined(parts), truncated: true };
    }
    room -= read.value.length;
  }
  return { body: joined(parts), truncated: false };
}

/** One array of several; not by a `Blob`, which costs a round trip to the browser. @param {Uint8Array[]} parts */
function joined(parts) {
  if (parts.length === 1) return /** @type {Uint8Array} */ (parts[0]);
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
