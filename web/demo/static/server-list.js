/** Milliseconds for one reading. */
const PATIENCE = 10_000;

/** A list that the server has, as it was read last. Kept over reloads, for a page that opens offline. */
export class ServerList {
  /** @param {string} url */
  constructor(url) {
    this.#url = url;
    /**
     * What was read, and when the server was asked, Unix time in seconds; 0: it never answered.
     *
     * @type {{items: any[], readAt: number}}
     */
    this.latest = JSON.parse(localStorage.getItem(url) ?? '{"items": [], "readAt": 0}');
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
      this.latest = { items, readAt };
      localStorage.setItem(this.#url, JSON.stringify(this.latest));
    } catch {
      // It is read again after the next change.
    }
  }
}
