/** Signing out while something waits: what becomes of it, and the question that a sign-out link asks before. */

import { result } from "./database.js";
import { create } from "./element.js";
import { readPrincipal } from "./identity.js";
import { lock } from "./key-store.js";
import { command } from "./records.js";
import { InvalidPayload, listen, transact } from "./shared.js";
import { shown } from "./text.js";
import { startingWith } from "./work.js";

/**
 * @typedef {import("./client.js").Client} Client
 * @typedef {import("./job.js").Job} Job
 * @typedef {"keep" | "send" | "discard"} Waiting
 * @typedef {{id: string, task?: string, became: "sent" | "kept" | "discarded" | "failed"}} Left
 */

/** @type {readonly Waiting[]} */
const CHOICES = ["keep", "send", "discard"];

const OPEN = /** @type {const} */ (["pending", "sending", "failed"]);

/** Milliseconds between two looks: a page that was frozen may have missed a broadcast. */
const LOOK_AGAIN = 1000;

/** @returns {Promise<string>} who is signed in, as all pages know */
export const principal = () => transact(["pages"], "readonly", readPrincipal);

/**
 * Forgets one person's jobs and results. If they are signed in, they are no more.
 *
 * @param {Client} client
 * @param {(commands: import("./records.js").Command[]) => Promise<void>} append
 * @param {string} [principal] by default of whoever is signed in
 */
export async function clear(client, append, principal) {
  const present = await client.principal();
  const whose = principal ?? present;
  await append([command("clear", { principal: whose })]);
  lock(whose);
  if (whose === present) await client.identify(null);
}

/**
 * @param {Client} client
 * @param {{waiting?: Waiting, timeout?: number}} [options] `timeout`: seconds that sending, or discarding, may take
 * @returns {Promise<Left[]>}
 * @throws {InvalidPayload} there is no such choice
 */
export async function signOut(client, { waiting = "keep", timeout = 10 } = {}) {
  if (!CHOICES.includes(waiting)) throw new InvalidPayload(`waiting is ${shown(waiting)}; give ${CHOICES.join(", ")}`);
  const end = Date.now() + timeout * 1000;
  const jobs = await client.jobs({ status: [...OPEN] });
  if (waiting === "send" && jobs.length) {
    await client.flush();
    await until(async () => (await client.jobs({ status: ["pending", "sending"], limit: 1 })).length === 0, end);
  }
  const after = new Map((await client.jobs()).map(({ id, status }) => [id, status]));
  const left = jobs.map(({ id, task }) => ({ id, task, became: fateOf(after.get(id), waiting) }));
  const whose = await client.principal();
  await (waiting === "discard" ? client.clear(whose) : client.identify(null));
  lock(whose);
  if (waiting === "discard") await until(() => isGone(whose), end);
  return left;
}

/**
 * @param {import("./records.js").Status | undefined} status
 * @param {Waiting} waiting
 * @returns {Left["became"]}
 */
function fateOf(status, waiting) {
  if (status === "done") return "sent";
  if (waiting === "discard") return "discarded";
  return status === "failed" && waiting === "send" ? "failed" : "kept";
}

/**
 * Waits for a condition, or for the end of patience.
 *
 * @param {() => Promise<boolean>} holds
 * @param {number} end Unix time in milliseconds
 */
async function until(holds, end) {
  while (!(await holds()) && Date.now() < end) {
    await new Promise((resolve) => {
      const stop = listen(resolve);
      setTimeout(() => {
        stop();
        resolve(undefined);
      }, LOOK_AGAIN);
    });
  }
}

/** @param {string} principal @returns {Promise<boolean>} whether nothing of theirs is stored any more */
function isGone(principal) {
  return transact(["inbox", "jobs"], "readonly", async (tx) => {
    const [waiting, stored] = await Promise.all([
      result(tx.objectStore("inbox").count()),
      result(tx.objectStore("jobs").index("mine").getKey(startingWith(principal))),
    ]);
    return waiting === 0 && stored === undefined;
  });
}

/**
 * Asks what is to become of what waits, before somebody signs out.
 *
 * @param {Client} client
 * @returns {Promise<boolean>} whether they sign out
 */
export async function askBeforeSignOut(client) {
  const { depth } = await client.stats();
  const count = depth.pending + depth.sending + depth.failed;
  if (count === 0) return true;
  const choice = await ask(count);
  if (choice === "stay") return false;
  await signOut(client, { waiting: /** @type {Waiting} */ (choice) });
  return true;
}

/** @param {number} count @returns {Promise<string>} */
function ask(count) {
  const what = count === 1 ? "1 change is" : `${count} changes are`;
  const text = create("p", { textContent: `${what} not on the server yet.` });
  const choices = [
    ["send", "Send now, then sign out"],
    ["keep", "Keep on this device until I am back"],
    ["discard", "Discard and sign out"],
    ["stay", "Stay signed in"],
  ];
  const dialog = /** @type {HTMLDialogElement} */ (create("dialog", { className: "pyqueue-sign-out" }, text));
  return new Promise((resolve) => {
    const close = (/** @type {string} */ choice) => {
      dialog.remove();
      resolve(choice);
    };
    for (const [choice, label] of /** @type {[string, string][]} */ (choices)) {
      const button = create("button", { type: "button", textContent: label, onclick: () => close(choice) });
      button.dataset.choice = choice;
      dialog.append(button, " ");
    }
    dialog.addEventListener("cancel", () => close("stay"));
    document.body.append(dialog);
    dialog.showModal();
  });
}
