"""Signals and budgets with ten thousand Spaces: outputs and summary are there, and the process is gone in time."""

import json
import signal
import time
from pathlib import Path

import pytest

from simhub.server import serve
from simhub.world import Phase, Space, Token, World
from tests.conftest import TOKEN, UNMEASURED
from tests.support.obeying import read_file_command
from tests.support.processes import BOTH, GONE, cancelled, read_until, start

MANY = 10_000


pytestmark = pytest.mark.usefixtures("one_authority")


@pytest.fixture(scope="module")
def hub():
    """Spaces that build for ever, in real time."""
    world = World(now=time.monotonic, tokens={TOKEN: Token(name="writer", owners=frozenset({"crowd"}), writes=frozenset({"crowd"}))})
    for number in range(MANY):
        world.add(Space(id=f"crowd/space-{number:05}", stage="BUILDING", commit=None, timeline=(Phase(0, "BUILDING"),)))
    with serve(world) as server:
        yield server


@pytest.mark.parametrize("number", BOTH)
def test_ten_thousand_spaces_are_cancelled_in_time(hub, files, number):
    """Each has its result, `spaces` and the summary are no longer than they may be, and so is the time it took."""
    process = start("wait", "crowd/*", url=hub.url, **files)
    outputs, took = cancelled(process, number, files, seen=read_until(process, "BUILDING"))
    assert outputs["count"] == str(MANY) and len(outputs["spaces"]) <= 900_000
    assert {one["result"] for one in json.loads(outputs["spaces"])} == {"cancelled"}
    assert took < GONE


def test_two_signals_at_once_are_one(hub, files):
    """A shell and what supervises it may both send one; the report of the first is written all the same."""
    process = start("wait", "crowd/*", url=hub.url, **files)
    seen = read_until(process, "BUILDING")
    process.send_signal(signal.SIGINT)
    time.sleep(0.02)
    cancelled(process, signal.SIGTERM, files, seen=seen)


def test_the_budget_ends_in_time_with_ten_thousand_spaces(hub, files):
    """Not two seconds later, whatever is under way."""
    began = time.monotonic()
    process = start("wait", "crowd/*", "--timeout", "6", url=hub.url, **UNMEASURED, **files)  # which costs half as much again
    text = process.communicate(timeout=30)[0]
    took = time.monotonic() - began
    outputs = dict(read_file_command(Path(files["GITHUB_OUTPUT"]).read_text()))
    assert outputs["result"] in ("timed-out", "unreachable") and outputs["count"] in ("0", str(MANY)), text[-2000:]  # a busy machine has not listed them by then
    assert float(outputs["elapsed"]) < 6 + 2, took
