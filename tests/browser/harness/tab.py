"""A tab with the queue on it, called as a page's script calls it."""

from __future__ import annotations

from typing import Any

from .engine import Engine

_PATIENCE = 60
"""Seconds for what a page is asked to do."""
_SETTLE = """
async ([source, argument, patience]) => {
  const limit = new Promise((_, reject) => {
    setTimeout(reject, patience * 1000, new DOMException(`not within ${patience} seconds`, "TimeoutError"));
  });
  try {
    const value = await Promise.race([eval(source)(argument), limit]);
    return { value: JSON.parse(JSON.stringify(value ?? null)) };
  } catch (error) {
    return { name: error.name, message: error.message };
  }
}
"""
_MOUNT = """
() => Object.getOwnPropertySymbols(globalThis).map(({ description }) => description)
  .find((name) => name?.startsWith("pyqueue:"))
"""
_INBOX = """
(name) => new Promise((resolve, reject) => {
  const opening = indexedDB.open(name);
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
        browser: any.
        url: of a page that loads pyqueue.js.
    """

    def __init__(self, browser: Engine, url: str):
        self._browser = browser
        self.page: Any = browser.open(url)
        self.page.wait_for_function("window.pyqueue")

    def reload(self) -> None:
        """Loads the page anew."""
        self.page.reload()
        self.page.wait_for_function("window.pyqueue")

    def call(self, method: str, *args: Any) -> Any:
        """Calls a method of `pyqueue`.

        Raises:
            Refusal: the promise was rejected.
        """
        return self.run("([method, args]) => pyqueue[method](...args)", [method, args])

    def run(self, source: str, argument: Any = None) -> Any:
        """Runs a JavaScript function in the page.

        Raises:
            Refusal: the promise was rejected, or did not settle.
        """
        answer = self.page.evaluate(_SETTLE, [source, argument, _PATIENCE])
        if "name" in answer:
            raise Refusal(answer["name"], answer["message"])
        return answer["value"]

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
        return self.run("async (id) => (await pyqueue.job(id)).result()", job_id)

    def explain(self, job_id: str) -> dict[str, Any]:
        """What the job waits for."""
        explanation: dict[str, Any] = self.run("async (id) => (await pyqueue.job(id)).explain()", job_id)
        return explanation

    def stats(self) -> dict[str, Any]:
        """The queue's numbers."""
        stats: dict[str, Any] = self.call("stats")
        return stats

    def inbox(self) -> int:
        """How many commands the worker has not carried out yet."""
        return int(self.page.evaluate(_INBOX, self.page.evaluate(_MOUNT)))

    def wait_for_status(self, job_id: str, status: str) -> dict[str, Any]:
        """Waits until the job has that status, and answers the job."""
        self._browser.wait_for(lambda: self.job(job_id)["status"] == status)
        return self.job(job_id)

    def wait_for_explanation(self, job_id: str, code: str) -> dict[str, Any]:
        """Waits until the job waits for that, and answers the explanation."""
        self._browser.wait_for(lambda: self.explain(job_id)["code"] == code)
        return self.explain(job_id)

    def wait_until_admitted(self) -> None:
        """Waits until the worker has carried out every command: what may be sent has been claimed."""
        self._browser.wait_for(lambda: self.inbox() == 0)
