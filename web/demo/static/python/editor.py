"""The dialog in which an author corrects a comment that was refused."""

from element import by_id, say

from pyqueue import PyqueueError


class Editor:
    """The dialog.

    Args:
        queue: the queue.
    """

    def __init__(self, queue):
        self._queue = queue
        self._dialog = by_id("editor")
        self._text = by_id("edit-text")
        self._job = None

    async def open(self, job_id):
        """Shows a failed job's words and why they were refused."""
        self._job = await self._queue.job(job_id)
        say("editor-note", self._job.error["message"] if self._job.error else "")
        say("edit-error", "")
        self._text.value = self._job.payload["text"]
        self._dialog.showModal()
        self._text.focus()

    async def resend(self):
        """Replaces the job's words and closes; if they cannot be stored, it stays open and says why."""
        try:
            await self._queue.edit(self._job.id, {**self._job.payload, "text": self._text.value})
            self.close()
        except PyqueueError as error:
            say("edit-error", str(error))

    def close(self):
        """Closes it; the job is as it was."""
        self._dialog.close()
