"""Where the service worker is missing, refused or broken, writes are kept and delivered all the same."""

from __future__ import annotations

from typing import Any

import pytest

from pyqueue.testing.plugin import Network
from tests.browser.harness import Annex, Chromium, Demo, Tab

SCRIPT = "/pyqueue/sw.js"
PLAIN = {"Content-Type": "text/plain", "Cache-Control": "no-store"}
WASM = "/pyqueue/pyodide/pyodide.asm.wasm"


def policy(sources: str) -> dict[str, dict[str, str]]:
    """The headers of a site whose workers may run scripts of these sources only."""
    return {"/pyqueue/sw.js": {"Content-Security-Policy": f"script-src {sources}"}}


ABSENT = "delete Navigator.prototype.serviceWorker"
COUNT_BOOTS = """
() => {
  window.boots = 0;
  pyqueue.subscribe(({ state }) => { if (state === "booting") window.boots += 1; });
}
"""
REFUSED = """
if (navigator.serviceWorker) navigator.serviceWorker.register = async () => {
  throw new DOMException("switched off by the person", "SecurityError");
};
"""


def comments_of(post_id: int, demo: Demo) -> list[str]:
    """The texts of one post's comments, in the order of arrival."""
    return [comment["text"] for comment in demo.comments() if comment["post_id"] == post_id]


@pytest.mark.parametrize("script", [ABSENT, REFUSED], ids=["absent", "refused"])
def test_a_worker_of_the_page_delivers(chromium: Chromium, demo: Demo, script: str) -> None:
    """In order, each once, and the stats say which kind of worker it is."""
    chromium.context.add_init_script(script)
    tab = Tab(chromium, demo.url)
    jobs = [tab.comment(text) for text in ("one", "two", "three")]
    for job in jobs:
        tab.result(job)
    assert tab.stats()["worker"]["mode"] == "worker"
    assert tab.stats()["backgroundSync"] is False
    assert demo.texts() == ["one", "two", "three"]
    assert len(demo.log()) == 3


def test_two_tabs_with_workers_of_their_own_deliver_each_job_once(chromium: Chromium, demo: Demo) -> None:
    """Only the one that has the lock sends; each tab's jobs stay in their order."""
    chromium.context.add_init_script(ABSENT)
    demo.set_trouble("slow", delay=0.1)
    tabs = {post_id: Tab(chromium, demo.url) for post_id in (1, 2)}
    texts = [f"comment {number}" for number in range(10)]
    jobs = [(tab, tab.comment(text, post_id)) for text in texts for post_id, tab in tabs.items()]
    for tab, job in jobs:
        tab.result(job)
    for post_id in tabs:
        assert comments_of(post_id, demo) == texts
    assert len(demo.log()) == len(jobs)


def test_many_tabs_share_one_interpreter(chromium: Chromium, demo: Demo) -> None:
    """The others hand their wake-ups to it. When its tab is closed, one of them takes its place."""
    chromium.context.add_init_script(ABSENT)
    tabs = [Tab(chromium, demo.url) for _ in range(5)]
    tabs[0].page.evaluate(COUNT_BOOTS)
    jobs = [(tab, tab.comment(f"{number}", number)) for number, tab in enumerate(tabs, 1)]
    for tab, job in jobs:
        tab.result(job)
    assert tabs[0].page.evaluate("window.boots") == 1
    demo.set_trouble("slow", delay=1)
    last = [tab.comment("after") for tab in tabs[1:]]
    # Whichever has it: the first wake-up's, as a rule.
    tabs[0].page.close()
    tabs[1].page.close()
    for tab, job in zip(tabs[2:], last[1:], strict=True):
        tab.result(job)
    assert demo.texts().count("after") == 4
    assert len({arrival["key"] for arrival in demo.log()}) == 9


def test_a_page_without_work_has_no_interpreter(chromium: Chromium, demo: Demo) -> None:
    """Its worker ends after a rest, and the next write starts another."""
    chromium.context.add_init_script(ABSENT)
    tab = Tab(chromium, demo.url)
    assert tab.page.workers == []
    tab.result(tab.comment("one"))
    assert len(tab.page.workers) == 1
    chromium.wait_for(lambda: not tab.page.workers)
    tab.result(tab.comment("two"))
    assert demo.texts() == ["one", "two"]


TRUSTED = "require-trusted-types-for 'script'"
POLICY_MISSING = f"{TRUSTED}; trusted-types other"


def test_a_site_that_demands_trusted_types_is_served(chromium: Chromium, annex: Annex) -> None:
    """By a policy of the name `pyqueue`."""
    annex.damage(headers={"/": {"Content-Security-Policy": f"{TRUSTED}; trusted-types pyqueue"}})
    tab = Tab(chromium, annex.url)
    tab.result(tab.comment("trusted"))
    assert tab.stats()["worker"]["mode"] == "service-worker"
    assert annex.texts() == ["trusted"]


@pytest.mark.parametrize(
    ("policy", "cause"),
    [(POLICY_MISSING, "TrustedScriptURL"), ("worker-src 'none'", "Content Security Policy")],
    ids=["trusted types", "no workers"],
)
def test_a_site_that_refuses_every_worker_is_told(
    chromium: Chromium, annex: Annex, policy: str, cause: str
) -> None:
    """Writes are kept; without the policy they leave."""
    annex.damage(headers={"/": {"Content-Security-Policy": policy}})
    tab = Tab(chromium, annex.url)
    job = tab.comment("kept")
    chromium.wait_for(lambda: tab.stats()["worker"]["state"] == "failed")
    assert cause in tab.stats()["worker"]["error"]["message"]
    tab.page.get_by_test_id("status").get_by_role("status").filter(has_text="Cannot sync: 1 saved").wait_for()
    annex.damage()
    tab.page.reload()
    tab.result(job)
    assert annex.texts() == ["kept"]


def test_jobs_wait_for_the_next_page_when_the_last_one_is_closed(chromium: Chromium, demo: Demo) -> None:
    """A page's worker ends with its page, in the middle of sending; the next page's goes on with the key."""
    chromium.context.add_init_script(ABSENT)
    demo.set_trouble("slow", delay=1)
    tab = Tab(chromium, demo.url)
    tab.comment("one")
    tab.comment("two")
    chromium.wait_for(demo.log)
    chromium.close_tabs()
    chromium.wait_for(demo.comments)
    tab = Tab(chromium, demo.url)
    chromium.wait_for(lambda: tab.stats()["depth"]["done"] == 2)
    assert demo.texts() == ["one", "two"]
    assert len({arrival["key"] for arrival in demo.log()}) == 2


def test_an_insecure_page_delivers_too(chromium: Chromium, demo: Demo) -> None:
    """Plain http has no service worker, no Web Locks and no Cache API: a worker of the page delivers."""
    tab = Tab(chromium, demo.url.replace("localhost", Chromium.INSECURE_HOST))
    assert tab.page.evaluate("isSecureContext") is False
    jobs = [tab.comment(text) for text in ("one", "two")]
    for job in jobs:
        tab.result(job)
    assert tab.stats()["worker"]["mode"] == "worker"
    assert demo.texts() == ["one", "two"]
    assert len(demo.log()) == 2


def test_a_network_lost_during_the_first_install_does_not_lose_the_write(
    chromium: Chromium, demo: Demo, network: Network
) -> None:
    """The worker could not be installed or loaded; when the network is back, one of the page's own is."""
    chromium.context.add_init_script(ABSENT)
    tab = Tab(chromium, demo.url)
    network.offline()
    job = tab.comment("patience")
    chromium.wait_for(lambda: tab.stats()["worker"]["state"] == "failed")
    network.online()
    tab.result(job)
    assert demo.texts() == ["patience"]
    assert len(demo.log()) == 1


@pytest.mark.parametrize(
    ("damage", "repair", "cause"),
    [
        (
            {"headers": policy("'self'")},
            {"headers": policy("'self' 'wasm-unsafe-eval'")},
            "script-src 'self' 'wasm-unsafe-eval'",
        ),
        ({"missing": [WASM]}, {}, f"{WASM} could not be downloaded: the server answered 404"),
        ({"replaced": {WASM: "of another build"}}, {}, f"{WASM} is not the file this build was made with"),
        ({"missing": ["/pyqueue/tasks.py"]}, {}, "tasks.py could not be downloaded"),
        ({"missing": [SCRIPT]}, {}, f"{SCRIPT} cannot be loaded; nor can a service worker be registered"),
        ({"headers": {SCRIPT: PLAIN}}, {}, "unsupported MIME type"),
        ({"replaced": {SCRIPT: "throw new TypeError('broken on its way')"}}, {}, "broken on its way"),
        ({"replaced": {SCRIPT: "const ="}}, {}, "ServiceWorker script evaluation failed"),
        ({"missing": ["/pyqueue/pyodide/pyodide.mjs"]}, {}, f"{SCRIPT} cannot be loaded"),
    ],
    ids=[
        "CSP",
        "missing file",
        "wrong file",
        "missing tasks",
        "missing script",
        "type of the script",
        "script that throws",
        "no script",
        "missing module",
    ],
)
def test_a_worker_that_cannot_boot_says_why_and_loses_nothing(
    chromium: Chromium, annex: Annex, damage: dict[str, Any], repair: dict[str, Any], cause: str
) -> None:
    """Writes are kept, the stats and the status element name the cause; repaired, the site delivers them."""
    annex.damage(**damage)
    tab = Tab(chromium, annex.url)
    jobs = [tab.comment("one"), tab.comment("two")]
    chromium.wait_for(lambda: cause in tab.stats()["worker"].get("error", {}).get("message", ""))
    assert cause in tab.wait_for_explanation(jobs[0], "worker_failed")["message"]
    status = tab.page.get_by_test_id("status")
    status.get_by_role("status").filter(has_text="Cannot sync: 2 saved here").wait_for()
    status.get_by_role("button", name="Cannot sync").click()
    status.get_by_text(cause).first.wait_for()
    assert annex.log() == []
    annex.damage(**repair)
    tab.page.reload()
    for job in jobs:
        tab.result(job)
    assert annex.texts() == ["one", "two"]
    assert len(annex.log()) == 2


@pytest.mark.parametrize(
    ("tasks", "cause"),
    [
        ("/annex/broken_tasks.py", "no such setting"),
        ("/annex/answers.py", "could not be downloaded: the server answered 404"),
        ("https://elsewhere.test/tasks.py", "tasks must be on this site's origin"),
    ],
    ids=["raise", "missing", "elsewhere"],
)
def test_tasks_that_cannot_be_had_are_told(chromium: Chromium, annex: Annex, tasks: str, cause: str) -> None:
    """On a static host nobody has looked at them before the worker does."""
    tab = Tab(chromium, annex.entry("/annex/pyqueue/", tasks))
    job = tab.comment("kept")
    chromium.wait_for(lambda: cause in tab.stats()["worker"].get("error", {}).get("message", ""))
    assert tab.explain(job)["code"] == "worker_failed"
    assert annex.log() == []
