"""A script that enqueues comments and waits for what becomes of the last."""

from pyqueue import connect

queue = await connect()  # noqa: F704
for text in ("one", "two"):
    job = await queue.enqueue("comment.create", {"post_id": 1, "text": text})  # noqa: F704
result = await job.result()  # noqa: F704
await queue.enqueue("comment.create", {"post_id": result["post_id"], "text": "three"})  # noqa: F704
