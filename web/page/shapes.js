/**
 * What stored values have to look like to be shown. Any script of the site may write them, and a disk may damage them.
 * What is malformed is not shown: the worker sets it aside when it comes to it, and `setAside` shows it then.
 */

import { STATUSES } from "../vocabulary.js";

/**
 * @typedef {import("./records.js").Command} Command
 * @typedef {import("./records.js").JobRecord} JobRecord
 * @typedef {import("./records.js").Meta} Meta
 * @typedef {(value: any) => boolean} Check
 * @typedef {Check | {[name: string]: any}} Shape a check; or what each of these fields has to be, while others may be
 *   anything
 */

/** @type {Check} */
const number = Number.isFinite;
/** @type {Check} */
const count = (value) => Number.isSafeInteger(value) && value >= 0;
/** @type {Check} */
const text = (value) => typeof value === "string";
/** @type {Check} */
const object = (value) => value instanceof Object;

/** @param {Shape} shape @returns {Check} that, or absent */
const maybe = (shape) => (value) => value === undefined || fits(value, shape);
/** @param {Shape} shape @returns {Check} an object of nothing else */
const each = (shape) => (value) => object(value) && Object.values(value).every((part) => fits(part, shape));

/**
 * @param {any} value
 * @param {Shape} shape
 * @returns {boolean}
 */
function fits(value, shape) {
  if (typeof shape === "function") return shape(value);
  return object(value) && Object.entries(shape).every(([name, part]) => fits(value[name], part));
}

const JOB = {
  seq: count,
  id: text,
  status: (/** @type {any} */ status) => STATUSES.includes(status),
  certainty: text,
  payload: object,
  created_at: number,
  attempts: count,
  idempotency_key: text,
  principal: maybe(text),
  task: maybe(text),
  ordering_key: maybe(text),
  open_key: maybe(text),
  superseded_by: maybe(text),
  waits_for: maybe(text),
  due: maybe(number),
  not_before: maybe(number),
  settled_at: maybe(number),
  error: maybe({ code: text, message: text }),
  refusal: maybe({ command: text, message: text }),
};
const COMMAND = { seq: count, type: text, at: number, id: maybe(text), task: maybe(text), principal: maybe(text) };
const ENQUEUE = {
  ...{ ...COMMAND, id: text, payload: object, bytes: maybe(count) },
  options: maybe({ ordering_key: (/** @type {any} */ key) => key === null || maybe(text)(key), idempotency_key: maybe(text) }),
};
const HOLD = { reason: text, since: number };
const OUTAGE = { message: text, since: number, probe_at: number };

/** @param {any} record @returns {record is JobRecord} */
export const isJob = (record) => fits(record, JOB);

/** @param {any} record @returns {record is Command} whether it is a command, as far as pages look at one */
export const isCommand = (record) =>
  fits(record, record?.type === "enqueue" ? ENQUEUE : record?.type === "edit" ? { ...COMMAND, payload: object } : COMMAND);

/** @param {Meta} meta @returns {Meta} what can be believed of it */
export function believed({ holds, outage, schedule, tallies, declaration }) {
  /** @param {any} value @param {Shape} shape */
  const partsOf = (value, shape) =>
    Object.fromEntries(Object.entries(value ?? {}).filter(([, part]) => fits(part, shape)));
  const believed = {
    holds: partsOf(holds, HOLD),
    ...(fits(outage, OUTAGE) && { outage }),
    ...(fits(schedule, { at: number, wake_at: maybe(number) }) && { schedule }),
    ...(tallies && {
      tallies: { ...tallies, counters: partsOf(tallies.counters, count), people: partsOf(tallies.people, each(count)) },
    }),
    ...(declaration && { declaration: { ...declaration, tasks: partsOf(declaration.tasks, { label: labelled }) } }),
  };
  return /** @type {Meta} */ (/** @type {unknown} */ (believed));
}

/** @type {Check} */
const labelled = (label) => label === undefined || label === null || text(label);
