"""What the queue does not take is refused with a typed error, and leaves no trace."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.harness import Annex, Chromium, Demo, Refusal, Tab

ROOM = 500_000
"""Bytes that a disk which is nearly full still has: some comments, but no photo of a megabyte."""


def refused(tab: Tab, source: str, argument: Any = None) -> str:
    """The name of the error with which a function is refused, that leaves the queue as it is."""
    commands, jobs, size = tab.inbox(), job_ids(tab), tab.stats()["bytes"]
    with pytest.raises(Refusal) as refusal:
        tab.run(source, argument)
    assert tab.inbox() <= commands  # The worker may have carried some out meanwhile.
    assert (job_ids(tab), tab.stats()["bytes"]) == (jobs, size)
    return refusal.value.name


def job_ids(tab: Tab) -> list[str]:
    """All jobs, also those that are still commands."""
    return [job["id"] for job in tab.call("jobs")]


@pytest.fixture
def limited(chromium: Chromium, annex: Annex) -> Tab:
    """A tab with a queue that takes three jobs, 2000 bytes a job and 5000 in all; paused."""
    tab = Tab(chromium, annex.page("limited"))
    tab.call("pause")
    tab.wait_until_admitted()
    return tab


def test_a_payload_over_the_default_cap_is_refused(tab: Tab, demo: Demo) -> None:
    """One job may have 1 MiB, also before the worker has told the site's own limits."""
    assert tab.stats()["limits"] == {"payloadBytes": 1 << 20, "jobs": 10_000, "bytes": 100 << 20}
    too_large = "(size) => pyqueue.enqueue('comment.create', {post_id: 1, text: 'x'.repeat(size)})"
    assert refused(tab, too_large, 1 << 20) == "PayloadTooLarge"
    tab.result(tab.comment("small"))
    assert demo.texts() == ["small"]


def test_a_payload_over_the_declared_cap_is_refused(limited: Tab, annex: Annex) -> None:
    """The cap counts files, and holds for an edit as for an enqueue."""
    enqueue = "(size) => pyqueue.enqueue('comment.create', {post_id: 1, file: new Blob(['x'.repeat(size)])})"
    assert refused(limited, enqueue, 2000) == "PayloadTooLarge"
    limited.call("resume")
    annex.set_trouble("reject")
    job = limited.comment("small")
    limited.wait_for_status(job, "failed")
    edit = "(id) => pyqueue.edit(id, {post_id: 1, text: 'x'.repeat(2000)})"
    assert refused(limited, edit, job) == "PayloadTooLarge"
    annex.set_trouble()
    limited.call("retry", job)
    limited.result(job)
    assert annex.texts() == ["small"]


def test_a_full_queue_takes_no_job_more_until_some_are_delivered(limited: Tab, annex: Annex) -> None:
    """What waits in the inbox counts, and what was delivered makes room."""
    jobs = [limited.comment(text) for text in ("one", "two", "three")]
    enqueue = "(text) => pyqueue.enqueue('comment.create', {post_id: 1, text})"
    assert refused(limited, enqueue, "four") == "QueueFull"
    limited.wait_until_admitted()
    assert refused(limited, enqueue, "four") == "QueueFull"
    limited.call("resume")
    for job in jobs:
        limited.result(job)
    limited.result(limited.comment("five"))
    assert annex.texts() == ["one", "two", "three", "five"]


def test_a_queue_full_of_bytes_takes_no_job_more(limited: Tab, annex: Annex) -> None:
    """The payloads that wait have a cap together."""
    large = "(letter) => pyqueue.enqueue('comment.create', {post_id: 1, text: letter.repeat(1900)})"
    limited.run(large, "x")
    limited.run(large, "y")
    assert refused(limited, large, "z") == "QueueFull"
    job = limited.comment("small")
    limited.call("resume")
    limited.result(job)
    assert annex.texts() == ["small"]
    assert limited.stats()["depth"]["failed"] == 2  # The server takes 500 characters.


@pytest.mark.parametrize(
    ("last", "name"),
    [
        ("['comment.create', {post_id: 1, text: 'x'.repeat(2000)}]", "PayloadTooLarge"),
        ("['comment.create', {post_id: 1, text: () => 1}]", "InvalidPayload"),
        ("['comment.create', {post_id: 1}, {delay: -1}]", "InvalidPayload"),
        ("...['b', 'c', 'd'].map((text) => ['comment.create', {post_id: 1, text}])", "QueueFull"),
    ],
    ids=["too large", "not storable", "wrong option", "too many"],
)
def test_of_many_jobs_with_a_wrong_one_none_is_enqueued(
    limited: Tab, annex: Annex, last: str, name: str
) -> None:
    """`enqueueMany` takes all or nothing, and what comes afterwards arrives alone."""
    many = f"() => pyqueue.enqueueMany([['comment.create', {{post_id: 1, text: 'a'}}], {last}])"
    assert refused(limited, many) == name
    job = limited.comment("alone")
    limited.call("resume")
    limited.result(job)
    assert annex.texts() == ["alone"]


def test_many_jobs_arrive_in_their_order(tab: Tab, demo: Demo) -> None:
    """One transaction for all of them, in each of the ways to write a job."""
    ids = tab.run(
        """() => pyqueue.enqueueMany([
          ["comment.create", { post_id: 1, text: "one" }, { expires: 600 }],
          { task: "comment.create", payload: { post_id: 1, text: "two" } },
          [{ url: "/api/comments", body: { post_id: 1, text: "three" } }, { orderingKey: "post:1" }],
          {
            request: { url: "/api/comments", body: { post_id: 1, text: "four" } },
            options: { orderingKey: "post:1" },
          },
        ]).then((jobs) => jobs.map((job) => job.id))"""
    )
    for job in ids:
        tab.result(job)
    assert demo.texts() == ["one", "two", "three", "four"]


@pytest.mark.parametrize(
    "call",
    ["cancel('nobody')", "retry('nobody')", "discard('nobody')", "edit('nobody', { text: 'hi' })"],
)
def test_a_command_for_an_unknown_job_is_refused(tab: Tab, call: str) -> None:
    """It never was, or its retention is over: the caller is told."""
    assert refused(tab, f"() => pyqueue.{call}") == "UnknownJob"
    assert tab.job("nobody") is None


def test_a_full_disk_refuses_the_next_write_and_delivers_the_earlier_ones(
    chromium: Chromium, demo: Demo
) -> None:
    """Over the browser's quota nothing is half-written, and the queue still works."""
    tab = Tab(chromium, demo.url)
    tab.result(tab.comment("there is room"))
    used = int(tab.run("async () => (await navigator.storage.estimate()).usage"))
    chromium.close()
    chromium.reopen()
    # The browser asks for the quota at the first write, and remembers the answer.
    session = chromium.context.new_cdp_session(chromium.open(f"{demo.url}api/server"))
    quota = {"origin": demo.url.rstrip("/"), "quotaSize": used + ROOM}
    session.send("Storage.overrideQuotaForOrigin", quota)

    tab = Tab(chromium, demo.url)
    tab.call("pause")
    waiting = [tab.comment(text) for text in ("one", "two", "three")]
    photo = "new Blob([new Uint8Array(1_000_000)], { type: 'image/png' })"
    upload = f"['photo.upload', {{ photo: {photo} }}]"
    assert refused(tab, f"() => pyqueue.enqueue(...{upload})") == "QuotaExceeded"
    comment = "['comment.create', { post_id: 1, text: 'not alone' }]"
    assert refused(tab, f"() => pyqueue.enqueueMany([{comment}, {upload}])") == "QuotaExceeded"
    tab.call("resume")
    for job in waiting:
        tab.result(job)
    assert demo.texts() == ["there is room", "one", "two", "three"]
    assert len(demo.log()) == 4
