"""Frameworks' own responses as answers that can be kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import django.http
import pytest
import starlette.responses

from pyqueue.server import NotWhole, StoredResponse, stored
from tests.server.django.settings import configure


@pytest.fixture(scope="module", autouse=True)
def configured() -> None:
    """Django's responses ask its settings for a character set."""
    configure()


HEADERS = ((b"content-type", b"application/json"), (b"set-cookie", b"a=b"))


class Werkzeug:
    """What counts of a response of Werkzeug, and so of Flask."""

    status_code = 201

    def __init__(self, is_streamed: bool = False):
        self.is_streamed = is_streamed
        self.headers = {"Content-Type": "application/json", "Set-Cookie": "a=b"}

    def get_data(self) -> bytes:
        return b'{"id": 1}'


def of_starlette() -> Any:
    response = starlette.responses.Response(b'{"id": 1}', 201, media_type="application/json")
    response.set_cookie("a", "b")
    return response


def of_django() -> Any:
    response = django.http.HttpResponse(b'{"id": 1}', status=201, content_type="application/json")
    response.set_cookie("a", "b")
    return response


@pytest.mark.parametrize(
    "make",
    [of_starlette, of_django, Werkzeug, lambda: StoredResponse(201, HEADERS, b'{"id": 1}')],
    ids=["starlette", "django", "werkzeug", "ours"],
)
def test_a_response_is_kept_with_its_type_and_without_its_cookies(make: Callable[[], Any]) -> None:
    kept = stored(make())
    assert (kept.status, kept.body) == (201, b'{"id": 1}')
    assert (b"content-type", b"application/json") in kept.headers
    assert not any(name == b"set-cookie" for name, _ in kept.headers)


@pytest.mark.parametrize(
    "make",
    [
        lambda: None,
        lambda: {"id": 1},
        lambda: (201, b""),
        lambda: starlette.responses.StreamingResponse(iter([b"a"])),
        lambda: django.http.StreamingHttpResponse([b"a"]),
        lambda: Werkzeug(is_streamed=True),
    ],
    ids=["none", "dict", "tuple", "starlette", "django", "werkzeug"],
)
def test_what_has_no_whole_body_is_refused(make: Callable[[], Any]) -> None:
    with pytest.raises(NotWhole, match="cannot be kept"):
        stored(make())
