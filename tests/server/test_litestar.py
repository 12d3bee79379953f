"""The ASGI middleware in Litestar, which wraps each handler with it, within the application's routing."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar import Litestar, Request, Response, Router, get, post
from litestar.background_tasks import BackgroundTask
from litestar.exceptions import ClientException
from litestar.middleware import DefineMiddleware
from litestar.middleware.session.client_side import CookieBackendConfig
from litestar.response import Stream

from pyqueue.server import IdempotencyMiddleware, SQLiteIdempotencyStore
from tests.server.site import PROBLEM, Site

Serve = Callable[..., Site]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Serves handlers behind the layer, with the layer's options and the application's."""
    sites: list[Site] = []

    def start(handlers: Any, outside: Any = (), settings: Any = None, **options: Any) -> Site:
        store = SQLiteIdempotencyStore(tmp_path / "keys.sqlite3")
        layer = DefineMiddleware(IdempotencyMiddleware, store=store, **options)
        app = Litestar(handlers, middleware=[*outside, layer], openapi_config=None)
        sites.append(Site(app, store, **(settings or {})))
        return sites[-1]

    yield start
    for site in sites:
        site.stop()


class Effects(list[str]):
    """What handlers did."""

    def handler(self, kind: str) -> Any:
        async def parts() -> Any:
            for part in (b"one", b"two"):
                yield part

        def fail() -> None:
            raise RuntimeError("in the background")

        @post("/orders", status_code=201)
        async def order(request: Request[Any, Any, Any]) -> Any:
            self.append((await request.body()).decode())
            match kind:
                case "refused":
                    raise ClientException("no", status_code=409)
                case "crash":
                    raise RuntimeError("the application crashed")
                case "stream":
                    return Stream(parts())
                case "background":
                    return Response("done", background=BackgroundTask(fail))
            return {"claimed": request.scope["pyqueue.claim"].key.endswith("k")}  # type: ignore[typeddict-item]

        return order


@pytest.mark.parametrize(
    ("kind", "status", "effects"),
    [("json", 201, 1), ("stream", 201, 1), ("background", 201, 1), ("refused", 409, 2), ("crash", 500, 2)],
)
def test_the_answer_is_what_the_client_gets(serve: Serve, kind: str, status: int, effects: int) -> None:
    """Litestar's exception handlers stand outside: an exception passes the layer, and frees the key."""
    done = Effects()
    site = serve([done.handler(kind)])
    answers = [site.post("/orders") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [status, status]
    assert answers[0].content == answers[1].content
    assert len(done) == effects
    assert ("idempotency-replayed" in answers[1].headers) == (effects == 1)


@pytest.mark.parametrize("root_path", ["", "/app"])
def test_paths_and_routes_are_as_litestar_has_them(serve: Serve, root_path: str) -> None:
    done = Effects()
    router = Router("/v1", route_handlers=[done.handler("json")])
    options: Any = {"paths": ["/v1/"], "routes": {"/v1/orders": {"keep": lambda response: False}}}
    site = serve([router], settings={"root_path": root_path}, **options)
    assert site.post("/v1/orders", key=None).json()["type"] == PROBLEM + "key-missing"
    assert [site.post("/v1/orders").json() for _ in range(2)] == [{"claimed": True}] * 2
    assert done == ["hi", "hi"]


def test_the_session_of_a_middleware_outside_names_the_principal(serve: Serve) -> None:
    done = Effects()

    @get("/login/{name:str}")
    async def login(request: Request[Any, Any, Any]) -> None:
        request.set_session({"user": request.path_params["name"]})

    sessions = CookieBackendConfig(secret=b"s" * 16).middleware
    site = serve(
        [login, done.handler("json")],
        [sessions],
        paths=["/orders"],
        principal=lambda scope: scope["session"].get("user"),
    )
    for name in ("ann", "bob", "ann"):
        cookies = httpx.get(f"{site.url}/login/{name}").cookies
        header = "; ".join(f"{cookie}={value}" for cookie, value in cookies.items())
        assert site.post("/orders", headers={"cookie": header}).status_code == 201
    assert done == ["hi", "hi"]


def test_an_attempt_in_flight_is_409(serve: Serve) -> None:
    entered, gate = threading.Event(), threading.Event()

    @post("/orders", sync_to_thread=True)
    def order() -> str:
        entered.set()
        assert gate.wait(30)
        return "done"

    site = serve([order])
    answers: list[httpx.Response] = []
    thread = threading.Thread(target=lambda: answers.append(site.post("/orders")))
    thread.start()
    assert entered.wait(10)
    assert site.post("/orders").json()["type"] == PROBLEM + "in-flight"
    gate.set()
    thread.join()
    assert [answer.status_code for answer in (*answers, site.post("/orders"))] == [201, 201]
