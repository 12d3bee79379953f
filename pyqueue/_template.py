"""Templates: `post:{post_id}` filled from a job's payload."""

from __future__ import annotations

import re
import string
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any
from urllib.parse import quote

from ._errors import DeclarationError, InvalidPayload
from ._text import is_valid, shown
from ._vocabulary import MAX_INTEGER

_FIELD = "\0"
"""Stands for a field in the text of a template that was read. A template has no such character itself."""


@dataclass(frozen=True, slots=True)
class Template:
    """A text with `{name}` fields; `{{` and `}}` are braces.

    Args:
        text: the template. Fields are plain names: no attributes, indexes, conversions or formats.

    Raises:
        DeclarationError: the text is not such a template.
    """

    text: str
    _names: tuple[str, ...] = field(init=False, repr=False, compare=False)
    _skeleton: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not isinstance(self.text, str) or not is_valid(self.text) or _FIELD in self.text:
            raise DeclarationError(f"template {shown(self.text)}: give a text like 'post:{{post_id}}'")
        try:
            parsed = list(string.Formatter().parse(self.text))
        except ValueError as cause:
            raise DeclarationError(f"template {self.text!r}: {cause}") from cause
        names, skeleton = [], ""
        for literal, name, spec, conversion in parsed:
            skeleton += literal
            if name is None:
                continue
            if not name.isidentifier() or spec or conversion:
                raise DeclarationError(f"template {self.text!r}: a field is a plain name, not {{{name}}}")
            names.append(name)
            skeleton += _FIELD
        object.__setattr__(self, "_names", tuple(names))
        object.__setattr__(self, "_skeleton", skeleton)

    @property
    def names(self) -> tuple[str, ...]:
        """The payload's fields that it reads."""
        return self._names

    def fill(self, payload: Mapping[str, Any]) -> str:
        """The text with the payload's values in place of the fields.

        Text stands as it is; numbers and booleans are spelt as JavaScript spells them.

        Raises:
            InvalidPayload: a named value is missing, or is not text, a finite number or a boolean.
        """
        return _filled(self._skeleton, self._values(payload))

    def _values(self, payload: Mapping[str, Any]) -> Iterator[str]:
        for name in self._names:
            try:
                yield _spelt(payload[name])
            except KeyError:
                raise InvalidPayload(f"{self.text!r} needs a payload with {name!r}") from None
            except ValueError as reason:
                raise InvalidPayload(f"{self.text!r} needs {name!r} as text or a number: {reason}") from None


_ORIGIN = re.compile(
    r"""(?:https?:)?//
    (?:\[[0-9A-Fa-f:.]+\]|[^\s/?\#\[\]@:<>^|%\\"`{}]+)
    (?::(?P<port>[0-9]{1,5}))?""",
    re.VERBOSE,
)
"""Scheme and authority of an absolute URL, as `fetch` takes it: with no user name or password."""

_UNSAFE = re.compile(r"[\x01-\x20\x7f\\]")
"""What a URL parser removes or takes for something else."""

_ENCODED_DOT = re.compile("%2e", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class URLTemplate(Template):
    """A template of a URL: absolute, or relative to the site's root.

    A value is percent-encoded and never leaves the path segment, or the part of the query, in which its
    field stands. Browsers take a segment `..`, `%2e%2e` or the like for the folder above (WHATWG URL
    standard, "double-dot URL path segment"), so a segment that a value would turn into one is refused.

    Raises:
        DeclarationError: the text is no template of a URL, or has a field before the path.
    """

    _origin: str = field(init=False, repr=False, compare=False)
    _path: str = field(init=False, repr=False, compare=False)
    _rest: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Without arguments `super` does not find the class that `slots=True` makes.
        Template.__post_init__(self)
        text = self._skeleton
        if not text or _UNSAFE.search(text):
            raise DeclarationError(
                f"URL {self.text!r}: give a path like '/api/posts/{{post_id}}'; write spaces and '\\' encoded"
            )
        origin = _origin_of(self.text, text)
        path_and_rest = text[len(origin) :]
        path = re.split(r"[?#]", path_and_rest, maxsplit=1)[0]
        if any(_is_dots(segment) for segment in path.split("/") if segment):
            raise DeclarationError(f"URL {self.text!r}: write the path without '.' and '..' segments")
        object.__setattr__(self, "_origin", origin)
        object.__setattr__(self, "_path", path)
        object.__setattr__(self, "_rest", path_and_rest[len(path) :])

    @property
    def origin(self) -> str:
        """Its scheme and authority as written; empty: it is relative to the site's root."""
        return self._origin

    def fill(self, payload: Mapping[str, Any]) -> str:
        """The URL with the payload's values, percent-encoded, in place of the fields.

        Raises:
            InvalidPayload: as `Template.fill`, or a path segment with a field would be empty, `.` or `..`.
        """
        values = (quote(value, safe="") for value in self._values(payload))
        segments = []
        for segment in self._path.split("/"):
            filled = _filled(segment, values)
            if _FIELD in segment and _is_dots(filled):
                raise InvalidPayload(
                    f"{self.text!r} would have the path segment {filled!r}, which leads elsewhere"
                )
            segments.append(filled)
        return self._origin + "/".join(segments) + _filled(self._rest, values)


def _origin_of(template: str, skeleton: str) -> str:
    """The start of a URL up to its path: empty for one that is relative to the site's root."""
    before_path = re.split(r"[/?#]", skeleton, maxsplit=1)[0]
    if ":" not in before_path and not skeleton.startswith("//"):
        return ""
    found = _ORIGIN.match(skeleton)
    if found is None or _FIELD in found[0] or not re.match(r"[/?#]|$", skeleton[found.end() :]):
        raise DeclarationError(
            f"URL {template!r}: before the path stands nothing, or 'https://' and a host, without fields"
        )
    if found["port"] is not None and int(found["port"]) > 65_535:
        raise DeclarationError(f"URL {template!r}: there is no port {found['port']}")
    return found[0]


def _is_dots(segment: str) -> bool:
    return _ENCODED_DOT.sub(".", segment) in ("", ".", "..")


def _filled(skeleton: str, values: Iterator[str]) -> str:
    first, *others = skeleton.split(_FIELD)
    return first + "".join(next(values) + other for other in others)


def _spelt(value: Any) -> str:
    """A value as text, the same in Python and JavaScript.

    Raises:
        ValueError: it is not text, a finite number or a boolean; the message says what it is.
    """
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            if not is_valid(value):
                raise ValueError("it has half of a surrogate pair")
            return str.__str__(value)
        case int():
            if abs(value) > MAX_INTEGER:
                raise ValueError(f"an integer beyond {MAX_INTEGER} is not exact in JavaScript")
            return str(int(value))
        case float():
            if not isfinite(value):
                raise ValueError(f"it is {value}")
            return _spelt_float(float(value))
    raise ValueError(f"it is {shown(value)}")


def _spelt_float(value: float) -> str:
    """ECMAScript's `Number::toString`. Both languages take the fewest digits that read back as the same
    number; they differ in where they write an exponent."""
    if value == 0:
        return "0"
    sign = "-" if value < 0 else ""
    mantissa, _, exponent = repr(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    point = len(digits) - len(fraction) + int(exponent or 0)
    digits = digits.rstrip("0")
    if len(digits) <= point <= 21:
        return sign + digits.ljust(point, "0")
    if 0 < point <= 21:
        return f"{sign}{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    decimals = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{decimals}e{point - 1:+d}"
