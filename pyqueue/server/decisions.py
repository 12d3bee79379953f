"""What is decided of a request, and of the key once the application has answered; `Rules` decides."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .answer import Header
from .events import Kind
from .report import Report
from .stores import StoredResponse

if TYPE_CHECKING:
    from .rules import Rules


@dataclass(frozen=True, slots=True)
class Head:
    """A request without its body.

    Attributes:
        method: as sent.
        scheme: of the URL, as far as the server knows it.
        path: decoded, with what the application is mounted under.
        route: decoded, as the application's routes have it.
        query: as sent.
        headers: names in lower case.
    """

    method: str
    scheme: str
    path: str
    route: str
    query: bytes
    headers: tuple[Header, ...]

    def all(self, name: bytes) -> list[bytes]:
        """The values of a header."""
        return [value for header, value in self.headers if header == name]

    def text(self, name: bytes) -> str:
        """The value of a header; empty if there is none."""
        return b", ".join(self.all(name)).decode("latin-1")


@dataclass(frozen=True, slots=True)
class Passes:
    """The request is none of the layer's business."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The request is answered by the layer, before its body is read."""

    response: StoredResponse


@dataclass(frozen=True, slots=True)
class Keyed:
    """The request takes effect once.

    Attributes:
        head: the request.
        key: the client's.
        host: as keys are told apart by it.
        target: path and query, by which requests are compared; a slash at the end of the path makes no
            difference. If the request follows a redirect, those of the request that was redirected: a retry
            begins there again.
        rules: of the route that it is for.
        report: what tells of the request.
    """

    head: Head
    key: str
    host: str
    target: str
    rules: Rules = field(repr=False)
    report: Report = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Unreachable:
    """Whether the key is free is not known: the store raised."""

    error: Exception


@dataclass(frozen=True, slots=True)
class Keep:
    """The operation is over, and this is kept of its answer."""

    response: StoredResponse


@dataclass(frozen=True, slots=True)
class Release:
    """The operation is not over: the key is given back.

    Attributes:
        kind: `RELEASED` or `CUT_SHORT`.
        status: of the answer, if there was one.
        error: what the application raised.
    """

    kind: Kind
    status: int | None = None
    error: BaseException | None = None
