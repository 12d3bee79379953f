"""The server's own words: what the body of a refusal says, in the forms that web frameworks give it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Final

from ._http import Response
from ._text import clean

LAYER: Final = "urn:pyqueue:idempotency:"
"""How the problem types of pyqueue's idempotency layer begin (pyqueue/server/protocol.py)."""

REDIRECT: Final = "urn:pyqueue:redirect"
"""The problem type by which that layer tells a redirect (pyqueue/server/redirects.py)."""

PRINCIPAL_MISMATCH: Final = f"{LAYER}principal-mismatch"
"""The problem type of a request that tells another principal than the one who is signed in."""

WORDS: Final = 500
"""Characters of a server's message that are kept."""

_LINES: Final = 10
"""Complaints of a list that are kept."""

_LEVELS: Final = 5
"""How deep complaints are looked for."""

_SENTENCES = ("detail", "message", "error", "title")
"""Members that hold one sentence: of RFC 9457, and of what many servers do instead. The first one counts."""

_NO_FIELD = frozenset({"__all__", "body", "detail", "errors", "non_field_errors"})
"""Names that are of no field of the payload."""

_CSRF: Final = {
    400: re.compile(r"(?:\A|>)\s*The CSRF (?:session )?tokens? (?:is|are|has|do) ", re.IGNORECASE),
    403: re.compile(r"(?:\A|>)\s*CSRF (?:failed|(?:token )?verification failed)", re.IGNORECASE),
}
"""By the status, how a refusal for lack of a CSRF token begins. 400: a paragraph of Flask-WTF's page. 403: a
paragraph of Django's page, the `detail` of Django REST framework, the text of starlette-csrf."""

_EXPIRED: Final = 419
"""The status, of Laravel's own, of nothing but such refusals."""


def is_json(response: Response) -> bool:
    """Whether an answer says that its body is JSON, of whatever type."""
    return "json" in response.headers.get("content-type", "").lower()


def json_of(response: Response) -> Any:
    """The JSON value of an answer; `None` where there is none. Never raises."""
    if not is_json(response):
        return None
    try:
        return response.json()
    except ValueError:
        return None


def type_of(value: Any) -> str:
    """The problem type of an answer's JSON (RFC 9457 3.1.1); empty where there is none."""
    problem_type = value.get("type") if isinstance(value, Mapping) else None
    return problem_type if isinstance(problem_type, str) else ""


def is_csrf_refusal(response: Response) -> bool:
    """Whether an answer is a refusal for lack of a valid CSRF token, by its own marks. Never raises."""
    if response.status == _EXPIRED:
        return True
    marks = _CSRF.get(response.status)
    if marks is None:
        return False
    value = json_of(response)
    if isinstance(value, Mapping):
        return "csrf" in type_of(value).lower() or bool(marks.match(_sentence(value)))
    return bool(marks.search(response.text()))


def words_of(value: Any) -> str:
    """What an answer's JSON says to a person, at most `WORDS` characters; empty if it says nothing.

    Read are RFC 9457's `detail` and `title`, FastAPI's `{"detail": [{"loc": [...], "msg": "..."}]}`, Django
    REST framework's `{"field": ["..."]}`, and the member `errors` of many servers.
    """
    sentence = _sentence(value)
    if isinstance(value, Mapping):
        where = next(
            (value[name] for name in ("errors", "detail") if isinstance(value.get(name), list | dict)), None
        )
        if where is None and not sentence and all(isinstance(item, list | dict) for item in value.values()):
            where = value
    else:
        where = value if isinstance(value, list) else None
    complaints = "; ".join(islice(_complaints(where, "", 0), _LINES))
    return clean(": ".join(part for part in (sentence, complaints) if part), WORDS)


def _sentence(value: Any) -> str:
    if isinstance(value, Mapping):
        for name in _SENTENCES:
            if isinstance(text := value.get(name), str) and text:
                return text
    return ""


def _complaints(value: Any, field: str, level: int) -> Iterator[str]:
    """The texts in nested lists and objects, each with the name of its field before it."""
    if isinstance(value, str) and value:
        yield f"{field}: {value}" if field else value
    elif level == _LEVELS:
        return
    elif isinstance(value, list):
        for item in value:
            yield from _complaints(item, field, level + 1)
    elif isinstance(value, Mapping):
        for text_name, field_name in (("msg", "loc"), ("detail", "pointer"), ("message", "field")):
            if isinstance(text := value.get(text_name), str):
                yield from _complaints(text, _field_of(value.get(field_name)), level + 1)
                return
        for name, item in value.items():
            yield from _complaints(item, _joined(field, str(name)), level + 1)


def _field_of(location: Any) -> str:
    """FastAPI's `["body", "author", "name"]` and RFC 9457's `#/author/name` as `author.name`."""
    names = location if isinstance(location, list) else str(location or "").lstrip("#/").split("/")
    field = ""
    for name in names:
        if isinstance(name, str | int):
            field = _joined(field, str(name))
    return field


def _joined(field: str, name: str) -> str:
    if not name or (not field and name in _NO_FIELD):
        return field
    return f"{field}.{name}" if field else name
