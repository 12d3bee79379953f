"""Where requests may go, judged by the browser that sends them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pyqueue import InvalidRequest
from pyqueue._destinations import origin_of
from tests.browser.harness import Annex, Chromium, Refusal, Site, Tab
from tests.browser.test_exchange import SEND
from tests.unit.test_destinations import ELSEWHERE, WITHIN

OWN = "https://site.test"

ORIGINS = """
(urls) => urls.map((url) => {
  try {
    const { origin, username, password } = new URL(url, "https://site.test");
    return username || password ? "secret" : origin;
  } catch {
    return null;
  }
})
"""
"""What a browser makes of URLs; `null`: it sends to none of them."""

SCHEMES = ["https:", "http:", "HTTPS:", "ht\ttps:", "javascript:"]
SLASHES = ["//", "/", "\\\\", "\\", "/\\", "/\t/", " "]
HOSTS = [
    *("site.test", "evil.test", "SITE.TEST", "site.test.", "xn--bcher-kva.example", "bücher.example"),
    *("%65vil", "127.0.0.1", "127.1", "0x7f.1", "2130706433", "[::1]", "[::ffff:1.2.3.4]", "[1::0:0:2]"),
]
AFTER = [":", ":443", ":0443", ":80", ":8443", ":99999", ":x", "@", "user:secret@", "?", "#", "..", "%2e%2e"]
ODD = ["a", "é", "\u212a", "\u3002", "\u00ad", "\u2028", "\x00", "\x7f", "\n", "_", "-", "{", "|", "^", "*"]

part = st.sampled_from([*SCHEMES, *SLASHES, *HOSTS, *AFTER, *ODD])
absolute = st.tuples(*map(st.sampled_from, (SCHEMES, SLASHES, HOSTS, ["", *AFTER], ["", "/", *ODD])))
urls = absolute.map("".join) | st.lists(part, min_size=1, max_size=7).map("".join) | st.text(max_size=20)


def verdict(url: str) -> str | None:
    """The origin that Python finds; `None`: it refuses the URL."""
    try:
        return origin_of(url, OWN)
    except InvalidRequest:
        return None


@pytest.fixture
def page(chromium: Chromium, site: Site) -> Tab:
    """A tab of the site whose modules are called."""
    return Tab(chromium, site.url)


def test_python_finds_no_origin_but_the_one_that_the_browser_finds(page: Tab) -> None:
    """It may refuse more. Whatever a browser has written out itself, it reads as the browser does."""

    @settings(
        max_examples=60,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate],
    )
    @given(st.lists(urls, min_size=40, max_size=60))
    def compare(drawn: list[str]) -> None:
        batch = [
            url for url in [*drawn, *ELSEWHERE, *WITHIN] if not any("\ud800" <= c < "\ue000" for c in url)
        ]
        for url, found in zip(batch, page.run(ORIGINS, batch), strict=True):
            assert verdict(url) in (None, found), url

    compare()
    assert [verdict(url) for url in WITHIN] == page.run(ORIGINS, WITHIN) == [OWN] * len(WITHIN)


def test_what_a_page_has_stored_is_read_as_the_browser_wrote_it(page: Tab) -> None:
    """A page stores absolute URLs: of those none that leads to an ordinary host is refused by mistake."""
    ordinary = [
        "https://a.test/x y?é#ü",
        "https://bücher.example/ü",
        "http://[1::0:0:2]:80/",
        "HTTP://A.test:81",
        "/ä",
    ]
    written = page.run(f"(urls) => urls.map((url) => new URL(url, {OWN!r}).href)", ordinary)
    assert [verdict(url) for url in written] == page.run(ORIGINS, ordinary)


@pytest.mark.parametrize("declared", [None, []], ids=["nothing declared", "no origins declared"])
def test_a_page_refuses_a_request_to_elsewhere(page: Tab, site: Site, declared: Any) -> None:
    """By the server's declaration; where there is none, the worker judges."""
    if declared is None:
        page.run("() => pyqueue.enqueue({ url: 'https://evil.test/' })")
        return
    site.declaration = {"origins": ["https://api.example.org"], "tasks": {}}
    page.reload()
    for url in ("https://evil.test/", "//evil.test/", "/\\evil.test", "\t//evil.test", f"{site.other}/asked"):
        with pytest.raises(Refusal, match=r"InvalidPayload: .*Queue\(origins="):
            page.call("enqueue", {"url": url})
    job = page.call("enqueue", {"url": "/within"})
    with pytest.raises(Refusal, match=r"Queue\(origins="):
        page.call("edit", job["id"], {"url": "https://evil.test/"})
    page.call("enqueue", {"url": "https://api.example.org/notes"})
    assert page.inbox() == 2


def test_the_browser_has_the_last_word_on_where_a_url_leads(page: Tab, site: Site) -> None:
    """Whatever was judged before: nothing leaves to another origin than the request names."""
    for options in ({}, {"origin": None}, {"origin": "http://evil.test"}):
        answer = page.run(SEND, [f"{site.other}/asked", options])
        assert answer["name"] == "invalid"
        assert "it leads to" in answer["message"]
    assert site.asked == []
    page.run(SEND, [f"{site.other}/asked", {"origin": site.other, "credentials": "omit"}])
    assert site.asked == [site.other.removeprefix("http://")]


def test_a_redirect_that_the_browser_follows_does_not_leave_the_site(page: Tab, site: Site) -> None:
    assert page.run(SEND, ["/leave", {"redirect": "follow"}])["name"] == "network"
    assert site.asked == []


def test_a_hostile_page_sends_nothing_elsewhere_and_leaves_no_secret(
    chromium: Chromium, annex: Annex
) -> None:
    """It has written its commands past every check: the worker fails each, with the reason."""
    tab = Tab(chromium, annex.page("secrets"))
    other = annex.url.replace("localhost", "127.0.0.1")
    requests: list[dict[str, Any]] = [
        {"url": f"{other}annex/answers/thanks"},
        {"url": f"{other.removeprefix('http:')}annex/answers/thanks"},
        {"url": f"\\\\127.0.0.1:{annex.url.rpartition(':')[2]}annex/answers/thanks"},
        {"url": "/annex/answers/thanks", "headers": {"authorization": "s3cret"}},
        {"url": "/annex/answers/thanks", "body": {"_csrf": "s3cret"}},
        {"url": "http://ada:s3cret@localhost/"},
        {"url": "/annex/answers/thanks", "headers": {"idempotency-key": "mine"}},
    ]
    commands = [
        {"v": 1, "type": "enqueue", "id": f"h{n}", "at": 1.0, "bytes": 8, "payload": r}
        for n, r in enumerate(requests)
    ]
    tab.run(HOSTILE, commands)
    job = tab.call("enqueue", "elsewhere", {"url": f"{other}annex/answers/thanks"})
    for command in [*commands, job]:
        ended = tab.wait_for_status(str(command["id"]), "failed")
        assert ended["certainty"] == "never_sent", command
    assert annex.reports() == []
    assert "s3cret" not in json.dumps(tab.call("jobs"))


HOSTILE = """
async (commands) => {
  const opening = indexedDB.open("pyqueue:/annex/pyqueue/");
  await new Promise((resolve, reject) => { opening.onsuccess = resolve; opening.onerror = reject; });
  const tx = opening.result.transaction("inbox", "readwrite");
  for (const command of commands) tx.objectStore("inbox").add(command);
  await new Promise((resolve) => (tx.oncomplete = resolve));
  opening.result.close();
}
"""


def test_a_token_is_added_by_the_worker_and_asked_for_anew_when_it_is_stale(
    chromium: Chromium, annex: Annex
) -> None:
    """A 401 costs no attempt, and nothing of the token is left in what the server repeats of it."""
    tab = Tab(chromium, annex.page("secrets"))
    job = tab.call("enqueue", "guarded", {"text": "hi"})
    assert tab.result(job["id"]) == "… Bearer "
    assert annex.authorizations() == ["Bearer token-number-1", "Bearer token-number-2"]
    assert tab.job(job["id"])["attempts"] == 1
    tab.result(tab.call("enqueue", "guarded", {"text": "again"})["id"])
    assert annex.authorizations()[2:] == ["Bearer token-number-2"]
    assert "token-number" not in json.dumps([tab.call("jobs"), tab.stats()])
