"""Pause 500 Spaces of one owner, then restart 500 and watch a twenty-minute build, with a free account's quota.

`python -m bench.fleet` prints requests, 429 answers, simulated and real seconds, and the peak of memory. Simulated time
is the clock that the action and the simulated Hub share, so nothing here depends on the machine's speed but the real
seconds.
"""

import io
import os
import resource
import sys
import tempfile
import time
from collections import Counter
from contextlib import redirect_stdout
from pathlib import Path

from hf_action.attempt import Attempt
from hf_action.runner import Log, Runner
from simhub.server import serve
from simhub.world import HEAD, Phase, Space, Token, World
from tests.clocks import FakeClock

SPACES = 500
TOKEN = "hf_BenchmarkOfAFleet"
BUILD = (
    Phase(5, "RUNNING_BUILDING"),
    Phase(1200, "RUNNING_APP_STARTING"),
    Phase(1230, "RUNNING", commit=HEAD),
)


def play(operation: str, *flags: str) -> dict[str, object]:
    """Run one step on all Spaces; return its figures."""
    clock = FakeClock()
    free = Token(name="free", owners=frozenset({"acme"}), writes=frozenset({"acme"}))
    world = World(now=clock.now, tokens={TOKEN: free})
    for number in range(SPACES):
        world.add(Space(id=f"acme/space-{number:04}", hardware="t4-small", scripts={"restart": BUILD}))
    with serve(world) as hub, tempfile.TemporaryDirectory() as folder:
        for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"):
            path = Path(folder, name)
            path.touch()
            os.environ[name] = str(path)
        os.environ |= {"HF_ENDPOINT": hub.url, "HF_TOKEN": TOKEN}
        began = time.monotonic()
        with redirect_stdout(io.StringIO()):
            runner = Runner()
            words = [operation, "acme/*", *flags]
            attempt = Attempt(words, runner=runner, log=Log(clock=clock, runner=runner, began=0.0), began=0.0)
            attempt.work()
            status = attempt.report(cancelled=False)
        answers = Counter((request.method, request.status) for request in hub.requests)
    return {
        "operation": operation,
        "exit": status,
        "writes": sum(count for (method, _), count in answers.items() if method != "GET"),
        "reads": sum(count for (method, _), count in answers.items() if method == "GET"),
        "429": sum(count for (_, code), count in answers.items() if code == 429),
        "simulated s": round(clock.now()),
        "real s": round(time.monotonic() - began, 1),
        "peak MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def main() -> int:
    """Print the table."""
    rows = [play("pause"), play("restart", "--timeout", "45m")]
    print(" | ".join(rows[0]))
    for row in rows:
        print(" | ".join(str(value) for value in row.values()))
    return max(row["exit"] for row in rows)


if __name__ == "__main__":
    sys.exit(main())
