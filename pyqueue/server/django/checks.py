"""What `manage.py check`, and so every start of the site, says of its settings."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning
from django.db import connections
from django.urls import NoReverseMatch, reverse
from django.utils.module_loading import import_string

from ..._errors import DeclarationError
from ..static import Tasks
from .configuration import Configuration, configuration

MIDDLEWARE = "pyqueue.server.django.middleware.IdempotencyMiddleware"

_BEFORE = {
    "django.contrib.sessions.middleware.SessionMiddleware": "request.user is read from the session",
    "django.contrib.auth.middleware.AuthenticationMiddleware": "keys belong to request.user",
    "django.contrib.auth.middleware.LoginRequiredMiddleware": "who must log in is to cost no key",
    "django.middleware.csrf.CsrfViewMiddleware": "a refused CSRF token is to cost no key",
    "django.middleware.gzip.GZipMiddleware": "each client is to get the coding that it takes",
}
"""What must stand before the layer, and why."""


def check_settings(**kwargs: Any) -> list[CheckMessage]:
    """`PYQUEUE` and the tasks module are right."""
    try:
        site = configuration()
        if site.tasks is not None:
            Tasks.read(site.tasks)
    except DeclarationError as error:
        return [Error(str(error), id="pyqueue.E001")]
    return []


def check_middleware(**kwargs: Any) -> list[CheckMessage]:
    """The middleware is there, and in its place."""
    kinds = [import_string(path) for path in settings.MIDDLEWARE]
    own = next((place for place, kind in enumerate(kinds) if _is(kind, MIDDLEWARE)), None)
    if own is None:
        hint = f"Add '{MIDDLEWARE}' to MIDDLEWARE, after those of sessions, authentication and CSRF."
        return [
            Warning("No request is protected by pyqueue: its middleware is missing.", hint, id="pyqueue.W001")
        ]
    return [
        Error(
            f"MIDDLEWARE has {path} after {MIDDLEWARE}, but {reason}.",
            "Move pyqueue's behind it.",
            id="pyqueue.E002",
        )
        for path, reason in _BEFORE.items()
        if any(_is(kind, path) for kind in kinds[own:])
    ]


def check_database(**kwargs: Any) -> list[CheckMessage]:
    """The keys' database is used in a way that can be relied on."""
    try:
        database = _database_of(configuration())
    except DeclarationError:
        return []  # `check_settings` says it.
    if database is None:
        return []
    entry = connections.settings[database]
    found: list[CheckMessage] = []
    if not entry.get("AUTOCOMMIT", True):
        message = f"The database '{database}' has AUTOCOMMIT off: a claimed key would not be committed."
        found.append(Error(message, "Set AUTOCOMMIT, or another PYQUEUE['DATABASE'].", id="pyqueue.E003"))
    if connections[database].vendor == "sqlite" and entry["OPTIONS"].get("transaction_mode") != "IMMEDIATE":
        message = (
            f"A transaction of the database '{database}' that reads first and writes later fails with "
            '"database is locked" if another wrote meanwhile.'
        )
        hint = f"Set DATABASES['{database}']['OPTIONS'] = {{'transaction_mode': 'IMMEDIATE'}}."
        found.append(Warning(message, hint, id="pyqueue.W002"))
    return found


def check_browser_files(**kwargs: Any) -> list[CheckMessage]:
    """Pages find the script that `{% pyqueue %}` names."""
    finder = "pyqueue.server.django.finders.PyqueueFinder"
    if finder in settings.STATICFILES_FINDERS and apps.is_installed("django.contrib.staticfiles"):
        return []
    try:
        reverse("pyqueue:file", kwargs={"name": "pyqueue.js"})
    except NoReverseMatch:
        message = "No URL of this site and no finder of static files has pyqueue's browser files."
        hint = (
            'Add path("pyqueue/", include("pyqueue.server.django.urls")) to the URLs, or '
            f"'{finder}' to STATICFILES_FINDERS."
        )
        return [Warning(message, hint, id="pyqueue.W003")]
    return []


def _database_of(site: Configuration) -> str | None:
    """The alias of the keys' database; `None` if they are elsewhere."""
    found: str | None = getattr(site.store, "database", None)
    return found


def _is(kind: Any, path: str) -> bool:
    """Whether a middleware is this one, or a subclass of it. By name: its app may not be installed."""
    line = kind.__mro__ if isinstance(kind, type) else [kind]
    return any(f"{known.__module__}.{known.__qualname__}" == path for known in line)
