"""What the examples' page may enqueue."""

from pyqueue import Queue

queue = Queue()
queue.http("comment.create", "POST", "/api/comments", label="Comment")
