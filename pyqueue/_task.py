"""Task: what one declaration of `tasks.py` says."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypedDict, get_args

from ._checks import check_choice, check_instance, check_number, check_text
from ._errors import DeclarationError
from ._http import Encoding, Response
from ._outcome import Outcome
from ._retry import Retry
from ._template import Template, URLTemplate
from ._vocabulary import MAX_SECONDS, MAX_TIMEOUT, Encryption, OnConflict

Redirect = Literal["hold", "done", "follow"]
OnFailure = Literal["continue", "block"]
Encrypt = bool | Literal["device", "secret"]

TaskFunction = Callable[..., Awaitable[Any]]
Classify = Callable[[Response], Outcome | None]

SHORTEST: Final = 0.001
"""Seconds: the least that a timeout or an expiry may be."""


class TaskOptions(TypedDict, total=False):
    """The options that every task has. Those that are left out are the queue's, or have no effect."""

    label: str | None
    """What a person calls it, as `Comment`."""

    ordering_key: str | None
    """A template; jobs with the same key are delivered in order. `None`: no order."""

    unique_key: str | None
    """A template; at most one open job has the same key."""

    on_conflict: Literal["keep", "replace"]
    """Whether the open job with the same unique key stays, or the new one takes its place."""

    on_failure: OnFailure
    """Whether a failed job lets the next of its ordering key pass, or holds them until a person acts."""

    delay: float
    """Seconds after the enqueue before which it is not sent; at most 10 years."""

    expires: float | None
    """Seconds after the enqueue after which it is not sent; at most 10 years."""

    timeout: float | None
    """Seconds for one request; at most a day."""

    retry: Retry | None
    """How often and how patiently it is tried."""

    encrypt: Encrypt
    """Whether payloads, results and error bodies are encrypted on the disk, and by which key: see
    docs/security.md."""


@dataclass(frozen=True, slots=True)
class Route:
    """How a task becomes one HTTP request. `Queue.http` documents the fields."""

    method: str
    url: URLTemplate
    headers: Mapping[str, str] = field(default_factory=dict)
    encoding: Encoding = "auto"
    redirect: Redirect = "hold"
    require_key_echo: bool = False
    classify: Classify | None = None
    seal: bool = False


@dataclass(frozen=True, slots=True)
class Task:
    """One declared task: its options, see `TaskOptions`, and either a route or a function.

    Attributes:
        name: `None`: the task of jobs that carry their own request.
    """

    name: str | None
    label: str | None
    ordering_key: Template | None
    unique_key: Template | None
    on_conflict: OnConflict
    on_failure: OnFailure
    delay: float
    expires: float | None
    timeout: float
    retry: Retry
    encryption: Encryption | None = None
    route: Route | None = None
    function: TaskFunction | None = None

    @property
    def clear(self) -> list[str]:
        """The payload's fields that templates read: they stay legible where the payload is encrypted."""
        url = None if self.route is None else self.route.url
        templates = (url, self.ordering_key, self.unique_key)
        return sorted({name for template in templates if template is not None for name in template.names})


def make_task(
    name: str | None,
    options: TaskOptions,
    *,
    ordering_key: str | None,
    timeout: float,
    retry: Retry,
    encrypt: Encrypt = False,
    route: Route | None = None,
    function: TaskFunction | None = None,
) -> Task:
    """A task with its options checked.

    Args:
        name: what `enqueue` calls it.
        options: as the user gave them.
        ordering_key, timeout, retry, encrypt: the queue's, where the options name none.
        route, function: what it does.

    Raises:
        DeclarationError: an option is unknown or wrong.
    """
    what = f"task {name!r}"
    if unknown := sorted(options.keys() - TaskOptions.__annotations__):
        known = ", ".join(TaskOptions.__annotations__)
        raise DeclarationError(f"{what} has no option {', '.join(unknown)}; there are {known}")
    label = options.get("label")
    expires, own_timeout, own_retry = options.get("expires"), options.get("timeout"), options.get("retry")
    delay = check_number(f"{what}: delay", options.get("delay", 0.0), 0.0, MAX_SECONDS)
    if expires is not None:
        expires = check_number(f"{what}: expires", expires, SHORTEST, MAX_SECONDS)
        if expires <= delay:
            raise DeclarationError(f"{what} expires after {expires:g} s, within its delay of {delay:g} s")
    on_conflict = check_choice(f"{what}: on_conflict", options.get("on_conflict", "keep"), tuple(OnConflict))
    return Task(
        name=name,
        label=None if label is None else check_text(f"{what}: label", label),
        ordering_key=_template(options.get("ordering_key", ordering_key)),
        unique_key=_template(options.get("unique_key")),
        on_conflict=OnConflict(on_conflict),
        on_failure=check_choice(
            f"{what}: on_failure", options.get("on_failure", "continue"), get_args(OnFailure)
        ),
        delay=delay,
        expires=expires,
        timeout=timeout
        if own_timeout is None
        else check_number(f"{what}: timeout", own_timeout, SHORTEST, MAX_TIMEOUT),
        retry=retry if own_retry is None else check_instance(f"{what}: retry", own_retry, Retry),
        encryption=check_encryption(f"{what}: encrypt", options.get("encrypt", encrypt)),
        route=route,
        function=function,
    )


def check_encryption(what: str, encrypt: Any) -> Encryption | None:
    """What `encrypt` says.

    Raises:
        DeclarationError: it is neither a boolean nor one of the words.
    """
    if isinstance(encrypt, bool):
        return Encryption.DEVICE if encrypt else None
    return Encryption(check_choice(what, encrypt, tuple(Encryption)))


def check_function(task: str, function: Any) -> None:
    """Checks that a task function can be called as `function(context, **payload)` and awaited.

    Raises:
        DeclarationError: it cannot.
    """
    if not inspect.iscoroutinefunction(function):
        raise DeclarationError(f"task {task!r} must be an async function: async def f(ctx, *, ...)")
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    first, *others = inspect.signature(function).parameters.values() or (None,)
    unreachable = [
        other.name
        for other in others
        if other.kind is inspect.Parameter.POSITIONAL_ONLY and other.default is inspect.Parameter.empty
    ]
    if first is None or first.kind not in (*positional, inspect.Parameter.VAR_POSITIONAL) or unreachable:
        raise DeclarationError(
            f"task {task!r} must take its context first, and the payload's fields by their names: "
            "async def f(ctx, *, ...)"
        )


def _template(text: str | None) -> Template | None:
    return None if text is None else Template(text)
