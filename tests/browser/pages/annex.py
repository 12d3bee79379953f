"""The demo with an annex: pages of other kinds, and files that can be made to break.

PYTHONPATH=web/demo uvicorn --factory --app-dir tests/browser/pages annex:create_app
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from server import create_default_app
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import (
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
)
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pyqueue.server import assets

PAGES = Path(__file__).parent
FOLDERS = ("/annex/pyqueue", "/app/static/pyqueue", "/café 100%/pyqueue")
"""Where there are static files besides the demo's."""


@dataclass(slots=True)
class Damage:
    """What is wrong with the site's files.

    Attributes:
        missing: paths that answer 404.
        replaced: what is answered instead, by path.
        headers: further headers, by path.
    """

    missing: list[str] = field(default_factory=list)
    replaced: dict[str, str] = field(default_factory=dict)
    headers: dict[str, dict[str, str]] = field(default_factory=dict)


def create_app() -> ASGIApp:
    """The demo's own pages at their places; the annex's under `/annex/`, and queues that have no tasks."""
    app = create_default_app()
    app.router.routes += [
        *(Mount(folder, assets()) for folder in FOLDERS),
        Route("/annex/redirected_tasks.py", _redirect),
        Route("/annex/{name}.html", _page),
        Route("/annex/answers/{name}", _answer, methods=["POST"]),
        *_guarded(),
        Mount("/annex", StaticFiles(directory=PAGES)),
    ]
    return DamagedSite(app)


ANSWERS = {
    "thanks": Response(status_code=204),
    "deep": Response("[" * 10_000 + "]" * 10_000, 201, media_type="application/json"),
    "date": Response(status_code=503, headers={"retry-after": "Tue, 99 Foo 99999 99:99:99 +9999999"}),
}
"""To what a page reports; the others are such as a server should not give."""


async def _answer(request: Request) -> Response:
    return ANSWERS[request.path_params["name"]]


def _guarded() -> list[Route]:
    """Tokens, of which the first is stale when it is used; what is guarded by them; and what it has seen."""
    seen: list[str | None] = []
    given: list[str] = []

    async def token(request: Request) -> Response:
        given.append(f"token-number-{len(given) + 1}")
        return JSONResponse({"token": given[-1], "expires_in": 3600})

    async def guarded(request: Request) -> Response:
        seen.append(request.headers.get("authorization"))
        if seen[-1] in (None, "Bearer token-number-1"):
            return PlainTextResponse("Stale", 401)
        return PlainTextResponse(f"4111 {seen[-1]}", 201)

    async def all_seen(request: Request) -> Response:
        return JSONResponse(seen)

    return [
        Route("/annex/token", token),
        Route("/annex/guarded", guarded, methods=["POST"]),
        Route("/annex/guarded", all_seen),
    ]


async def _redirect(request: Request) -> Response:
    """To the same tasks on another origin of this server."""
    elsewhere = request.url.replace(hostname="127.0.0.1", path="/annex/odd_tasks.py", query="")
    return RedirectResponse(str(elsewhere))


async def _page(request: Request) -> Response:
    return HTMLResponse((PAGES / f"{request.path_params['name']}.html").read_text("utf-8"))


class DamagedSite:
    """Does to the application's answers what `PUT /annex/damage` says."""

    def __init__(self, app: ASGIApp):
        self._app = app
        self._damage = Damage()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if path == "/annex/damage":
            self._damage = Damage(**json.loads(await Request(scope, receive).body()))
            return await Response(status_code=204)(scope, receive, send)
        if path in self._damage.missing:
            return await PlainTextResponse("Gone", 404)(scope, receive, send)
        if path in self._damage.replaced:
            text, kind = self._damage.replaced[path], "text/javascript"
            return await Response(text, media_type=kind)(scope, receive, send)
        extra: dict[str, Any] = self._damage.headers.get(path, {})

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(extra)
            await send(message)

        await self._app(scope, receive, send_with_headers)
