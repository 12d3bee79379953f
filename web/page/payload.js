/** Payloads: what may be one, the copy that is stored, and how large it is. docs/javascript.md has the rules. */

import { MAX_DEPTH, MAX_RECORD } from "../vocabulary.js";
import { InvalidPayload, PayloadTooLarge, PyqueueError } from "./errors.js";
import { bytesOf, isText, kindOf, shown } from "./text.js";

/**
 * @typedef {import("./records.js").Payload} Payload
 * @typedef {{payload: Payload, bytes: number}} Stored a copy that is free of what the site may still change, and
 *   about how many bytes it takes
 */

/** Fields of a path that a message shows. */
const LONGEST_PATH = 10;

/** What to do instead, by the kind of value that cannot be stored and sent as JSON. */
const REMEDIES = new Map([
  ["Date", "use its toISOString()"],
  ["Map", "use Object.fromEntries(map)"],
  ["Set", "use [...set]"],
  ["FileList", "use [...files]"],
  ["FormData", "pass it as the whole payload"],
  ["URLSearchParams", "use Object.fromEntries(parameters), or its text"],
  ["RegExp", "use its source"],
  ["Error", "use its message"],
  ["URL", "use its href"],
  ["String", "use the plain text"],
  ["Number", "use the plain number"],
  ["Boolean", "use true or false"],
]);

/**
 * A form's fields as a payload: a name that comes more than once becomes an array, an empty file input is
 * left out.
 *
 * @param {FormData} form
 * @returns {Payload}
 */
export function fieldsOf(form) {
  /** @type {Map<string, any>} */
  const fields = new Map();
  for (const [name, value] of form) {
    if (typeof value !== "string" && value.name === "" && value.size === 0) continue;
    const before = fields.get(name);
    if (before === undefined) fields.set(name, value);
    else if (Array.isArray(before)) before.push(value);
    else fields.set(name, [before, value]);
  }
  return Object.fromEntries(fields);
}

/**
 * @param {unknown} value what the site passed
 * @returns {Stored}
 * @throws {InvalidPayload | PayloadTooLarge}
 */
export function payloadOf(value) {
  const given = value instanceof FormData ? fieldsOf(value) : (value ?? {});
  if (!isPlain(given)) {
    throw new InvalidPayload(`a payload must be a plain object or FormData, not ${shown(given)}`);
  }
  return copyOf("payload", given, 0);
}

/**
 * @param {unknown} value a job's own `{url, method?, headers?, body?}`
 * @returns {Stored} what of it can be stored; `checkRequest` judges the request
 * @throws {InvalidPayload | PayloadTooLarge}
 */
export function requestOf(value) {
  if (!isPlain(value)) {
    throw new InvalidPayload(`a job needs a task's name or a request, not ${shown(value)}`);
  }
  const request = { ...value };
  if (request.url instanceof URL) request.url = request.url.href;
  request.body = bodyOf(request.body);
  return copyOf("request", request, 1);
}

/** @param {unknown} body */
function bodyOf(body) {
  if (body === null) return undefined;
  if (body instanceof FormData) return fieldsOf(body);
  if (body instanceof ArrayBuffer || ArrayBuffer.isView(body)) return new Blob([/** @type {BlobPart} */ (body)]);
  return body;
}

/**
 * Copies what may be stored.
 *
 * @param {string} root what the value is called in messages
 * @param {object} value
 * @param {number} outer how many fields lead to the object whose own fields may be files
 * @returns {Stored}
 */
function copyOf(root, value, outer) {
  const copier = new Copier(outer);
  try {
    return { payload: copier.copy(value), bytes: copier.bytes };
  } catch (cause) {
    const path = pathOf(root, copier.path);
    if (cause instanceof Unfit) throw new InvalidPayload(`${path} ${cause.message}`);
    if (cause instanceof PyqueueError) throw cause;
    // A getter or a proxy of the site's.
    throw new InvalidPayload(`${path} cannot be read: ${/** @type {any} */ (cause)?.message ?? cause}`, { cause });
  }
}

/** Why one value cannot be stored; where it stands is added. */
class Unfit extends Error {}

/** One walk over a value: reads each field once, so that what is checked is what is stored. */
class Copier {
  /** @param {number} outer see `copyOf` */
  constructor(outer) {
    this.#outer = outer;
  }

  #outer;
  /** The objects that lead to the present value. @type {object[]} */
  #ancestors = [];
  /** Of all but files. A value shared in many places is copied to each, so this can grow without a large input. */
  #work = 0;

  /** About how many bytes the copy takes, by Python's rule: files as they are, text in UTF-8, 8 for the rest. */
  bytes = 0;
  /** The fields that lead to the present value. @type {(string | number)[]} */
  path = [];

  /**
   * @param {unknown} value
   * @returns {any}
   */
  copy(value) {
    if (value instanceof Blob) return this.#file(value);
    if (typeof value === "string") return this.#text(value);
    this.#count(8);
    if (value === null || typeof value === "boolean") return value;
    if (typeof value === "number") {
      if (!Number.isFinite(value)) throw new Unfit(`is ${value}: JSON has no such number; use null`);
      return value;
    }
    if (Array.isArray(value)) return this.#within(value, () => this.#items(value));
    if (isPlain(value)) return this.#within(value, () => this.#fields(value));
    throw new Unfit(complaintOf(value));
  }

  /** @param {Blob} file */
  #file(file) {
    const [parent, grandparent] = this.#ancestors.slice(-2).reverse();
    const depth = this.path.length - this.#outer;
    const isField = depth === 1 && !Array.isArray(parent);
    const isInField = depth === 2 && Array.isArray(parent) && !Array.isArray(grandparent);
    const isBody = depth === 0;
    if (!isField && !isInField && !isBody) {
      throw new Unfit("is a file; files may only be fields of the payload itself, or in an array that is such a field");
    }
    this.bytes += file.size;
    return file;
  }

  /** @param {string} text */
  #text(text) {
    if (!isText(text)) throw new Unfit("has half of a surrogate pair; use toWellFormed()");
    this.#count(bytesOf(text));
    return text;
  }

  /** @param {any[]} items */
  #items(items) {
    const copy = [];
    for (let index = 0; index < items.length; index += 1) {
      this.path.push(index);
      const item = items[index];
      if (item === undefined) throw new Unfit("is undefined; use null");
      copy.push(this.copy(item));
      this.path.pop();
    }
    return copy;
  }

  /** @param {Payload} object */
  #fields(object) {
    const fields = [];
    for (const name of Object.keys(object)) {
      this.path.push(name);
      const value = object[name];
      if (value !== undefined) fields.push([this.#text(name), this.copy(value)]);
      this.path.pop();
    }
    // An own field `__proto__` stays one: an assignment would set the copy's prototype.
    return Object.fromEntries(fields);
  }

  /**
   * @param {object} container
   * @param {() => any} copyContents
   */
  #within(container, copyContents) {
    if (this.#ancestors.includes(container)) throw new Unfit("contains itself");
    if (this.#ancestors.length === MAX_DEPTH) throw new Unfit(`is nested more than ${MAX_DEPTH} deep`);
    this.#ancestors.push(container);
    const copy = copyContents();
    this.#ancestors.pop();
    return copy;
  }

  /** @param {number} bytes */
  #count(bytes) {
    this.bytes += bytes;
    // An empty text is work too.
    this.#work += Math.max(8, bytes);
    if (this.#work > MAX_RECORD) {
      throw new PayloadTooLarge(`the payload has more than ${MAX_RECORD} bytes besides its files; use a Blob`);
    }
  }
}

/**
 * @param {unknown} value
 * @returns {value is Payload} whether it is an object literal or the like, of any window, not an instance of
 *   something
 */
function isPlain(value) {
  if (Object.prototype.toString.call(value) !== "[object Object]") return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || (Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, "isPrototypeOf"));
}

/**
 * @param {unknown} value what is no part of a payload
 * @returns {string}
 */
function complaintOf(value) {
  if (value === undefined) return "is undefined; leave it out";
  if (typeof value === "bigint") return "is a BigInt; use its text";
  if (typeof value !== "object") return `is a ${typeof value}; leave it out`;
  const object = /** @type {object} */ (value);
  const kind = kindOf(object);
  if (object instanceof Error) return `is an error; ${REMEDIES.get("Error")}`;
  if (ArrayBuffer.isView(value) || /Buffer$/.test(kind)) return `is of type ${kind}; wrap it in a Blob`;
  return `is of type ${kind}; ${REMEDIES.get(kind) ?? "copy what you need of it into a plain object"}`;
}

/**
 * A place in a payload, as JavaScript writes it: `payload.tags[2]`.
 *
 * @param {string} root
 * @param {(string | number)[]} keys
 */
function pathOf(root, keys) {
  const written = keys.slice(0, LONGEST_PATH).map((key) => {
    if (typeof key === "string" && /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(key)) return `.${key}`;
    return `[${JSON.stringify(key)}]`;
  });
  return root + written.join("") + (keys.length > LONGEST_PATH ? "…" : "");
}
