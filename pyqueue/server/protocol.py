"""The decisions of "The Idempotency-Key HTTP Header Field" (IETF draft), free of any server interface."""

from __future__ import annotations

import hashlib
import json
import math
import re

from .._errors import PyqueueError
from .stores import StoredResponse

MAX_KEY_LENGTH = 255

# RFC 9651: a String is quoted printable ASCII in which only `"` and `\` are escaped. A bare word is not a
# String, yet many clients send their UUID so.
_STRING = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])*)"')
_BARE = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z:/=]+")
_ESCAPE = re.compile(r'\\(["\\])')

_PROBLEM_TYPE = "urn:pyqueue:idempotency:"


class InvalidKey(PyqueueError, ValueError):
    """The header is not one key of 1 to 255 characters. The message is for the client's developer."""


def parse_key(value: bytes) -> str:
    """The key that an `Idempotency-Key` header's value carries.

    Raises:
        InvalidKey: it is malformed, empty or too long.
    """
    text = value.decode("latin-1").strip(" \t")
    if quoted := _STRING.fullmatch(text):
        key = _ESCAPE.sub(r"\1", quoted[1])
    elif _BARE.fullmatch(text):
        key = text
    else:
        raise InvalidKey('Idempotency-Key must be a quoted string of printable ASCII, like "8e03978e-40d5"')
    if not 1 <= len(key) <= MAX_KEY_LENGTH:
        raise InvalidKey(f"Idempotency-Key must have 1 to {MAX_KEY_LENGTH} characters, not {len(key)}")
    return key


def scoped(principal: str | None, key: str) -> str:
    """The key as a store knows it: one principal's key is never another's.

    A key holds no line break, so the last one always ends the principal.
    """
    return f"{principal or ''}\n{key}"


def fingerprint(method: str, path: str, query: bytes, body: bytes) -> bytes:
    """A digest that two requests share only if they ask for the same."""
    digest = hashlib.sha256()
    for part in (method.encode(), path.encode(), query, body):
        digest.update(len(part).to_bytes(8))
        digest.update(part)
    return digest.digest()


def problem(
    code: str, status: int, title: str, detail: str, headers: tuple[tuple[bytes, bytes], ...] = ()
) -> StoredResponse:
    """A refusal as RFC 9457 `application/problem+json`, of type `urn:pyqueue:idempotency:<code>`."""
    members = {"type": _PROBLEM_TYPE + code, "title": title, "status": status, "detail": detail}
    body = json.dumps(members).encode()
    length = str(len(body)).encode()
    fixed = ((b"content-type", b"application/problem+json"), (b"content-length", length))
    return StoredResponse(status, fixed + headers, body)


def key_missing() -> StoredResponse:
    """400: the operation needs a key."""
    return problem(
        "key-missing", 400, "Idempotency-Key is missing", "This operation requires an Idempotency-Key header."
    )


def key_invalid(reason: str) -> StoredResponse:
    """400: the header cannot be read."""
    return problem("key-invalid", 400, "Idempotency-Key is malformed", reason)


def in_flight(age: float) -> StoredResponse:
    """409: another attempt is running since `age` seconds.

    The longer it has been running the longer the client is asked to wait: the first retry after a lost
    connection finds its answer soon, one after a crashed server does not knock once a second.
    """
    wait = min(max(math.ceil(age), 1), 30)
    return problem(
        "in-flight",
        409,
        "A request with this Idempotency-Key is still being processed",
        "Send the same request again after the time in Retry-After.",
        ((b"retry-after", str(wait).encode()),),
    )


def key_reused() -> StoredResponse:
    """422: the key belongs to another request."""
    return problem(
        "key-reused",
        422,
        "Idempotency-Key was used for another request",
        "Method, path, query and body must be those of the first request with this key. Use a new key.",
    )


def too_large(limit: int) -> StoredResponse:
    """413: the body is over `limit` bytes."""
    return problem("body-too-large", 413, "The request is too large", f"At most {limit} bytes are accepted.")
