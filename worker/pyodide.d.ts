/** The npm package types `pyodide` only; the worker imports its two modules by name, for there is no bundler. */

declare module "pyodide/pyodide.mjs" {
  export { loadPyodide } from "pyodide";
}

declare module "pyodide/pyodide.asm.mjs" {
  import type { PyodideConfig } from "pyodide";

  const createPyodideModule: PyodideConfig["createPyodideModule"];
  export default createPyodideModule;
}
