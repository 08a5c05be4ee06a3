"""A Hub to tour, simulated too, but apart from the one that it is held against: another world, socket and clock."""

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

import pytest

from live.comparison import compare
from live.connection import Connection
from live.findings import Difference, Journal
from live.reference import KEEP_ALIVE, PATIENCE, simulate
from live.restoring import restored
from live.steps import STEPS, conduct
from live.survey import Likeness, survey
from live.tour import Patience, Tour
from simhub.clock import FakeClock
from simhub.scenarios import BUILD_LOG, RUN_LOG
from simhub.server import Server, serve
from simhub.world import Space, Token, World
from tests.conftest import TOKEN

ROOT = Path(__file__).parents[2]
ALL = frozenset(STEPS)
# Where no event comes, to wait longer would change nothing.
IMPATIENT = Patience(event=0.2, line=60.0)


@dataclass
class Place:
    """A Hub with a Space to tour."""

    hub: Server
    clock: FakeClock
    tour: Tour | None = None
    said: list[str] = field(default_factory=list)

    @property
    def world(self) -> World:
        return self.hub.world

    @contextmanager
    def connection(self, clock=None):
        with Connection(endpoint=self.hub.url, token=TOKEN, clock=clock or self.clock) as connection:
            yield connection

    def go(self, wanted=ALL, *, clock=None, patience: Patience = PATIENCE, restore=False) -> Journal:
        """Make the steps and return what they find."""
        with self.connection(clock) as connection:
            self.tour = Tour(connection=connection, likeness=survey(connection, "acme/demo"), clock=clock or self.clock, say=self.said.append, wanted=frozenset(wanted), patience=patience)
            if restore:
                with restored(self.tour):
                    conduct(self.tour)
            else:
                conduct(self.tour)
        return self.tour.journal

    def differences(self, wanted=ALL, **rest) -> list[Difference]:
        """Make the steps here and in the simulated Hub, and compare."""
        found = self.go(wanted, **rest)
        return compare(found, expected(replace(self.tour.likeness, host="http://apps.example"), frozenset(wanted)))


@cache
def expected(likeness: Likeness, wanted: frozenset[str]) -> Journal:
    """Return what the simulated Hub says, made once for all tests that expect the same."""
    return simulate(likeness, wanted)


@pytest.fixture
def place():
    """Return a maker of places: `place(stage="PAUSED")`; `world`, `token` and `others` are of the Hub, the rest of the Space."""
    opened = []

    def make(*, others=3, token=None, world=None, **space) -> Place:
        clock = FakeClock()
        writer = Token(**({"name": "acme", "owners": frozenset({"acme"}), "writes": frozenset({"acme"}), "can_pay": False} | (token or {})))
        made = World(now=clock.now, tokens={TOKEN: writer}, **(world or {}))
        made.add(Space(**({"id": "acme/demo", "build_log": BUILD_LOG, "run_log": RUN_LOG} | space)))
        for number in range(others):
            made.add(Space(id=f"acme/neighbour-{number}", likes=number))
        serving = serve(made, keep_alive=KEEP_ALIVE)
        hub = serving.__enter__()
        opened.append(serving)
        return Place(hub=hub, clock=clock)

    yield make
    for serving in opened:
        serving.__exit__(None, None, None)
