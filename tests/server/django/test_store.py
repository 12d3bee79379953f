"""The store in a Django site's own database keeps the contract of stores."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connections, transaction
from django.http import HttpResponse, StreamingHttpResponse

from pyqueue._errors import DeclarationError
from pyqueue.server import Claimed, ClaimLost, InFlight, NoTransaction, NotWhole, Replay
from pyqueue.testing.idempotency import ANSWER, LONG, OTHER, IdempotencyStoreContract, claimed, wait_until
from tests.server.databases import PostgresServer
from tests.server.django.settings import ALIAS, database, postgres, sqlite


@pytest.fixture
def sqlite_store(tmp_path: Path) -> Iterator[Any]:
    with database(**sqlite(tmp_path)) as alias:
        yield store_in(alias)


@pytest.fixture
def postgres_store(postgres_server: PostgresServer) -> Iterator[Any]:
    with database(**postgres(postgres_server.port)) as alias:
        yield store_in(alias)


def store_in(alias: str) -> Any:
    from pyqueue.server.django.store import DatabaseIdempotencyStore

    return DatabaseIdempotencyStore(alias)


class Contract(IdempotencyStoreContract):
    @pytest.fixture(autouse=True)
    def unsafe(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Django refuses blocking calls on a thread with a running event loop, unless it is told."""
        monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")


class TestContractInSQLite(Contract):
    @pytest.fixture
    def store(self, sqlite_store: Any) -> Any:
        return sqlite_store


class TestContractInPostgres(Contract):
    @pytest.fixture
    def store(self, postgres_store: Any) -> Any:
        return postgres_store


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest) -> Any:
    """In each kind of database."""
    return request.getfixturevalue(f"{request.param}_store")


@pytest.fixture
def connection(store: Any) -> Any:
    """This thread's own."""
    return connections[ALIAS]


def test_an_answer_is_recorded_in_the_transaction_of_the_effect(store: Any, connection: Any) -> None:
    """The framework's own response is kept, without its cookies, and not written over by the layer."""
    held = claimed(store.sync)
    response = HttpResponse("made", status=201, content_type="text/plain")
    response.set_cookie("a", "b")
    with transaction.atomic(ALIAS):
        store.complete_in(connection, held, response)
    assert store.sync.complete(held, OTHER)
    assert store.sync.claim("key", b"f", lease=LONG, ttl=LONG) == Replay(ANSWER)


def test_a_transaction_that_is_rolled_back_keeps_no_answer(store: Any, connection: Any) -> None:
    held = claimed(store.sync)
    with transaction.atomic(ALIAS):
        store.complete_in(connection, held, ANSWER)
        transaction.set_rollback(True, ALIAS)
    assert isinstance(store.sync.claim("key", b"f", lease=LONG, ttl=LONG), InFlight)


@pytest.mark.parametrize(
    ("response", "error"),
    [(StreamingHttpResponse([b"a"]), NotWhole), (None, NotWhole)],
    ids=["streamed", "none"],
)
def test_what_has_no_whole_body_is_not_recorded(
    store: Any, connection: Any, response: Any, error: type[Exception]
) -> None:
    held = claimed(store.sync)
    with pytest.raises(error), transaction.atomic(ALIAS):
        store.complete_in(connection, held, response)


def test_without_a_transaction_nothing_is_recorded(store: Any, connection: Any) -> None:
    with pytest.raises(NoTransaction, match="atomic"):
        store.complete_in(connection, claimed(store.sync), ANSWER)


def test_a_transaction_of_another_database_is_refused(store: Any) -> None:
    """Effect and key would not be committed as one."""
    with pytest.raises(DeclarationError, match="'default'"):
        store.complete_in(connections["default"], claimed(store.sync), ANSWER)


def test_whoever_lost_the_key_is_told_to_roll_back(store: Any, connection: Any) -> None:
    """Also who has recorded an answer before."""
    late = claimed(store.sync, lease=0.05)
    wait_until(lambda: isinstance(store.sync.claim("key", b"f", lease=LONG, ttl=LONG), Claimed))
    with pytest.raises(ClaimLost), transaction.atomic(ALIAS):
        store.complete_in(connection, late, ANSWER)
    held = claimed(store.sync, "another")
    assert store.sync.complete(held, ANSWER)
    with pytest.raises(ClaimLost), transaction.atomic(ALIAS):
        store.complete_in(connection, held, OTHER)


def test_claims_delete_what_has_ended_in_passing(store: Any) -> None:
    """Nobody has to remember to: beside new keys few old ones are left."""
    from pyqueue.server.django.models import IdempotencyKey

    for number in range(60):
        claimed(store.sync, f"brief {number}", lease=0.01)
    for number in range(250):
        claimed(store.sync, f"long {number}")
    assert not IdempotencyKey.objects.using(ALIAS).filter(key__startswith="brief").exists()


def test_no_connection_is_left_open_in_a_thread_that_had_none(store: Any, connection: Any) -> None:
    """Threads that no request owns are many, and nobody else closes it. One that was open stays open."""
    connection.close()
    claimed(store.sync)
    assert connection.connection is None
    connection.ensure_connection()
    claimed(store.sync, "another")
    assert connection.connection is not None


@pytest.mark.parametrize(
    ("alias", "message"), [("nowhere", "alias of DATABASES"), ("odd", "postgresql or sqlite")]
)
def test_a_database_that_cannot_hold_keys_is_refused(alias: str, message: str) -> None:
    entry = {"ENGINE": "django.db.backends.dummy"}
    connections.settings["odd"] = connections.configure_settings({"default": entry})["default"]
    try:
        with pytest.raises(DeclarationError, match=message):
            store_in(alias)
    finally:
        del connections.settings["odd"]
