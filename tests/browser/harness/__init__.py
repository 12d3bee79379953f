"""What the browser tests drive: the demo server, the browsers and their tabs."""

from .annex import Annex
from .board import Board
from .chromium import PROFILER_ON, Chromium, ServiceWorkers
from .demo import Demo
from .disk import change_records, disk, empty_store
from .django_site import SOURCES, DjangoSite
from .encrypted import Encrypted
from .engine import Engine, LastingEngine
from .firefox import Firefox
from .people import People
from .python_page import python_page
from .redirecting import RedirectingSite
from .shared import Shared
from .site import Site
from .tab import Refusal, Tab
from .webkit import LastingWebKit, WebKit

__all__ = [
    "PROFILER_ON",
    "SOURCES",
    "Annex",
    "Board",
    "Chromium",
    "Demo",
    "DjangoSite",
    "Encrypted",
    "Engine",
    "Firefox",
    "LastingEngine",
    "LastingWebKit",
    "People",
    "RedirectingSite",
    "Refusal",
    "ServiceWorkers",
    "Shared",
    "Site",
    "Tab",
    "WebKit",
    "change_records",
    "disk",
    "empty_store",
    "python_page",
]
