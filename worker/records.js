/** Records on their way between IndexedDB and Python. */

import { MAX_DEPTH } from "../web/vocabulary.js";
import { answer } from "./answer.js";

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
        tx.oncomplete = () => resolve(requests.map((request) => request.result));
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
 * @param {number[]} keys of the records
 * @returns {{text: string, payloads: any[], edits: any[], unreadable: [key: number, reason: string][]}} `text`:
 *   a list of the readable ones, each with its key as `seq`; `payloads` and `edits`: their payloads
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
  records.forEach((record, at) => {
    try {
      const { payload, edit_payload, ...rest } = record;
      checkDepth(rest, MAX_DEPTH + 2); // A result stands in a field of the record.
      texts.push(JSON.stringify({ ...rest, seq: keys[at] }));
      payloads.push(payload);
      edits.push(edit_payload);
    } catch (error) {
      unreadable.push([keys[at], `the record cannot be read: ${/** @type {Error} */ (error).message}`]);
    }
  });
  return { text: `[${texts.join()}]`, payloads, edits, unreadable };
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
 * Moves a record to `aside`, within a transaction.
 *
 * @param {IDBTransaction} tx with `aside` and the source store
 * @param {"inbox" | "jobs"} from
 * @param {number} seq
 * @param {string} reason
 * @param {number} at Unix time in seconds
 */
export function setAside(tx, from, seq, reason, at) {
  const store = tx.objectStore(from);
  const reading = store.get(seq);
  reading.onsuccess = () => {
    tx.objectStore("aside").add({ from, seq, reason, at, record: reading.result });
    store.delete(seq);
  };
}
