"""Flask: an extension by which single views take effect once, and the browser files as a blueprint."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, Unpack, cast

from flask import Blueprint, Flask, Response, current_app, request
from markupsafe import Markup
from werkzeug.datastructures import Headers

from .._errors import DeclarationError
from . import protocol
from ._environ import App, head_of, texts
from ._wsgi_exchange import EXCHANGE, Collector, Exchange
from .decisions import Passes, Refused
from .files import BrowserFiles
from .options import Options, RouteOptions, check_longest_body
from .page import script_tag
from .rules import CLAIM, Rules
from .stores import Claimed, IdempotencyStore, StoredResponse
from .wsgi import admit

P = ParamSpec("P")
R = TypeVar("R")


class Idempotency:
    """An extension whose decorator makes views take effect once, by the rules of `IdempotencyMiddleware`.

        idempotent = Idempotency(store, principal=lambda: session.get("user"))
        idempotent.init_app(app)

        @app.post("/orders")
        @login_required
        @idempotent
        def order(): ...

    The key is claimed when the view would run, after the functions of `before_request` and the decorators
    above this one: they hold for a replay too, and what they set can be read by `principal`. A replay goes
    through `after_request` as any answer does. What the client gets in the end is what is kept, error
    handlers and streams included, and it is settled when it is whole.

    Args:
        store: where keys and answers are kept; its blocking face is used.
        principal: called with the request at hand (`session`, `g`, `current_user` can be read); returns the
            name of whose request it is, or `None` if nobody is signed in. Keys of different principals never
            meet.
        options: see `Options`.

    Raises:
        DeclarationError: an argument is wrong, so that nothing would be protected. Also by a request to a
            view of an application in which this is not installed, or whose key was claimed already.
    """

    def __init__(
        self,
        store: IdempotencyStore,
        *,
        principal: Callable[[], str | None] | None = None,
        **options: Unpack[Options],
    ):
        self._rules = Rules(store, principal, options)
        if not hasattr(store, "sync"):
            raise DeclarationError("store has no `sync`: give one that can be used without an event loop")
        self._store = store.sync
        self._principal = principal
        self._longest_body = self._rules.max_body

    def replace(self, **options: Unpack[RouteOptions]) -> Idempotency:
        """The same for a view with options of its own, like `@idempotent.replace(wait=5)`.

        Raises:
            DeclarationError: an option is wrong, or `max_body` is over that of the installed one.
        """
        view = copy(self)
        view._rules = self._rules.replace(options)
        check_longest_body(view._rules.max_body, self._longest_body)
        return view

    def init_app(self, app: Flask) -> None:
        """Collects the answers of an application's views.

        Raises:
            DeclarationError: the application has an `Idempotency` installed.
        """
        if "pyqueue" in app.extensions:
            raise DeclarationError("the application has an Idempotency installed; use replace() of that one")
        app.extensions["pyqueue"] = self
        # Assigned as Flask's own documentation does it ("WSGI middleware").
        setattr(app, "wsgi_app", Collector(cast(App, app.wsgi_app), self._longest_body))  # noqa: B010
        app.jinja_env.globals["pyqueue_script"] = self.script

    def script(self, src: str = "/pyqueue/pyqueue.js", **options: Any) -> Markup:
        """The script tag of a page, with who is signed in; in templates `{{ pyqueue_script() }}`.

        Args:
            src: the address of the script.
            options: `nonce` and `hash`, see `pyqueue.server.script_tag`.
        """
        return Markup(script_tag(self._principal() if self._principal else None, src, **options))

    def __call__(self, view: Callable[P, R]) -> Callable[P, R | Response]:
        """Decorates a view; a class of views names it in `decorators`."""

        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R | Response:
            instead = self._claim()
            if instead is not None:
                return _response(instead)
            return cast(R, current_app.ensure_sync(view)(*args, **kwargs))

        return guarded

    @property
    def claim(self) -> Claimed:
        """The claim of the request at hand, for `complete_in`.

        Raises:
            DeclarationError: its view is not decorated, or takes no key.
        """
        claim: Claimed | None = request.environ.get(CLAIM)
        if claim is None:
            raise DeclarationError("no key is claimed; decorate the view, and require a key")
        return claim

    def _claim(self) -> StoredResponse | None:
        """Claims the key of the request at hand, or returns what the client gets instead."""
        environ = request.environ
        exchange: Exchange | None = environ.get(EXCHANGE)
        if exchange is None:
            raise DeclarationError("a view has an Idempotency; call its init_app(app) at start-up")
        head = head_of(environ)
        match self._rules.judge(head):
            case Passes():
                return None
            case Refused(response):
                return self._rules.refused(response, head)
            case keyed:
                if exchange.is_claimed:
                    raise DeclarationError("the key was claimed already; give a view one Idempotency only")
                limit = keyed.rules.max_body
                is_long = (request.content_length or 0) > limit
                body = None if is_long else exchange.body(request.get_data)
                if body is None or len(body) > limit:
                    return self._rules.refused(protocol.too_large(limit), head, keyed.key)
                principal = self._principal() if self._principal is not None else None
                admitted = admit(self._store, keyed, principal, body)
                if not isinstance(admitted, Claimed):
                    return admitted
                exchange.begin(environ, self._store, keyed, admitted)
                return None


def assets(tasks: str | Path | None = None, directory: str | Path | None = None) -> Blueprint:
    """`pyqueue.server.assets` as a blueprint: `app.register_blueprint(assets(tasks="tasks.py"))`.

    It serves at `/pyqueue`, or at the `url_prefix` that it is registered with.
    """
    files = BrowserFiles(tasks, directory)
    blueprint = Blueprint("pyqueue", __name__, url_prefix="/pyqueue")

    @blueprint.get("/<path:name>")
    def file(name: str) -> Response:
        return _response(
            files.answer(
                request.method,
                name,
                accept_encoding=request.headers.get("Accept-Encoding", ""),
                if_none_match=request.headers.get("If-None-Match", ""),
            )
        )

    return blueprint


def _response(stored: StoredResponse) -> Response:
    response = Response(stored.body, stored.status)
    # All of them: Werkzeug gives a type of its own to an answer that has none.
    response.headers = Headers(texts(stored))
    return response
