"""Django's settings for the tests of this process, which can be given once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import django
from django.conf import settings
from django.core.management import call_command
from django.db import connections

from building.paths import DEMO

ALIAS = "keys"
"""Of the database that `database` lends."""


def configure() -> None:
    """The same for whichever test comes first."""
    if not settings.configured:
        settings.configure(
            DEBUG=False,
            ALLOWED_HOSTS=["testserver"],
            SECRET_KEY="of the tests",
            STATIC_URL="/static/",
            STATICFILES_FINDERS=["pyqueue.server.django.finders.PyqueueFinder"],
            PYQUEUE={"TASKS": DEMO / "tasks.py"},
            INSTALLED_APPS=[
                "django.contrib.contenttypes",
                "django.contrib.auth",
                "django.contrib.sessions",
                "django.contrib.staticfiles",
                "pyqueue.server.django",
            ],
            DATABASES={
                "default": {
                    "ENGINE": "django.db.backends.sqlite3",
                    "NAME": ":memory:",
                    "OPTIONS": {"transaction_mode": "IMMEDIATE"},
                }
            },
        )
        django.setup()


@contextmanager
def database(**entry: Any) -> Iterator[str]:
    """A further database with the tables of all apps: its alias, as in `DATABASES`."""
    configure()
    entries = connections.configure_settings({"default": connections.settings["default"], ALIAS: entry})
    connections.settings[ALIAS] = entries[ALIAS]
    try:
        call_command("migrate", database=ALIAS, verbosity=0)
        connections[ALIAS].close()
        yield ALIAS
    finally:
        connections[ALIAS].close()
        del connections[ALIAS]
        del connections.settings[ALIAS]


def sqlite(folder: Path) -> dict[str, Any]:
    """A database file, as Django's documentation says it for sites that are written to."""
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(folder / "site.sqlite3"),
        "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 20},
    }


def postgres(port: int) -> dict[str, Any]:
    """The database of `tests.server.databases.PostgresServer`."""
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "postgres",
        "USER": "pyqueue",
        "HOST": "127.0.0.1",
        "PORT": port,
    }
