"""Test what you declared without a browser: the real engine and driver over in-memory ports.

    from pyqueue.testing import Simulation

    def test_a_comment_written_offline_arrives():
        with Simulation(queue) as sim:
            sim.server.offline = True
            job = sim.enqueue("comment.create", {"post_id": 1, "text": "hi"})
            sim.run(seconds=600)
            sim.server.offline = False
            sim.wake("online")
            assert sim.job(job).status == "done"

Time is virtual: ten minutes of backoff take microseconds.
"""

from .clock import ManualClock, VirtualTimeLoop
from .server import FakeServer
from .simulation import MemoryLock, RecordingWaker, Simulation
from .store import MemoryStore

__all__ = [
    "FakeServer",
    "ManualClock",
    "MemoryLock",
    "MemoryStore",
    "RecordingWaker",
    "Simulation",
    "VirtualTimeLoop",
]
