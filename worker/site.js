/** What the site has left in the browser, cookies and `<meta>` tags, for Python's `Site`. Nothing here rejects. */

import { siteRoot } from "../web/mount.js";
import { uuid } from "../web/page/uuid.js";
import { broadcast } from "./channel.js";

/**
 * @typedef {"cookie" | "meta"} Source where a page looks
 * @typedef {{get(name: string): Promise<{value: string} | null>}} CookieStore
 */

export const origin = () => new URL(siteRoot()).origin;

/**
 * By id, what the pages were asked: called with each answer. The question is broadcast; the answer comes to this
 * worker alone, so that no other page hears it.
 *
 * @type {Map<string, (token: unknown) => void>}
 */
const asked = new Map();

/**
 * A cookie's value as it is now. An open page is asked where a worker cannot read cookies, and for one whose path is
 * not `/`: Chromium shows a worker only those that go with a request to its own scope.
 *
 * @param {string} name
 * @param {string[]} refused values that count as none
 * @param {number} patience seconds for pages to answer
 * @returns {Promise<string>} empty: there is none
 */
export async function readCookie(name, refused, patience) {
  const { cookieStore } = /** @type {{cookieStore?: CookieStore}} */ (/** @type {unknown} */ (self));
  const cookie = await cookieStore?.get(name).catch(() => null);
  if (cookie?.value && !refused.includes(cookie.value)) return cookie.value;
  return askPages("cookie", name, refused, patience);
}

/**
 * What an open page of the site knows.
 *
 * @param {Source} source
 * @param {string} name
 * @param {string[]} refused see `readCookie`
 * @param {number} patience seconds
 * @returns {Promise<string>} of the first page that has another; empty: none has, or none is open
 */
export async function askPages(source, name, refused, patience) {
  let silent = await countPages();
  if (silent === 0) return "";
  const id = uuid();
  return new Promise((resolve) => {
    /** @param {string} token */
    const end = (token) => {
      clearTimeout(timer);
      asked.delete(id);
      resolve(token);
    };
    const timer = self.setTimeout(end, patience * 1000, "");
    asked.set(id, (token) => {
      silent -= 1;
      if (typeof token === "string" && token && !refused.includes(token)) end(token);
      else if (silent === 0) end("");
    });
    broadcast({ type: "token_wanted", id, source, name });
  });
}

/** A page has answered. @param {{id: string, token: unknown}} message */
export function onToken({ id, token }) {
  asked.get(id)?.(token);
}

/** Pages that may answer. A page's own worker is told by that page alone. */
async function countPages() {
  const { clients } = /** @type {{clients?: Clients}} */ (/** @type {unknown} */ (self));
  if (!clients) return 1;
  const pages = await clients.matchAll({ type: "window", includeUncontrolled: true }).catch(() => []);
  return pages.length;
}
