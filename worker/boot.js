/** Boots Python: once for all events of this worker's life. */

import createPyodideModule from "pyodide/pyodide.asm.mjs";
import { loadPyodide } from "pyodide/pyodide.mjs";

import { failure } from "./answer.js";
import { bridge } from "./bridge.js";
import { broadcast } from "./channel.js";
import { file, hasCache, hashOf, read, tasksFile, withCachedFetch } from "./files.js";
import manifest from "./manifest.js";
import { dropSnapshots, findSnapshot, keepSnapshot } from "./snapshot.js";

/**
 * The Python side's one entry, made by main.py.
 * @typedef {object} Dispatcher
 * @property {(reason: string, linger: number) => Promise<import("./answer.js").Answer>} wake never rejects
 */

/** Seconds. The slowest measured cold boot, WebKitGTK on a loaded machine, takes 8. */
const TIME_LIMIT = 60;

/** The smallest module: magic number and version. */
const EMPTY_WASM = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);

const PYODIDE_FILES = ["pyodide/pyodide.asm.wasm", "pyodide/python_stdlib.zip"];

/** Milliseconds. What waits to be sent comes before the next boot. */
const KEEP_AFTER = 1000;

/** Where Python's own modules lie in the interpreter's file system. */
const FOLDER = "/worker";

/** @type {Promise<Dispatcher> | undefined} */
let booting;

/** Whether this worker has an interpreter, or is about to. */
export const isBooted = () => booting !== undefined;

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

/**
 * Where this worker's interpreter came from.
 * @typedef {object} Origin
 * @property {boolean} restored from a snapshot
 * @property {string} [reason] why it was not
 * @property {number} milliseconds the boot took
 */

/** Of the last boot that succeeded. @type {Origin | undefined} */
export let origin;

async function start() {
  broadcast({ type: "worker", state: "booting" });
  const begun = performance.now();
  await checkWasm();
  const { dispatcher, reason } = await withTimeLimit(findOrMake()).catch(async (error) => {
    await forget();
    throw error;
  });
  const milliseconds = Math.round(performance.now() - begun);
  origin = { restored: reason === undefined, ...(reason ? { reason } : {}), milliseconds };
  return dispatcher;
}

/**
 * Restores the interpreter that an earlier boot has kept; without one, boots cold and keeps it.
 *
 * @returns {Promise<{dispatcher: Dispatcher, reason?: string}>} `reason`: why it is not a restored one
 */
async function findOrMake() {
  const tasks = tasksFile();
  const sources = readSources(tasks);
  if (!hasCache) return coldBoot(sources, "there is no Cache API here: it needs a secure context");
  const key = await keyOf(tasks, sources);
  let reason = "no snapshot is kept yet";
  try {
    const snapshot = await findSnapshot(key);
    if (snapshot) return { dispatcher: run(await restore(snapshot, sources)) };
  } catch (error) {
    reason = `no snapshot can be restored: ${failure(error).message}`;
    await forget();
  }
  return coldBoot(sources, reason, key);
}

/** Costs a cold boot at most: whatever was wrong with the snapshot must not come back. */
const forget = () => dropSnapshots().catch(() => {});

/**
 * What a snapshot is made of, and the engine that made it.
 *
 * @param {import("./files.js").File | undefined} tasks
 * @param {Promise<Sources>} sources
 */
async function keyOf(tasks, sources) {
  const version = tasks && (tasks.sha256 ?? (await hashOf((await sources)["tasks.py"])));
  return `${manifest.build}-${version}-${encodeURIComponent(navigator.userAgent)}`;
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
 * Python's own modules, by the name that each has in `FOLDER`.
 * @typedef {Record<string, Uint8Array<ArrayBuffer>>} Sources
 */

/**
 * @param {import("./files.js").File | undefined} tasks
 * @returns {Promise<Sources>}
 */
async function readSources(tasks) {
  const files = { [manifest.wheel]: file(manifest.wheel), "main.py": file(manifest.main), ...(tasks && { "tasks.py": tasks }) };
  return Object.fromEntries(
    await Promise.all(Object.entries(files).map(async ([name, file]) => [name, await bytes(file)])),
  );
}

/**
 * Boots an interpreter, imports all that it will need, and keeps its memory for the next boot.
 *
 * @param {Promise<Sources>} sources
 * @param {string} reason
 * @param {string} [key] of the snapshot to keep; without it, none is
 * @returns {Promise<{dispatcher: Dispatcher, reason: string}>}
 */
async function coldBoot(sources, reason, key) {
  const python = await load(sources, { _makeSnapshot: key !== undefined });
  const { path } = python.pyimport("sys");
  path.insert(0, FOLDER);
  path.append(`${FOLDER}/${manifest.wheel}`);
  path.destroy();
  const isReady = python.runPython("import main; main.prepare()");
  if (key !== undefined && isReady) {
    try {
      const memory = python.makeMemorySnapshot();
      self.setTimeout(() => keepSnapshot(key, memory).catch(forget), KEEP_AFTER);
    } catch (error) {
      // A module holds an object of JavaScript's.
      reason = `no snapshot can be made: ${failure(error).message}; does tasks.py hold a JavaScript object?`;
    }
  }
  return { dispatcher: run(python), reason };
}

/**
 * @param {import("./snapshot.js").Snapshot} snapshot
 * @param {Promise<Sources>} sources
 */
async function restore({ memory, filled }, sources) {
  // Python is compiled while the memory is read: at first only its size is needed. The hook must not reject, for
  // Pyodide would go on.
  const options = { _loadSnapshot: memory, fsInit: () => filled.catch(() => {}) };
  const [python] = await Promise.all([load(sources, options), filled]);
  return python;
}

/**
 * @param {Promise<Sources>} sources
 * @param {import("pyodide").PyodideConfig} options
 */
async function load(sources, options) {
  const loading = withCachedFetch(PYODIDE_FILES, () =>
    loadPyodide({
      createPyodideModule,
      indexURL: new URL(".", file(PYODIDE_FILES[0]).url).href,
      // Nothing is installed by name in the worker; Pyodide only checks that the versions agree.
      lockFileContents: JSON.stringify({ info: manifest.lockInfo, packages: {} }),
      ...options,
    }),
  );
  const [python, files] = await Promise.all([loading, sources]).catch((error) => {
    throw bootError(error.message);
  });
  python.FS.mkdirTree(FOLDER);
  for (const [name, content] of Object.entries(files)) python.FS.writeFile(`${FOLDER}/${name}`, content);
  return python;
}

/**
 * Only here do live JavaScript objects enter Python: an interpreter before this is plain memory.
 *
 * @param {any} python
 * @returns {Dispatcher}
 */
function run(python) {
  const answer = python.pyimport("main").start(bridge);
  if (!answer.ok) throw bootError(answer.message, answer.name);
  return answer.value;
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
