"""What the browser tests drive: the demo server, a Chromium and its tabs."""

from .board import Board
from .chromium import Chromium, ServiceWorkers
from .demo import Demo
from .tab import Refusal, Tab

__all__ = ["Board", "Chromium", "Demo", "Refusal", "ServiceWorkers", "Tab"]
