"""The tasks of the benchmark's site."""

from pyqueue import Context, Limits, Queue

queue = Queue(limits=Limits(jobs=500_000, bytes=1 << 30))
queue.http("write", "POST", "/write", ordering_key="{key}")

WATCH = """
(() => {
  const channel = new BroadcastChannel("bench");
  let last = performance.now();
  setInterval(() => {
    const now = performance.now();
    if (now - last > 10) channel.postMessage(now - last);
    last = now;
  }, 5);
})()
"""


@queue.task("watch", ordering_key=None)
async def watch(ctx: Context) -> None:
    """Tells how long the worker could not attend to anything else, from now on."""
    from pyodide.code import run_js

    run_js(WATCH)
