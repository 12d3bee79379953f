"""FastAPI: a dependency by which single routes take effect once."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from copy import copy
from typing import Any, Unpack

from fastapi import Depends, FastAPI, Header, Request
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection

from .._errors import DeclarationError
from . import _openapi, protocol
from ._asgi import head_of
from ._exchange import EXCHANGE, Collector, Exchange
from .decisions import Passes, Refused
from .idempotency import admit
from .options import Options, RouteOptions, check_longest_body
from .rules import Rules
from .stores import Claimed, IdempotencyStore


class Idempotency:
    """A dependency: routes that have it take effect once, by the rules of `IdempotencyMiddleware`.

        idempotent = Idempotency(store, principal=user_id)
        app = FastAPI()
        idempotent.install(app)

        @app.post("/orders", dependencies=[Depends(idempotent)])

    or, to have the claim for `complete_in`, `claim: Annotated[Claimed, Depends(idempotent)]`. It may as well
    be a dependency of a router; requests whose method takes no key then give `None`.

    The key is claimed after FastAPI has resolved the principal and the dependencies that stand before this
    one, and before the endpoint's own arguments are validated: a replay runs no endpoint and validates
    nothing. What the route answers is collected around the application's own exception handlers, inside of
    every middleware, and is settled when it is whole.

    Args:
        store: where keys and answers are kept.
        principal: a dependency that returns the name of whose request it is, or `None` if nobody is signed
            in; `app.dependency_overrides` holds for it. Keys of different principals never meet.
        options: see `Options`.

    Raises:
        DeclarationError: an argument is wrong, so that nothing would be protected. Also by a request to a
            route of an application in which this is not installed, or whose key was claimed already.
    """

    def __init__(
        self,
        store: IdempotencyStore,
        *,
        principal: Callable[..., Any] | None = None,
        **options: Unpack[Options],
    ):
        self._store = store
        self._principal = principal
        self._rules = Rules(store, principal, options)
        self._longest_body = self._rules.max_body
        self.__signature__ = self._signature()

    def replace(self, **options: Unpack[RouteOptions]) -> Idempotency:
        """The same for a route with options of its own, like `idempotent.replace(wait=5)`.

        Raises:
            DeclarationError: an option is wrong, or `max_body` is over that of the installed one.
        """
        route = copy(self)
        route._rules = self._rules.replace(options)
        check_longest_body(route._rules.max_body, self._longest_body)
        route.__signature__ = route._signature()
        return route

    def install(self, app: FastAPI) -> None:
        """Collects the answers of an application's routes, and documents them in its OpenAPI. Routes may be
        added before or after, and middleware too: this stays inside of all.

        Raises:
            DeclarationError: the application runs already, or has an `Idempotency` installed.
        """
        if app.middleware_stack is not None:
            raise DeclarationError("the application runs already; install before its first request")
        installed: list[Any] = [middleware.cls for middleware in app.user_middleware]
        if Collector in installed:
            raise DeclarationError("the application has an Idempotency installed; use replace() of that one")
        app.user_middleware.append(Middleware(Collector, longest_body=self._longest_body))
        undocumented = app.openapi
        # Assigned as FastAPI's own documentation does it ("Extending OpenAPI").
        setattr(app, "openapi", lambda: _openapi.documented(undocumented()))  # noqa: B010

    async def __call__(self, connection: HTTPConnection, **resolved: Any) -> Claimed | None:
        """What FastAPI calls, with what `__signature__` says. It returns the claim; `None` if the request
        takes no key, or is for a WebSocket."""
        if not isinstance(request := connection, Request):
            return None
        exchange: Exchange | None = request.scope.get(EXCHANGE)
        if exchange is None:
            raise DeclarationError("a route depends on an Idempotency; call its install(app) at start-up")
        head = head_of(request.scope)
        match self._rules.judge(head):
            case Passes():
                return None
            case Refused(response):
                raise exchange.ended(self._rules.refused(response, head))
            case keyed:
                if exchange.is_claimed:
                    raise DeclarationError("the key was claimed already; give a route one Idempotency only")
                body = await exchange.body(request.body)
                if body is None or len(body) > keyed.rules.max_body:
                    refusal = protocol.too_large(keyed.rules.max_body)
                    raise exchange.ended(self._rules.refused(refusal, head, keyed.key))
                exchange.is_claimed = True
                admitted = await admit(self._store, keyed, resolved.get("principal"), body)
                if not isinstance(admitted, Claimed):
                    raise exchange.ended(admitted)
                exchange.begin(request.scope, self._store, keyed, admitted)
                return admitted

    def _signature(self) -> inspect.Signature:
        """What FastAPI is to resolve. The header is optional to it: that it is missing is ours to refuse."""
        key = Header(
            None,
            alias=_openapi.HEADER,
            description=_openapi.DESCRIPTION,
            json_schema_extra=_openapi.mark(self._rules.methods, self._rules.required),
        )
        first, keyword = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY
        parameters = [
            inspect.Parameter("connection", first, annotation=HTTPConnection),
            inspect.Parameter("idempotency_key", keyword, default=key, annotation=str | None),
        ]
        if self._principal is not None:
            resolved = Depends(self._principal)
            parameters.append(inspect.Parameter("principal", keyword, default=resolved, annotation=Any))
        return inspect.Signature(parameters)
