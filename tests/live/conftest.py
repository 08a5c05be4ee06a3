"""A Hub to tour, simulated too, but apart from the one that it is held against: another world, socket and clock."""

import os
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

import pytest

from live.comparison import compare
from live.connection import Connection
from live.findings import Difference, Journal
from live.reference import KEEP_ALIVE, NO_CERTIFICATES, PATIENCE, simulate
from live.restoring import restored
from live.steps import STEPS, make_steps
from live.survey import Profile, survey
from live.tour import Patience, Tour
from simhub.clock import FakeClock
from simhub.scenarios import BUILD_LOG, RUN_LOG
from simhub.server import Server, serve
from simhub.world import Space, Token, World
from tests.conftest import TOKEN, clean_environ
from tests.live.lies import Liar, Lie

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
        with Connection(endpoint=self.hub.url, token=TOKEN, clock=clock or self.clock, trusted=NO_CERTIFICATES) as connection:
            yield connection

    def go(self, wanted=ALL, *, clock=None, patience: Patience = PATIENCE, restore=False) -> Journal:
        """Make the steps and return what they find."""
        with self.connection(clock) as connection:
            self.tour = Tour(connection=connection, profile=survey(connection, "acme/demo"), clock=clock or self.clock, say=self.said.append, wanted=frozenset(wanted), patience=patience)
            if restore:
                with restored(self.tour):
                    make_steps(self.tour)
            else:
                make_steps(self.tour)
        return self.tour.journal

    def lie(self, lie: Lie) -> None:
        """Let the Hub lie from now on."""
        self.hub.api = Liar(self.hub.api, world=self.world, lie=lie)

    def differences(self, wanted=ALL, **rest) -> list[Difference]:
        """Make the steps here and in the simulated Hub, and compare."""
        return self.compared(self.go(wanted, **rest), wanted)

    def compared(self, found: Journal, wanted=ALL) -> list[Difference]:
        """Compare what was found here with what the simulated Hub says."""
        return compare(found, expected(replace(self.tour.profile, host="http://apps.example"), frozenset(wanted)))


@cache
def expected(profile: Profile, wanted: frozenset[str]) -> Journal:
    """Return what the simulated Hub says, made once for all tests that expect the same."""
    return simulate(profile, wanted)


def environ(**more: str) -> dict[str, str]:
    """Return the environment of a process that tours."""
    return clean_environ() | {"HOME": os.environ.get("HOME", "/"), "PYTHON": sys.executable} | more


@contextmanager
def opened(*, others=3, token=None, world=None, tls=None, keep_alive=KEEP_ALIVE, **space):
    """Open a place: `world`, `token`, `others`, `tls` and `keep_alive` are of the Hub, the rest of the Space."""
    clock = FakeClock()
    writer = Token(**({"name": "acme", "owners": frozenset({"acme"}), "writes": frozenset({"acme"}), "can_pay": False} | (token or {})))
    made = World(now=clock.now, tokens={TOKEN: writer}, **(world or {}))
    made.add(Space(**({"id": "acme/demo", "build_log": BUILD_LOG, "run_log": RUN_LOG} | space)))
    for number in range(others):
        made.add(Space(id=f"acme/neighbour-{number}", likes=number))
    with serve(made, keep_alive=keep_alive, tls=tls) as hub:
        yield Place(hub=hub, clock=clock)


@pytest.fixture
def place():
    """Return what opens places for the length of a test: `place(stage="PAUSED")`."""
    with ExitStack() as places:
        yield lambda **words: places.enter_context(opened(**words))
