/** What this build consists of. The build makes the module; the source tree only has its type. */
declare const manifest: {
  /** of the package */
  version: string;
  /** a hash over the browser's modules and `files` */
  build: string;
  /** `info` of the lock file that came with this Pyodide: the builds of Python that it goes with */
  lockInfo: import("pyodide").LockfileInfo;
  /** the browser wheel's path, relative to the static folder */
  wheel: string;
  /** the path of the worker's Python entry, relative to the static folder */
  main: string;
  /** what the worker precaches: the path, relative to the static folder, and the SHA-256 in hexadecimal */
  files: Record<string, string>;
};
export default manifest;
