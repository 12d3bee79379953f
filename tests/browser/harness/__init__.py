"""What the browser tests drive: the demo server and a Chromium."""

from .chromium import Chromium, ServiceWorkers
from .demo import Demo

__all__ = ["Chromium", "Demo", "ServiceWorkers"]
