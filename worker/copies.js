/**
 * Files in payloads, copied into memory where the engine would lose them.
 *
 * WebKit keeps the files of a record beside its database. One that was stored before the browser was started is
 * deleted when the record is put again with the very `Blob` that was read from it, though the transaction commits
 * (measured in WebKitGTK 2.50.6, in a page as in a worker). A copy in memory is written out anew each time.
 */

/** Every other engine with this word in its name says Chrome too. */
const LOSES_FILES = /AppleWebKit/.test(navigator.userAgent) && !/Chrom(e|ium)/.test(navigator.userAgent);

/**
 * Replaces every file in the records that requests answered, where it has to be. One that cannot be read stays.
 *
 * @param {any[]} results records, lists of records, or anything else; what is in them is changed
 * @returns {Promise<any[]>} the same list
 */
export async function withCopiedFiles(results) {
  if (!LOSES_FILES) return results;
  const holders = new Set([results]);
  // A set is iterated with what is added on the way.
  for (const holder of holders) {
    for (const [name, value] of Object.entries(holder)) {
      if (value instanceof Blob) /** @type {any} */ (holder)[name] = await copyOf(value).catch(() => value);
      else if (typeof value === "object" && value !== null && !ArrayBuffer.isView(value)) holders.add(value);
    }
  }
  return results;
}

/** @param {Blob} blob */
async function copyOf(blob) {
  const bytes = await blob.arrayBuffer();
  if (!(blob instanceof File)) return new Blob([bytes], { type: blob.type });
  return new File([bytes], blob.name, { type: blob.type, lastModified: blob.lastModified });
}
