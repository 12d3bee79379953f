"""What lies on the disk of a site: every record of every store of IndexedDB, searched as a thief would."""

from __future__ import annotations

from .tab import Tab

_RECORDS = """
async () => {
  const text = async (value) => {
    if (value instanceof Blob) return `Blob(${await text(await value.arrayBuffer())})`;
    if (value instanceof CryptoKey) {
      const exported = crypto.subtle.exportKey("raw", value);
      return `CryptoKey(${await exported.then(() => "legible", () => "hidden")})`;
    }
    if (value instanceof ArrayBuffer) return new TextDecoder("latin1").decode(value);
    if (ArrayBuffer.isView(value)) return new TextDecoder("latin1").decode(value);
    if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "undefined";
    const entries = Object.entries(value);
    const parts = await Promise.all(entries.map(async ([name, part]) => `${name}: ${await text(part)}`));
    return `{${parts.join(", ")}}`;
  };
  const found = {};
  for (const { name } of await indexedDB.databases()) {
    const db = await new Promise((resolve, reject) => {
      const opening = indexedDB.open(name);
      opening.onsuccess = () => resolve(opening.result);
      opening.onerror = () => reject(opening.error);
    });
    const stores = [...db.objectStoreNames];
    const tx = db.transaction(stores);
    const all = await Promise.all(stores.map((store) => new Promise((resolve, reject) => {
      const reading = tx.objectStore(store).getAll();
      reading.onsuccess = () => resolve(reading.result);
      reading.onerror = () => reject(reading.error);
    })));
    db.close();
    for (const [at, store] of stores.entries()) found[store] = await text(all[at]);
  }
  return found;
}
"""
_CHANGE = """
([store, remove, source]) => new Promise((resolve, reject) => {
  indexedDB.databases().then(([{ name }]) => {
    const opening = indexedDB.open(name);
    opening.onsuccess = () => {
      const db = opening.result;
      const tx = db.transaction(store, "readwrite");
      tx.oncomplete = () => (db.close(), resolve());
      tx.onabort = () => reject(tx.error);
      const records = tx.objectStore(store);
      if (remove) records.clear();
      else {
        const reading = records.openCursor();
        reading.onsuccess = () => {
          const cursor = reading.result;
          if (!cursor) return;
          cursor.update(eval(source)(cursor.value));
          cursor.continue();
        };
      }
    };
  });
})
"""


def disk(tab: Tab) -> dict[str, str]:
    """By store, all that its records hold, as text; bytes as latin-1."""
    found: dict[str, str] = tab.run(_RECORDS)
    return found


def empty_store(tab: Tab, store: str) -> None:
    """Deletes all records of a store, behind the queue's back."""
    tab.run(_CHANGE, [store, True, None])


def change_records(tab: Tab, store: str, source: str) -> None:
    """Replaces each record of a store by what a JavaScript function makes of it."""
    tab.run(_CHANGE, [store, False, source])
