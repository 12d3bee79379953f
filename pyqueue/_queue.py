"""Queue: what the user declares, once, for the worker, for PyScript pages and for tests."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, TypeVar, Unpack, get_args

from ._checks import (
    check_choice,
    check_count,
    check_flag,
    check_headers,
    check_instance,
    check_method,
    check_number,
    check_text,
)
from ._csrf import Csrf
from ._errors import DeclarationError, InvalidPayload
from ._http import WITHOUT_BODY, Encoding
from ._retry import Retry
from ._server_key import check_server_key
from ._task import (
    SHORTEST,
    Classify,
    Encrypt,
    Redirect,
    Route,
    Task,
    TaskFunction,
    TaskOptions,
    check_encryption,
    check_function,
    make_task,
)
from ._template import URLTemplate
from ._text import shown
from ._vocabulary import DEFAULT_LIMITS, MAX_IN_FLIGHT, MAX_INTEGER, MAX_SECONDS, MAX_TIMEOUT

DEFAULT_ORDERING_KEY: Final = "default"
"""The ordering key of every job that names none: one line for the whole queue."""

DAY: Final = 86_400.0

F = TypeVar("F", bound=TaskFunction)


@dataclass(frozen=True, slots=True)
class Limits:
    """Caps that `enqueue` checks before it writes.

    Args:
        payload_bytes: the largest payload of one job.
        jobs: the most jobs not yet settled.
        bytes: the most payload bytes of all jobs not yet settled.

    Raises:
        DeclarationError: one is not a whole number from 1 to 2^53 - 1.
    """

    payload_bytes: int = DEFAULT_LIMITS["payload_bytes"]
    jobs: int = DEFAULT_LIMITS["jobs"]
    bytes: int = DEFAULT_LIMITS["bytes"]

    def __post_init__(self) -> None:
        check_count("Limits: payload_bytes", self.payload_bytes, 1, MAX_INTEGER)
        check_count("Limits: jobs", self.jobs, 1, MAX_INTEGER)
        check_count("Limits: bytes", self.bytes, 1, MAX_INTEGER)


@dataclass(frozen=True, slots=True)
class Retention:
    """How long settled jobs are kept. What goes is counted in the stats as `pruned`.

    Args:
        settled: seconds that done, cancelled and expired jobs are kept, with their result.
        failed: seconds that failed jobs wait for a person.
        count: the most settled jobs of each status, whatever their age.

    Raises:
        DeclarationError: the seconds are not from 0 to 10 years, or the count is not a whole number from 0.
    """

    settled: float = 7 * DAY
    failed: float = 30 * DAY
    count: int = 1000

    def __post_init__(self) -> None:
        check_number("Retention: settled", self.settled, 0.0, MAX_SECONDS)
        check_number("Retention: failed", self.failed, 0.0, MAX_SECONDS)
        check_count("Retention: count", self.count, 0, MAX_INTEGER)


class Queue:
    """A queue's declaration.

    Args:
        retry: the policy of every task that names none.
        timeout: seconds that one request may take, for tasks that name none; at most a day.
        ordering_key: the ordering key of tasks that name none, a template; `None` lets them run in parallel.
            The default is one key for the whole queue: strict order.
        max_in_flight: the most jobs sent at the same time (of different ordering keys); at most 64.
        limits: caps checked at `enqueue`.
        retention: how long settled jobs are kept.
        kill_switch: URL of a flag file `{"paused": bool, "reason": str}`, read before each drain; while it
            cannot be read the last known answer holds.
        csrf: where the site's CSRF token is read when a request leaves; `None`: the site asks for none.
        fleet_headers: whether each request to the site's own origin says how this queue does: see
            docs/server.md.
        encrypt: whether payloads, results and error bodies are encrypted on the disk, for tasks that do not
            say and for jobs with a request of their own: `True` or `"device"` by a key that the browser makes
            for each principal, `"secret"` by one that pages unlock: see docs/security.md.
        server_key: the server's public key, as `pyqueue.server.sealed.SealKey.public` gives it, for tasks
            with `seal="server"`.

    Raises:
        DeclarationError: a value is out of range, or is not what it should be.
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
        csrf: Csrf | None = None,
        fleet_headers: bool = True,
        encrypt: Encrypt = False,
        server_key: str | None = None,
    ) -> None:
        self.retry = Retry() if retry is None else check_instance("Queue: retry", retry, Retry)
        self.timeout = check_number("Queue: timeout", timeout, SHORTEST, MAX_TIMEOUT)
        self.ordering_key = ordering_key
        self.max_in_flight = check_count("Queue: max_in_flight", max_in_flight, 1, MAX_IN_FLIGHT)
        self.limits = Limits() if limits is None else check_instance("Queue: limits", limits, Limits)
        self.retention = (
            Retention() if retention is None else check_instance("Queue: retention", retention, Retention)
        )
        self.kill_switch = None if kill_switch is None else _without_fields(kill_switch)
        self.csrf = None if csrf is None else check_instance("Queue: csrf", csrf, Csrf)
        self.fleet_headers = check_flag("Queue: fleet_headers", fleet_headers)
        self.encryption = check_encryption("Queue: encrypt", encrypt)
        self.server_key = None if server_key is None else check_server_key(server_key)
        self.tasks: dict[str, Task] = {}
        self.request_task = self._make(None, {})
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
        require_key_echo: bool = False,
        classify: Classify | None = None,
        seal: Literal["server"] | None = None,
        **options: Unpack[TaskOptions],
    ) -> None:
        """Declares a task that is one HTTP request with the payload as its body.

        Args:
            name: what `enqueue` calls it.
            method: `POST`, `PUT`, `PATCH`, `DELETE`, ... (`DELETE`, `GET` and `HEAD` go without a body).
            url: a template, as `/api/posts/{post_id}/comments`, absolute or relative to the site's root;
                each value is percent-encoded, and stays within its path segment.
            headers: further request headers.
            encoding: `json`, `form`, `multipart`, or `auto`: `multipart` if the payload holds a file.
            redirect: what a redirect means: `done` (a page after a successful form), `follow` (the browser
                follows it), or `hold`: what the server half tells of it; without that, a login, so that the
                queue is held.
            require_key_echo: a 2xx counts only if it echoes the `Idempotency-Key` header, so that a captive
                portal's or proxy's own 200 is not mistaken for the server's.
            classify: its outcome replaces the table's, for answers for which it returns one.
            seal: `"server"`: pages encrypt the body to the queue's `server_key`, so that this device cannot
                read it again; `pyqueue.server.sealed` opens it.
            **options: `label`, `ordering_key`, `unique_key`, `on_conflict`, `on_failure`, `delay`,
                `expires`, `timeout`, `retry`, `encrypt`: see `TaskOptions`.

        Raises:
            DeclarationError: the name is taken, or an option is unknown or wrong.
        """
        what = f"task {self._new(name)!r}"
        if classify is not None and (not callable(classify) or inspect.iscoroutinefunction(classify)):
            raise DeclarationError(
                f"{what}: classify is {shown(classify)}; give a function that is not async"
            )
        route = Route(
            method=check_method(f"{what}: method", method),
            url=URLTemplate(url),
            headers=check_headers(f"{what}: headers", {} if headers is None else headers),
            encoding=check_choice(f"{what}: encoding", encoding, get_args(Encoding)),
            redirect=check_choice(f"{what}: redirect", redirect, get_args(Redirect)),
            require_key_echo=check_flag(f"{what}: require_key_echo", require_key_echo),
            classify=classify,
            seal=seal is not None and bool(check_choice(f"{what}: seal", seal, ("server",))),
        )
        if route.seal and self.server_key is None:
            raise DeclarationError(f"{what}: seal needs a key: give the queue its server_key")
        if route.seal and route.method in WITHOUT_BODY:
            raise DeclarationError(f"{what}: {route.method} has no body that could be sealed; leave seal out")
        self.tasks[name] = self._make(name, options, route=route)

    def task(self, name: str, **options: Unpack[TaskOptions]) -> Callable[[F], F]:
        """Declares a task that is a Python function, `async def f(ctx, **payload)`.

        What it returns (JSON-able) is the job's result. It sends requests with `ctx.http`, which attaches
        the idempotency key. It may raise `Reject` or `RetryLater`; any other exception fails the job.

        Args:
            name: what `enqueue` calls it.
            **options: `label`, `ordering_key`, `unique_key`, `on_conflict`, `on_failure`, `delay`,
                `expires`, `timeout`, `retry`, `encrypt`: see `TaskOptions`.

        Raises:
            DeclarationError: the name is taken, an option is unknown or wrong, or the function is not
                `async` or does not take the context first.
        """
        self._make(self._new(name), options)  # So that a wrong option is told where it stands.

        def declare(function: F) -> F:
            check_function(self._new(name), function)
            self.tasks[name] = self._make(name, options, function=function)
            return function

        return declare

    def find(self, name: str | None) -> Task | None:
        """The task of that name (`None`: of jobs with their own request), or `None` if there is none."""
        return self.request_task if name is None else self.tasks.get(name)

    def declaration(self) -> dict[str, Any]:
        """What pages are to know before any worker has started, as JSON-able data.

        Returns:
            `{"limits": {"payload_bytes", "jobs", "bytes"}, "tasks": {name: {"label", "encrypt", "seal",
            "clear"}}, "csrf": {"header", "field"}, "encrypts", "encrypt", "server_key"}`; what the site
            does not declare is absent. `seal` is the body's encoding, `clear` what stays legible of an
            encrypted payload.
        """
        tasks = {name: _declared(task) for name, task in self.tasks.items()}
        declared: dict[str, Any] = {"limits": asdict(self.limits), "tasks": tasks}
        if self.encryption is not None:
            declared["encrypt"] = self.encryption.value
        if any("clear" in task for task in tasks.values()) or self.encryption is not None:
            declared["encrypts"] = True
        if self.server_key is not None:
            declared["server_key"] = self.server_key
        if self.csrf is not None:
            field = {} if self.csrf.field is None else {"field": self.csrf.field}
            declared["csrf"] = {"header": self.csrf.header, **field}
        return declared

    def _new(self, name: Any) -> str:
        """The name, if no task has it yet."""
        if check_text("the name of a task", name) in self.tasks:
            raise DeclarationError(f"task {name!r} is declared already; give it another name")
        return str(name)

    def _make(
        self,
        name: str | None,
        options: TaskOptions,
        *,
        route: Route | None = None,
        function: TaskFunction | None = None,
    ) -> Task:
        return make_task(
            name,
            options,
            ordering_key=self.ordering_key,
            timeout=self.timeout,
            retry=self.retry,
            encrypt=False if self.encryption is None else self.encryption.value,
            route=route,
            function=function,
        )


def _declared(task: Task) -> dict[str, Any]:
    """What pages are to know of a task."""
    declared: dict[str, Any] = {"label": task.label}
    if task.encryption is not None:
        declared["encrypt"] = task.encryption.value
    if task.route is not None and task.route.seal:
        declared["seal"] = task.route.encoding
    if len(declared) > 1:
        declared["clear"] = task.clear
    return declared


def _without_fields(url: str) -> str:
    try:
        return URLTemplate(url).fill({})
    except InvalidPayload:
        message = f"Queue: kill_switch is {url!r}: it belongs to no job, so give it no fields"
        raise DeclarationError(message) from None
