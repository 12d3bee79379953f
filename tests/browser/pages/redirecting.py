"""A FastAPI site whose routes redirect, with the layer before it, and a queue.

uvicorn --factory --app-dir tests/browser/pages redirecting:create_app
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from pyqueue.server import IdempotencyMiddleware, SQLiteIdempotencyStore, assets

PAGE = """<!doctype html>
<html lang="en">
  <head><meta charset="utf-8"><title>Redirects</title></head>
  <body>
    <script type="module" src="/pyqueue/pyqueue.js"></script>
    <div data-testid="status"><pyqueue-status></pyqueue-status></div>
  </body>
</html>"""

NAMES = ("idempotency-key", "pyqueue-depth", "pyqueue-oldest-age", "pyqueue-attempt")


def create_app() -> FastAPI:
    """The site. `/api/notes/` takes notes, so FastAPI redirects `/api/notes` there with 307."""
    database = Path(os.environ["PYQUEUE_DEMO_DATABASE"])
    app = FastAPI()
    notes: list[str] = []
    log: list[dict[str, Any]] = []
    person = {"is_signed_in": False}

    @app.post("/api/notes/", status_code=201)
    async def create(request: Request) -> dict[str, int]:
        notes.append((await request.json())["text"])
        return {"id": len(notes)}

    @app.post("/api/members")
    async def members(request: Request) -> Any:
        if not person["is_signed_in"]:
            return RedirectResponse("/accounts/login/?next=/api/members", 302)
        return await create(request)

    @app.post("/api/moved")
    async def moved() -> RedirectResponse:
        return RedirectResponse("https://elsewhere.test/api/moved", 307)

    @app.post("/accounts/sign-in")
    async def sign_in() -> None:
        person["is_signed_in"] = True

    @app.get("/seen")
    async def seen() -> dict[str, Any]:
        return {"notes": notes, "log": log}

    @app.get("/")
    async def page() -> HTMLResponse:
        return HTMLResponse(PAGE)

    @app.middleware("http")
    async def keep(request: Request, call_next: Any) -> Any:
        if request.url.path.startswith("/api/"):
            log.append({"path": request.url.path, **{name: request.headers.get(name) for name in NAMES}})
        return await call_next(request)

    app.add_middleware(
        IdempotencyMiddleware, store=SQLiteIdempotencyStore(database.with_suffix(".keys")), paths=["/api/"]
    )
    app.mount("/pyqueue", assets(tasks=os.environ["PYQUEUE_DEMO_TASKS"]))
    return app
