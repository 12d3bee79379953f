"""What the demo's panel plays with: a server in trouble, and the record of what it received.

Both stand outside the idempotency middleware, as a proxy or a login wall would.
"""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import asdict, dataclass, field
from email.utils import formatdate
from typing import Any, Literal, get_args

from starlette.datastructures import Headers, UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

Mode = Literal["ok", "slow", "lost", "unavailable", "reject", "unauthorized", "redirect"]


@dataclass(slots=True)
class Trouble:
    """How the server treats every write.

    Attributes:
        mode: `slow` answers after `delay`, `lost` does what was asked and breaks off the answer,
            `unavailable` answers with `status` and `retry_after`, `reject` with 422, `unauthorized` with 401,
            `redirect` with a redirect to a login page.
        delay: seconds before the write is done or refused, in mode `lost` between it and the broken answer;
            in mode `slow` 3 if it is 0.
        retry_after: seconds, for `unavailable`; `None` sends no `Retry-After`.
        dated: whether `Retry-After` is sent as a date instead.
        status: the status of `unavailable`.
    """

    mode: Mode = "ok"
    delay: float = 0.0
    retry_after: float | None = None
    dated: bool = False
    status: int = 503

    @classmethod
    def parse(cls, values: Any) -> Trouble:
        """The trouble of a JSON object; what it does not name has its default.

        Raises:
            ValueError: a name or value is wrong.
        """
        if not isinstance(values, dict) or not values.keys() <= cls.__dataclass_fields__.keys():
            raise ValueError(f"expected an object with some of {', '.join(cls.__dataclass_fields__)}")
        trouble = cls(**values)
        if trouble.mode not in get_args(Mode):
            raise ValueError(f"mode must be one of {', '.join(get_args(Mode))}")
        if not (isinstance(trouble.delay, int | float) and 0 <= trouble.delay <= 600):
            raise ValueError("delay must be 0 to 600 seconds")
        if trouble.retry_after is not None and not isinstance(trouble.retry_after, int | float):
            raise ValueError("retry_after must be a number of seconds or null")
        if not (isinstance(trouble.status, int) and 400 <= trouble.status <= 599):
            raise ValueError("status must be 400 to 599")
        return trouble

    def response(self) -> Response | None:
        """The answer that stands in for the application's, if there is one."""
        match self.mode:
            case "unavailable":
                return JSONResponse({"detail": "The server is taking a break."}, self.status, self._headers())
            case "reject":
                return JSONResponse({"detail": "The server refuses every comment for now."}, 422)
            case "unauthorized":
                return JSONResponse({"detail": "Please log in."}, 401, {"WWW-Authenticate": "Demo"})
            case "redirect":
                return RedirectResponse("/login", 302)
            case "ok" | "slow" | "lost":
                return None

    def _headers(self) -> dict[str, str]:
        if self.retry_after is None:
            return {}
        if self.dated:
            return {"Retry-After": formatdate(time.time() + self.retry_after, usegmt=True)}
        return {"Retry-After": f"{self.retry_after:.0f}"}


@dataclass(slots=True)
class Arrival:
    """One POST that the server received.

    Attributes:
        time: Unix time in seconds.
        key: the `Idempotency-Key` header, as sent.
        body: the JSON value or the form's fields; what is neither as `{type, bytes}`.
        status: what was answered; `None` until then.
        replayed: whether the answer was one kept from an earlier attempt.
    """

    time: float
    path: str
    key: str | None
    body: Any
    status: int | None = None
    replayed: bool = False


@dataclass(slots=True)
class Control:
    """The site's flag file for the queue, see `Queue(kill_switch=...)`."""

    paused: bool = False
    reason: str = ""


@dataclass(slots=True)
class ServerState:
    """What the panel shows and sets. It lives as long as the process."""

    trouble: Trouble = field(default_factory=Trouble)
    control: Control = field(default_factory=Control)
    log: list[Arrival] = field(default_factory=list)

    def log_as_json(self, limit: int | None = None) -> list[dict[str, Any]]:
        """The log in the order of arrival, or the last so many of it."""
        start = 0 if limit is None else max(0, len(self.log) - limit)
        return [asdict(arrival) for arrival in self.log[start:]]


class TroubleMiddleware:
    """Records every POST to the API and, as `state.trouble` says, delays it or answers it."""

    def __init__(self, app: ASGIApp, state: ServerState):
        self.app = app
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST":
            return await self.app(scope, receive, send)
        request = Request(scope, receive)
        body = await request.body()
        headers = request.headers
        arrival = Arrival(
            time.time(), scope["path"], headers.get("idempotency-key"), await _shown(headers, body)
        )
        self._state.log.append(arrival)

        trouble = self._state.trouble
        is_lost = trouble.mode == "lost"

        async def send_and_record(message: Message) -> None:
            if message["type"] == "http.response.start":
                arrival.status = message["status"]
                arrival.replayed = (b"idempotency-replayed", b"true") in message["headers"]
                await asyncio.sleep(trouble.delay if is_lost else 0.0)
            elif is_lost:
                return  # An answer that is not completed makes the server break the connection.
            await send(message)

        if not is_lost:
            await asyncio.sleep(trouble.delay or (3.0 if trouble.mode == "slow" else 0.0))
        await (trouble.response() or self.app)(scope, _again(body, receive), send_and_record)


def _again(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body that was read, and then what `receive` gives."""
    unread = [body]

    async def again() -> Message:
        if unread:
            return {"type": "http.request", "body": unread.pop(), "more_body": False}
        return await receive()

    return again


async def _shown(headers: Headers, body: bytes) -> Any:
    """The body as the log shows it: files by name and size."""
    media_type = headers.get("content-type", "").partition(";")[0]
    try:
        if media_type == "application/json":
            return json.loads(body)
        if media_type in ("multipart/form-data", "application/x-www-form-urlencoded"):

            async def receive() -> Message:
                return {"type": "http.request", "body": body, "more_body": False}

            scope = {"type": "http", "method": "POST", "headers": headers.raw}
            form = await Request(scope, receive).form()
            return {
                name: {"filename": value.filename, "bytes": value.size}
                if isinstance(value, UploadFile)
                else value
                for name, value in form.items()
            }
    except Exception as error:  # Whatever a client sent, the application is to answer it, not the log.
        return {"unreadable": str(error), "bytes": len(body)}
    return {"type": media_type, "bytes": len(body)}
