/**
 * Bundles the browser's modules with esbuild: node building/bundle.mjs <folder> <manifest as JSON> <Pyodide's version>
 *
 * Writes into the folder `pyqueue.js`, `sw.js` and `app-<hash>/views.js`, the hash being of its content, each with its
 * source map beside it. Nothing in them depends on where the checkout or the folder is.
 */

import { mkdir, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";

const ROOT = resolve(import.meta.dirname ?? dirname(new URL(import.meta.url).pathname), "..");
const { build } = createRequire(join(ROOT, "worker", "package.json"))("esbuild");
const [folder, manifest, pyodide] = process.argv.slice(2);

/**
 * @param {string} entry a module, relative to the checkout
 * @param {{modules?: {[file: string]: string}, name?: string}} [options] `modules`: sources by the ends of the paths of
 *   the modules that they replace; `name`: the path of the bundle, in which esbuild replaces `[hash]`
 * @returns {Promise<string>} the bundle's path, relative to the folder
 */
async function bundle(entry, { modules = {}, name = "[name]" } = {}) {
  const { outputFiles } = await build({
    absWorkingDir: ROOT,
    entryPoints: [entry],
    entryNames: name,
    outdir: ROOT, // Nothing is written there: the source maps' paths are relative to it.
    write: false,
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    preserveSymlinks: true, // Else the names of packages depend on where they are installed.
    sourcemap: "linked",
    logLevel: "warning",
    plugins: [replacing(modules), beside],
  });
  const paths = outputFiles.map(({ path }) => path.slice(ROOT.length + 1));
  for (const [position, { contents }] of outputFiles.entries()) {
    const target = join(folder, paths[position]);
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, contents);
  }
  return paths.find((path) => path.endsWith(".js"));
}

/** Puts generated modules in the place of others. */
const replacing = (modules) => ({
  name: "replacing",
  setup({ onResolve, onLoad }) {
    for (const [file, contents] of Object.entries(modules)) {
      const filter = new RegExp(`/${file.replaceAll(".", "\\.")}$`);
      onResolve({ filter }, () => ({ path: file, namespace: "generated" }));
      onLoad({ filter: new RegExp(`^${file}$`), namespace: "generated" }, () => ({ contents }));
    }
  },
});

/**
 * Pyodide stays as it is, beside the bundles. Its version is part of the address: an HTTP cache may hold an older one
 * under the same name, and would serve it to a newer worker.
 */
const beside = {
  name: "beside",
  setup({ onResolve }) {
    onResolve({ filter: /^pyodide\// }, ({ path }) => ({ path: `./${path}?${pyodide}`, external: true }));
  },
};

const hpke = await bundle("web/page/hpke.js", { name: "app-[hash]/[name]" });
const views = await bundle("web/page/views.js", {
  modules: { "hpke-address.js": `export const HPKE = new URL("../${hpke}", import.meta.url);` },
  name: "app-[hash]/[name]",
});
await bundle("web/pyqueue.js", {
  modules: { "views-address.js": `export const VIEWS = new URL("./${views}", import.meta.url);` },
});
await bundle("worker/sw.js", { modules: { "manifest.js": `export default ${manifest};` } });
