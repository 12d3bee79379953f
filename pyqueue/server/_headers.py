"""Headers of a kept answer as text. Their bytes need not be UTF-8."""

from __future__ import annotations

import json

from .stores import StoredResponse


def headers_to_text(response: StoredResponse) -> str:
    """The headers as ASCII, in their order."""
    return json.dumps([[name.decode("latin-1"), value.decode("latin-1")] for name, value in response.headers])


def headers_from_text(text: str | bytes) -> tuple[tuple[bytes, bytes], ...]:
    """The headers that `headers_to_text` wrote."""
    return tuple((name.encode("latin-1"), value.encode("latin-1")) for name, value in json.loads(text))
