"""Delays in real time: from the stage being reached on the simulated Hub to the end of a process that waits for it.

`python -m bench.live` prints them as JSON. All peers wait for the same Spaces at the same time, each in a process of
its own, forked from one that has imported everything; nothing is compressed, and no clock is replaced.
"""

import json
import math
import os
import signal
import sys
import time
from collections.abc import Callable
from functools import partial

from bench.peers import OWNER, TOKENS, Peer, play, prepare
from bench.timelines import Timeline, builds
from simhub.faults import Fault, Kind
from simhub.server import serve
from simhub.world import World

BUILDS = 36
# Seconds in which all have made their first look, once all have begun.
LEAD = 5.0


def main() -> int:
    """Print the delays of each peer."""
    timelines = builds(BUILDS, longest=24, longest_start=16)
    hub = HubProcess(timelines)
    prepare(hub.url)
    begun, begin = os.pipe()

    def wait(peer: Peer, number: int) -> int:
        os.write(begin, b".")
        return play(peer, space_of(peer, number))

    waits = {
        fork(partial(wait, peer, number)): (peer, timeline)
        for number, timeline in enumerate(timelines)
        for peer in Peer
    }
    delays: dict[str, list[float]] = {peer: [] for peer in Peer}
    try:
        for _ in waits:
            os.read(begun, 1)
        began = hub.begin()
        while waits:
            pid, status = os.wait()
            ended = time.monotonic()
            peer, timeline = waits.pop(pid)
            if status != 0:
                raise RuntimeError(f"{peer} failed with {os.waitstatus_to_exitcode(status)}: {timeline.name}")
            delays[peer].append(ended - began - timeline.lasts)
    finally:
        for pid in (*waits, hub.pid):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
    print(json.dumps(delays))
    return 0


def space_of(peer: Peer, number: int) -> str:
    """Return the Space that a peer waits for: for one of them the Hub has no events."""
    return f"{OWNER}/{'quiet' if peer is Peer.QUIET else 'live'}-{number}"


class HubProcess:
    """A Hub in the process `pid`, where time does not begin before it is told to."""

    def __init__(self, timelines: list[Timeline]) -> None:
        self._began = math.inf
        (self._hear, self._ask), (told, self._tell) = os.pipe(), os.pipe()
        self._told = told
        self.pid = fork(lambda: self._run(timelines))
        self.url = os.read(told, 1000).decode()

    def begin(self) -> float:
        """Let time begin in a while; return when, on the clock of all processes of this machine."""
        os.write(self._ask, b".")
        return float(os.read(self._told, 1000))

    def _run(self, timelines: list[Timeline]) -> int:
        world = World(now=lambda: max(time.monotonic() - self._began, 0.0), tokens=TOKENS)
        world.meter.quota = 1_000_000  # of all that the peers ask together; bench/fleet.py minds the quota
        for peer in (Peer.QUIET, Peer.ACTION):
            for number, timeline in enumerate(timelines):
                world.add(timeline.space(space_of(peer, number)))
        with serve(world) as server:
            server.inject(Fault(kind=Kind.STATUS, status=404, path="/quiet-[^/]*/events$", times=None))
            os.write(self._tell, server.url.encode())
            os.read(self._hear, 1)
            self._began = time.monotonic() + LEAD
            os.write(self._tell, str(self._began).encode())
            while True:
                signal.pause()  # until it is killed


def fork(work: Callable[[], int]) -> int:
    """Do `work` in a process of its own; return its id."""
    pid = os.fork()
    if pid:
        return pid
    status = 99
    try:
        status = work()
    finally:
        os._exit(status)  # what its parent has still to do is not for this one


if __name__ == "__main__":
    sys.exit(main())
