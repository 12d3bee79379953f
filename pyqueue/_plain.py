"""Any value as plain data that can be stored: what a task returned, and what a server answered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import isfinite
from typing import Any, Final

from ._text import clean, text_of
from ._vocabulary import MAX_BODY, MAX_DEPTH, MAX_INTEGER

MAX_VALUES: Final = 100_000
"""How many values, keys included, are kept of one result."""


def plain(value: Any) -> Any:
    """The value as JSON-able data. Never raises, and always ends.

    Mappings, lists and tuples keep their shape, and so does what is JSON in them. Not-a-number and infinity
    become `None`, bytes the text that they encode, and everything else its text: an integer that
    JavaScript cannot hold, a date, an object. Nesting beyond `MAX_DEPTH`, which every cycle reaches,
    becomes `None`; after `MAX_VALUES` values or `MAX_BODY` characters the rest is left out.
    """
    return _Copy().of(value, 0)


class _Copy:
    """One copy in the making, and what it may still take."""

    def __init__(self) -> None:
        self._values = MAX_VALUES
        self._characters = MAX_BODY

    def of(self, value: Any, depth: int) -> Any:
        self._values -= 1
        try:
            return self._copied(value, depth)
        except BaseException:  # A value of the user's own may do anything when it is looked at.
            return self._counted(text_of(value, self._characters))

    def _copied(self, value: Any, depth: int) -> Any:
        if value is None or value is True or value is False:
            return value
        if isinstance(value, str):
            return self._counted(clean(value, self._characters))
        if isinstance(value, int) and abs(int(value)) <= MAX_INTEGER:
            return int(value)
        if isinstance(value, float):
            return float(value) if isfinite(value) else None
        if isinstance(value, bytes | bytearray):
            return self._counted(clean(bytes(value[: self._characters]).decode("utf-8", "replace"), MAX_BODY))
        if isinstance(value, Mapping | list | tuple):
            return self._container(value, depth)
        return self._counted(text_of(value, self._characters))

    def _container(self, value: Any, depth: int) -> Any:
        if depth >= MAX_DEPTH:
            return None
        if isinstance(value, Mapping):
            return {self._key(key): self.of(item, depth + 1) for key, item in self._some(value.items())}
        return [self.of(item, depth + 1) for item in self._some(value)]

    def _some(self, items: Iterable[Any]) -> Iterable[Any]:
        for item in items:
            if self._values <= 0 or self._characters <= 0:
                return
            yield item

    def _key(self, key: Any) -> str:
        """A key as `json` writes it, or the text of any other."""
        self._values -= 1
        if key is None or key is True or key is False:
            return {None: "null", True: "true", False: "false"}[key]
        return self._counted(text_of(key, self._characters))

    def _counted(self, text: str) -> str:
        self._characters -= len(text)
        return text
