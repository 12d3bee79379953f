from pyqueue import Queue

queue = Queue()
queue.http("comment.create", "POST", "/comments", label="Comment")
