"""`python -m pyqueue keys` on each kind of store: what it shows, and what it takes to forget a key."""

from __future__ import annotations

import base64
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pyqueue.server import Claimed, InFlight, Replay, SQLiteIdempotencyStore, StoredResponse
from pyqueue.server.key_lines import duration, printable, seconds_of
from pyqueue.server.postgres import PostgresIdempotencyStore
from pyqueue.server.protocol import scoped
from pyqueue.server.redis import RedisIdempotencyStore
from pyqueue.testing.idempotency import LONG, wait_until

ANSWER = StoredResponse(201, ((b"content-type", b"text/plain"),), "grüß dich\x1b[2J".encode())


@dataclass
class Command:
    """Runs the command on a store that also is at hand."""

    address: str
    store: Any

    def run(self, *arguments: str, status: int = 0) -> str:
        """What it said, on both streams."""
        command = [sys.executable, "-m", "pyqueue", "keys", "--store", self.address, *arguments]
        ended = subprocess.run(command, capture_output=True, text=True, encoding="utf-8")
        assert ended.returncode == status, ended.stdout + ended.stderr
        return ended.stdout + ended.stderr

    def claim(self, key: str, principal: str | None = None, host: str = "a.example", **times: float) -> Any:
        times = {"lease": LONG, "ttl": LONG, **times}
        return self.store.sync.claim(scoped(host, principal, key), b"f", **times)

    def answer(self, key: str, principal: str | None = None, host: str = "a.example", **times: float) -> None:
        assert self.store.sync.complete(self.claim(key, principal, host, **times), ANSWER)


@pytest.fixture(params=["sqlite", "redis", "postgres"])
def keys(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Command]:
    """The command, and a store without keys."""
    if request.param == "sqlite":
        address = str(tmp_path / "keys.sqlite3")
        store: Any = SQLiteIdempotencyStore(address)
        store.sync.prune()
    elif request.param == "redis":
        address = request.getfixturevalue("redis_server").url
        store = RedisIdempotencyStore(address)
    else:
        address = request.getfixturevalue("postgres_server").url
        store = PostgresIdempotencyStore(address)
        store.sync.prune()
    yield Command(address, store)
    (store if request.param == "sqlite" else store.sync).close()


def test_a_key_is_looked_up_by_what_the_client_sent(keys: Command) -> None:
    """Under any host and principal; the answer's body is not shown."""
    keys.claim("k-1", "ada")
    keys.answer("k-1", "bob", "b.example")
    keys.answer("k-2")
    said = keys.run("look", '"k-1"').splitlines()
    assert len(said) == 2
    (running,) = [line for line in said if "running for" in line]
    (answered,) = [line for line in said if "answered with 201, 15 bytes" in line]
    assert "host a.example, of ada" in running
    assert "host b.example, of bob" in answered
    assert "of nobody" in keys.run("look", "k-2", "--host", "A.example:8443", "--principal", "")
    assert "no such key" in keys.run("look", "k-3", status=1)
    assert "no such key" in keys.run("look", "k-1", "--host", "a.example", "--principal", "bob", status=1)


def test_a_body_is_shown_only_if_it_is_asked_for_and_commands_no_terminal(keys: Command) -> None:
    keys.answer("k")
    assert "dich" not in keys.run("look", "k") + keys.run("look", "k", "--json")
    said = keys.run("look", "k", "--body")
    assert "content-type: text/plain" in said
    assert r"grüß dich\x1b[2J" in said
    shown = json.loads(keys.run("look", "k", "--body", "--json"))
    assert base64.b64decode(shown["body_base64"]) == ANSWER.body
    assert (shown["key"], shown["principal"], shown["state"]) == ("k", None, "answered")


def test_keys_are_listed_and_counted_by_state(keys: Command) -> None:
    keys.claim("running")
    keys.answer("first", "ada")
    keys.answer("second", "ada")
    assert keys.run("count").split() == ["running:", "1", "abandoned:", "0", "answered:", "2", "ended:", "0"]
    listed = [json.loads(line) for line in keys.run("list", "--json", "--state", "answered").splitlines()]
    assert sorted(members["key"] for members in listed) == ["first", "second"]
    assert len(keys.run("list", "--limit", "2").splitlines()) == 3
    assert keys.run("list", "--older-than", "1h") == ""
    assert len(keys.run("list", "--principal", "ada").splitlines()) == 2


@pytest.mark.parametrize("answered", [False, True])
def test_a_key_that_protects_is_forgotten_only_by_force(keys: Command, answered: bool) -> None:
    """It says what that would do."""
    (keys.answer if answered else keys.claim)("k", "ada")
    assert "its effect happens again" in keys.run("purge", "k", status=1)
    assert isinstance(keys.claim("k", "ada"), Replay if answered else InFlight)
    assert "Forgotten: 1" in keys.run("purge", "k", "--force")
    assert isinstance(keys.claim("k", "ada"), Claimed)


def test_of_several_keys_of_one_name_none_is_forgotten(keys: Command) -> None:
    """Not even by force: which one is to be said."""
    keys.answer("k", "ada")
    keys.answer("k", "bob")
    assert "--principal" in keys.run("purge", "k", "--force", status=1)
    keys.run("purge", "k", "--force", "--principal", "bob")
    assert isinstance(keys.claim("k", "ada"), Replay)
    assert isinstance(keys.claim("k", "bob"), Claimed)


def test_what_has_ended_is_forgotten_without_force(keys: Command) -> None:
    keys.answer("kept")
    keys.claim("abandoned", lease=0.1)
    name = scoped("a.example", None, "abandoned")
    inspection = keys.store.inspection()
    wait_until(lambda: not inspection.find(name).protects)
    assert "Forgotten: 1" in keys.run("purge", "--ended")
    assert inspection.find(name) is None
    inspection.close()
    assert isinstance(keys.claim("kept"), Replay)


@pytest.mark.parametrize("by", [["--principal", "ada"], ["--host", "a.example"], ["--older-than", "1s"]])
def test_many_keys_that_protect_are_forgotten_only_by_force(keys: Command, by: list[str]) -> None:
    for key in ("1", "2", "3"):
        keys.answer(key, "ada")
    keys.answer("4", "bob", "b.example")
    inspection = keys.store.inspection()
    wait_until(lambda: all(record.age > 1 for record in inspection.records()))
    assert "--force" in keys.run("purge", *by, status=1)
    assert "Forgotten: 0" in keys.run("purge", *by, "--older-than", "1h", "--force")
    assert sum(1 for _ in inspection.records()) == 4
    keys.run("purge", *by, "--force")
    left = {record.key for record in inspection.records()}
    inspection.close()
    assert left == (set() if "--older-than" in by else {"4"})


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--store", "absent.sqlite3", "count"], "there is no file"),
        (["--store", "sqlite:///absent.sqlite3", "count"], "there is no file"),
        (["--store", "mysql://me:secret@db/site", "count"], "there is no store for mysql://"),
        (["--store", __file__, "count"], "the store cannot be used"),
        (["--store", "redis://127.0.0.1:1/0?retry_on_timeout=no", "count"], "the store cannot be used"),
        (["--store", "postgresql://me:secret@127.0.0.1:1/x", "count"], "the store cannot be used"),
        (["count"], "which store?"),
        (["--store", __file__, "--table", "t", "count"], "--table is for a PostgreSQL store"),
        (["--store", __file__, "--prefix", "p", "count"], "--prefix is for a Redis store"),
        (["--store", __file__, "purge"], "which keys?"),
        (["--store", __file__, "purge", "--older-than", "soon"], "is no duration"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_line(arguments: list[str], said: str, tmp_path: Path) -> None:
    """Without a traceback, and without a password."""
    command = [sys.executable, "-m", "pyqueue", "keys", *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert ended.returncode != 0
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "secret" not in ended.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_store_may_be_named_by_the_environment(tmp_path: Path) -> None:
    """A password does not belong in the list of processes."""
    path = tmp_path / "keys.sqlite3"
    store = SQLiteIdempotencyStore(path)
    store.sync.prune()
    store.close()
    environment = {**os.environ, "PYQUEUE_STORE": f"sqlite:///{path}"}
    command = [sys.executable, "-m", "pyqueue", "keys", "count"]
    assert subprocess.run(command, env=environment, capture_output=True).returncode == 0


def test_a_database_without_keys_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "other.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE notes (body TEXT)")
    command = [sys.executable, "-m", "pyqueue", "keys", "--store", str(path), "purge", "--ended"]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert (ended.returncode, "no such table" in ended.stderr) == (1, True)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT name FROM sqlite_schema").fetchall() == [("notes",)]


@pytest.mark.parametrize(
    ("function", "value", "result"),
    [
        (seconds_of, "90s", 90.0),
        (seconds_of, "30m", 1800.0),
        (seconds_of, "12h", 43_200.0),
        (seconds_of, "7d", 604_800.0),
        (duration, 0.4, "0 s"),
        (duration, 61.0, "1 min 1 s"),
        (duration, 7200.0, "2 h"),
        (duration, 93_784.0, "1 d 2 h"),
        (printable, "a\n\x1b[2J\ud800é", r"a\n\x1b[2J\ud800é"),
    ],
)
def test_values_are_read_and_shown(function: Callable[[Any], Any], value: Any, result: Any) -> None:
    assert function(value) == result
