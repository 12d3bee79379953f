/**
 * Answers instead of rejections. Python that awaits a promise rejected with something that is not an
 * `Error` hangs for ever, and in WebKit that includes every failed `fetch`. So what Python awaits never
 * rejects.
 *
 * @typedef {{ok: false, name: string, message: string}} Failure
 * @typedef {{ok: true, value?: any} | Failure} Answer
 */

/**
 * @param {() => any} work may be async
 * @returns {Promise<Answer>}
 */
export async function answer(work) {
  try {
    return { ok: true, value: await work() };
  } catch (error) {
    return failure(error);
  }
}

/**
 * @param {any} error anything thrown
 * @returns {Failure}
 */
export function failure(error) {
  return { ok: false, name: error?.name ?? "Error", message: error?.message ?? String(error) };
}
