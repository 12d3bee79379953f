"""The WSGI adapter over a real socket: the same rules, and what WSGI alone has."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from wsgiref.validate import validator

import httpx
import pytest

from pyqueue._errors import DeclarationError
from pyqueue.server import SQLiteIdempotencyStore
from pyqueue.server.wsgi import IdempotencyMiddleware
from tests.server.site import PROBLEM
from tests.server.wsgi_site import WSGISite

Serve = Callable[..., Callable[..., httpx.Response]]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Serves an application behind the layer, checked by wsgiref's validator; returns what posts to it."""
    ended: list[Callable[[], object]] = []

    def start(
        app: Any, *, store: Any = None, checked: bool = True, **options: Any
    ) -> Callable[..., httpx.Response]:
        store = store or SQLiteIdempotencyStore(tmp_path / "keys.sqlite3")
        layer: Any = IdempotencyMiddleware(app, store, **options)
        site = WSGISite(validator(layer) if checked else layer)
        ended.extend([site.stop, store.close])
        return site.post

    yield start
    for step in ended:
        step()


class Application:
    """Answers with the chunks; counts its effects and closings."""

    def __init__(self, *chunks: bytes, status: str = "201 Made", **headers: str):
        self.effects = 0
        self.closed = 0
        self.bodies: list[bytes] = []
        self._chunks = chunks or (b"do", b"ne")
        self._status = status
        self._headers = [(name.replace("_", "-"), value) for name, value in headers.items()]

    def __call__(self, environ: Any, start_response: Any) -> Any:
        self.effects += 1
        self.bodies.append(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"] or 0)))
        start_response(self._status, [("Content-Type", "text/plain"), *self._headers])
        return self._answer()

    def _answer(self) -> Iterator[bytes]:
        try:
            for chunk in self._chunks:
                if chunk == b"crash":
                    raise RuntimeError("the application crashed")
                yield chunk
        finally:
            self.closed += 1


def test_the_second_request_is_a_replay(serve: Serve) -> None:
    app = Application(X_Own="kept", Set_Cookie="a=b")
    post = serve(app)
    first, second = post(), post()
    assert (first.status_code, first.reason_phrase, first.content) == (201, "Made", b"done")
    assert (second.status_code, second.content, second.headers["x-own"]) == (201, b"done", "kept")
    assert "set-cookie" in first.headers
    assert "set-cookie" not in second.headers
    assert (second.headers["idempotency-replayed"], second.headers["idempotency-key"]) == ("true", '"k"')
    assert (app.effects, app.closed, app.bodies) == (1, 1, [b"hi"])


@pytest.mark.parametrize(
    ("request_", "status", "kind"),
    [
        ({"key": None}, 400, "key-missing"),
        ({"key": "two words"}, 400, "key-invalid"),
        ({"headers": {"host": "x" * 300}}, 400, "host-invalid"),
        ({"content": b"x" * 2000}, 413, "body-too-large"),
    ],
)
def test_what_the_layer_refuses(serve: Serve, request_: Any, status: int, kind: str) -> None:
    app = Application()
    answer = serve(app, max_body=1000)(**request_)
    assert (answer.status_code, answer.json()["type"]) == (status, PROBLEM + kind)
    assert app.effects == 0


def test_another_request_with_the_key_is_422(serve: Serve) -> None:
    post = serve(Application())
    post()
    assert post(content=b"ho").status_code == post("/other").status_code == 422
    assert post(headers={"content-type": "text/csv"}).status_code == 422


def test_an_attempt_in_flight_is_409_or_waited_for(serve: Serve) -> None:
    entered, gate = threading.Event(), threading.Event()

    def app(environ: Any, start_response: Any) -> Any:
        entered.set()
        gate.wait()
        start_response("201 Created", [("Content-Type", "text/plain")])
        return [b"done"]

    post = serve(app, routes={"/patient": {"wait": 30.0}})
    answers: list[httpx.Response] = []
    threads = []
    for path, key in (("/", '"a"'), ("/patient", '"b"')):
        entered.clear()
        threads.append(threading.Thread(target=lambda path=path, key=key: answers.append(post(path, key))))
        threads[-1].start()
        assert entered.wait(5)
    threads.append(threading.Thread(target=lambda: answers.append(post("/patient", '"b"'))))
    threads[-1].start()
    assert post("/", '"a"').status_code == 409
    gate.set()
    for thread in threads:
        thread.join()
    assert sorted("idempotency-replayed" in answer.headers for answer in answers) == [False, False, True]


@pytest.mark.parametrize(
    "app", [Application(b"part", b"crash"), Application(b"crash"), Application(status="403 No")]
)
def test_a_crash_or_refusal_frees_the_key(serve: Serve, app: Application, capfd: Any) -> None:
    post = serve(app)
    for _ in range(2):
        assert post().status_code in (403, 500)
    assert (app.effects, app.closed) == (2, 2)


def test_a_large_answer_is_passed_on_and_kept_without_its_body(serve: Serve) -> None:
    app = Application(b"x" * 600, b"y" * 600, b"z" * 600)
    post = serve(app, max_response=1000, checked=False)  # It demands a type of an empty body too.
    first, second = post(), post()
    assert (len(first.content), second.content, second.headers["idempotency-replayed"]) == (1800, b"", "true")
    assert (app.effects, app.closed) == (1, 1)


def test_a_large_answer_that_breaks_off_is_not_kept(serve: Serve, capfd: Any) -> None:
    app = Application(b"x" * 2000, b"crash")
    post = serve(app, max_response=1000)
    for _ in range(2):
        post()
    assert app.effects == 2


@pytest.mark.parametrize("read", [0, 1, 2])
def test_a_large_answer_that_nobody_reads_to_its_end_is_kept(tmp_path: Path, read: int) -> None:
    """The client has gone; the application still runs to its end, and its lease is not held for ever."""
    store = SQLiteIdempotencyStore(tmp_path / "keys.sqlite3")
    app = Application(b"x" * 600, b"y" * 600, b"z" * 600)
    layer = IdempotencyMiddleware(app, store, max_response=1000)

    def ask() -> tuple[Any, list[Any]]:
        said: list[Any] = []
        environ = {"REQUEST_METHOD": "POST", "HTTP_IDEMPOTENCY_KEY": "k", "PATH_INFO": "/"}
        return layer(environ, lambda *args: said.append(args)), said  # type: ignore[arg-type, return-value]

    body, _ = ask()
    parts = iter(body)
    for _ in range(read):
        next(parts)
    body.close()
    _, said = ask()
    assert ("idempotency-replayed", "true") in said[0][1]
    assert (app.effects, app.closed) == (1, 1)
    assert not [
        thread for thread in threading.enumerate() if thread.name == "pyqueue-lease" and thread.join(5)
    ]
    store.close()


def test_an_application_may_use_write_and_start_again_after_an_error(tmp_path: Path) -> None:
    """PEP 3333: not until something was sent."""
    store = SQLiteIdempotencyStore(tmp_path / "keys.sqlite3")

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [("X-Old", "1")])
        try:
            raise ValueError
        except ValueError as error:
            info = (type(error), error, error.__traceback__)
            write = start_response("202 Accepted", [("X-New", "1")], info)
        write(b"written ")
        return [b"returned"]

    layer = IdempotencyMiddleware(app, store)
    said: list[Any] = []
    environ = {"REQUEST_METHOD": "POST", "HTTP_IDEMPOTENCY_KEY": "k", "PATH_INFO": "/"}
    body = b"".join(layer(environ, lambda *args: said.append(args)))  # type: ignore[arg-type, return-value]
    assert (said[0][0], body) == ("202 Accepted", b"written returned")
    assert "x-old" not in dict(said[0][1])
    store.close()


def test_a_redirect_is_told_to_a_queue(serve: Serve) -> None:
    post = serve(Application(status="307 Moved", Location="/items/"))
    assert post().headers["location"] == "/items/"
    told = post(headers={"pyqueue-redirect": "tell"})
    assert (told.status_code, told.json()["location"], told.json()["from"]) == (300, "/items/", "/?")


def test_a_store_that_cannot_be_opened_is_503(serve: Serve, tmp_path: Path) -> None:
    app = Application()
    answer = serve(app, store=SQLiteIdempotencyStore(tmp_path / "nowhere" / "keys.sqlite3"))()
    assert (answer.status_code, answer.json()["type"]) == (503, PROBLEM + "store-unavailable")
    assert app.effects == 0


def test_a_lease_is_renewed_while_the_application_runs(serve: Serve, tmp_path: Path) -> None:
    store = SQLiteIdempotencyStore(tmp_path / "keys.sqlite3", busy_timeout=0.2)
    renewed = threading.Semaphore(0)
    renew = store.sync.renew

    def counted(claim: Any) -> bool:
        held = renew(claim)
        renewed.release()
        return held

    store.sync.renew = counted  # type: ignore[method-assign]

    def app(environ: Any, start_response: Any) -> Any:
        for _ in range(6):  # Two leases.
            assert renewed.acquire(timeout=10)
        start_response("201 Created", [("Content-Type", "text/plain")])
        return [b"done"]

    post = serve(app, store=store, lease=0.5)
    assert [post().headers.get("idempotency-replayed") for _ in range(2)] == [None, "true"]


def test_keys_of_two_principals_never_meet(serve: Serve) -> None:
    app = Application()
    post = serve(app, principal=lambda environ: environ.get("HTTP_X_USER"))
    assert [post(headers={"x-user": user}).status_code for user in ("ann", "bob", "ann")] == [201] * 3
    assert app.effects == 2


@pytest.mark.parametrize(
    "options", [{"methods": "POST"}, {"lease": 0}, {"principal": 3}, {"store": object()}]
)
def test_a_wrong_option_is_refused(options: Any) -> None:
    store = options.pop("store", SQLiteIdempotencyStore("keys.sqlite3"))
    with pytest.raises(DeclarationError):
        IdempotencyMiddleware(Application(), store, **options)
