/** A look into the inbox that needs no Python. */

import { openDatabase } from "../web/schema.js";

/**
 * @returns {Promise<boolean>} whether no command waits
 * @throws {DOMException} the database cannot be read
 */
export async function isInboxEmpty() {
  const database = await openDatabase();
  try {
    const counting = database.transaction("inbox").objectStore("inbox").count();
    return await new Promise((resolve, reject) => {
      counting.onsuccess = () => resolve(counting.result === 0);
      counting.onerror = () => reject(counting.error);
    });
  } finally {
    database.close();
  }
}
