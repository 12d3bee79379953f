"""Whose a request says that it is, held against who is signed in, before anything runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyqueue._principal import NOBODY, is_principal, to_header
from pyqueue.server import Kind, hashed, script_tag
from pyqueue.server.principals import MAX_HEADER, mismatch
from tests.server.watched import Application, Watched

names = st.text(min_size=1, max_size=255).filter(is_principal)

FOREIGN = {
    "somebody else": '"bo"',
    "somebody else, by digest": f'"{hashed("bo")}"',
    "nobody": "?0",
    "no text": "ada",
    "half a text": '"ada',
    "empty": '""',
    "not UTF-8": '"%FF"',
    "another case": '"Ada"',
    "longer than any name": f'"{"a" * MAX_HEADER}"',
}


def post(site: Watched, stated: str | None) -> Any:
    return site.post(headers={} if stated is None else {"Pyqueue-Principal": stated})


@pytest.mark.parametrize("stated", FOREIGN.values(), ids=FOREIGN)
def test_what_somebody_else_wrote_is_refused_before_anything_runs(
    watch: Callable[..., Watched], stated: str
) -> None:
    site = watch(Application(), principal=lambda scope: "ada")
    answer = post(site, stated)
    assert answer.status_code == 403
    assert answer.json()["type"] == "urn:pyqueue:idempotency:principal-mismatch"
    assert answer.json()["signed_in"] is True
    assert not site.app.entered.is_set()
    assert [(event.kind, event.reason) for event in site.events] == [(Kind.REFUSED, "principal-mismatch")]
    # Its author may still use the key.
    assert post(site, '"ada"').status_code == 201


@pytest.mark.parametrize("stated", [None, '"ada"', f'"{hashed("ada")}"'], ids=["not said", "name", "digest"])
def test_ones_own_is_done(watch: Callable[..., Watched], stated: str | None) -> None:
    site = watch(Application(), principal=lambda scope: "ada")
    assert post(site, stated).status_code == 201


def test_where_nobody_is_signed_in_only_nobodys_is_done(watch: Callable[..., Watched]) -> None:
    site = watch(Application(), principal=lambda scope: None)
    refused = post(site, '"ada"')
    assert (refused.status_code, refused.json()["signed_in"]) == (403, False)
    assert post(site, "?0").status_code == 201


def test_a_site_that_knows_no_people_does_not_look(watch: Callable[..., Watched]) -> None:
    site = watch(Application())
    assert post(site, '"ada"').status_code == 201


@given(names, names)
def test_a_name_agrees_with_itself_alone(one: str, other: str) -> None:
    for stated in (to_header(one), to_header(hashed(one))):
        assert len(stated) <= MAX_HEADER
        assert (mismatch([stated.encode()], other) is None) == (one == other)
        assert mismatch([stated.encode()], None) is not None


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=2), st.none() | names)
def test_no_header_breaks_the_comparison(stated: list[bytes], principal: str | None) -> None:
    refusal = mismatch(stated, principal)
    assert refusal is None or refusal.status == 403


@given(st.none() | st.text(min_size=1, max_size=1024).filter(is_principal), st.booleans())
def test_a_script_tag_names_who_is_signed_in(principal: str | None, hash: bool) -> None:
    tag = script_tag(principal, "/p/pyqueue.js", nonce="n", hash=hash)
    assert tag.startswith('<script type="module" src="/p/pyqueue.js" data-user="')
    assert tag.endswith(' nonce="n"></script>')
    assert tag.count('"') == 8
    if principal is None:
        assert f'data-user="{NOBODY}"' in tag
    elif hash:
        assert f'data-user="{hashed(principal)}"' in tag
