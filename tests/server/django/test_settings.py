"""What is wrong in a Django site's settings is told when it starts."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import run_checks
from django.db import connection, connections
from django.http import HttpResponse
from django.template import Context, engines
from django.test import RequestFactory
from django.test.utils import override_settings
from django.utils.module_loading import import_string

from pyqueue._errors import DeclarationError
from pyqueue.server import SQLiteIdempotencyStore
from pyqueue.server.django import complete_in, idempotent
from pyqueue.server.django.configuration import configuration
from pyqueue.server.django.middleware import IdempotencyMiddleware

OWN = "pyqueue.server.django.middleware.IdempotencyMiddleware"
BEFORE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]


def messages(prefix: str = "pyqueue.") -> list[str]:
    """What `manage.py check` says by our checks."""
    return [message.id for message in run_checks() if message.id.startswith(prefix)]


def refuse() -> HttpResponse:
    raise AssertionError("no request is made")


WRONG = {
    "not a dictionary": (["/api/"], "give a dictionary"),
    "small letters": ({"paths": ["/api/"]}, "in capitals"),
    "unknown": ({"PATH": ["/api/"]}, "there are STORE"),
    "a path without its slash": ({"PATHS": ["api/"]}, "'/api/'"),
    "a text for a list": ({"METHODS": "POST"}, "give a list"),
    "no lease": ({"LEASE": 0}, "lease is 0"),
    "a function that is not there": ({"KEEP": "nowhere.keep"}, "nowhere.keep"),
    "a principal that is none": ({"PRINCIPAL": 7}, "function of the request"),
    "a store's class": ({"STORE": SQLiteIdempotencyStore}, "store"),
    "a store that is not there": ({"STORE": "nowhere.store"}, "cannot be imported"),
    "a database that is not there": ({"DATABASE": "nowhere"}, "alias of DATABASES"),
    "two stores": ({"DATABASE": "default", "STORE": "nowhere.store"}, "give one"),
    "atomic by halves": ({"ATOMIC": "yes"}, "True or False"),
    "tasks that are not there": ({"TASKS": "nowhere.py"}, "nowhere.py"),
}


@pytest.mark.parametrize(("setting", "message"), WRONG.values(), ids=list(WRONG))
def test_a_wrong_setting_is_an_error_of_the_checks(setting: Any, message: str) -> None:
    """It names the value and the remedy."""
    with override_settings(PYQUEUE=setting, MIDDLEWARE=[*BEFORE, OWN]):
        found = [found for found in run_checks() if found.id == "pyqueue.E001"]
        assert len(found) == 1
        assert message in found[0].msg


@pytest.mark.parametrize(("setting", "message"), list(WRONG.values())[:-1], ids=list(WRONG)[:-1])
def test_a_wrong_setting_stops_the_middleware(setting: Any, message: str) -> None:
    """Where nobody runs the checks, as under gunicorn."""
    with override_settings(PYQUEUE=setting), pytest.raises(DeclarationError, match=re.escape(message)):
        IdempotencyMiddleware(lambda request: refuse())


def test_a_site_may_name_functions_by_their_paths() -> None:
    with override_settings(
        PYQUEUE={
            "KEEP": "pyqueue.server.is_over",
            "FINGERPRINT": "pyqueue.server.json_by_value",
            "PRINCIPAL": "tests.server.django.test_settings.nobody",
        }
    ):
        found = configuration()
    assert found.options["keep"] is import_string("pyqueue.server.is_over")
    assert found.principal(None) is None


def nobody(request: Any) -> None:
    """A principal."""


@pytest.mark.parametrize("name", [*BEFORE, "django.middleware.gzip.GZipMiddleware"])
def test_a_middleware_that_stands_wrong_is_an_error(name: str) -> None:
    """By each that must be outside: principals and CSRF tokens would not be known."""
    with override_settings(MIDDLEWARE=[*(other for other in BEFORE if other != name), OWN, name]):
        assert messages("pyqueue.E") == ["pyqueue.E002"]


def test_a_site_without_the_middleware_is_warned() -> None:
    with override_settings(MIDDLEWARE=BEFORE, ROOT_URLCONF="tests.server.django.urls"):
        assert "pyqueue.W001" in messages()


def test_a_right_site_is_not_warned() -> None:
    with override_settings(MIDDLEWARE=[*BEFORE, OWN], ROOT_URLCONF="tests.server.django.urls"):
        assert messages() == []


def test_a_site_on_which_no_page_finds_the_script_is_warned() -> None:
    settings = {"STATICFILES_FINDERS": [], "ROOT_URLCONF": "tests.server.django.urls"}
    with override_settings(MIDDLEWARE=[*BEFORE, OWN], **settings):
        assert messages() == ["pyqueue.W003"]


@pytest.mark.parametrize(
    ("entry", "value", "found"),
    [("OPTIONS", {}, ["pyqueue.W002"]), ("AUTOCOMMIT", False, ["pyqueue.E003"])],
    ids=["locked under load", "no commits"],
)
def test_a_database_that_is_used_in_a_way_that_fails_is_told(
    entry: str, value: Any, found: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connections.settings["default"], entry, value)
    with override_settings(MIDDLEWARE=[*BEFORE, OWN], ROOT_URLCONF="tests.server.django.urls"):
        assert messages() == found


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ttl": 0}, "ttl is 0"),
        ({"paths": ["/api/"]}, "paths is an option of the whole site"),
        ({"keeps": bool}, "there is no option keeps"),
        ({"atomic": 1}, "True or False"),
        ({"max_body": 1 << 30}, "at most the site's"),
    ],
)
def test_a_view_with_a_wrong_option_is_told_when_it_is_marked(options: Any, message: str) -> None:
    with pytest.raises(DeclarationError, match=message):
        idempotent(**options)


def test_an_async_view_cannot_be_atomic() -> None:
    async def view(request: Any) -> HttpResponse:
        return refuse()

    with pytest.raises(DeclarationError, match="async"):
        idempotent(atomic=True)(view)


def test_atomic_views_need_the_sites_own_database(tmp_path: Path) -> None:
    store = SQLiteIdempotencyStore(tmp_path / "keys.sqlite3")
    with override_settings(PYQUEUE={"STORE": store}), pytest.raises(DeclarationError, match="own database"):
        idempotent(atomic=True)(lambda request: refuse())


def test_a_site_says_whether_its_views_are_atomic(tmp_path: Path) -> None:
    store = SQLiteIdempotencyStore(tmp_path / "keys.sqlite3")
    with override_settings(PYQUEUE={"STORE": store, "ATOMIC": True}):
        with pytest.raises(DeclarationError, match="own database"):
            idempotent(lambda request: refuse())
        idempotent(atomic=False)(lambda request: refuse())


def test_a_marked_view_without_the_middleware_refuses_to_run() -> None:
    """It would not be protected."""
    view = idempotent(lambda request: refuse())
    with pytest.raises(DeclarationError, match="MIDDLEWARE"):
        view(RequestFactory().post("/"))


def test_a_decorator_that_hides_the_marking_is_told(tmp_path: Path) -> None:
    """The view's options would be ignored."""
    marked = idempotent(ttl=5)(lambda request: refuse())

    def hiding(request: Any) -> Any:
        return marked(request)

    middleware = middleware_around(hiding, tmp_path)
    with pytest.raises(DeclarationError, match=r"functools\.wraps"):
        middleware(RequestFactory().post("/", headers={"Idempotency-Key": "k"}))


def test_an_answer_is_recorded_only_for_a_guarded_request(tmp_path: Path) -> None:
    def view(request: Any) -> Any:
        complete_in(connection, request, HttpResponse())

    middleware = middleware_around(view, tmp_path)
    with pytest.raises(DeclarationError, match="came without a key"):
        middleware(RequestFactory().post("/"))
    with pytest.raises(DeclarationError, match="MIDDLEWARE"):
        complete_in(connection, RequestFactory().post("/"), HttpResponse())


def test_a_body_that_was_read_outside_is_told(tmp_path: Path) -> None:
    """It cannot be compared with a retry's."""
    middleware = middleware_around(lambda request: refuse(), tmp_path)
    request = RequestFactory().post("/", {"a": "b"}, headers={"Idempotency-Key": "k"})
    assert request.POST["a"] == "b"
    with pytest.raises(DeclarationError, match="MIDDLEWARE"):
        middleware(request)


def middleware_around(view: Any, folder: Path) -> Any:
    """The middleware, and behind it what Django does to run a view."""
    store = SQLiteIdempotencyStore(folder / "keys.sqlite3")
    with override_settings(PYQUEUE={"STORE": store}):
        middleware = IdempotencyMiddleware(
            lambda request: middleware.process_view(request, view, (), {}) or view(request)
        )
    return middleware


@override_settings(STATIC_URL="/files/", ROOT_URLCONF="tests.server.django.urls")
def test_the_tag_names_the_static_file() -> None:
    assert rendered() == '<script type="module" src="/files/pyqueue/pyqueue.js"></script>'


@override_settings(ROOT_URLCONF="tests.server.django.files_urls")
def test_the_tag_names_the_url_that_the_site_includes() -> None:
    assert rendered() == '<script type="module" src="/at/pyqueue.js"></script>'


@override_settings(ROOT_URLCONF="tests.server.django.files_urls")
def test_the_tag_has_the_nonce_of_the_request() -> None:
    """As django-csp gives it, and Django's own context processor."""
    request = RequestFactory().get("/")
    request.csp_nonce = '"&'
    assert 'nonce="&quot;&amp;"' in rendered(request=request)
    assert 'nonce="n"' in rendered(csp_nonce="n")


def rendered(**context: Any) -> str:
    templates = [{"BACKEND": "django.template.backends.django.DjangoTemplates"}]
    with override_settings(TEMPLATES=templates):
        template = engines["django"].from_string("{% load pyqueue %}{% pyqueue %}")
        return str(template.template.render(Context(context)))
