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

from .._encryption import EncryptedPayload, SealedBody
from .._errors import InvalidPayload
from .._vocabulary import MAX_DEPTH


class JsPayload(Mapping[str, Any]):
    """A read-only view of a payload's own fields.

    A field is converted when it is read: plain objects and lists become Python's, `null` becomes `None`,
    anything else (a `Blob`) stays a JavaScript object.

    Args:
        js: the object.
    """

    __slots__ = ("js",)

    def __init__(self, js: JsProxy):
        self.js = js

    @property
    def stored(self) -> JsProxy:
        """What is used again as it is when the payload is stored or sent."""
        return self.js

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


class EncryptedJsPayload(JsPayload, EncryptedPayload):
    """A view of what stays legible of an encrypted payload.

    Args:
        js: the pair of the legible fields and the envelope, as web/cipher.js has it.

    Raises:
        InvalidPayload: it is no such pair.
    """

    __slots__ = ("_whole", "envelope")

    def __init__(self, js: JsProxy):
        if js.length != 2 or not all(isinstance(part, JsProxy) for part in js):
            raise InvalidPayload("an encrypted payload is a pair of legible fields and an envelope")
        super().__init__(js[0])
        self._whole = js
        self.envelope = js[1]

    @property
    def stored(self) -> JsProxy:
        """See `JsPayload.stored`."""
        return self._whole

    @property
    def is_closed(self) -> bool:
        """See `EncryptedPayload`."""
        return not self._text("server")

    @property
    def hides_answers(self) -> bool:
        """See `EncryptedPayload`."""
        return bool(self._text("key"))

    @property
    def sealed_body(self) -> SealedBody | None:
        """See `EncryptedPayload`."""
        if self.is_closed:
            return None
        return SealedBody(self.envelope.data, self._text("server"))

    def _text(self, name: str) -> str:
        value = getattr(self.envelope, name, None)
        return value if isinstance(value, str) else ""


def payload_of(js: JsProxy) -> JsPayload:
    """The view of a stored payload, encrypted or not.

    Raises:
        InvalidPayload: it is neither.
    """
    return EncryptedJsPayload(js) if Array.isArray(js) else JsPayload(js)


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
        return value.stored
    return to_js(_prepared(value), dict_converter=Object.fromEntries, create_pyproxies=False)


def _prepared(value: Any) -> Any:
    """A copy in which `to_js` finds only what it converts rightly: it would make `undefined` of `None`."""
    if value is None:
        return jsnull
    if isinstance(value, JsPayload):
        return value.stored
    if isinstance(value, Mapping):
        return {key: _prepared(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_prepared(item) for item in value]
    return value
