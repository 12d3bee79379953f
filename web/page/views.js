/**
 * What a page shows of the queue: lists, single jobs, numbers, explanations, and `<pyqueue-status>`. As built it is a
 * script of its own, so that a page which only writes does not wait for it; second.js loads it.
 */

export { begin } from "./begin.js";
export { complain } from "./complaint.js";
export { explainJob, listJobs } from "./explained.js";
export { followToEnd, readAgain } from "./follow.js";
export { unlock } from "./key-store.js";
export { readJob } from "./look.js";
export { OwnWorker } from "./own-worker.js";
export { registerPeriodicSync } from "./periodic.js";
export { prepare } from "./prepare.js";
export { share } from "./shared.js";
export { clear, principal, signOut } from "./sign-out.js";
export { readLabels, readStats } from "./stats.js";
export { persist } from "./storage.js";
export { tellToken } from "./token.js";
export { readAside } from "./view.js";
