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

Time is virtual: ten minutes of backoff take microseconds. `simulate(queue)` checks the promises in worlds in
which workers die, networks fail and clocks jump.
"""

from .clock import ManualClock, VirtualTimeLoop
from .oracle import Violation
from .server import FakeServer
from .simulate import Report, simulate
from .simulation import MemoryLock, RecordingWaker, Simulation
from .site import MemorySite
from .store import MemoryStore

__all__ = [
    "FakeServer",
    "ManualClock",
    "MemoryLock",
    "MemorySite",
    "MemoryStore",
    "RecordingWaker",
    "Report",
    "Simulation",
    "Violation",
    "VirtualTimeLoop",
    "simulate",
]
