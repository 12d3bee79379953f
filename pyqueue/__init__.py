"""pyqueue: a durable background sync queue for web pages, with its logic in Python.

A site declares its writes once in a module of its own, `tasks.py`, with a `Queue`. The service worker, a
PyScript page and tests on CPython import the same module.
"""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("pyqueue")
except PackageNotFoundError:  # A source tree that was never installed.
    __version__ = "0.0.0"

from .attempt import Context, Http, HTTPStatusError
from .client import connect
from .errors import (
    DeclarationError,
    InvalidPayload,
    JobFailed,
    NotSupported,
    PayloadTooLarge,
    PyqueueError,
    QueueFull,
    QuotaExceeded,
    Reject,
    RetryLater,
    StoreError,
    UnknownJob,
)
from .job import Certainty, Error, Job, Status
from .ports import Response, TransportError
from .queue import Limits, Queue, Retention
from .retry import Outcome, Retry, Verdict, done, fail

__all__ = [
    "Certainty",
    "Context",
    "DeclarationError",
    "Error",
    "HTTPStatusError",
    "Http",
    "InvalidPayload",
    "Job",
    "JobFailed",
    "Limits",
    "NotSupported",
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
    "Verdict",
    "__version__",
    "connect",
    "done",
    "fail",
]
