"""Orders that are paid elsewhere, each once: PAYMENTS=https://... uvicorn --factory outbox:create

The order, the charge to be made and the answer are one transaction. The charge is sent afterwards, with a key
of its own, until the service has answered: at least once, and once if the service takes such keys."""

import asyncio
import logging
import os
import sqlite3
import uuid
from contextlib import asynccontextmanager, closing
from urllib.request import Request, urlopen

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import JSONResponse
from starlette.routing import Route

from pyqueue.server import IdempotencyMiddleware, SQLiteIdempotencyStore


def create(path="orders.sqlite3", payments=os.environ.get("PAYMENTS"), lease=60.0, wait=0.0):  # noqa: B008
    store = SQLiteIdempotencyStore(path, busy_timeout=lease / 2)
    with closing(sqlite3.connect(path)) as connection:
        for table in ("orders (body)", "outbox (id INTEGER PRIMARY KEY, key, body)"):
            connection.execute(f"CREATE TABLE IF NOT EXISTS {table}")

    def take(claim, body):
        answer = JSONResponse({"taken": True}, 202)
        with closing(sqlite3.connect(path, timeout=30)) as connection, connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("INSERT INTO orders VALUES (?)", (body,))
            connection.execute("INSERT INTO outbox (key, body) VALUES (?, ?)", (uuid.uuid4().hex, body))
            store.complete_in(connection, claim, answer)
        return answer

    async def order(request):
        return await asyncio.to_thread(take, request.scope["pyqueue.claim"], await request.body())

    @asynccontextmanager
    async def run(app):
        deliveries = asyncio.create_task(deliver_for_ever(path, payments))
        yield
        deliveries.cancel()

    layer = Middleware(IdempotencyMiddleware, store=store, lease=lease, wait=wait)
    return Starlette(routes=[Route("/orders", order, methods=["POST"])], middleware=[layer], lifespan=run)


def deliver(path, payments):
    """Sends what is in the outbox, in order. What fails stays there, with all that follows it."""
    with closing(sqlite3.connect(path, timeout=30, isolation_level=None)) as connection:
        for number, key, body in connection.execute("SELECT * FROM outbox ORDER BY id").fetchall():
            headers = {"Idempotency-Key": f'"{key}"', "Content-Type": "application/json"}
            urlopen(Request(payments, body, headers, method="POST"), timeout=30).close()
            connection.execute("DELETE FROM outbox WHERE id = ?", (number,))


async def deliver_for_ever(path, payments):
    while True:
        try:
            await asyncio.to_thread(deliver, path, payments)
        except Exception:
            logging.exception("a charge could not be made; it is tried again")
        await asyncio.sleep(1)
