"""`web/vocabulary.js`: pyqueue/_vocabulary.py, for JavaScript."""

from __future__ import annotations

import importlib.util
import json
from enum import EnumMeta
from typing import Any

from .paths import ROOT, WEB

SOURCE = ROOT / "pyqueue" / "_vocabulary.py"
TARGET = WEB / "vocabulary.js"

_HEADER = """/**
 * The words and numbers on which Python and JavaScript must agree.
 * Made from pyqueue/_vocabulary.py by build.py: change that file instead.
 */
"""


def ensure() -> None:
    """Writes the module, unless it is up to date."""
    made = render()
    if not TARGET.exists() or TARGET.read_text("utf-8") != made:
        TARGET.write_text(made, "utf-8")


def render() -> str:
    """The module's text: each enum as a type and an object, each constant as a constant."""
    parts = [_HEADER]
    for name, value in _public(SOURCE):
        if isinstance(value, EnumMeta):
            words = [str(member) for member in value]  # type: ignore[var-annotated]
            union = " | ".join(json.dumps(word) for word in words)
            parts.append(f"/** @typedef {{{union}}} {name} */\n")
            parts.append(f"export const {_plural(name)} = /** @type {{const}} */ ({json.dumps(words)});\n")
        else:
            written = json.dumps(value)
            text = f"/** @type {{const}} */ ({written})" if isinstance(value, tuple) else written
            parts.append(f"export const {name} = {text};\n")
    return "\n".join(parts)


def _public(path: Any) -> list[tuple[str, Any]]:
    """The names that the module defines, in their order."""
    spec = importlib.util.spec_from_file_location("_pyqueue_vocabulary", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    own = [(name, value) for name, value in vars(module).items() if name[0].isupper()]
    return [(name, value) for name, value in own if name not in ("Final", "StrEnum")]


def _plural(name: str) -> str:
    """The constant that lists an enum's words: `CommandType` as `COMMAND_TYPES`."""
    snake = "".join(f"_{letter}" if letter.isupper() else letter for letter in name).lstrip("_").upper()
    if snake.endswith("Y"):
        return f"{snake[:-1]}IES"
    return f"{snake}ES" if snake.endswith("S") else f"{snake}S"
