"""The board in Python: draws what the server has and what this browser has still to deliver."""

import asyncio

from background import OnChange, start
from comments import Comments
from editor import Editor
from element import by_id, say
from photos import Photos
from pyscript import document, when, window

from pyqueue import PyqueueError, connect

SHOWN = 50
"""Jobs that are shown of each kind; of those that wait, more are counted."""

# PyScript runs a script as a coroutine: it may await.
queue = await connect()  # noqa: F704
editor = Editor(queue)
comments = Comments(queue)
photos = Photos()


async def draw():
    server = comments.server()
    waiting, over, done, stats = await asyncio.gather(
        queue.jobs(["sending", "pending"], limit=SHOWN, explain=True),
        queue.jobs(["failed", "expired"], limit=SHOWN, reverse=True),
        queue.jobs("done", limit=SHOWN, reverse=True),
        queue.stats(),
    )
    depth = stats["depth"]
    more = 0 if len(waiting) < SHOWN else max(0, depth["sending"] + depth["pending"] - SHOWN)
    await comments.draw(server, over[::-1] + waiting, done[::-1], more)
    photos.draw(waiting)


async def read():
    await asyncio.gather(comments.read(), photos.read())
    drawing.again()


drawing = OnChange(draw)
# Beside it, so that what is written appears at once, however slow the network is.
reading = OnChange(read)


@when("online", window)
@when("visibilitychange", document)
def look_again(_event):
    drawing.again()
    reading.again()


async def send(text):
    """Enqueues a comment. If nothing could be stored, the words stay in the field."""
    say("comment-error", "")
    by_id("send").disabled = True
    try:
        await queue.enqueue("comment.create", {"post_id": 1, "text": text})
        by_id("comment-form").reset()
    except PyqueueError as error:
        say("comment-error", str(error))
    by_id("send").disabled = False
    by_id("comment-text").focus()


async def upload(files):
    """Enqueues photos, all of them or none."""
    say("photos-error", "")
    try:
        await queue.enqueue_many([("photo.upload", {"photo": file}) for file in files])
    except PyqueueError as error:
        say("photos-error", str(error))
    by_id("photo-input").value = ""


@when("submit", "#comment-form")
def on_submit(event):
    event.preventDefault()
    start(send(by_id("comment-text").value))


@when("keydown", "#comment-text")
def on_key(event):
    if event.key == "Enter" and (event.ctrlKey or event.metaKey):
        by_id("send").click()


@when("change", "#photo-input")
def on_photos(event):
    start(upload(list(event.target.files)))


@when("click", "#comments")
def on_click(event):
    button = event.target.closest("[data-action]")
    if button:
        act = {"edit": editor.open, "retry": queue.retry, "discard": queue.discard}[button.dataset.action]
        start(act(button.closest("[data-job-id]").dataset.jobId))


@when("submit", "#edit-form")
def on_edited(event):
    event.preventDefault()
    start(editor.resend())


@when("click", "#edit-cancel")
def on_cancelled(_event):
    editor.close()


queue.subscribe(look_again)
by_id("send").disabled = by_id("photo-input").disabled = False
by_id("ready").textContent = "Python is ready."
