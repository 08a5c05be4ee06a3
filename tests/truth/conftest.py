"""How a cell is played: through the real client, on one clock."""

import pytest

from simhub.faults import Fault, Kind
from tests.truth.cells import given, inputs, is_right


@pytest.fixture
def play(run, world, hub):
    """Play a cell, and compare."""

    def play(cell):
        # Events only tell when to look; without them no real time passes.
        hub.inject(Fault(kind=Kind.STATUS, status=404, path="/events$", times=None))
        given(cell, world, hub)
        words, named = inputs(cell)
        is_right(cell, run(*words, token=cell.token, **named), world, hub)

    return play
