"""The queue as Python on a page sees it: a thin face over web/pyqueue.js, which holds the page's half."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import Any

from .errors import NotSupported
from .job import Status


class Given(Enum):
    """Tells an argument that was left out from `None`."""

    NOT = "not given"
    """The task's own value holds."""


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

    async def enqueue(
        self,
        task: str | Mapping[str, Any],
        payload: Mapping[str, Any] | Any = None,
        *,
        ordering_key: str | Given | None = Given.NOT,
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
            payload: a mapping of JSON-able values and JavaScript `Blob`s, or a JavaScript object.
            ordering_key: jobs with one key are delivered in order; `None`: no order.
            idempotency_key: sent with every attempt; made up if left out.
            unique_key: at most one open job has it.
            on_conflict: `keep` the open job with this unique key, or `replace` it.
            delay: seconds before the first attempt.
            expires: seconds after which it is no longer worth sending.
            timeout: seconds for one attempt.
            retry: the policy's `max_attempts`, `base` and `cap` (seconds).

        Raises:
            PayloadTooLarge, QueueFull, QuotaExceeded, InvalidPayload: nothing was enqueued.
        """
        options = {
            "idempotencyKey": idempotency_key,
            "uniqueKey": unique_key,
            "onConflict": on_conflict,
            "delay": delay,
            "expires": expires,
            "timeout": timeout,
            "retry": retry and {_CAMEL.get(name, name): value for name, value in retry.items()},
        }
        given: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
        if ordering_key is not Given.NOT:
            given["orderingKey"] = ordering_key
        if isinstance(task, Mapping):
            return self._job(await self._call("enqueue", task, given))
        return self._job(await self._call("enqueue", task, {} if payload is None else payload, given))

    async def enqueue_many(self, jobs: Iterable[tuple[str, Mapping[str, Any]]]) -> list[Job]:
        """Stores several jobs, all or none, in this order.

        Args:
            jobs: pairs of a task's name and a payload.

        Raises:
            PayloadTooLarge, QueueFull, QuotaExceeded, InvalidPayload: nothing was enqueued.
        """
        described = [{"task": task, "payload": payload} for task, payload in jobs]
        return [self._job(job) for job in await self._call("enqueueMany", described)]

    async def jobs(self, status: Status | str | None = None) -> list[Job]:
        """The jobs, or those with one status, in order."""
        found = await self._call("jobs", {} if status is None else {"status": str(status)})
        return [self._job(job) for job in found]

    async def job(self, id: str) -> Job:
        """One job.

        Raises:
            UnknownJob: there is none with this id.
        """
        return self._job(await self._call("job", id))

    async def stats(self) -> dict[str, Any]:
        """What the queue holds and does: docs/architecture.md names the fields."""
        stats: dict[str, Any] = self._from_js(await self._call("stats"))
        return stats

    def subscribe(self, listener: Callable[[Mapping[str, Any]], None]) -> Callable[[], None]:
        """Calls a function with a dict at every change, until the function that this returns is called."""
        return self._page.subscribe(self._js, listener)

    async def retry(self, id: str | None = None) -> None:
        """Tries a failed job again, or all of them."""
        await self._call("retry", *([] if id is None else [id]))

    async def cancel(self, id: str) -> None:
        """Takes a job back that was not delivered yet."""
        await self._call("cancel", id)

    async def discard(self, id: str) -> None:
        """Gives a failed job up."""
        await self._call("discard", id)

    async def edit(self, id: str, payload: Mapping[str, Any]) -> None:
        """Replaces a failed job's payload and tries it again.

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
    def payload(self) -> Any:
        """Its payload; files in it stay JavaScript objects."""
        return self._client._from_js(self._js.payload)

    @property
    def error(self) -> Mapping[str, Any] | None:
        """Why its last attempt did not succeed: `code`, `message`, and where known `status` and `body`."""
        error: Mapping[str, Any] | None = self._client._from_js(self._js.error)
        return error

    async def result(self) -> Any:
        """Waits until the job has ended, and returns what its task answered.

        Raises:
            JobFailed: it did not end `done`; the message says why.
        """
        return self._client._from_js(await self._client._page.call(self._js, "result"))

    async def explain(self) -> Any:
        """What the job waits for, and until when."""
        return self._client._from_js(await self._client._page.call(self._js, "explain"))


_CAMEL = {"max_attempts": "maxAttempts"}
