"""One request on its way through Django, and the attempt that it may be."""

from __future__ import annotations

from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import IO, Any

from ..decisions import Head, Keyed, Release
from ..events import Kind
from ..lease import SyncLease
from ..stores import StoredResponse
from ._http import AsyncDrained, Drained, add_headers, headers_of_response, response_of


@dataclass(slots=True)
class Visit:
    """A request that has come to the middleware.

    Attributes:
        head: the request without its body.
        body: all of it, if the request has a key; else `None`.
        refusal: what a guarded view's client is answered because the body could not be taken.
        marking: what `@idempotent` says of the view, once that is known.
        keyed: by the rules of the view, once that is known, if it is guarded.
        attempt: once the key is claimed.
        answered: whether the answer is the layer's own, or a replay.
        response: what the client gets, once that is known.
        left: whether the client has gone.
    """

    head: Head
    body: bytes | None = None
    refusal: StoredResponse | None = None
    marking: Any = None
    keyed: Keyed | None = None
    attempt: Attempt | None = None
    answered: bool = False
    response: Any = None
    left: bool = False


class Attempt:
    """A view that runs under a claim: its answer is kept before anyone gets it.

    A streamed answer is read to its end first, into memory or beyond `max_response` into a temporary file:
    the effect may happen as it is made, and the client may leave before it is whole.
    """

    def __init__(self, keyed: Keyed, lease: SyncLease):
        self._keyed = keyed
        self._lease = lease
        self._answer = keyed.rules.answer(keyed)
        self._file: IO[bytes] | None = None
        self._settled = False
        lease.start()

    def break_off(self, error: BaseException) -> None:
        """There is no whole answer: the key is released."""
        if not self._settled:
            self._settled = True
            status = self._answer.head.status if self._answer.started else None
            self._lease.settle(Release(Kind.CUT_SHORT, status, error))
            if self._file is not None:
                self._file.close()

    def drain(self, response: Any) -> None:
        """Reads a streamed answer to its end. Django runs one that is made for an event loop on one."""
        self._begin(response)
        for chunk in response:
            self._take(chunk)
        response.streaming_content = Drained(self._drained())

    async def adrain(self, response: Any) -> None:
        """Reads an answer to its end that is streamed on the event loop."""
        self._begin(response)
        async for chunk in response.streaming_content:
            self._take(chunk)
        self.hand_over(response)

    def hand_over(self, response: Any) -> None:
        """What was drained is sent by the event loop."""
        response.streaming_content = AsyncDrained(self._drained())

    def settle(self, response: Any) -> Any:
        """Keeps the answer, or releases the key, and returns the response as this client gets it."""
        if not response.streaming:
            self._begin(response)
            self._answer.add(response.content)
        self._settled = True
        self._lease.settle(self._keyed.rules.ending(self._answer, self._keyed))
        return show(response, self._answer.head, self._keyed)

    def _begin(self, response: Any) -> None:
        self._answer.start(response.status_code, headers_of_response(response))
        if response.streaming:
            self._file = SpooledTemporaryFile(self._keyed.rules.max_response)  # noqa: SIM115 - closed with the response

    def _take(self, chunk: bytes) -> None:
        self._drained().write(chunk)
        self._answer.add(chunk)
        if self._answer.passing:
            self._answer.take()

    def _drained(self) -> IO[bytes]:
        assert self._file is not None
        return self._file


def show(response: Any, head: StoredResponse, keyed: Keyed) -> Any:
    """A response as its client gets it: a redirect as a queue can read it, and with the layer's headers.

    Args:
        response: the application's, which stays the same object unless it is told: middlewares outside know
            it, and its cookies.
        head: the same without its body.
    """
    shown = keyed.rules.shown(head, keyed)
    if shown.status == head.status:
        add_headers(response, shown.headers[len(head.headers) :])
        return response
    told = response_of(shown)
    told.cookies = response.cookies
    return told
