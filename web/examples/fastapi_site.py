"""Comments on FastAPI: uvicorn --app-dir web/examples fastapi_site:app"""

from typing import Annotated

import comments
from fastapi import Body, Cookie, Depends, FastAPI
from fastapi.responses import FileResponse

from pyqueue.server import SQLiteIdempotencyStore, assets
from pyqueue.server.fastapi import Idempotency


# Whoever is signed in. A stand-in: your site has a dependency that checks it.
def author(author: Annotated[str | None, Cookie()] = None) -> str | None:
    return author


idempotent = Idempotency(SQLiteIdempotencyStore(comments.FOLDER / "keys.sqlite3"), principal=author)
app = FastAPI()
idempotent.install(app)
app.mount("/pyqueue", assets(tasks=comments.HERE / "tasks.py"))


@app.get("/")
def page() -> FileResponse:
    return FileResponse(comments.HERE / "page.html")


@app.get("/api/comments")
def every() -> list[dict[str, str | None]]:
    return comments.every()


@app.post("/api/comments", status_code=201, dependencies=[Depends(idempotent)])
def add(
    text: Annotated[str, Body(embed=True)], author: Annotated[str | None, Depends(author)]
) -> dict[str, str | None]:
    return comments.add(author, text)
