/** Sealing payloads to the server: HPKE (RFC 9180) by a library that is loaded when a site's tasks ask for it. */

import { encodeBody } from "../../worker/body.js";
import { InvalidPayload, PyqueueError } from "./shared.js";
import { HPKE } from "./hpke-address.js";

/** @typedef {typeof import("./hpke.js")} Hpke */

/** @type {Promise<Hpke> | undefined} */
let loading;

/**
 * @returns {Promise<Hpke>} the library, loaded once
 * @throws {PyqueueError} it could not be loaded; the next call tries again
 */
export function hpke() {
  loading ??= import(HPKE.href).catch((cause) => {
    loading = undefined;
    throw new PyqueueError(`${HPKE} could not be loaded, so nothing was written; try again with a network`, { cause });
  });
  return /** @type {Promise<Hpke>} */ (loading);
}

/**
 * Seals the body that would be sent, so that nobody but the server reads it again.
 *
 * @param {import("../cipher.js").Payload} payload
 * @param {import("../cipher.js").Payload} clear what stays legible
 * @param {{encoding: import("../../worker/body.js").Encoding, task: string, id: string, key?: string,
 *   serverKey: string}} options `id`: of the job; `key`: of what hides its answers; `serverKey`: as declared
 * @returns {Promise<import("../cipher.js").Encrypted>}
 * @throws {InvalidPayload} the payload has no such body
 */
export async function sealPayload(payload, clear, { encoding, task, id, key, serverKey }) {
  const { seal } = await hpke();
  const [server = "", point = ""] = serverKey.split(":");
  const { body = "", type = "" } = encoded(payload, encoding, id);
  const content = new Uint8Array(await new Blob([`${type}\n`, /** @type {BlobPart} */ (body)]).arrayBuffer());
  const data = await seal(point, sealInfo(server, task, id), content);
  return [clear, { v: 1, data, server, ...(key === undefined ? {} : { key }) }];
}

/** What the seal is bound to, as `pyqueue.server.sealed` makes it. @param {string[]} parts */
const sealInfo = (...parts) => new TextEncoder().encode(["pyqueue sealed 1", ...parts.map(encodeURIComponent)].join("\n"));

/**
 * @param {import("../cipher.js").Payload} payload
 * @param {import("../../worker/body.js").Encoding} encoding
 * @param {string} id
 */
function encoded(payload, encoding, id) {
  try {
    const { body, type } = encodeBody(payload, encoding, id);
    return { body: body instanceof URLSearchParams ? body.toString() : body, type };
  } catch (cause) {
    throw new InvalidPayload(/** @type {Error} */ (cause).message, { cause });
  }
}
