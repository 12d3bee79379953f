"""A server in memory that keeps the rules of `IdempotencyMiddleware`."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from .._http import Request, Response, TransportError
from .._principal import HEADER, NOBODY, to_header
from .._problem import PRINCIPAL_MISMATCH

Answer = Response | TransportError | int
"""An answer to give: a response, a bare status, or none at all."""


@dataclass
class FakeServer:
    """The Transport port: a server that does each key's effect once.

    Attributes:
        answers: scripted answers, used up one a request, before the idempotency key is looked at; once
            empty, requests are answered by `handle`.
        handle: answers a request whose key is new. Its 2xx answer is an effect, and is replayed; another
            request with its key is refused with 422.
        latency: seconds until the request arrives, and again until the answer does.
        lose_replies: while true, effects happen but their answers are lost.
        offline: while true, nothing arrives and the browser knows it.
        session: the principal who is signed in; `None`: the server does not look.
        requests: every request that arrived, in order.
        effects: every request that had an effect, in order.
    """

    answers: deque[Answer] = field(default_factory=deque)
    handle: Callable[[Request], Response] = lambda request: Response(201)
    latency: float = 0.01
    lose_replies: bool = False
    offline: bool = False
    session: str | None = None
    requests: list[Request] = field(default_factory=list)
    effects: list[Request] = field(default_factory=list)
    _replies: dict[str, tuple[Request, Response]] = field(default_factory=dict)

    async def send(self, request: Request) -> Response:
        await asyncio.sleep(self.latency)
        if self.offline:
            raise TransportError("offline", "there is no network")
        self.requests.append(request)
        if self.answers:
            answer = self.answers.popleft()
            if isinstance(answer, TransportError):
                raise answer
            response = Response(answer) if isinstance(answer, int) else answer
        else:
            response = self._once(request)
        await asyncio.sleep(self.latency)
        if self.lose_replies:
            raise TransportError("network", "the connection was closed")
        return response

    def _once(self, request: Request) -> Response:
        stated = request.headers.get(HEADER)
        if self.session is not None and stated is not None and stated != to_header(self.session):
            return mismatch(self.session != NOBODY)
        key = request.headers.get("Idempotency-Key")
        if key is not None and key in self._replies:
            first, response = self._replies[key]
            if _asked(first) != _asked(request):
                response = problem(422, "key-reused")
            return with_header(response, "idempotency-key", key)
        response = self.handle(request)
        if response.ok:
            self.effects.append(request)
            if key is not None:
                self._replies[key] = (request, response)
        return response if key is None else with_header(response, "idempotency-key", key)


def _asked(request: Request) -> tuple[str, str, object]:
    """What two requests have in common that ask for the same."""
    return request.method, request.url, request.body


def problem(status: int, code: str) -> Response:
    """A refusal of the idempotency layer."""
    members = {"type": f"urn:pyqueue:idempotency:{code}", "status": status}
    return Response(status, {"content-type": "application/problem+json"}, json.dumps(members).encode())


def mismatch(signed_in: bool) -> Response:
    """A refusal of what another principal wrote than the one who is signed in.

    Args:
        signed_in: whether anybody is.
    """
    members = {"type": PRINCIPAL_MISMATCH, "status": 403, "signed_in": signed_in}
    return Response(403, {"content-type": "application/problem+json"}, json.dumps(members).encode())


def with_header(response: Response, name: str, value: str) -> Response:
    """A response with one more header."""
    return replace(response, headers={**response.headers, name: value})


def json_response(status: int, value: object) -> Response:
    """A response with a JSON body."""
    return Response(status, {"content-type": "application/json"}, json.dumps(value).encode())
