"""What the idempotency layer decides, free of any server interface: adapters ask, and carry it out."""

from __future__ import annotations

import time
from collections.abc import Iterator
from copy import copy
from typing import Any, Final
from urllib.parse import quote

from .._checks import check_count, check_flag, check_number
from .._errors import DeclarationError
from .._text import shown
from . import principals, protocol, redirects
from .answer import Answer, Header, readable
from .decisions import Head, Keep, Keyed, Passes, Refused, Release, Unreachable
from .events import Kind
from .fingerprints import fingerprint, raw
from .options import (
    Options,
    RouteOptions,
    beginnings_of,
    check_known,
    check_patience,
    check_store,
    function_of,
    hooks_of,
    methods_of,
    predicate_of,
    routes_of,
)
from .report import Report
from .stores import InFlight, Mismatch, Replay, StoredResponse

CLAIM: Final = "pyqueue.claim"
"""Where the application finds its `Claimed`: in the ASGI scope, or the WSGI environment."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 1.0
"""Seconds between two looks at an attempt that is waited for."""


def is_over(response: StoredResponse) -> bool:
    """Whether an answer says that the operation is over: any status below 400.

    Every other answer says that nothing was done. Its key is released, so that the same job can be sent
    again with the same key once a person has logged in, made room, or the server has recovered. So does a
    redirect with 307 or 308, or to a login, whatever `keep` says.
    """
    return response.status < 400


_DEFAULTS: Final[Options] = {
    "required": True,
    "keep": is_over,
    "fingerprint": raw,
    "ttl": 14 * 86400.0,
    "lease": 60.0,
    "wait": 0.0,
    "max_body": 32 << 20,
    "max_response": 1 << 20,
}


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
        check_known(options, Options)
        check_store(store)
        if principal is not None and not callable(principal):
            raise DeclarationError(f"principal is {shown(principal)}; give a function that returns a name")
        self.methods = methods_of(options.get("methods", ("DELETE", "PATCH", "POST", "PUT")))
        paths = options.get("paths")
        beginnings = None if paths is None or callable(paths) else beginnings_of("paths", paths)
        self._guards = (lambda path: True) if paths is None else predicate_of("paths", beginnings or paths)
        self._is_login = predicate_of("login", options.get("login", redirects.is_login))
        self._hooks = hooks_of(options.get("on_event", ()))
        self._store = store
        self._knows_people = principal is not None
        self._set({**_DEFAULTS, **options})
        routes = routes_of(options.get("routes", {}), beginnings)
        longest_first = sorted(routes, key=len, reverse=True)
        self._routes = [(start, self.replace(routes[start])) for start in longest_first]

    def _set(self, options: Options) -> None:
        self.required = check_flag("required", options["required"])
        self._keep = function_of("keep", options["keep"])
        self._content = function_of("fingerprint", options["fingerprint"])
        self.ttl = check_number("ttl", options["ttl"], 1.0, 10 * 365 * 86400.0)
        self.lease = check_number("lease", options["lease"], 0.1, 86400.0)
        self._wait = check_number("wait", options["wait"], 0.0, 3600.0)
        self.max_body = check_count("max_body", options["max_body"], 0, 1 << 40)
        self.max_response = check_count("max_response", options["max_response"], 0, 1 << 40)
        check_patience(self._store, self.lease)
        self._options = options

    def replace(self, options: RouteOptions) -> Rules:
        """The rules of one route: with these options instead of the site's.

        Raises:
            DeclarationError: an option is unknown, wrong, or of the site as a whole.
        """
        check_known(options, RouteOptions)
        rules = copy(self)
        rules._routes = []
        rules._set({**self._options, **options})
        return rules

    def judge(self, head: Head) -> Passes | Refused | Keyed:
        """What becomes of a request, by its head and the rules of its route."""
        return self._of(head.route)._judge(head)

    def _of(self, path: str) -> Rules:
        return next((rules for start, rules in self._routes if path.startswith(start)), self)

    def _judge(self, head: Head) -> Passes | Refused | Keyed:
        if head.method.upper() not in self.methods or not self._guards(head.route):
            return Passes()
        values = head.all(b"idempotency-key")
        if not values:
            return Refused(protocol.key_missing()) if self.required else Passes()
        host = protocol.normal_host(head.text(b"host"), head.scheme)
        if not protocol.is_host(host):
            return Refused(protocol.host_invalid())
        try:
            if len(values) > 1:
                raise protocol.InvalidKey("Idempotency-Key must be sent once")
            key = protocol.parse_key(values[0])
            return Keyed(head, key, host, _target(head), self, self._report(head, key))
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

    def stranger(self, keyed: Keyed, principal: Any) -> StoredResponse | None:
        """The refusal of what somebody else wrote than whoever is signed in; `None`: it may go on.

        Args:
            keyed: the request.
            principal: as the site's own `principal` returned it. A site without one does not look.
        """
        if not self._knows_people:
            return None
        refusal = principals.mismatch(keyed.head.all(principals.NAME), principal)
        return None if refusal is None else self.refused(refusal, keyed.head, keyed.key)

    def fingerprint(self, keyed: Keyed, body: bytes) -> bytes:
        """See `fingerprints.fingerprint`. With its body the request is whole: what follows is the layer's."""
        keyed.report.begin()
        head = keyed.head
        return fingerprint(head.method, keyed.target, self._content(head.text(b"content-type"), body))

    def pauses(self) -> Iterator[float]:
        """Seconds to pause between two looks at another attempt, as long as it is to be waited for."""
        end, pause = time.monotonic() + self._wait, _FIRST_PAUSE
        while (left := end - time.monotonic()) > 0:
            yield min(pause, left)
            pause = min(pause * 2, _LONGEST_PAUSE)

    def answer(self, keyed: Keyed) -> Answer:
        """What collects the application's answer."""
        return Answer(keyed.head.method, self.max_response)

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
