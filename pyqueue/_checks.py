"""What a declaration may say: every check raises `DeclarationError`, naming the value and the remedy."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from ._errors import DeclarationError
from ._fetch_rules import wrong_header, wrong_method
from ._secrets import secret_header
from ._text import is_valid, shown

T = TypeVar("T")
Word = TypeVar("Word", bound=str)
Hook = TypeVar("Hook", bound=Callable[..., Any])


def check_number(what: str, value: Any, low: float, high: float) -> float:
    """A number within a range, both ends included."""
    # Not-a-number is within no range.
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise DeclarationError(f"{what} is {shown(value)}; give a number from {low:.15g} to {high:.15g}")
    return float(value)


def check_count(what: str, value: Any, low: int, high: int) -> int:
    """A whole number within a range, both ends included."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise DeclarationError(f"{what} is {shown(value)}; give a whole number from {low} to {high}")
    return int(value)


def check_choice(what: str, value: Any, choices: Sequence[Word]) -> Word:
    """One of a few words."""
    for choice in choices:
        if isinstance(value, str) and value == choice:
            return choice
    raise DeclarationError(f"{what} is {shown(value)}; give one of {', '.join(map(repr, map(str, choices)))}")


def check_instance(what: str, value: Any, kind: type[T]) -> T:
    """A value of a class of pyqueue's own."""
    if not isinstance(value, kind):
        raise DeclarationError(f"{what} is {shown(value)}; give a {kind.__name__}(...)")
    return value


def check_flag(what: str, value: Any) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise DeclarationError(f"{what} is {shown(value)}; give True or False")
    return value


def check_text(what: str, value: Any) -> str:
    """Text that is not empty and is valid Unicode."""
    if not isinstance(value, str) or not value or not is_valid(value):
        raise DeclarationError(f"{what} is {shown(value)}; give a text that is not empty")
    return value


def check_method(what: str, value: Any) -> str:
    """An HTTP method that `fetch` can send, in upper case."""
    if (reason := wrong_method(value)) is not None:
        raise DeclarationError(f"{what} is {shown(value)}: {reason}; give one like 'POST'")
    return str(value).upper()


def check_headers(what: str, headers: Any) -> dict[str, str]:
    """Request headers that `fetch` can send."""
    if not isinstance(headers, Mapping):
        raise DeclarationError(f"{what} is {shown(headers)}; give a mapping of names to values")
    for name, value in headers.items():
        if (reason := wrong_header(name, value)) is not None:
            raise DeclarationError(f"{what}: {shown(name)}: {shown(value)} cannot be sent: {reason}")
    return dict(headers)


def check_stored_headers(what: str, headers: Any) -> dict[str, str]:
    """Request headers that are written down, so that none may be a secret."""
    for name in headers if isinstance(headers, Mapping) else ():
        if isinstance(name, str) and (reason := secret_header(name)) is not None:
            raise DeclarationError(f"{what}: {name}: {reason}")  # Before anything shows the value.
    return check_headers(what, headers)


def check_hook(what: str, function: Hook) -> Hook:
    """A function of the user's own that is called and not awaited."""
    if not callable(function) or inspect.iscoroutinefunction(function):
        raise DeclarationError(f"{what} is {shown(function)}; give a function that is not async")
    return function
