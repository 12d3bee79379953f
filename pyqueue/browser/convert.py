"""Values on their way between Python and JavaScript.

A payload stays the JavaScript object it is: it may hold files that Python must not copy, and most are never
read by Python at all.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from js import JSON, Array, Object, Reflect
from pyodide.ffi import JsProxy, jsnull, to_js

from .._errors import InvalidPayload
from .._vocabulary import MAX_DEPTH


class JsPayload(Mapping[str, Any]):
    """A read-only view of a payload's own fields.

    A field is converted when it is read: plain objects and lists become Python's, `null` becomes `None`,
    anything else (a `Blob`) stays a JavaScript object.

    Args:
        js: the object; used again as it is when the payload is stored or sent.
    """

    __slots__ = ("js",)

    def __init__(self, js: JsProxy):
        self.js = js

    def __getitem__(self, key: str) -> Any:
        if not Object.hasOwn(self.js, key):
            raise KeyError(key)
        return from_js(Reflect.get(self.js, key))

    def part(self, name: str) -> JsPayload | None:
        """A view of the object in a field; `None` where it holds none, or a list or a file."""
        value = Reflect.get(self.js, name) if Object.hasOwn(self.js, name) else None
        if not isinstance(value, JsProxy) or Array.isArray(value):
            return None
        return JsPayload(value) if Object.getPrototypeOf(value) in (Object.prototype, jsnull) else None

    def __iter__(self) -> Iterator[str]:
        return iter(Object.keys(self.js))

    def __len__(self) -> int:
        return len(Object.keys(self.js))

    def __repr__(self) -> str:
        return f"JsPayload({dict(self)!r})"


def from_js(value: Any, depth: int = MAX_DEPTH) -> Any:
    """The Python value of a JavaScript one; what is not plain data stays a `JsProxy`.

    Raises:
        InvalidPayload: it is nested deeper than that, or has no end: to go on would end Python.
    """
    if depth < 0:
        raise InvalidPayload(f"a value is nested deeper than {MAX_DEPTH}")
    if value is jsnull:
        return None
    if not isinstance(value, JsProxy):
        return value
    if Array.isArray(value):
        return [from_js(item, depth - 1) for item in value]
    if Object.getPrototypeOf(value) in (Object.prototype, jsnull):
        return {key: from_js(item, depth - 1) for key, item in Object.entries(value)}
    return value


def plain_to_js(value: Any) -> Any:
    """The JavaScript object of JSON-able data. `None` becomes `null`.

    Raises:
        ValueError, TypeError: it is not JSON-able.
    """
    return JSON.parse(json.dumps(value, allow_nan=False))


def value_to_js(value: Any) -> Any:
    """The JavaScript value of text, bytes, a number, a payload, a JavaScript object, or lists and mappings of
    these; `None` becomes `null`."""
    if isinstance(value, JsPayload):
        return value.js
    return to_js(_prepared(value), dict_converter=Object.fromEntries, create_pyproxies=False)


def _prepared(value: Any) -> Any:
    """A copy in which `to_js` finds only what it converts rightly: it would make `undefined` of `None`."""
    if value is None:
        return jsnull
    if isinstance(value, JsPayload):
        return value.js
    if isinstance(value, Mapping):
        return {key: _prepared(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_prepared(item) for item in value]
    return value
