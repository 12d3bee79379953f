"""BrowserSite keeps the Site contract, in a real browser."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.harness import python_page
from tests.contract import site_contract

pytestmark = pytest.mark.browser

ANSWER = """
async () => {
  const { onToken } = await import("/worker/site.js");
  const { tellToken } = await import("/web/page/token.js");
  const { NAME } = await import("/worker/mount.js");
  new BroadcastChannel(NAME).onmessage = ({ data }) => {
    if (data.type === "token_wanted") tellToken(data, { tell: onToken });
  };
  window.setCookie = (name, value) => { document.cookie = `${name}=${value}; path=/`; };
  window.setMeta = (name, content) => {
    const meta = document.querySelector(`meta[name="${CSS.escape(name)}"]`) ?? document.createElement("meta");
    Object.assign(meta, { name, content });
    document.head.append(meta);
  };
}
"""
"""The page answers as one with the queue does, but to itself: what asks is in a worker otherwise."""

RUN = """
import js, site_contract
from pyqueue.browser.site import BrowserSite

async def set_cookie(name, value):
    js.setCookie(name, value)

async def set_meta(name, value):
    js.setMeta(name, value)

async def run(name):
    await getattr(site_contract, name)(site_contract.Bench(BrowserSite(js.bridge), set_cookie, set_meta))
"""

FORGET = """
() => {
  for (const meta of document.querySelectorAll("meta[name]")) meta.remove();
  document.cookie = "csrftoken=; path=/; max-age=0";
}
"""


@pytest.fixture(scope="module", params=[True, False], ids=["cookieStore", "document.cookie"])
def python(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page with Python, the worker's bridge and the contract; with cookies for workers, or without."""
    hide = "" if request.param else 'Object.defineProperty(window, "cookieStore", { value: undefined });'
    with python_page(browser, site_contract, ANSWER.replace("{\n", f"{{\n{hide}\n", 1), RUN) as page:
        yield page


@pytest.mark.parametrize("behaviour", site_contract.CONTRACT, ids=lambda behaviour: behaviour.__name__[5:])
def test_browser_site(python: Page, behaviour: Callable[..., Awaitable[None]]) -> None:
    python.evaluate(FORGET)
    python.evaluate("(name) => window.run(name)", behaviour.__name__)
