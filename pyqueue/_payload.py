"""What a payload may be. The page's half has the same rules, in web/page/payload.js."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any, Final

from ._destinations import origin_of
from ._errors import InvalidPayload, InvalidRequest
from ._fetch_rules import wrong_header, wrong_method
from ._secrets import secret_header
from ._text import is_valid, shown
from ._vocabulary import MAX_DEPTH, MAX_INTEGER

FIXED_SIZE: Final = 8
"""Bytes that a number, a boolean, null, a list or an object counts, besides what is in it."""

_PAYLOAD: Final = 2
"""How many levels may hold files: the payload itself, and the lists in it."""

_REQUEST = frozenset({"url", "method", "headers", "body"})


def check_payload(payload: Any) -> int:
    """Checks what is to be stored, encoded and sent.

    A payload is an object whose fields are text, finite numbers (integers up to 2^53 - 1), booleans, null,
    and lists and objects of these, nested at most `MAX_DEPTH` deep. A file (here `bytes`) is a field of the
    payload itself, or in a list that is one.

    Returns:
        Its size in bytes: of text and names in UTF-8, of files as they are, and `FIXED_SIZE` for every
        other value.

    Raises:
        InvalidPayload: naming the path of the first value that is not allowed, as `payload.meta.photo`.
    """
    return _Measure().object(payload, "payload", 1, files=_PAYLOAD)


def check_request(request: Any) -> int:
    """Checks a job's own request: `{url, method?, headers?, body?}`, its body text, a file or a payload.

    Returns:
        Its size in bytes, as that of a payload.

    Raises:
        InvalidPayload: it has no URL, a part that no browser sends, or a body that is no payload.
    """
    if not isinstance(request, Mapping):
        raise InvalidPayload(f"a request is an object with 'url', not {shown(request)}")
    if unknown := [name for name in request if name not in _REQUEST]:
        raise InvalidPayload(f"a request has no {', '.join(map(shown, unknown))}")
    check_own_request(request)
    body = request.get("body")
    size = _Measure().object({name: request[name] for name in request if name != "body"}, "request", 1)
    if body is None:
        return size
    size += len("body")
    if isinstance(body, str):
        return size + _Measure().text(body, "request.body")
    if isinstance(body, bytes):
        return size + len(body)
    return size + _Measure().object(body, "request.body", 2, files=_PAYLOAD)


def check_own_request(request: Mapping[str, Any]) -> str:
    """Checks all of a job's own request but what its body holds, and returns its method in upper case.

    Raises:
        InvalidPayload: it has no URL, or a part that no browser sends.
    """
    url, method, headers = request.get("url"), request.get("method"), request.get("headers")
    if not isinstance(url, str) or not url or not is_valid(url):
        raise InvalidPayload(f"request.url is {shown(url)}: give the URL to send the job to, as text")
    try:
        origin_of(url, "https://any.invalid")
    except InvalidRequest as invalid:
        raise InvalidPayload(f"request.url: {invalid}") from None
    method = "POST" if method is None else method
    if (reason := wrong_method(method)) is not None:
        raise InvalidPayload(f"request.method is {shown(method)}: {reason}")
    if headers is not None and not isinstance(headers, Mapping):
        raise InvalidPayload(f"request.headers is {shown(headers)}: give an object of names and values")
    names = [str(name).lower() for name in headers or {}]
    if len(set(names)) < len(names):
        raise InvalidPayload("request.headers has a name twice, in different case: name it once")
    for name, value in (headers or {}).items():
        if isinstance(name, str) and (reason := secret_header(name)) is not None:
            raise InvalidPayload(f"request.headers: {name}: {reason}")  # Before anything shows the value.
        if (reason := wrong_header(name, value)) is not None:
            raise InvalidPayload(f"request.headers: {shown(name)}: {shown(value)} cannot be sent: {reason}")
    method = str(method).upper()
    if method in ("GET", "HEAD") and request.get("body") is not None:
        raise InvalidPayload(f"request.body: browsers send no body with {method}")
    return method


class _Measure:
    """Measures one payload. What is in it twice counts twice, as it is sent twice, but is read once."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], tuple[int, int]] = {}
        """Size and height of the objects and lists that were read, by identity and `files`."""

    def object(self, value: Any, path: str, depth: int, *, files: int = 0) -> int:
        """The size of an object at a depth, counted from 1."""
        if type(value) is not dict:
            raise InvalidPayload(f"{path} is {shown(value)}, not an object")
        return self._container(value, path, depth, files)[0]

    def text(self, value: str, path: str) -> int:
        """The size of a text."""
        if not is_valid(value):
            raise InvalidPayload(f"{path} has half of a surrogate pair: it is no valid Unicode")
        return len(value.encode())

    def _value(self, value: Any, path: str, depth: int, files: int) -> tuple[int, int]:
        """Size and height of any value: 0 for one that holds no other."""
        kind = type(value)
        if kind is str:
            return self.text(value, path), 0
        if value is None or kind is bool or (kind is float and isfinite(value)):
            return FIXED_SIZE, 0
        if kind is int and abs(value) <= MAX_INTEGER:
            return FIXED_SIZE, 0
        if kind is bytes and files:
            return len(value), 0
        if kind is dict or kind is list:
            return self._container(value, path, depth, max(files - 1, 0) if kind is list else 0)
        raise InvalidPayload(f"{path} is {shown(value)}: {_reason(value)}")

    def _container(self, value: Any, path: str, depth: int, files: int) -> tuple[int, int]:
        size, height = self._known.get((id(value), files), (0, 0))
        if depth + max(height - 1, 0) > MAX_DEPTH:
            raise InvalidPayload(f"{path} is nested more than {MAX_DEPTH} deep, or holds itself")
        if height:
            return size, height
        size, below = FIXED_SIZE, 0
        items = value.items() if type(value) is dict else enumerate(value)
        for key, item in items:
            if type(value) is list:
                where = f"{path}[{key}]"
            elif type(key) is str:
                where = f"{path}.{key}"
                size += self.text(key, f"a name in {path}")
            else:
                raise InvalidPayload(f"{path} has the name {shown(key)}: names are text")
            item_size, item_height = self._value(item, where, depth + 1, files)
            size, below = size + item_size, max(below, item_height)
        self._known[id(value), files] = size, below + 1
        return size, below + 1


def _reason(value: Any) -> str:
    match value:
        case bytes():
            return "a file is a field of the payload itself, or in a list that is one"
        case float():
            return "a number must be finite"
        case int():
            return f"an integer beyond {MAX_INTEGER} is not exact in JavaScript; send it as text"
    return "a payload holds text, numbers, booleans, null, lists and objects"
