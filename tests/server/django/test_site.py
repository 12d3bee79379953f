"""The middleware in a Django site, by the servers and in the databases that sites use."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from pyqueue.testing.idempotency import wait_until
from tests.server.databases import PostgresServer
from tests.server.django.process import DjangoServer
from tests.server.django.settings import postgres, sqlite

HERE = Path(__file__).parent


class Board:
    """A client of the site, with cookies, and a key and a label of its own."""

    def __init__(self, server: DjangoServer, hold: Path):
        self.server = server
        self.hold = hold
        self.client = httpx.Client(base_url=server.url, timeout=30)
        self.key = f'"{uuid.uuid4()}"'
        self.label = uuid.uuid4().hex

    def post(self, view: str, key: str | None = "", **options: Any) -> httpx.Response:
        """A request with the key, unless another or none is given."""
        headers = {} if key is None else {"Idempotency-Key": key or self.key}
        headers |= options.pop("headers", {})
        return self.client.post(f"/{view}?{self.label}", headers=headers, **options)

    def effects(self) -> int:
        """How often the views took effect."""
        return int(self.client.get(f"/?{self.label}").json()["effects"])


def start(kind: str, entry: dict[str, Any], folder: Path) -> Iterator[tuple[DjangoServer, Path]]:
    """The site, and the file that holds its answers."""
    environment = {
        "BOARD_DATABASE": json.dumps(entry),
        "BOARD_HOLD": str(folder / "hold"),
        "SITE_LOG": str(folder / "log"),
    }
    server = DjangoServer(kind, "board.settings", HERE, environment)
    yield server, folder / "hold"
    server.kill()


@pytest.fixture(scope="module", params=["gunicorn, sqlite", "uvicorn, sqlite", "uvicorn, postgres"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[DjangoServer, Path]]:
    """By each kind of server, and in each kind of database."""
    kind, vendor = request.param.split(", ")
    folder = tmp_path_factory.mktemp("board")
    entry = sqlite(folder)
    if vendor == "postgres":
        database_server: PostgresServer = request.getfixturevalue("postgres_process")
        database_server.clear()
        entry = postgres(database_server.port)
    yield from start(kind, entry, folder)


@pytest.fixture(scope="module")
def atomic_requests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[DjangoServer, Path]]:
    """A site whose views are all transactions."""
    folder = tmp_path_factory.mktemp("board")
    yield from start("gunicorn", {**sqlite(folder), "ATOMIC_REQUESTS": True}, folder)


@pytest.fixture
def board(server: tuple[DjangoServer, Path]) -> Iterator[Board]:
    board = Board(*server)
    yield board
    board.hold.unlink(missing_ok=True)
    board.client.close()


WHOLE = [
    "marked",
    "unmarked",
    "on-loop",
    "atomic",
    "atomic-template",
    "class",
    "streamed",
    "streamed-on-loop",
]


@pytest.mark.parametrize("view", WHOLE)
def test_a_retry_is_a_replay(board: Board, view: str) -> None:
    """Whatever kind of view it is: one effect, and the same answer without its cookies."""
    options = {"headers": {"x-parts": "3"}}
    first, second = board.post(view, **options), board.post(view, **options)
    assert first.status_code == second.status_code
    assert first.content == second.content
    assert first.headers["content-type"] == second.headers["content-type"]
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"] == board.key
    assert "idempotency-replayed" not in first.headers
    assert second.headers["idempotency-replayed"] == "true"
    assert "the view" not in second.headers.get("set-cookie", "")
    assert board.effects() == 1


def test_the_first_client_gets_cookies_and_its_session(board: Board) -> None:
    first = board.post("marked")
    assert "of" in first.cookies
    assert "sessionid" in first.cookies
    assert first.headers["x-from"] == "the view"


@pytest.mark.parametrize(
    ("view", "status"), [("refused", 403), ("crashing", 500), ("broken-stream", 500), ("atomic-stream", 500)]
)
def test_an_answer_that_ends_nothing_releases_the_key(board: Board, view: str, status: int) -> None:
    """A refusal, an exception that Django made an answer of, a stream that broke, one that cannot be kept."""
    assert [board.post(view).status_code for _ in range(2)] == [status, status]
    assert board.effects() == (0 if view.startswith("atomic") else 2)


def test_what_an_atomic_view_wrote_is_rolled_back_if_its_answer_ends_nothing(board: Board) -> None:
    assert board.post("atomic", headers={"x-status": "409"}).status_code == 409
    assert board.effects() == 0
    assert board.post("atomic").status_code == 201
    assert board.effects() == 1


def test_an_atomic_view_that_lost_its_key_is_rolled_back(board: Board) -> None:
    """Another attempt runs: the client is to ask again."""
    lost = board.post("losing")
    assert (lost.status_code, lost.json()["type"]) == (409, "urn:pyqueue:idempotency:in-flight")
    assert board.effects() == 0


def test_with_atomic_requests_effect_and_answer_are_one_transaction_too(
    atomic_requests: tuple[DjangoServer, Path],
) -> None:
    """What an atomic view refuses is rolled back within Django's own transaction."""
    board = Board(*atomic_requests)
    assert board.post("atomic", headers={"x-status": "409"}).status_code == 409
    assert board.post("crashing", key='"another"').status_code == 500
    assert board.effects() == 0
    assert [board.post("atomic").status_code for _ in range(2)] == [201, 201]
    assert [board.post("by-hand", key='"third"').status_code for _ in range(2)] == [200, 201]
    assert board.effects() == 2
    board.client.close()


def test_one_of_many_requests_at_once_runs(board: Board) -> None:
    """The others are replays of it, or told that it runs."""
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: board.post("atomic"), range(24)))
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert board.effects() == 1


def test_a_view_has_options_of_its_own(board: Board) -> None:
    """What is kept, for one."""
    assert [board.post("kept").status_code for _ in range(2)] == [410, 410]
    assert board.effects() == 1


def test_a_view_may_wait_for_another_attempt(board: Board) -> None:
    """The second is answered by what the first one made."""
    board.hold.touch()
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(board.post, "patient")
        wait_until(lambda: board.effects() == 1)
        second = threads.submit(board.post, "patient")
        board.hold.unlink()
        assert [first.result().status_code, second.result().status_code] == [201, 201]
    assert board.effects() == 1


def test_an_attempt_that_runs_is_told(board: Board) -> None:
    board.hold.touch()
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(board.post, "marked")
        wait_until(lambda: board.effects() == 1)
        second = board.post("marked")
        board.hold.unlink()
        assert (second.status_code, second.headers["retry-after"]) == (409, "1")
        assert first.result().status_code == 201


def test_another_request_with_the_key_is_refused(board: Board) -> None:
    assert board.post("marked").status_code == 201
    refused = board.post("marked", content=b"another")
    assert refused.status_code == 422
    assert refused.json()["type"] == "urn:pyqueue:idempotency:key-reused"
    assert board.effects() == 1


def test_a_marked_view_needs_a_key_and_any_other_does_not(board: Board) -> None:
    """Without `PATHS` the site's own forms and its admin go on."""
    assert board.post("marked", key=None).status_code == 400
    assert board.post("marked", key='"a').status_code == 400
    assert board.post("unmarked", key=None).status_code == 201
    assert board.post("unmarked", key=None).status_code == 201
    assert board.effects() == 2


def test_a_form_with_a_file_is_read_by_django_as_ever(board: Board) -> None:
    """Though the CSRF middleware parses it before the view is known."""
    token = board.client.get("/token").text
    headers = {"X-CSRFToken": token, "Content-Type": "multipart/form-data; boundary=b"}
    part = b'--b\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
    file = b'--b\r\nContent-Disposition: form-data; name="photo"; filename="a.txt"\r\n\r\n%s\r\n--b--\r\n'
    body = part % (b"text", b"hi") + file % (b"x" * 100_000)
    answers = [board.post("form", content=body, headers=headers) for _ in range(2)]
    assert answers[0].json() == answers[1].json() == {"text": "hi", "files": {"photo": 100_000}}
    assert board.effects() == 1


def test_a_refused_csrf_token_costs_no_key(board: Board) -> None:
    """It may be renewed, and the same request sent again, as another in the layer's eyes."""
    data = {"text": "hi"}
    assert board.post("form", data=data).status_code == 403
    token = board.client.get("/token").text
    good = {**data, "csrfmiddlewaretoken": token}
    answer = board.post("form", data=good)
    assert answer.status_code == 200
    assert "idempotency-replayed" not in answer.headers
    assert board.effects() == 1


def test_bodies_are_limited_by_the_layer_and_by_django(board: Board) -> None:
    """`MAX_BODY` is of the whole body, `DATA_UPLOAD_MAX_MEMORY_SIZE` of what a view reads at once."""
    closing = {"Connection": "close"}  # gunicorn closes a connection whose body was not read.
    assert board.post("body", content=b"x" * 200_001, headers=closing).status_code == 413
    assert board.post("body", content=b"x" * 100_000).status_code in (400, 413)
    assert board.post("body", content=b"x" * 50_000).text == "50000"
    assert board.effects() == 2  # The view of the second had taken effect before it read.


@pytest.mark.parametrize("view", ["streamed", "streamed-on-loop"])
def test_the_replay_of_a_large_answer_has_its_status_and_no_body(board: Board, view: str) -> None:
    options = {"headers": {"x-parts": "300"}}
    first, second = board.post(view, **options), board.post(view, **options)
    assert first.content == b"x" * 300_000
    assert (second.status_code, second.content) == (202, b"")
    assert board.effects() == 1


def test_what_was_recorded_by_hand_is_replayed(board: Board) -> None:
    """Whatever the view answers afterwards."""
    assert board.post("by-hand", headers={"x-fail": "yes"}).status_code == 500
    replay = board.post("by-hand", headers={"x-fail": "yes"})
    assert (replay.status_code, replay.text) == (201, "made by hand")
    assert board.effects() == 1


def test_the_keys_of_two_people_never_meet(board: Board) -> None:
    """By `request.user`; nobody's are others again."""
    for person in ("ada", "grace"):
        board.client.get("/sign-in", params=person)
        assert "idempotency-replayed" not in board.post("unmarked").headers
        assert board.post("unmarked").headers["idempotency-replayed"] == "true"
    board.client.cookies.clear()
    assert "idempotency-replayed" not in board.post("unmarked").headers
    assert board.effects() == 3


def test_a_queue_is_told_of_the_login_and_the_key_stays_free(board: Board) -> None:
    """Once signed in, the same request takes effect."""
    told = board.post("private", headers={"Pyqueue-Redirect": "tell"})
    assert told.status_code == 300
    assert (told.json()["redirect"], told.json()["login"]) == (302, True)
    assert told.json()["location"].startswith("/accounts/login/?next=")
    assert board.post("private").status_code == 302
    board.client.get("/sign-in", params="ada")
    assert board.post("private").status_code == 201
    assert board.effects() == 1


def test_a_path_without_its_slash_is_redirected_with_its_body(board: Board) -> None:
    """Django's own 301 would be followed without it, or taken for the end of the operation."""
    plain = board.post("slashed")
    assert (plain.status_code, plain.headers["location"]) == (308, f"/slashed/?{board.label}")
    told = board.post("slashed", headers={"Pyqueue-Redirect": "tell"}).json()
    assert (told["redirect"], told["location"]) == (308, f"/slashed/?{board.label}")
    assert board.post("slashed/").status_code == 201
    assert board.effects() == 1
    assert board.post("nowhere").status_code == 404


def test_a_client_that_goes_does_not_cut_the_effect_in_the_middle(board: Board) -> None:
    """Its retry is a replay."""
    board.hold.touch()
    with pytest.raises(httpx.ReadTimeout):
        board.post("marked", timeout=1)
    board.hold.unlink()
    answers: list[httpx.Response] = []

    def has_answer() -> bool:
        answers.append(board.post("marked"))
        return answers[-1].status_code != 409

    wait_until(has_answer)
    assert answers[-1].headers["idempotency-replayed"] == "true"
    assert board.effects() == 1


def test_an_atomic_effect_happens_once_though_the_server_is_killed_before_it_answers(board: Board) -> None:
    board.hold.touch()
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(board.post, "atomic")
        wait_until(lambda: board.effects() == 1)
        board.server.kill()
        with pytest.raises(httpx.TransportError):
            first.result()
    board.hold.unlink()
    board.server.start()
    retry = board.post("atomic")
    assert (retry.status_code, retry.text) == (201, "made")
    assert retry.headers["idempotency-replayed"] == "true"
    assert board.effects() == 1


def test_the_browser_files_are_served(board: Board) -> None:
    """As `assets()` does: compressed, asked for again."""
    answer = board.client.get("/pyqueue/pyqueue.js", headers={"Accept-Encoding": "br"})
    assert (answer.status_code, answer.headers["content-encoding"]) == (200, "br")
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    again = board.client.get(
        "/pyqueue/pyqueue.js", headers={"Accept-Encoding": "br", "If-None-Match": answer.headers["etag"]}
    )
    assert again.status_code == 304
    assert board.client.get("/pyqueue/nothing.js").status_code == 404
