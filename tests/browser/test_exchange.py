"""What leaves the worker and what it reads of the answer: worker/send.js and body.js, called on a page."""

from __future__ import annotations

from typing import Any

import pytest

from pyqueue._vocabulary import MAX_BODY
from tests.browser.harness import Chromium, Refusal, Site, Tab

SEND = """
async ([url, options]) => {
  const { send } = await import("/worker/send.js");
  const common = { method: "GET", headers: {}, encoding: "auto", timeout: 30, redirect: "manual" };
  const exchange = send(JSON.stringify({ ...common, url, ...options }), options.body);
  const { ok, head, body, name, message } = await exchange.answer;
  if (!ok) return { name, message };
  const { status, headers, truncated } = JSON.parse(head);
  const odd = Object.getOwnPropertyDescriptor(headers, "__proto__")?.value;
  return { status, size: body.length, truncated, odd };
}
"""

ENCODE = """
async ([body, encoding]) => {
  const { encodeBody } = await import("/worker/body.js");
  const encoded = encodeBody(eval(`(${body})`), encoding, "key");
  return { type: encoded.type, text: await new Response(encoded.body).text() };
}
"""


@pytest.fixture
def page(chromium: Chromium, site: Site) -> Tab:
    """A tab of the site whose modules are called."""
    return Tab(chromium, site.url)


def test_a_body_is_read_up_to_its_limit(page: Tab) -> None:
    """What is longer is cut; a header of any name is only a header."""
    assert page.run(SEND, ["/endless", {}]) == {
        "status": 200,
        "size": MAX_BODY,
        "truncated": True,
        "odd": "a header of this name",
    }
    answer = page.run(SEND, ["/", {}])
    assert (answer["status"], answer["truncated"]) == (200, False)
    assert 0 < answer["size"] < 1000


@pytest.mark.parametrize(("redirect", "size"), [("manual", len("tell")), ("follow", 0)])
def test_the_server_half_is_asked_to_tell_a_redirect_that_is_not_followed(
    page: Tab, redirect: str, size: int
) -> None:
    """The browser would hide where it leads."""
    assert page.run(SEND, ["/asked", {"redirect": redirect}])["size"] == size


def test_a_body_that_breaks_off_is_no_answer(page: Tab) -> None:
    """Nobody knows what the rest would have said."""
    assert page.run(SEND, ["/broken", {}])["name"] == "network"


def test_a_timeout_beyond_what_a_timer_counts_does_not_fire_at_once(page: Tab) -> None:
    assert page.run(SEND, ["/", {"timeout": 1e9}])["status"] == 200


@pytest.mark.parametrize(
    "options",
    [{"headers": {"a b": "c"}}, {"headers": {"a": "🦀"}}, {"method": "a b"}, {"body": "x"}],
    ids=["a header's name", "a header's value", "a method", "a body with GET"],
)
def test_a_request_that_cannot_be_made_is_invalid(page: Tab, options: dict[str, Any]) -> None:
    """It is told by the answer, not raised."""
    assert page.run(SEND, ["/", options])["name"] == "invalid"


@pytest.mark.parametrize(
    ("body", "encoding", "message"),
    [
        ("{ photo: new Blob(['x']) }", "json", "photo: a file cannot be sent as json; use multipart"),
        ("{ photo: new Blob(['x']) }", "form", "photo: a file cannot be sent as form; use multipart"),
        ("{ a: { photo: new Blob(['x']) } }", "auto", "photo: a file cannot be sent as json; use multipart"),
        ("{ a: { photo: new Blob(['x']) } }", "form", "a.photo: a file cannot be sent as form"),
        ("{ a: { photo: new Blob(['x']) } }", "multipart", "a.photo: a file cannot be sent as json; only as"),
        ("{ b: new Uint8Array(1) }", "json", "b: a file cannot be sent as json"),
        ("{ m: new Map() }", "json", "m: a Map has no JSON"),
        ("{ n: [NaN] }", "json", "0: NaN has no JSON"),
    ],
)
def test_what_an_encoding_cannot_carry_is_refused_by_its_field(
    page: Tab, body: str, encoding: str, message: str
) -> None:
    """It never becomes `{}` on the server."""
    with pytest.raises(Refusal, match="TypeError") as refusal:
        page.run(ENCODE, [body, encoding])
    assert message in refusal.value.message


def test_files_and_bytes_are_parts_of_a_form(page: Tab) -> None:
    """With other fields beside them, as text."""
    encoded = page.run(ENCODE, ["{ b: new TextEncoder().encode('xy'), t: [1, { a: 2 }] }", "auto"])
    assert encoded == {
        "type": "multipart/form-data; boundary=pyqueue-key",
        "text": "--pyqueue-key\r\n"
        'Content-Disposition: form-data; name="b"; filename="blob"\r\n'
        "Content-Type: application/octet-stream\r\n\r\nxy\r\n"
        '--pyqueue-key\r\nContent-Disposition: form-data; name="t"\r\n\r\n1\r\n'
        '--pyqueue-key\r\nContent-Disposition: form-data; name="t"\r\n\r\n{"a":2}\r\n'
        "--pyqueue-key--\r\n",
    }
