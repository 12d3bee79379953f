"""The Flask extension over a real socket."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from flask import Blueprint, Flask, Response, abort, g, request, send_file, session
from flask.views import MethodView
from werkzeug.serving import WSGIRequestHandler, make_server

from pyqueue._errors import DeclarationError
from pyqueue.server import SQLiteIdempotencyStore
from pyqueue.server.flask import Idempotency, assets
from tests.server.site import PROBLEM

Post = Callable[..., httpx.Response]


class Quiet(WSGIRequestHandler):
    """Without a log."""

    def log(self, *args: Any) -> None:
        pass


class Shop:
    """An application, its extension and what it did."""

    def __init__(self, store: SQLiteIdempotencyStore, **options: Any):
        self.store = store
        self.idempotent = Idempotency(store, **options)
        self.app = Flask(__name__)
        self.app.secret_key = "secret"
        self.effects: list[Any] = []

    def start(self) -> None:
        self._server = make_server("127.0.0.1", 0, self.app, threaded=True, request_handler=Quiet)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.port}"

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Callable[..., Shop]]:
    """Makes shops; they are stopped if they were started."""
    shops: list[Shop] = []

    def make(**options: Any) -> Shop:
        shops.append(Shop(SQLiteIdempotencyStore(tmp_path / "keys.sqlite3"), **options))
        return shops[-1]

    yield make
    for shop in shops:
        if hasattr(shop, "url"):
            shop.stop()
        shop.store.close()


def serve(shop: Shop) -> Post:
    """Installs the extension, and returns what posts to the application."""
    shop.idempotent.init_app(shop.app)
    shop.start()

    def post(path: str = "/orders", key: str | None = '"k"', **options: Any) -> httpx.Response:
        headers = {**({} if key is None else {"Idempotency-Key": key}), **options.pop("headers", {})}
        body = {"json": {"item": "tea"}} if not options.keys() & {"content", "data", "files"} else {}
        return httpx.post(shop.url + path, headers=headers, **body, **options)

    return post


def test_the_second_request_is_a_replay(shop: Any) -> None:
    """Its cookies are not, but `after_request` holds for it too."""
    shop = shop()

    @shop.app.post("/orders")
    @shop.idempotent
    def order() -> Any:
        shop.effects.append(request.get_json())
        session["seen"] = "yes"
        return {"made": True}, 201, {"X-Own": "kept"}

    @shop.app.after_request
    def after(response: Response) -> Response:
        response.headers["X-After"] = str(len(shop.effects))
        return response

    post = serve(shop)
    first, second = post(), post()
    assert (first.status_code, first.json()) == (second.status_code, second.json()) == (201, {"made": True})
    assert [answer.headers["x-own"] for answer in (first, second)] == ["kept", "kept"]
    assert [answer.headers["x-after"] for answer in (first, second)] == ["1", "1"]
    assert [answer.headers["idempotency-key"] for answer in (first, second)] == ['"k"', '"k"']
    assert ["set-cookie" in answer.headers for answer in (first, second)] == [True, False]
    assert second.headers["idempotency-replayed"] == "true"
    assert shop.effects == [{"item": "tea"}]


@pytest.mark.parametrize(
    ("request_", "status", "kind"),
    [
        ({"key": None}, 400, "key-missing"),
        ({"key": "two words"}, 400, "key-invalid"),
        ({"content": b"x" * 2000}, 413, "body-too-large"),
        ({"content": iter([b"x" * 2000])}, 413, "body-too-large"),
        ({"content": b"other", "key": '"used"'}, 422, "key-reused"),
    ],
)
def test_what_is_refused(shop: Any, request_: Any, status: int, kind: str) -> None:
    shop = shop(max_body=1000)

    @shop.app.post("/orders")
    @shop.idempotent
    def order() -> str:
        shop.effects.append("order")
        return "done"

    post = serve(shop)
    assert post(key='"used"').status_code == 200
    answer = post(**request_)
    assert (answer.status_code, answer.json()["type"]) == (status, PROBLEM + kind)
    assert answer.headers["content-type"] == "application/problem+json"
    assert len(shop.effects) == 1


def test_an_attempt_in_flight_is_409_or_waited_for(shop: Any) -> None:
    """By the options of the view."""
    shop = shop()
    entered, gate = threading.Event(), threading.Event()

    def order() -> str:
        shop.effects.append(shop.idempotent.claim.key)
        entered.set()
        assert gate.wait(30)
        return "done"

    shop.app.add_url_rule("/orders", "hasty", shop.idempotent(order), methods=["POST"])
    patient = shop.idempotent.replace(wait=30.0)(order)
    shop.app.add_url_rule("/patient", "patient", patient, methods=["POST"])
    post = serve(shop)
    answers: list[httpx.Response] = []
    threads = []
    for path, key in (("/orders", '"a"'), ("/patient", '"b"'), ("/patient", '"b"')):
        entered.clear()
        threads.append(threading.Thread(target=lambda p=path, k=key: answers.append(post(p, k))))
        threads[-1].start()
        assert len(threads) == 3 or entered.wait(10)
    assert post(key='"a"').json()["type"] == PROBLEM + "in-flight"
    gate.set()
    for thread in threads:
        thread.join()
    assert sorted("idempotency-replayed" in answer.headers for answer in answers) == [False, False, True]
    assert len(shop.effects) == 2


def test_two_principals_never_meet(shop: Any) -> None:
    """Whom `before_request` and the session name; and what refuses there refuses a replay too."""
    shop = shop(principal=lambda: g.user or session.get("user"))

    @shop.app.before_request
    def load_user() -> None:
        g.user = request.headers.get("X-User")
        if g.user == "banned":
            abort(401)

    @shop.app.post("/login/<name>")
    def login(name: str) -> str:
        session["user"] = name
        return "hello"

    @shop.app.post("/orders")
    @shop.idempotent
    def order() -> str:
        shop.effects.append(g.user or session["user"])
        return str(shop.effects[-1])

    post = serve(shop)
    for name in ("ann", "bob", "ann"):
        assert post(headers={"x-user": name}).text == name
    assert post(headers={"x-user": "banned"}).status_code == 401
    cookies = post("/login/cleo", key=None).cookies
    assert post(cookies=cookies).text == "cleo"
    assert shop.effects == ["ann", "bob", "cleo"]


@pytest.mark.parametrize("principal", ["", 7, b"ann"], ids=repr)
def test_a_principal_that_is_no_name_is_an_error(shop: Any, principal: Any) -> None:
    shop = shop(principal=lambda: principal)

    @shop.app.post("/orders")
    @shop.idempotent
    def order() -> str:
        shop.effects.append("ran")
        return "done"

    assert serve(shop)().status_code == 500
    assert shop.effects == []


@pytest.mark.parametrize("early", [False, True], ids=["read by the view", "read before"])
@pytest.mark.parametrize("kind", ["form", "file", "raw", "chunked"])
def test_the_body_stays_readable(shop: Any, kind: str, early: bool) -> None:
    """And counts, even if a form was read before the view."""
    shop = shop()

    @shop.app.before_request
    def read() -> None:
        if early and kind in ("form", "file"):
            assert request.form is not None

    @shop.app.post("/orders")
    @shop.idempotent
    def order() -> str:
        given = request.files["item"].read() if kind == "file" else request.form.get("item", "").encode()
        shop.effects.append((given or request.get_data()).decode())
        return str(shop.effects[-1])

    post = serve(shop)

    def body(item: str) -> Any:
        return {
            "form": {"data": {"item": item}},
            "file": {
                "files": {"item": ("a.txt", item.encode())},
                "headers": {"content-type": "multipart/form-data; boundary=x"},
            },
            "raw": {"content": item.encode()},
            "chunked": {"content": iter([item.encode()])},
        }[kind]

    assert [post(**body("tea")).text for _ in range(2)] == ["tea", "tea"]
    assert post(**body("ten")).status_code == 422
    assert shop.effects == ["tea"]


class Sold(Exception):
    pass


@pytest.mark.parametrize(
    ("kind", "status", "effects"),
    [
        ("abort", 409, 2),
        ("handled", 202, 1),
        ("crash", 500, 2),
        ("stream", 200, 1),
        ("file", 200, 1),
        ("broken stream", 500, 2),
        ("empty", 204, 1),
        ("untyped", 200, 1),
    ],
)
def test_the_answer_is_what_the_client_gets(
    shop: Any, tmp_path: Path, kind: str, status: int, effects: int
) -> None:
    shop = shop()
    (tmp_path / "answer.txt").write_text("answer")

    @shop.app.errorhandler(Sold)
    def sold(error: Sold) -> Any:
        return "sold", 202

    def parts() -> Iterator[bytes]:
        yield b"one"
        if kind == "broken stream":
            raise RuntimeError("broken")
        yield b"two"

    @shop.app.post("/orders")
    @shop.idempotent
    def order() -> Any:
        shop.effects.append(kind)
        match kind:
            case "abort":
                abort(409)
            case "handled":
                raise Sold
            case "crash":
                raise RuntimeError("the application crashed")
            case "file":
                return send_file(tmp_path / "answer.txt")
            case "empty":
                return "", 204
            case "untyped":
                untyped = Response("bytes")
                del untyped.headers["Content-Type"]
                return untyped
        return Response(parts())

    post = serve(shop)
    answers = [post() for _ in range(2)]
    assert [answer.status_code for answer in answers] == [status, status]
    assert answers[0].content == answers[1].content
    assert answers[0].headers.get("content-type") == answers[1].headers.get("content-type")
    assert len(shop.effects) == effects
    assert ("idempotency-replayed" in answers[1].headers) == (effects == 1)


def test_blueprints_and_classes_of_views(shop: Any) -> None:
    shop = shop()

    class Orders(MethodView):
        decorators = (shop.idempotent,)

        def post(self) -> str:
            shop.effects.append(request.path)
            return "done"

        def get(self) -> str:
            return "all"

    blueprint = Blueprint("v1", __name__, url_prefix="/v1")
    blueprint.add_url_rule("/orders", view_func=Orders.as_view("orders"))
    shop.app.register_blueprint(blueprint)
    post = serve(shop)
    assert "idempotency-replayed" in [post("/v1/orders") for _ in range(2)][1].headers
    assert httpx.get(f"{shop.url}/v1/orders").text == "all"
    assert shop.effects == ["/v1/orders"]


def test_events_are_told_as_of_any_request(shop: Any) -> None:
    told: list[str] = []
    shop = shop(on_event=lambda event: told.append(event.kind.value))

    @shop.app.post("/orders")
    @shop.idempotent
    def order() -> str:
        if request.get_data() == b"crash":
            abort(500)
        return "done"

    post = serve(shop)
    for key, item in (('"k"', b"tea"), ('"k"', b"tea"), ('"k"', b"milk"), (None, b"tea"), ('"c"', b"crash")):
        post(key=key, content=item)
    assert told == ["claimed", "completed", "replayed", "mismatch", "refused", "claimed", "released"]


def test_other_views_are_untouched(shop: Any) -> None:
    shop = shop()

    @shop.app.post("/free")
    def free() -> bytes:
        return bytes(request.get_data())

    post = serve(shop)
    for key in (None, '"k"', '"k"', "two words"):
        answer = post("/free", key, content=b"tea")
        assert (answer.status_code, answer.text) == (200, "tea")
        assert "idempotency-key" not in answer.headers


def test_what_is_not_installed_or_claimed_twice_refuses_to_run(shop: Any) -> None:
    shop = shop()

    @shop.app.post("/orders")
    @shop.idempotent.replace(wait=5)
    @shop.idempotent
    def order() -> str:
        shop.effects.append("ran")
        return "done"

    client = shop.app.test_client()
    shop.app.testing = True
    with pytest.raises(DeclarationError, match=r"call its init_app\(app\)"):
        client.post("/orders", headers={"Idempotency-Key": "k"})
    shop.idempotent.init_app(shop.app)
    for _ in range(2):
        with pytest.raises(DeclarationError, match="one Idempotency only"):
            client.post("/orders", headers={"Idempotency-Key": "k"})
    with pytest.raises(DeclarationError, match="replace"):
        shop.idempotent.init_app(shop.app)
    assert shop.effects == []


def test_what_is_wrong_is_told_when_it_is_declared(shop: Any) -> None:
    shop = shop()
    for options in ({"principal": "ann"}, {"waits": 3}, {"store": "keys"}):
        with pytest.raises(DeclarationError):
            Idempotency(**{"store": shop.store, **options})
    for options in ({"wait": -1}, {"paths": ["/a"]}, {"max_body": 1 << 30}):
        with pytest.raises(DeclarationError):
            shop.idempotent.replace(**options)


def test_the_blueprint_serves_the_browser_files(shop: Any, tmp_path: Path) -> None:
    shop = shop()
    tasks = tmp_path / "tasks.py"
    tasks.write_text("from pyqueue import Queue\nqueue = Queue()\n")
    shop.app.register_blueprint(assets(tasks=tasks))
    serve(shop)
    script = httpx.get(f"{shop.url}/pyqueue/pyqueue.js")
    assert (script.status_code, script.headers["cache-control"]) == (200, "no-cache")
    assert script.headers["content-type"] == "text/javascript; charset=utf-8"
    again = httpx.get(f"{shop.url}/pyqueue/pyqueue.js", headers={"If-None-Match": script.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert httpx.head(f"{shop.url}/pyqueue/sw.js").headers["content-length"] != "0"
    assert httpx.get(f"{shop.url}/pyqueue/nothing.js").status_code == 404
    assert httpx.post(f"{shop.url}/pyqueue/sw.js").status_code == 405
