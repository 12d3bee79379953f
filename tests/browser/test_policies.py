"""The policies that a site may send with pages and worker, as docs/security.md has them to paste."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Frame

from tests.browser.harness import Annex, Chromium, Tab

PAGE, WORKER = "/annex/policy.html", "/pyqueue/sw.js"
NONCE = "cXVldWU"
CSP = "Content-Security-Policy"
OF_PAGE = {
    "default-src": "'none'",
    "script-src": f"'nonce-{NONCE}' 'strict-dynamic'",
    "worker-src": "'self'",
    "require-trusted-types-for": "'script'",
    "trusted-types": "pyqueue",
}
OF_WORKER = {
    "default-src": "'none'",
    "script-src": "'self' 'wasm-unsafe-eval'",
    "connect-src": "'self'",
}
ISOLATED = {"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp"}
OF_ISOLATED_WORKER = {"Cross-Origin-Embedder-Policy": "require-corp"}
OTHERS = {
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), storage-access=(), sync-xhr=(), usb=()",
}
REFUSED = """
if (navigator.serviceWorker) navigator.serviceWorker.register = async () => {
  throw new DOMException("switched off by the person", "SecurityError");
};
"""
SECURITY = Path(__file__).parents[2] / "docs" / "security.md"


def csp(directives: dict[str, str], without: str = "") -> dict[str, str]:
    """A Content-Security-Policy as a header."""
    return {CSP: "; ".join(f"{name} {value}" for name, value in directives.items() if name != without)}


def deliver(chromium: Chromium, annex: Annex, text: str = "hi") -> Tab:
    """A write of the page arrives, and the status element is drawn."""
    tab = Tab(chromium, annex.url.rstrip("/") + PAGE)
    tab.page.get_by_test_id("text").fill(text)
    tab.page.get_by_test_id("send").click()
    chromium.wait_for(lambda: annex.texts() == [text])
    status = tab.page.get_by_test_id("status").get_by_role("status").filter(has_text="All saved")
    status.wait_for()
    return tab


def violations(chromium: Chromium) -> list[str]:
    return [line for line in chromium.console if re.search("violates|Refused to|requires Trusted", line)]


@pytest.mark.parametrize("kind", ["service-worker", "worker"])
def test_the_strictest_policies_are_enough(chromium: Chromium, annex: Annex, kind: str) -> None:
    """All at once, with a service worker and with one of the page's own; nothing is even reported."""
    if kind == "worker":
        chromium.context.add_init_script(REFUSED)
    of_worker = {**csp(OF_WORKER), **OF_ISOLATED_WORKER, **OTHERS}
    annex.damage(headers={PAGE: {**csp(OF_PAGE), **ISOLATED, **OTHERS}, WORKER: of_worker})
    tab = deliver(chromium, annex)
    assert tab.page.evaluate("crossOriginIsolated") is True
    assert tab.stats()["worker"]["mode"] == kind
    assert violations(chromium) == []


def test_a_policy_of_the_page_may_be_sent_with_the_worker_too(chromium: Chromium, annex: Annex) -> None:
    """As most sites do, which send one policy with everything."""
    both = {**OF_PAGE, "script-src": f"{OF_PAGE['script-src']} 'wasm-unsafe-eval'", "connect-src": "'self'"}
    annex.damage(headers={PAGE: csp(both), WORKER: csp(both)})
    assert deliver(chromium, annex).stats()["worker"]["mode"] == "service-worker"


@pytest.mark.parametrize("directive", ["script-src", "trusted-types"])
def test_each_directive_of_the_page_is_needed(chromium: Chromium, annex: Annex, directive: str) -> None:
    """Without it the page's script, or every worker, is refused: `trusted-types` with another's name."""
    others = {**OF_PAGE, "trusted-types": "another"} if directive == "trusted-types" else OF_PAGE
    annex.damage(headers={PAGE: csp(others, "script-src" if directive == "script-src" else "")})
    chromium.open(annex.url.rstrip("/") + PAGE)
    chromium.wait_for(lambda: violations(chromium))
    assert annex.texts() == []


@pytest.mark.parametrize("directive", ["script-src", "connect-src"])
def test_each_directive_of_the_worker_is_needed(chromium: Chromium, annex: Annex, directive: str) -> None:
    """Without it no worker can start, and the page says so; what was written is kept."""
    annex.damage(headers={WORKER: csp(OF_WORKER, directive)})
    tab = Tab(chromium, annex.url.rstrip("/") + PAGE)
    job = tab.comment("kept")
    chromium.wait_for(lambda: tab.stats()["worker"]["state"] == "failed")
    assert tab.job(job)["status"] == "pending"


@pytest.mark.parametrize("policy", ["require-corp", "credentialless"])
@pytest.mark.parametrize("kind", ["service-worker", "worker"])
def test_an_isolated_page_is_served(chromium: Chromium, annex: Annex, policy: str, kind: str) -> None:
    """Also by a worker of its own, which the browser runs only if its script is isolated as well."""
    if kind == "worker":
        chromium.context.add_init_script(REFUSED)
    of_worker = OF_ISOLATED_WORKER if kind == "worker" else {}
    annex.damage(headers={PAGE: {**ISOLATED, "Cross-Origin-Embedder-Policy": policy}, WORKER: of_worker})
    tab = deliver(chromium, annex)
    assert tab.page.evaluate("crossOriginIsolated") is True
    assert tab.stats()["worker"]["mode"] == kind


def test_an_isolated_page_runs_no_worker_that_is_not(chromium: Chromium, annex: Annex) -> None:
    """The site has to isolate the script as well; without that the page says that nothing leaves."""
    chromium.context.add_init_script(REFUSED)
    annex.damage(headers={PAGE: ISOLATED})
    tab = Tab(chromium, annex.url.rstrip("/") + PAGE)
    job = tab.comment("kept")
    chromium.wait_for(lambda: tab.stats()["worker"]["state"] == "failed")
    assert tab.job(job)["status"] == "pending"


def frame_of(chromium: Chromium, annex: Annex, name: str) -> Frame:
    page = chromium.open(annex.page("frames"))
    frame = page.frame(name)
    assert frame is not None
    frame.wait_for_load_state()
    return frame


def test_a_sandboxed_frame_of_the_origin_has_the_queue(chromium: Chromium, annex: Annex) -> None:
    frame = frame_of(chromium, annex, "same")
    frame.wait_for_function("window.pyqueue")
    frame.evaluate("pyqueue.enqueue('comment.create', { post_id: 1, text: 'framed' }).then(() => {})")
    chromium.wait_for(lambda: annex.texts() == ["framed"])


STORAGE = """
() => new Promise((resolve) => {
  try {
    const opening = indexedDB.open("pyqueue:/pyqueue/");
    opening.onsuccess = () => resolve("opened");
    opening.onerror = () => resolve(opening.error.name);
  } catch (error) {
    resolve(error.name);
  }
})
"""


def test_a_frame_without_an_origin_has_nothing_of_it(chromium: Chromium, annex: Annex) -> None:
    """The browser refuses it script and database: what runs there may be anybody's."""
    frame = frame_of(chromium, annex, "opaque")
    assert frame.evaluate("typeof pyqueue") == "undefined"
    assert frame.evaluate(STORAGE) == "SecurityError"


def test_the_documented_policies_are_those_that_were_tested() -> None:
    """To the letter, but for the nonce."""
    text = SECURITY.read_text("utf-8")
    page = csp(OF_PAGE)[CSP].replace(NONCE, "…")
    headers = [f"{name}: {value}" for name, value in {**OTHERS, **ISOLATED}.items()]
    for line in (f"{CSP}: {page}", f"{CSP}: {csp(OF_WORKER)[CSP]}", *headers):
        assert line in text
