"""Holds: why the whole queue waits.

For lack of a session one job may leave now and then, to see whether there is one again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._outcome import Outcome, Verdict
from .._problem import WORDS
from .._record import is_number
from .._text import text_of
from .._vocabulary import HoldKind


class Holds:
    """What holds the queue.

    Args:
        stored: `meta.holds`; what is malformed counts as none.
    """

    def __init__(self, stored: Any) -> None:
        self._held = _read(stored)
        self._may_probe = False
        self.has_changed = False
        """Whether `stored` is to be written."""

    def __bool__(self) -> bool:
        return bool(self._held)

    def __contains__(self, kind: HoldKind) -> bool:
        return kind in self._held

    def stored(self) -> Mapping[str, Any]:
        """What `meta.holds` is to hold, and what pages are told."""
        return self._held

    def begin(self, kind: HoldKind, reason: Any, now: float) -> None:
        """Holds the queue. The same reason again changes nothing.

        Args:
            kind: of the hold; there is one of each at most.
            reason: for a person; anything, of which so much text is kept as of a server's words.
            now: Unix time in seconds.
        """
        reason = text_of(reason, WORDS)
        if self._held.get(kind, {}).get("reason") != reason:
            self._held = {**self._held, kind.value: {"reason": reason, "since": now}}
            self.has_changed = True

    def end(self, kind: HoldKind) -> None:
        """Ends a hold, if there is one."""
        if kind in self._held:
            self._held = {name: hold for name, hold in self._held.items() if name != kind}
            self.has_changed = True
        if kind is HoldKind.UNAUTHORIZED:
            self._may_probe = False

    def block(self) -> bool:
        """Whether nothing may leave."""
        return bool(self._held.keys() - ({HoldKind.UNAUTHORIZED.value} if self._may_probe else set()))

    def let_probe(self) -> None:
        """Somebody may have signed in: one job may see whether it is so. If not, nothing is spent."""
        self._may_probe = HoldKind.UNAUTHORIZED in self._held

    def judge(self, outcome: Outcome, now: float, *, probe: bool) -> None:
        """Learns from an answer whether somebody is signed in.

        Args:
            outcome: of an attempt.
            now: Unix time in seconds.
            probe: it was sent to find out.
        """
        if outcome.verdict is Verdict.HOLD:
            self.begin(HoldKind.UNAUTHORIZED, outcome.error.message if outcome.error else "", now)
        elif probe and (outcome.verdict is Verdict.DONE or _is_refusal(outcome)):
            self.end(HoldKind.UNAUTHORIZED)
        if probe:
            self._may_probe = False


def _is_refusal(outcome: Outcome) -> bool:
    """Whether the server answered, and refused this one job."""
    return outcome.verdict is Verdict.FAIL and outcome.error is not None and outcome.error.status is not None


def _read(stored: Any) -> dict[str, Any]:
    holds = stored if isinstance(stored, Mapping) else {}
    return {
        kind.value: {"reason": text_of(hold.get("reason") or "", WORDS), "since": hold["since"]}
        for kind in HoldKind
        if isinstance(hold := holds.get(kind.value), Mapping) and is_number(hold.get("since"))
    }
