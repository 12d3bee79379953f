/**
 * How a payload becomes a request's body. The same payload and idempotency key give the same bytes at every
 * attempt: the server tells a repeated request from a reused key by its body's hash.
 *
 * @typedef {"auto" | "json" | "form" | "multipart"} Encoding
 * @typedef {{body?: BodyInit, type?: string}} Encoded `type`: the Content-Type
 */

/**
 * @param {any} body nothing, text, bytes, a `Blob`, or an object whose fields are to be encoded
 * @param {Encoding} encoding of an object; `auto`: `multipart` if it holds a `Blob`, else `json`
 * @param {string} key the request's idempotency key
 * @returns {Encoded}
 * @throws {TypeError} the object has no JSON
 */
export function encodeBody(body, encoding, key) {
  if (body === undefined || body === null) return {};
  if (typeof body === "string") return { body, type: "text/plain;charset=UTF-8" };
  if (body instanceof Blob) return { body, type: body.type || "application/octet-stream" };
  if (body instanceof ArrayBuffer || ArrayBuffer.isView(body)) {
    return { body: /** @type {BufferSource} */ (body), type: "application/octet-stream" };
  }
  const holdsFile = () => entriesOf(body).some(([, value]) => value instanceof Blob);
  if (encoding === "multipart" || (encoding === "auto" && holdsFile())) return multipart(entriesOf(body), key);
  if (encoding === "form") {
    const fields = entriesOf(body).map(([name, value]) => [name, textOf(value)]);
    return { body: new URLSearchParams(fields), type: "application/x-www-form-urlencoded;charset=UTF-8" };
  }
  return { body: JSON.stringify(body), type: "application/json" };
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

/** @param {any} value */
function textOf(value) {
  return typeof value === "object" ? JSON.stringify(value) : String(value);
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
    const file = value instanceof Blob;
    const disposition = `form-data; name="${quote(name)}"`;
    parts.push(`--${boundary}\r\nContent-Disposition: ${disposition}`);
    if (file) {
      parts.push(`; filename="${quote(value instanceof File ? value.name : "blob")}"\r\n`);
      parts.push(`Content-Type: ${value.type || "application/octet-stream"}`);
    }
    parts.push("\r\n\r\n", file ? value : textOf(value).replace(/\r\n|\r|\n/g, "\r\n"), "\r\n");
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
