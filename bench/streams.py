"""What the Hub's streams are worth to the action: requests and delays, by how they behave, on a shared clock.

`python -m bench.streams [BEHAVIOUR]` prints them as JSON. A stream that lies, lapses, comes late or never may cost
requests, never a verdict, and no more time than docs/performance.md promises.
"""

import json
import random
import sys
from dataclasses import dataclass, field, replace
from typing import Any

from bench import timelines
from bench.figures import together
from bench.peers import TOKENS, Peer, prepare
from bench.timelines import LIVE, Timeline
from bench.waits import Stage
from simhub.clock import FakeClock
from simhub.faults import Fault, Kind
from simhub.server import serve
from simhub.space import StatusEvents
from simhub.world import Phase, World

BUILDS = 12
# Real seconds between two lies: many in each build, however fast the clock goes.
CHATTER = 0.005


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How the two streams of a Space behave; `log` is whether its build log may be read."""

    about: dict[str, Any] = field(default_factory=dict)
    log: bool = True


TRUE, SILENT = StatusEvents.TRUE, StatusEvents.SILENT
BEHAVIOURS = {
    "true": Behaviour(),
    "true, the log refused": Behaviour(log=False),
    "true, the log never closes": Behaviour({"log_closes": False}),
    "true, nothing said as it opens": Behaviour({"status_events": StatusEvents.TERSE}),
    "20 s late": Behaviour({"events_lag": 20.0}),
    "silent after the opening": Behaviour({"events_told": 0}),
    "silent after the opening, the log refused": Behaviour({"events_told": 0}, log=False),
    "silent after one change": Behaviour({"events_told": 1}),
    "silent after one change, the log refused": Behaviour({"events_told": 1}, log=False),
    "silent after one change, the log never closes": Behaviour({"events_told": 1, "log_closes": False}),
    "silent": Behaviour({"status_events": SILENT}),
    "lying": Behaviour({"status_events": StatusEvents.LYING}),
    "ending at once": Behaviour({"status_events": StatusEvents.ENDING}),
    "none": Behaviour({"status_events": StatusEvents.MISSING}),
}
# Where neither of two streams that are open tells of a change.
BOTH_CONCEAL = ("silent after one change, the log never closes",)


def measure(behaviour: Behaviour) -> dict[str, object]:
    """Return what it costs to wait while the streams behave so."""
    random.seed(5)  # looks are spread by chance; here by the same each time
    clock = FakeClock()
    world = World(now=clock.now, tokens=TOKENS)
    clock.next_change, clock.settled = world.next_change, world.pulse.settled
    with serve(world, chatter=CHATTER) as server:
        if not behaviour.log:
            server.inject(Fault(kind=Kind.STATUS, status=403, path="/logs/build$", times=None))
        prepare(server.url, clock)
        stage = Stage(Peer.ACTION, clock, server)

        def play(timeline: Timeline) -> tuple[str, float, int]:
            return stage.play(replace(timeline, about=behaviour.about))

        restart, under_way = play(timelines.RESTART), play(timelines.TWENTY_MINUTES)
        waits = [play(one) for one in timelines.builds(BUILDS, longest=1200, longest_start=120)]
        restarts = [play(restarted(one)) for one in timelines.builds(BUILDS, longest=1200, longest_start=120)]
    every = (restart, under_way, *waits, *restarts)
    return {
        "restart": restart[2],
        "under way": under_way[2],
        "requests": sum(requests for _, _, requests in (*waits, *restarts)),
        "delays": [late for _, late, _ in every],
        "wrong": sum(verdict != "true success" for verdict, _, _ in every),
    }


def restarted(build: Timeline) -> Timeline:
    """Return the same build as what a restart leads to, seen after five seconds."""
    script = tuple(Phase(phase.after + 5, phase.stage, commit=phase.commit) for phase in build.script)
    return replace(build, name=f"restart, {build.name}", before=LIVE, trigger="restart", script=script)


def main(words: list[str]) -> int:
    """Print the figures of one behaviour, or of all."""
    found = measure(BEHAVIOURS[words[0]]) if words else together("bench.streams", list(BEHAVIOURS))
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
