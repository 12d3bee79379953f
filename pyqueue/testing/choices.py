"""Choices: the one source of chance of a simulated world, recorded so that a failure can be replayed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import TypeVar

T = TypeVar("T")


class Choices:
    """Draws numbers: the given ones first, then random ones, or, without a seed, only zeros.

    Zero is always the harmless choice, so a world without chance is one in which all goes well.

    Args:
        given: numbers to draw first; one that is too large for its draw counts as zero.
        seed: of the numbers that follow.
    """

    def __init__(self, given: Sequence[int] = (), seed: int | None = None) -> None:
        self.drawn: list[int] = []
        self._given = given
        self._random = Random(seed) if seed is not None else None

    def below(self, bound: int) -> int:
        """A whole number from 0 to below `bound`."""
        at = len(self.drawn)
        if at < len(self._given):
            value = self._given[at] if self._given[at] < bound else 0
        elif self._random is not None:
            value = int(self._random.random() * bound)
        else:
            value = 0
        self.drawn.append(value)
        return value

    def happens(self, one_in: int) -> bool:
        """True once in so many times."""
        return self.below(one_in) == one_in - 1

    def pick(self, values: Sequence[T]) -> T:
        """One of the values; the first is the harmless one."""
        return values[self.below(len(values))]


def shrink(choices: Sequence[int], fails: Callable[[Sequence[int]], bool], tries: int = 400) -> Sequence[int]:
    """A shorter list of choices with which it still fails.

    Args:
        choices: with which it fails.
        fails: whether it fails with others.
        tries: how often to ask at most.
    """
    best = list(choices)
    size = max(1, len(best) // 2)
    while size and tries > 0:
        at = 0
        while at < len(best) and tries > 0:
            tries -= 1
            shorter = best[:at] + best[at + size :]
            if fails(shorter):
                best = shorter
            else:
                at += size
        size //= 2
    return best
