"""Keys as a command shows them: as lines for people, or as JSON."""

from __future__ import annotations

import base64
import re
from typing import Any

from .inspection import KeyRecord, State
from .stores import StoredResponse

_UNITS = {"d": 86_400, "h": 3600, "min": 60, "s": 1}
_DURATION = re.compile(r"([0-9]{1,9})([smhd])")


def seconds_of(text: str) -> float:
    """The seconds of a duration like `90s`, `30m`, `12h` or `7d`.

    Raises:
        ValueError: it is none.
    """
    if (found := _DURATION.fullmatch(text)) is None:
        raise ValueError(f"{text!r} is no duration like 90s, 30m, 12h or 7d")
    return float(found[1]) * {"s": 1, "m": 60, "h": 3600, "d": 86_400}[found[2]]


def duration(seconds: float) -> str:
    """Seconds in the two largest units that they fill: `2 d 3 h`."""
    left = int(seconds)
    parts: list[str] = []
    for unit, size in _UNITS.items():
        if left >= size or (unit == "s" and not parts):
            parts.append(f"{left // size} {unit}")
            left %= size
    return " ".join(parts[:2])


def standing(record: KeyRecord) -> str:
    """How it stands with a key, in words."""
    answer = f"answered with {record.status}, {record.size} bytes"
    match record.state:
        case State.RUNNING:
            since, left = duration(record.age), duration(record.left)
            return f"running for {since}, its lease ends in {left} unless it is renewed"
        case State.ABANDONED:
            return f"abandoned: its lease ended {duration(-record.left)} ago without an answer"
        case State.ANSWERED:
            return f"{answer}, kept for another {duration(record.left)}"
        case State.ENDED:
            return f"{answer}, no longer kept since {duration(-record.left)}"


def line(record: KeyRecord) -> str:
    """A key in one line."""
    whose = "nobody" if record.principal is None else printable(record.principal)
    return (
        f"{printable(record.key)}  {standing(record)}  (host {printable(record.host) or '-'}, of {whose}, "
        f"claimed {duration(record.age)} ago)"
    )


def members(record: KeyRecord, answer: StoredResponse | None) -> dict[str, Any]:
    """A key, and its answer if that is to be shown, as a JSON object has them."""
    members: dict[str, Any] = {
        "key": record.key,
        "host": record.host,
        "principal": record.principal,
        "state": record.state.value,
        "age": round(record.age, 3),
        "left": round(record.left, 3),
        "status": record.status,
        "size": record.size,
    }
    if answer is not None:
        members["headers"] = [
            [name.decode("latin-1"), value.decode("latin-1")] for name, value in answer.headers
        ]
        members["body_base64"] = base64.b64encode(answer.body).decode()
    return members


def printable(text: str) -> str:
    """Text from clients without what a terminal would obey."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )


def body_lines(answer: StoredResponse) -> list[str]:
    """An answer's headers and body for a terminal."""
    headers = [f"{name.decode('latin-1')}: {value.decode('latin-1')}" for name, value in answer.headers]
    body = answer.body.decode("utf-8", "backslashreplace").splitlines()
    return [printable(text) for text in (*headers, "", *body)]
