/** Boots Python: once for all events of this worker's life. */

import createPyodideModule from "pyodide/pyodide.asm.mjs";
import { loadPyodide } from "pyodide/pyodide.mjs";

import { bridge } from "./bridge.js";
import { broadcast } from "./channel.js";
import { file, read, tasksFile, withCachedFetch } from "./files.js";
import manifest from "./manifest.js";

/**
 * The Python side's one entry, made by main.py.
 * @typedef {object} Dispatcher
 * @property {(reason: string, linger: number) => Promise<import("./answer.js").Answer>} wake never rejects
 */

/** Seconds. The slowest measured cold boot, WebKitGTK on a loaded machine, takes 8. */
const TIME_LIMIT = 60;

/** The smallest module: magic number and version. */
const EMPTY_WASM = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);

/** Where Python's own modules lie in the interpreter's file system. */
const FOLDER = "/worker";

/** @type {Promise<Dispatcher> | undefined} */
let booting;

/**
 * The dispatcher of this worker's interpreter. Events share one boot; one that failed is forgotten, so the
 * next event tries again.
 *
 * @returns {Promise<Dispatcher>} rejects with an `Error` that names the cause
 */
export function boot() {
  booting ??= start().catch((error) => {
    booting = undefined;
    throw error;
  });
  return booting;
}

async function start() {
  broadcast({ type: "worker", state: "booting" });
  await checkWasm();
  const python = await withTimeLimit(coldBoot());
  // Only here do live JavaScript objects enter Python: an interpreter before this line is plain memory.
  const answer = python.pyimport("main").start(bridge);
  if (!answer.ok) throw bootError(answer.message, answer.name);
  return answer.value;
}

/**
 * A Content-Security-Policy without `wasm-unsafe-eval` makes Pyodide's boot hang instead of fail, so it is
 * looked for first.
 */
async function checkWasm() {
  try {
    await WebAssembly.compile(EMPTY_WASM);
  } catch (error) {
    // A service worker keeps the policy that it was installed with until its script changes. Unregistered, it
    // is installed anew by the next page, with the policy of then.
    await /** @type {any} */ (self).registration?.unregister();
    throw bootError(
      "WebAssembly is refused here. The Content-Security-Policy sent with sw.js needs " +
        `script-src 'self' 'wasm-unsafe-eval' (${/** @type {Error} */ (error).message})`,
    );
  }
}

/**
 * @template T
 * @param {Promise<T>} work
 * @returns {Promise<T>}
 */
async function withTimeLimit(work) {
  /** @type {number | undefined} */
  let timer;
  const limit = new Promise((_, reject) => {
    const error = bootError(`Python did not boot within ${TIME_LIMIT} seconds; the device may be out of memory`);
    timer = self.setTimeout(reject, TIME_LIMIT * 1000, error);
  });
  try {
    return await Promise.race([work, /** @type {Promise<never>} */ (limit)]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * An interpreter with `pyqueue`, `main` and the user's `tasks` ready to import. It holds no JavaScript
 * object of ours.
 */
async function coldBoot() {
  const tasks = tasksFile();
  const pyodideFiles = ["pyodide/pyodide.asm.wasm", "pyodide/python_stdlib.zip"];
  // Beside each other: the small files are there by the time the interpreter is.
  const [python, wheel, main, tasksSource] = await Promise.all([
    withCachedFetch(pyodideFiles, () =>
      loadPyodide({
        createPyodideModule,
        indexURL: new URL(".", file(pyodideFiles[0]).url).href,
        // Nothing is installed by name in the worker; Pyodide only checks that the versions agree.
        lockFileContents: JSON.stringify({ info: manifest.lockInfo, packages: {} }),
      }),
    ),
    bytes(file(manifest.wheel)),
    bytes(file(manifest.main)),
    tasks && bytes(tasks),
  ]).catch((error) => {
    throw bootError(error.message);
  });
  python.FS.mkdirTree(FOLDER);
  python.FS.writeFile(`${FOLDER}/${manifest.wheel}`, wheel);
  python.FS.writeFile(`${FOLDER}/main.py`, main);
  if (tasksSource) python.FS.writeFile(`${FOLDER}/tasks.py`, tasksSource);
  const { path } = python.pyimport("sys");
  path.insert(0, FOLDER);
  path.append(`${FOLDER}/${manifest.wheel}`);
  path.destroy();
  return python;
}

/** @param {import("./files.js").File} file */
async function bytes(file) {
  return new Uint8Array(await (await read(file)).arrayBuffer());
}

/**
 * @param {string} message
 * @param {string} name
 */
function bootError(message, name = "BootError") {
  return Object.assign(new Error(message), { name });
}
