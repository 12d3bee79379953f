"""Whether the queue's owner is alive, by the signs that it leaves."""

from __future__ import annotations

from math import inf
from typing import Final

SILENCE: Final = 60.0
"""Seconds without a commit after which an owner is taken for frozen: three of the drain's heartbeats."""

PATIENCE: Final = 10.0
"""Seconds between two looks whether the owner is alive."""


class Watch:
    """Tells a silent owner from one at work.

    Its last sign may be later than now: the clock was set back, or the sign is not its own. Then it is silent
    once there was no other for as long as that.
    """

    def __init__(self) -> None:
        self._seen = -inf
        self._looks = 0

    def is_silent(self, beat_at: float, now: float) -> bool:
        """To be asked every `PATIENCE` seconds.

        Args:
            beat_at: the owner's last sign, Unix time in seconds.
            now: Unix time in seconds.
        """
        self._looks = self._looks + 1 if beat_at == self._seen else 0
        self._seen = beat_at
        return now - beat_at > SILENCE or self._looks * PATIENCE > SILENCE
