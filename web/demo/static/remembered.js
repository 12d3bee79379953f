/**
 * Reads JSON from the server, and while it cannot be reached what was read last.
 *
 * @param {string} url
 * @param {any} otherwise where nothing was ever read
 * @returns {Promise<{value: any, readAt: number}>} `readAt` is when the server was asked, Unix time in seconds
 */
export async function remembered(url, otherwise) {
  const readAt = Date.now() / 1000;
  try {
    const response = await fetch(url);
    if (!response.ok) throw new Error(`${url} answered ${response.status}`);
    const kept = { value: await response.json(), readAt };
    localStorage.setItem(url, JSON.stringify(kept));
    return kept;
  } catch {
    return JSON.parse(localStorage.getItem(url) ?? "null") ?? { value: otherwise, readAt: 0 };
  }
}
