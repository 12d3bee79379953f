"""Tasks of a queue with low limits."""

from pyqueue import Limits, Queue

queue = Queue(limits=Limits(payload_bytes=2000, jobs=3, bytes=5000))
queue.http("comment.create", "POST", "/api/comments")
