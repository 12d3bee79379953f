"""Declarations and templates."""

from __future__ import annotations

import subprocess
import sys

import pytest

from pyqueue import Context, DeclarationError, InvalidPayload, NotSupported, Queue, connect
from pyqueue._template import Template


def test_a_template_is_filled_and_quoted_for_urls() -> None:
    template = Template("/api/posts/{post_id}/comments")
    assert template.fill({"post_id": 7}) == "/api/posts/7/comments"
    assert template.fill({"post_id": "a/b ?"}, url=True) == "/api/posts/a%2Fb%20%3F/comments"


@pytest.mark.parametrize("text", ["{", "{a.b}", "{a[0]}", "{}", "{a!r}", "{a:>3}"])
def test_a_template_with_more_than_plain_names_is_refused(text: str) -> None:
    with pytest.raises(DeclarationError):
        Template(text)


@pytest.mark.parametrize("payload", [{}, {"post_id": None}, {"post_id": {"x": 1}}])
def test_a_payload_without_the_named_value_is_refused(payload: dict[str, object]) -> None:
    with pytest.raises(InvalidPayload, match="post_id"):
        Template("{post_id}").fill(payload)


def test_a_name_is_declared_once() -> None:
    queue = Queue()
    queue.http("a", "POST", "/a")
    with pytest.raises(DeclarationError, match="'a'"):
        queue.http("a", "POST", "/b")


@pytest.mark.parametrize(
    "options",
    [
        {"on_conflict": "drop"},
        {"on_failure": "x"},
        {"delay": -1},
        {"expires": 0},
        {"timeout": 0},
        {"nonsense": 1},
    ],
)
def test_a_wrong_option_is_refused_where_it_is_declared(options: dict[str, object]) -> None:
    with pytest.raises(DeclarationError):
        Queue().http("a", "POST", "/a", **options)


def test_a_task_function_must_be_async() -> None:
    with pytest.raises(DeclarationError, match="async"):

        @Queue().task("a")  # type: ignore[type-var]
        def task(ctx: Context) -> None: ...


def test_connect_outside_a_browser_says_what_to_use_instead() -> None:
    with pytest.raises(NotSupported, match=r"pyqueue\.testing"):
        connect().send(None)


def test_importing_pyqueue_loads_no_browser_and_no_server_module() -> None:
    unwanted = {"js", "pyodide", "starlette", "playwright"}
    code = f"import sys, pyqueue; print(sorted({unwanted} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
