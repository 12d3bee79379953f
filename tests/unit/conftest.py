"""Fixtures of the unit tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pyqueue.testing import Simulation
from tests.unit.board import board


@pytest.fixture
def sim() -> Iterator[Simulation]:
    with Simulation(board()) as simulation:
        yield simulation
