"""A store in trouble: renewals go on, answers are kept as soon as they can be, losses are told."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pyqueue.server import Claimed, InFlight, SQLiteIdempotencyStore
from tests.server.site import PROBLEM, Site, respond
from tests.server.troubled import Troubled

Host = Callable[..., Site]


class Slow:
    """Answers once `ready` says so; counts its effects."""

    def __init__(self, ready: Callable[[], bool] = lambda: True, status: int = 201):
        self.effects = 0
        self._ready = ready
        self._messages = respond(status)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.effects += 1
        while not self._ready():
            await asyncio.sleep(0.01)
        for message in self._messages:
            await send(message)


def test_a_renewal_that_fails_is_not_the_last(host: Host, tmp_path: Path, caplog: Any) -> None:
    """The lease is held for as long as the application runs."""
    store = Troubled(tmp_path / "keys.sqlite3", renew=3)
    app = Slow(lambda: store.calls.count("renew") >= 8)
    site = host(app, store=store, lease=1.0)
    assert site.post().status_code == 201
    assert site.post().headers["idempotency-replayed"] == "true"
    assert app.effects == 1
    assert caplog.text.count("could not be renewed") == 3


def test_an_answer_is_kept_as_soon_as_the_store_is_back(host: Host, tmp_path: Path, caplog: Any) -> None:
    """It is sent only then."""
    app = Slow()
    site = host(app, store=Troubled(tmp_path / "keys.sqlite3", complete=3), lease=5.0)
    assert site.post().status_code == 201
    assert site.post().headers["idempotency-replayed"] == "true"
    assert app.effects == 1
    assert caplog.text.count("could not be kept") == 3


def test_an_answer_that_cannot_be_kept_within_the_lease_is_sent_and_told(
    host: Host, tmp_path: Path, caplog: Any
) -> None:
    """The effect has happened: a client that knows does not ask again."""
    site = host(Slow(), store=Troubled(tmp_path / "keys.sqlite3", complete=10**6), lease=0.5)
    assert site.post().status_code == 201
    assert "was not kept" in caplog.text


def test_a_lost_claim_is_told(host: Host, tmp_path: Path, caplog: Any) -> None:
    store = Troubled(tmp_path / "keys.sqlite3")
    store.lose = True
    site = host(Slow(lambda: "renew" in store.calls), store=store, lease=0.5)
    assert site.post().status_code == 201
    assert "has ended" in caplog.text
    assert "was lost: its effect may happen twice" in caplog.text
    assert store.calls.count("renew") == 1


def test_a_key_that_cannot_be_released_does_not_hold_up_the_answer(
    host: Host, tmp_path: Path, caplog: Any
) -> None:
    site = host(Slow(status=422), store=Troubled(tmp_path / "keys.sqlite3", release=1), lease=5.0)
    assert site.post().status_code == 422
    assert site.post().json()["type"] == PROBLEM + "in-flight"
    assert "could not be released" in caplog.text


def test_a_store_that_cannot_be_opened_is_503_with_retry_after(host: Host, tmp_path: Path) -> None:
    """Nothing runs, and once it is there requests run."""
    app = Slow()
    site = host(app, store=SQLiteIdempotencyStore(tmp_path / "later" / "keys.sqlite3"))
    answer = site.post()
    assert (answer.status_code, answer.json()["type"]) == (503, PROBLEM + "store-unavailable")
    assert int(answer.headers["retry-after"]) > 0
    assert answer.headers["idempotency-key"] == '"k"'
    assert app.effects == 0
    (tmp_path / "later").mkdir()
    assert site.post().status_code == 201


def test_a_lease_begins_once_the_lock_is_there(tmp_path: Path) -> None:
    """Whoever waits for another process's transaction does not get a claim that has ended already."""
    path = tmp_path / "keys.sqlite3"
    store = SQLiteIdempotencyStore(path)
    store.sync.prune()
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    outcomes: list[Any] = []
    waiting = threading.Thread(
        target=lambda: outcomes.append(store.sync.claim("k", b"f", lease=1.0, ttl=9.0))
    )
    waiting.start()
    end = time.monotonic() + 1.2  # Longer than the lease, which had begun with the call.
    while time.monotonic() < end:
        time.sleep(0.05)
    other.execute("COMMIT")
    waiting.join()
    other.close()
    assert isinstance(outcomes[0], Claimed)
    assert isinstance(store.sync.claim("k", b"f", lease=1.0, ttl=9.0), InFlight)
    store.close()


def test_an_application_that_uses_up_the_default_pool_holds_up_nobody(host: Host) -> None:
    """The store has a thread of its own."""
    gate = threading.Event()
    waiting = threading.Semaphore(0)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/busy":

            def work() -> None:
                waiting.release()
                gate.wait()

            await asyncio.gather(*(asyncio.to_thread(work) for _ in range(64)))
        for message in respond():
            await send(message)

    site = host(app)
    busy = threading.Thread(target=site.post, args=("/busy", '"busy"'))
    busy.start()
    for _ in range(4):
        assert waiting.acquire(timeout=5)
    answers = [site.post(key=f'"{n % 8}"') for n in range(16)]
    gate.set()
    busy.join()
    assert [answer.status_code for answer in answers] == [201] * 16


def test_a_request_cancelled_by_its_client_fails_in_the_log(host: Host, caplog: Any) -> None:
    """Nobody else would tell."""
    failed = threading.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(0)
        failed.set()
        raise RuntimeError("crashed alone")

    def outside(layer: Any) -> Any:
        async def cancelling(scope: Any, receive: Any, send: Any) -> None:
            task = asyncio.create_task(layer(scope, receive, send))
            while not site_entered():
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
            for message in respond(499):
                await send(message)

        return cancelling

    def site_entered() -> bool:
        return bool(entered)

    entered: list[bool] = []

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        entered.append(True)
        await asyncio.sleep(0.1)
        await app(scope, receive, send)

    with caplog.at_level(logging.ERROR):
        site = host(slow, outside=outside)
        assert site.post().status_code == 499
        assert failed.wait(5)
        for _ in range(200):
            if "after its client had gone" in caplog.text:
                break
            time.sleep(0.01)
    assert "after its client had gone" in caplog.text
