/** Text, and what errors show of a value. */

import { MAX_KEY } from "../vocabulary.js";

/**
 * @param {unknown} value
 * @returns {value is string} whether it is text without half a surrogate pair: UTF-8 has no bytes for that, so
 *   it would arrive as something else
 */
export function isText(value) {
  // Not `isWellFormed`: it is missing in browsers of 2023.
  return typeof value === "string" && !/\p{Surrogate}/u.test(value);
}

/** @param {any} value @returns {value is string} whether it is a principal, as `pyqueue._principal.is_principal` */
export const isPrincipal = (value) =>
  typeof value === "string" && value.length <= MAX_KEY && !/\p{Cc}|\p{Cs}/u.test(value);

/**
 * @param {string} text
 * @returns {number} its bytes in UTF-8
 */
export function bytesOf(text) {
  // Most texts are short and plain: they need no copy to be counted.
  return /^[\0-\x7f]*$/.test(text) ? text.length : new TextEncoder().encode(text).length;
}

/**
 * @param {unknown} value anything
 * @returns {string} what a message shows of it; never raises
 */
export function shown(value) {
  if (typeof value === "string") return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
  if (typeof value === "object" && value !== null) return `a value of type ${kindOf(value)}`;
  return typeof value === "function" ? "a function" : String(value);
}

/**
 * @param {object} value
 * @returns {string} the name of its class, as the engine knows it where it knows one
 */
export function kindOf(value) {
  const tag = Object.prototype.toString.call(value).slice("[object ".length, -1);
  if (tag !== "Object") return tag;
  const maker = Object.getPrototypeOf(value)?.constructor;
  return (typeof maker === "function" && maker.name) || tag;
}
