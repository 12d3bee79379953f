"""pyqueue: a durable background sync queue for web pages, with its logic in Python.

A site declares its writes once in a module of its own, `tasks.py`, with a `Queue`. The service worker, a
PyScript page and tests on CPython import the same module.
"""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("pyqueue-sync")
except PackageNotFoundError:  # A source tree that was never installed.
    __version__ = "0.0.0"

from ._auth import Auth
from ._client import Client, Job, connect
from ._context import AuthContext, Context, HTTPClient
from ._csrf import Csrf, NoToken
from ._destinations import Origin
from ._errors import (
    DeclarationError,
    InvalidPayload,
    InvalidRequest,
    JobFailed,
    Locked,
    NotSupported,
    PayloadTooLarge,
    PyqueueError,
    QueueFull,
    QuotaExceeded,
    Reject,
    RetryLater,
    StoreError,
    UnknownJob,
    UnknownTask,
)
from ._http import HTTPStatusError, Response, TransportError
from ._outcome import Outcome, Verdict, done, fail
from ._queue import Limits, Queue, Retention
from ._record import JobError, JobRecord
from ._retry import Retry
from ._vocabulary import Certainty, Status

__all__ = [
    "Auth",
    "AuthContext",
    "Certainty",
    "Client",
    "Context",
    "Csrf",
    "DeclarationError",
    "HTTPClient",
    "HTTPStatusError",
    "InvalidPayload",
    "InvalidRequest",
    "Job",
    "JobError",
    "JobFailed",
    "JobRecord",
    "Limits",
    "Locked",
    "NoToken",
    "NotSupported",
    "Origin",
    "Outcome",
    "PayloadTooLarge",
    "PyqueueError",
    "Queue",
    "QueueFull",
    "QuotaExceeded",
    "Reject",
    "Response",
    "Retention",
    "Retry",
    "RetryLater",
    "Status",
    "StoreError",
    "TransportError",
    "UnknownJob",
    "UnknownTask",
    "Verdict",
    "__version__",
    "connect",
    "done",
    "fail",
]
