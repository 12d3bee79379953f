"""Which headers are keys, which keys meet, and what makes two requests the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyqueue._http import quote_key
from pyqueue.server import json_by_value, multipart_by_parts, raw
from pyqueue.server.protocol import InvalidKey, normal_host, parse_key, scoped
from tests.server.site import PROBLEM, Site, respond

Host = Callable[..., Site]


async def ok(scope: Any, receive: Any, send: Any) -> None:
    for message in respond():
        await send(message)


@pytest.mark.parametrize(
    ("header", "key"),
    [
        (b'"a"', "a"),
        (b'  "a"\t', "a"),
        (b"a", "a"),
        (b'"a b"', "a b"),
        (rb'"a\"b\\c"', 'a"b\\c'),
        (b'"a";v=1', "a"),
        (b'"a"; v=1;w', "a"),
        (b'"a";v="x;\\"y"', "a"),
        (b'"a";v=:aGk=:;w=?1;x=@1659578233;y=-1.5;z=tok/en', "a"),
        (b"a;v=1", "a"),
        (b'";"', ";"),
        (b'"' + b"x" * 255 + b'"', "x" * 255),
    ],
)
def test_a_structured_string_is_a_key_with_or_without_parameters(header: bytes, key: str) -> None:
    """RFC 9651 3.3.3 and 3.1.2; a bare word is taken too."""
    assert parse_key(header) == key


@pytest.mark.parametrize(
    "header",
    [
        *(b"", b'""', b'"a', b'a"', b"a b", b'"a", "b"', b'"\xe9"', b'"a\tb"', rb'"\x"', b'"a";', b'"a";V=1'),
        *(b'"a";v=', b'"a" ;v', b'("a")', b'"' + b"x" * 256 + b'"', b'"a";v="' + b"x" * 5000 + b'"'),
    ],
)
def test_what_is_not_one_key_is_refused(header: bytes) -> None:
    with pytest.raises(InvalidKey):
        parse_key(header)


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=255))
def test_every_key_that_a_queue_sends_is_read_as_it_was(key: str) -> None:
    assert parse_key(quote_key(key).encode()) == key


@given(st.binary(max_size=300))
def test_no_header_breaks_the_parser(header: bytes) -> None:
    with suppress(InvalidKey):
        assert 1 <= len(parse_key(header)) <= 255


TEXT = st.text(min_size=1, max_size=20)
KEYED = st.tuples(
    st.sampled_from(["a.org", "b.org", ""]), st.none() | TEXT, st.text('ab\\" ', min_size=1, max_size=5)
)


@given(KEYED, KEYED)
def test_keys_of_two_hosts_or_principals_never_meet(one: Any, other: Any) -> None:
    """Also if a principal's name has line breaks in it."""
    assert (scoped(*one) == scoped(*other)) == (one == other)


@pytest.mark.parametrize(
    ("host", "scheme", "same"),
    [
        ("A.org", "http", "a.org"),
        ("a.org:80", "http", "a.org"),
        ("a.org:443", "https", "a.org"),
        ("a.org:8080", "http", "a.org:8080"),
        ("[::1]:80", "http", "[::1]"),
    ],
)
def test_a_host_compares_without_case_and_usual_port(host: str, scheme: str, same: str) -> None:
    assert normal_host(host, scheme) == same


def test_keys_of_two_hosts_do_not_meet_on_the_wire(host: Host) -> None:
    """One server may serve several sites. Another port is the same host, as for cookies."""
    site = host(ok)
    replayed = [
        "idempotency-replayed" in site.post(headers={"host": name}).headers
        for name in ("a.org", "b.org", "A.org", "b.org:8080")
    ]
    assert replayed == [False, False, True, True]


def test_a_host_of_absurd_length_is_refused(host: Host) -> None:
    answer = host(ok).post(headers={"host": "x" * 300})
    assert (answer.status_code, answer.json()["type"]) == (400, PROBLEM + "host-invalid")


def test_a_repeated_header_is_refused_with_its_echo(host: Host) -> None:
    answer = host(ok).post(headers=[("Idempotency-Key", '"a"'), ("Idempotency-Key", '"b"')], key=None)
    assert (answer.status_code, answer.json()["type"]) == (400, PROBLEM + "key-invalid")
    assert answer.headers["idempotency-key"] == '"a", "b"'


def test_an_absurdly_long_key_is_refused_without_its_echo(host: Host) -> None:
    answer = host(ok).post(key=f'"{"x" * 3000}"')
    assert answer.status_code == 400
    assert "idempotency-key" not in answer.headers


def test_another_content_type_is_another_request(host: Host) -> None:
    """One parser may read in a body what another does not."""
    site = host(ok)
    types = ["application/json", "application/json", "application/x-www-form-urlencoded"]
    assert [site.post(headers={"content-type": t}).status_code for t in types] == [201, 201, 422]


JSON = "application/json"
PATCH = "application/merge-patch+json"
MULTIPART = "multipart/form-data; boundary="
PART = "--{0}\r\nContent-Disposition: form-data; name=a\r\n\r\n{1}\r\n--{0}--\r\n"


def part(boundary: str, value: str) -> bytes:
    return PART.format(boundary, value).encode()


@pytest.mark.parametrize(
    ("content", "one", "other", "same"),
    [
        (raw, (JSON, b"{}"), (JSON, b"{}"), True),
        (raw, (JSON, b"{}"), (JSON, b"{ }"), False),
        (raw, (JSON, b"{}"), ("text/plain", b"{}"), False),
        (json_by_value, (JSON, b'{"a":1,"b":[2]}'), (JSON + "; charset=utf-8", b'{ "b":[2], "a":1 }'), True),
        (
            json_by_value,
            ("application/merge-patch+json", b"[1]"),
            ("application/merge-patch+json", b"[ 1]"),
            True,
        ),
        (json_by_value, (JSON, b"[1, 2]"), (JSON, b"[2, 1]"), False),
        (json_by_value, (JSON, b'{"a":1}'), (JSON, b'{"a":"1"}'), False),
        (json_by_value, (JSON, b"[true]"), (JSON, b"[1]"), False),
        (json_by_value, (JSON, b"{bad"), (JSON, b"{bad "), False),
        (json_by_value, (JSON, b"[" * 10**5), (JSON, b"[" * 10**5), True),
        (json_by_value, (JSON, b"\xff"), (JSON, b"\xff"), True),
        (json_by_value, ("text/plain", b"{}"), ("text/plain", b"{ }"), False),
        (multipart_by_parts, (MULTIPART + "x", part("x", "1")), (MULTIPART + '"yy"', part("yy", "1")), True),
        (multipart_by_parts, (MULTIPART + "x", part("x", "1")), (MULTIPART + "y", part("y", "2")), False),
        (multipart_by_parts, (MULTIPART + "x", b"--x"), (MULTIPART + "x", b"--x "), False),
        (multipart_by_parts, (MULTIPART + "x", b""), (MULTIPART + "y", b""), False),
        (multipart_by_parts, ("multipart/form-data", b"a"), ("multipart/form-data", b"b"), False),
        (multipart_by_parts, (JSON, b"{}"), (JSON, b"{ }"), False),
    ],
    ids=lambda value: getattr(value, "__name__", repr(value)[:30]),
)
def test_what_counts_of_a_body_can_be_chosen(content: Any, one: Any, other: Any, same: bool) -> None:
    assert (list(content(*one)) == list(content(*other))) is same


@pytest.mark.parametrize("content", [raw, json_by_value, multipart_by_parts])
@given(st.sampled_from([JSON, MULTIPART + "x", MULTIPART, "", ";", "\xe9"]), st.binary(max_size=60))
def test_no_body_breaks_a_comparison(content: Any, content_type: str, body: bytes) -> None:
    assert list(content(content_type, body)) == list(content(content_type, body))


def test_the_comparison_is_the_layers_option(host: Host) -> None:
    site = host(ok, fingerprint=json_by_value)
    bodies = [json.dumps({"a": 1, "b": 2}), json.dumps({"b": 2, "a": 1}, indent=2), json.dumps({"a": 2})]
    statuses = [site.post(headers={"content-type": JSON}, content=body).status_code for body in bodies]
    assert statuses == [201, 201, 422]
