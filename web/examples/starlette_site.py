"""Comments on Starlette: uvicorn --app-dir web/examples starlette_site:app"""

import comments
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse
from starlette.routing import Mount, Route

from pyqueue.server import IdempotencyMiddleware, SQLiteIdempotencyStore, assets


# Whoever is signed in. A stand-in: your site reads scope["session"] or scope["user"].
def author(scope) -> str | None:
    return Request(scope).cookies.get("author")


def page(request: Request) -> FileResponse:
    return FileResponse(comments.HERE / "page.html")


def every(request: Request) -> JSONResponse:
    return JSONResponse(comments.every())


async def add(request: Request) -> JSONResponse:
    text = (await request.json())["text"]
    return JSONResponse(await run_in_threadpool(comments.add, author(request.scope), text), 201)


store = SQLiteIdempotencyStore(comments.FOLDER / "keys.sqlite3")
comment = [Route("/api/comments", every), Route("/api/comments", add, methods=["POST"])]
files = Mount("/pyqueue", assets(tasks=comments.HERE / "tasks.py"))
layer = Middleware(IdempotencyMiddleware, store=store, principal=author, paths=["/api/"])
app = Starlette(routes=[Route("/", page), *comment, files], middleware=[layer])
