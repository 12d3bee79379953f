"""Templates: `post:{post_id}` filled from a job's payload."""

from __future__ import annotations

import string
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from ._errors import DeclarationError, InvalidPayload


@dataclass(frozen=True, slots=True)
class Template:
    """A text with `{name}` fields; `{{` and `}}` are braces.

    Args:
        text: the template. Fields are plain names: no attributes, indexes, conversions or formats.

    Raises:
        DeclarationError: the text is not such a template.
    """

    text: str

    def __post_init__(self) -> None:
        try:
            parsed = list(string.Formatter().parse(self.text))
        except ValueError as cause:
            raise DeclarationError(f"template {self.text!r}: {cause}") from cause
        for _, name, spec, conversion in parsed:
            if name is not None and (not name.isidentifier() or spec or conversion):
                raise DeclarationError(f"template {self.text!r}: a field is a plain name, not {{{name}}}")

    def fill(self, payload: Mapping[str, Any], *, url: bool = False) -> str:
        """The text with the payload's values in place of the fields.

        Args:
            payload: where the names are looked up.
            url: percent-encode each value, so that it stays one path segment or query value.

        Raises:
            InvalidPayload: a named value is missing, or is not text, a number or a boolean.
        """
        parts = []
        for literal, name, _, _ in string.Formatter().parse(self.text):
            parts.append(literal)
            if name is not None:
                value = payload.get(name)
                if not isinstance(value, str | int | float):
                    raise InvalidPayload(f"{self.text!r} needs a payload with {name!r} as text or a number")
                parts.append(quote(str(value), safe="") if url else str(value))
        return "".join(parts)
