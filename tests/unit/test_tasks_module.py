"""A tasks module read from its file, with whatever may be wrong in it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pyqueue import DeclarationError
from pyqueue._tasks import load_tasks

HEAD = "from pyqueue import Limits, Queue, Retry\n"


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "tasks.py"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_a_module_is_read_from_its_file_under_a_name_of_its_own(tmp_path: Path) -> None:
    text = """from __future__ import annotations
from dataclasses import dataclass, field
from pyqueue import Queue

@dataclass
class Photo:
    name: str = field(default="x")

if __name__ == "__main__":
    raise RuntimeError("it was not run as a program")

queue = also_queue = Queue()
queue.http("comment.create", "POST", "/api/comments", label="Comment")
"""
    known = set(sys.modules)
    queue = load_tasks(write(tmp_path, text))
    assert queue.declaration()["tasks"] == {"comment.create": {"label": "Comment"}}
    assert all(name.startswith("_pyqueue_tasks_") for name in set(sys.modules) - known)
    assert load_tasks(str(tmp_path / "tasks.py")) is not queue


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def (\n", "line 1: it is not valid Python: invalid syntax"),
        (b"\xff\n", "it is not valid Python"),
        (b"\0", r"source code (string|cannot)"),
        ("", "one Queue at its top level .*; it has 0"),
        (HEAD + "a = Queue()\nb = Queue()\n", "it has 2"),
        (HEAD + "\nqueue = Queue(timeout=-1)\n", r"line 3: Queue: timeout is -1; give a number from 0\.001"),
        (HEAD + "queue = Queue(control='/x')\n", "line 2: it cannot be imported: TypeError: .*'control'"),
        (HEAD + "queue = Queue(limits=Limits(bytes=float('inf')))\n", "line 2: Limits: bytes is inf"),
        (HEAD + "queue = Queue()\nqueue.http('a', 'POST', '/a', echo=True)\n", "line 3: .* no option echo"),
        (HEAD + "queue = Queue()\n@queue.task('a')\ndef f(ctx): ...\n", "line 3: .*async"),
        ("\nimport js\n", "line 2: .*No module named 'js'. js exists in browsers only.* inside the function"),
        ("from pyodide.ffi import to_js\n", "line 1: .*exists in browsers only"),
        ("import no_such_module\n", "line 1: .*imports only pyqueue and the standard library"),
        ("import sys\nsys.exit()\n", "line 2: it cannot be imported: SystemExit"),
        ("import asyncio\nraise asyncio.CancelledError\n", "line 2: it cannot be imported: CancelledError"),
        ("class E(Exception):\n  def __str__(self): 1 / 0\nraise E\n", "line 3: .*E that cannot be shown"),
        ("def f():\n  return 1 / 0\n\nf()\n", "line 2: .*ZeroDivisionError: division by zero"),
        ("eval('(')\n", "line 1: "),
    ],
)
def test_what_is_wrong_is_told_with_its_line_and_cause(
    tmp_path: Path, text: str | bytes, message: str
) -> None:
    path = write(tmp_path, text)
    with pytest.raises(DeclarationError, match=message) as refused:
        load_tasks(path)
    assert str(refused.value).startswith(str(path))


def test_a_guarded_import_of_a_browser_module_is_accepted(tmp_path: Path) -> None:
    guarded = "try:\n    import js\nexcept ImportError:\n    js = None\n"
    load_tasks(write(tmp_path, HEAD + guarded + "queue = Queue()\n"))


@pytest.mark.parametrize("name", ["none.py", ".", "\0"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(DeclarationError, match="cannot be read"):
        load_tasks(tmp_path / name)


def test_an_interrupt_from_the_keyboard_is_not_the_modules(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        load_tasks(write(tmp_path, "raise KeyboardInterrupt\n"))
