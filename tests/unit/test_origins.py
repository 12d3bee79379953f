"""The origins that a queue declares, and what a URL's origin is."""

from __future__ import annotations

import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyqueue import DeclarationError, InvalidRequest, Origin, Queue
from pyqueue._destinations import Destinations, origin_of
from pyqueue.testing import Simulation

OWN = "https://site.test"


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("/a", OWN),
        ("a?b=https://elsewhere.test", OWN),
        ("/a b/é", OWN),
        ("https://site.test/a", OWN),
        ("HTTPS://SITE.test:443/a", OWN),
        ("//site.test:0443", OWN),
        ("https://site.test:/a", OWN),
        ("http://site.test/a", "http://site.test"),
        ("https://site.test:8443/a", "https://site.test:8443"),
        ("https://site.test.elsewhere.test/a", "https://site.test.elsewhere.test"),
        ("//elsewhere.test/a", "https://elsewhere.test"),
        ("http://[::1]:8000", "http://[::1]:8000"),
        ("http://127.0.0.1:80/", "http://127.0.0.1"),
    ],
)
def test_a_url_has_the_origin_that_browsers_find(url: str, origin: str) -> None:
    assert origin_of(url, OWN) == origin


@given(st.text("htps:/\\.@#?a[]0x%é\t\n ", max_size=25))
def test_a_text_has_an_origin_or_a_reason(url: str) -> None:
    """Nothing else is raised, and only a path is the site's own without naming it."""
    try:
        origin = origin_of(url, OWN)
    except InvalidRequest:
        return
    assert origin == OWN or origin.startswith(("https://", "http://"))
    assert not (origin == OWN and url.startswith(("//", "\\", "/\\")) and "site.test" not in url)


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "*",
        "https://*.example.org",
        "https://*",
        "https://example.org/",
        "https://example.org/api",
        "https://example.org?x",
        "https://EXAMPLE.org",
        "https://example.org:443",
        "https://user:secret@example.org",
        "https://bücher.example",
        "//example.org",
        "example.org",
        "ftp://example.org",
        "data:",
        "file://",
        "",
        " https://example.org",
        None,
        7,
    ],
)
def test_what_is_no_exact_origin_is_refused_with_the_remedy(origin: Any) -> None:
    with pytest.raises(DeclarationError, match=r"give an exact origin, as 'https://api\.example\.org'"):
        Queue(origins=[origin])


@pytest.mark.parametrize("origins", ["https://example.org", {"https://example.org": "include"}, 5])
def test_origins_are_a_list(origins: Any) -> None:
    with pytest.raises(DeclarationError, match="give a list"):
        Queue(origins=origins)


def test_an_origin_is_named_once() -> None:
    with pytest.raises(DeclarationError, match="twice"):
        Queue(origins=["https://example.org", Origin("https://example.org", auth=True)])


@pytest.mark.parametrize("options", [{"credentials": "include"}, {"auth": True}])
def test_what_is_secret_goes_by_https_only(options: dict[str, Any]) -> None:
    """Or to this very machine."""
    with pytest.raises(DeclarationError, match="https only"):
        Origin("http://api.example.org", **options)
    for private in ("https://api.example.org", "http://localhost:8000", "http://127.0.0.1:9"):
        Origin(private, **options)
    with pytest.raises(DeclarationError, match="https only"):
        Origin("http://localhost.example.org", **options)


@pytest.mark.parametrize("options", [{"credentials": "same-origin"}, {"auth": "yes"}])
def test_a_wrong_option_of_an_origin_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(DeclarationError):
        Origin("https://example.org", **options)


def test_cookies_go_elsewhere_only_if_the_declaration_says_so() -> None:
    origins = ["https://a.test", Origin("https://b.test", credentials="include")]
    with Simulation(Queue(origins=origins)) as sim:
        for url in ("https://a.test/x", "https://b.test/x", "/x"):
            sim.enqueue(None, {"url": url})
        sim.run(seconds=60)
        sent = [(request.origin, request.credentials) for request in sim.server.requests]
        assert sent == [("https://a.test", "omit"), ("https://b.test", "include"), (None, "omit")]


def test_pages_are_told_the_origins_and_no_more() -> None:
    origins = ["https://a.test", Origin("https://b.test", credentials="include", auth=True)]
    assert Queue(origins=origins).declaration()["origins"] == ["https://a.test", "https://b.test"]
    assert "origins" not in Queue().declaration()


hosts = st.text(string.ascii_lowercase + string.digits + "-.", min_size=1, max_size=12)


@given(hosts, st.none() | st.integers(0, 70_000))
def test_an_origin_that_is_found_is_found_again(host: str, port: int | None) -> None:
    """What a URL's origin is, is an origin that can be declared, and leads to itself."""
    try:
        origin = origin_of(f"https://{host}" + ("" if port is None else f":{port}") + "/x", OWN)
    except InvalidRequest:
        return
    other = Destinations(OWN, [Origin(origin)]).find(f"{origin}/y")
    assert (None if other is None else other.url) == (None if origin == OWN else origin)
