/**
 * The database that pages and the worker share. It is opened by whoever comes first, so its schema lives
 * here and nowhere else; docs/architecture.md describes every record.
 */

import { mount } from "./mount.js";

export const VERSION = 1;

/**
 * One function for each version, run in order on the way up. Changes are additive: an old page may still
 * have the database open with the code it was loaded with.
 * @type {((db: IDBDatabase, tx: IDBTransaction) => void)[]}
 */
const upgrades = [
  (db) => {
    db.createObjectStore("inbox", { keyPath: "seq", autoIncrement: true });
    db.createObjectStore("meta", { keyPath: "name" });
    // What pages write besides commands: apart from `meta`, so that they and the worker never wait for each other.
    db.createObjectStore("pages", { keyPath: "name" });
    // By whose they are: one deletion is of all that are one person's.
    db.createObjectStore("keys", { keyPath: ["principal", "id"] });
    db.createObjectStore("aside", { keyPath: "key", autoIncrement: true });
    const jobs = db.createObjectStore("jobs", { keyPath: "seq" });
    jobs.createIndex("id", "id", { unique: true });
    jobs.createIndex("due", ["principal", "due", "seq"]);
    jobs.createIndex("order", ["open_key", "seq"]);
    jobs.createIndex("status", ["status", "seq"]);
    jobs.createIndex("mine", ["principal", "status", "seq"]);
    jobs.createIndex("unique_key", "unique_key");
    jobs.createIndex("backoff", ["backoff", "seq"]);
    jobs.createIndex("retained", ["retained", "settled_at"]);
  },
];

/**
 * Opens the database, creating or upgrading it as needed.
 *
 * @param {() => void} [onClose] called when this connection was closed by the browser or by a newer
 *   version of the schema; the caller opens again on its next use
 * @returns {Promise<IDBDatabase>} rejects with the `DOMException` of the engine
 */
export function openDatabase(onClose = () => {}) {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(mount(), VERSION);
    request.onupgradeneeded = (event) => {
      const tx = /** @type {IDBTransaction} */ (request.transaction);
      for (const upgrade of upgrades.slice(event.oldVersion, VERSION)) upgrade(request.result, tx);
    };
    request.onerror = () => reject(request.error);
    request.onsuccess = () => {
      const db = request.result;
      // A newer page or worker waits for this connection to go before it can upgrade.
      db.onversionchange = () => {
        db.close();
        onClose();
      };
      db.onclose = onClose;
      resolve(db);
    };
  });
}
