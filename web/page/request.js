/** A job's own request: what may be one, without secrets, and where it may go. pyqueue/_payload.py has the same rules. */

import { AUTH_HEADERS, COOKIE_HEADERS, TOKEN_HEADERS } from "../vocabulary.js";
import { dropTokens, InvalidPayload, siteRoot } from "./shared.js";
import { shown } from "./text.js";

/**
 * @typedef {import("./records.js").Declaration} Declaration
 * @typedef {import("./records.js").Payload} Payload
 */

/** Why a header is not stored, and what to do instead. @type {[readonly string[], string][]} */
const SECRETS = [
  [AUTH_HEADERS, "it is a secret, which is not stored: declare Queue(auth=...), which adds it when it is sent"],
  [COOKIE_HEADERS, "cookies are not stored: the browser adds its own when the request is sent"],
  [TOKEN_HEADERS, "it is a CSRF token, which is not stored: declare Queue(csrf=...), which adds a fresh one"],
];

/**
 * Checks a request, makes its URL absolute, and takes out the tokens that the worker adds itself.
 *
 * @param {Payload} request a copy: it is changed
 * @param {Declaration} [declaration] of the site, by the server or the worker
 * @param {Declaration} [declared] by the server: it alone knows all origins. Where there is none, the worker judges.
 * @throws {InvalidPayload}
 */
export function checkRequest(request, declaration, declared) {
  const { url, method = "POST", headers = {}, body, ...rest } = request;
  const unknown = Object.keys(rest);
  if (unknown.length) throw new InvalidPayload(`a request has no ${unknown.join(", ")}`);
  request.url = addressOf(url, declared);
  if (typeof method !== "string") throw new InvalidPayload("request.method must be text");
  if (request.method !== undefined) request.method = method.toUpperCase();
  if (typeof headers !== "object" || Array.isArray(headers)) {
    throw new InvalidPayload("request.headers must be a plain object");
  }
  checkHeaders(headers, declaration);
  if (isObject(body)) dropTokens(body, "request.body", declaration);
  askBrowser(request.url, method, headers, body);
}

/** @param {unknown} body @returns {body is Payload} */
const isObject = (body) => Object.prototype.toString.call(body) === "[object Object]";

/**
 * @param {unknown} url absolute, or relative to the site's root
 * @param {Declaration | undefined} declared
 * @returns {string}
 */
function addressOf(url, declared) {
  if (typeof url !== "string") throw new InvalidPayload("a request needs a url");
  let absolute;
  try {
    absolute = new URL(url, siteRoot());
  } catch {
    throw new InvalidPayload(`${shown(url)} is not a URL`);
  }
  const { protocol, username, password, origin, href } = absolute;
  if (username || password) {
    throw new InvalidPayload("a URL with a user name or password is not stored, nor sent to: use Queue(auth=...)");
  }
  if (!/^https?:$/.test(protocol)) throw new InvalidPayload(`${shown(url)} is not an http(s) URL`);
  const own = new URL(siteRoot()).origin;
  if (declared && origin !== own && !declared.origins?.includes(origin)) {
    throw new InvalidPayload(
      `${shown(url)} leads to ${origin}; the queue sends to the site's own origin (${own}) and to what ` +
        "Queue(origins=[...]) names",
    );
  }
  return href;
}

/**
 * @param {Payload} headers
 * @param {Declaration | undefined} declaration
 */
function checkHeaders(headers, declaration) {
  const seen = new Set();
  for (const [name, value] of Object.entries(headers)) {
    const lower = name.toLowerCase();
    const path = `request.headers.${name}`;
    if (typeof value !== "string") throw new InvalidPayload(`${path} must be text`);
    if (lower === declaration?.csrf?.header?.toLowerCase?.() || (!declaration && includes(TOKEN_HEADERS, lower))) {
      delete headers[name];
      continue;
    }
    const secret = SECRETS.find(([names]) => includes(names, lower));
    if (secret) throw new InvalidPayload(`${path}: ${secret[1]}`);
    if (lower === "idempotency-key") {
      throw new InvalidPayload(`${path}: pyqueue sets it; a job's own key is the option idempotencyKey of enqueue`);
    }
    if (lower.startsWith("pyqueue-")) throw new InvalidPayload(`${path}: pyqueue sets it`);
    if (seen.has(lower)) throw new InvalidPayload(`${path}: it is there twice, in different case`);
    seen.add(lower);
  }
}

/** @param {readonly string[]} names @param {string} name */
const includes = (names, name) => names.includes(name);

/**
 * Lets the browser judge: what it does not take here it would not send later.
 *
 * @param {string} url
 * @param {string} method
 * @param {Payload} headers
 * @param {unknown} body
 */
function askBrowser(url, method, headers, body) {
  let made;
  try {
    made = new Request(url, { method, headers, body: body === undefined || body === null ? null : "" });
  } catch (cause) {
    throw new InvalidPayload(`no such request can be sent: ${/** @type {Error} */ (cause).message}`, { cause });
  }
  // The ones that belong to the browser are dropped without a word.
  const dropped = Object.keys(headers).find((name) => !made.headers.has(name));
  if (dropped !== undefined) throw new InvalidPayload(`a page may not set the header ${dropped}`);
}
