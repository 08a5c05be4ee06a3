"""Many Spaces at once: with a free account's quota on a shared clock, and fleets of all sizes in real time.

`python -m bench.fleet` prints both as JSON. The first: 500 Spaces of one owner are paused, then restarted and watched
through a twenty-minute build; simulated time is the clock that the action and the simulated Hub share, so nothing but
the real seconds depends on the machine. The second: 1, 10, 100 and 1,000 Spaces that build are waited for by a real
process, whose memory is its own, with the quota of an Enterprise organization.
"""

import io
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import redirect_stdout
from pathlib import Path

from bench.figures import launch, launched
from bench.peers import ENVIRON, OWNER, TOKENS, Peer, act, command
from bench.timelines import LIVE
from simhub.access import Token
from simhub.clock import FakeClock
from simhub.server import serve
from simhub.world import HEAD, Phase, Space, World

SPACES = 500
BUILD = (
    Phase(5, "RUNNING_BUILDING"),
    Phase(1200, "RUNNING_APP_STARTING"),
    Phase(1230, LIVE, commit=HEAD),
)
SIZES = (1, 10, 100, 1000)
# Requests in five minutes: https://huggingface.co/docs/hub/rate-limits
ENTERPRISE = 6000
# Seconds in real time: the first Space runs after so many, the last after twice as many.
FIRST = 15.0


def main() -> int:
    """Print the figures."""
    quota = [play("pause"), play("restart", "--timeout", "45m")]
    sizes = {peer: watch(peer) for peer in (Peer.API, Peer.ACTION)}
    print(json.dumps({"quota": quota, "round": requests_of_a_round(), "sizes": sizes}))
    return 0


def requests_of_a_round() -> int:
    """Return how many requests it takes at most to look at 1,000 Spaces that build, once they are chosen."""
    clock = FakeClock()
    world = World(now=clock.now, tokens=TOKENS)
    for number in range(1000):
        world.add(Space(id=f"{OWNER}/space-{number:04}", stage="BUILDING", commit=None, timeline=BUILD))
    with serve(world) as hub, redirect_stdout(io.StringIO()):
        os.environ |= ENVIRON | {"HF_ENDPOINT": hub.url}
        act(["wait", f"{OWNER}/*", "--timeout=10m", "--logs=never"], clock)
        rounds = Counter(request.at for request in hub.requests)
    return max(count for at, count in rounds.items() if at > 0)


def play(operation: str, *flags: str) -> dict[str, object]:
    """Run one step on all of 500 Spaces, on a clock of its own; return its figures."""
    clock = FakeClock()
    world = World(now=clock.now, tokens=TOKENS)
    for number in range(SPACES):
        world.add(Space(id=f"{OWNER}/space-{number:04}", hardware="t4-small", scripts={"restart": BUILD}))
    with serve(world) as hub, tempfile.TemporaryDirectory() as folder:
        for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"):
            path = Path(folder, name)
            path.touch()
            os.environ[name] = str(path)
        os.environ |= ENVIRON | {"HF_ENDPOINT": hub.url}
        began = time.monotonic()
        with redirect_stdout(io.StringIO()):
            status = act([operation, f"{OWNER}/*", *flags], clock)
        answers = Counter((request.method == "GET", request.status) for request in hub.requests)
    return {
        "operation": operation,
        "exit": status,
        "writes": sum(count for (reads, _), count in answers.items() if not reads),
        "reads": sum(count for (reads, _), count in answers.items() if reads),
        "429": sum(count for (_, code), count in answers.items() if code == 429),
        "simulated s": round(clock.now()),
        "real s": round(time.monotonic() - began, 1),
        "peak MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def watch(peer: Peer) -> dict[int, dict[str, float]]:
    """Let a peer wait for fleets of all sizes at once, each with an owner, a token and a process of its own."""
    tokens = {token(size): Token(name=owner(size), owners=frozenset({owner(size)})) for size in SIZES}
    world = World(now=time.monotonic, tokens=tokens)
    world.meter.quota = ENTERPRISE
    found = {}
    with serve(world) as hub:
        began = world.now()
        for size in SIZES:
            for number in range(size):
                world.add(building(size, number))
        running = {size: start(peer, size, hub.url) for size in SIZES}
        for size, process in running.items():
            took = launched(process)
            found[size] = {
                "exit": took["exit"],
                "requests": sum(owner(size) in f"{request.path}?{request.query}" for request in hub.requests),
                "seconds": took["ended"] - began,
                "late": took["ended"] - began - runs_after(size, size - 1),
                "memory": took["memory"],
            }
    return found


def start(peer: Peer, size: int, endpoint: str) -> subprocess.Popen[str]:
    """Start a process that waits for a fleet."""
    spaces = [building(size, number).id for number in range(size)]
    words = command(peer, *(spaces if peer is Peer.API or size == 1 else [f"{owner(size)}/*"]))
    return launch(words, ENVIRON | {"HF_ENDPOINT": endpoint, "HF_TOKEN": token(size)})


def owner(size: int) -> str:
    """Return the owner of a fleet; no name is part of another."""
    return f"of-{size}-spaces"


def token(size: int) -> str:
    """Return the token for a fleet, which has a quota of its own."""
    return f"hf_TokenOfTheFleet{size}"


def runs_after(size: int, number: int) -> float:
    """Return the second in which a Space of a fleet runs."""
    return FIRST * (1 + (number + 1) / size)


def building(size: int, number: int) -> Space:
    """Return a Space of a fleet."""
    runs = Phase(runs_after(size, number), LIVE, commit=HEAD)
    return Space(id=f"{owner(size)}/space-{number:04}", stage="BUILDING", commit=None, timeline=(runs,))


if __name__ == "__main__":
    sys.exit(main())
