"""Work beside the script: tasks, and what follows changes."""

import asyncio
import traceback

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
    """Does something at once, and again after each change; for those that come meanwhile once, afterwards.

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
                await self._act()
        finally:
            self._acting = False
