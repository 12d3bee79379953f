/** The options of `enqueue`. */

import { MAX_ATTEMPTS, MAX_KEY, MAX_NAME, MAX_SECONDS, MAX_TIMEOUT, ON_CONFLICTS } from "../vocabulary.js";
import { InvalidPayload } from "./errors.js";
import { isText, shown } from "./text.js";

/**
 * As the site passes them; web/pyqueue.d.ts describes each.
 * @typedef {object} Options
 * @property {string | null} [orderingKey]
 * @property {string} [idempotencyKey]
 * @property {string} [uniqueKey]
 * @property {import("./records.js").OnConflict} [onConflict]
 * @property {number} [delay]
 * @property {number} [expires]
 * @property {number} [timeout]
 * @property {{maxAttempts?: number, base?: number, cap?: number}} [retry]
 *
 * @typedef {import("./records.js").CommandOptions} CommandOptions
 * @typedef {{stored: string, accepts: (value: any) => boolean, rule: string}} Option how it is called where it is
 *   stored, and what it may be
 */

/** @param {unknown} value */
export const isName = (value) => isText(value) && value.length <= MAX_NAME;

const NAME_RULE = `text of at most ${MAX_NAME} characters`;

/**
 * @param {string} stored
 * @param {number} most
 * @returns {Option}
 */
const seconds = (stored, most) => ({
  stored,
  accepts: (value) => Number.isFinite(value) && value >= 0 && value <= most,
  rule: `seconds, at most ${most}`,
});

/** @param {Option} option @returns {Option} the same, but not zero */
const positive = ({ stored, accepts, rule }) => ({
  stored,
  accepts: (value) => accepts(value) && value > 0,
  rule: `${rule}, and more than 0`,
});

/** @type {{[name: string]: Option}} */
const RETRY = {
  maxAttempts: {
    stored: "max_attempts",
    accepts: (value) => Number.isInteger(value) && value >= 1 && value <= MAX_ATTEMPTS,
    rule: `a whole number from 1 to ${MAX_ATTEMPTS}`,
  },
  base: seconds("base", MAX_TIMEOUT),
  cap: seconds("cap", MAX_TIMEOUT),
};

/** @type {{[name: string]: Option}} */
const OPTIONS = {
  orderingKey: {
    stored: "ordering_key",
    accepts: (value) => value === null || isName(value),
    rule: `null or ${NAME_RULE}`,
  },
  idempotencyKey: {
    stored: "idempotency_key",
    accepts: (value) => typeof value === "string" && /^[ -~]+$/.test(value) && value.length <= MAX_KEY,
    rule: `1 to ${MAX_KEY} printable ASCII characters`,
  },
  uniqueKey: { stored: "unique_key", accepts: isName, rule: NAME_RULE },
  onConflict: {
    stored: "on_conflict",
    accepts: (value) => ON_CONFLICTS.includes(value),
    rule: ON_CONFLICTS.join(" or "),
  },
  delay: seconds("delay", MAX_SECONDS),
  expires: positive(seconds("expires", MAX_SECONDS)),
  timeout: positive(seconds("timeout", MAX_TIMEOUT)),
  retry: {
    stored: "retry",
    accepts: (value) => typeof value === "object" && value !== null,
    rule: "an object with maxAttempts, base and cap",
  },
};

/**
 * @param {unknown} given what the site passed
 * @returns {CommandOptions}
 * @throws {InvalidPayload} an option is unknown or wrong
 */
export function optionsOf(given = {}) {
  if (typeof given !== "object" || given === null) {
    throw new InvalidPayload(`options must be an object, not ${shown(given)}`);
  }
  const options = storedOf("option ", OPTIONS, given);
  return options.retry ? { ...options, retry: storedOf("retry.", RETRY, options.retry) } : options;
}

/**
 * @param {string} prefix of a name in messages
 * @param {{[name: string]: Option}} known
 * @param {object} given
 * @returns {{[stored: string]: any}} without those that are `undefined`
 */
function storedOf(prefix, known, given) {
  /** @type {{[stored: string]: any}} */
  const options = {};
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined) continue;
    if (!Object.hasOwn(known, name)) {
      throw new InvalidPayload(`there is no ${prefix}${name}; there are ${Object.keys(known).join(", ")}`);
    }
    const { stored, accepts, rule } = /** @type {Option} */ (known[name]);
    if (!accepts(value)) throw new InvalidPayload(`${prefix}${name} must be ${rule}, not ${shown(value)}`);
    options[stored] = value;
  }
  return options;
}
