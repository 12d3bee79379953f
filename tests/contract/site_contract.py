"""What every Site does, whatever it is made of. Run by CPython and, in a real browser, by Pyodide."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

NAME = "csrf.token:1"
"""A name that a cookie and a `<meta>` may have, and that is no plain CSS identifier."""


@dataclass
class Bench:
    """A site with one open page that has no cookie and no meta.

    Attributes:
        site: under test.
        set_cookie: sets a cookie that scripts may read.
        set_meta: gives the open page a `<meta>`.
    """

    site: Any
    set_cookie: Callable[[str, str], Awaitable[None]]
    set_meta: Callable[[str, str], Awaitable[None]]


async def test_what_is_not_there_is_none(bench: Bench) -> None:
    assert await bench.site.cookie(NAME) is None
    assert await bench.site.meta(NAME) is None


async def test_a_cookie_has_its_present_value(bench: Bench) -> None:
    for value in ("first", "second%2D=a"):
        await bench.set_cookie("csrftoken", value)
        assert await bench.site.cookie("csrftoken") == value


async def test_a_meta_has_its_present_content(bench: Bench) -> None:
    for value in ("first", 'with "quotes" and <'):
        await bench.set_meta(NAME, value)
        assert await bench.site.meta(NAME) == value


async def test_what_was_refused_counts_as_none(bench: Bench) -> None:
    await bench.set_cookie("csrftoken", "stale")
    await bench.set_meta(NAME, "stale")
    assert await bench.site.cookie("csrftoken", ["older", "stale"]) is None
    assert await bench.site.meta(NAME, ["stale"]) is None
    assert await bench.site.cookie("csrftoken", ["another"]) == "stale"
    assert await bench.site.meta(NAME, ["another"]) == "stale"


async def test_an_empty_one_counts_as_none(bench: Bench) -> None:
    await bench.set_cookie("csrftoken", "")
    await bench.set_meta(NAME, "")
    assert await bench.site.cookie("csrftoken") is None
    assert await bench.site.meta(NAME) is None


async def test_cookies_and_metas_do_not_mix(bench: Bench) -> None:
    await bench.set_cookie("csrftoken", "of the cookie")
    await bench.set_meta("csrftoken", "of the meta")
    assert await bench.site.cookie("csrftoken") == "of the cookie"
    assert await bench.site.meta("csrftoken") == "of the meta"


async def test_the_origin_has_no_path(bench: Bench) -> None:
    scheme, _, host = bench.site.origin.partition("://")
    assert scheme in ("http", "https")
    assert host
    assert "/" not in host


CONTRACT = [value for name, value in list(globals().items()) if name.startswith("test_")]
