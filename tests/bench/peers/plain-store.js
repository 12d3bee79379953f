import { openDB } from "idb";

let opening;

export function open() {
  opening ??= openDB("plain", 1, { upgrade: (db) => db.createObjectStore("jobs", { autoIncrement: true }) });
  return opening;
}

/** Stores jobs in one strict transaction. @param {{key: string, n: number}[]} jobs */
export async function append(jobs) {
  const tx = (await open()).transaction("jobs", "readwrite", { durability: "strict" });
  for (const job of jobs) tx.store.put({ id: crypto.randomUUID(), ...job });
  await tx.done;
}
