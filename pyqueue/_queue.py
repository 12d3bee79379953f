"""Queue: what the user declares, once, for the worker, for PyScript pages and for tests."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeVar

from ._errors import DeclarationError
from ._http import Response
from ._outcome import Outcome
from ._retry import Retry
from ._template import Template

DEFAULT_ORDERING_KEY: Final = "default"
"""The ordering key of every job that names none: one line for the whole queue."""

DAY: Final = 86_400.0

Encoding = Literal["auto", "json", "form", "multipart"]
Redirect = Literal["hold", "done", "follow"]
OnConflict = Literal["keep", "replace"]
OnFailure = Literal["continue", "block"]

TaskFunction = Callable[..., Awaitable[Any]]
F = TypeVar("F", bound=TaskFunction)


@dataclass(frozen=True, slots=True)
class Limits:
    """Caps that `enqueue` checks before it writes.

    Args:
        payload_bytes: the largest payload of one job.
        jobs: the most jobs not yet settled.
        bytes: the most payload bytes of all jobs not yet settled.
    """

    payload_bytes: int = 1 << 20
    jobs: int = 10_000
    bytes: int = 100 << 20


@dataclass(frozen=True, slots=True)
class Retention:
    """How long settled jobs are kept. What goes is counted in the stats as `pruned`.

    Args:
        settled: seconds that done, cancelled and expired jobs are kept, with their result.
        failed: seconds that failed jobs wait for a person.
        count: the most settled jobs of each status, whatever their age.
    """

    settled: float = 7 * DAY
    failed: float = 30 * DAY
    count: int = 1000


@dataclass(frozen=True, slots=True)
class Route:
    """How a task becomes one HTTP request. `Queue.http` documents the fields."""

    method: str
    url: Template
    headers: Mapping[str, str] = field(default_factory=dict)
    encoding: Encoding = "auto"
    redirect: Redirect = "hold"
    echo: bool = False
    classify: Callable[[Response], Outcome | None] | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """One declared task: its options, and either a route or a function."""

    name: str | None
    ordering_key: Template | None
    unique_key: Template | None = None
    on_conflict: OnConflict = "keep"
    on_failure: OnFailure = "continue"
    delay: float = 0.0
    expires: float | None = None
    timeout: float = 30.0
    retry: Retry = field(default_factory=Retry)
    route: Route | None = None
    function: TaskFunction | None = None


class Queue:
    """A queue's declaration.

    Args:
        retry: the policy of every task that names none.
        timeout: seconds that one request may take, for tasks that name none.
        ordering_key: the ordering key of tasks that name none; `None` lets them run in parallel. The default
            is one key for the whole queue: strict order.
        max_in_flight: the most jobs sent at the same time (of different ordering keys).
        limits: caps checked at `enqueue`.
        retention: how long settled jobs are kept.
        kill_switch: URL of a flag file `{"paused": bool, "reason": str}`, read before each drain; while it
            cannot be read the last known answer holds.

    Raises:
        DeclarationError: a value is out of range.
    """

    def __init__(
        self,
        *,
        retry: Retry | None = None,
        timeout: float = 30.0,
        ordering_key: str | None = DEFAULT_ORDERING_KEY,
        max_in_flight: int = 6,
        limits: Limits | None = None,
        retention: Retention | None = None,
        kill_switch: str | None = None,
    ) -> None:
        if timeout <= 0 or max_in_flight < 1:
            raise DeclarationError("timeout must be over 0 and max_in_flight at least 1")
        self.retry = retry or Retry()
        self.timeout = timeout
        self.ordering_key = ordering_key
        self.max_in_flight = max_in_flight
        self.limits = limits or Limits()
        self.retention = retention or Retention()
        self.kill_switch = kill_switch
        self.tasks: dict[str, Task] = {}
        self.request_task = self._declare(None)
        """The options of jobs that carry their own request."""

    def http(
        self,
        name: str,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        encoding: Encoding = "auto",
        redirect: Redirect = "hold",
        echo: bool = False,
        classify: Callable[[Response], Outcome | None] | None = None,
        **options: Any,
    ) -> None:
        """Declares a task that is one HTTP request with the payload as its body.

        Args:
            name: what `enqueue` calls it.
            method: `POST`, `PUT`, `PATCH`, `DELETE`, ... (`DELETE`, `GET` and `HEAD` go without a body).
            url: a template, as `/api/posts/{post_id}/comments`; each value is percent-encoded.
            headers: further request headers.
            encoding: `json`, `form`, `multipart`, or `auto`: `multipart` if the payload holds a file.
            redirect: what a redirect means: `hold` (a login page: hold the queue), `done` (a page after a
                successful form), or `follow`.
            echo: a 2xx counts only if it echoes the `Idempotency-Key` header, so that a captive portal's
                or proxy's own 200 is not mistaken for the server's.
            classify: its outcome replaces the table's, for answers for which it returns one.
            **options: `ordering_key` (a template, or `None` for no order), `unique_key` (a template),
                `on_conflict`, `on_failure`, `delay`, `expires`, `timeout`, `retry`; see `task`.

        Raises:
            DeclarationError: the name is taken, or an option is unknown or wrong.
        """
        route = Route(method.upper(), Template(url), headers or {}, encoding, redirect, echo, classify)
        self._declare(name, route=route, **options)

    def task(self, name: str, **options: Any) -> Callable[[F], F]:
        """Declares a task that is a Python function, `async def f(ctx, **payload)`.

        What it returns (JSON-able) is the job's result. It sends requests with `ctx.http`, which attaches
        the idempotency key. It may raise `Reject` or `RetryLater`; any other exception fails the job.

        Args:
            name: what `enqueue` calls it.
            **options: `ordering_key`: jobs with the same key are delivered in order; a template, or `None`
                for no order. `unique_key`: a template; while a job with that key is open, `on_conflict` says
                whether it stays (`"keep"`) or the new one takes its place (`"replace"`). `on_failure`:
                whether a failed job lets the next of its ordering key pass (`"continue"`) or holds them
                until a person acts (`"block"`). `delay`, `expires`: seconds after the enqueue before and
                after which it is not sent. `timeout`: seconds for each request. `retry`: a `Retry`.

        Raises:
            DeclarationError: the name is taken, the function is not `async`, or an option is wrong.
        """

        def declare(function: F) -> F:
            is_async: bool = inspect.iscoroutinefunction(function)  # A TypeGuard would narrow F away.
            if not is_async:
                raise DeclarationError(f"task {name!r} must be an async function")
            self._declare(name, function=function, **options)
            return function

        return declare

    def find(self, name: str | None) -> Task | None:
        """The task of that name (`None`: of jobs with their own request), or `None` if there is none."""
        return self.request_task if name is None else self.tasks.get(name)

    def declaration(self) -> dict[str, Any]:
        l = self.limits
        return {
            "limits": {"payload_bytes": l.payload_bytes, "jobs": l.jobs, "bytes": l.bytes},
            "tasks": {n: {"label": None} for n in self.tasks},
        }

    def _declare(
        self,
        name: str | None,
        *,
        route: Route | None = None,
        function: TaskFunction | None = None,
        ordering_key: str | Literal[False] | None = False,
        unique_key: str | None = None,
        on_conflict: OnConflict = "keep",
        on_failure: OnFailure = "continue",
        delay: float = 0.0,
        expires: float | None = None,
        timeout: float | None = None,
        retry: Retry | None = None,
        **unknown: Any,
    ) -> Task:
        if unknown:
            raise DeclarationError(f"task {name!r}: unknown option {', '.join(sorted(unknown))}")
        if name is not None and (not name or name in self.tasks):
            raise DeclarationError(f"task {name!r} is declared already, or has no name")
        if on_conflict not in ("keep", "replace") or on_failure not in ("continue", "block"):
            raise DeclarationError(
                f"task {name!r}: on_conflict is keep or replace, on_failure is continue or block"
            )
        if delay < 0 or (expires is not None and expires <= 0) or (timeout is not None and timeout <= 0):
            raise DeclarationError(f"task {name!r}: delay, expires and timeout are seconds, not negative")
        key = self.ordering_key if ordering_key is False else ordering_key
        task = Task(
            name=name,
            ordering_key=None if key is None else Template(key),
            unique_key=None if unique_key is None else Template(unique_key),
            on_conflict=on_conflict,
            on_failure=on_failure,
            delay=delay,
            expires=expires,
            timeout=self.timeout if timeout is None else timeout,
            retry=retry or self.retry,
            route=route,
            function=function,
        )
        if name is not None:
            self.tasks[name] = task
        return task
