"""The example of a Django site does what the documentation says, by both kinds of server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from textwrap import indent

import httpx
import pytest

from building.paths import ROOT, WEB
from tests.server.django.example import Notes
from tests.server.django.process import COMMANDS


@pytest.fixture(scope="module", params=list(COMMANDS))
def notes(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Notes]:
    notes = Notes(request.param, tmp_path_factory.mktemp("notes"))
    yield notes
    notes.kill()


def test_a_retried_post_has_one_effect(notes: Notes) -> None:
    with httpx.Client(base_url=notes.url) as client:
        client.get("/")  # It sets the cookie.
        headers = {"Idempotency-Key": '"k"', "X-CSRFToken": client.cookies["csrftoken"]}
        first, second = (client.post("/comments", json={"text": "hi"}, headers=headers) for _ in range(2))
    assert (first.status_code, first.json()) == (second.status_code, second.json()) == (201, {"id": 1})
    assert second.headers["idempotency-replayed"] == "true"
    assert notes.texts() == ["hi"]
    assert "answered: 1" in notes.manage("pyqueue_keys", "count")
    assert json.loads(notes.manage("pyqueue_keys", "list", "--json"))["key"] == "k"


def test_its_page_loads_the_script_that_it_serves(notes: Notes) -> None:
    page = httpx.get(f"{notes.url}/").text
    assert '<script type="module" src="/pyqueue/pyqueue.js"></script>' in page
    assert b"comment.create" in httpx.get(f"{notes.url}/pyqueue/pyqueue.js").content
    assert httpx.get(f"{notes.url}/pyqueue/tasks.py").status_code == 200


@pytest.mark.parametrize("name", ["tasks.py", "urls.py", "templates/page.html"])
def test_the_documentation_shows_it(name: str) -> None:
    """To the letter."""
    source = (WEB / "examples/django/notes" / name).read_text("utf-8").strip()
    assert indent(source, "    ") in (ROOT / "docs/server.md").read_text("utf-8")


def test_django_finds_nothing_to_say_of_it(notes: Notes) -> None:
    assert notes.manage("check").startswith("System check identified no issues")
    assert notes.manage("makemigrations", "--check", "--dry-run", "pyqueue").startswith("No changes")
    assert notes.manage("pyqueue_prune") == "Deleted 0 idempotency keys that had ended.\n"
