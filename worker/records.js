/** Records on their way between IndexedDB and Python. */

import { MAX_DEPTH } from "../web/vocabulary.js";
import { answer } from "./answer.js";
import { withCopiedFiles } from "./copies.js";

/**
 * What a transaction's requests answered, once it has committed.
 *
 * @param {IDBTransaction} tx
 * @param {IDBRequest[]} requests
 * @returns {Promise<import("./answer.js").Answer>} the value is the list of results
 */
export function finished(tx, requests) {
  return answer(
    () =>
      new Promise((resolve, reject) => {
        tx.oncomplete = () => resolve(withCopiedFiles(requests.map((request) => request.result)));
        // Over quota Chromium fails no request, only the transaction.
        tx.onabort = () => reject(tx.error ?? new DOMException("the transaction was aborted", "AbortError"));
      }),
  );
}

/**
 * Splits records into what Python reads, as one JSON text, and payloads, which stay the objects they are.
 *
 * Anyone may have written a record, and an engine may fail to read one back: those of which no JSON can be
 * made, or only one so deep that it would end Python, are told apart.
 *
 * @param {any[]} records
 * @param {IDBValidKey[]} keys of the records
 * @returns {{text: string, payloads: any[], edits: any[], unreadable: [key: number, reason: string][],
 *   strays: IDBValidKey[]}} `text`:
 *   a list of the readable ones, each with its key as `seq`; `payloads` and `edits`: their payloads; `strays`: keys
 *   that no command and no job has
 */
export function splitRecords(records, keys) {
  /** @type {string[]} */
  const texts = [];
  /** @type {any[]} */
  const payloads = [];
  /** @type {any[]} */
  const edits = [];
  /** @type {[number, string][]} */
  const unreadable = [];
  /** @type {IDBValidKey[]} */
  const strays = [];
  records.forEach((record, at) => {
    const key = keys[at];
    if (!isSeq(key)) {
      strays.push(key);
      return;
    }
    try {
      const { payload, edit_payload, ...rest } = record;
      checkDepth(rest, MAX_DEPTH + 2); // A result stands in a field of the record.
      texts.push(JSON.stringify({ ...rest, seq: key }));
      payloads.push(payload);
      edits.push(edit_payload);
    } catch (error) {
      unreadable.push([key, `the record cannot be read: ${/** @type {Error} */ (error).message}`]);
    }
  });
  return { text: `[${texts.join()}]`, payloads, edits, unreadable, strays };
}

/** @param {IDBValidKey} key @returns {key is number} whether it is one that the inbox gives */
const isSeq = (key) => Number.isSafeInteger(key) && /** @type {number} */ (key) >= 0;

/**
 * Sets records aside that stand at keys which no command and no job has: another script of the site has put them
 * there, and no list of numbers can name them.
 *
 * @param {IDBTransaction} tx with `aside` and the source store
 * @param {"inbox" | "jobs"} source
 * @param {IDBValidKey[]} keys
 */
export function setStraysAside(tx, source, keys) {
  for (const key of keys) setAside(tx, source, key, "its key is not a number that the inbox gave", Date.now() / 1000);
}

/**
 * @param {any} value
 * @param {number} left how deep it may be
 * @throws {RangeError} it is deeper, or has no end
 */
function checkDepth(value, left) {
  if (typeof value !== "object" || value === null) return;
  if (left === 0) throw new RangeError("it is nested too deep");
  for (const part of Object.values(value)) checkDepth(part, left - 1);
}

/**
 * @typedef {object} Changes as `pyqueue._ports.Changes`
 * @property {number} epoch of the owner
 * @property {number} now Unix time in seconds
 * @property {any[]} jobs records, without their payloads
 * @property {number[]} deleted
 * @property {number[]} taken
 * @property {{source: "inbox" | "jobs", seq: number, reason: string}[]} aside
 * @property {{[name: string]: any}} meta
 */

/**
 * Fires all writes of one commit, unless a later owner has raised the epoch: then the transaction is aborted.
 *
 * @param {IDBTransaction} tx with the stores that are written, and `meta`
 * @param {string} text JSON of `Changes`: one text for a batch crosses from Python faster than its objects
 * @param {[at: number, name: string, payload: any][]} payloads to put into the jobs, as they are
 * @returns {{overtaken: boolean}} `true` once that was found out
 */
export function write(tx, text, payloads) {
  /** @type {Changes} */
  const { epoch, now, jobs, deleted, taken, aside, meta } = JSON.parse(text);
  for (const [at, name, payload] of payloads) jobs[at][name] = payload;
  const found = { overtaken: false };
  const named = tx.objectStore("meta");
  const reading = named.get("owner");
  reading.onsuccess = () => {
    found.overtaken = reading.result?.value?.epoch > epoch;
    if (found.overtaken) tx.abort();
  };
  for (const record of jobs) tx.objectStore("jobs").put(record);
  for (const seq of deleted) tx.objectStore("jobs").delete(seq);
  for (const seq of taken) tx.objectStore("inbox").delete(seq);
  for (const { source, seq, reason } of aside) setAside(tx, source, seq, reason, now);
  for (const [name, value] of Object.entries(meta)) named.put({ name, value });
  // Requests run in order: after an abort this one, like all above, has not happened.
  named.put({ name: "owner", value: { epoch, beat_at: now } });
  return found;
}

/**
 * Moves a record to `aside`, within a transaction.
 *
 * @param {IDBTransaction} tx with `aside` and the source store
 * @param {"inbox" | "jobs"} from
 * @param {IDBValidKey} seq
 * @param {string} reason
 * @param {number} at Unix time in seconds
 */
function setAside(tx, from, seq, reason, at) {
  const store = tx.objectStore(from);
  const reading = store.get(seq);
  reading.onsuccess = () => {
    if (reading.result === undefined) return; // It is there already.
    tx.objectStore("aside").add({ from, seq, reason, at, record: reading.result });
    store.delete(seq);
  };
}
