"""A Django site's own hook is told what happens to its requests with a key."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.http import HttpResponse, StreamingHttpResponse
from django.test import RequestFactory
from django.test.utils import override_settings

from pyqueue.server import Event, Kind, SQLiteIdempotencyStore
from pyqueue.server.django.middleware import IdempotencyMiddleware


@pytest.fixture
def told() -> list[Event]:
    """What the hook was called with."""
    return []


@pytest.fixture
def site(told: list[Event], tmp_path: Path) -> Iterator[Any]:
    """Runs a view for a request, as Django does."""
    views: list[Any] = []

    def run(request: Any) -> Any:
        instead = middleware.process_view(request, views[-1], (), {})
        return instead if instead is not None else views[-1](request)

    store = SQLiteIdempotencyStore(tmp_path / "keys.sqlite3")
    with override_settings(PYQUEUE={"STORE": store, "ON_EVENT": [told.append], "MAX_BODY": 10}):
        middleware = IdempotencyMiddleware(run)

    def post(view: Any, key: str = "k", body: bytes = b"hi") -> Any:
        views.append(view)
        headers = {"Idempotency-Key": key}
        return middleware(RequestFactory().post("/", body, content_type="text/plain", headers=headers))

    yield post
    store.close()


def test_an_answer_that_is_kept_and_its_replay(site: Any, told: list[Event]) -> None:
    for _ in range(2):
        site(lambda request: HttpResponse("made", status=201))
    assert [(event.kind, event.status) for event in told] == [
        (Kind.CLAIMED, None),
        (Kind.COMPLETED, 201),
        (Kind.REPLAYED, 201),
    ]


def test_an_answer_that_ends_nothing(site: Any, told: list[Event]) -> None:
    site(lambda request: HttpResponse(status=409))
    assert [event.kind for event in told] == [Kind.CLAIMED, Kind.RELEASED]


def test_an_answer_that_breaks_off(site: Any, told: list[Event]) -> None:
    def parts() -> Iterator[bytes]:
        yield b"half"
        raise RuntimeError("the stream broke")

    with pytest.raises(RuntimeError):
        site(lambda request: StreamingHttpResponse(parts()))
    assert [event.kind for event in told] == [Kind.CLAIMED, Kind.CUT_SHORT]
    assert str(told[-1].error) == "the stream broke"


def test_a_request_that_is_refused(site: Any, told: list[Event]) -> None:
    assert site(lambda request: HttpResponse(), key='"k').status_code == 400
    assert site(lambda request: HttpResponse(), body=b"x" * 11).status_code == 413
    assert [(event.kind, event.status) for event in told] == [(Kind.REFUSED, 400), (Kind.REFUSED, 413)]
