"""Tasks with mistakes in them, and routes to a server that answers oddly."""

import asyncio
import sys

from pyqueue import Queue, RetryLater

queue = Queue(ordering_key=None)
queue.http("comment.create", "POST", "/api/comments")
queue.http("relative", "POST", "api/comments")
queue.http("deep", "POST", "/annex/answers/deep")
queue.http("date", "POST", "/annex/answers/date")
queue.http("segment", "PUT", "/annex/posts/{post}/comments/{id}")
queue.http("classified", "POST", "/api/comments", classify=lambda response: True)


@queue.task("exits")
async def exits(ctx):
    sys.exit(1)


@queue.task("cancelled")
async def cancelled(ctx):
    raise asyncio.CancelledError


@queue.task("later")
async def later(ctx):
    raise RetryLater("busy", after="60")


@queue.task("odd result")
async def odd_result(ctx):
    loop = {}
    loop["self"] = loop
    return {1: loop, "context": ctx}


is_released = False


@queue.task("spins")
async def spins(ctx):
    while not is_released:
        await asyncio.sleep(0)


@queue.task("releases")
async def releases(ctx):
    global is_released
    is_released = True
