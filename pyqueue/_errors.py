"""Every exception that pyqueue raises or asks a task to raise."""


class PyqueueError(Exception):
    """The root: catching it catches everything of pyqueue's own."""


class DeclarationError(PyqueueError):
    """A queue, task or policy was declared wrongly. Raised where it is declared."""


class PayloadTooLarge(PyqueueError):
    """The payload is over `Limits.payload_bytes`. Nothing was enqueued."""


class QueueFull(PyqueueError):
    """The jobs not yet settled reached `Limits.jobs` or `Limits.bytes`. Nothing was enqueued."""


class QuotaExceeded(PyqueueError):
    """The browser has no room left for this site. Nothing was enqueued."""


class InvalidPayload(PyqueueError):
    """The payload, or an option, is not something that can be stored and sent, or does not fill a template;
    names where. Nothing was written."""


class UnknownTask(PyqueueError):
    """The site declares no task of this name. Nothing was enqueued."""


class InvalidRequest(PyqueueError):
    """No such request can be made: a malformed URL, a header or a body that `fetch` refuses.

    Nothing was sent, and trying again is useless.
    """


class NotSupported(PyqueueError):
    """This place cannot do what was asked: no IndexedDB, or `connect()` outside a browser."""


class Locked(PyqueueError):
    """The secret that encrypts was not given, or is another one. Nothing was written."""


class UnknownJob(PyqueueError):
    """There is no job with this id: it never was, or it was pruned after its retention."""


class JobFailed(PyqueueError):
    """`job.result()` of a job that ended `failed`, `cancelled` or `expired`; says why."""


class OwnershipLost(PyqueueError):
    """Another owner took the queue over; this one's commit was refused as a whole."""


class StoreError(PyqueueError):
    """The store refused a transaction. Nothing of it was written."""


class Reject(PyqueueError):
    """Raised by a task to say: do not try this job again. The message is shown to the person."""


class RetryLater(PyqueueError):
    """Raised by a task to say: try this job again.

    Args:
        message: why, for `explain()`.
        after: seconds to wait at least, or the text of a `Retry-After` header; what is neither counts as
            `None`, which leaves the wait to the retry policy.
    """

    def __init__(self, message: str = "the task asked to be retried", *, after: float | str | None = None):
        super().__init__(message)
        self.after = after
