"""What the browser tests drive: the demo server, a Chromium and its tabs."""

from .annex import Annex
from .board import Board
from .chromium import PROFILER_ON, Chromium, ServiceWorkers
from .demo import Demo
from .site import Site
from .tab import Refusal, Tab

__all__ = [
    "PROFILER_ON",
    "Annex",
    "Board",
    "Chromium",
    "Demo",
    "Refusal",
    "ServiceWorkers",
    "Site",
    "Tab",
]
