"""The transport port over `fetch`."""

from __future__ import annotations

import asyncio
from typing import Any

from js import Object
from pyodide.ffi import to_js

from .._errors import InvalidRequest
from .._http import Request, Response, TransportError
from .convert import value_to_js


class FetchTransport:
    """Implements `pyqueue._ports.Transport`. Cookies go with requests to the site's own origin.

    Args:
        bridge: worker/bridge.js.
    """

    def __init__(self, bridge: Any):
        self._bridge = bridge

    async def send(self, request: Request) -> Response:
        """See `Transport.send`."""
        exchange = self._bridge.send(
            to_js(
                {
                    "method": request.method,
                    "url": request.url,
                    "headers": dict(request.headers),
                    "body": value_to_js(request.body),
                    "encoding": request.encoding,
                    "timeout": request.timeout,
                    "redirect": request.redirect,
                },
                dict_converter=Object.fromEntries,
            )
        )
        try:
            answer = await exchange.answer
        except asyncio.CancelledError:
            exchange.abort()
            raise
        if answer.ok:
            value = answer.value
            return Response(
                status=value.status,
                headers=value.headers.to_py(),
                body=value.body.to_bytes(),
                redirected=value.redirected,
                truncated=bool(getattr(value, "truncated", False)),
            )
        if answer.name == "invalid":
            raise InvalidRequest(f"{request.method} {request.url} cannot be sent: {answer.message}")
        raise TransportError(answer.name, answer.message)
