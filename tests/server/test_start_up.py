"""What would switch the protection off in silence is refused when the application starts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from pyqueue._errors import DeclarationError
from pyqueue.server import IdempotencyMiddleware, SQLiteIdempotencyStore
from tests.server.site import PROBLEM, Site, respond

Host = Callable[..., Site]


async def predicate(path: str) -> bool:
    return True


class AsyncHook:
    async def __call__(self, event: Any) -> None: ...


async def ok(scope: Any, receive: Any, send: Any) -> None:
    for message in respond():
        await send(message)


@pytest.mark.parametrize(
    "options",
    [
        {"routes": ["/api/"]},
        {"routes": {"api/": {"wait": 5}}},
        {"routes": {"/api/": {"wait": -1}}},
        {"routes": {"/api/": {"waits": 5}}},
        {"routes": {"/api/": {"paths": ["/api/"]}}},
        {"routes": {"/api/": 5}},
        {"routes": {3: {}}},
        {"paths": ["/api/"], "routes": {"/ap1/": {"wait": 5}}},
        {"wait": lambda path: 5.0},
        {"methods": "POST"},
        {"methods": []},
        {"methods": [b"POST"]},
        {"methods": ["PO ST"]},
        {"methods": 3},
        {"paths": "/api/"},
        {"paths": []},
        {"paths": ["api/"]},
        {"paths": [""]},
        {"paths": ["/api/", 3]},
        {"paths": predicate},
        {"paths": True},
        {"required": "yes"},
        {"required": None},
        {"keep": True},
        {"keep": predicate},
        {"fingerprint": "json"},
        {"login": "/login"},
        {"login": ["login"]},
        {"principal": "user"},
        {"ttl": 0},
        {"ttl": -1},
        {"ttl": float("nan")},
        {"ttl": float("inf")},
        {"ttl": "60"},
        {"lease": 0},
        {"lease": -5},
        {"lease": float("inf")},
        {"lease": True},
        {"lease": 59.0},
        {"wait": -1},
        {"wait": None},
        {"max_body": 1.5},
        {"max_body": -1},
        {"max_response": "1"},
        {"on_event": "log"},
        {"on_event": [print, 3]},
        {"on_event": predicate},
        {"on_event": AsyncHook()},
        {"store": None},
        {"store": SQLiteIdempotencyStore},
        {"store": "keys.sqlite3"},
        {"method": ["POST"]},
    ],
    ids=repr,
)
def test_a_wrong_option_is_refused(options: dict[str, Any], tmp_path: Path) -> None:
    """The last but a few: a lease shorter than twice the store's `busy_timeout` of 30 s."""
    store = options.pop("store", SQLiteIdempotencyStore(tmp_path / "keys.sqlite3"))
    with pytest.raises(DeclarationError):
        IdempotencyMiddleware(ok, store, **options)


@pytest.mark.parametrize("options", [{"busy_timeout": -1}, {"busy_timeout": "3"}, {"prune_every": None}])
def test_a_wrong_option_of_the_store_is_refused(options: Any) -> None:
    with pytest.raises(DeclarationError):
        SQLiteIdempotencyStore("keys.sqlite3", **options)


@pytest.mark.parametrize("methods", [["post"], {"POST": 1}, ("Post", "put"), iter(["post"])], ids=repr)
def test_methods_may_be_given_in_any_case_and_collection(host: Host, methods: Any) -> None:
    assert host(ok, methods=methods).post(key=None).json()["type"] == PROBLEM + "key-missing"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_every_method_that_writes_is_guarded_by_default(host: Host, method: str) -> None:
    site = host(ok)
    assert site.post(key=None, method=method).status_code == 400
    assert [site.post(method=method).headers.get("idempotency-replayed") for _ in range(2)] == [None, "true"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_what_does_not_write_passes_through(host: Host, method: str) -> None:
    site = host(ok)
    answers = [site.post(key=key, method=method) for key in (None, '"k"', '"k"')]
    assert [answer.status_code for answer in answers] == [201] * 3
    assert not any("idempotency-replayed" in answer.headers for answer in answers)


async def endpoint(request: Any) -> PlainTextResponse:
    return PlainTextResponse("done", 201)


def starlette(store: SQLiteIdempotencyStore) -> Starlette:
    layer = Middleware(IdempotencyMiddleware, store=store, paths=["/items"])
    return Starlette(routes=[Route("/items", endpoint, methods=["POST"])], middleware=[layer])


@pytest.mark.parametrize(
    ("root_path", "mount", "path"),
    [
        ("", "", "/items"),
        ("/app", "", "/items"),
        ("/app/", "", "/items"),
        ("", "/v1", "/v1/items"),
        ("/app", "/v1", "/v1/items"),
    ],
)
def test_paths_are_matched_as_the_framework_routes_them(
    tmp_path: Path, root_path: str, mount: str, path: str
) -> None:
    """Behind a proxy's prefix, under a mount, and both: what reaches the route is guarded."""
    store = SQLiteIdempotencyStore(tmp_path / "keys.sqlite3")
    inner = starlette(store)
    site = Site(Starlette(routes=[Mount(mount, inner)]) if mount else inner, store, root_path=root_path)
    try:
        answer = site.post(path, key=None)
        assert (answer.status_code, answer.json()["type"]) == (400, PROBLEM + "key-missing")
        assert site.post(path).status_code == 201
        assert site.post(path).headers["idempotency-replayed"] == "true"
    finally:
        site.stop()


def test_one_path_under_two_mounts_is_two_requests(tmp_path: Path) -> None:
    """They are two applications, even if they share a store."""
    store = SQLiteIdempotencyStore(tmp_path / "keys.sqlite3")
    site = Site(Starlette(routes=[Mount("/a", starlette(store)), Mount("/b", starlette(store))]), store)
    try:
        assert [site.post(path).status_code for path in ("/a/items", "/b/items")] == [201, 422]
    finally:
        site.stop()


async def by_header(scope: Any) -> str | None:
    return dict(scope["headers"]).get(b"x-user", b"").decode() or None


def test_an_async_principal_is_awaited(host: Host) -> None:
    site = host(ok, principal=by_header)
    for user in ("ann", "bob"):
        assert "idempotency-replayed" not in site.post(headers={"x-user": user}).headers
    assert site.post(headers={"x-user": "ann"}).headers["idempotency-replayed"] == "true"


@pytest.mark.parametrize("principal", ["", 7, object(), b"ann", True, "x" * 2000, ["ann"]], ids=repr)
def test_a_principal_that_is_no_name_is_an_error(host: Host, principal: Any) -> None:
    """It could not be told apart from nobody, or from somebody else: nothing runs."""
    ran: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        ran.append("ran")

    errors: list[BaseException] = []

    def outside(layer: Any) -> Any:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            try:
                await layer(scope, receive, send)
            except DeclarationError as error:
                errors.append(error)
                raise

        return app

    assert host(app, principal=lambda scope: principal, outside=outside).post().status_code == 500
    assert "principal returned" in str(errors[0])
    assert ran == []
