"""What the idempotency layer decides, free of any server interface: adapters ask, and carry it out."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Iterable, Iterator, Set
from dataclasses import dataclass, field
from typing import Any, Final, TypedDict
from urllib.parse import quote

from .._checks import check_count, check_flag, check_method, check_number, check_text
from .._errors import DeclarationError
from .._text import shown
from . import protocol, redirects
from .answer import Answer, Header, readable
from .events import Hook, Kind
from .fingerprints import Content, fingerprint, raw
from .report import Report
from .stores import InFlight, Mismatch, Replay, StoredResponse

CLAIM: Final = "pyqueue.claim"
"""Where the application finds its `Claimed`: in the ASGI scope, or the WSGI environment."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 1.0
"""Seconds between two looks at an attempt that is waited for."""

_CALLS = ("claim", "renew", "complete", "release", "prune")


def is_over(response: StoredResponse) -> bool:
    """Whether an answer says that the operation is over: any status below 400.

    Every other answer says that nothing was done. Its key is released, so that the same job can be sent
    again with the same key once a person has logged in, made room, or the server has recovered. So does a
    redirect with 307 or 308, or to a login, whatever `keep` says.
    """
    return response.status < 400


class Options(TypedDict, total=False):
    """The options of the layer, the same in every adapter."""

    methods: Iterable[str]
    """The methods that take a key, by default DELETE, PATCH, POST and PUT; others pass through."""

    paths: Callable[[str], bool] | Iterable[str] | None
    """Which paths do: a predicate, or how they begin. They are as the application's routes have them, without
    what it is mounted under. `None`, the default: all."""

    required: bool
    """Refuse a request without a key with 400 instead of passing it through. True by default."""

    keep: Callable[[StoredResponse], bool]
    """Whether an answer ends the operation and is replayed from then on; by default `is_over`."""

    fingerprint: Content
    """What counts of a body when two requests are compared; by default `raw`, every byte."""

    login: Callable[[str], bool] | Iterable[str]
    """Which paths are of a login, to which a redirect is no end: a predicate, or how they begin. By default
    those with a segment like `login`, `signin` or `sso`."""

    ttl: float
    """Seconds that an answer is kept, by default 14 days. It should outlast the longest time a browser may be
    off between losing an answer and asking again."""

    lease: float
    """Seconds after which a key is free again when the process that claimed it died, by default 60. While the
    application runs the lease is renewed. At least twice the store's `busy_timeout`."""

    wait: float | Callable[[str], float]
    """Seconds to wait for an attempt that is running before the answer is 409, by default 0; or what gives
    them for a path."""

    max_body: int
    """Bytes of a request's body, which is held in memory; a larger one is 413. By default 32 MiB."""

    max_response: int
    """Bytes of an answer's body that are kept, by default 1 MiB. A larger answer is passed on as it comes,
    and its replay has its status and no body."""

    on_event: Hook | Iterable[Hook]
    """What is called with each `Event`, or several of them; by default nothing. See `events.Hook`."""


@dataclass(frozen=True, slots=True)
class Head:
    """A request without its body.

    Attributes:
        method: as sent.
        scheme: of the URL, as far as the server knows it.
        path: decoded, with what the application is mounted under.
        route: decoded, as the application's routes have it.
        query: as sent.
        headers: names in lower case.
    """

    method: str
    scheme: str
    path: str
    route: str
    query: bytes
    headers: tuple[Header, ...]

    def all(self, name: bytes) -> list[bytes]:
        """The values of a header."""
        return [value for header, value in self.headers if header == name]

    def text(self, name: bytes) -> str:
        """The value of a header; empty if there is none."""
        return b", ".join(self.all(name)).decode("latin-1")


@dataclass(frozen=True, slots=True)
class Passes:
    """The request is none of the layer's business."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The request is answered by the layer, before its body is read."""

    response: StoredResponse


@dataclass(frozen=True, slots=True)
class Keyed:
    """The request takes effect once.

    Attributes:
        head: the request.
        key: the client's.
        host: as keys are told apart by it.
        target: path and query, by which requests are compared; a slash at the end of the path makes no
            difference. If the request follows a redirect, those of the request that was redirected: a retry
            begins there again.
        report: what tells of the request.
    """

    head: Head
    key: str
    host: str
    target: str
    report: Report = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Unreachable:
    """Whether the key is free is not known: the store raised."""

    error: Exception


@dataclass(frozen=True, slots=True)
class Keep:
    """The operation is over, and this is kept of its answer."""

    response: StoredResponse


@dataclass(frozen=True, slots=True)
class Release:
    """The operation is not over: the key is given back.

    Attributes:
        kind: `RELEASED` or `CUT_SHORT`.
        status: of the answer, if there was one.
        error: what the application raised.
    """

    kind: Kind
    status: int | None = None
    error: BaseException | None = None


class Rules:
    """The decisions, with a site's options.

    Args:
        store: what the adapter keeps keys in.
        principal: what the adapter asks whose request it is.
        options: see `Options`.

    Raises:
        DeclarationError: an option is unknown or wrong, so that the layer would not protect what it seems to.
    """

    def __init__(self, store: Any, principal: Any, options: Options):
        if unknown := sorted(options.keys() - Options.__annotations__):
            known = ", ".join(Options.__annotations__)
            raise DeclarationError(f"there is no option {', '.join(unknown)}; there are {known}")
        _check_store(store)
        if principal is not None and not callable(principal):
            raise DeclarationError(f"principal is {shown(principal)}; give a function that returns a name")
        self._methods = _methods(options.get("methods", ("DELETE", "PATCH", "POST", "PUT")))
        paths = options.get("paths")
        self._guards = (lambda path: True) if paths is None else _predicate("paths", paths)
        self._required = check_flag("required", options.get("required", True))
        self._keep = _function("keep", options.get("keep", is_over))
        self._content = _function("fingerprint", options.get("fingerprint", raw))
        self._is_login = _predicate("login", options.get("login", redirects.is_login))
        self.ttl = check_number("ttl", options.get("ttl", 14 * 86400.0), 1.0, 10 * 365 * 86400.0)
        self.lease = check_number("lease", options.get("lease", 60.0), 0.1, 86400.0)
        self.max_body = check_count("max_body", options.get("max_body", 32 << 20), 0, 1 << 40)
        self._max_response = check_count("max_response", options.get("max_response", 1 << 20), 0, 1 << 40)
        wait = options.get("wait", 0.0)
        self._wait = wait if callable(wait) else check_number("wait", wait, 0.0, 3600.0)
        self._hooks = _hooks(options.get("on_event", ()))
        _check_patience(store, self.lease)

    def judge(self, head: Head) -> Passes | Refused | Keyed:
        """What becomes of a request, by its head."""
        if head.method.upper() not in self._methods or not self._guards(head.route):
            return Passes()
        values = head.all(b"idempotency-key")
        if not values:
            return Refused(protocol.key_missing()) if self._required else Passes()
        host = protocol.normal_host(head.text(b"host"), head.scheme)
        if not protocol.is_host(host):
            return Refused(protocol.host_invalid())
        try:
            if len(values) > 1:
                raise protocol.InvalidKey("Idempotency-Key must be sent once")
            key = protocol.parse_key(values[0])
            return Keyed(head, key, host, _target(head), self._report(head, key))
        except protocol.InvalidKey as reason:
            return Refused(protocol.key_invalid(str(reason)))

    def refused(self, response: StoredResponse, head: Head, key: str | None = None) -> StoredResponse:
        """The layer's own answer to a request whose key is not looked up.

        Args:
            response: a problem.
            head: the request.
            key: the client's, if it could be read.
        """
        reason = protocol.code_of(response)
        self._report(head, key).happened(Kind.REFUSED, reason=reason, status=response.status)
        return self._marked(response, head)

    def store_key(self, keyed: Keyed, principal: Any) -> str:
        """The key as the store has it, see `protocol.scoped`."""
        return protocol.scoped(keyed.host, principal, keyed.key)

    def fingerprint(self, keyed: Keyed, body: bytes) -> bytes:
        """See `fingerprints.fingerprint`. With its body the request is whole: what follows is the layer's."""
        keyed.report.begin()
        head = keyed.head
        return fingerprint(head.method, keyed.target, self._content(head.text(b"content-type"), body))

    def pauses(self, keyed: Keyed) -> Iterator[float]:
        """Seconds to pause between two looks at another attempt, as long as it is to be waited for."""
        wait = self._wait(keyed.head.route) if callable(self._wait) else self._wait
        end, pause = time.monotonic() + wait, _FIRST_PAUSE
        while (left := end - time.monotonic()) > 0:
            yield min(pause, left)
            pause = min(pause * 2, _LONGEST_PAUSE)

    def answer(self, keyed: Keyed) -> Answer:
        """What collects the application's answer."""
        return Answer(keyed.head.method, self._max_response)

    def instead(self, outcome: Replay | InFlight | Mismatch | Unreachable, keyed: Keyed) -> StoredResponse:
        """The answer to a request that is not run."""
        report = keyed.report
        match outcome:
            case Replay(response):
                report.decided(Kind.REPLAYED, status=response.status)
                return self.shown(response, keyed, replayed=True)
            case InFlight(age):
                response = protocol.in_flight(age)
                report.decided(Kind.IN_FLIGHT, age=age, status=response.status)
            case Mismatch():
                response = protocol.key_reused()
                report.decided(Kind.MISMATCH, status=response.status)
            case Unreachable(error):
                response = protocol.store_unavailable()
                report.decided(Kind.STORE_UNAVAILABLE, error=error, status=response.status)
        return self._marked(response, keyed.head)

    def ending(self, answer: Answer, keyed: Keyed) -> Keep | Release:
        """What is to be done with the key once the application's answer has ended."""
        head = answer.head
        if answer.is_cut_short():
            return Release(Kind.CUT_SHORT, head.status)
        if self.is_over(head if answer.passing else answer.whole, keyed):
            return Keep(answer.kept())
        return Release(Kind.RELEASED, head.status)

    def is_over(self, response: StoredResponse, keyed: Keyed) -> bool:
        """Whether an answer ends the operation."""
        if redirects.is_repeat(response) or self._leads_to_login(response):
            return False
        try:
            return bool(self._keep(response))
        except Exception as error:
            keyed.report.happened(Kind.KEEP_RAISED, error=error, status=response.status)
            return is_over(response)

    def shown(self, response: StoredResponse, keyed: Keyed, *, replayed: bool = False) -> StoredResponse:
        """An answer as this client gets it: in a coding that it takes, a redirect as it can read it, and with
        the layer's own headers."""
        head = keyed.head
        if replayed:
            response = readable(response, head.text(b"accept-encoding"))
        location = redirects.location_of(response)
        if location is not None and head.text(redirects.ASKS) == "tell":
            login = self._leads_to_login(response)
            response = redirects.told(response, location, keyed.host, login, keyed.target)
        return self._marked(response, head, replayed=replayed)

    def let_through(self, head: StoredResponse, keyed: Keyed) -> StoredResponse:
        """The head of an answer that is passed on as it comes, as this client gets it."""
        return self._marked(head, keyed.head)

    def _report(self, head: Head, key: str | None) -> Report:
        return Report(self._hooks, head.method, head.path, head.all, key)

    def _marked(self, response: StoredResponse, head: Head, *, replayed: bool = False) -> StoredResponse:
        """An answer with the layer's own headers: the echo of the key, if its size is not absurd and a server
        can send it."""
        echo = b", ".join(head.all(b"idempotency-key"))
        is_fit = 0 < len(echo) <= protocol.MAX_HEADER and protocol.can_be_sent(echo)
        own: tuple[Header, ...] = ((b"idempotency-key", echo),) if is_fit else ()
        if replayed:
            own = (*own, (b"idempotency-replayed", b"true"))
        return StoredResponse(response.status, (*response.headers, *own), response.body)

    def _leads_to_login(self, response: StoredResponse) -> bool:
        location = redirects.location_of(response)
        return location is not None and self._is_login(redirects.path_of(location))


def _target(head: Head) -> str:
    source = head.text(redirects.FOLLOWS)
    return source or f"{quote(head.path.rstrip('/') or '/', errors='replace')}?{head.query.decode('latin-1')}"


def _check_store(store: Any) -> None:
    missing = [call for call in _CALLS if not callable(getattr(store, call, None))]
    if isinstance(store, type) or missing:
        raise DeclarationError(f"store is {shown(store)}; give a store, like SQLiteIdempotencyStore(path)")


def _check_patience(store: Any, lease: float) -> None:
    """A renewal that begins a third into a lease may wait for `busy_timeout`, and must then be in time."""
    busy_timeout = getattr(store, "busy_timeout", 0.0)
    if 2 * busy_timeout > lease:
        raise DeclarationError(
            f"lease is {lease:g} s and the store's busy_timeout {busy_timeout:g} s: it could end while its "
            f"renewal waits; give a lease of at least {2 * busy_timeout:g} s, or a shorter busy_timeout"
        )


def _methods(methods: Any) -> Set[str]:
    return frozenset(
        check_method("a method", method) for method in _list("methods", methods, "['POST', 'PUT']")
    )


def _predicate(what: str, paths: Any) -> Callable[[str], bool]:
    if callable(paths):
        predicate: Callable[[str], bool] = _function(what, paths)
        return predicate
    prefixes = tuple(check_text(f"an item of {what}", path) for path in _list(what, paths, "['/api/']"))
    if wrong := [prefix for prefix in prefixes if not prefix.startswith("/")]:
        raise DeclarationError(f"{what} has {shown(wrong[0])}, which no path begins with; give '/{wrong[0]}'")
    return lambda path: path.startswith(prefixes)


def _list(what: str, values: Any, example: str) -> list[Any]:
    """A text is no list, though it has items: they would be taken for methods, or paths."""
    if isinstance(values, str | bytes) or not isinstance(values, Iterable) or not (items := list(values)):
        raise DeclarationError(f"{what} is {shown(values)}; give a list like {example}")
    return items


def _hooks(hooks: Any) -> tuple[Hook, ...]:
    several = () if hooks is None else hooks if isinstance(hooks, Iterable) else (hooks,)
    return tuple(_function("on_event", hook) for hook in several)


def _function(what: str, function: Any) -> Any:
    is_async = inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004 - of an object that can be called
    )
    if not callable(function) or is_async:
        raise DeclarationError(f"{what} is {shown(function)}; give a function that is not async")
    return function
