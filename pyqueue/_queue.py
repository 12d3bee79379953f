"""Queue: what the user declares, once, for the worker, for PyScript pages and for tests."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, TypeVar, Unpack, get_args

from ._auth import Auth, AuthProvider
from ._checks import (
    check_choice,
    check_count,
    check_flag,
    check_hook,
    check_instance,
    check_method,
    check_number,
    check_stored_headers,
    check_text,
)
from ._csrf import Csrf
from ._destinations import Origin, check_origins, origin_of
from ._errors import DeclarationError, InvalidPayload, InvalidRequest
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
P = TypeVar("P", bound=AuthProvider)

Redact = Callable[[Any], Any]

_OWN: Final = "https://the-site-itself.invalid"
"""Stands for the site's own origin, which no declaration knows."""


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
        login: the page at which people sign in, within the site: where the queue waits for that, pages show a
            link to it.
        auth: what says who sends a request, asked for when it leaves: an `Auth`, or its provider; `None`:
            the session's cookies say it.
        origins: besides the site's own, the origins to which requests may go, each exact, as
            `https://api.example.org`, or an `Origin`.
        redact: called with what is to be kept of an answer, a result (JSON-able) or an error's text; returns
            what may be kept. If it raises nothing is kept.
        fleet_headers: whether each request to the site's own origin says how this queue does: see
            docs/operations.md.
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
        login: str | None = None,
        auth: Auth | AuthProvider | None = None,
        origins: Sequence[str | Origin] = (),
        redact: Redact | None = None,
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
        self.origins = check_origins("Queue: origins", origins)
        self.kill_switch = None if kill_switch is None else _without_fields(kill_switch)
        self._within("Queue: kill_switch", self.kill_switch or "")
        self.csrf = None if csrf is None else check_instance("Queue: csrf", csrf, Csrf)
        self.login = None if login is None else _page("login", login)
        self.authorization = None if auth is None else _authorization(auth)
        """What `auth` says."""
        self.redact = None if redact is None else check_hook("Queue: redact", redact)
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
        template = URLTemplate(url)
        self._within(f"{what}: url", template.origin)
        if redirect == "follow" and template.origin:
            raise DeclarationError(
                f"{what}: redirect is 'follow', and the URL is absolute: browsers would follow to any "
                "origin; give a path, or another redirect"
            )
        route = Route(
            method=check_method(f"{what}: method", method),
            url=template,
            headers=check_stored_headers(f"{what}: headers", {} if headers is None else headers),
            encoding=check_choice(f"{what}: encoding", encoding, get_args(Encoding)),
            redirect=check_choice(f"{what}: redirect", redirect, get_args(Redirect)),
            require_key_echo=check_flag(f"{what}: require_key_echo", require_key_echo),
            classify=None if classify is None else check_hook(f"{what}: classify", classify),
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

    def auth(self, provider: P) -> P:
        """Declares an async function as the auth provider: `Queue(auth=provider)` as a decorator.

        Raises:
            DeclarationError: it is not async, or there is an auth already.
        """
        if self.authorization is not None:
            raise DeclarationError("the queue has an auth already; give one")
        self.authorization = Auth(provider=provider)
        return provider

    def find(self, name: str | None) -> Task | None:
        """The task of that name (`None`: of jobs with their own request), or `None` if there is none."""
        return self.request_task if name is None else self.tasks.get(name)

    def declaration(self) -> dict[str, Any]:
        """What pages are to know before any worker has started, as JSON-able data.

        Returns:
            `{"limits": {"payload_bytes", "jobs", "bytes"}, "tasks": {name: {"label", "encrypt", "seal",
            "clear"}}, "csrf": {"header", "field"}, "origins": [text], "login", "encrypts", "encrypt",
            "server_key"}`; what the site does not declare is absent. `seal` is the body's encoding, `clear`
            what stays legible of an encrypted payload.
        """
        tasks = {name: _declared(task) for name, task in self.tasks.items()}
        declared: dict[str, Any] = {"limits": asdict(self.limits), "tasks": tasks}
        if self.origins:
            declared["origins"] = [origin.url for origin in self.origins]
        if self.encryption is not None:
            declared["encrypt"] = self.encryption.value
        if any("clear" in task for task in tasks.values()) or self.encryption is not None:
            declared["encrypts"] = True
        if self.server_key is not None:
            declared["server_key"] = self.server_key
        if self.csrf is not None:
            field = {} if self.csrf.field is None else {"field": self.csrf.field}
            declared["csrf"] = {"header": self.csrf.header, **field}
        if self.login is not None:
            declared["login"] = self.login
        return declared

    def _within(self, what: str, url: str) -> None:
        """Refuses a URL that is neither relative to the site's root nor of an origin that is declared."""
        try:
            origin = origin_of(url, _OWN) if url else _OWN
        except InvalidRequest as cause:
            raise DeclarationError(f"{what}: {cause}") from None
        if url.startswith("//"):
            raise DeclarationError(f"{what} begins with '//'; write https: before it")
        if origin != _OWN and origin not in {one.url for one in self.origins}:
            raise DeclarationError(
                f"{what} leads to {origin}: write a path for the site's own origin, or add it to the queue's "
                f"origins: Queue(origins=[{origin!r}])"
            )

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


def _page(name: str, path: Any) -> str:
    """A path within the site: a link to another would look like the site's own."""
    text = check_text(f"Queue: {name}", path)
    if not text.startswith("/") or text.startswith("//") or "\\" in text or not text.isprintable():
        raise DeclarationError(f"Queue: {name} is {path!r}; give a path within the site, like '/login'")
    return text


def _authorization(auth: Auth | AuthProvider) -> Auth:
    if isinstance(auth, Auth):
        return auth
    if not inspect.iscoroutinefunction(auth):
        raise DeclarationError(
            f"Queue: auth is {shown(auth)}; give an Auth(...), or an async function: async def provider(ctx)"
        )
    return Auth(provider=auth)


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
