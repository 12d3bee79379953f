/** What views.js shares with the page's first script: being a script of its own, it would have all of this twice. */

/**
 * @typedef {object} Shared
 * @property {typeof import("../mount.js").mount} mount what was said of the place
 * @property {typeof import("../mount.js").siteRoot} siteRoot
 * @property {typeof import("./database.js").transact} transact with the one connection
 * @property {typeof import("./channel.js").listen} listen to the one channel
 * @property {import("./records.js").Declaration} [declared] by the server
 * @property {typeof import("./tokens.js").dropTokens} dropTokens
 * @property {typeof import("./errors.js").InvalidPayload} InvalidPayload as the site imports it, like the others
 * @property {typeof import("./errors.js").JobFailed} JobFailed
 * @property {typeof import("./errors.js").Locked} Locked
 * @property {typeof import("./errors.js").PyqueueError} PyqueueError
 * @property {typeof import("./errors.js").UnknownJob} UnknownJob
 */

/** @type {Shared["mount"]} */
export let mount;
/** @type {Shared["siteRoot"]} */
export let siteRoot;
/** @type {Shared["transact"]} */
export let transact;
/** @type {Shared["listen"]} */
export let listen;
/** @type {Shared["declared"]} */
export let declared;
/** @type {Shared["dropTokens"]} */
export let dropTokens;
/** @type {Shared["InvalidPayload"]} */
export let InvalidPayload;
/** @type {Shared["JobFailed"]} */
export let JobFailed;
/** @type {Shared["Locked"]} */
export let Locked;
/** @type {Shared["PyqueueError"]} */
export let PyqueueError;
/** @type {Shared["UnknownJob"]} */
export let UnknownJob;

/** @param {Shared} given called before anything else */
export function share(given) {
  ({ mount, siteRoot, transact, listen, declared, dropTokens } = given);
  ({ InvalidPayload, JobFailed, Locked, PyqueueError, UnknownJob } = given);
}
