"""A tab with the queue on it, called as a page's script calls it."""

from __future__ import annotations

from typing import Any

from .chromium import Chromium

_CALL = """
async ([method, args]) => {
  try {
    return { value: JSON.parse(JSON.stringify((await pyqueue[method](...args)) ?? null)) };
  } catch (error) {
    return { name: error.name, message: error.message };
  }
}
"""
_OF_JOB = """
async ([id, method]) => {
  try {
    return { value: (await (await pyqueue.job(id))[method]()) ?? null };
  } catch (error) {
    return { name: error.name, message: error.message };
  }
}
"""
_INBOX = """
() => new Promise((resolve, reject) => {
  const opening = indexedDB.open("pyqueue");
  opening.onerror = () => reject(opening.error);
  opening.onsuccess = () => {
    const reading = opening.result.transaction("inbox").objectStore("inbox").count();
    reading.onsuccess = () => {
      opening.result.close();
      resolve(reading.result);
    };
  };
})
"""


class Refusal(Exception):
    """A call that was refused.

    Attributes:
        name: of the JavaScript error.
    """

    def __init__(self, name: str, message: str):
        super().__init__(f"{name}: {message}")
        self.name = name
        self.message = message


class Tab:
    """A tab of the site.

    Args:
        chromium: the browser.
        url: of a page that loads pyqueue.js.
    """

    def __init__(self, chromium: Chromium, url: str):
        self._chromium = chromium
        self.page = chromium.open(url)
        self.page.wait_for_function("window.pyqueue")

    def call(self, method: str, *args: Any) -> Any:
        """Calls a method of `pyqueue`.

        Raises:
            Refusal: the promise was rejected.
        """
        return _value(self.page.evaluate(_CALL, [method, args]))

    def comment(self, text: str, post_id: int = 1, **options: Any) -> str:
        """Enqueues a comment, and answers the job's id."""
        job = self.call("enqueue", "comment.create", {"post_id": post_id, "text": text}, options)
        return str(job["id"])

    def job(self, job_id: str) -> dict[str, Any]:
        """The job as it is now."""
        job: dict[str, Any] = self.call("job", job_id)
        return job

    def result(self, job_id: str) -> Any:
        """Waits for the job's result.

        Raises:
            Refusal: it did not end `done`.
        """
        return _value(self.page.evaluate(_OF_JOB, [job_id, "result"]))

    def explain(self, job_id: str) -> dict[str, Any]:
        """What the job waits for."""
        explanation: dict[str, Any] = _value(self.page.evaluate(_OF_JOB, [job_id, "explain"]))
        return explanation

    def stats(self) -> dict[str, Any]:
        """The queue's numbers."""
        stats: dict[str, Any] = self.call("stats")
        return stats

    def inbox(self) -> int:
        """How many commands the worker has not carried out yet."""
        return int(self.page.evaluate(_INBOX))

    def wait_for_status(self, job_id: str, status: str) -> dict[str, Any]:
        """Waits until the job has that status, and answers the job."""
        self._chromium.wait_for(lambda: self.job(job_id)["status"] == status)
        return self.job(job_id)

    def wait_for_explanation(self, job_id: str, code: str) -> dict[str, Any]:
        """Waits until the job waits for that, and answers the explanation."""
        self._chromium.wait_for(lambda: self.explain(job_id)["code"] == code)
        return self.explain(job_id)

    def wait_until_admitted(self) -> None:
        """Waits until the worker has carried out every command: what may be sent has been claimed."""
        self._chromium.wait_for(lambda: self.inbox() == 0)


def _value(answer: dict[str, Any]) -> Any:
    if "name" in answer:
        raise Refusal(answer["name"], answer["message"])
    return answer["value"]
