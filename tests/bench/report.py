"""What was measured: medians, spreads and ratios."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

PYQUEUE = "pyqueue"
"""The contender that all others are compared with."""


@dataclass(slots=True)
class Row:
    """One figure.

    Attributes:
        case: its name.
        unit: of the values.
        reach: for each peer, at what ratio to it the figure is as good as it has to be. A peer that was not
            measured says nothing.
        limit: the value that is good enough, where no peer says so.
        values: for each contender, one of each round.
        more_is_better: whether the ratios of `reach` are the least instead of the most.
    """

    case: str
    unit: str
    reach: dict[str, float] = field(default_factory=dict)
    limit: float | None = None
    values: dict[str, list[float]] = field(default_factory=dict)
    more_is_better: bool = False

    def add(self, contender: str, value: float) -> None:
        """Adds the value of a round."""
        self.values.setdefault(contender, []).append(value)

    def ratio(self, peer: str) -> float:
        """pyqueue's median by a peer's."""
        return median(self.values[PYQUEUE]) / median(self.values[peer])

    @property
    def peers(self) -> list[str]:
        """The others."""
        return [name for name in self.values if name != PYQUEUE]

    def is_reached(self) -> bool:
        """Whether the figure is as good as it has to be."""
        within = self.limit is None or median(self.values[PYQUEUE]) <= self.limit
        return within and all(self._reaches(peer) for peer in self.reach if peer in self.values)

    def bound(self, peer: str) -> str:
        """What its ratio to a peer has to be, in words; empty if it may be anything."""
        if peer not in self.reach:
            return ""
        return f"at {'least' if self.more_is_better else 'most'} {self.reach[peer]:g}"

    def _reaches(self, peer: str) -> bool:
        ratio, bound = self.ratio(peer), self.reach[peer]
        return ratio >= bound if self.more_is_better else ratio <= bound

    def to_json(self) -> dict[str, Any]:
        """The medians."""
        medians = {name: round(median(values), 4) for name, values in self.values.items()}
        return {
            "case": self.case,
            "unit": self.unit,
            "pyqueue": medians.pop(PYQUEUE),
            "peers": medians,
        }


def table(rows: Sequence[Row]) -> str:
    """A table in Markdown: a line for each figure, the spread of its rounds in brackets."""
    names = list(dict.fromkeys(name for row in rows for name in row.peers))
    head = ["case", "unit", PYQUEUE, *names, "ratios", "reached"]
    lines = [head, ["---"] * len(head)]
    for row in rows:
        ratios = ", ".join(_ratio(row, peer) for peer in row.peers)
        if row.limit is not None:
            ratios = f"at most {row.limit:g}"
        is_judged = any(peer in row.values for peer in row.reach) or row.limit is not None
        reached = ("yes" if row.is_reached() else "no") if is_judged else ""
        cells = [_cell(row.values.get(name)) for name in (PYQUEUE, *names)]
        lines.append([row.case, row.unit, *cells, ratios, reached])
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |"
        for line in lines
    )


def _cell(values: list[float] | None) -> str:
    if not values:
        return ""
    spread = f" ({_number(min(values))} to {_number(max(values))})" if len(values) > 1 else ""
    return f"{_number(median(values))}{spread}"


def _number(value: float) -> str:
    """With three digits that count, or more before the point."""
    return f"{value:.3g}" if value < 1000 else f"{value:.0f}"


def _ratio(row: Row, peer: str) -> str:
    bound = row.bound(peer)
    return f"{row.ratio(peer):.2f} of {peer}" + (f" ({bound})" if bound else "")
