/**
 * What the site declares of its queue. A server that reads the site's tasks says so in a line of pyqueue.js,
 * before any worker has booted; on a static host the worker leaves it in the database.
 */

import { DEFAULT_LIMITS } from "../vocabulary.js";
import { UnknownTask } from "./errors.js";
import { whole } from "./records.js";

/** @typedef {import("./records.js").Declaration} Declaration */

/** What the server has said of this page's queue. @type {Declaration | undefined} */
export let declared;

/** @param {Declaration} declaration */
export function declare(declaration) {
  declared = declaration;
}

/**
 * @param {Declaration} [declaration] the server's, or the worker's where there is none
 * @returns {import("./records.js").Limits} the default for one that is none: no damage may lift a limit, or close the queue
 */
export function limitsOf(declaration) {
  const limits = { ...DEFAULT_LIMITS };
  for (const name of /** @type {(keyof typeof limits)[]} */ (Object.keys(limits))) {
    limits[name] = whole(declaration?.limits?.[name]) || limits[name];
  }
  return limits;
}

/**
 * Refuses a misspelt name. Only the server's declaration can tell: the one in the database may be of an older
 * worker, which does not know a new task.
 *
 * @param {Declaration | undefined} declared by the server
 * @param {string} task
 * @throws {UnknownTask}
 */
export function requireTask(declared, task) {
  if (!declared?.tasks || Object.hasOwn(declared.tasks, task)) return;
  const known = Object.keys(declared.tasks).join(", ");
  throw new UnknownTask(`there is no task ${task}; ${known ? `there are ${known}` : "the site declares none"}`);
}
