"""What an OpenAPI document says of operations that take an `Idempotency-Key`."""

from __future__ import annotations

from collections.abc import Set
from typing import Any, Final

from .protocol import MAX_HEADER

HEADER: Final = "Idempotency-Key"
DESCRIPTION: Final = "Unique to one operation: the same for every attempt of it, new for the next."

_MARK: Final = "x-pyqueue-idempotency"
_PROBLEM: Final = {
    "type": "object",
    "title": "Problem",
    "description": "RFC 9457",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
    },
    "required": ["type", "title", "status", "detail"],
}
_RETRY_AFTER: Final = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}
_REFUSALS: Final = {
    "400": "The Idempotency-Key is missing or malformed.",
    "409": "A request with this Idempotency-Key is still being processed.",
    "413": "The request is too large.",
    "422": "The Idempotency-Key was used for another request.",
    "503": "Idempotency keys cannot be looked up for the moment; nothing was done.",
}


def mark(methods: Set[str], required: bool) -> dict[str, Any]:
    """What the schema of a header parameter holds until its operation is documented.

    Args:
        methods: those that take a key.
        required: whether a request without one is refused.
    """
    return {_MARK: {"methods": sorted(methods), "required": required}}


def documented(document: dict[str, Any]) -> dict[str, Any]:
    """An OpenAPI document, in which the marked operations have the header and the layer's own answers. It is
    changed in place, once."""
    for path in document.get("paths", {}).values():
        for method, operation in path.items():
            if isinstance(operation, dict):
                _document(method.upper(), operation)
    return document


def _document(method: str, operation: dict[str, Any]) -> None:
    parameters = operation.get("parameters", [])
    for parameter in parameters:
        if (marked := parameter.get("schema", {}).pop(_MARK, None)) is None:
            continue
        if method not in marked["methods"]:
            parameters.remove(parameter)
            break
        parameter["required"] = marked["required"]
        parameter["schema"] = {"type": "string", "minLength": 1, "maxLength": MAX_HEADER}
        responses = operation.setdefault("responses", {})
        for status, description in _REFUSALS.items():
            response = responses.setdefault(status, {"description": description})
            response.setdefault("content", {})["application/problem+json"] = {"schema": _PROBLEM}
            if status in ("409", "503"):
                response.setdefault("headers", {}).update(_RETRY_AFTER)
        break
    if not parameters:
        operation.pop("parameters", None)
