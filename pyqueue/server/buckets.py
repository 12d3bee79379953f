"""The upper bounds of the histograms' buckets, the same in every kind of metrics."""

from __future__ import annotations

from typing import Final

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400

SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
"""Of a request."""

DEPTHS: Final = (1, 2, 5, 10, 20, 50, 100, 1000, 10_000)
"""Jobs of a queue."""

AGES: Final = (
    *(1, 10, _MINUTE, 5 * _MINUTE, 30 * _MINUTE),
    *(_HOUR, 6 * _HOUR, _DAY, 3 * _DAY, 7 * _DAY, 14 * _DAY, 30 * _DAY),
)
"""Seconds that a job has waited. The default `ttl` of an answer is 14 days."""

ATTEMPTS: Final = (1, 2, 3, 4, 5, 6, 8, 16, 64)
"""Of a job. A queue's default is 8 at most, beside those that are not counted."""
