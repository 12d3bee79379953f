/** Loads the page's second script: at its first use, at the latest once the page is loaded and idle. */

import { mount, siteRoot } from "../mount.js";
import { listen } from "./channel.js";
import { transact } from "./database.js";
import { declared } from "./declaration.js";
import { InvalidPayload, JobFailed, Locked, PyqueueError, UnknownJob } from "./errors.js";
import { dropTokens } from "./tokens.js";
import { VIEWS } from "./views-address.js";

/** @typedef {typeof import("./views.js")} Views */

/** @type {Promise<Views> | undefined} */
let loading;

/** Failed attempts. An engine may remember that an address could not be loaded: each has another. */
let failed = 0;

/**
 * @returns {Promise<Views>} the second script, loaded once
 * @throws {PyqueueError} it could not be loaded; the next call tries again
 */
export function views() {
  loading ??= load().catch((cause) => {
    loading = undefined;
    failed += 1;
    throw new PyqueueError(`${VIEWS} could not be loaded; if the site was updated, reload the page`, { cause });
  });
  return loading;
}

async function load() {
  /** @type {Views} */
  const module = await import(failed ? `${VIEWS}?${failed}` : VIEWS.href);
  const errors = { InvalidPayload, JobFailed, Locked, PyqueueError, UnknownJob };
  module.share({ mount, siteRoot, transact, listen, declared, dropTokens, ...errors });
  return module;
}
