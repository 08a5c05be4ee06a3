"""`make steady`: the quick tests again and again, beside processes that eat every core, and a table of what came of it.

Then once on a machine that hesitates (tests/support/hesitant.py). No test may fail because of either: what fails here
and passes alone depends on time. Give it a clock or a condition (tests/support/processes.py, tests/support/network.py).
"""

import argparse
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
QUICK = "@tests/support/quick.args"
HESITANT = ("-p", "tests.support.hesitant")


@dataclass(frozen=True)
class Run:
    """What came of one run."""

    tests: int
    failed: list[str]
    seconds: float
    shown: str  # how they failed


@contextmanager
def eaters(count: int) -> Iterator[None]:
    """Keep so many cores busy until the block ends."""
    busy = [subprocess.Popen([sys.executable, "-I", "-S", "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for one in busy:
            one.kill()
            one.wait()


def run(workers: int, words: list[str]) -> Run:
    """Run the tests once, in an order of their own."""
    command = [sys.executable, "-m", "pytest", QUICK, "-n", str(workers), *words]
    began = time.monotonic()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    failed = re.findall(r"^(?:FAILED|ERROR) (\S+.*)$", done.stdout, re.MULTILINE)
    if done.returncode and not failed:
        failed = [f"pytest ended with {done.returncode}: {done.stdout[-1000:]}{done.stderr[-1000:]}"]
    counts = re.findall(r"(\d+) (?:passed|failed|errors?)\b", done.stdout.rstrip().rpartition("\n")[2])
    shown = "".join(re.split("(?m)^(?==+ (?:FAILURES|ERRORS) )", done.stdout, maxsplit=1)[1:] if failed else ())
    return Run(tests=sum(map(int, counts)), failed=failed, seconds=time.monotonic() - began, shown=shown)


def main() -> int:
    """Print a row for each run; return 1 where a test failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.steady", description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--eaters", type=int, default=os.cpu_count() or 1, help="processes that eat a core each")
    parser.add_argument("--workers", type=int, required=True, help="processes that run tests")
    parser.add_argument("words", nargs="*", help="files of tests; all quick ones, where none is given")
    given = parser.parse_args()
    print("| run | tests | failed | seconds |\n|---|---|---|---|", flush=True)
    with eaters(given.eaters):
        good = sum(show(str(number), run(given.workers, given.words)) for number in range(1, given.runs + 1))
    hesitant = show("hesitant", run(given.workers, [*HESITANT, *given.words]))
    print(f"\n{good} of {given.runs} runs without a failure, beside {given.eaters} processes that ate a core each")
    return good < given.runs or not hesitant


def show(name: str, found: Run) -> bool:
    """Print the row of a run, and how tests failed; return whether none did."""
    print(f"| {name} | {found.tests:,} | {len(found.failed)} | {found.seconds:.0f} |", flush=True)
    print("".join(f"  {line}\n" for line in found.failed) + found.shown, end="", file=sys.stderr, flush=True)
    return not found.failed


if __name__ == "__main__":
    sys.exit(main())
