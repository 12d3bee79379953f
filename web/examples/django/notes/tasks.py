from pyqueue import Csrf, Queue

queue = Queue(csrf=Csrf.django())
queue.http("comment.create", "POST", "/comments", label="Comment")
