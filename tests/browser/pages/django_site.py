"""A Django site behind its own CSRF protection and login, with a queue for its notes.

uvicorn --factory --app-dir tests/browser/pages django_site:create_app
"""

from __future__ import annotations

import os
from pathlib import Path
from threading import Thread
from typing import Any

import django
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse

DATABASE = Path(os.environ["PYQUEUE_DEMO_DATABASE"])
IS_HIDDEN = "PYQUEUE_TEST_HTTPONLY" in os.environ
"""Whether scripts may not read the cookie of the token."""

_BASE = "django.contrib."
settings.configure(
    SECRET_KEY="of a test",
    ALLOWED_HOSTS=["localhost", "127.0.0.1"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=[f"{_BASE}{app}" for app in ("auth", "contenttypes", "sessions")],
    MIDDLEWARE=[
        f"{__name__}.Log",
        f"{_BASE}sessions.middleware.SessionMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        f"{_BASE}auth.middleware.AuthenticationMiddleware",
    ],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": DATABASE}},
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
    CSRF_COOKIE_HTTPONLY=IS_HIDDEN,
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    USE_TZ=True,
)
django.setup()

# Only now: the models need the settings.
from django.contrib.auth import authenticate, login  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.middleware.csrf import get_token  # noqa: E402
from django.template import RequestContext, Template  # noqa: E402
from django.urls import path  # noqa: E402

from pyqueue.server import IdempotencyMiddleware, SQLiteIdempotencyStore, assets  # noqa: E402

HOME = """<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="csrf-token" content="{{ csrf_token }}">
    <title>Notes</title>
    <script type="module" src="/pyqueue/pyqueue.js"></script>
  </head>
  <body>
    <p data-testid="who">{{ who }}</p>
    <form action="/notes/" method="post" data-pyqueue="note" data-testid="form">
      {% csrf_token %}<input name="text" data-testid="text"><button data-testid="send">Send</button>
    </form>
    <div data-testid="status"><pyqueue-status></pyqueue-status></div>
  </body>
</html>"""

LOGIN = """<!doctype html>
<title>Log in</title>
<form method="post">{% csrf_token %}<input name="name"><button data-testid="login">Log in</button></form>"""

notes: list[dict[str, Any]] = []
"""What was written: `{by, text}`."""

log: list[dict[str, Any]] = []
"""Every POST of a note that reached Django: `{status, key, fields, token}`."""


class Log:
    """Keeps what arrives, and how it was answered, CSRF refusals included."""

    def __init__(self, get_response: Any) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response: HttpResponse = self._get_response(request)
        if request.method == "POST" and request.path == "/notes/":
            arrival = {
                "status": response.status_code,
                "key": request.headers.get("Idempotency-Key"),
                "fields": sorted(request.POST),
                "token": request.headers.get("X-CSRFToken"),
            }
            log.append(arrival)
        return response


def _home(request: HttpRequest) -> HttpResponse:
    context = RequestContext(request, {"who": request.user.get_username() or "nobody"})
    return HttpResponse(Template(HOME).render(context))


def _login(request: HttpRequest) -> HttpResponse:
    """Signs anybody in by name, which makes a new token."""
    if request.method == "POST":
        login(request, authenticate(username=request.POST["name"], password="x"))
        return HttpResponseRedirect("/")
    return HttpResponse(Template(LOGIN).render(RequestContext(request)))


def _notes(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        if not request.user.is_authenticated:
            return HttpResponseRedirect("/login/")
        notes.append({"by": request.user.get_username(), "text": request.POST["text"]})
        return JsonResponse({"id": len(notes)}, status=201)
    return JsonResponse({"notes": notes, "log": log})


def _csrf(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"token": get_token(request)})


urlpatterns = [path("", _home), path("login/", _login), path("notes/", _notes), path("csrf", _csrf)]


def _make_people() -> None:
    call_command("migrate", verbosity=0)
    for name in ("ada", "bob"):
        if not User.objects.filter(username=name).exists():
            User.objects.create_user(name, password="x")


def create_app() -> Any:
    """The site, its people Ada and Bob, the layer before it and the browser files beside it."""
    # Django refuses to wait for a database in the thread of an event loop.
    preparing = Thread(target=_make_people)
    preparing.start()
    preparing.join()
    store = SQLiteIdempotencyStore(DATABASE.with_suffix(".keys"))
    site = IdempotencyMiddleware(get_asgi_application(), store, paths=["/notes/"], required=False)
    files = assets(tasks=os.environ["PYQUEUE_DEMO_TASKS"])

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"].startswith("/pyqueue/"):
            await files({**scope, "root_path": "/pyqueue"}, receive, send)
        elif scope["type"] == "http":
            await site(scope, receive, send)

    return app
