"""What an answer of the server, or a person, means for a job."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from pyqueue.testing.plugin import Network
from tests.browser.harness import Chromium, Demo, Refusal, Tab

WaitFor = Callable[..., Any]


def statuses(demo: Demo) -> list[int]:
    """What the server answered, in the order of arrival."""
    return [arrival["status"] for arrival in demo.log()]


def refuse(tab: Tab, *texts: str) -> list[str]:
    """Enqueues comments that the server refuses, and waits until it has."""
    jobs = [tab.comment(text) for text in texts]
    for job in jobs:
        tab.wait_for_status(job, "failed")
    return jobs


@pytest.mark.parametrize("status", [503, 429])
@pytest.mark.parametrize(("dated", "least"), [(False, 3.0), (True, 2.0)], ids=["seconds", "date"])
def test_a_retry_after_is_waited_for(tab: Tab, demo: Demo, status: int, dated: bool, least: float) -> None:
    """The second attempt comes when the server asked for it, with the same key; a date has whole seconds."""
    demo.set_trouble("unavailable", status=status, retry_after=3, dated=dated)
    job = tab.comment("later")
    explanation = tab.wait_for_explanation(job, "backoff")
    demo.set_trouble()
    assert tab.result(job)["text"] == "later"
    first, second = demo.log()
    assert demo.texts() == ["later"]
    assert statuses(demo) == [status, 201]
    assert first["key"] == second["key"]
    assert second["time"] - first["time"] >= least
    assert first["time"] + least <= explanation["until"] < first["time"] + 10


def test_a_flush_does_not_wait_for_the_backoff(tab: Tab, demo: Demo) -> None:
    """What waits after an attempt is sent at once when the site asks for it."""
    demo.set_trouble("unavailable", retry_after=30)
    job = tab.comment("now")
    tab.wait_for_explanation(job, "backoff")
    demo.set_trouble()
    tab.call("flush")
    tab.result(job)
    first, second = demo.log()
    assert demo.texts() == ["now"]
    assert second["time"] - first["time"] < 20


def test_a_refused_comment_is_corrected_on_the_board_and_arrives_once(
    board_url: str, chromium: Chromium, demo: Demo
) -> None:
    """The author reads the server's reason, changes the words and resends; the next one does not wait."""
    tab = Tab(chromium, board_url)
    tab.page.get_by_test_id("comment-text").fill("buy my spam")
    tab.page.get_by_test_id("comment-submit").click()
    note = tab.page.get_by_test_id("comment-note")
    note.filter(has_text="“spam” is not welcome here").wait_for()
    tab.result(tab.comment("the next one"))
    assert demo.texts() == ["the next one"]
    tab.page.get_by_test_id("edit").click()
    tab.page.get_by_test_id("edit-text").fill("buy my bread")
    tab.page.get_by_test_id("edit-save").click()
    tab.page.get_by_test_id("comment").and_(tab.page.locator("[data-status=done]")).get_by_text(
        "buy my bread"
    ).wait_for()
    assert demo.texts() == ["the next one", "buy my bread"]
    assert statuses(demo) == [422, 201, 201]


def test_a_failed_job_keeps_status_body_and_reason(tab: Tab, demo: Demo) -> None:
    """What the server said can be shown later, and `result()` says it too."""
    (job,) = refuse(tab, "spam")
    error = tab.job(job)["error"]
    assert (error["code"], error["status"]) == ("http", 422)
    assert "not welcome here" in error["message"]
    assert "not welcome here" in error["body"]
    with pytest.raises(Refusal, match="not welcome here") as refusal:
        tab.result(job)
    assert refusal.value.name == "JobFailed"
    assert demo.texts() == []


@pytest.mark.parametrize("method", ["edit", "retry"])
def test_result_right_after_a_second_chance_is_the_new_one(tab: Tab, demo: Demo, method: str) -> None:
    """Whoever edits or retries a failed job and waits is not told of the old failure."""
    demo.set_trouble("reject")
    (job,) = refuse(tab, "again")
    demo.set_trouble(delay=0.5)
    arguments = [{"post_id": 1, "text": "better"}] if method == "edit" else []
    tab.call(method, job, *arguments)
    assert tab.job(job)["status"] != "failed"
    expected = "better" if method == "edit" else "again"
    assert tab.result(job)["text"] == expected
    assert demo.texts() == [expected]


def test_retry_now_sends_all_that_failed_in_their_order(tab: Tab, demo: Demo) -> None:
    """One call is enough for everything that needs attention."""
    demo.set_trouble("reject")
    jobs = refuse(tab, "one", "two", "three")
    demo.set_trouble()
    tab.call("retry")
    for job in jobs:
        tab.result(job)
    assert demo.texts() == ["one", "two", "three"]


def test_a_discarded_job_is_never_sent_again(tab: Tab, demo: Demo) -> None:
    """It ends as cancelled, with the reason, and "retry all" does not touch it."""
    demo.set_trouble("reject")
    given_up, kept = refuse(tab, "given up", "kept")
    demo.set_trouble()
    tab.call("discard", given_up)
    tab.wait_for_status(given_up, "cancelled")
    tab.call("retry")
    tab.result(kept)
    assert tab.job(given_up)["error"]["code"] == "discarded"
    assert demo.texts() == ["kept"]


@pytest.mark.parametrize("mode", ["unauthorized", "redirect"])
def test_a_login_wall_holds_the_queue_until_resume(tab: Tab, demo: Demo, mode: str) -> None:
    """One job meets the wall; nothing else is tried, no attempt is spent, and then all go in order."""
    demo.set_trouble(mode)
    first = tab.comment("one")
    tab.wait_for_explanation(first, "unauthorized")
    others = [tab.comment("two"), tab.comment("elsewhere", post_id=2)]
    tab.wait_until_admitted()
    assert {tab.explain(job)["code"] for job in others} == {"unauthorized"}
    assert tab.job(first)["attempts"] == 0
    assert [arrival["body"]["text"] for arrival in demo.log()] == ["one"]
    assert demo.texts() == []
    demo.set_trouble()
    tab.call("resume")
    for job in (first, *others):
        tab.result(job)
    assert sorted(demo.texts()) == ["elsewhere", "one", "two"]
    assert [comment["text"] for comment in demo.comments() if comment["post_id"] == 1] == ["one", "two"]


def test_a_pause_outlives_the_browser(chromium: Chromium, demo: Demo, tab: Tab) -> None:
    """Nothing is sent before `resume`, which delivers what was written before and after the restart."""
    tab.call("pause", "stock-taking")
    jobs = [tab.comment("before")]
    tab.wait_until_admitted()
    chromium.close()
    chromium.reopen()
    tab = Tab(chromium, demo.url)
    jobs.append(tab.comment("after"))
    tab.wait_until_admitted()
    assert [tab.job(job)["status"] for job in jobs] == ["pending", "pending"]
    assert tab.explain(jobs[0])["code"] == "paused"
    assert "stock-taking" in tab.explain(jobs[0])["message"]
    assert demo.log() == []
    tab.call("resume")
    for job in jobs:
        tab.result(job)
    assert demo.texts() == ["before", "after"]
    assert tab.stats()["paused"] is False


def test_the_kill_switch_pauses_and_releases(tab: Tab, demo: Demo) -> None:
    """The site's operator holds every browser's queue, with a reason, and lets it go again."""
    demo.set_control(paused=True, reason="moving house")
    job = tab.comment("patience")
    explanation = tab.wait_for_explanation(job, "kill_switch")
    tab.wait_until_admitted()
    assert "moving house" in explanation["message"]
    assert demo.log() == []
    demo.set_control(paused=False)
    tab.page.reload()
    assert tab.result(job)["text"] == "patience"
    assert demo.texts() == ["patience"]


def test_a_pending_job_can_be_cancelled(tab: Tab, demo: Demo) -> None:
    """It is never sent, and whoever waits for it is told."""
    tab.call("pause")
    cancelled, kept = tab.comment("never"), tab.comment("always")
    tab.call("cancel", cancelled)
    tab.call("resume")
    tab.result(kept)
    with pytest.raises(Refusal, match="ended cancelled: cancelled by a person"):
        tab.result(cancelled)
    assert demo.texts() == ["always"]


def test_a_cancel_that_comes_too_late_says_what_became_of_the_job(
    tab: Tab, demo: Demo, wait_for: WaitFor
) -> None:
    """What the server took cannot be taken back: the job ends done."""
    demo.set_trouble("slow", delay=1)
    job = tab.comment("on its way")
    wait_for(demo.log)
    tab.call("cancel", job)
    assert tab.result(job)["text"] == "on its way"
    assert demo.texts() == ["on its way"]


@pytest.mark.parametrize(("on_conflict", "text"), [("replace", "draft 2"), ("keep", "draft 1")])
def test_of_two_jobs_with_a_unique_key_one_is_sent(tab: Tab, demo: Demo, on_conflict: str, text: str) -> None:
    """The other one ends as cancelled, names it, and has its result."""
    tab.call("pause")
    options = {"uniqueKey": "draft", "onConflict": on_conflict}
    jobs = [tab.comment(draft, **options) for draft in ("draft 1", "draft 2")]
    tab.call("resume")
    results = [tab.result(job) for job in jobs]
    assert [result["text"] for result in results] == [text, text]
    assert sorted(tab.job(job)["status"] for job in jobs) == ["cancelled", "done"]
    assert demo.texts() == [text]
    assert len(demo.log()) == 1


def test_an_expired_job_is_not_sent_and_lets_the_next_one_pass(tab: Tab, demo: Demo) -> None:
    """Its time ran out while the queue was paused."""
    tab.call("pause")
    stale = tab.comment("stale", expires=0.5)
    fresh = tab.comment("fresh")
    created = tab.job(stale)["createdAt"]
    tab.page.wait_for_function("(time) => Date.now() / 1000 > time", arg=created + 0.5)
    tab.call("resume")
    tab.result(fresh)
    assert tab.job(stale)["status"] == "expired"
    assert tab.explain(stale) == {"code": "expired", "message": "its time ran out"}
    assert demo.texts() == ["fresh"]
    assert len(demo.log()) == 1


def test_every_wait_is_explained(tab: Tab, demo: Demo, network: Network) -> None:
    """`explain()` says what blocks a job, until when, and which job has to go first."""
    demo.set_trouble("unavailable", retry_after=30)
    first = tab.comment("first")
    waits = tab.wait_for_explanation(first, "backoff")
    assert re.fullmatch(
        r"Attempt 1 did not succeed \(The server .* break\.\); next in \d+ s\.", waits["message"]
    )
    behind = tab.comment("behind")
    assert tab.wait_for_explanation(behind, "behind")["behind"] == first
    delayed = tab.comment("delayed", post_id=2, delay=60)
    assert tab.wait_for_explanation(delayed, "delayed")["until"] > waits["until"]
    network.offline()
    assert tab.wait_for_explanation(first, "offline")["message"].startswith("Saved here")
    assert len(demo.log()) == 1
    network.online()
    demo.set_trouble()
    tab.call("flush")
    assert tab.result(behind)["text"] == "behind"
    assert tab.explain(first) == {"code": "done", "message": "Saved on the server."}
    assert tab.explain(delayed)["code"] == "delayed"
    # A browser does not end while a sync event waits for work.
    tab.call("cancel", delayed)
    assert tab.wait_for_explanation(delayed, "cancelled")["message"] == "cancelled by a person"
    assert demo.texts() == ["first", "behind"]
