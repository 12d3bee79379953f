"""The transport port over `fetch`."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from .._errors import InvalidRequest
from .._http import Request, Response, TransportError
from .convert import value_to_js


class FetchTransport:
    """Implements `pyqueue._ports.Transport`. Cookies go with requests to the site's own origin, and elsewhere
    as the request says. The browser has the last word on where a URL leads.

    Args:
        bridge: worker/bridge.js.
    """

    def __init__(self, bridge: Any):
        self._bridge = bridge

    async def send(self, request: Request) -> Response:
        """See `Transport.send`."""
        head = {
            "method": request.method,
            "url": request.url,
            "headers": dict(request.headers),
            "encoding": request.encoding,
            "timeout": request.timeout,
            "redirect": request.redirect,
            "origin": request.origin,
            "credentials": request.credentials,
        }
        exchange = self._bridge.send(json.dumps(head), value_to_js(request.body))
        try:
            answer = await exchange.answer
        except asyncio.CancelledError:
            exchange.abort()
            raise
        if answer.ok:
            return Response(body=answer.body.to_bytes(), **json.loads(answer.head))
        if answer.name == "invalid":
            raise InvalidRequest(f"{request.method} {request.url} cannot be sent: {answer.message}")
        raise TransportError(answer.name, answer.message)
