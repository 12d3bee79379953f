"""Comments on Litestar: uvicorn --app-dir web/examples litestar_site:app"""

from typing import Annotated

import comments
from litestar import Litestar, Request, asgi, get, post
from litestar.middleware import DefineMiddleware
from litestar.params import Body
from litestar.response import File

from pyqueue.server import IdempotencyMiddleware, SQLiteIdempotencyStore, assets


# Whoever is signed in. A stand-in: your site reads scope["session"] or scope["user"].
def author(scope) -> str | None:
    return Request(scope).cookies.get("author")


@get("/", sync_to_thread=False)
def page() -> File:
    return File(comments.HERE / "page.html", media_type="text/html", content_disposition_type="inline")


@get("/api/comments", sync_to_thread=True)
def every() -> list[dict[str, str | None]]:
    return comments.every()


@post("/api/comments", sync_to_thread=True)
def add(data: Annotated[dict[str, str], Body()], request: Request) -> dict[str, str | None]:
    return comments.add(author(request.scope), data["text"])


store = SQLiteIdempotencyStore(comments.FOLDER / "keys.sqlite3")
files = asgi("/pyqueue", is_mount=True)(assets(tasks=comments.HERE / "tasks.py"))
layer = DefineMiddleware(IdempotencyMiddleware, store=store, principal=author, paths=["/api/"])
app = Litestar([page, every, add, files], middleware=[layer])
