"""The public API as users write it. Type-checked, never run."""

from __future__ import annotations

import sqlite3
from typing import Annotated, Any

import psycopg
from fastapi import Depends, FastAPI
from flask import Flask
from sqlalchemy.ext.asyncio import AsyncSession

from pyqueue import (
    Auth,
    AuthContext,
    Context,
    Csrf,
    Limits,
    Origin,
    Outcome,
    Queue,
    Reject,
    Response,
    Retention,
    Retry,
    RetryLater,
    connect,
    fail,
)
from pyqueue.server import (
    Claimed,
    Event,
    IdempotencyMiddleware,
    IdempotencyStore,
    Inspection,
    Kind,
    SQLiteIdempotencyStore,
    StoredResponse,
    assets,
    django,
    fastapi,
    flask,
    json_by_value,
    wsgi,
)
from pyqueue.server.opentelemetry import OpenTelemetryEvents
from pyqueue.server.postgres import PostgresIdempotencyStore
from pyqueue.server.prometheus import PrometheusEvents
from pyqueue.server.redis import RedisIdempotencyStore
from pyqueue.server.sealed import SealedMiddleware, SealKey, WSGISealedMiddleware
from pyqueue.testing import FakeServer, Simulation


def classify(response: Response) -> Outcome | None:
    return fail("gone", "the post was deleted") if response.status == 410 else None


queue = Queue(
    retry=Retry(max_attempts=8, base=1.0, cap=300.0),
    timeout=30.0,
    limits=Limits(payload_bytes=1 << 20),
    retention=Retention(count=100),
    kill_switch="/pyqueue-control.json",
    csrf=Csrf(cookie="csrftoken", meta="csrf-token", url="/csrf", header="X-CSRFToken", field="csrf_token"),
    fleet_headers=False,
    encrypt=True,
    server_key=SealKey.generate().public,
)
Queue(encrypt="secret")
Queue(encrypt="server")  # type: ignore[arg-type]
Queue(csrf=Csrf.django(url="/csrf/"))
Queue(auth=Auth(url="/token", scheme="Token", timeout=5.0))
Queue(auth="Bearer secret")  # type: ignore[arg-type]
Queue(
    origins=["https://api.example.org", Origin("https://b.example.org", credentials="include", auth=True)],
    redact=lambda kept: kept,
)


@queue.auth
async def token(ctx: AuthContext) -> str | None:
    if ctx.refused or not ctx.principal:
        return None
    return str((await ctx.http.get("/token")).json()["token"])


Queue(csrf="django")  # type: ignore[arg-type]
queue.http(
    "comment.create",
    "POST",
    "/api/comments",
    label="Comment",
    ordering_key="post:{post_id}",
    require_key_echo=True,
    classify=classify,
    retry=Retry(max_attempts=3),
)
queue.http("a", "POST", "/a", ordering_keys="a")  # type: ignore[call-arg]
queue.http("sealed", "POST", "/sealed", seal="server", encrypt=False)
queue.http("sealed 2", "POST", "/sealed", seal="device")  # type: ignore[arg-type]
queue.http("b", "POST", "/b", encoding="xml")  # type: ignore[arg-type]
queue.http("c", "POST", "/c", on_conflict="drop")  # type: ignore[arg-type]


@queue.task("photo.upload", ordering_key=None, expires=3600, label="Photo")
async def upload(ctx: Context, *, photo_id: int, blob: Any) -> Any:
    if photo_id < 0:
        raise Reject("no such photo")
    response = await ctx.http.post("/api/photos", body=blob)
    if response.status == 202:
        raise RetryLater("still being scanned", after=response.headers.get("retry-after"))
    return response.json()


async def page() -> None:
    client = await connect()
    await client.identify(4711, hash=True)
    job = await client.enqueue("comment.create", {"post_id": 1, "text": "hi"}, ordering_key=None)
    await client.enqueue({"url": "/api/x", "method": "PUT", "body": {"a": 1}})
    print(job.id, job.status, await job.result(), await job.explain())
    latest = await client.jobs(["pending", "sending"], limit=50, reverse=True, explain=True)
    print([job.explanation["message"] for job in latest])
    unsubscribe = client.subscribe(lambda change: print(change["type"]))
    await client.retry()
    await client.unlock("correct horse", replace=True)
    print(job.encryption)
    unsubscribe()
    print([left["became"] for left in await client.sign_out("send", timeout=5)])


def test() -> None:
    with Simulation(queue, FakeServer()) as sim:
        job = sim.enqueue("comment.create", {"post_id": 1, "text": "hi"})
        sim.run(seconds=60)
        assert sim.job(job).status == "done"


def told(event: Event) -> None:
    if event.kind is Kind.CLAIM_LOST and event.fleet.depth is not None:
        print(event.key, event.took, event.fleet.depth + 1)


async def site(scope: Any, receive: Any, send: Any) -> None:
    files = assets(tasks="tasks.py")
    store = SQLiteIdempotencyStore("keys.sqlite3")
    layer = IdempotencyMiddleware(
        files,
        store,
        principal=lambda scope: str(scope["user"]),
        methods=["POST"],
        paths=["/api/"],
        fingerprint=json_by_value,
        on_event=[PrometheusEvents(), OpenTelemetryEvents(route=lambda event: event.method), told],
        routes={"/api/orders": {"wait": 5.0, "keep": lambda response: response.status < 500}},
    )
    await SealedMiddleware(layer, [SealKey("id:secret")], max_body=1 << 20)(scope, receive, send)


def wsgi_site(environ: Any, start_response: Any) -> Any:
    layer = wsgi.IdempotencyMiddleware(wsgi_site, SQLiteIdempotencyStore("keys.sqlite3"), lease=90.0)
    WSGISealedMiddleware(layer, [SealKey("id:secret")])
    return layer(environ, start_response)


async def signed_in() -> str | None:
    return "ann"


dependency = fastapi.Idempotency(SQLiteIdempotencyStore("keys.sqlite3"), principal=signed_in, ttl=3600.0)
api = FastAPI()
dependency.install(api)


@api.post("/orders")
async def order(claim: Annotated[Claimed, Depends(dependency.replace(wait=5.0))]) -> str:
    return claim.key


dependency.replace(paths=["/api/"])  # type: ignore[call-arg]

extension = flask.Idempotency(SQLiteIdempotencyStore("keys.sqlite3"), principal=lambda: "ann", lease=90.0)
flask_site = Flask(__name__)
extension.init_app(flask_site)
flask_site.register_blueprint(flask.assets(tasks="tasks.py"), url_prefix="/pyqueue")


@flask_site.post("/orders/<int:number>")
@extension.replace(keep=lambda response: response.status < 500)
def flask_order(number: int) -> str:
    return extension.claim.key


stores: list[IdempotencyStore] = [
    RedisIdempotencyStore("redis://localhost", prefix="site:", options={"socket_timeout": 1.0}),
    PostgresIdempotencyStore("postgresql://localhost/site", table="site.keys", pool_size=4),
]


inspections: list[Inspection] = [
    SQLiteIdempotencyStore("keys.sqlite3").inspection(),
    RedisIdempotencyStore("redis://localhost").inspection(page=10),
    PostgresIdempotencyStore("postgresql://localhost/site").inspection(),
]


async def recorded(store: PostgresIdempotencyStore, claim: Claimed, response: StoredResponse) -> None:
    with psycopg.connect() as connection:
        store.complete_in(connection, claim, response)
        await store.complete_in(connection, claim, response)  # type: ignore[misc]
    async with await psycopg.AsyncConnection.connect() as later:
        await store.complete_in(later, claim, response)
    async with AsyncSession() as session:
        await store.complete_in(session, claim, response)
    store.complete_in(sqlite3.connect(""), claim, response)  # type: ignore[call-overload]
    outcome = store.sync.claim("key", b"", lease=60.0, ttl=3600.0)
    if isinstance(outcome, Claimed):
        store.sync.complete(outcome, response)


@django.idempotent
def guarded(request: Any) -> str:
    return "made"


@django.idempotent(atomic=True, ttl=3600.0, wait=5.0, keep=lambda response: response.status < 500)
def atomic(request: Any, number: int) -> str:
    return guarded(request)


django.idempotent(atomics=True)  # type: ignore[call-overload]
atomic(None, "7")  # type: ignore[arg-type]
