"""Which owner is taken for frozen."""

from __future__ import annotations

import pytest

from pyqueue._epoch import epoch_after
from pyqueue._vocabulary import MAX_INTEGER
from pyqueue._watch import PATIENCE, SILENCE, Watch

NOW = 1.8e9
LOOKS = int(SILENCE / PATIENCE) + 2


def test_an_owner_that_gives_signs_is_at_work() -> None:
    """Also one whose clock is ahead."""
    for ahead in (0.0, 1e6):
        watch = Watch()
        assert not any(watch.is_silent(NOW + ahead + at, NOW + at) for at in range(0, 200, 10))


@pytest.mark.parametrize("beat_at", [NOW + 1e6, 9e99])
def test_an_owner_whose_last_sign_is_of_the_future_is_silent_in_the_end(beat_at: float) -> None:
    """Its lock is then taken: nothing that stands on disk keeps the queue for ever."""
    watch = Watch()
    silent = [watch.is_silent(beat_at, NOW + n * PATIENCE) for n in range(LOOKS)]
    assert silent.index(True) * PATIENCE > SILENCE


def test_an_owner_that_was_silent_before_is_told_at_once() -> None:
    assert Watch().is_silent(NOW - SILENCE - 1, NOW)
    assert not Watch().is_silent(NOW - SILENCE + 1, NOW)


@pytest.mark.parametrize("stored", [None, "x", -1, 0.5, True, MAX_INTEGER, MAX_INTEGER + 1, [5], {}])
def test_owners_begin_anew_after_what_is_no_epoch(stored: object) -> None:
    assert epoch_after(stored) == 1
    assert epoch_after(epoch_after(stored)) == 2
