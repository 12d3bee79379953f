"""The queue as Python on a page sees it: a thin face over web/pyqueue.js, which holds the page's half."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import Any, Final

from ._errors import NotSupported
from ._vocabulary import Certainty, Status


class Unset(Enum):
    """The type of `UNSET`."""

    UNSET = "unset"


UNSET: Final = Unset.UNSET
"""The argument was left out, which here is not the same as `None`: the task's own value holds."""


async def connect(url: str = "/pyqueue/pyqueue.js") -> Client:
    """Connects a PyScript or Pyodide page, or a PyScript worker, to the site's queue.

    Args:
        url: where the site serves `pyqueue.js`; absolute, or relative to the site's root. On a static host
            it also names the tasks: `/pyqueue/pyqueue.js?tasks=/tasks.py`.

    Raises:
        NotSupported: this is not a browser, or the module is not there.
    """
    if sys.platform != "emscripten":
        raise NotSupported("connect() needs a browser; to test tasks on CPython use pyqueue.testing")
    from .browser import page

    return Client(await page.load(url))


class Client:
    """The queue. Every write resolves once its command is on disk; made by `connect`."""

    def __init__(self, js: Any):
        from .browser import convert, page

        self._js = js
        self._page = page
        self._from_js = convert.from_js

    async def persist(self) -> bool | None:
        """Asks the browser to keep the queue also when room gets short. A worker cannot ask.

        Returns:
            Whether it will, and in a worker whether it already does; `None`: it asks the person, and
            `stats()["durable"]` will tell.
        """
        answer = await self._page.call(self._js, "persist")
        return answer if isinstance(answer, bool) else None

    async def identify(self, user: str | int | None, *, hash: bool = False) -> None:
        """Says who is signed in. What others wrote is neither sent nor shown until they are back.

        Args:
            user: a stable id of 1 to 255 characters; `None`: nobody.
            hash: only a digest of the id is stored and sent.

        Raises:
            InvalidPayload: it is no id.
        """
        await self._call("identify", user, {"hash": hash})

    async def principal(self) -> str:
        """Who is signed in, as stored: the id, or its digest; empty: nobody."""
        return str(await self._call("principal"))

    async def sign_out(self, waiting: str = "keep", *, timeout: float = 10.0) -> list[dict[str, Any]]:
        """Signs the person out of the queue; to be called before their session ends.

        Args:
            waiting: whether what was not delivered is kept until they are back (`keep`), sent first
                (`send`), or deleted (`discard`).
            timeout: seconds that sending, or deleting, may take.

        Returns:
            For each job that was not delivered a dict with `id`, `task` and `became`: `sent`, `kept`,
            `discarded` or `failed`.
        """
        options = {"waiting": waiting, "timeout": timeout}
        left: list[dict[str, Any]] = self._from_js(await self._call("signOut", options))
        return left

    async def clear(self, principal: str | None = None) -> None:
        """Forgets one person's jobs and results; by default those of whoever is signed in, who then is no
        more."""
        await self._call("clear", *([] if principal is None else [principal]))

    async def unlock(self, secret: str | bytes, *, replace: bool = False) -> None:
        """Gives the secret of which the key for tasks with `encrypt="secret"` is made. It is not stored; the
        key is held in memory by the open pages and the worker. What waited for it goes on.

        Args:
            secret: a passphrase, or at least 16 random bytes.
            replace: if it is another secret than before, it is for what is written from now on.

        Raises:
            Locked: it is another secret than before.
            InvalidPayload: it is no secret.
        """
        await self._call("unlock", secret, {"replace": replace})

    async def enqueue(
        self,
        task: str | Mapping[str, Any],
        payload: Mapping[str, Any] | Any = None,
        *,
        ordering_key: str | Unset | None = UNSET,
        idempotency_key: str | None = None,
        unique_key: str | None = None,
        on_conflict: str | None = None,
        delay: float | None = None,
        expires: float | None = None,
        timeout: float | None = None,
        retry: Mapping[str, float] | None = None,
    ) -> Job:
        """Stores a job. When this returns, it survives the page, the browser and the machine's restart.

        Args:
            task: the declared task's name, or a request of its own: `{"url", "method", "headers", "body"}`.
            payload: a JavaScript object, or a mapping of text, finite numbers, booleans, `None`, lists and
                mappings of these; JavaScript `Blob`s may be its own fields or stand in a list that is one.
            ordering_key: jobs with one key are delivered in order; `None`: no order.
            idempotency_key: sent with every attempt; made up if left out.
            unique_key: at most one open job has it.
            on_conflict: `keep` the open job with this unique key, or `replace` it.
            delay: seconds before the first attempt.
            expires: seconds after which it is no longer worth sending.
            timeout: seconds for one attempt.
            retry: the policy's `max_attempts`, `base` and `cap` (seconds).

        Raises:
            PayloadTooLarge, QueueFull, QuotaExceeded, InvalidPayload, UnknownTask, Locked: nothing was
                enqueued.
        """
        options = _options(
            ordering_key=ordering_key,
            idempotency_key=idempotency_key,
            unique_key=unique_key,
            on_conflict=on_conflict,
            delay=delay,
            expires=expires,
            timeout=timeout,
            retry=retry,
        )
        if isinstance(task, Mapping):
            return self._job(await self._call("enqueue", task, options))
        return self._job(await self._call("enqueue", task, {} if payload is None else payload, options))

    async def enqueue_many(self, jobs: Iterable[tuple[Any, ...]]) -> list[Job]:
        """Stores several jobs, all or none, in this order.

        Args:
            jobs: for each its task's name, its payload, and, if it has any, a dict of options.

        Raises:
            PayloadTooLarge, QueueFull, QuotaExceeded, InvalidPayload, UnknownTask, Locked: nothing was
                enqueued.
        """
        described = [(task, payload, *(_options(**given) for given in rest)) for task, payload, *rest in jobs]
        return [self._job(job) for job in await self._call("enqueueMany", described)]

    async def jobs(
        self,
        status: Status | str | Iterable[Status | str] | None = None,
        *,
        task: str | None = None,
        ordering_key: str | None = None,
        limit: int | None = None,
        reverse: bool = False,
        explain: bool = False,
    ) -> list[Job]:
        """The stored jobs that match, the first enqueued first.

        Args:
            status: one, or several.
            task: the declared name.
            ordering_key: theirs.
            limit: the most jobs; no more are read than needed.
            reverse: the last enqueued first; with a limit, the last so many.
            explain: each has its `explanation`, read together with it.
        """
        statuses = status if status is None or isinstance(status, str) else list(status)
        filter = _given(status=statuses, task=task, orderingKey=ordering_key, limit=limit)
        filter |= {"reverse": reverse, "explain": explain}
        return [self._job(job) for job in await self._call("jobs", filter)]

    async def job(self, id: str) -> Job | None:
        """One job; `None`: there is none with this id, or its retention is over."""
        found = self._from_js(await self._call("job", id))
        return None if found is None else self._job(found)

    async def stats(self) -> dict[str, Any]:
        """What the queue holds and does: docs/architecture.md names the fields."""
        stats: dict[str, Any] = self._from_js(await self._call("stats"))
        return stats

    async def set_aside(self) -> list[dict[str, Any]]:
        """The first 50 records that could not be read, each with `from`, `reason`, `at` and `record`."""
        records: list[dict[str, Any]] = self._from_js(await self._call("setAside"))
        return records

    def subscribe(self, listener: Callable[[Mapping[str, Any]], None]) -> Callable[[], None]:
        """Calls a function with a dict at every change, until the function that this returns is called."""
        return self._page.subscribe(self._js, listener)

    async def retry(self, id: str | None = None) -> None:
        """Tries a failed job again, or all of them."""
        await self._call("retry", *([] if id is None else [id]))

    async def cancel(self, id: str) -> None:
        """Takes a job back that was not delivered yet.

        One that is being sent is cancelled if its attempt does not succeed. If it does, the command is
        refused: `Job.refusal` then says why.
        """
        await self._call("cancel", id)

    async def discard(self, id: str) -> None:
        """Gives a job up that was not delivered."""
        await self._call("discard", id)

    async def edit(self, id: str, payload: Mapping[str, Any]) -> None:
        """Replaces the payload of a job that was not delivered yet, and tries a failed one again.

        While the job is being sent, the edit is applied if the attempt does not succeed. If it does, the edit
        is refused: `Job.refusal` then says why.

        Raises:
            PayloadTooLarge, QuotaExceeded, InvalidPayload: nothing was changed.
        """
        await self._call("edit", id, payload)

    async def pause(self, reason: str | None = None) -> None:
        """Holds the queue, across restarts, until `resume`."""
        await self._call("pause", *([] if reason is None else [reason]))

    async def resume(self) -> None:
        """Ends a hold."""
        await self._call("resume")

    async def flush(self) -> None:
        """Sends what waits now, whatever its backoff."""
        await self._call("flush")

    async def _call(self, method: str, *args: Any) -> Any:
        return await self._page.call(self._js, method, *args)

    def _job(self, js: Any) -> Job:
        return Job(self, js)


class Job:
    """One job, as it was when it was read."""

    def __init__(self, client: Client, js: Any):
        self._client = client
        self._js = js

    @property
    def id(self) -> str:
        """Its UUID."""
        return str(self._js.id)

    @property
    def status(self) -> Status:
        """Where it stands."""
        return Status(self._js.status)

    @property
    def certainty(self) -> Certainty:
        """What is known of its effect on the server."""
        return Certainty(self._js.certainty)

    @property
    def task(self) -> Any:
        """The declared task's name; `None` for a job with a request of its own."""
        return self._read("task")

    @property
    def attempts(self) -> int:
        """Attempts spent."""
        return int(self._js.attempts)

    @property
    def payload(self) -> Any:
        """Its payload; files in it stay JavaScript objects."""
        return self._read("payload")

    @property
    def error(self) -> Any:
        """Why its last attempt did not succeed: a dict with `code`, `message`, and where known `status` and
        `body`; `None`: nothing went wrong."""
        return self._read("error")

    @property
    def refusal(self) -> Any:
        """What a person asked for last that could not be done: a dict with `command`, `message` and `at`;
        `None`: there is nothing like that."""
        return self._read("refusal")

    @property
    def ordering_key(self) -> Any:
        """Jobs with the same one are delivered in order; `None`: it has no order."""
        return self._read("orderingKey")

    @property
    def idempotency_key(self) -> str:
        """Sent with every attempt."""
        return str(self._js.idempotencyKey)

    @property
    def created_at(self) -> float:
        """When it was enqueued, in Unix seconds."""
        return float(self._js.createdAt)

    @property
    def settled_at(self) -> Any:
        """When it ended, in Unix seconds; `None`: it has not."""
        return self._read("settledAt")

    @property
    def sealed(self) -> bool:
        """Whether it is somebody else's than of whoever is signed in: nothing else is told of it."""
        return bool(self._js.sealed)

    @property
    def encryption(self) -> Any:
        """How what was encrypted could be read: `open`, `locked`, `key_lost`, `damaged` or `server`; `None`:
        it is not encrypted."""
        return self._read("encryption")

    @property
    def explanation(self) -> Any:
        """What it waited for when `jobs` read it with `explain`, or `explain()` last did; else `None`."""
        return self._read("explanation")

    async def refresh(self) -> Job:
        """Reads the job again.

        Raises:
            UnknownJob: its retention is over.
        """
        await self._client._page.call(self._js, "refresh")
        return self

    async def result(self) -> Any:
        """Waits until the job has ended, and returns what its task answered.

        Raises:
            JobFailed: it did not end `done`; the message says why.
        """
        return self._client._from_js(await self._client._page.call(self._js, "result"))

    async def explain(self) -> Any:
        """Reads the job again: what it waits for, and until when."""
        return self._client._from_js(await self._client._page.call(self._js, "explain"))

    def _read(self, name: str) -> Any:
        return self._client._from_js(getattr(self._js, name, None))


_CAMEL = {
    "ordering_key": "orderingKey",
    "idempotency_key": "idempotencyKey",
    "unique_key": "uniqueKey",
    "on_conflict": "onConflict",
    "max_attempts": "maxAttempts",
}


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _options(
    *,
    ordering_key: str | Unset | None = UNSET,
    retry: Mapping[str, float] | None = None,
    **others: Any,
) -> dict[str, Any]:
    """Options of `enqueue` as pyqueue.js names them."""
    options = _given(**others)
    if ordering_key is not UNSET:
        options["ordering_key"] = ordering_key
    if retry is not None:
        options["retry"] = {_CAMEL.get(name, name): value for name, value in retry.items()}
    return {_CAMEL.get(name, name): value for name, value in options.items()}
