"""The board for PyScript: what the server has, and what this browser has still to deliver."""

import asyncio

from pyodide.ffi import JsException
from pyscript import document, fetch, when

from pyqueue import connect
from pyqueue.errors import PyqueueError

# PyScript runs a script as a coroutine: it may await.
queue = await connect()  # noqa: F704
comments = []
changed = asyncio.Event()
tasks = set()


def start(coroutine):
    """Runs a coroutine beside this. The loop keeps no reference to a task, so this keeps one."""
    task = asyncio.ensure_future(coroutine)
    tasks.add(task)
    task.add_done_callback(tasks.discard)


def element(name):
    return document.getElementById(name)


async def read_comments():
    """Reads what the server has; while it does not answer, what it last had stays."""
    try:
        response = await fetch("/api/comments")
        if response.ok:
            comments[:] = await response.json()
    except JsException:
        pass  # Offline.


async def draw():
    """Draws the comments of the server, then those on their way."""
    jobs = await queue.jobs()
    await read_comments()
    shown = [(comment["text"], "done", "") for comment in comments]
    for job in jobs:
        if "text" in job.payload and job.status in ("pending", "sending", "failed"):
            note = job.error["message"] if job.status == "failed" else "Syncing…"
            shown.append((job.payload["text"], job.status, note))
    element("comments").replaceChildren(*(line(*comment) for comment in shown))


async def keep_drawn():
    """Draws after each change; changes that come meanwhile are drawn once, afterwards."""
    while True:
        await changed.wait()
        changed.clear()
        await draw()


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
def submit(event):
    """Not `async`: a coroutine starts when the browser has already submitted the form itself."""
    event.preventDefault()
    start(send(element("comment-text")))


async def send(field):
    element("comment-error").hidden = True
    try:
        await queue.enqueue("comment.create", {"post_id": 1, "text": field.value})
        field.value = ""
    except PyqueueError as error:
        # Nothing was stored: the words stay in the field.
        element("comment-error").textContent = str(error)
        element("comment-error").hidden = False


queue.subscribe(lambda _event: changed.set())
await draw()  # noqa: F704
start(keep_drawn())
element("send").disabled = False
element("ready").textContent = "Python is ready."
