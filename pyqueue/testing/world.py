"""World: pages, workers, a network and a server in one plain loop, in which everything can go wrong.

There is no event loop: a `World` performs what owners ask for one action at a time, and between any two of
them a worker may die, freeze or be overtaken, the network may lose what is on its way, the clock may jump
and a page may write.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .._attempt import attempt
from .._core.events import (
    Action,
    Answered,
    Arm,
    Commit,
    Committed,
    Event,
    Finish,
    FlagRead,
    Load,
    Publish,
    ReadFlag,
    Rest,
    Send,
    Started,
    TimePassed,
    Withdraw,
    Woken,
)
from .._core.owner import Owner
from .._destinations import Destinations
from .._errors import OwnershipLost
from .._http import Request, Response, TransportError
from .._outcome import Outcome
from .._outgoing import Outgoing, own_headers
from .._principal import HEADER, NOBODY, to_header
from .._queue import Queue
from .._record import JobRecord
from .._vocabulary import SILENCE, UNREACHABLE
from .._watch import SILENCE as STOLEN_AFTER
from .choices import Choices
from .server import json_response, mismatch, problem, with_header
from .site import MemorySite
from .store import Disk, MemoryStore

Write = Callable[[Choices], tuple[str | None, Mapping[str, Any], Mapping[str, Any]]]
"""Makes a write: the task's name, a payload, options."""


class _Exchange:
    """What an attempt waits for: the answer to a request."""

    def __init__(self, request: Request) -> None:
        self.request = request

    def __await__(self) -> Generator[_Exchange, Response, Response]:
        return (yield self)


class _Wire:
    """The Transport port: hands every request to the world."""

    async def send(self, request: Request) -> Response:
        return await _Exchange(request)


class _Clock:
    """The Clock port over the world's time: whoever sleeps lets it pass."""

    def __init__(self, world: World) -> None:
        self._world = world

    def now(self) -> float:
        return self._world.now

    async def sleep(self, seconds: float) -> None:
        self._world.now += seconds


@dataclass(eq=False)
class Exchange:
    """A request on its way.

    Attributes:
        job: that is sent.
        request: as it left.
        attempt: what waits for the answer.
        answer: of the server, once it arrived; `None`: it has not.
        is_lost: it never arrives.
    """

    job: JobRecord
    request: Request
    attempt: Coroutine[Any, Any, Outcome]
    answer: Response | None = None
    is_lost: bool = False


@dataclass(eq=False)
class Worker:
    """A worker process that owns the queue, or believes so.

    Attributes:
        number: in the order of their start.
        actions: what its owner asked for and was not done yet.
        transaction: a `Load` or `Commit` that the store has not answered yet.
        exchanges: by job id.
        rest_until: when its owner wants to hear of time again.
        frozen_at: since when it does nothing; `None`: it runs.
    """

    number: int
    owner: Owner
    store: MemoryStore
    is_sync_event: bool
    actions: list[Action] = field(default_factory=list)
    transaction: Load | Commit | None = None
    exchanges: dict[str, Exchange] = field(default_factory=dict)
    rest_until: float | None = None
    frozen_at: float | None = None


@dataclass
class Arrival:
    """A request that reached the server.

    Attributes:
        key: its idempotency key, without quotes.
        status: of the answer.
        had_effect: whether it did something; a replay does not.
        body: as sent.
        session: who was signed in there; `None`: the server did not look.
    """

    at: float
    key: str
    job_id: str
    seq: int
    status: int
    had_effect: bool
    body: Any
    session: str | None


class World:
    """One site in one browser.

    Args:
        queue: the declaration.
        choices: all chance.
        older: a declaration that knows fewer tasks, for a worker of an older version.
    """

    def __init__(self, queue: Queue, choices: Choices, older: Queue | None = None) -> None:
        self.queue = queue
        self.older = older or queue
        self.choices = choices
        self.now = 1_800_000_000.0
        self.disk = Disk()
        self.workers: list[Worker] = []
        self.trace: list[str] = []
        self.arrivals: list[Arrival] = []
        self.changed: list[Mapping[str, Any]] = []
        """The records that were committed since somebody last looked."""
        self.moments = 0
        self.crashes = 0
        self.started = 0
        self.is_calm = False
        # The page.
        self.page_is_open = True
        self.timer: float | None = None
        self.sync_is_armed = False
        self.identity: str | None = None
        """Who is signed in, as a page has said last; `None`: none has ever."""
        # The server and the network.
        self.session = NOBODY
        """Who is signed in at the server."""
        self.mood = "fine"
        self.is_offline = False
        self.flag: Mapping[str, Any] | None = {"paused": False}
        self._replies: dict[str, tuple[Any, Response]] = {}

    def note(self, text: str) -> None:
        """Adds a line to the trace."""
        self.trace.append(f"{self.now - 1_800_000_000.0:10.2f}  {text}")

    # -- the page -----------------------------------------------------------------------------------------

    def append(self, type: str, **fields: Any) -> int:
        """A page appends a command, and wakes the worker."""
        named = {} if self.identity is None else {"principal": self.identity}
        seq = self.disk.append(type, self.now, **{**named, **fields})
        self.timer = self.now + SILENCE
        self.sync_is_armed = True
        if self.is_calm or not self.choices.happens(4):
            self.wake("append")
        return seq

    def identify(self, principal: str) -> int:
        """A page says who is signed in."""
        self.identity = principal
        return self.append("identify")

    def is_mine(self, record: Mapping[str, Any]) -> bool:
        """Whether a job is of whoever is signed in, as far as pages know."""
        return bool(record.get("principal", NOBODY) == (self.identity or NOBODY))

    def wake(self, reason: str) -> None:
        """Wakes the worker: the one that runs, or a new one."""
        event = Woken(reason, 150.0 if reason == "sync" else 5.0)
        running = [worker for worker in self.workers if worker.frozen_at is None]
        if running:
            self._feed(running[-1], event)
            return
        if any(self.now - (worker.frozen_at or 0.0) < STOLEN_AFTER for worker in self.workers):
            return  # It waits for the lock.
        self.started += 1
        queue = self.queue if self.is_calm else self.choices.pick([self.queue, self.queue, self.older])
        version = "new" if queue is self.queue else "old"
        store = MemoryStore(self.disk)
        worker = Worker(self.started, Owner(queue, version), store, is_sync_event=reason == "sync")
        self.workers.append(worker)
        self.note(f"worker {worker.number} ({version}) starts: {reason}")
        self._feed(worker, Started(store.take_over_now(self.now)))
        self._feed(worker, event)

    def has_work(self) -> bool:
        """What `readWork` of web/page/view.js tells."""
        if self.disk.inbox:
            return True
        jobs = self.disk.jobs.values()
        if any(record["status"] == "sending" for record in jobs):
            return True
        if any(record["status"] == "pending" and self.is_mine(record) for record in jobs):
            return True
        return any(
            record["status"] == "failed" and record.get("error", {}).get("code") in UNREACHABLE
            for record in self.disk.jobs.values()
        )

    def fire_timer(self) -> None:
        """The page's timer, as web/page/wakeups.js has it."""
        self.timer = None
        if not self.has_work():
            return
        schedule = self.disk.meta.get("schedule", {})
        wake_at = schedule.get("wake_at")
        is_believed = schedule.get("at", 0.0) <= self.now and not self.disk.inbox
        if is_believed and wake_at is not None and wake_at > self.now:
            self.timer = wake_at
        else:
            self.timer = self.now + SILENCE
            self.wake("timer")

    # -- workers ------------------------------------------------------------------------------------------

    def _feed(self, worker: Worker, event: Event) -> None:
        worker.rest_until = None
        worker.actions += worker.owner.handle(event, self.now)

    def kill(self, worker: Worker) -> None:
        """The worker dies. What it has on its way arrives or is lost."""
        self.crashes += 1
        self.note(f"worker {worker.number} dies")
        self._let_arrive_or_lose(worker)
        for exchange in worker.exchanges.values():
            exchange.attempt.close()
        self.workers.remove(worker)
        self._after_end(worker, failed=True)

    def freeze(self, worker: Worker) -> None:
        """The worker does nothing for a while. What it has on its way arrives now, or never."""
        worker.frozen_at = self.now
        self.note(f"worker {worker.number} freezes")
        self._let_arrive_or_lose(worker)

    def _let_arrive_or_lose(self, worker: Worker) -> None:
        for exchange in worker.exchanges.values():
            if exchange.answer is None and not exchange.is_lost:
                if self.choices.happens(2):
                    self._arrive(exchange)
                else:
                    exchange.is_lost = True

    def _after_end(self, worker: Worker, failed: bool) -> None:
        if worker.is_sync_event and failed:
            self.sync_is_armed = True

    def perform(self, worker: Worker) -> None:
        """Performs the next action that a worker's owner asked for."""
        action = worker.actions.pop(0)
        match action:
            case Load() | Commit():
                worker.transaction = action
            case Send():
                self._send(worker, action)
            case Withdraw(job_id):
                if (exchange := worker.exchanges.pop(job_id, None)) is not None:
                    exchange.attempt.close()
            case ReadFlag():
                self._feed(worker, FlagRead(self.flag))
            case Publish():
                if self.page_is_open:
                    self.timer = self.now + SILENCE
            case Arm(wake_at):
                if self.page_is_open:
                    # The page looks into the inbox: what another page wrote since may have woken nobody.
                    self.timer = self.now + SILENCE if self.disk.inbox else wake_at
                    self.sync_is_armed = self.sync_is_armed or wake_at is not None
            case Rest(until):
                worker.rest_until = until
            case Finish(wake_at):
                self.note(f"worker {worker.number} ends")
                self.workers.remove(worker)
                self._after_end(worker, failed=wake_at is not None)

    def answer_transaction(self, worker: Worker, fate: str = "done") -> None:
        """The store answers.

        Args:
            worker: whose transaction it is.
            fate: `done`; `refused`: nothing was written, and the worker gives up; `unheard`: it was written,
                and the worker dies before it hears of it.
        """
        transaction, worker.transaction = worker.transaction, None
        assert transaction is not None
        try:
            if fate == "refused":
                self.note(f"the store refuses worker {worker.number}")
                self.kill(worker)
            elif isinstance(transaction, Load):
                self._feed(worker, worker.store.load_now(transaction.query))
            else:
                worker.store.commit_now(transaction.changes, self.now)
                self.changed += [self.disk.jobs[job.seq] for job in transaction.changes.jobs]
                if fate == "unheard":
                    self.kill(worker)
                else:
                    self._feed(worker, Committed())
        except OwnershipLost:
            self.note(f"worker {worker.number} was overtaken")
            self.kill(worker)

    def rest(self, worker: Worker) -> None:
        """The time that a worker waits for has come."""
        assert worker.rest_until is not None
        self._feed(worker, TimePassed())

    # -- the network and the server -----------------------------------------------------------------------

    def _send(self, worker: Worker, send: Send) -> None:
        job = send.job
        transport = Outgoing(
            _Wire(), Destinations(MemorySite().origin, ()), own_headers(send, self.now), None
        )
        work = attempt(self.queue, job, transport, _Clock(self))
        self._advance(worker, job, work, None)

    def _advance(
        self,
        worker: Worker,
        job: JobRecord,
        work: Coroutine[Any, Any, Outcome],
        answer: Response | TransportError | None,
    ) -> None:
        """Runs an attempt up to its next request, or to its end."""
        try:
            waits_for = work.throw(answer) if isinstance(answer, TransportError) else work.send(answer)
        except StopIteration as end:
            worker.exchanges.pop(job.id, None)
            jitter = self.choices.below(100) / 100
            self._feed(worker, Answered(job.id, end.value, jitter))
            return
        worker.exchanges[job.id] = Exchange(job, waits_for.request, work)

    def deliver(self, worker: Worker, exchange: Exchange) -> None:
        """The next thing that becomes of a request: it arrives, is answered, or is lost."""
        if self.is_offline:
            self._fail(worker, exchange, "offline")
        elif exchange.is_lost:
            self._fail(worker, exchange, "network")
        elif exchange.answer is None:
            fate = (
                "arrives"
                if self.is_calm
                else self.choices.pick(["arrives"] * 6 + ["is lost", "arrives twice"])
            )
            if fate == "is lost":
                self._fail(worker, exchange, "network")
                return
            self._arrive(exchange)
            if fate == "arrives twice":
                self._arrive(exchange)
        elif not self.is_calm and self.choices.happens(8):
            self._fail(worker, exchange, "network")
        else:
            self._advance(worker, exchange.job, exchange.attempt, exchange.answer)

    def _fail(self, worker: Worker, exchange: Exchange, kind: str) -> None:
        self._advance(worker, exchange.job, exchange.attempt, TransportError(kind, "no answer"))

    def _arrive(self, exchange: Exchange) -> None:
        """The server gets a request; it keeps the rules of `IdempotencyMiddleware`."""
        job, request = exchange.job, exchange.request
        key = request.headers["Idempotency-Key"].strip('"')
        stated = request.headers.get(HEADER)
        checks = stated is not None and not self.mood.startswith("bare")
        before = self._replies.get(key)
        had_effect = False
        if checks and stated != to_header(self.session):
            response = mismatch(self.session != NOBODY)
        elif before is not None:
            response = before[1] if before[0] == request.body else problem(422, "key-reused")
        else:
            response = self._mooded(job)
            if response.status < 400:
                had_effect = True
                self._replies[key] = (request.body, response)
        if "echo" in self.mood or before is not None or not self.mood.startswith("bare"):
            response = with_header(response, "idempotency-key", request.headers["Idempotency-Key"])
        exchange.answer = response
        self.note(
            f"the server gets {job.seq} ({key[-12:]}): {response.status}{' effect' if had_effect else ''}"
        )
        self.arrivals.append(
            Arrival(
                *(self.now, key, job.id, job.seq, response.status, had_effect, request.body),
                self.session if checks else None,
            )
        )

    def _mooded(self, job: JobRecord) -> Response:
        """The application's answer: by its mood, and by what the payload provokes."""
        provoked = job.payload.get("provoke")
        if provoked is not None and not self.is_calm:
            return PROVOKED[provoked]
        moods: Mapping[str, Sequence[int]] = {
            "flaky": (201, 503, 429, 201),
            "down": (503,),
            "strict": (201, 422, 400),
            "signed out": (401,),
            "bare flaky": (201, 500, 422),
        }
        status = self.choices.pick(moods.get(self.mood, (201,)))
        return json_response(status, {"n": job.seq})


PROVOKED: Mapping[str, Response] = {
    "refusal": json_response(422, {"detail": [{"msg": "no", "loc": ["body"]}]}),
    "poison": Response(503),
    "depth": Response(201, {"content-type": "application/json"}, b"[" * 10_000 + b"]" * 10_000),
    "date": Response(503, {"retry-after": "Tue, 99 Foo 99999 99:99:99 +9999999"}),
    "digits": Response(429, {"retry-after": "9" * 400}),
    "bytes": Response(400, {"content-type": "application/problem+json"}, b"\xff\xfe{"),
}
"""Answers that one job alone gets, again and again."""
