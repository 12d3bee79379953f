"""Nothing secret is stored: it is refused where it is written down, and again by the worker."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyqueue import Certainty, Csrf, DeclarationError, InvalidPayload, Queue, Status
from pyqueue.testing import Simulation

SECRET = "s3cret-of-ada"

HEADERS = [
    ("Authorization", "auth="),
    ("authorization", "auth="),
    ("AUTHORIZATION", "auth="),
    ("Proxy-Authorization", "auth="),
    ("X-API-Key", "auth="),
    ("x-auth-token", "auth="),
    ("Cookie", "the browser adds its own"),
    ("set-cookie", "the browser adds its own"),
    ("X-CSRF-Token", "csrf="),
    ("x-csrftoken", "csrf="),
    ("X-XSRF-TOKEN", "csrf="),
]

FIELDS = ["csrfmiddlewaretoken", "csrf_token", "authenticity_token", "_csrf", "CSRF_Token", "_token"]


def stored(sim: Simulation) -> str:
    """All that is on disk."""
    return json.dumps([sim.disk.jobs, sim.disk.inbox, sim.disk.meta], default=str)


def append(sim: Simulation, payload: Any, task: str | None = None, id: str = "j") -> str:
    """Appends to the inbox as a hostile page does: nothing is checked."""
    named = {} if task is None else {"task": task}
    sim.disk.append("enqueue", sim.clock.now(), id=id, payload=payload, bytes=1, **named)
    return id


def board(**options: Any) -> Queue:
    queue = Queue(**options)
    queue.http("note", "POST", "/notes")
    return queue


@pytest.mark.parametrize(("header", "remedy"), HEADERS)
def test_a_secret_header_is_refused_where_it_is_enqueued(header: str, remedy: str) -> None:
    """Whatever its case; the message says what to do and does not show the value."""
    with Simulation(board()) as sim:
        with pytest.raises(InvalidPayload) as refused:
            sim.enqueue(None, {"url": "/notes", "headers": {header: SECRET}})
        assert SECRET not in str(refused.value)
        assert SECRET not in stored(sim)
        assert remedy in str(refused.value)


@pytest.mark.parametrize(("header", "remedy"), HEADERS)
def test_a_secret_header_of_a_hostile_page_is_neither_kept_nor_sent(header: str, remedy: str) -> None:
    """The job fails with the reason, and what is kept of it has no such header."""
    with Simulation(board()) as sim:
        job = append(sim, {"url": "/notes", "headers": {header: SECRET, "X-Kind": "note"}})
        sim.run(seconds=60)
        assert sim.server.requests == []
        assert sim.job(job).status is Status.FAILED
        assert sim.job(job).certainty is Certainty.NEVER_SENT
        assert sim.job(job).error is not None
        assert remedy in sim.job(job).error.message  # type: ignore[union-attr]
        assert sim.job(job).payload == {"url": "/notes", "headers": {"X-Kind": "note"}}
        assert SECRET not in stored(sim)


@pytest.mark.parametrize(("header", "remedy"), HEADERS)
def test_a_secret_header_is_refused_where_it_is_declared(header: str, remedy: str) -> None:
    """Whoever visits the site can read its tasks."""
    with pytest.raises(DeclarationError, match=header) as refused:
        Queue().http("note", "POST", "/notes", headers={header: SECRET})
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("task", ["note", None])
def test_a_csrf_token_in_a_payload_is_refused(field: str, task: str | None) -> None:
    """In the payload of a task, and in the body of a request; by the worker, too."""
    fields = {"text": "hi", field: SECRET}
    payload = fields if task else {"url": "/notes", "body": fields}
    with Simulation(board()) as sim:
        with pytest.raises(InvalidPayload, match=r"declare Queue\(csrf="):
            sim.enqueue(task, payload)
        job = append(sim, payload, task)
        sim.run(seconds=60)
        assert sim.job(job).status is Status.FAILED
        assert sim.server.requests == []
        assert SECRET not in stored(sim)


@pytest.mark.parametrize("task", ["note", None])
def test_the_token_that_the_site_declares_is_left_out(task: str | None) -> None:
    """Of what a page wrote that did not know the declaration, too: the worker adds a fresh one."""
    fields = {"text": "hi", "csrfmiddlewaretoken": SECRET}
    request = {"url": "/notes", "body": fields, "headers": {"x-csrftoken": SECRET}}
    with Simulation(board(csrf=Csrf.django())) as sim:
        sim.site.cookies["csrftoken"] = "fresh"
        payload = fields if task else request
        jobs = [sim.enqueue(task, payload), append(sim, payload, task)]
        sim.run(seconds=60)
        assert [sim.job(job).status for job in jobs] == [Status.DONE] * 2
        assert [request.headers["X-CSRFToken"] for request in sim.server.requests] == ["fresh"] * 2
        assert SECRET not in stored(sim)


@pytest.mark.parametrize(
    "url",
    [
        f"https://ada:{SECRET}@site.test/notes",
        f"https://{SECRET}@site.test/notes",
        f"//ada:{SECRET}@site.test/notes",
        f"https:\\\\ada:{SECRET}@site.test/notes",
        f"/\\ada:{SECRET}@site.test/notes",
    ],
)
def test_a_password_in_a_url_is_refused_everywhere_and_shown_nowhere(url: str) -> None:
    with Simulation(board()) as sim:
        with pytest.raises(InvalidPayload, match="user name or password") as refused:
            sim.enqueue(None, {"url": url})
        job = append(sim, {"url": url})
        sim.run(seconds=60)
        assert sim.server.requests == []
        assert sim.job(job).status is Status.FAILED
        assert SECRET not in stored(sim) + str(refused.value)


@pytest.mark.parametrize("name", ["Idempotency-Key", "idempotency-key", "IDEMPOTENCY-KEY"])
def test_a_request_never_doubles_the_key_of_its_job(name: str) -> None:
    with Simulation(board()) as sim:
        with pytest.raises(InvalidPayload, match="pyqueue sets it"):
            sim.enqueue(None, {"url": "/notes", "headers": {name: '"mine"'}})
        job = append(sim, {"url": "/notes", "headers": {name: '"mine"'}})
        sim.run(seconds=60)
        assert sim.server.requests == []
        assert sim.job(job).status is Status.FAILED


@pytest.mark.parametrize("name", ["Pyqueue-Principal", "pyqueue-principal", "pyqueue-redirected-from"])
def test_a_request_does_not_speak_for_the_queue(name: str) -> None:
    """A page that says in another case whose it is would make the header say two things."""
    with Simulation(board()) as sim:
        sim.identify("ada")
        sim.wake()
        job = append(sim, {"url": "/notes", "headers": {name: '"bob"'}})
        sim.disk.inbox[max(sim.disk.inbox)]["principal"] = "ada"
        sim.run(seconds=60)
        sent = [value for r in sim.server.requests for value in r.headers.values()]
        assert '"bob"' not in sent
        assert sim.job(job).status is Status.FAILED


def test_a_secret_in_an_edit_is_refused_and_the_job_stays_as_it_was() -> None:
    with Simulation(board()) as sim:
        sim.command("pause")
        job = sim.enqueue(None, {"url": "/notes"})
        sim.wake()
        sim.command("edit", id=job, payload={"url": "/notes", "headers": {"Authorization": SECRET}}, bytes=1)
        sim.wake()
        assert SECRET not in stored(sim)
        assert sim.job(job).payload == {"url": "/notes"}
        assert sim.job(job).refusal is not None
        assert "Queue(auth=" in sim.job(job).refusal.message  # type: ignore[union-attr]
        sim.command("resume")
        sim.run(seconds=60)
        assert sim.job(job).status is Status.DONE


def test_what_was_written_among_the_jobs_past_every_check_is_not_sent() -> None:
    """Nor does it lead elsewhere."""
    for changed in ({"headers": {"authorization": SECRET}}, {"url": "//evil.test/"}):
        with Simulation(board()) as sim:
            sim.command("pause")
            job = sim.enqueue(None, {"url": "/notes"})
            sim.wake()
            sim.disk.jobs[sim.job(job).seq]["payload"] = {"url": "/notes", **changed}
            sim.restart()
            sim.command("resume")
            sim.run(seconds=60)
            assert sim.server.requests == []
            assert sim.job(job).status is Status.FAILED


def test_a_job_that_failed_for_a_secret_can_be_retried_without_it() -> None:
    with Simulation(board()) as sim:
        job = append(sim, {"url": "/notes", "headers": {"Authorization": SECRET}})
        sim.wake()
        sim.command("retry", id=job)
        sim.run(seconds=60)
        assert sim.job(job).status is Status.DONE
        assert SECRET not in str(sim.server.requests)


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


def as_dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


part = st.sampled_from(["url", "method", "headers", "body", "csrf_token"])


@given(st.dictionaries(part, json_like | st.just({"Authorization": SECRET, "_csrf": SECRET})))
def test_whatever_a_hostile_page_appends_ends_and_keeps_no_secret(payload: dict[str, Any]) -> None:
    """And the next job is delivered."""
    with Simulation(board(ordering_key=None)) as sim:
        job, following = append(sim, payload), sim.enqueue("note", {"text": "hi"})
        sim.run(seconds=10_000)
        assert not sim.job(job).is_open
        assert sim.job(following).status is Status.DONE
        kept = sim.job(job).payload
        assert "Authorization" not in as_dict(kept.get("headers"))
        assert "_csrf" not in as_dict(kept.get("body"))
