"""Work beside the script: tasks, and what follows changes."""

import asyncio
import time
import traceback

REST = 0.2
"""Seconds between two looks: nobody reads faster."""

SHARE = 3
LONGEST_REST = 0.5
"""The same as a multiple of the time that the last one took, and at most."""

tasks = set()


def start(coroutine):
    """Runs a coroutine beside this, and shows its exception on the console.

    Handlers of events are plain functions that start one: a coroutine function would only begin when the
    browser has already done what `preventDefault` prevents.
    """
    task = asyncio.ensure_future(coroutine)
    tasks.add(task)  # The loop keeps no reference to it.
    task.add_done_callback(_finish)


def _finish(task):
    tasks.discard(task)
    if error := task.exception():
        traceback.print_exception(error)


class OnChange:
    """Does something at once, and again after each change; for those that come meanwhile or soon after, once.

    Args:
        act: a coroutine function.
    """

    def __init__(self, act):
        self._act = act
        self._changed = False
        self._acting = False
        self.again()

    def again(self):
        """Says that there was a change."""
        self._changed = True
        if not self._acting:
            self._acting = True
            start(self._run())

    async def _run(self):
        try:
            while self._changed:
                self._changed = False
                start = time.monotonic()
                await self._act()
                await asyncio.sleep(min(max(REST, SHARE * (time.monotonic() - start)), LONGEST_REST))
        finally:
            self._acting = False
