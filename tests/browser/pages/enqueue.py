"""A script that enqueues comments, and tells the server what it is told about the second."""

from pyqueue import connect

queue = await connect()  # noqa: F704
for text in ("one", "two"):
    job = await queue.enqueue("comment.create", {"post_id": 1, "text": text})  # noqa: F704
result = await job.result()  # noqa: F704
await job.refresh()  # noqa: F704
assert (job.status, job.certainty, job.attempts) == ("done", "applied", 1)
assert job.created_at <= job.settled_at
text = f"{job.ordering_key} {job.idempotency_key}"
await queue.enqueue("comment.create", {"post_id": result["post_id"], "text": text})  # noqa: F704
