"""What a page refuses to store."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.harness import Chromium, Refusal, Site, Tab
from tests.unit.test_secrets import FIELDS, HEADERS

SECRET = "s3cret-of-ada"


@pytest.fixture
def page(chromium: Chromium, site: Site) -> Tab:
    """A tab with the page's half alone, whose server declares a queue."""
    site.declaration = {"tasks": {"note": {"label": None}}}
    return Tab(chromium, site.url)


def refusal(page: Tab, *call: Any) -> str:
    """The message of an `enqueue` or `edit` that is refused and leaves nothing behind."""
    before = page.inbox()
    with pytest.raises(Refusal, match="InvalidPayload") as refused:
        page.call(*call)
    assert SECRET not in refused.value.message
    assert page.inbox() == before
    return refused.value.message


def test_a_secret_header_is_refused_whatever_its_case(page: Tab) -> None:
    """In a request, and in an edit of one."""
    job = page.call("enqueue", {"url": "/x"})
    for header, remedy in HEADERS:
        request = {"url": "/x", "headers": {header: SECRET}}
        assert remedy in refusal(page, "enqueue", request)
        assert remedy in refusal(page, "edit", job["id"], request)
        assert remedy in refusal(page, "enqueueMany", [["note", {}], [request]])


def test_a_csrf_token_in_a_payload_is_refused(page: Tab) -> None:
    """Of a task, of a form's fields in a request, and in an edit."""
    job = page.call("enqueue", "note", {})
    for field in FIELDS:
        fields = {"text": "hi", field: SECRET}
        for call in (
            ("enqueue", "note", fields),
            ("enqueue", {"url": "/x", "body": fields}),
            ("edit", job["id"], fields),
        ):
            assert "declare Queue(csrf=...)" in refusal(page, *call)


@pytest.mark.parametrize("name", ["Idempotency-Key", "idempotency-key", "pyqueue-principal", "Pyqueue-Depth"])
def test_a_request_does_not_double_what_pyqueue_sets(page: Tab, name: str) -> None:
    assert "pyqueue sets it" in refusal(page, "enqueue", {"url": "/x", "headers": {name: "mine"}})


def test_a_password_in_a_url_is_refused(page: Tab) -> None:
    for url in (f"http://ada:{SECRET}@localhost/", f"//{SECRET}@localhost/", f"\\\\ada:{SECRET}@localhost/"):
        assert "Queue(auth=...)" in refusal(page, "enqueue", {"url": url})


def test_while_nobody_has_said_what_is_declared_a_token_is_left_out(chromium: Chromium, site: Site) -> None:
    """On a static host: the first write may come from a form with the token that the tasks declare."""
    page = Tab(chromium, site.url)
    headers = {"X-CSRFToken": SECRET, "X-Kind": "note"}
    jobs = [
        page.call("enqueue", "note", {"text": "hi", "csrfmiddlewaretoken": SECRET}),
        page.call("enqueue", {"url": "/x", "headers": headers, "body": {"_csrf": SECRET, "text": "hi"}}),
    ]
    payloads = [page.job(job["id"])["payload"] for job in jobs]
    assert payloads[0] == {"text": "hi"}
    assert payloads[1] == {"url": f"{site.url}x", "headers": {"X-Kind": "note"}, "body": {"text": "hi"}}
