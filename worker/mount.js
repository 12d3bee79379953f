/** Where the static files are: `sw.js` lies at their root. */

import { mount, mountAt } from "../web/mount.js";

mountAt(self.location.href);

export const NAME = mount();
