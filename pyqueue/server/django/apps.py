"""What Django is told of the app."""

from __future__ import annotations

from django.apps import AppConfig
from django.core.checks import Tags, register


class PyqueueConfig(AppConfig):
    """The app `pyqueue`: its table, its template tag, its command and its checks."""

    name = "pyqueue.server.django"
    label = "pyqueue"
    verbose_name = "pyqueue"

    def ready(self) -> None:
        from .checks import check_browser_files, check_database, check_middleware, check_settings

        register(check_settings, Tags.compatibility)
        register(check_middleware, Tags.compatibility)
        register(check_database, Tags.compatibility)
        register(check_browser_files, Tags.urls)
