"""The middleware against a real server over a real socket."""

from __future__ import annotations

import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.server.process import Server

PROBLEM = "urn:pyqueue:idempotency:"


def post(server: Server, path: str = "/effects", key: str | None = '"k1"', **options: Any) -> httpx.Response:
    headers = {**({} if key is None else {"Idempotency-Key": key}), **options.pop("headers", {})}
    return httpx.post(server.url + path, headers=headers, content=options.pop("content", b"hi"), **options)


def send_and_hang_up(server: Server, path: str, key: str) -> None:
    """Sends a whole request and closes the socket without reading a byte of the answer."""
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nIdempotency-Key: {key}\r\nContent-Length: 2\r\n\r\n"
        )
        connection.sendall(head.encode() + b"hi")


def until(condition: Callable[[], bool]) -> None:
    """Asks the server again until it is so; each question is a whole exchange. Gives up after 2,000."""
    assert any(condition() for _ in range(2000)), "did not become so"


def test_first_request_runs_and_the_second_is_a_replay(server: Server) -> None:
    """Status, headers and body are those of the first, which ran alone."""
    first, second = post(server), post(server)
    assert (
        (first.status_code, first.content) == (second.status_code, second.content) == (201, b'{"echo": "hi"}')
    )
    assert first.headers["x-from"] == second.headers["x-from"] == "application"
    assert "idempotency-replayed" not in first.headers
    assert second.headers["idempotency-replayed"] == "true"
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"] == '"k1"'
    assert server.effects() == 1


def test_a_bare_token_is_the_same_key_as_its_string(server: Server) -> None:
    """Many clients send their UUID without quotes."""
    post(server, key='"8e03978e-40d5-43e8"')
    assert post(server, key="8e03978e-40d5-43e8").headers["idempotency-replayed"] == "true"


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        (None, "key-missing"),
        ("", "key-invalid"),
        ('""', "key-invalid"),
        ('"open', "key-invalid"),
        ("two words", "key-invalid"),
        (f'"{"x" * 256}"', "key-invalid"),
    ],
)
def test_a_missing_or_malformed_key_is_400(server: Server, key: str | None, kind: str) -> None:
    """The answer is a problem document, and nothing ran."""
    answer = post(server, key=key)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == PROBLEM + kind
    assert server.effects() == 0


@pytest.mark.parametrize(
    ("path", "content"), [("/effects", b"ho"), ("/effects/other", b"hi"), ("/effects?a", b"hi")]
)
def test_a_key_used_for_another_request_is_422(server: Server, path: str, content: bytes) -> None:
    """Another body, path or query is another request."""
    post(server)
    answer = post(server, path, content=content)
    assert (answer.status_code, answer.json()["type"]) == (422, PROBLEM + "key-reused")
    assert server.effects() == 1


def test_an_attempt_in_flight_is_409_with_retry_after(server: Server) -> None:
    """Until the first attempt is answered; then its answer is replayed."""
    with ThreadPoolExecutor() as pool:
        first = pool.submit(post, server, "/effects/slow")
        until(lambda: server.effects() == 1)
        second = post(server, "/effects/slow")
        httpx.get(f"{server.url}/effects/open")
        assert first.result().status_code == 201
    assert (second.status_code, second.json()["type"]) == (409, PROBLEM + "in-flight")
    assert int(second.headers["retry-after"]) >= 1
    assert post(server, "/effects/slow").headers["idempotency-replayed"] == "true"


def test_racing_attempts_in_two_processes_have_one_effect_each_key(serve: Callable[..., Server]) -> None:
    """Whoever comes second is told to wait or gets the answer."""
    servers = [serve(), serve()]
    with ThreadPoolExecutor(8) as pool:
        requests = [(servers[n % 2], "/effects", f'"k{n // 8}"') for n in range(160)]
        answers = list(pool.map(lambda request: post(*request), requests))
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert servers[0].effects() == 20


def test_an_answer_nobody_read_is_kept(server: Server) -> None:
    """The client goes while the application works; its retry gets the answer of that work."""
    send_and_hang_up(server, "/effects/slow", '"lost"')
    until(lambda: server.effects() == 1)
    httpx.get(f"{server.url}/effects/open")
    until(lambda: post(server, "/effects/slow", '"lost"').status_code == 201)
    assert post(server, "/effects/slow", '"lost"').headers["idempotency-replayed"] == "true"
    assert server.effects() == 1


@pytest.mark.parametrize(("path", "status"), [("/effects/refuse", 403), ("/effects/crash", 500)])
def test_a_refusal_or_crash_frees_the_key(server: Server, path: str, status: int) -> None:
    """The same request with the same key runs again: somebody may have mended the cause."""
    for _ in range(2):
        answer = post(server, path)
        assert answer.status_code == status
        assert "idempotency-replayed" not in answer.headers


def test_keys_of_two_principals_never_meet(server: Server) -> None:
    """One user's key is not answered with another's answer, nor refused for it."""
    post(server, headers={"X-User": "ann"})
    other = post(server, headers={"X-User": "bob"}, content=b"secret")
    assert (other.status_code, other.json()) == (201, {"echo": "secret"})


def test_a_large_answer_is_passed_on_and_replayed_without_its_body(server: Server) -> None:
    """The effect still happens once."""
    first, second = post(server, "/effects/large"), post(server, "/effects/large")
    assert len(first.json()["filler"]) == 200_000
    assert first.headers["idempotency-key"] == '"k1"'
    assert (second.status_code, second.content, second.headers["idempotency-replayed"]) == (200, b"", "true")
    assert server.effects() == 1


def test_a_body_over_the_limit_is_413(server: Server) -> None:
    """It is not held in memory, and nothing runs."""
    assert post(server, content=b"x" * 100_001).json()["type"] == PROBLEM + "body-too-large"
    assert server.effects() == 0


def test_an_answer_is_forgotten_after_its_time(serve: Callable[..., Server]) -> None:
    """Then the next request is the first again."""
    server = serve(ttl=1.0)
    post(server)
    until(lambda: "idempotency-replayed" not in post(server).headers)
    assert server.effects() == 2


def test_an_answer_survives_a_kill(server: Server) -> None:
    """What was answered was on disk before it was sent."""
    post(server)
    server.restart()
    assert post(server).headers["idempotency-replayed"] == "true"
    assert server.effects() == 1


def test_a_claim_whose_server_was_killed_ends_with_its_lease(serve: Callable[..., Server]) -> None:
    """The retry waits as long as the lease, then runs: claim, effect and answer apart are at least once."""
    server = serve(lease=0.5)
    send_and_hang_up(server, "/effects/slow", '"k"')
    until(lambda: server.effects() == 1)
    server.restart()
    httpx.get(f"{server.url}/effects/open")
    assert post(server, "/effects/slow", '"k"').status_code in (201, 409)
    until(lambda: post(server, "/effects/slow", '"k"').status_code == 201)
    assert server.effects() == 2


def test_a_lease_is_renewed_while_the_application_runs(serve: Callable[..., Server]) -> None:
    """A slow attempt keeps its key for longer than one lease."""
    server = serve(lease=0.3)
    with ThreadPoolExecutor() as pool:
        first = pool.submit(post, server, "/effects/slow")
        until(lambda: server.effects() == 1)
        until(lambda: int(post(server, "/effects/slow").headers["retry-after"]) > 1)
        httpx.get(f"{server.url}/effects/open")
        assert first.result().status_code == 201
    assert server.effects() == 1


def test_effect_and_answer_in_one_transaction_happen_once_whatever_is_killed(server: Server) -> None:
    """Killed after the commit and before any answer: the next attempt is a replay."""
    send_and_hang_up(server, "/effects/atomic", '"k"')
    until(lambda: server.effects() == 1)
    server.restart()
    answer = post(server, "/effects/atomic", '"k"')
    assert (answer.status_code, answer.json()) == (201, {"atomic": True})
    assert answer.headers["idempotency-replayed"] == "true"
    assert server.effects() == 1
