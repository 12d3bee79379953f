"""A site whose notes must not lie legible on a device.

PYTHONPATH=web/demo uvicorn --factory --app-dir tests/browser/pages encrypted:create_app
"""

from __future__ import annotations

import os
from html import escape
from typing import Any

from server import create_default_app
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Mount, Route

from pyqueue.server import IdempotencyMiddleware, SQLiteIdempotencyStore
from pyqueue.server.sealed import SealedMiddleware, SealKey

PAGE = """<!doctype html>
<html lang="en">
  <meta charset="utf-8">
  <title>Notes</title>
  <script type="module" src="/pyqueue/pyqueue.js" data-user="{user}"></script>
  <body><pyqueue-status></pyqueue-status></body>
</html>
"""


def create_app() -> Starlette:
    """The demo, and at `/vault/` a page for whoever the address names."""
    demo = create_default_app()
    notes: list[dict[str, Any]] = []
    trouble = {"refuses": False}

    async def page(request: Request) -> Response:
        user = escape(request.query_params.get("user", ""))
        return HTMLResponse(PAGE.format(user=user), headers={"cache-control": "no-store"})

    async def note(request: Request) -> Response:
        kind = request.headers["content-type"].partition(";")[0]
        if kind == "multipart/form-data":
            form = await request.form()
            file: Any = form["file"]
            text = (await file.read()).decode("latin-1")
            found: dict[str, Any] = {"text": text, "name": file.filename, "with": form.get("text")}
        else:
            found = await request.json()
        if trouble["refuses"]:
            return JSONResponse({"detail": f"not this: {found['text']}"}, 422)
        notes.append({**found, "at": request.path_params["patient"], "type": kind})
        return JSONResponse({"text": found["text"]}, 201)

    async def all_notes(request: Request) -> Response:
        return JSONResponse(notes)

    async def set_trouble(request: Request) -> Response:
        trouble["refuses"] = bool(await request.json())
        return Response(status_code=204)

    vault = Starlette(
        routes=[
            Route("/", page),
            Route("/notes", all_notes),
            Route("/trouble", set_trouble, methods=["PUT"]),
            Route("/notes/{patient}", note, methods=["POST"]),
        ],
        middleware=[
            Middleware(SealedMiddleware, keys=[SealKey(os.environ["PYQUEUE_SEAL_KEY"])]),
            Middleware(
                IdempotencyMiddleware,
                store=SQLiteIdempotencyStore(demo.state.database),
                paths=["/notes/"],
            ),
        ],
    )
    demo.router.routes.insert(0, Mount("/vault", vault))
    return demo
