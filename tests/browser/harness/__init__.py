"""What the browser tests drive: the demo server, the browsers and their tabs."""

from .annex import Annex
from .board import Board
from .chromium import PROFILER_ON, Chromium, ServiceWorkers
from .demo import Demo
from .firefox import Firefox
from .site import Site
from .tab import Refusal, Tab
from .webkit import WebKit

__all__ = [
    "PROFILER_ON",
    "Annex",
    "Board",
    "Chromium",
    "Demo",
    "Firefox",
    "Refusal",
    "ServiceWorkers",
    "Site",
    "Tab",
    "WebKit",
]
