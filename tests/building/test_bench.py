"""What the benchmark takes for a valid run, and how it writes figures down."""

from __future__ import annotations

import pytest

from tests.bench.contenders import Invalid, check
from tests.bench.report import Row, table

VALID = [(0.1, 0.4, "a", 0), (0.2, 0.3, "b", 1), (0.4, 0.5, "a", 2), (0.5, 0.6, "b", 3)]
"""A server's log: when each write arrived and was answered, its key and its number."""


def test_a_log_with_each_write_once_and_in_order_is_valid() -> None:
    """Writes of other keys may pass each other, and the log may list answers in any order."""
    check(VALID, 4)
    check([VALID[1], VALID[0], *VALID[2:]], 4)
    check([(0.1, 0.2, "b", 1), (0.2, 0.3, "a", 0)], 2)


@pytest.mark.parametrize(
    ("log", "message"),
    [
        (VALID[:3], "only 3 of 4 writes came"),
        ([], "only 0 of 4 writes came"),
        ([*VALID, (0.7, 0.8, "b", 3)], "1 writes came twice"),
        ([*VALID[:3], (0.7, 0.8, "a", 2)], "1 writes came twice"),
        ([(0.45, 0.6, "a", 0), *VALID[1:]], "the writes of a came out of order"),
    ],
    ids=["one lost", "all lost", "one repeated", "one repeated in the place of another", "disordered"],
)
def test_a_run_that_loses_repeats_or_disorders_writes_gives_no_figure(
    log: list[tuple[float, float, str, int]], message: str
) -> None:
    with pytest.raises(Invalid, match=message):
        check(log, 4)


@pytest.fixture
def row() -> Row:
    """Three rounds, in which pyqueue took twice as long as one peer and half as long as another."""
    row = Row("drain", "ms", {"workbox": 1.0})
    for pyqueue, workbox, plain in ((2, 4, 1), (1.5, 3, 1), (3, 5, 2)):
        row.add("pyqueue", pyqueue)
        row.add("workbox", workbox)
        row.add("plain-js", plain)
    return row


def cells(line: str) -> list[str]:
    """What stands between the bars of a line of a table."""
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_a_row_is_written_as_a_line_of_medians_spreads_and_ratios(row: Row) -> None:
    lone = Row("block", "ms", limit=50.0, values={"pyqueue": [51.239]})
    head, rule, *lines = table([row, lone]).splitlines()
    assert cells(head) == ["case", "unit", "pyqueue", "workbox", "plain-js", "ratios", "reached"]
    assert set(cells(rule)) == {"---"}
    ratios = "0.50 of workbox (at most 1), 2.00 of plain-js"
    assert [cells(line) for line in lines] == [
        ["drain", "ms", "2 (1.5 to 3)", "4 (3 to 5)", "1 (1 to 2)", ratios, "yes"],
        ["block", "ms", "51.2", "", "", "at most 50", "no"],
    ]
    assert len({len(line) for line in (head, rule, *lines)}) == 1


def test_a_figure_without_a_mark_is_not_judged() -> None:
    row = Row("loop", "ms", values={"pyqueue": [2.0], "workbox": [1.0]})
    assert cells(table([row]).splitlines()[-1])[-2:] == ["2.00 of workbox", ""]


@pytest.mark.parametrize(
    ("reach", "limit", "is_reached"),
    [
        ({"workbox": 0.5, "plain-js": 2.0}, None, True),
        ({"workbox": 0.4, "plain-js": 2.0}, None, False),
        ({"workbox": 0.5, "plain-js": 1.9}, None, False),
        ({}, 2.0, True),
        ({"workbox": 0.5}, 1.9, False),
    ],
)
def test_a_figure_is_as_good_as_it_has_to_be_if_it_reaches_every_mark(
    row: Row, reach: dict[str, float], limit: float | None, is_reached: bool
) -> None:
    row.reach, row.limit = reach, limit
    assert row.is_reached() is is_reached


@pytest.mark.parametrize(("least", "is_reached"), [(0.5, True), (0.6, False)])
def test_where_more_is_better_a_mark_is_the_least_that_will_do(least: float, is_reached: bool) -> None:
    row = Row("server", "requests a second", {"no layer": least}, more_is_better=True)
    row.values = {"pyqueue": [1234.4], "no layer": [2468.8]}
    assert row.is_reached() is is_reached
    figures = ["1234", "2469", f"0.50 of no layer (at least {least})"]
    assert cells(table([row]).splitlines()[-1])[2:5] == figures


def test_a_peer_that_was_not_measured_does_not_count() -> None:
    """As where what it needs is not installed: nothing is said of the mark."""
    row = Row("server", "requests a second", {"idemkit": 1.0}, values={"pyqueue": [1.0]})
    assert cells(table([row]).splitlines()[-1])[-1] == ""


def test_a_row_as_json_has_the_medians(row: Row) -> None:
    row.add("plain-js", 1.23456)
    assert row.to_json() == {
        "case": "drain",
        "unit": "ms",
        "pyqueue": 2,
        "peers": {"workbox": 4, "plain-js": 1.1173},
    }
