"""Declarations: what holds everywhere is accepted, everything else is refused where it stands."""

from __future__ import annotations

import importlib
import json
import math
import subprocess
import sys
from types import ModuleType
from typing import Any

import pytest

from pyqueue import (
    Context,
    DeclarationError,
    Limits,
    NotSupported,
    PyqueueError,
    Queue,
    Retention,
    Retry,
    connect,
)

HUGE = 10**400
NO_SECONDS = [-1, math.nan, math.inf, -math.inf, HUGE, 1e300, True, "30", [30], object()]
NO_COUNTS = [*NO_SECONDS, 1.0, 1.5, None]


class Unspeakable:
    """A value that no message can show."""

    def __repr__(self) -> str:
        raise RuntimeError("no")


def test_a_name_is_declared_once() -> None:
    queue = Queue()
    queue.http("a", "POST", "/a")
    for declare in (lambda: queue.http("a", "POST", "/b"), lambda: queue.task("a")):
        with pytest.raises(DeclarationError, match="'a' is declared already"):
            declare()


@pytest.mark.parametrize("name", ["", None, 1, "\ud800", b"a", Unspeakable()])
def test_a_name_is_text(name: Any) -> None:
    with pytest.raises(DeclarationError, match="name of a task"):
        Queue().http(name, "POST", "/a")


@pytest.mark.parametrize("field", ["payload_bytes", "jobs", "bytes"])
@pytest.mark.parametrize("value", [*NO_COUNTS, 0, 2**53])
def test_limits_are_whole_numbers_that_javascript_holds(field: str, value: Any) -> None:
    with pytest.raises(DeclarationError, match=f"Limits: {field}"):
        Limits(**{field: value})


@pytest.mark.parametrize("field", ["settled", "failed"])
@pytest.mark.parametrize("value", [*NO_SECONDS, None])
def test_a_retention_is_finite(field: str, value: Any) -> None:
    with pytest.raises(DeclarationError, match=f"Retention: {field}"):
        Retention(**{field: value})


@pytest.mark.parametrize("value", NO_COUNTS)
def test_a_retention_counts_whole_jobs(value: Any) -> None:
    with pytest.raises(DeclarationError, match="Retention: count"):
        Retention(count=value)


@pytest.mark.parametrize(
    "options",
    [
        *({"timeout": value} for value in [*NO_SECONDS, 0, 30 * 86_400.0, None]),
        *({"max_in_flight": value} for value in [*NO_COUNTS, 0, 65]),
        {"retry": 3},
        {"retry": {"max_attempts": 3}},
        {"limits": {"jobs": 3}},
        {"retention": 7},
        {"ordering_key": 7},
        {"ordering_key": "{a.b}"},
        {"kill_switch": ""},
        {"kill_switch": True},
        {"kill_switch": "/flags/{name}.json"},
        {"kill_switch": "javascript:alert(1)"},
    ],
    ids=str,
)
def test_a_queue_out_of_range_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(DeclarationError):
        Queue(**options)


WRONG_OPTIONS = [
    *({"delay": value} for value in [*NO_SECONDS, None]),
    *({"expires": value} for value in [*NO_SECONDS, 0]),
    *({"timeout": value} for value in [*NO_SECONDS, 0, 86_401]),
    {"delay": 60, "expires": 60},
    {"on_conflict": "drop"},
    {"on_conflict": None},
    {"on_conflict": []},
    {"on_failure": "x"},
    {"on_failure": True},
    {"ordering_key": 1},
    {"ordering_key": "{"},
    {"unique_key": b"x"},
    {"retry": 3},
    {"retry": Retry},
    {"label": ""},
    {"label": 1},
    {"label": "\udfff"},
    {"nonsense": 1},
    {"echo": True},
]


@pytest.mark.parametrize("options", WRONG_OPTIONS, ids=str)
def test_a_wrong_option_is_refused_where_it_is_declared(options: dict[str, Any]) -> None:
    queue = Queue()
    with pytest.raises(DeclarationError):
        queue.http("a", "POST", "/a", **options)
    with pytest.raises(DeclarationError):
        queue.task("a", **options)
    assert queue.tasks == {}


@pytest.mark.parametrize(
    "options",
    [
        {"encoding": "xml"},
        {"encoding": None},
        {"redirect": "ignore"},
        {"redirect": True},
        {"require_key_echo": 1},
        {"require_key_echo": "yes"},
        {"classify": "done"},
        {"headers": "X-A: 1"},
        {"headers": {"X A": "1"}},
        {"headers": {"": "1"}},
        {"headers": {"X-A": 1}},
        {"headers": {"X-A": "a\r\nX-B: 1"}},
        {"headers": {"X-A": "\0"}},
        {"headers": {"X-A": "€"}},
        {"headers": {"Cookie": "a=1"}},
        {"headers": {"Sec-Fetch-Mode": "cors"}},
        {"headers": {"idempotency-key": "1"}},
        {"headers": {"X-HTTP-Method-Override": "TRACE"}},
    ],
    ids=str,
)
def test_what_no_fetch_can_do_is_refused_where_it_is_declared(options: dict[str, Any]) -> None:
    with pytest.raises(DeclarationError, match="task 'a'"):
        Queue().http("a", "POST", "/a", **options)


def test_a_classify_that_is_async_is_refused() -> None:
    async def classify(response: object) -> None: ...

    with pytest.raises(DeclarationError, match="not async"):
        Queue().http("a", "POST", "/a", classify=classify)  # type: ignore[arg-type]


@pytest.mark.parametrize("method", ["", "PO ST", "POST\n", "CONNECT", "trace", "ÄNDERN", None, 1])
def test_a_method_that_no_fetch_sends_is_refused(method: Any) -> None:
    with pytest.raises(DeclarationError, match="method"):
        Queue().http("a", method, "/a")


def test_the_options_that_a_task_leaves_out_are_the_queues() -> None:
    policy = Retry(max_attempts=3)
    queue = Queue(retry=policy, timeout=5, ordering_key=None)
    queue.http("a", "patch", "/a")
    task = queue.tasks["a"]
    assert (task.retry, task.timeout, task.ordering_key) == (policy, 5, None)
    assert task.route is not None
    assert task.route.method == "PATCH"
    assert queue.request_task.timeout == 5


def test_the_declaration_is_json() -> None:
    queue = Queue(limits=Limits(jobs=5))
    queue.http("comment.create", "POST", "/a", label="Comment")
    queue.http("like", "POST", "/b")
    assert json.loads(json.dumps(queue.declaration())) == {
        "limits": {"payload_bytes": 1 << 20, "jobs": 5, "bytes": 100 << 20},
        "tasks": {"comment.create": {"label": "Comment"}, "like": {"label": None}},
    }


async def no_context() -> None: ...
async def only_keywords(*, ctx: Context) -> None: ...
async def positional(ctx: Context, x: int, /) -> None: ...
async def generator(ctx: Context) -> Any:
    yield 1


def plain(ctx: Context) -> None: ...


@pytest.mark.parametrize("function", [no_context, only_keywords, positional, generator, plain, None, 3])
def test_a_function_that_cannot_be_called_with_a_payload_is_refused(function: Any) -> None:
    with pytest.raises(DeclarationError, match=r"async def f\(ctx, \*, \.\.\.\)"):
        Queue().task("a")(function)


def test_connect_outside_a_browser_says_what_to_use_instead() -> None:
    with pytest.raises(NotSupported, match=r"pyqueue\.testing"):
        connect().send(None)


@pytest.mark.parametrize("module", ["", ".server", ".server.protocol", ".testing", "._errors"])
def test_every_exception_has_one_root(module: str) -> None:
    for error in _exceptions(importlib.import_module(f"pyqueue{module}")):
        assert issubclass(error, PyqueueError)


def _exceptions(module: ModuleType) -> list[type[Exception]]:
    found = [value for name, value in vars(module).items() if not name.startswith("_")]
    errors = [value for value in found if isinstance(value, type) and issubclass(value, Exception)]
    return [error for error in errors if error.__module__.startswith("pyqueue")]


def test_importing_pyqueue_loads_no_browser_and_no_server_module() -> None:
    unwanted = {"js", "pyodide", "starlette", "playwright"}
    code = f"import sys, pyqueue; print(sorted({unwanted} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
