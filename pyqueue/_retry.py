"""stub"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

LONGEST_RETRY_AFTER = 86_400.0


@dataclass(frozen=True, slots=True)
class Retry:
    max_attempts: int = 8
    base: float = 1.0
    cap: float = 300.0

    def with_options(self, options: Mapping[str, Any] | None) -> Retry:
        if not options:
            return self
        known = {f.name for f in fields(self)}
        return replace(self, **{n: v for n, v in options.items() if n in known})

    def wait(self, attempts: int, after: float | None, jitter: float) -> float:
        bound = self.cap if attempts > 40 else min(self.cap, self.base * 2.0**attempts)
        return max(bound * (0.5 + jitter / 2), min(after or 0.0, LONGEST_RETRY_AFTER))
