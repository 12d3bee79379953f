"""The list of comments: those the server has, then those on their way."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from element import by_id, element, image, say
from server_list import ServerList

from pyqueue import PyqueueError

OVER = ("failed", "expired")


@dataclass(frozen=True)
class Entry:
    """One comment as it is shown.

    Attributes:
        key: tells it from the others.
        text: its words.
        status: of its job.
        note: what to say about it.
        job_id: of a comment that the server does not have.
        photo: a URL or a `Blob`, if it has one.
    """

    key: str
    text: str
    status: str = "done"
    note: str = ""
    job_id: str | None = None
    photo: Any = field(default=None, compare=False)


class Comments:
    """The list. What did not change is not touched when it is drawn, so that focus and pictures stay.

    Args:
        queue: the queue.
    """

    def __init__(self, queue):
        self._queue = queue
        self._server = ServerList("/api/comments")
        self._list = by_id("comments")
        self._delivered = {}
        self._drawn = {}

    async def read(self):
        """Reads what the server has."""
        await self._server.read(self._nothing_is_being_sent)

    async def _nothing_is_being_sent(self):
        """The server may have a comment whose answer is still on its way: it would be shown twice."""
        return not await self._queue.jobs("sending", task="comment.create", limit=1)

    def server(self):
        """What the server had when it was read last."""
        return self._server.latest

    async def draw(self, server, on_their_way, done, more):
        """Draws the server's comments, then those that it has not yet.

        Args:
            server: `server()`, as it was before the jobs were read.
            on_their_way: the jobs to show, explained where they wait.
            done: the last jobs that were delivered.
            more: how many wait that are not shown.
        """
        comments, read_at = server["items"], server["readAt"]
        await self._keep_delivered([job for job in done if job.task == "comment.create"], read_at)
        entries = [_of_comment(comment) for comment in comments]
        known = {entry.key for entry in entries}
        entries += [entry for _, entry in self._delivered.values() if entry.key not in known]
        mine = [job for job in on_their_way if job.task == "comment.create"]
        entries += map(_of_job, sorted(mine, key=lambda job: job.created_at))
        self._reconcile(entries)
        by_id("comment-count").textContent = len(entries) or ""
        by_id("no-comments").hidden = bool(entries or not read_at)
        say("more-comments", f"and {more} more on their way" if more else "")

    async def _keep_delivered(self, done, read_at):
        """What was delivered since the list was read is not in it yet, and must not vanish meanwhile."""
        self._delivered = {id: kept for id, kept in self._delivered.items() if kept[0] >= read_at}
        fresh = [job for job in done if job.settled_at >= read_at and job.id not in self._delivered]
        results = await asyncio.gather(*(job.result() for job in fresh), return_exceptions=True)
        for job, result in zip(fresh, results, strict=True):
            if not isinstance(result, PyqueueError):  # Of one that was pruned meanwhile.
                self._delivered[job.id] = job.settled_at, _of_comment(result)

    def _reconcile(self, entries):
        unchanged = set(entries)
        for entry, item in self._drawn.values():
            if entry not in unchanged:
                item.remove()
        kept, self._drawn = self._drawn, {}
        for position, entry in enumerate(entries):
            before, item = kept.get(entry.key, (None, None))
            if before != entry:
                item = _draw(entry)
            there = self._list.children.item(position)
            if there != item:
                self._list.insertBefore(item, there)
            self._drawn[entry.key] = entry, item


def _of_comment(comment):
    return Entry(f"comment-{comment['id']}", comment["text"], photo=comment.get("photo"))


def _of_job(job):
    payload = job.payload
    return Entry(
        f"job-{job.id}", payload["text"], str(job.status), _note_of(job), job.id, payload.get("photo")
    )


def _note_of(job):
    if job.status in OVER:
        return job.error["message"] if job.error else "It was not accepted."
    return f"Syncing… {job.explanation['message']}" if job.status == "pending" else "Syncing…"


def _draw(entry):
    attributes = {"class": "comment", "data-testid": "comment", "data-status": entry.status}
    item = element("li", attributes, element("p", {"data-testid": "comment-body"}, entry.text))
    if entry.photo:
        item.append(image(entry.photo, entry.text))
    if entry.note:
        note = element("p", {"class": "note", "data-testid": "comment-note"}, entry.note)
        item.append(note)
        if entry.status in OVER:
            note.setAttribute("role", "alert")
            item.setAttribute("data-job-id", entry.job_id)
            item.append(_actions())
    return item


def _actions():
    """The buttons of a comment that the server did not take; `board.py` hears their clicks."""
    labels = {"edit": "Edit & resend", "retry": "Retry", "discard": "Discard"}
    buttons = [
        element("button", {"type": "button", "data-testid": action, "data-action": action}, label)
        for action, label in labels.items()
    ]
    return element("div", {"class": "row end"}, *buttons)
