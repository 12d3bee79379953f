"""The FastAPI dependency over a real socket. Annotations name what is local to a test: no texts."""

import asyncio
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, BackgroundTasks, Depends, FastAPI, Form, HTTPException, Request, UploadFile
from fastapi.responses import FileResponse, JSONResponse, StreamingResponse
from fastapi.security import APIKeyHeader
from pydantic import BaseModel
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.websockets import WebSocket

from pyqueue._errors import DeclarationError
from pyqueue.server import Claimed, SQLiteIdempotencyStore
from pyqueue.server.fastapi import Idempotency
from tests.server.site import PROBLEM, Site


class Order(BaseModel):
    """What is ordered; counts its validations."""

    item: str
    validations: int = 0

    def model_post_init(self, context: Any) -> None:
        VALIDATED.append(self.item)


VALIDATED: list[str] = []


class Shop:
    """An application, its dependency and what it did."""

    def __init__(self, store: SQLiteIdempotencyStore, **options: Any):
        self.store = store
        self.idempotent = Idempotency(store, **options)
        self.app = FastAPI()
        self.effects: list[Any] = []

    def serve(self) -> Site:
        self.idempotent.install(self.app)
        return Site(self.app, self.store)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Callable[..., Shop]]:
    """Makes shops, and serves them with `serve`."""
    sites: list[Site] = []
    stores: list[SQLiteIdempotencyStore] = []

    class Served(Shop):
        def serve(self) -> Site:
            sites.append(super().serve())
            return sites[-1]

    def make(**options: Any) -> Shop:
        stores.append(SQLiteIdempotencyStore(tmp_path / "keys.sqlite3"))
        return Served(stores[-1], **options)

    VALIDATED.clear()
    yield make
    for site in sites:
        site.stop()
    for store in stores:
        store.close()


def post(site: Site, path: str = "/orders", key: str | None = '"k"', **options: Any) -> httpx.Response:
    headers = {**({} if key is None else {"Idempotency-Key": key}), **options.pop("headers", {})}
    return httpx.post(site.url + path, headers=headers, **{"json": {"item": "tea"}, **options})


def test_a_replay_runs_no_endpoint_and_validates_nothing(shop: Any) -> None:
    shop = shop()

    @shop.app.post("/orders", status_code=201, dependencies=[Depends(shop.idempotent)])
    async def order(order: Order) -> Order:
        shop.effects.append(order.item)
        return order

    site = shop.serve()
    first = post(site)
    validations = len(VALIDATED)
    second = post(site)
    assert (first.status_code, first.content) == (second.status_code, second.content)
    assert (first.status_code, first.headers["idempotency-key"]) == (201, '"k"')
    assert "idempotency-replayed" not in first.headers
    assert second.headers["idempotency-replayed"] == "true"
    assert (shop.effects, len(VALIDATED)) == (["tea"], validations)


@pytest.mark.parametrize(
    ("request_", "status", "kind"),
    [
        ({"key": None}, 400, "key-missing"),
        ({"key": "two words"}, 400, "key-invalid"),
        ({"json": {"item": "x" * 2000}}, 413, "body-too-large"),
        ({"json": {"item": "milk"}, "key": '"used"'}, 422, "key-reused"),
    ],
)
def test_what_is_refused(shop: Any, request_: Any, status: int, kind: str) -> None:
    shop = shop(max_body=1000)

    @shop.app.post("/orders", dependencies=[Depends(shop.idempotent)])
    def order(order: Order) -> None:
        shop.effects.append(order)

    site = shop.serve()
    assert post(site, key='"used"').status_code == 200
    answer = post(site, **request_)
    assert (answer.status_code, answer.json()["type"]) == (status, PROBLEM + kind)
    assert answer.headers["content-type"] == "application/problem+json"
    assert len(shop.effects) == 1


def test_an_attempt_in_flight_is_409_or_waited_for_and_the_endpoint_has_the_claim(shop: Any) -> None:
    shop = shop()
    entered, gate = threading.Event(), threading.Event()
    patient = shop.idempotent.replace(wait=30.0)

    def order(request: Request, claim: Claimed) -> str:
        assert request.scope["pyqueue.claim"] is claim
        shop.effects.append(claim.key)
        entered.set()
        assert gate.wait(30)
        return "done"

    @shop.app.post("/orders")
    def hasty(request: Request, claim: Annotated[Claimed, Depends(shop.idempotent)]) -> str:
        return order(request, claim)

    @shop.app.post("/patient")
    def waiting(request: Request, claim: Annotated[Claimed, Depends(patient)]) -> str:
        return order(request, claim)

    site = shop.serve()
    answers: list[httpx.Response] = []
    threads = []
    for path, key in (("/orders", '"a"'), ("/patient", '"b"'), ("/patient", '"b"')):
        entered.clear()
        threads.append(threading.Thread(target=lambda p=path, k=key: answers.append(post(site, p, k))))
        threads[-1].start()
        assert len(threads) == 3 or entered.wait(10)
    assert post(site, key='"a"').json()["type"] == PROBLEM + "in-flight"
    gate.set()
    for thread in threads:
        thread.join()
    assert sorted("idempotency-replayed" in answer.headers for answer in answers) == [False, False, True]
    assert len(shop.effects) == 2


async def user(key: Annotated[str | None, Depends(APIKeyHeader(name="x-user", auto_error=False))]) -> str:
    if key is None:
        raise HTTPException(401)
    return key


async def visitor() -> str:
    return "visitor"


def test_the_principal_is_a_dependency(shop: Any) -> None:
    """Whose own refusal is answered, and which a test may override."""
    shop = shop(principal=user)

    @shop.app.post("/orders", dependencies=[Depends(shop.idempotent)])
    async def order(name: Annotated[str, Depends(user)]) -> str:
        shop.effects.append(name)
        return name

    site = shop.serve()
    for name in ("ann", "bob", "ann"):
        assert post(site, headers={"x-user": name}).json() == name
    assert post(site).status_code == 401
    assert shop.effects == ["ann", "bob"]
    shop.app.dependency_overrides[user] = visitor
    assert post(site).json() == "visitor"
    assert "idempotency-replayed" in post(site, headers={"x-user": "ann"}).headers
    operation = httpx.get(f"{site.url}/openapi.json").json()["paths"]["/orders"]["post"]
    assert operation["security"] == [{"APIKeyHeader": []}]


@pytest.mark.parametrize("principal", ["", 7, b"ann"], ids=repr)
def test_a_principal_that_is_no_name_is_an_error(shop: Any, principal: Any, caplog: Any) -> None:
    shop = shop(principal=lambda: principal)

    @shop.app.post("/orders", dependencies=[Depends(shop.idempotent)])
    async def order() -> None:
        shop.effects.append("ran")

    assert post(shop.serve()).status_code == 500
    assert shop.effects == []


@pytest.mark.parametrize("body", [{"data": {"item": "tea"}}, {"files": {"photo": ("a.txt", b"tea")}}, "raw"])
def test_the_body_stays_readable(shop: Any, body: Any) -> None:
    """Also a form, which FastAPI reads before any dependency; and one that the endpoint reads itself."""
    shop = shop()

    @shop.app.post("/form", dependencies=[Depends(shop.idempotent)])
    async def form(item: Annotated[str, Form()]) -> str:
        shop.effects.append(item)
        return item

    @shop.app.post("/file", dependencies=[Depends(shop.idempotent)])
    async def file(photo: UploadFile) -> str:
        shop.effects.append((await photo.read()).decode())
        return shop.effects[-1]

    @shop.app.post("/raw", dependencies=[Depends(shop.idempotent)])
    async def raw(request: Request) -> str:
        shop.effects.append(b"".join([chunk async for chunk in request.stream()]).decode())
        return shop.effects[-1]

    site = shop.serve()
    headers = {"Idempotency-Key": '"k"'}
    if body == "raw":
        request = httpx.Request("POST", f"{site.url}/raw", headers=headers, content=b"tea")
    else:
        path = "form" if "data" in body else "file"
        request = httpx.Request("POST", f"{site.url}/{path}", headers=headers, **body)
    request.read()
    with httpx.Client() as client:
        answers = [client.send(request) for _ in range(2)]
        other = httpx.Request(
            "POST", request.url, headers=request.headers, content=request.content[:-1] + b"?"
        )
        assert client.send(other).status_code in (400, 422)
    assert [answer.json() for answer in answers] == ["tea", "tea"]
    assert shop.effects == ["tea"]


class Sold(Exception):
    pass


@pytest.mark.parametrize(
    ("kind", "status", "effects"),
    [
        ("http", 409, 2),  # HTTPException: a refusal, which frees the key.
        ("handled", 202, 1),  # An exception that the application's handler turns into an answer.
        ("crash", 500, 2),
        ("stream", 200, 1),
        ("model", 500, 2),  # The answer is not what `response_model` says.
        ("background", 200, 1),
        ("file", 200, 1),
    ],
)
def test_the_answer_is_what_the_client_gets(
    shop: Any, tmp_path: Path, kind: str, status: int, effects: int, caplog: Any
) -> None:
    shop = shop()
    (tmp_path / "answer.txt").write_text("answer")

    @shop.app.exception_handler(Sold)
    async def sold(request: Request, error: Sold) -> JSONResponse:
        return JSONResponse("sold", 202)

    async def parts() -> AsyncIterator[bytes]:
        for number in range(3):
            yield b"%d" % number

    def fail() -> None:
        raise RuntimeError("in the background")

    @shop.app.post("/orders", dependencies=[Depends(shop.idempotent)], response_model=Any)
    async def order(background: BackgroundTasks) -> Any:
        shop.effects.append(kind)
        match kind:
            case "http":
                raise HTTPException(409)
            case "handled":
                raise Sold
            case "crash":
                raise RuntimeError("the application crashed")
            case "stream":
                return StreamingResponse(parts())
            case "file":
                return FileResponse(tmp_path / "answer.txt")
            case "background":
                background.add_task(fail)
        return "done"

    @shop.app.post("/model", dependencies=[Depends(shop.idempotent)])
    async def model() -> Order:
        shop.effects.append(kind)
        return "no order"  # type: ignore[return-value]

    site = shop.serve()
    answers = [post(site, "/model" if kind == "model" else "/orders") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [status, status]
    assert answers[0].content == answers[1].content
    assert len(shop.effects) == effects
    assert ("idempotency-replayed" in answers[1].headers) == (effects == 1)


def test_what_yields_is_closed_once_and_may_not_see_a_replay_as_success(shop: Any) -> None:
    """A dependency with `yield` that stands before sees the end of a replay as an exception, so that it
    rolls back."""
    shop = shop()
    ends: list[str] = []

    async def session() -> AsyncIterator[str]:
        try:
            yield "session"
        except BaseException:
            ends.append("rolled back")
            raise
        ends.append("committed")

    @shop.app.post("/orders")
    async def order(
        session: Annotated[str, Depends(session)], claim: Annotated[Claimed, Depends(shop.idempotent)]
    ) -> str:
        return session

    site = shop.serve()
    assert [post(site).json() for _ in range(2)] == ["session", "session"]
    assert ends == ["committed", "rolled back"]


def test_routers_mounted_applications_and_middleware(shop: Any) -> None:
    """Middleware added before or after stays outside; a router's GET takes no key."""
    shop = shop()
    router = APIRouter(prefix="/v1", dependencies=[Depends(shop.idempotent)])
    inner = FastAPI()
    inner.add_middleware(BaseHTTPMiddleware, dispatch=lambda request, call_next: call_next(request))

    @router.post("/orders")
    @inner.post("/orders", dependencies=[Depends(shop.idempotent)])
    async def order(request: Request) -> str:
        shop.effects.append(request.url.path)
        request.session["seen"] = "yes"
        return "tea" * 1000

    @router.get("/orders")
    async def orders(claim: Annotated[Claimed | None, Depends(shop.idempotent)]) -> bool:
        return claim is None

    @shop.app.middleware("http")
    async def count(request: Request, call_next: Any) -> Any:
        answer = await call_next(request)
        seen.append(request.url.path)
        answer.headers["x-count"] = str(len(seen))
        return answer

    seen: list[str] = []
    shop.app.add_middleware(SessionMiddleware, secret_key="secret")
    shop.idempotent.install(shop.app)
    shop.app.add_middleware(GZipMiddleware)
    shop.app.include_router(router)
    shop.app.mount("/mounted", inner)
    site = Site(shop.app, shop.store)
    try:
        for path in ("/v1/orders", "/mounted/orders"):
            first, second = (post(site, path, f'"{path}"') for _ in range(2))
            assert (first.json(), second.json()) == ("tea" * 1000, "tea" * 1000)
            assert [a.headers.get("idempotency-replayed") for a in (first, second)] == [None, "true"]
            assert [a.headers["content-encoding"] for a in (first, second)] == ["gzip", "gzip"]
            assert "set-cookie" in first.headers
            assert int(second.headers["x-count"]) == int(first.headers["x-count"]) + 1
        assert shop.effects == ["/v1/orders", "/mounted/orders"]
        assert httpx.get(f"{site.url}/v1/orders").json() is True
    finally:
        site.stop()


def test_events_are_told_as_of_any_request(shop: Any) -> None:
    told: list[str] = []
    shop = shop(on_event=lambda event: told.append(event.kind.value))

    @shop.app.post("/orders", dependencies=[Depends(shop.idempotent)])
    async def order(order: Order) -> None:
        if order.item == "crash":
            raise RuntimeError("the application crashed")

    site = shop.serve()
    for key, item in (('"k"', "tea"), ('"k"', "tea"), ('"k"', "milk"), (None, "tea"), ('"c"', "crash")):
        post(site, key=key, json={"item": item})
    assert told == ["claimed", "completed", "replayed", "mismatch", "refused", "claimed", "cut-short"]


def test_other_routes_are_untouched(shop: Any) -> None:
    shop = shop()

    @shop.app.post("/free")
    async def free(request: Request) -> str:
        return (await request.body()).decode()

    site = shop.serve()
    for key in (None, '"k"', '"k"', "two words"):
        answer = post(site, "/free", key)
        assert (answer.status_code, answer.json()) == (200, '{"item":"tea"}')
        assert "idempotency-key" not in answer.headers


def test_a_routers_websockets_take_no_key(shop: Any) -> None:
    shop = shop(principal=visitor)
    router = APIRouter(dependencies=[Depends(shop.idempotent)])

    @router.websocket("/socket")
    async def socket(socket: WebSocket) -> None:
        await socket.accept()
        await socket.send_text("hello")
        await socket.close()

    shop.app.include_router(router)
    shop.idempotent.install(shop.app)
    sent: list[str] = []

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message["type"])

    scope = {"type": "websocket", "path": "/socket", "headers": [], "query_string": b""}
    asyncio.run(shop.app(scope, receive, send))
    assert sent == ["websocket.accept", "websocket.send", "websocket.close"]


def test_a_client_that_goes_does_not_cut_the_effect(shop: Any) -> None:
    shop = shop()
    entered, gate = threading.Event(), threading.Event()

    @shop.app.post("/orders", dependencies=[Depends(shop.idempotent)])
    def order() -> str:
        shop.effects.append("begun")
        entered.set()
        assert gate.wait(30)
        shop.effects.append("ended")
        return "done"

    site = shop.serve()
    with socket.create_connection(("127.0.0.1", site.port)) as client:
        client.sendall(b'POST /orders HTTP/1.1\r\nHost: 127.0.0.1\r\nIdempotency-Key: "k"\r\n\r\n')
        assert entered.wait(10)
    gate.set()
    end = time.monotonic() + 30
    while (answer := post(site, json=None)).status_code != 200:
        assert answer.status_code == 409
        assert time.monotonic() < end
    assert answer.headers["idempotency-replayed"] == "true"
    assert shop.effects == ["begun", "ended"]


@pytest.mark.parametrize(("path", "end"), [("/orders", "ended"), ("/free", "cut")])
def test_a_server_that_cancels_a_request_cuts_only_what_has_no_key_claimed(
    shop: Any, path: str, end: str
) -> None:
    shop = shop()

    async def run() -> None:
        entered, gate, over = asyncio.Event(), asyncio.Event(), asyncio.Event()

        @shop.app.post("/free")
        @shop.app.post("/orders", dependencies=[Depends(shop.idempotent)])
        async def order() -> None:
            entered.set()
            try:
                await gate.wait()
                shop.effects.append("ended")
            except asyncio.CancelledError:
                shop.effects.append("cut")
                raise
            finally:
                over.set()

        shop.idempotent.install(shop.app)
        transport = httpx.ASGITransport(shop.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://site") as client:
            request = asyncio.create_task(client.post(path, headers={"Idempotency-Key": "k"}))
            await entered.wait()
            request.cancel()
            with pytest.raises(asyncio.CancelledError):
                await request
            gate.set()
            await asyncio.wait_for(over.wait(), 30)

    asyncio.run(run())
    assert shop.effects == [end]


def raised_by(app: FastAPI) -> None:
    """Sends a request to the application, and raises what it raises."""

    async def ask() -> None:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://site") as client:
            await client.post("/orders", headers={"Idempotency-Key": "k"})

    asyncio.run(ask())


def test_an_application_without_it_installed_refuses_to_run(shop: Any) -> None:
    shop = shop()

    @shop.app.post("/orders", dependencies=[Depends(shop.idempotent)])
    async def order() -> None:
        shop.effects.append("ran")

    with pytest.raises(DeclarationError, match=r"call its install\(app\)"):
        raised_by(shop.app)
    assert shop.effects == []


def test_a_route_with_two_refuses_to_run(shop: Any) -> None:
    """Which one's options should count?"""
    shop = shop()
    both = [Depends(shop.idempotent), Depends(shop.idempotent.replace(wait=5))]

    @shop.app.post("/orders", dependencies=both)
    async def order() -> None:
        shop.effects.append("ran")

    shop.idempotent.install(shop.app)
    for _ in range(2):
        with pytest.raises(DeclarationError, match="one Idempotency only"):
            raised_by(shop.app)
    assert shop.effects == []


def test_what_is_wrong_is_told_when_it_is_declared(shop: Any) -> None:
    shop = shop()
    for options in ({"principal": Depends(user)}, {"principal": "ann"}, {"waits": 3}):
        with pytest.raises(DeclarationError):
            Idempotency(shop.store, **options)
    for options in ({"wait": -1}, {"paths": ["/a"]}, {"max_body": 1 << 30}):
        with pytest.raises(DeclarationError):
            shop.idempotent.replace(**options)
    site = shop.serve()
    with pytest.raises(DeclarationError, match="replace"):
        shop.idempotent.install(shop.app)
    post(site)
    with pytest.raises(DeclarationError, match="runs already"):
        shop.idempotent.install(shop.app)


def test_openapi_has_the_header_and_the_answers(shop: Any) -> None:
    shop = shop()
    lenient = shop.idempotent.replace(required=False)

    @shop.app.post("/orders", dependencies=[Depends(shop.idempotent)])
    async def order(order: Order) -> None: ...

    @shop.app.get("/orders", dependencies=[Depends(shop.idempotent)])
    async def orders() -> None: ...

    @shop.app.post("/events", dependencies=[Depends(lenient)])
    async def event() -> None: ...

    site = shop.serve()
    document = [httpx.get(f"{site.url}/openapi.json").json() for _ in range(2)][1]
    paths = document["paths"]
    (parameter,) = paths["/orders"]["post"]["parameters"]
    assert (parameter["name"], parameter["in"], parameter["required"]) == ("Idempotency-Key", "header", True)
    assert "x-pyqueue-idempotency" not in str(document)
    responses = paths["/orders"]["post"]["responses"]
    assert {"200", "400", "409", "413", "422", "503"} == responses.keys()
    assert {"application/json", "application/problem+json"} == responses["422"]["content"].keys()
    assert "Retry-After" in responses["409"]["headers"]
    assert "parameters" not in paths["/orders"]["get"]
    assert paths["/events"]["post"]["parameters"][0]["required"] is False
