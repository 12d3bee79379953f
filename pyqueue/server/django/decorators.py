"""What a view says of itself: its options, and that its effect and its kept answer are one transaction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar, Unpack, overload

from asgiref.sync import iscoroutinefunction
from django.db import connections, transaction

from ..._checks import check_flag
from ..._errors import DeclarationError
from .. import protocol
from ..decisions import Keyed
from ..options import RouteOptions
from ..responses import stored
from ..stores import ClaimLost
from ._http import response_of
from .configuration import configuration

View = TypeVar("View", bound=Callable[..., Any])

_ABSENT = (
    "the request has not come through pyqueue.server.django.middleware.IdempotencyMiddleware: add it to "
    "MIDDLEWARE"
)


@dataclass(frozen=True, slots=True)
class Marking:
    """What `@idempotent` says of a view.

    Attributes:
        options: of the layer.
        atomic: whether effect and answer are one transaction.
    """

    options: RouteOptions
    atomic: bool


@overload
def idempotent(view: View, /) -> View: ...


@overload
def idempotent(*, atomic: bool | None = None, **options: Unpack[RouteOptions]) -> Callable[[View], View]: ...


def idempotent(view: Any = None, /, *, atomic: bool | None = None, **options: Unpack[RouteOptions]) -> Any:
    """A view whose requests take effect once, wherever it is; one without a key is refused with 400.

    Of a class-based view it marks `dispatch` (by `method_decorator`), or what `as_view()` returns.

    Args:
        view: the view.
        atomic: whether the view runs within `transaction.atomic()` of the keys' database, in which its answer
            is recorded too: the effect then happens exactly once, whatever crashes when. An answer that does
            not end the operation, with a status of 400 or more unless `keep` says otherwise, rolls back what
            the view wrote. By default `PYQUEUE["ATOMIC"]`.
        options: instead of the site's, see `RouteOptions`. `required=False` lets a request without a key
            pass, for which no transaction is begun.

    Raises:
        DeclarationError: an option is unknown or wrong, or the view cannot be atomic. Also by a request that
            has not come through the middleware.
    """

    site = configuration()
    is_atomic = site.atomic if atomic is None else check_flag("atomic", atomic)
    site.rules_of(options)
    marking = Marking(options, is_atomic)

    def mark(view: Any) -> Any:
        if is_atomic:
            _check_atomic(view, site.store)
        if iscoroutinefunction(view):

            @wraps(view)
            async def on_loop(request: Any, *args: Any, **kwargs: Any) -> Any:
                _check_seen(request, marking)
                return await view(request, *args, **kwargs)

            run: Any = on_loop
        else:

            @wraps(view)
            def blocking(request: Any, *args: Any, **kwargs: Any) -> Any:
                keyed = _check_seen(request, marking)
                if not is_atomic or request.pyqueue_claim is None:
                    return view(request, *args, **kwargs)
                return _run_atomic(site.store, keyed, request, lambda: view(request, *args, **kwargs))

            run = blocking
        run.pyqueue = marking
        return run

    return mark if view is None else mark(view)


def marking_of(view: Any) -> Marking | None:
    """What `@idempotent` says of a view; `None` if it is not marked."""
    marking = getattr(view, "pyqueue", None)
    return marking if isinstance(marking, Marking) else None


def complete_in(connection: Any, request: Any, response: Any) -> None:
    """Records the answer to a request in the application's own open transaction.

    See `DatabaseIdempotencyStore.complete_in`, for what it is and raises.

    Args:
        connection: `django.db.connection`, or one of `connections`, within `transaction.atomic()`.
        request: as the view got it.
        response: what this attempt, and every later one with the key, answers.

    Raises:
        DeclarationError: the request is not guarded, so that there is nothing to record an answer for.
    """
    if not hasattr(request, "pyqueue_claim"):
        raise DeclarationError(_ABSENT)
    if request.pyqueue_claim is None:
        raise DeclarationError(
            f"{request.method} {request.path} is not guarded, or came without a key: mark the view with "
            "@idempotent, or record an answer only if request.pyqueue_claim is not None"
        )
    store: Any = configuration().store
    _check_store(store)
    store.complete_in(connection, request.pyqueue_claim, response)


def _run_atomic(store: Any, keyed: Keyed, request: Any, run: Callable[[], Any]) -> Any:
    try:
        with transaction.atomic(store.database):
            response = run()
            if not getattr(response, "is_rendered", True):
                response.render()
            answer = stored(response)
            if keyed.rules.is_over(answer, keyed):
                store.complete_in(connections[store.database], request.pyqueue_claim, answer)
            else:
                transaction.set_rollback(True, store.database)
            return response
    except ClaimLost:  # The lease ended, and another attempt has the key.
        return response_of(protocol.in_flight(0.0))


def _check_seen(request: Any, marking: Marking) -> Any:
    """The request as the middleware judged it."""
    visit = getattr(request, "_pyqueue", None)
    if visit is None:
        raise DeclarationError(_ABSENT)
    if visit.marking != marking:  # `method_decorator` marks a method again at each call.
        raise DeclarationError(
            "a decorator around @idempotent hides it from the middleware: put @idempotent outermost, or use "
            "functools.wraps in that decorator"
        )
    return visit.keyed


def _check_atomic(view: Any, store: Any) -> None:
    _check_store(store)
    if iscoroutinefunction(view):
        raise DeclarationError(
            f"{view.__qualname__} is async, where Django has no transactions: give atomic=False, and write "
            "the effect in a function that is not async, with complete_in()"
        )


def _check_store(store: Any) -> None:
    if not hasattr(store, "database"):
        raise DeclarationError(
            "PYQUEUE['STORE'] is not in the site's own database: an effect there and its answer cannot be "
            "one transaction; leave STORE out"
        )
