/**
 * How a payload becomes a request's body. The same payload and idempotency key give the same bytes at every
 * attempt: the server tells a repeated request from a reused key by its body's hash.
 *
 * @typedef {"auto" | "json" | "form" | "multipart"} Encoding
 * @typedef {{body?: BodyInit, type?: string}} Encoded `type`: the Content-Type
 */

/**
 * @param {any} body nothing, text, bytes, a `Blob`, or an object whose fields are to be encoded
 * @param {Encoding} encoding of an object; `auto`: `multipart` if one of its fields is a file, else `json`
 * @param {string} key the request's idempotency key
 * @returns {Encoded}
 * @throws {TypeError} the encoding cannot carry a value; the message names its field
 */
export function encodeBody(body, encoding, key) {
  if (body === undefined || body === null) return {};
  if (typeof body === "string") return { body, type: "text/plain;charset=UTF-8" };
  if (body instanceof Blob) return { body, type: body.type || "application/octet-stream" };
  if (isFile(body)) return { body, type: "application/octet-stream" };
  const holdsFile = () => entriesOf(body).some(([, value]) => isFile(value));
  if (encoding === "multipart" || (encoding === "auto" && holdsFile())) return multipart(entriesOf(body), key);
  if (encoding === "form") {
    const fields = entriesOf(body).map(([name, value]) => [name, textOf(name, value, encoding)]);
    return { body: new URLSearchParams(fields), type: "application/x-www-form-urlencoded;charset=UTF-8" };
  }
  return { body: jsonOf(body, "json"), type: "application/json" };
}

/** @param {any} value @returns {value is Blob | BufferSource} whether a form sends it as a file */
const isFile = (value) => value instanceof Blob || value instanceof ArrayBuffer || ArrayBuffer.isView(value);

/**
 * @param {any} value
 * @param {Encoding} encoding for the message
 * @param {string} [field] that the value is in
 */
function jsonOf(value, encoding, field) {
  return JSON.stringify(value, (name, inner) => {
    const where = [field, name].filter(Boolean).join(".") || "the body";
    if (isFile(inner)) {
      const part = encoding === "multipart";
      const remedy = part ? "only as a field of the payload itself" : "use multipart";
      throw new TypeError(`${where}: a file cannot be sent as ${part ? "json" : encoding}; ${remedy}`);
    }
    // JSON would make `{}` of the one and `null` of the other.
    if (inner instanceof Map || inner instanceof Set) {
      throw new TypeError(`${where}: a ${inner.constructor.name} has no JSON`);
    }
    if (typeof inner === "number" && !Number.isFinite(inner)) throw new TypeError(`${where}: ${inner} has no JSON`);
    return inner;
  });
}

/**
 * An object's fields as a form has them: a list is a field repeated, a field without a value is left out.
 *
 * @param {any} body
 * @returns {[string, any][]}
 */
function entriesOf(body) {
  return Object.entries(body)
    .flatMap(([name, value]) => [value].flat().map((one) => /** @type {[string, any]} */ ([name, one])))
    .filter(([, value]) => value !== undefined && value !== null);
}

/**
 * @param {string} name
 * @param {any} value
 * @param {Encoding} encoding
 */
function textOf(name, value, encoding) {
  return typeof value === "object" ? jsonOf(value, encoding, name) : String(value);
}

/**
 * `multipart/form-data` (RFC 7578). Not `FormData`: its boundary is random, so no two attempts would match.
 * The parts go into a `Blob`, which refers to files without reading them.
 *
 * @param {[string, any][]} entries
 * @param {string} key
 * @returns {Encoded}
 */
function multipart(entries, key) {
  const boundary = `pyqueue-${key.replace(/[^A-Za-z0-9-]/g, "").slice(0, 54)}`;
  /** @type {BlobPart[]} */
  const parts = [];
  for (const [name, value] of entries) {
    const file = isFile(value);
    const disposition = `form-data; name="${quote(name)}"`;
    parts.push(`--${boundary}\r\nContent-Disposition: ${disposition}`);
    if (file) {
      parts.push(`; filename="${quote(value instanceof File ? value.name : "blob")}"\r\n`);
      parts.push(`Content-Type: ${(value instanceof Blob && value.type) || "application/octet-stream"}`);
    }
    const content = file ? value : textOf(name, value, "multipart").replace(/\r\n|\r|\n/g, "\r\n");
    parts.push("\r\n\r\n", content, "\r\n");
  }
  parts.push(`--${boundary}--\r\n`);
  return { body: new Blob(parts), type: `multipart/form-data; boundary=${boundary}` };
}

/**
 * A name within quotes, escaped as the HTML standard says for form submission.
 * @param {string} name
 */
function quote(name) {
  return name.replace(/\r\n|\r|\n/g, "%0D%0A").replace(/"/g, "%22");
}
