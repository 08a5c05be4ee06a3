"""Requests, delays and verdicts on a clock that the simulated Hub and the peers share: exact, and the same each time.

`python -m bench.waits [PEER]` prints them as JSON. Nothing passes but sleep: a request takes no time on this clock, so
the delays are those of each peer's rules alone. bench/live.py has them in real time.
"""

import json
import sys
from collections import Counter

from bench import timelines
from bench.figures import together
from bench.peers import OWNER, TOKENS, UNREACHABLE_AFTER, Peer, play, prepare
from bench.timelines import NEW, Timeline
from simhub.clock import FakeClock
from simhub.faults import Fault, Kind
from simhub.server import Server, serve
from simhub.world import World

BUILDS = 36


class Stage:
    """Where one peer plays timeline after timeline."""

    def __init__(self, peer: Peer, clock: FakeClock, server: Server) -> None:
        self._peer = peer
        self._clock = clock
        self._server = server
        self._number = 0

    def play(self, timeline: Timeline) -> tuple[str, float, int]:
        """Return the verdict, how long after the last stage was reached it came, and the requests it took."""
        self._number += 1
        space, world, clock = f"{OWNER}/space-{self._number:04}", self._server.world, self._clock
        world.add(timeline.space(space))
        began, before = clock.now(), len(self._server.requests)
        if timeline.trigger == "push":
            world.push(space, NEW)
        asked = f"{space}*" if timeline.selected and self._peer in (Peer.QUIET, Peer.ACTION) else space
        status = play(self._peer, asked, restart=timeline.trigger == "restart", flags=timeline.flags, clock=clock)
        ended = clock.now()
        late = round(ended - began - timeline.lasts, 3) + 0.0  # sums of seconds are not exact
        if late < 0:
            clock.advance(-late + 1)  # let nothing of this happen during the next
        return verdict(timeline, status, late, ended - began), late, len(self._server.requests) - before


def verdict(timeline: Timeline, status: int, late: float, took: float) -> str:
    """Say what an exit status was worth: true only once the last stage is reached, and if it says what that is."""
    if took >= UNREACHABLE_AFTER - 1:
        return "none"
    said = "success" if status == 0 else "failure"
    true = late >= 0 and (said == "success") == timeline.ends_well
    return f"{'true' if true else 'false'} {said}"


def measure(peer: Peer) -> dict[str, object]:
    """Return the figures of one peer."""
    clock = FakeClock()
    world = World(now=clock.now, tokens=TOKENS)
    clock.next_change, clock.settled = world.next_change, world.pulse.settled
    with serve(world) as server:
        if peer is Peer.QUIET:
            server.inject(Fault(kind=Kind.STATUS, status=404, path="/events$", times=None))
        prepare(server.url, clock)
        stage = Stage(peer, clock, server)
        restart = stage.play(timelines.RESTART)
        long = stage.play(timelines.TWENTY_MINUTES)
        builds = [stage.play(one) for one in timelines.builds(BUILDS, longest=1200, longest_start=120)]
        stale = [(one.name, stage.play(one)) for one in timelines.stale()]
    assert {outcome for outcome, _, _ in (long, *builds)} == {"true success"}
    return {
        "restart": {"verdict": restart[0], "requests": restart[2]},
        "requests": long[2],
        "delays": [late for _, late, _ in builds],
        "stale": dict(Counter(outcome for _, (outcome, _, _) in stale)),
        "wrong": [name for name, (outcome, _, _) in stale if not outcome.startswith("true")],
    }


def main(words: list[str]) -> int:
    """Print the figures of one peer, or of all."""
    found = measure(Peer(words[0])) if words else together("bench.waits", list(Peer))
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
