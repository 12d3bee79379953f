/** Transactions of the page. Everything else on the page reaches IndexedDB through here. */

import { openDatabase } from "../schema.js";
import { InvalidPayload, NotSupported, PyqueueError, QuotaExceeded, StoreError } from "./errors.js";

/**
 * What engines call a refusal to open any database: a frame of another site, a private window of some, a switch that
 * the person has set.
 */
const REFUSALS = new Set(["SecurityError", "InvalidStateError", "NotAllowedError"]);

/** @type {Promise<IDBDatabase> | undefined} */
let opening;

/** @returns {Promise<IDBDatabase>} the open connection; one that was closed is opened again */
function connection() {
  if (typeof indexedDB === "undefined") {
    return Promise.reject(new NotSupported("this browser, or its privacy setting, has no IndexedDB"));
  }
  opening ??= openDatabase(forget).catch((cause) => {
    forget();
    if (REFUSALS.has(cause?.name)) throw new NotSupported(`IndexedDB is refused here: ${cause.message}`, { cause });
    throw translated(cause);
  });
  return opening;
}

function forget() {
  opening = undefined;
}

/**
 * @template T
 * @param {IDBRequest<T>} request
 * @returns {Promise<T>}
 */
export function result(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/**
 * Runs one transaction: all of it is on disk when this resolves, or none of it is.
 *
 * @template T
 * @param {string[]} stores
 * @param {IDBTransactionMode} mode a `readwrite` transaction is `strict`: flushed to disk
 * @param {(tx: IDBTransaction) => T | Promise<T>} work may await requests of this transaction only
 * @returns {Promise<T>}
 * @throws {QuotaExceeded | InvalidPayload | StoreError | PyqueueError} or whatever `work` throws of ours
 */
export async function transact(stores, mode, work) {
  const tx = await begin(stores, mode);
  const ended = new Promise((resolve, reject) => {
    tx.oncomplete = resolve;
    tx.onabort = () => reject(tx.error ?? new DOMException("the transaction was aborted", "AbortError"));
  });
  // The work's own error, if there is one, is the one that is thrown.
  ended.catch(() => {});
  let value;
  try {
    value = await work(tx);
    // Nothing follows: the engine need not wait for a further request to come.
    tx.commit?.();
  } catch (cause) {
    try {
      tx.abort();
    } catch {
      // It had ended by itself: over quota, say. Its own error says more than the request's.
      await ended.catch((error) => {
        throw translated(error);
      });
    }
    throw translated(cause);
  }
  await ended.catch((cause) => {
    throw translated(cause);
  });
  return value;
}

/**
 * @param {string[]} stores
 * @param {IDBTransactionMode} mode
 */
async function begin(stores, mode) {
  const options = /** @type {IDBTransactionOptions} */ ({ durability: "strict" });
  try {
    return (await connection()).transaction(stores, mode, options);
  } catch (cause) {
    if (cause instanceof PyqueueError) throw cause;
    // The connection was closed under us, by an upgrade or by the browser: once more on a new one.
    forget();
    try {
      return (await connection()).transaction(stores, mode, options);
    } catch (again) {
      throw translated(again);
    }
  }
}

/** @param {unknown} cause */
function translated(cause) {
  if (cause instanceof PyqueueError) return cause;
  const { name, message } = /** @type {Error} */ (cause);
  if (name === "QuotaExceededError") {
    return new QuotaExceeded("the browser has no room left for this site: nothing was written", { cause });
  }
  if (name === "DataCloneError") {
    return new InvalidPayload(`the payload holds what cannot be stored: ${message}`, { cause });
  }
  return new StoreError(`IndexedDB refused the transaction: ${name}: ${message}`, { cause });
}
