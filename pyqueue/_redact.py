"""What is kept of an answer, once the site's own `redact` has seen it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from ._outcome import Outcome, job_error
from ._plain import plain

_log: Final = logging.getLogger("pyqueue")

_NOTHING: Final = object()


def redacted(outcome: Outcome, redact: Callable[[Any], Any]) -> Outcome:
    """An outcome of which only what `redact` returns is kept. Never raises, and never changes the verdict.

    It is called with a result, with an error's excerpt, and with an error's message if a server's words may
    be in it. Where it raises, or returns another kind of value, nothing of that is kept.

    Args:
        outcome: of an attempt.
        redact: the hook of the declaration.
    """
    if outcome.result is not None:
        kept = _asked(redact, outcome.result)
        return replace(outcome, result=None if kept is _NOTHING else plain(kept))
    error = outcome.error
    if error is None or (error.status is None and error.body is None):
        return outcome
    message = _asked(redact, error.message)
    body = None if error.body is None else _asked(redact, error.body)
    return replace(
        outcome,
        error=job_error(
            error.code,
            message if isinstance(message, str) else f"the server answered {error.status}",
            error.status,
            body if isinstance(body, str) else None,
        ),
    )


def _asked(redact: Callable[[Any], Any], value: Any) -> Any:
    try:
        return redact(value)
    except BaseException as error:  # User code. Its own words may hold what it was to take out.
        _log.warning("redact raised %s: nothing of what it was given is kept", type(error).__name__)
        return _NOTHING
