"""One function for each parser: takes any bytes, and raises if the parser breaks its contract."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Final
from urllib.parse import unquote, urlsplit

from pyqueue._errors import DeclarationError, InvalidPayload
from pyqueue._http import Response
from pyqueue._json import parse_json
from pyqueue._principal import is_principal, to_header
from pyqueue._problem import is_csrf_refusal, words_of
from pyqueue._redirect import _within_origin, redirect_of
from pyqueue._retry import LONGEST_RETRY_AFTER, parse_retry_after
from pyqueue._template import URLTemplate
from pyqueue._vocabulary import MAX_DEPTH
from pyqueue.server import json_by_value, multipart_by_parts
from pyqueue.server.codings import accepted, decoded
from pyqueue.server.principals import hashed, mismatch
from pyqueue.server.protocol import InvalidKey, is_host, normal_host, parse_key, scoped, unscoped
from pyqueue.server.redirects import location_of, path_of, told
from pyqueue.server.stores import StoredResponse

LIMIT: Final = 1000


def key(data: bytes) -> None:
    """A key is printable ASCII of 1 to 255 characters, or refused."""
    with suppress(InvalidKey):
        parsed = parse_key(data)
        assert 1 <= len(parsed) <= 255
        assert parsed.isascii()
        assert parsed.isprintable()


def host(data: bytes) -> None:
    """A host that is taken comes back from the key that it is a part of."""
    name = normal_host(data.decode("latin-1"), "https")
    if is_host(name):
        stored = scoped(name, "ada", "k")
        assert unscoped(stored)[1:] == ("ada", "k")
        assert unscoped(stored)[0] in name


def principal(data: bytes) -> None:
    """Nobody passes for somebody: only a header that names who is signed in is let through."""
    stated = [data]
    assert mismatch(stated, "ada") is None or mismatch(stated, "bob") is not None
    if mismatch(stated, "ada") is None:
        assert unquote(data.decode("latin-1").strip(" \t")[1:-1]) in ("ada", hashed("ada"))
    text = data.decode("utf-8", "replace")
    if text and is_principal(text):
        assert mismatch([to_header(text).encode()], text) is None


def multipart(data: bytes) -> None:
    """The same body counts the same, whatever it is; what counts is bytes."""
    head, _, body = data.partition(b"\0")
    _same(multipart_by_parts, f"multipart/form-data; boundary={head.decode('latin-1')}", body)


def json_value(data: bytes) -> None:
    """Of JSON that a strict reader takes, the value counts."""
    _same(json_by_value, "application/json", data)


def _same(content: Callable[[str, bytes], Iterable[bytes]], kind: str, body: bytes) -> None:
    one, other = list(content(kind, body)), list(content(kind, body))
    assert one == other
    assert all(isinstance(part, bytes) for part in one)


def codings(data: bytes) -> None:
    """No stream gives more than it may, and no header is without the plain form."""
    for coding in ("gzip", "deflate", "br"):
        plain = decoded(coding, data, LIMIT)
        assert plain is None or len(plain) <= LIMIT
    assert "identity" in accepted(data.decode("latin-1"))


def redirect(data: bytes) -> None:
    """What the server half tells is read by the queue; what leaves the origin is never followed."""
    response = StoredResponse(307, ((b"location", data),))
    location = location_of(response)
    assert location is not None
    assert isinstance(path_of(location), str)
    answer = told(response, location, "a.org", False, "/old?")
    headers = {name.decode(): value.decode() for name, value in answer.headers}
    read = redirect_of(Response(answer.status, headers, answer.body))
    assert read is not None
    target = _within_origin("https://a.org/old", read.location)
    if target is not None:
        assert urlsplit(target)[:2] == ("https", "a.org")
        assert "\\" not in target


def retry_after(data: bytes) -> None:
    """A wait is within a day."""
    seconds = parse_retry_after(data.decode("latin-1"), 1e9)
    assert seconds is None or 0 <= seconds <= LONGEST_RETRY_AFTER


def json_text(data: bytes) -> None:
    """What is read is no deeper than it may be, and says something to a person or nothing."""
    try:
        value = parse_json(data)
    except ValueError:
        return
    assert _depth(value) <= MAX_DEPTH
    assert isinstance(words_of(value), str)
    is_csrf_refusal(Response(403, {"content-type": "application/json"}, data))


def _depth(value: object) -> int:
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max(map(_depth, items), default=0) if isinstance(value, dict | list) else 0


def template(data: bytes) -> None:
    """No value leads out of its place in a URL."""
    text, _, value = data.decode("utf-8", "replace").partition("\0")
    with suppress(DeclarationError, InvalidPayload):
        made = URLTemplate(text)
        filled = made.fill(dict.fromkeys(("a", "b", "post"), value))
        plain = made.fill(dict.fromkeys(("a", "b", "post"), "x"))
        assert filled.count("/") == plain.count("/")
        assert urlsplit(filled)[:2] == urlsplit(plain)[:2]
        assert not any(part in (".", "..") for part in urlsplit(filled).path.split("/"))


TARGETS: Final[dict[str, tuple[Callable[[bytes], None], list[bytes]]]] = {
    "key": (key, [b'"8e03978e-40d5"', b'"a\\"b";v=1', b"a;x=:aGk=:;w=?1", b'"a"; v="x;\\"y"']),
    "host": (host, [b"a.org:443", b"[::1]:80", b"a\nb"]),
    "principal": (principal, [b'"ada"', b"?0", b'"sha256:53"', b'"%C3%A9"', b'"%ff"']),
    "multipart": (multipart, [b"b\0--b\r\n\r\nx\r\n--b--", b'"b c"\0--b c\r\n\r\n--b c--\r\n']),
    "json_value": (json_value, [b'{"a": [1, 2.5, null], "b": "\\ud800"}', b"[[[]]]", b"1e999", b"NaN"]),
    "codings": (codings, [b"br;q=1.0, gzip;q=0", bytes.fromhex("789c4bcacf0700027d013e")]),
    "redirect": (redirect, [b"/new", b"https://a.org//b", b"https://a.org/\\b", b"//b.org", b"http://[::1"]),
    "retry_after": (retry_after, [b"120", b"Fri, 31 Dec 1999 23:59:59 GMT", b"9" * 400]),
    "json_text": (
        json_text,
        [json.dumps({"detail": [{"loc": ["body", "a"], "msg": "no"}]}).encode(), b'"\\'],
    ),
    "template": (template, [b"/api/{a}/x?b={b}\0..", b"https://a.org/{post}\0a b", b"/{a}{b}\0."]),
}
"""By name, the function and inputs to begin with."""
