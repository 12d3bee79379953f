/** Records on their way between IndexedDB and Python. */

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
 * Parts records into what Python reads, as JSON, and payloads, which stay the objects they are.
 *
 * @param {{payload?: object}[]} records
 * @returns {{text: string, payloads: (object | undefined)[]}}
 */
export function part(records) {
  return {
    text: JSON.stringify(records.map(({ payload, ...rest }) => rest)),
    payloads: records.map(({ payload }) => payload),
  };
}
