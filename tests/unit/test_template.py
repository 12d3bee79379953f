"""Templates: what a payload may put where."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from pyqueue import DeclarationError, InvalidPayload, Queue
from pyqueue._template import Template, URLTemplate

text = st.text(st.characters(exclude_categories=("Cs",)))
dotty = st.text(st.sampled_from("./\\%2eE?#: \t\n"), max_size=6)


def test_a_template_is_filled_and_quoted_for_urls() -> None:
    assert Template("post:{post_id}").fill({"post_id": "a/b"}) == "post:a/b"
    assert Template("{{{a}}}").fill({"a": 1}) == "{1}"
    url = URLTemplate("/api/posts/{post_id}/comments?by={name}#{name}")
    assert (
        url.fill({"post_id": "a/b ?", "name": "ä&b"})
        == "/api/posts/a%2Fb%20%3F/comments?by=%C3%A4%26b#%C3%A4%26b"
    )


@pytest.mark.parametrize(
    "wrong", ["{", "}", "{a.b}", "{a[0]}", "{}", "{0}", "{a!r}", "{a:>3}", "\0", "\ud800", 1, None]
)
def test_a_template_with_more_than_plain_names_is_refused(wrong: Any) -> None:
    with pytest.raises(DeclarationError, match="template"):
        Template(wrong)


@pytest.mark.parametrize(
    "payload",
    [
        {},
        *(
            {"a": value}
            for value in (None, {"x": 1}, [1], b"x", object(), "\ud800", 2**53, -(2**53), math.nan, math.inf)
        ),
    ],
    ids=repr,
)
def test_a_payload_without_the_named_value_is_refused(payload: dict[str, object]) -> None:
    for template in (Template("{a}"), URLTemplate("/{a}")):
        with pytest.raises(InvalidPayload, match="'a'"):
            template.fill(payload)


@pytest.mark.parametrize(
    ("value", "spelt"),
    [
        (True, "true"),
        (False, "false"),
        (0, "0"),
        (-7, "-7"),
        (2**53 - 1, "9007199254740991"),
        (1.0, "1"),
        (-0.0, "0"),
        (1.5, "1.5"),
        (-0.25, "-0.25"),
        (100.0, "100"),
        (1e-6, "0.000001"),
        (0.00001, "0.00001"),
        (1e-7, "1e-7"),
        (1.25e-7, "1.25e-7"),
        (123456789012345680000.0, "123456789012345680000"),
        (1e21, "1e+21"),
        (-1.5e300, "-1.5e+300"),
        (5e-324, "5e-324"),
        (1.7976931348623157e308, "1.7976931348623157e+308"),
        ("", ""),
        ("x", "x"),
    ],
)
def test_values_are_spelt_as_javascript_spells_them(value: object, spelt: str) -> None:
    assert Template("{a}").fill({"a": value}) == spelt


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_reads_back_as_itself(value: float) -> None:
    spelt = Template("{a}").fill({"a": value})
    assert float(spelt) == value
    # The grammar of ECMAScript's Number::toString.
    assert re.fullmatch(r"0|-?([1-9]\d{0,20}|\d+\.\d*[1-9]|[1-9](\.\d*[1-9])?e[+-][1-9]\d*)", spelt)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https://{host}/",
        "https://api.{host}/",
        "https://example.org:{port}/",
        "{scheme}://example.org/",
        "{scheme}:x",
        "//{host}/x",
        "///{host}/x",
        "https:///{host}",
        "https:/{host}",
        "https:{path}",
        "https://example.org{path}",
        "https://user:secret@example.org/",
        "https://example.org:99999/",
        "https://exa mple.org/",
        "ftp://example.org/",
        "javascript:alert({x})",
        "data:,{x}",
        "/a b",
        "/a\n{x}",
        "\\\\{host}\\x",
        "/a/../{x}",
        "/a/%2E/{x}",
        "/\ud800",
        None,
    ],
)
def test_a_url_that_a_value_could_turn_elsewhere_is_refused_where_it_is_declared(url: Any) -> None:
    with pytest.raises(DeclarationError):
        Queue().http("a", "POST", url)


@pytest.mark.parametrize(
    "url",
    [
        "/",
        "api/{x}",
        "?x={x}",
        "/a:b/{x}",
        "https://example.org",
        "https://example.org:8000/{x}?y={x}",
        "http://[::1]:8000/{x}",
        "//example.org/{x}",
        "https://bücher.example/{x}",
        "/{x}:{x}",
        "/a?u=https://{x}/",
    ],
)
def test_these_urls_are_accepted(url: str) -> None:
    assert "{" not in URLTemplate(url).fill({"x": "1"})


@pytest.mark.parametrize(
    ("url", "payload"),
    [
        ("/posts/{post}/comments/{id}", {"post": 1, "id": ".."}),
        ("/posts/{post}/comments/{id}", {"post": 1, "id": "."}),
        ("/posts/{post}/comments/{id}", {"post": "", "id": 1}),
        ("/{id}", {"id": ""}),
        ("{id}/x", {"id": ""}),
        ("/x/.{id}", {"id": "."}),
        ("/x/{id}{id}", {"id": "."}),
        ("/x/%2{id}", {"id": "e"}),
        ("/x/%2{id}%2E", {"id": "E"}),
        ("/x/%2e{id}?q", {"id": ""}),
        ("https://example.org/{id}#x", {"id": ".."}),
    ],
)
def test_a_value_that_would_leave_its_segment_is_refused(url: str, payload: dict[str, object]) -> None:
    with pytest.raises(InvalidPayload, match="leads elsewhere"):
        URLTemplate(url).fill(payload)


@pytest.mark.parametrize("value", ["", ".", "..", "../..", "a/../b"])
def test_a_value_in_a_query_may_be_anything(value: str) -> None:
    assert URLTemplate("/x?q={q}").fill({"q": value}).startswith("/x?q=")


urls = st.lists(
    st.lists(st.sampled_from(["{a}", "{b}", ".", "..", "%2e", "%2", "x", ":", "", "e"]), max_size=3).map(
        "".join
    ),
    min_size=1,
    max_size=5,
).map("/".join)
prefixes = st.sampled_from(["/", "", "https://example.org/", "//example.org/"])
suffixes = st.sampled_from(["", "?q={a}", "#{b}", "?{a}/../{b}"])
values = st.one_of(
    text,
    dotty,
    st.integers(-(2**53) + 1, 2**53 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
)


@given(prefixes, urls, suffixes, values, values)
@example("/", "posts/{a}/comments/{b}", "", 1, "..")
@example("/", "{a}/{b}", "", "", "example.com")
@example("/", "x/%2{a}%2{b}", "", "e", "E")
def test_a_filled_url_has_the_segments_of_its_template(
    prefix: str, path: str, suffix: str, a: Any, b: Any
) -> None:
    assume(prefix not in ("", "/") or not (prefix + path).startswith("//"))  # Not a path, but a host.
    try:
        template = URLTemplate(prefix + path + suffix)
    except DeclarationError:
        return
    try:
        filled = template.fill({"a": a, "b": b})
    except InvalidPayload:
        return
    host, segments = resolved(filled)
    assert host == ("example.org" if "example.org" in prefix else "site.test")
    wanted_segments = (path if prefix else path.removeprefix("/")).split("/")
    for segment, wanted in zip(segments, wanted_segments, strict=True):
        literals = [re.escape(part) for part in re.split(r"\{[ab]\}", wanted)]
        assert re.fullmatch(".*".join(literals), segment, re.DOTALL)


def resolved(url: str) -> tuple[str, list[str]]:
    """Host and path segments, as the WHATWG standard's basic URL parser finds them at a site's root."""
    url = re.sub(r"[\t\n\r]", "", url.strip("".join(map(chr, range(0x21)))))
    url = re.split(r"[?#]", url, maxsplit=1)[0].replace("\\", "/")
    if scheme := re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", url):
        assert scheme[0] in ("http:", "https:")
        url = "//" + url[scheme.end() :].lstrip("/")
    host = "site.test"
    if url.startswith("//"):
        host, slash, path = url.lstrip("/").partition("/")
        url = slash + path
    segments: list[str] = []
    parts = url.removeprefix("/").split("/")
    for index, part in enumerate(parts):
        plain = part.lower().replace("%2e", ".")
        if plain == "..":
            segments = segments[:-1]
        if plain not in (".", ".."):
            segments.append(part)
        elif index == len(parts) - 1:
            segments.append("")
    return host, segments
