"""The same tour of the simulated Hub, in this process and on a clock of its own, so that it takes a moment."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from live.connection import Connection
from live.findings import Journal
from live.steps import conduct
from live.survey import Likeness, survey
from live.tour import Patience, Tour
from simhub.clock import FakeClock
from simhub.scenarios import BUILD_LOG, RUN_LOG
from simhub.server import Server, serve
from simhub.world import Space, Token, World

TOKEN = "hf_" + "s" * 34
# Seconds of this machine that a simulated Hub may take: long, as it only runs out where something is wrong.
PATIENCE = Patience(event=60.0, line=60.0)
# Seconds of this machine after which an open stream of the simulated Hub shows that it is open.
KEEP_ALIVE = 0.2
# Whom a client of plain http trusts; to read the certificates of this machine takes as long as the tour.
NOBODY = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def simulate(likeness: Likeness, wanted: frozenset[str]) -> Journal:
    """Make the steps in a simulated Hub with a Space like that one, and return what they find."""
    clock = FakeClock()
    with (
        hub_like(likeness, clock) as hub,
        Connection(endpoint=hub.url, token=TOKEN, clock=clock, trusted=NOBODY, trust_env=False) as connection,
    ):
        tour = Tour(
            connection=connection,
            likeness=survey(connection, likeness.id),
            clock=clock,
            say=lambda _: None,
            wanted=wanted,
            patience=PATIENCE,
        )
        conduct(tour)
    return tour.journal


@contextmanager
def hub_like(likeness: Likeness, clock: FakeClock) -> Iterator[Server]:
    """Serve a Hub with such a Space, as many others of its owner, and a token that may do the same."""
    owners = frozenset({likeness.owner, likeness.user})
    can_pay = likeness.can_pay is not False
    token = Token(name=likeness.user, owners=owners, writes=owners, can_pay=can_pay)
    world = World(now=clock.now, tokens={TOKEN: token})
    world.add(
        Space(
            id=likeness.id,
            sdk=likeness.sdk,
            private=likeness.private,
            stage=likeness.stage,
            hardware=likeness.hardware,
            sleep_time=likeness.sleep_time,
            dev_mode=likeness.dev_mode,
            build_log=BUILD_LOG,
            run_log=RUN_LOG,
        )
    )
    for number in range(1, likeness.spaces):
        world.add(Space(id=f"{likeness.owner}/other-{number}"))
    with serve(world, keep_alive=KEEP_ALIVE) as hub:
        yield hub
