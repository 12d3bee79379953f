"""JSON of a server, read with a bound: deep nesting kills an interpreter in WebAssembly without a word."""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

from ._vocabulary import MAX_DEPTH

_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
"""A string, also one that never ends: so no character is looked at twice."""

_BRACKET = re.compile(r"[\[\]{}]")


def parse_json(body: bytes) -> Any:
    """The value of a JSON document in UTF-8.

    Raises:
        ValueError: it is not JSON, is nested more than `MAX_DEPTH` deep, or has an integer of more digits
            than Python converts.
    """
    text = body.decode("utf-8-sig")
    if text.count("[") + text.count("{") > MAX_DEPTH and _is_deep(_STRING.sub("", text)):
        raise ValueError(f"the JSON is nested more than {MAX_DEPTH} deep")
    return _DECODER.decode(text)


def _is_deep(text: str) -> bool:
    """Whether a JSON text without its strings is nested too deep."""
    depth = 0
    for bracket in _BRACKET.finditer(text):
        depth += 1 if bracket[0] in "[{" else -1
        if depth > MAX_DEPTH:
            return True
    return False


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse)
