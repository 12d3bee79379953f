"""A script that enqueues comments, and tells the server what it is told about the second."""

from pyqueue import connect

queue = await connect()  # noqa: F704
assert await queue.persist() == (await queue.stats())["durable"]  # noqa: F704
await queue.identify("ada", hash=True)  # noqa: F704
assert (await queue.principal()).startswith("sha256:")  # noqa: F704
assert await queue.sign_out() == []  # noqa: F704
assert await queue.principal() == ""  # noqa: F704
# Relative to the site's root, also in a worker.
own = await queue.enqueue({"url": "api/comments", "body": {"post_id": 1, "text": "one"}})  # noqa: F704
await own.result()  # noqa: F704
job = await queue.enqueue("comment.create", {"post_id": 1, "text": "two"})  # noqa: F704
result = await job.result()  # noqa: F704
await job.refresh()  # noqa: F704
assert (job.status, job.certainty, job.attempts) == ("done", "applied", 1)
assert job.created_at <= job.settled_at
text = f"{job.ordering_key} {job.idempotency_key}"
await queue.enqueue("comment.create", {"post_id": result["post_id"], "text": text})  # noqa: F704
