"""Encrypted payloads: one attempt at a job whose payload only a key opens, and what is kept of its answer.

Pages encrypt; the core sees of such a payload only the fields that templates name. docs/security.md says what
this protects from.
"""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import quote

from ._classify import classify_exception
from ._errors import Locked, PyqueueError
from ._outcome import Outcome, Verdict, fail, job_error
from ._ports import Vault
from ._record import JobError, JobRecord
from ._vocabulary import UNREACHABLE, Certainty, ErrorCode

LOCKED_AFTER: Final = 60.0
"""Seconds after which a job is looked at again whose key nobody has given. Unlocking wakes it at once."""


SEALED_TYPE: Final = "application/vnd.pyqueue.sealed"
"""The content type of a body that was sealed to the server."""

SEALED_HEADER: Final = "Pyqueue-Sealed"
"""The header that says to which key, for which task and for which job."""


@dataclass(frozen=True, slots=True)
class SealedBody:
    """A request's body that only the server opens.

    Attributes:
        body: the bytes, as the transport takes them.
        key: the id of the server's key.
    """

    body: Any
    key: str

    def headers(self, job: JobRecord) -> dict[str, str]:
        """What the body is, to which key, and for which task and job it has to have been sealed."""
        parameters = {"key": self.key, "task": job.task or "", "job": job.id}
        said = "; ".join(f'{name}="{quote(value, safe="")}"' for name, value in parameters.items())
        return {"Content-Type": SEALED_TYPE, SEALED_HEADER: said}


class EncryptedPayload(Mapping[str, Any]):
    """A payload of which only some fields can be read: those that templates name."""

    __slots__ = ()

    @property
    @abstractmethod
    def is_closed(self) -> bool:
        """Whether the vault has to open it before it can be sent."""

    @property
    @abstractmethod
    def hides_answers(self) -> bool:
        """Whether results and errors of the job are encrypted as well."""

    @property
    @abstractmethod
    def sealed_body(self) -> SealedBody | None:
        """What is sent of a payload that only the server opens; `None`: it is of another kind."""


def is_sealed(payload: Mapping[str, Any]) -> bool:
    """Whether only the server can open a payload."""
    return isinstance(payload, EncryptedPayload) and payload.sealed_body is not None


class Unopened(PyqueueError):
    """A payload cannot be opened, now or later.

    Args:
        code: `key_lost` or `damaged`.
        message: one sentence for a person.
    """

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(message)
        self.code = code


Attempt = Callable[[JobRecord], Awaitable[Outcome]]


async def attempt_opened(job: JobRecord, vault: Vault | None, attempt: Attempt, now: float) -> Outcome:
    """Makes an attempt at a job, opening its payload before and hiding its answer after, if it is encrypted.

    It returns an outcome whatever happens, like the attempt itself.

    Args:
        job: the claimed job.
        vault: `None`: this place has no keys.
        attempt: makes the attempt at the job with the payload as the site gave it.
        now: Unix time in seconds.
    """
    payload = job.payload
    if not isinstance(payload, EncryptedPayload):
        return await attempt(job)
    opened = job
    if payload.is_closed:
        try:
            if vault is None:
                raise Unopened(ErrorCode.KEY_LOST, "it is encrypted, and there are no keys here")
            opened = job.with_(payload=await vault.open(job))
        except Locked as locked:
            error = job_error(ErrorCode.LOCKED, locked)
            never = Certainty.NEVER_SENT
            return Outcome(Verdict.RETRY, error=error, after=LOCKED_AFTER, spent=False, certainty=never)
        except Unopened as unopened:
            return fail(unopened.code, str(unopened), Certainty.NEVER_SENT)
        except Exception as exception:
            return replace(classify_exception(exception, now), certainty=Certainty.NEVER_SENT)
    outcome = await attempt(opened)
    return await _hidden(outcome, job, vault) if payload.hides_answers else outcome


async def _hidden(outcome: Outcome, job: JobRecord, vault: Vault | None) -> Outcome:
    """The outcome with its result, or its error's words, encrypted. What cannot be encrypted is not kept."""
    error = outcome.error
    if error is None:
        return replace(outcome, result=await _hide(outcome.result, job, vault))
    if error.code in _HARMLESS:
        return outcome
    said = "the attempt did not succeed" if error.status is None else f"the server answered {error.status}"
    # `said` is what a page puts the message in the place of: the core may have added to it.
    answer = {"said": said, "message": error.message, "body": error.body}
    return replace(outcome, error=JobError(error.code, said, error.status, await _hide(answer, job, vault)))


async def _hide(answer: Any, job: JobRecord, vault: Vault | None) -> str | None:
    """JSON of an answer, encrypted; `None`: there is none, or the key is gone since."""
    return None if vault is None or answer is None else await vault.hide(job, json.dumps(answer))


_HARMLESS: Final = frozenset(
    {*UNREACHABLE, ErrorCode.UNAUTHORIZED, ErrorCode.NO_TOKEN, ErrorCode.UNKNOWN_TASK}
)
"""Codes of errors whose words are ours or the browser's, not the server's answer or the task's."""
