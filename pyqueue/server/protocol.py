"""The decisions of "The Idempotency-Key HTTP Header Field" (IETF draft), free of any server interface."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from .._errors import DeclarationError, PyqueueError
from .._problem import LAYER
from .._text import shown
from .stores import StoredResponse

MAX_KEY_LENGTH = 255
"""Characters of a key."""

MAX_HEADER = 2048
"""Bytes of the whole header: a key of escaped characters, and parameters that nobody reads."""

MAX_HOST = 255
"""Bytes of a `Host`: a DNS name and a port."""

MAX_PRINCIPAL = 1024
"""Characters of a principal's name."""

# RFC 9651: a String is quoted printable ASCII in which only `"` and `\` are escaped. A bare word is not a
# String, yet many clients send their UUID so.
_STRING = r'"(?P<string>(?:[ !#-\[\]-~]|\\["\\])*)"'
_BARE = r"(?P<bare>[!#$%&'*+\-.^_`|~0-9A-Za-z:/=]+)"
_VALUE = (
    r'(?:"(?:[ !#-\[\]-~]|\\["\\])*"|:[A-Za-z0-9+/=]*:|\?[01]|@?-?[0-9]+(?:\.[0-9]+)?'
    r"|[A-Za-z*][!#$%&'*+\-.^_`|~0-9A-Za-z:/]*)"
)
_PARAMETERS = rf"(?:;[ ]*[a-z*][a-z0-9_\-.*]*(?:={_VALUE})?)*"
_ITEM = re.compile(f"(?:{_STRING}|{_BARE}){_PARAMETERS}")
_ESCAPE = re.compile(r'\\(["\\])')
_PORT = re.compile(r":[0-9]*\Z")


class InvalidKey(PyqueueError, ValueError):
    """The header is not one key of 1 to 255 characters. The message is for the client's developer."""


def parse_key(value: bytes) -> str:
    """The key that an `Idempotency-Key` header's value carries. Parameters behind it are legal, and unused.

    Raises:
        InvalidKey: it is malformed, empty or too long.
    """
    if len(value) > MAX_HEADER:
        raise InvalidKey(f"Idempotency-Key must have at most {MAX_HEADER} bytes, not {len(value)}")
    item = _ITEM.fullmatch(value.decode("latin-1").strip(" \t"))
    if item is None:
        raise InvalidKey('Idempotency-Key must be one quoted string of printable ASCII, like "8e03978e-40d5"')
    key = item["bare"] or _ESCAPE.sub(r"\1", item["string"])
    if not 1 <= len(key) <= MAX_KEY_LENGTH:
        raise InvalidKey(f"Idempotency-Key must have 1 to {MAX_KEY_LENGTH} characters, not {len(key)}")
    return key


def scoped(host: str, principal: Any, key: str) -> str:
    """The key as a store knows it: keys of two hosts, or of two principals, never meet.

    Ports do not tell hosts apart, as they do not for cookies: proxies rewrite them. Neither a host nor a key
    holds a line break, so the first and the last one end the host and the principal.

    Args:
        host: see `normal_host`.
        principal: what the site's own `principal` returned; `None`: nobody.
        key: see `parse_key`.

    Raises:
        DeclarationError: the principal is not a name that can be told apart from nobody's.
    """
    if principal is None:
        principal = ""
    elif not isinstance(principal, str) or not 1 <= len(principal) <= MAX_PRINCIPAL:
        raise DeclarationError(
            f"principal returned {shown(principal)}; return a text of 1 to {MAX_PRINCIPAL} characters that "
            "names one person, like str(user.id), or None where nobody is signed in"
        )
    return f"{without_port(host)}\n{principal}\n{key}"


def is_host(host: str) -> bool:
    """Whether keys can be told apart by a host: it is short, and holds no line break."""
    return len(host) <= MAX_HOST and host.isprintable()


def can_be_sent(value: bytes) -> bool:
    """Whether a header may have this value (RFC 9110 5.5)."""
    return not any(byte == 127 or (byte < 32 and byte != 9) for byte in value)


def without_port(host: str) -> str:
    """A host as keys are told apart by it."""
    return _PORT.sub("", host)


def unscoped(name: str) -> tuple[str, str | None, str]:
    """Host, principal and key of what `scoped` returned. Anything else is a key of no host and nobody."""
    host, _, rest = name.partition("\n")
    principal, line_break, key = rest.rpartition("\n")
    return (host, principal or None, key) if line_break else ("", None, name)


def normal_host(host: str, scheme: str) -> str:
    """A `Host`, or the authority of a URL, as it compares: in lower case, without the scheme's own port."""
    port = {"http": ":80", "https": ":443"}.get(scheme, "")
    return host.strip().lower().removesuffix(port)


def problem(
    code: str,
    status: int,
    title: str,
    detail: str,
    *headers: tuple[bytes, bytes],
) -> StoredResponse:
    """A refusal as RFC 9457 `application/problem+json`, of type `urn:pyqueue:idempotency:<code>`."""
    return document(
        status, {"type": LAYER + code, "title": title, "status": status, "detail": detail}, *headers
    )


def document(status: int, members: dict[str, Any], *headers: tuple[bytes, bytes]) -> StoredResponse:
    """An answer whose body is an RFC 9457 document."""
    body = json.dumps(members).encode()
    length = str(len(body)).encode()
    fixed = ((b"content-type", b"application/problem+json"), (b"content-length", length))
    return StoredResponse(status, fixed + headers, body)


def code_of(response: StoredResponse) -> str:
    """The `<code>` of a refusal."""
    kind: str = json.loads(response.body)["type"]
    return kind.removeprefix(LAYER)


def key_missing() -> StoredResponse:
    """400: the operation needs a key."""
    return problem(
        "key-missing", 400, "Idempotency-Key is missing", "This operation requires an Idempotency-Key header."
    )


def key_invalid(reason: str) -> StoredResponse:
    """400: the header cannot be read."""
    return problem("key-invalid", 400, "Idempotency-Key is malformed", reason)


def host_invalid() -> StoredResponse:
    """400: whose keys these are cannot be told."""
    detail = f"Host must have at most {MAX_HOST} bytes, and no control characters."
    return problem("host-invalid", 400, "Host is malformed", detail)


def length_invalid() -> StoredResponse:
    """400: how long the body is cannot be told."""
    return problem(
        "length-invalid", 400, "Content-Length is malformed", "Content-Length must be one number of bytes."
    )


def in_flight(age: float) -> StoredResponse:
    """409: another attempt has been running for `age` seconds.

    The longer it has been running the longer the client is asked to wait: the first retry after a lost
    connection finds its answer soon, one after a crashed server does not knock once a second.
    """
    wait = min(max(math.ceil(age), 1), 30)
    return problem(
        "in-flight",
        409,
        "A request with this Idempotency-Key is still being processed",
        "Send the same request again after the time in Retry-After.",
        (b"retry-after", str(wait).encode()),
    )


def key_reused() -> StoredResponse:
    """422: the key belongs to another request."""
    return problem(
        "key-reused",
        422,
        "Idempotency-Key was used for another request",
        "Method, path, query, type and body must be those of the first request with this key. Use a new key.",
    )


def too_large(limit: int) -> StoredResponse:
    """413: the body is over `limit` bytes."""
    return problem("body-too-large", 413, "The request is too large", f"At most {limit} bytes are accepted.")


def body_incomplete() -> StoredResponse:
    """400: the body is shorter than it was announced."""
    return problem("body-incomplete", 400, "The request is incomplete", "The body is shorter than announced.")


def store_unavailable() -> StoredResponse:
    """503: whether the key is new cannot be known, so nothing was done."""
    return problem(
        "store-unavailable",
        503,
        "Idempotency keys cannot be looked up for the moment",
        "Nothing was done. Send the same request again after the time in Retry-After.",
        (b"retry-after", b"5"),
    )
