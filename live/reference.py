"""The same tour of the simulated Hub, in this process and on a clock that jumps: it takes less than a second."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from live.connection import Connection
from live.findings import Journal
from live.steps import make_steps
from live.survey import Profile, survey
from live.tour import Patience, Tour
from simhub.clock import FakeClock
from simhub.scenarios import BUILD_LOG, RUN_LOG
from simhub.server import Server, serve
from simhub.world import Space, Token, World

TOKEN = "hf_" + "s" * 34
# Seconds of this machine that a simulated Hub may take. They only run out where something is wrong.
PATIENCE = Patience(event=60.0, line=60.0)
# Seconds of this machine after which an open stream of the simulated Hub shows that it is open.
KEEP_ALIVE = 0.2
# A client of plain http needs no certificates, and to read those of this machine takes as long as the tour.
NO_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def simulate(profile: Profile, wanted: frozenset[str]) -> Journal:
    """Make the steps in a simulated Hub with a Space of that profile, and return what they find."""
    clock = FakeClock()
    with (
        hub_with(profile, clock) as hub,
        Connection(endpoint=hub.url, token=TOKEN, clock=clock, trusted=NO_CERTIFICATES, trust_env=False) as connection,
    ):
        tour = Tour(
            connection=connection,
            profile=survey(connection, profile.id),
            clock=clock,
            say=lambda _: None,
            wanted=wanted,
            patience=PATIENCE,
        )
        make_steps(tour)
    return tour.journal


@contextmanager
def hub_with(profile: Profile, clock: FakeClock) -> Iterator[Server]:
    """Serve a Hub with such a Space, as many others of its owner, and a token with the same rights."""
    owners = frozenset({profile.owner, profile.user})
    can_pay = profile.can_pay is not False
    token = Token(name=profile.user, owners=owners, writes=owners, can_pay=can_pay)
    world = World(now=clock.now, tokens={TOKEN: token})
    world.add(
        Space(
            id=profile.id,
            sdk=profile.sdk,
            private=profile.private,
            stage=profile.stage,
            hardware=profile.hardware,
            sleep_time=profile.sleep_time,
            dev_mode=profile.dev_mode,
            build_log=BUILD_LOG,
            run_log=RUN_LOG,
        )
    )
    for number in range(1, profile.spaces):
        world.add(Space(id=f"{profile.owner}/other-{number}"))
    with serve(world, keep_alive=KEEP_ALIVE) as hub:
        yield hub
