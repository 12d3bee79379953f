"""The demo: a comment board on Starlette, SQLite and pyqueue's server half.

uvicorn --factory --app-dir web/demo server:create_default_app
"""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
from dataclasses import asdict
from pathlib import Path
from typing import Any

import database
from jinja2 import Environment, FileSystemLoader
from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import (
    FileResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
)
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.templating import Jinja2Templates
from trouble import Control, ServerState, Trouble, TroubleMiddleware

from pyqueue.server import IdempotencyMiddleware, SQLiteIdempotencyStore, assets

HERE = Path(__file__).resolve().parent
TASKS = HERE / "tasks.py"
MAX_TEXT = 500
FORBIDDEN_WORDS = ("spam", "badword")
PHOTO_TYPES = ("image/png", "image/jpeg", "image/gif", "image/webp")

templates = Jinja2Templates(
    env=Environment(loader=FileSystemLoader(HERE), autoescape=True, trim_blocks=True, lstrip_blocks=True)
)


class Refused(Exception):
    """A write that the author has to change. The message tells them what."""


def create_default_app() -> Starlette:
    """The demo with its database at `PYQUEUE_DEMO_DATABASE`, else `build/demo.sqlite3`.

    Its tasks module may be another one, at `PYQUEUE_DEMO_TASKS`.
    """
    path = Path(os.environ.get("PYQUEUE_DEMO_DATABASE", "build/demo.sqlite3"))
    return create_app(path, Path(os.environ.get("PYQUEUE_DEMO_TASKS", TASKS)))


def create_app(path: Path, tasks: Path = TASKS) -> Starlette:
    """The demo.

    Args:
        path: the SQLite file, made when it is missing. Comments and idempotency keys share it, so a comment
            and the answer to it are committed as one.
        tasks: the tasks module.
    """
    database.create(path)
    state = ServerState()
    store = SQLiteIdempotencyStore(path)
    app = Starlette(
        routes=[
            Route("/", _page("board.html", python=False)),
            Route("/pyscript", _page("board.html", python=True)),
            Route("/pyscript.html", _page("board.html", python=True)),
            Route("/login", _page("login.html")),
            Route("/shell-sw.js", _shell_worker),
            Route("/pyqueue-control.json", control, methods=["GET", "PUT"]),
            Route("/comments", submit_comment, methods=["POST"]),
            Route("/api/comments", list_comments),
            Route("/api/comments", create_comment, methods=["POST"]),
            Route("/api/photos", list_photos),
            Route("/api/photos", create_photo, methods=["POST"]),
            Route("/api/photos/{photo_id:int}", photo),
            Route("/api/server", server, methods=["GET", "PUT"]),
            Route("/api/server/log", server_log, methods=["GET", "DELETE"]),
            Mount("/static", StaticFiles(directory=HERE / "static")),
            Mount("/pyqueue", assets(tasks=tasks)),
        ],
        middleware=[
            Middleware(TroubleMiddleware, state=state),
            Middleware(IdempotencyMiddleware, store=store, paths=["/api/comments", "/api/photos"]),
        ],
    )
    app.state.database = path
    app.state.server = state
    app.state.store = store
    return app


def _page(name: str, **context: Any) -> Any:
    async def page(request: Request) -> Response:
        return templates.TemplateResponse(request, name, context, headers={"Cache-Control": "no-cache"})

    return page


async def _shell_worker(request: Request) -> Response:
    # Served from the root, so that its scope covers the pages.
    return FileResponse(HERE / "static/shell-sw.js", headers={"Cache-Control": "no-cache"})


async def list_comments(request: Request) -> Response:
    """All comments in the order of arrival, or those of `?post_id=`."""
    comments = await asyncio.to_thread(_read_comments, request.app.state.database)
    wanted = request.query_params.get("post_id")
    shown = [c for c in comments if wanted is None or str(c["post_id"]) == wanted]
    return JSONResponse(shown, headers={"Cache-Control": "no-store"})


def _read_comments(path: Path) -> list[dict[str, Any]]:
    with database.transaction(path) as connection:
        return [database.comment_of(row) for row in connection.execute("SELECT * FROM comments ORDER BY id")]


async def create_comment(request: Request) -> Response:
    """Takes `{post_id, text}`, as JSON or as a form that may bring a `photo`."""
    try:
        fields, upload = await _comment_fields(request)
    except Refused as refusal:
        return JSONResponse({"detail": str(refusal)}, 422)

    def write() -> Response:
        with database.transaction(request.app.state.database) as connection:
            answer = JSONResponse(_insert_comment(connection, fields, upload), 201)
            return _recorded(request, connection, answer)

    return await asyncio.to_thread(write)


async def submit_comment(request: Request) -> Response:
    """The same from a page whose script did not load: no key, so at most what any form can promise."""
    try:
        fields, upload = await _comment_fields(request)
    except Refused as refusal:
        return PlainTextResponse(str(refusal), 422)

    def write() -> None:
        with database.transaction(request.app.state.database) as connection:
            _insert_comment(connection, fields, upload)

    await asyncio.to_thread(write)
    return RedirectResponse("/", 303)


def _insert_comment(
    connection: sqlite3.Connection, fields: dict[str, Any], upload: tuple[str, bytes] | None
) -> dict[str, Any]:
    photo_id = _insert_photo(connection, *upload) if upload else None
    row = connection.execute(
        "INSERT INTO comments (post_id, text, photo_id) VALUES (?, ?, ?) RETURNING *",
        (json.dumps(fields["post_id"]), fields["text"], photo_id),
    ).fetchone()
    return database.comment_of(row)


async def _comment_fields(request: Request) -> tuple[dict[str, Any], tuple[str, bytes] | None]:
    upload = None
    if request.headers.get("content-type", "").startswith("application/json"):
        try:
            fields = await request.json()
        except ValueError as cause:
            raise Refused("The body is not JSON.") from cause
        if not isinstance(fields, dict):
            raise Refused("The body must be an object with post_id and text.")
    else:
        async with request.form() as form:
            fields = {name: value for name, value in form.items() if isinstance(value, str)}
            file = form.get("photo")
            if isinstance(file, UploadFile) and file.filename:
                upload = (_photo_type(file.content_type), await file.read())
        if fields.get("post_id", "").isdecimal():
            fields["post_id"] = int(fields["post_id"])
    if fields.get("post_id") in (None, ""):
        raise Refused("post_id is missing: which post is the comment for?")
    text = fields.get("text")
    if not isinstance(text, str) or not text.strip():
        raise Refused("A comment needs some text.")
    if len(text) > MAX_TEXT:
        raise Refused(f"A comment has at most {MAX_TEXT} characters; this one has {len(text)}.")
    for word in FORBIDDEN_WORDS:
        if word in text.lower():
            raise Refused(f"“{word}” is not welcome here. Please say it another way.")
    return {"post_id": fields["post_id"], "text": text}, upload


async def list_photos(request: Request) -> Response:
    """All photos, newest first, as `{id, url}`."""

    def read() -> list[dict[str, Any]]:
        with database.transaction(request.app.state.database) as connection:
            rows = connection.execute("SELECT id FROM photos ORDER BY id DESC").fetchall()
        return [{"id": row["id"], "url": f"/api/photos/{row['id']}"} for row in rows]

    return JSONResponse(await asyncio.to_thread(read), headers={"Cache-Control": "no-store"})


async def create_photo(request: Request) -> Response:
    """Takes a photo as the body."""
    data = await request.body()
    try:
        media_type = _photo_type(request.headers.get("content-type"))
    except Refused as refusal:
        return JSONResponse({"detail": str(refusal)}, 422)

    def write() -> Response:
        with database.transaction(request.app.state.database) as connection:
            photo_id = _insert_photo(connection, media_type, data)
            answer = JSONResponse({"id": photo_id, "url": f"/api/photos/{photo_id}"}, 201)
            return _recorded(request, connection, answer)

    return await asyncio.to_thread(write)


async def photo(request: Request) -> Response:
    """One photo."""

    def read() -> sqlite3.Row | None:
        with database.transaction(request.app.state.database) as connection:
            query = "SELECT type, data FROM photos WHERE id = ?"
            row: sqlite3.Row | None = connection.execute(query, (request.path_params["photo_id"],)).fetchone()
            return row

    row = await asyncio.to_thread(read)
    if row is None:
        return JSONResponse({"detail": "There is no such photo."}, 404)
    headers = {"Cache-Control": "max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}
    return Response(row["data"], media_type=row["type"], headers=headers)


def _photo_type(media_type: str | None) -> str:
    if media_type not in PHOTO_TYPES:
        raise Refused(f"A photo must be one of {', '.join(PHOTO_TYPES)}, not {media_type or 'nameless'}.")
    return media_type


def _insert_photo(connection: sqlite3.Connection, media_type: str, data: bytes) -> int:
    query = "INSERT INTO photos (type, data) VALUES (?, ?) RETURNING id"
    return int(connection.execute(query, (media_type, data)).fetchone()["id"])


def _recorded(request: Request, connection: sqlite3.Connection, answer: JSONResponse) -> Response:
    """The answer, after its record joined the transaction of its effect: both are committed, or neither."""
    store: SQLiteIdempotencyStore = request.app.state.store
    store.complete_in(connection, request.scope["pyqueue.claim"], answer)
    return answer


async def server(request: Request) -> Response:
    """How the server treats writes: reads or sets `Trouble`."""
    state: ServerState = request.app.state.server
    if request.method == "PUT":
        try:
            state.trouble = Trouble.parse(await request.json())
        except (ValueError, TypeError) as error:
            return JSONResponse({"detail": str(error)}, 422)
    return _json_of(state.trouble)


async def server_log(request: Request) -> Response:
    """Every POST received, or the last `?limit=`, in the order of arrival. DELETE clears it."""
    state: ServerState = request.app.state.server
    if request.method == "DELETE":
        state.log.clear()
    limit = request.query_params.get("limit", "")
    log = state.log_as_json(int(limit) if limit.isdecimal() else None)
    return JSONResponse(log, headers={"Cache-Control": "no-store"})


async def control(request: Request) -> Response:
    """The flag that pauses every browser's queue."""
    state: ServerState = request.app.state.server
    if request.method == "PUT":
        values = await request.json()
        state.control = Control(bool(values.get("paused")), str(values.get("reason") or ""))
    return _json_of(state.control)


def _json_of(value: Any) -> Response:
    return JSONResponse(asdict(value), headers={"Cache-Control": "no-store"})
