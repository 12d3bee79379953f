"""The options of the idempotency layer, the same in every adapter, and what they may say."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Set
from typing import Any, TypedDict

from .._checks import check_method, check_text
from .._errors import DeclarationError
from .._text import shown
from .events import Hook
from .fingerprints import Content
from .stores import StoredResponse

_CALLS = ("claim", "renew", "complete", "release", "prune")


class RouteOptions(TypedDict, total=False):
    """What may be set for the whole site, and otherwise for one route."""

    required: bool
    """Refuse a request without a key with 400 instead of passing it through. True by default."""

    keep: Callable[[StoredResponse], bool]
    """Whether an answer ends the operation and is replayed from then on; by default `is_over`."""

    fingerprint: Content
    """What counts of a body when two requests are compared; by default `raw`, every byte."""

    ttl: float
    """Seconds that an answer is kept, by default 14 days. It should outlast the longest time a browser may be
    off between losing an answer and asking again."""

    lease: float
    """Seconds after which a key is free again when the process that claimed it died, by default 60. While the
    application runs the lease is renewed. At least twice the store's `busy_timeout`."""

    wait: float
    """Seconds to wait for an attempt that is running before the answer is 409, by default 0."""

    max_body: int
    """Bytes of a request's body, which is held in memory; a larger one is 413. By default 32 MiB."""

    max_response: int
    """Bytes of an answer's body that are kept, by default 1 MiB. A larger answer is passed on as it comes,
    and its replay has its status and no body."""


class Options(RouteOptions, total=False):
    """The options of a whole site."""

    methods: Iterable[str]
    """The methods that take a key, by default DELETE, PATCH, POST and PUT; others pass through."""

    paths: Callable[[str], bool] | Iterable[str] | None
    """Which paths do: a predicate, or how they begin. They are as the application's routes have them, without
    what it is mounted under. `None`, the default: all."""

    routes: Mapping[str, RouteOptions]
    """Options of single routes instead of the site's, by how their paths begin. Of several beginnings the
    longest counts."""

    login: Callable[[str], bool] | Iterable[str]
    """Which paths are of a login, to which a redirect is no end: a predicate, or how they begin. By default
    those with a segment like `login`, `signin` or `sso`."""

    on_event: Hook | Iterable[Hook]
    """What is called with each `Event`, or several of them; by default nothing. See `events.Hook`."""


def check_known(options: Mapping[str, Any], kind: type[RouteOptions]) -> None:
    """Refuses what is no option, and for a route what is an option of the whole site."""
    known = ", ".join(kind.__annotations__)
    for name in sorted(options.keys() - kind.__annotations__):
        if name in Options.__annotations__:
            raise DeclarationError(f"{name} is an option of the whole site; a route may have {known}")
        raise DeclarationError(f"there is no option {name}; there are {known}")


def check_store(store: Any) -> None:
    """A store itself, not its class."""
    missing = [call for call in _CALLS if not callable(getattr(store, call, None))]
    if isinstance(store, type) or missing:
        raise DeclarationError(f"store is {shown(store)}; give a store, like SQLiteIdempotencyStore(path)")


def check_patience(store: Any, lease: float) -> None:
    """A renewal that begins a third into a lease may wait for `busy_timeout`, and must then be in time."""
    busy_timeout = getattr(store, "busy_timeout", 0.0)
    if 2 * busy_timeout > lease:
        raise DeclarationError(
            f"lease is {lease:g} s and the store's busy_timeout {busy_timeout:g} s: it could end while its "
            f"renewal waits; give a lease of at least {2 * busy_timeout:g} s, or a shorter busy_timeout"
        )


def check_longest_body(of_route: int, of_site: int) -> None:
    """A body is remembered up to the site's `max_body` before its route is known."""
    if of_route > of_site:
        raise DeclarationError(f"max_body of a route is {of_route}; give at most the site's, {of_site}")


def methods_of(methods: Any) -> Set[str]:
    """Methods, in upper case."""
    return frozenset(
        check_method("a method", method) for method in _list("methods", methods, "['POST', 'PUT']")
    )


def predicate_of(what: str, paths: Any) -> Callable[[str], bool]:
    """A predicate, or one of the beginnings of paths."""
    if callable(paths):
        predicate: Callable[[str], bool] = function_of(what, paths)
        return predicate
    prefixes = beginnings_of(what, paths)
    return lambda path: path.startswith(prefixes)


def beginnings_of(what: str, paths: Any) -> tuple[str, ...]:
    """How paths begin: with a slash, or none would."""
    prefixes = tuple(check_text(f"an item of {what}", path) for path in _list(what, paths, "['/api/']"))
    if wrong := [prefix for prefix in prefixes if not prefix.startswith("/")]:
        raise DeclarationError(f"{what} has {shown(wrong[0])}, which no path begins with; give '/{wrong[0]}'")
    return prefixes


def routes_of(routes: Any, paths: tuple[str, ...] | None) -> Mapping[str, RouteOptions]:
    """Options by how paths begin. One outside of `paths` would never count."""
    if not isinstance(routes, Mapping):
        raise DeclarationError(f"routes is {shown(routes)}; give a dict like {{'/api/': {{'wait': 5}}}}")
    for start in beginnings_of("routes", routes) if routes else ():
        if not isinstance(routes[start], Mapping):
            raise DeclarationError(f"routes has {shown(routes[start])} for {start}; give a dict of options")
        if paths and not any(start.startswith(path) or path.startswith(start) for path in paths):
            raise DeclarationError(f"routes has {start}, which is in none of paths; add it to paths")
    return routes


def hooks_of(hooks: Any) -> tuple[Hook, ...]:
    """One hook, several, or none."""
    several = () if hooks is None else hooks if isinstance(hooks, Iterable) else (hooks,)
    return tuple(function_of("on_event", hook) for hook in several)


def function_of(what: str, function: Any) -> Any:
    """A function that is not async: it is called where nothing can be awaited."""
    is_async = inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004 - of an object that can be called
    )
    if not callable(function) or is_async:
        raise DeclarationError(f"{what} is {shown(function)}; give a function that is not async")
    return function


def _list(what: str, values: Any, example: str) -> list[Any]:
    """A text is no list, though it has items: they would be taken for methods, or paths."""
    if isinstance(values, str | bytes) or not isinstance(values, Iterable) or not (items := list(values)):
        raise DeclarationError(f"{what} is {shown(values)}; give a list like {example}")
    return items
