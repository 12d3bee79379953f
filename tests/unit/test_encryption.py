"""Encrypted payloads: what an attempt at one comes to, what is kept of its answer, what may be declared."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyqueue import Certainty, DeclarationError, Locked, Queue, Response
from pyqueue._attempt import attempt
from pyqueue._encryption import EncryptedPayload, SealedBody, Unopened, attempt_opened
from pyqueue._http import Request
from pyqueue._outcome import Outcome, Verdict, done, job_error
from pyqueue._record import JobRecord
from pyqueue._vocabulary import ErrorCode
from pyqueue.testing import Simulation

POINT = "B" + "A" * 86
SECRET = "a broken claw"


class Closed(EncryptedPayload):
    """A payload that `MemoryVault` opens, or one that was sealed to the server."""

    def __init__(
        self, whole: Mapping[str, Any], clear: Mapping[str, Any], *, hides: bool = True, sealed: bool = False
    ) -> None:
        self.whole = whole
        self._clear = clear
        self._hides = hides
        self._sealed = sealed

    def __getitem__(self, name: str) -> Any:
        return self._clear[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._clear)

    def __len__(self) -> int:
        return len(self._clear)

    @property
    def is_closed(self) -> bool:
        return not self._sealed

    @property
    def hides_answers(self) -> bool:
        return self._hides

    @property
    def sealed_body(self) -> SealedBody | None:
        return SealedBody(b"ciphertext", "k1") if self._sealed else None


class MemoryVault:
    """A vault that is open, or refuses; what it hides is reversed."""

    def __init__(self, refusal: Exception | None = None, *, is_there: bool = True) -> None:
        self._refusal = refusal
        self._is_there = is_there

    async def open(self, job: JobRecord) -> Mapping[str, Any]:
        if self._refusal is not None:
            raise self._refusal
        assert isinstance(job.payload, Closed)
        return job.payload.whole

    async def hide(self, job: JobRecord, text: str) -> str | None:
        return text[::-1] if self._is_there else None


def job_with(payload: Mapping[str, Any], task: str = "note") -> JobRecord:
    return JobRecord(seq=1, id="j1", payload=payload, created_at=0.0, idempotency_key="j1", task=task)


def make(job: JobRecord, vault: MemoryVault | None, outcome: Outcome) -> tuple[Outcome, list[JobRecord]]:
    made: list[JobRecord] = []

    async def attempt(opened: JobRecord) -> Outcome:
        made.append(opened)
        return outcome

    return asyncio.run(attempt_opened(job, vault, attempt, 0.0)), made


def test_an_attempt_is_made_with_the_payload_as_it_was_written() -> None:
    job = job_with(Closed({"patient": 7, "text": SECRET}, {"patient": 7}))
    outcome, [opened] = make(job, MemoryVault(), done(None))
    assert opened.payload == {"patient": 7, "text": SECRET}
    assert outcome.verdict is Verdict.DONE


def test_a_legible_job_needs_no_vault() -> None:
    job = job_with({"text": "tea"})
    outcome, made = make(job, None, done("tea"))
    assert (outcome.result, made) == ("tea", [job])


REFUSALS = {
    "locked": (MemoryVault(Locked("no secret")), Verdict.RETRY, "locked", False),
    "a lost key": (MemoryVault(Unopened(ErrorCode.KEY_LOST, "gone")), Verdict.FAIL, "key_lost", True),
    "a changed record": (MemoryVault(Unopened(ErrorCode.DAMAGED, "changed")), Verdict.FAIL, "damaged", True),
    "no vault": (None, Verdict.FAIL, "key_lost", True),
    "a mistake": (MemoryVault(ZeroDivisionError()), Verdict.FAIL, "exception", True),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_what_cannot_be_opened_is_not_sent(name: str) -> None:
    """Without its secret it waits, unspent; otherwise it fails with the reason."""
    vault, verdict, code, spent = REFUSALS[name]
    outcome, made = make(job_with(Closed({}, {})), vault, done(None))
    assert made == []
    assert outcome.error is not None
    assert (outcome.verdict, outcome.error.code, outcome.spent) == (verdict, code, spent)
    assert outcome.certainty is Certainty.NEVER_SENT


def test_a_result_is_hidden() -> None:
    outcome, _ = make(job_with(Closed({}, {})), MemoryVault(), done({"text": SECRET}))
    assert outcome.result == json.dumps({"text": SECRET})[::-1]


@given(
    code=st.sampled_from(["http", "rejected", "exception", "template", "retry_later", "of the site's own"]),
    status=st.none() | st.integers(100, 599),
    body=st.none() | st.just(f"<p>{SECRET}</p>"),
)
def test_the_words_of_an_error_are_hidden(code: str, status: int | None, body: str | None) -> None:
    """Servers and tasks repeat what they were given."""
    given = Outcome(Verdict.FAIL, error=job_error(code, f"not this: {SECRET}", status, body))
    outcome, _ = make(job_with(Closed({}, {})), MemoryVault(), given)
    assert outcome.error is not None
    assert SECRET not in f"{outcome.error.message} {outcome.error.body}"
    hidden = json.loads((outcome.error.body or "")[::-1])
    assert hidden == {"said": outcome.error.message, "message": f"not this: {SECRET}", "body": body}
    assert replace(outcome, error=None) == replace(given, error=None)
    assert (outcome.error.code, outcome.error.status) == (code, status)


@pytest.mark.parametrize("code", ["network", "offline", "timeout", "unauthorized", "no_token"])
def test_what_the_network_says_stays_legible(code: str) -> None:
    given = Outcome(Verdict.RETRY, error=job_error(code, "no route to host"))
    outcome, _ = make(job_with(Closed({}, {})), MemoryVault(), given)
    assert outcome == given


def test_an_answer_is_dropped_where_the_key_is_gone_since() -> None:
    """The person has signed out and discarded meanwhile: nothing of the answer is kept."""
    vault = MemoryVault(is_there=False)
    outcome, _ = make(job_with(Closed({}, {})), vault, done({"text": SECRET}))
    assert (outcome.verdict, outcome.result) == (Verdict.DONE, None)
    failed, _ = make(
        job_with(Closed({}, {})), vault, Outcome(Verdict.FAIL, error=job_error("http", SECRET, 422))
    )
    assert failed.error is not None
    assert (failed.error.message, failed.error.body) == ("the server answered 422", None)


class Recording:
    """A transport that answers 201."""

    def __init__(self) -> None:
        self.requests: list[Request] = []

    async def send(self, request: Request) -> Response:
        self.requests.append(request)
        return Response(201)


def send(queue: Queue, job: JobRecord) -> tuple[Outcome, list[Request]]:
    transport = Recording()
    with Simulation(queue) as sim:
        outcome = asyncio.run(attempt(queue, job, transport, sim.clock))
    return outcome, transport.requests


def test_a_sealed_body_is_sent_as_it_is() -> None:
    """The URL is filled from what stays legible; the route's type is that of the body within."""
    queue = Queue(server_key=f"k1:{POINT}")
    queue.http("note", "POST", "/notes/{patient}", seal="server", headers={"content-type": "text/plain"})
    outcome, [request] = send(queue, job_with(Closed({}, {"patient": 7}, sealed=True)))
    assert outcome.verdict is Verdict.DONE
    assert (request.url, request.body) == ("/notes/7", b"ciphertext")
    assert request.headers == {
        "Idempotency-Key": '"j1"',
        "Content-Type": "application/vnd.pyqueue.sealed",
        "Pyqueue-Sealed": 'key="k1"; task="note"; job="j1"',
    }


def test_a_sealed_body_fails_visibly_where_no_task_sends_it_any_more() -> None:
    queue = Queue()
    queue.http("bodiless", "DELETE", "/notes")

    @queue.task("note")
    async def note(ctx: Any, **payload: Any) -> None: ...

    for task in ("bodiless", "note"):
        outcome, requests = send(queue, job_with(Closed({}, {}, sealed=True), task))
        assert (outcome.verdict, outcome.certainty, requests) == (Verdict.FAIL, Certainty.NEVER_SENT, [])


def test_pages_learn_what_to_encrypt_and_what_stays_legible() -> None:
    queue = Queue(encrypt=True, server_key=f"k1:{POINT}")
    queue.http("note", "POST", "/notes/{patient}", ordering_key="of:{doctor}", unique_key="{patient}/{day}")
    queue.http("plain", "POST", "/plain/{id}", encrypt=False)
    queue.http("diary", "POST", "/diary", encrypt="secret")
    queue.http("sealed", "POST", "/{id}", seal="server", encrypt=False, encoding="json")
    declared = queue.declaration()
    assert declared["tasks"] == {
        "note": {"label": None, "encrypt": "device", "clear": ["day", "doctor", "patient"]},
        "plain": {"label": None},
        "diary": {"label": None, "encrypt": "secret", "clear": []},
        "sealed": {"label": None, "seal": "json", "clear": ["id"]},
    }
    assert (declared["encrypts"], declared["encrypt"]) == (True, "device")
    assert "encrypts" not in Queue().declaration()


WRONG = {
    "a word": lambda: Queue(encrypt="yes"),  # type: ignore[arg-type]
    "a number": lambda: Queue(encrypt=1),  # type: ignore[arg-type]
    "a task's": lambda: Queue().http("a", "POST", "/", encrypt="server"),  # type: ignore[typeddict-item]
    "a seal": lambda: Queue(server_key=f"k1:{POINT}").http("a", "POST", "/", seal="device"),  # type: ignore[arg-type]
    "a seal without a key": lambda: Queue().http("a", "POST", "/", seal="server"),
    "a seal without a body": lambda: Queue(server_key=f"k1:{POINT}").http("a", "GET", "/", seal="server"),
    "a key": lambda: Queue(server_key="k1"),
    "a compressed point": lambda: Queue(server_key=f"k1:{'AgAA' + POINT[4:]}"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_declaration_is_told_where_it_stands(name: str) -> None:
    with pytest.raises(DeclarationError, match=r"give|leave seal out"):
        WRONG[name]()
