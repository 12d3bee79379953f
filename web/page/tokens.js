/** The CSRF tokens of a site's forms. They are not stored: the worker adds one that is fresh. */

import { TOKEN_FIELDS } from "../vocabulary.js";
import { InvalidPayload } from "./errors.js";

/**
 * Leaves out the field that the site declares, and refuses the others that are known. While nobody has said what the
 * site declares, these are left out as well.
 *
 * @param {import("./records.js").Payload} fields
 * @param {string} path of them, as messages name it
 * @param {import("./records.js").Declaration} [declaration]
 * @throws {InvalidPayload}
 */
export function dropTokens(fields, path, declaration) {
  for (const name of Object.keys(fields)) {
    const isDeclared = name === declaration?.csrf?.field;
    if (!isDeclared && !TOKEN_FIELDS.includes(/** @type {any} */ (name.toLowerCase()))) continue;
    if (!isDeclared && declaration) {
      throw new InvalidPayload(`${path}.${name} is a CSRF token, which is not stored: declare Queue(csrf=...)`);
    }
    delete fields[name];
  }
}
