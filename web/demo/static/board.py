"""The board for PyScript: what the server has, and what this browser has still to deliver."""

import asyncio

from pyscript import document, fetch, when

from pyqueue import connect
from pyqueue.errors import PyqueueError

# PyScript runs a script as a coroutine: it may await.
queue = await connect()  # noqa: F704


def element(name):
    return document.getElementById(name)


async def draw():
    """Draws the comments of the server, then those on their way."""
    shown = [(comment["text"], "done", "") for comment in await fetch("/api/comments").json()]
    for job in await queue.jobs():
        if "text" in job.payload and job.status in ("pending", "sending", "failed"):
            note = job.error["message"] if job.status == "failed" else "Syncing…"
            shown.append((job.payload["text"], job.status, note))
    element("comments").replaceChildren(*(line(*comment) for comment in shown))


def line(text, status, note):
    item = document.createElement("li")
    item.className = "comment"
    item.dataset.testid = "comment"
    item.dataset.status = status
    for words, name in ((text, "comment-body"), (note, "note")):
        paragraph = document.createElement("p")
        paragraph.className = name
        paragraph.textContent = words
        item.append(paragraph)
    return item


@when("submit", "#comment-form")
async def send(event):
    event.preventDefault()
    field = element("comment-text")
    element("comment-error").hidden = True
    try:
        await queue.enqueue("comment.create", {"post_id": 1, "text": field.value})
        field.value = ""
    except PyqueueError as error:
        element("comment-error").textContent = str(error)
        element("comment-error").hidden = False
    await draw()


def redraw(_change):
    drawing.append(asyncio.ensure_future(draw()))
    del drawing[:-1]  # The loop keeps no reference to a task; this is enough to keep the last one.


drawing = []
queue.subscribe(redraw)
await draw()  # noqa: F704
element("send").disabled = False
element("ready").textContent = "Python is ready."
