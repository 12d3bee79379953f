"""Attempts that run to their end even if their client has gone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import copy_context
from typing import Any

from .event_log import log

_UNSET = object()


class Shield:
    """Runs attempts in tasks of their own: servers and frameworks cancel a request whose client has gone, and
    an effect that was cut in the middle can be neither kept nor released."""

    def __init__(self) -> None:
        self._attempts: set[asyncio.Task[None]] = set()

    async def run(
        self, attempt: Coroutine[Any, Any, None], *, may_be_cut: Callable[[], bool] = lambda: False
    ) -> None:
        """Runs in a copy of the caller's context, whose changes are copied back.

        Args:
            attempt: what runs.
            may_be_cut: asked when the caller is cancelled: whether the attempt is cancelled too.
        """
        context = copy_context()
        task = asyncio.create_task(attempt, context=context)
        self._attempts.add(task)
        task.add_done_callback(self._attempts.discard)
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            if may_be_cut():
                task.cancel()
            task.add_done_callback(_log_failure)
            raise
        finally:
            if task.done():
                for variable, value in context.items():
                    if variable.get(_UNSET) is not value:
                        variable.set(value)


def _log_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("the application failed after its client had gone", exc_info=error)
