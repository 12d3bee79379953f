/** The one script URL that the page's half hands to the browser, under a site's Trusted Types. */

/**
 * @param {URL} script the worker's
 * @returns {string} in a form that `register` and `Worker` take where the site demands trusted types
 */
export function trustedScript(script) {
  const factory = /** @type {any} */ (globalThis).trustedTypes;
  if (!factory) return script.href;
  try {
    // Whoever gets hold of the policy cannot have another script trusted by it.
    return factory.createPolicy("pyqueue", { createScriptURL: () => script.href }).createScriptURL("");
  } catch {
    // The site names its policies and this is not among them. If it demands trusted types, the browser refuses the text.
    return script.href;
  }
}
