/** Payloads: what may be one, and how large it is. */

import { InvalidPayload } from "./errors.js";

/** @typedef {import("./records.js").Payload} Payload */

/**
 * @param {unknown} value
 * @returns {value is Payload} whether it is an object literal or the like, not an instance of something
 */
function isPlain(value) {
  if (typeof value !== "object" || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/**
 * A form's fields as a payload: a name that comes more than once becomes an array, an empty file input is
 * left out.
 *
 * @param {FormData} form
 * @returns {Payload}
 */
export function fieldsOf(form) {
  /** @type {Payload} */
  const fields = {};
  for (const [name, value] of form) {
    if (typeof value !== "string" && value.name === "" && value.size === 0) continue;
    if (!Object.hasOwn(fields, name)) fields[name] = value;
    else if (Array.isArray(fields[name])) fields[name].push(value);
    else fields[name] = [fields[name], value];
  }
  return fields;
}

/**
 * @param {unknown} value what the site passed
 * @returns {Payload} what is stored
 * @throws {InvalidPayload}
 */
export function payloadOf(value) {
  if (value === undefined || value === null) return {};
  if (value instanceof FormData) return fieldsOf(value);
  if (isPlain(value)) return value;
  const kind = Array.isArray(value) ? "an array" : typeof value === "object" ? value.constructor.name : typeof value;
  throw new InvalidPayload(`a payload must be a plain object or FormData, not ${kind}`);
}

/**
 * @param {Payload} request a job's own `{url, method?, headers?, body?}`
 * @returns {Payload} what is stored
 * @throws {InvalidPayload}
 */
export function requestOf(request) {
  const { url, method, headers, body, ...rest } = request;
  const unknown = Object.keys(rest);
  if (unknown.length) throw new InvalidPayload(`a request has no ${unknown.join(", ")}`);
  let absolute;
  try {
    absolute = new URL(url, location.href);
  } catch {
    throw new InvalidPayload(`${JSON.stringify(url)} is not a URL`);
  }
  if (!/^https?:$/.test(absolute.protocol)) throw new InvalidPayload(`${url} is not an http(s) URL`);
  if (method !== undefined && !/^[a-z]+$/i.test(method)) throw new InvalidPayload(`${method} is not a method`);
  if (headers !== undefined && !isPlain(headers)) throw new InvalidPayload("headers must be a plain object");
  return {
    url: absolute.href,
    ...(method === undefined ? {} : { method: method.toUpperCase() }),
    ...(headers === undefined ? {} : { headers }),
    ...(body === undefined ? {} : { body: body instanceof FormData ? fieldsOf(body) : body }),
  };
}

/**
 * @param {unknown} value
 * @param {Set<object>} [seen] what was counted: shared and circular references are stored once
 * @returns {number} about how many bytes it takes to store
 */
export function sizeOf(value, seen = new Set()) {
  if (typeof value === "string") return new Blob([value]).size;
  if (typeof value !== "object" || value === null) return 8;
  if (seen.has(value)) return 0;
  seen.add(value);
  if (value instanceof Blob) return value.size;
  if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) return value.byteLength;
  const parts =
    Array.isArray(value) || value instanceof Set
      ? [...value]
      : (value instanceof Map ? [...value] : Object.entries(value)).flat(1);
  return parts.reduce((size, part) => size + sizeOf(part, seen), 8);
}
