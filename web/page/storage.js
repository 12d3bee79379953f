/** What the browser promises of the site's storage. */

/** Milliseconds. Firefox asks the person, who may never answer. */
const PATIENCE = 5000;

/** @returns {Promise<boolean | null>} whether the browser promised to keep the data; `null`: it does not say */
export async function isPersisted() {
  return (await navigator.storage?.persisted?.().catch(() => null)) ?? null;
}

/**
 * Asks for that promise. Only a page can ask: a worker is told what holds already.
 *
 * @returns {Promise<boolean | null>} `null`: there is no answer yet; `isPersisted` will tell
 */
export async function persist() {
  const asked = navigator.storage?.persist?.().catch(() => false) ?? isPersisted();
  return Promise.race([asked, new Promise((resolve) => setTimeout(resolve, PATIENCE, null))]);
}
