"""A framework's own response object as an answer that can be kept."""

from __future__ import annotations

from typing import Any

from .._errors import PyqueueError
from .._text import shown
from .answer import replayable
from .stores import StoredResponse


class NotWhole(PyqueueError, TypeError):
    """The response has no whole body: it is streamed, or is no response."""


def stored(response: Any) -> StoredResponse:
    """An answer of a framework's response: of Starlette and FastAPI, of Django, of Flask and Werkzeug.

    It has no cookies, and nothing else that only the first client may have.

    Args:
        response: a response with a whole body, or a `StoredResponse`.

    Raises:
        NotWhole: it is none, or its body is streamed.
    """
    if isinstance(response, StoredResponse):
        return StoredResponse(response.status, replayable(response.headers), response.body)
    body = _body(response)
    status = getattr(response, "status_code", None)
    if not isinstance(status, int) or not isinstance(body, bytes | bytearray | memoryview):
        raise NotWhole(
            f"{shown(response)} cannot be kept: give a response whose body is whole, "
            "or a StoredResponse(status, headers, body)"
        )
    return StoredResponse(status, replayable(_headers(response)), bytes(body))


def _body(response: Any) -> Any:
    if getattr(response, "streaming", False) or getattr(response, "is_streamed", False):
        return None
    if hasattr(response, "get_data"):  # Werkzeug.
        return response.get_data()
    return response.content if hasattr(response, "content") else getattr(response, "body", None)


def _headers(response: Any) -> list[tuple[bytes, bytes]]:
    if hasattr(response, "raw_headers"):  # Starlette.
        return [(bytes(name).lower(), bytes(value)) for name, value in response.raw_headers]
    return [
        (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in response.headers.items()
    ]
