"""Comments on Flask: gunicorn --chdir web/examples --threads 4 flask_site:app"""

import comments
from flask import Flask, Response, request, send_file

from pyqueue.server import SQLiteIdempotencyStore
from pyqueue.server.flask import Idempotency, assets


# Whoever is signed in. A stand-in: your site reads its session, or flask_login's current_user.
def author() -> str | None:
    return request.cookies.get("author")


idempotent = Idempotency(SQLiteIdempotencyStore(comments.FOLDER / "keys.sqlite3"), principal=author)
app = Flask(__name__)
idempotent.init_app(app)
app.register_blueprint(assets(tasks=comments.HERE / "tasks.py"), url_prefix="/pyqueue")


@app.get("/")
def page() -> Response:
    return send_file(comments.HERE / "page.html")


@app.get("/api/comments")
def every() -> list[dict[str, str | None]]:
    return comments.every()


@app.post("/api/comments")
@idempotent
def add() -> tuple[dict[str, str | None], int]:
    return comments.add(author(), request.json["text"]), 201
