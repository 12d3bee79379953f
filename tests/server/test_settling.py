"""When an operation is settled: with the last message of its answer, and only if that is whole."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.server.site import Site, respond

Host = Callable[..., Site]


class Application:
    """Sends the messages, then does `afterwards`; counts its effects."""

    def __init__(self, messages: list[dict[str, Any]], afterwards: Callable[[], Any] | None = None):
        self.effects = 0
        self._messages = messages
        self._afterwards = afterwards

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.effects += 1
        for message in self._messages:
            await send(message)
        if self._afterwards is not None:
            await self._afterwards()


def test_a_background_task_does_not_delay_the_answer(host: Host) -> None:
    """The answer is there, and is kept, while the task still waits for what the test does afterwards."""
    gate = threading.Event()
    app = Application(respond(), lambda: asyncio.to_thread(gate.wait))
    site = host(app)
    first, second = site.post(), site.post()
    gate.set()
    assert (first.status_code, second.headers["idempotency-replayed"]) == (201, "true")
    assert app.effects == 1


def test_a_background_task_that_fails_changes_nothing(host: Host) -> None:
    """The answer was whole: it stays 201, and kept."""

    async def fail() -> None:
        raise RuntimeError("the mail could not be sent")

    app = Application(respond(), fail)
    site = host(app)
    answers = [site.post() for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201, 201, 201]
    assert app.effects == 1


def break_off() -> Any:
    raise RuntimeError("the application crashed")


START = {"type": "http.response.start", "status": 201, "headers": []}
ANNOUNCED = {"type": "http.response.start", "status": 201, "headers": [(b"content-length", b"10")]}
PART = {"type": "http.response.body", "body": b"part", "more_body": True}
LARGE = {"type": "http.response.body", "body": b"x" * 5000, "more_body": True}
END = {"type": "http.response.body", "body": b"end"}


@pytest.mark.parametrize(
    ("messages", "afterwards"),
    [
        ([START, PART], break_off),
        ([START, PART], None),
        ([START], None),
        ([], None),
        ([], break_off),
        ([ANNOUNCED, PART, END], None),
        ([ANNOUNCED, PART], break_off),
        ([START, LARGE], break_off),
        ([START, LARGE], None),
    ],
)
def test_an_answer_that_was_cut_short_is_not_kept(host: Host, messages: Any, afterwards: Any) -> None:
    """The client sees a failure or a broken connection, and its next attempt runs."""
    app = Application(messages, afterwards)
    site = host(app, max_response=1000)
    for _ in range(2):
        try:
            answer = site.post()
        except httpx.RemoteProtocolError:
            continue
        assert answer.status_code == 500
    assert app.effects == 2


@pytest.mark.parametrize(
    "messages",
    [
        [START, END],
        [START, PART, PART, END],
        [ANNOUNCED, {**PART, "body": b"1234567"}, END],
        [START, PART, {"type": "http.response.body"}],
        [{**START, "status": 204}, {"type": "http.response.body"}],
        [{**START, "status": 303, "headers": [(b"location", b"/thanks")]}, END],
    ],
)
def test_a_whole_answer_is_replayed_as_it_was(host: Host, messages: Any) -> None:
    """In however many parts it came."""
    app = Application(messages)
    site = host(app)
    first, second = site.post(), site.post()
    assert (first.status_code, first.content) == (second.status_code, second.content)
    assert app.effects == 1


def test_a_large_answer_is_kept_before_its_end_is_sent(host: Host) -> None:
    """Whoever has read all of it finds it kept."""
    app = Application([START, LARGE, END])
    site = host(app, max_response=1000)
    assert len(site.post().content) == 5003
    second = site.post()
    assert (second.content, second.headers["idempotency-replayed"]) == (b"", "true")
    assert app.effects == 1


def test_the_application_sees_its_client_go_only_after_its_answer(host: Host) -> None:
    """Frameworks that watch for the end of the client do not wait for ever."""
    seen: list[str] = []
    done = threading.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append((await receive())["type"])
        for message in respond():
            await send(message)
        seen.append((await receive())["type"])
        done.set()

    assert host(app).post().status_code == 201
    assert done.wait(5)
    assert seen == ["http.request", "http.disconnect"]


@pytest.mark.parametrize(
    "messages", [[END], [START, END, END], [START, END, START]], ids=["no start", "two ends", "two starts"]
)
def test_an_application_that_breaks_the_protocol_is_told(host: Host, messages: Any) -> None:
    told = threading.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        try:
            for message in messages:
                await send(message)
        except RuntimeError:
            told.set()
            raise

    host(app).post()
    # The client may have its answer before the application is told.
    assert told.wait(10)


def test_an_attempt_may_be_waited_for(host: Host) -> None:
    """With `wait`, whoever comes second gets the answer instead of 409."""
    gate, entered = threading.Event(), threading.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        entered.set()
        await asyncio.to_thread(gate.wait)
        for message in respond():
            await send(message)

    site = host(app, routes={"/patient": {"wait": 30.0}})
    answers: dict[str, httpx.Response] = {}

    def ask(name: str, path: str, key: str) -> threading.Thread:
        thread = threading.Thread(target=lambda: answers.update({name: site.post(path, key)}))
        thread.start()
        return thread

    first = ask("first", "/patient", '"a"')
    assert entered.wait(5)
    second = ask("second", "/patient", '"a"')
    entered.clear()
    other = ask("other", "/", '"b"')
    assert entered.wait(5)
    assert site.post("/", '"b"').status_code == 409
    gate.set()
    for thread in (first, second, other):
        thread.join()
    assert answers["second"].headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in answers["first"].headers
