/** Where views.js lies, as seen from pyqueue.js. The build puts another module in this one's place. */

export const VIEWS = new URL("./views.js", import.meta.url);
