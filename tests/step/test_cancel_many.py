"""Signals and budgets with ten thousand Spaces: outputs and summary are there, and take the processor no longer than they may.

Seconds of the processor depend on no other process; coverage costs half as much again, and is no part of the promise.
"""

import json
import re
import signal
import time
from pathlib import Path

import pytest

from simhub.server import serve
from simhub.world import Phase, Space, Token, World
from tests.conftest import TOKEN, UNMEASURED
from tests.support.obeying import read_file_command
from tests.support.processes import BOTH, PATIENCE, PATIENT, cancelled, read_until, start

MANY = 10_000


@pytest.fixture(scope="module")
def hub():
    """Spaces that build for ever, in real time."""
    world = World(now=time.monotonic, tokens={TOKEN: Token(name="writer", owners=frozenset({"crowd"}), writes=frozenset({"crowd"}))})
    for number in range(MANY):
        world.add(Space(id=f"crowd/space-{number:05}", stage="BUILDING", commit=None, timeline=(Phase(0, "BUILDING"),)))
    with serve(world) as server:
        yield server


# Prints what a report costs. No watchdog cuts it short, nor are two signals two.
METERED = PATIENT + """
import os, time
from hf_action.step import StepRun
report = StepRun.report
def metered(self, **about):
    began = time.process_time()
    try:
        return report(self, **about)
    finally:
        os.write(1, f"\\nthe report took {time.process_time() - began} s of the processor\\n".encode())
StepRun.report = metered
sys.exit(steps.main())
"""


def cost(text: str) -> float:
    """Return the seconds that all reports of a process took."""
    return sum(map(float, re.findall("the report took (.*) s of the processor", text)))


@pytest.mark.parametrize("number", BOTH)
def test_ten_thousand_spaces_are_cancelled_in_time(hub, files, number):
    """Each has its result, `spaces` and the summary are no longer than they may be, and so is the time it took.

    A signalled process has gone in five seconds (docs/contract.md, What the step shows).
    """
    process = start("wait", "crowd/*", url=hub.url, script=METERED, **UNMEASURED, **files)
    seen = read_until(process, "BUILDING")
    process.send_signal(number)
    text = seen + process.communicate(timeout=PATIENCE)[0]
    outputs = dict(read_file_command(Path(files["GITHUB_OUTPUT"]).read_text()))
    assert (process.returncode, outputs["result"]) == (130, "cancelled") and "Traceback" not in text
    assert outputs["count"] == str(MANY) and len(outputs["spaces"]) <= 900_000
    assert {one["result"] for one in json.loads(outputs["spaces"])} == {"cancelled"}
    assert 0 < cost(text) < 5


def test_two_signals_at_once_are_one(hub, files):
    """A shell and what supervises it may both send one; the report of the first is written all the same."""
    process = start("wait", "crowd/*", url=hub.url, script=METERED, **files)
    seen = read_until(process, "BUILDING")
    process.send_signal(signal.SIGINT)
    cancelled(process, signal.SIGTERM, files, seen=seen)


def test_the_budget_ends_in_time_with_ten_thousand_spaces(hub, files):
    """Not two seconds later, whatever is under way."""
    process = start("wait", "crowd/*", "--timeout", "4", url=hub.url, script=METERED, **UNMEASURED, **files)
    text = process.communicate(timeout=PATIENCE)[0]
    outputs = dict(read_file_command(Path(files["GITHUB_OUTPUT"]).read_text()))
    assert outputs["result"] in ("timed-out", "unreachable") and outputs["count"] in ("0", str(MANY)), text[-2000:]  # a busy machine has not listed them by then
    assert 0 < cost(text) < 2
