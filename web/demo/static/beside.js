/** What the board in Python has beside it: the panel, and that the page opens offline. */

import { onChanges } from "./changes.js";
import { drawQueue, readLog, watchPanel } from "./panel.js";
import { readQueue } from "./queue.js";
import { registerShell } from "./shell.js";

onChanges(async () => drawQueue(await readQueue()));
watchPanel(onChanges(readLog));

// Once the board runs, all that PyScript needs to run it has been loaded.
addEventListener("py:all-done", registerShell, { once: true });
