"""The tasks of the benchmark's site."""

from pyqueue import Limits, Queue

queue = Queue(limits=Limits(jobs=500_000, bytes=1 << 30))
queue.http("write", "POST", "/write", ordering_key="{key}")
