"""Which events a site's hook is told of: each once, in the situation that it names, by either interface."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyqueue.server import Event, Fleet, Kind
from pyqueue.server.fleet import fleet_of
from tests.server.watched import Application, Watched

TOLD, MANY = 5.0, 10**6


Watch = Callable[..., Watched]


def fail(*arguments: Any) -> bool:
    raise RuntimeError("the site's own function failed")


_POST: dict[str, Any] = {}
_ANSWERED = [Kind.CLAIMED, Kind.COMPLETED]


@pytest.mark.parametrize(
    ("app", "options", "requests", "kinds"),
    [
        ({}, {}, [_POST], _ANSWERED),
        ({}, {}, [_POST] * 3, [*_ANSWERED, Kind.REPLAYED, Kind.REPLAYED]),
        ({}, {}, [_POST, {"content": b"other"}], [*_ANSWERED, Kind.MISMATCH]),
        ({"status": 422}, {}, [_POST] * 2, [Kind.CLAIMED, Kind.RELEASED] * 2),
        ({"status": 307, "headers": (("Location", "/there"),)}, {}, [_POST], [Kind.CLAIMED, Kind.RELEASED]),
        ({"raises": True}, {}, [_POST], [Kind.CLAIMED, Kind.CUT_SHORT]),
        ({"body": b"x" * 99}, {"max_response": 10}, [_POST] * 2, [*_ANSWERED, Kind.REPLAYED]),
        ({}, {"keep": fail}, [_POST], [Kind.CLAIMED, Kind.KEEP_RAISED, Kind.COMPLETED]),
        (
            {"status": 303, "headers": (("Location", "/there"),)},
            {"login": fail},
            [_POST],
            [Kind.CLAIMED, Kind.CUT_SHORT],
        ),
        ({}, {}, [{"key": None}], [Kind.REFUSED]),
        ({}, {}, [{"key": "two words"}], [Kind.REFUSED]),
        ({}, {}, [{"headers": {"Host": "x" * 300}}], [Kind.REFUSED]),
        ({}, {"max_body": 1}, [_POST], [Kind.REFUSED]),
        ({}, {"required": False}, [{"key": None}], []),
        ({}, {"paths": ["/api/"]}, [_POST], []),
        ({}, {}, [{"method": "GET"}], []),
        ({}, {"failures": {"claim": 1}}, [_POST] * 2, [Kind.STORE_UNAVAILABLE, *_ANSWERED]),
        (
            {},
            {"failures": {"complete": 2}, "lease": 9.0},
            [_POST],
            [Kind.CLAIMED, Kind.KEEP_FAILED, Kind.KEEP_FAILED, Kind.COMPLETED],
        ),
        (
            {"status": 500},
            {"failures": {"release": 1}},
            [_POST],
            [Kind.CLAIMED, Kind.RELEASED, Kind.RELEASE_FAILED],
        ),
    ],
)
def test_each_event_is_told_once(
    watch: Watch, app: Any, options: Any, requests: list[Any], kinds: list[Kind]
) -> None:
    site = watch(Application(**app), **options)
    for request in requests:
        try:
            site.post(**request)
        except httpx.RemoteProtocolError:
            assert app["raises"]
    assert site.kinds == kinds


def test_a_cut_short_answer_is_told_with_its_status(watch: Watch) -> None:
    site = watch(Application(headers=(("Content-Length", "9"),)))
    with pytest.raises(httpx.RemoteProtocolError):
        site.post()
    assert [(event.kind, event.status) for event in site.events] == [
        (Kind.CLAIMED, None),
        (Kind.CUT_SHORT, 201),
    ]


def test_an_attempt_in_flight_is_told_with_its_age(watch: Watch) -> None:
    gate = threading.Event()
    site = watch(Application(ready=gate.is_set))
    first = threading.Thread(target=site.post)
    first.start()
    assert site.app.entered.wait(TOLD)
    assert site.post().status_code == 409
    gate.set()
    first.join()
    assert site.kinds == [Kind.CLAIMED, Kind.IN_FLIGHT, Kind.COMPLETED]
    assert site.events[1].age is not None


def test_who_waited_for_a_running_attempt_is_told_how_long(watch: Watch) -> None:
    """The attempt that runs ends once the other has looked at it twice, between which it pauses for 20 ms."""
    site = watch(Application(ready=lambda: site.store.calls.count("claim") >= 3), wait=TOLD)
    began = time.monotonic()
    first = threading.Thread(target=site.post)
    first.start()
    assert site.app.entered.wait(TOLD)
    assert site.post().headers["idempotency-replayed"] == "true"
    first.join()
    assert site.kinds == [*_ANSWERED, Kind.REPLAYED]
    assert 0.02 <= site.events[2].waited <= time.monotonic() - began
    assert 0 < site.events[1].took <= time.monotonic() - began


def test_a_renewal_that_failed_is_told(watch: Watch) -> None:
    app = Application(ready=lambda: site.store.calls.count("renew") >= 2)
    site = watch(app, failures={"renew": 1}, lease=3.0)
    site.post()
    assert site.kinds == [Kind.CLAIMED, Kind.RENEWAL_FAILED, Kind.COMPLETED]


def test_a_lost_claim_is_told_when_it_is_noticed_and_when_it_is_certain(watch: Watch) -> None:
    site = watch(Application(ready=lambda: Kind.CLAIM_ENDED in site.kinds), lease=0.6)
    site.store.lose = True
    site.post()
    assert site.kinds == [Kind.CLAIMED, Kind.CLAIM_ENDED, Kind.CLAIM_LOST]


def test_an_answer_kept_after_its_lease_is_told_as_late(watch: Watch) -> None:
    began = time.monotonic()
    app = Application(ready=lambda: time.monotonic() > began + 1.5)
    site = watch(app, failures={"renew": MANY}, lease=0.6)
    site.post()
    assert site.kinds[0] == Kind.CLAIMED
    assert set(site.kinds[1:-1]) == {Kind.RENEWAL_FAILED}
    assert site.kinds[-1] == Kind.COMPLETED_LATE


def test_an_answer_that_could_not_be_kept_is_told_once_the_lease_has_ended(watch: Watch) -> None:
    site = watch(Application(), failures={"complete": MANY}, lease=0.6)
    assert site.post().status_code == 201
    assert site.kinds[0] == Kind.CLAIMED
    assert set(site.kinds[1:-1]) <= {Kind.KEEP_FAILED}
    assert site.kinds[-1] == Kind.NOT_KEPT
    assert "disk I/O error" in str(site.events[-1].error)


def test_an_event_names_the_request_and_what_the_queue_said_of_itself(watch: Watch) -> None:
    """Not whose it is."""
    site = watch(Application(), principal=lambda scope: "ada")
    fleet = {"Pyqueue-Depth": "12", "Pyqueue-Oldest-Age": "3600", "Pyqueue-Attempt": "2"}
    site.post("/caf%C3%A9?x=1", '"the key"', headers=fleet)
    for event in site.events:
        assert (event.method, event.path, event.key) == ("POST", "/café", "the key")
        assert event.fleet == Fleet(depth=12, oldest_age=3600, attempt=2)
        assert "ada" not in repr(event)


@pytest.mark.parametrize(
    ("request_", "reason", "status"),
    [
        ({"key": None}, "key-missing", 400),
        ({"key": "two words"}, "key-invalid", 400),
        ({"headers": {"Host": "x" * 300}}, "host-invalid", 400),
        ({"content": b"x" * 2000}, "body-too-large", 413),
    ],
)
def test_a_refusal_is_told_with_its_reason(watch: Watch, request_: Any, reason: str, status: int) -> None:
    site = watch(Application(), max_body=1000)
    site.post(**request_)
    assert [(event.reason, event.status) for event in site.events] == [(reason, status)]


def test_a_hook_that_raises_is_logged_and_changes_nothing(watch: Watch, caplog: Any) -> None:
    """Those after it are told all the same."""
    told: list[Event] = []
    site = watch(Application(), on_event=[fail, told.append])
    assert [site.post().status_code for _ in range(2)] == [201, 201]
    assert [event.kind for event in told] == [*_ANSWERED, Kind.REPLAYED]
    assert caplog.text.count("on_event failed") == 3


def test_the_log_has_troubles_by_default_and_everything_at_debug(watch: Watch, caplog: Any) -> None:
    """Each record has the event's values too."""
    site = watch(Application(status=500), failures={"release": 1})
    site.post()
    assert [record.levelname for record in caplog.records if record.name == "pyqueue.server"] == ["WARNING"]
    caplog.clear()
    with caplog.at_level(logging.DEBUG, "pyqueue.server"):
        site.post("/other", '"other"')
    said = [record.pyqueue for record in caplog.records if record.name == "pyqueue.server"]
    assert [values["event"] for values in said] == ["claimed", "released"]
    assert (said[1]["key"], said[1]["path"], said[1]["status"]) == ("other", "/other", 500)
    assert "released" in caplog.text


@pytest.mark.parametrize(
    ("values", "depth"),
    [
        ([b"0"], 0),
        ([b"1000000"], 1_000_000),
        ([b"1000001"], None),
        ([b"9" * 5000], None),
        ([], None),
        ([b"1", b"2"], None),
        ([b"-1"], None),
        ([b"1.5"], None),
        ([b" 1"], None),
        ([b"1e3"], None),
        ([b""], None),
        (["\u0661".encode()], None),
    ],
)
def test_a_depth_that_no_queue_has_is_ignored(values: list[bytes], depth: int | None) -> None:
    assert fleet_of(lambda name: values if name == b"pyqueue-depth" else []).depth == depth


@given(st.lists(st.binary(max_size=12), max_size=2))
def test_what_a_queue_says_of_itself_is_within_bounds_whatever_it_sends(values: list[bytes]) -> None:
    fleet = fleet_of(lambda name: values)
    assert fleet.depth is None or 0 <= fleet.depth <= 1_000_000
    assert fleet.attempt is None or 1 <= fleet.attempt <= 100_000
    assert fleet.oldest_age is None or fleet.oldest_age >= 0
