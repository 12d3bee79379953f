"""The words and numbers on which Python and JavaScript must agree, written once.

`building/vocabulary.py` makes `web/vocabulary.js` from this module. Nothing here imports anything of pyqueue.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Status(StrEnum):
    """Where a job stands. Every job ends in one of the last four."""

    PENDING = "pending"
    """Waits: for its turn, its time, or the queue."""

    SENDING = "sending"
    """An attempt was committed and may be on its way."""

    DONE = "done"
    """The server accepted it."""

    FAILED = "failed"
    """Will not be tried again by itself; a person may retry, edit or discard it."""

    CANCELLED = "cancelled"
    """A person, or a later job with the same unique key, took it back."""

    EXPIRED = "expired"
    """Its time ran out before it could be sent."""


SETTLED: Final = (Status.DONE, Status.FAILED, Status.CANCELLED, Status.EXPIRED)
"""How a job ends."""


class Certainty(StrEnum):
    """What is known about the job's effect on the server, under its present idempotency key."""

    NEVER_SENT = "never_sent"
    """No attempt has left."""

    MAYBE_APPLIED = "maybe_applied"
    """An attempt left, and no answer settled what became of it."""

    APPLIED = "applied"
    """The server said that it did it."""

    REJECTED = "rejected"
    """The server said that it did not do it."""


class CommandType(StrEnum):
    """What a page may append to the inbox."""

    ENQUEUE = "enqueue"
    CANCEL = "cancel"
    RETRY = "retry"
    DISCARD = "discard"
    EDIT = "edit"
    PAUSE = "pause"
    RESUME = "resume"
    FLUSH = "flush"
    IDENTIFY = "identify"
    CLEAR = "clear"


class ErrorCode(StrEnum):
    """Why an attempt, or the job, did not succeed: a stable word to branch on."""

    NETWORK = "network"
    """No answer came."""

    OFFLINE = "offline"
    """No answer came, and the browser says that there is no network."""

    TIMEOUT = "timeout"
    """No answer came in time."""

    HTTP = "http"
    """The server answered with this `status`."""

    UNAUTHORIZED = "unauthorized"
    """The server asks to sign in again."""

    NO_TOKEN = "no_token"
    """There is no token, of `csrf=` or `auth=`, to send the request with."""

    LOCKED = "locked"
    """It is encrypted, and the secret that opens it was not given since the worker began."""

    KEY_LOST = "key_lost"
    """It is encrypted, and its key is gone: nobody can read it any more."""

    DAMAGED = "damaged"
    """It is encrypted, and its record was changed since."""

    REJECTED = "rejected"
    """The task raised `Reject`, or no such request can be made."""

    RETRY_LATER = "retry_later"
    """The task raised `RetryLater`."""

    EXCEPTION = "exception"
    """The task has a mistake: the message names what it raised."""

    UNKNOWN_TASK = "unknown_task"
    """No task of this name is declared. The job goes on once one is."""

    TEMPLATE = "template"
    """The payload does not fill a template of the task."""

    INTERRUPTED = "interrupted"
    """The worker stopped while the job was being sent."""

    EXPIRED = "expired"
    CANCELLED = "cancelled"
    DISCARDED = "discarded"

    SUPERSEDED = "superseded"
    """A job with the same unique key stands for it."""


UNREACHABLE: Final = (ErrorCode.NETWORK, ErrorCode.OFFLINE, ErrorCode.TIMEOUT)
"""No answer came, so the next job of the same key would fare no better."""


class HoldKind(StrEnum):
    """Why a whole queue is held."""

    PAUSED = "paused"
    """A page called `pause()`."""

    UNAUTHORIZED = "unauthorized"
    """The server asks to sign in again."""

    KILL_SWITCH = "kill_switch"
    """The site's flag file says so."""


class Encryption(StrEnum):
    """What makes the key by which a payload is encrypted on the disk."""

    DEVICE = "device"
    """The browser, for each principal; scripts can use it and cannot read it."""

    SECRET = "secret"
    """A passphrase or a secret that the site gives after a login, and that is not stored."""


class OnConflict(StrEnum):
    """Which of two jobs with one unique key stays."""

    KEEP = "keep"
    REPLACE = "replace"


COMMAND_VERSION: Final = 1
"""The newest inbox record that is understood."""

MAX_DEPTH: Final = 100
"""How deep a payload, a result or an answer may be nested."""

MAX_SECONDS: Final = 10 * 365 * 86_400.0
"""The longest `delay`, `expires` and retention."""

MAX_TIMEOUT: Final = 86_400.0
"""Seconds: the longest timeout of a request and the longest cap of a backoff."""

MAX_ATTEMPTS: Final = 1000
"""The most attempts that a policy may ask for."""

MAX_KEY: Final = 255
"""Characters of an idempotency key."""

MAX_NAME: Final = 1000
"""Characters of a task's name, of an ordering key, of a unique key and of the reason of a pause."""

MAX_RECORD: Final = 1 << 26
"""Bytes of a payload besides its files, whatever the site's own limit is: no engine stores much more in one
record."""

MAX_INTEGER: Final = (1 << 53) - 1
"""The largest integer that both languages hold exactly."""

MAX_IN_FLIGHT: Final = 64
"""The most jobs that a queue may be told to send at the same time."""

MAX_BODY: Final = 1 << 20
"""Bytes of an answer's body that are read."""

DEFAULT_LIMITS: Final = {"payload_bytes": 1 << 20, "jobs": 10_000, "bytes": 100 << 20}
"""The caps that `enqueue` checks, where the site declares no others."""

AUTH_HEADERS: Final = (
    *("authorization", "proxy-authorization", "x-authorization", "x-auth-token", "x-access-token"),
    *("x-session-token", "x-amz-security-token", "x-api-key", "api-key", "apikey"),
)
"""Request headers, in lower case, that bear who sends: not stored, nor declared."""

COOKIE_HEADERS: Final = ("cookie", "cookie2", "set-cookie", "set-cookie2")
"""Headers, in lower case, that bear cookies: not stored, nor declared."""

TOKEN_HEADERS: Final = (
    *("x-csrf-token", "x-csrftoken", "x-xsrf-token", "x-xsrftoken", "csrf-token", "xsrf-token", "x-csrf"),
    *("x-xsrf", "requestverificationtoken", "x-requestverificationtoken"),
)
"""Request headers, in lower case, that bear a CSRF token: not stored, nor declared."""

TOKEN_FIELDS: Final = (
    *("csrfmiddlewaretoken", "csrf_token", "csrf-token", "csrftoken", "_csrf", "_csrf_token", "_xsrf"),
    *("xsrf_token", "_token", "authenticity_token", "__requestverificationtoken"),
)
"""Fields of a payload, in lower case, in which forms hold a CSRF token: not stored."""

BATCH: Final = 100
"""Jobs that one commit touches in a rule that may concern the whole queue."""

SILENCE: Final = 30.0
"""Seconds without a word from a worker that was woken, after which a page takes it for stopped."""
