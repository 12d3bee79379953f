/** Milliseconds for one reading. */
const PATIENCE = 10_000;

/** A list that the server has, as it was read last. Kept over reloads, for a page that opens offline. */
export class ServerList {
  /** @param {string} url */
  constructor(url) {
    this.#url = url;
    const kept = JSON.parse(localStorage.getItem(url) ?? "null");
    /** @type {any[]} */
    this.items = kept?.items ?? [];
    /** When the server was asked, Unix time in seconds; 0: it never answered. */
    this.readAt = /** @type {number} */ (kept?.readAt ?? 0);
  }

  #url;

  /**
   * Reads it anew; while the server cannot be reached, it stays as it was.
   *
   * @param {() => Promise<boolean>} [isWanted] says whether what was read takes the place of what there was
   */
  async read(isWanted) {
    if (!navigator.onLine) return;
    const readAt = Date.now() / 1000;
    try {
      const response = await fetch(this.#url, { signal: AbortSignal.timeout(PATIENCE) });
      if (!response.ok) return;
      const items = await response.json();
      if (isWanted && !(await isWanted())) return;
      this.items = items;
      this.readAt = readAt;
      localStorage.setItem(this.#url, JSON.stringify({ items, readAt }));
    } catch {
      // It is read again after the next change.
    }
  }
}
