"""How the tests are run: in which order, and where coverage is measured.

Coverage makes a test up to twice as slow, and costs a process 0.2 s of the processor. unmeasured.txt names where others
reach all branches: matrices and attacks of thousands of cases, most tests that start processes, and those in which the
action does not run at all. `make quick` fails where a branch is reached by these alone; a line with `!` is for such a test.
"""

import gc
import importlib
import os
import pkgutil
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import hf_action

TESTS = Path(__file__).parent.parent
# What the names of tests begin with: of those that are not measured, and of those that are all the same.
NAMES = [line for line in (Path(__file__).parent / "unmeasured.txt").read_text().splitlines() if not line.startswith("#")]
UNMEASURED = tuple(name for name in NAMES if not name.startswith("!"))
MEASURED = tuple(name.removeprefix("! ") for name in NAMES if name.startswith("!"))
# These take longest, and come first: at the end there would be nothing beside them for the other cores. On two cores five
# processes take a row each time; last in a row are those that wait for a browser, terminals and streams, so one of them
# comes after the other: where all wait at once a core has nothing to do.
LONGEST = (
    "operations/test_rollback.py", "hub/test_faults.py", "step/test_attacks_machine.py", "operations/test_many.py", "browser/test_summary.py",
    "project/test_release.py", "step/test_cancel.py", "diagnosis/test_hostile.py", "step/test_shell.py", "runner/test_terminal.py",
    "step/test_cancel_many.py", "hub/test_bounds.py", "inputs/test_fleet.py", "project/test_composite.py", "hub/test_replay.py",
    "live/test_lies.py", "step/test_command.py", "truth/test_old_news.py", "truth/test_false_red.py", "project/test_extension.py",
    "live/test_tour.py", "live/test_command.py", "truth/test_definite.py", "truth/test_restore.py", "step/test_leaks.py",
    "simhub/test_client.py", "step/test_budget.py", "operations/test_rollback_situations.py", "live/test_workflow.py",
)  # fmt: skip

# What coverage measures this thread by, and those that it starts.
measuring: list[Any] = [None, None]


def name(item: pytest.Item) -> str:
    """Return the file of a test, and its own name."""
    return item.nodeid.removeprefix("tests/")


def pytest_sessionstart() -> None:
    """Import all that is measured, and pause until the first test.

    A module that an unmeasured test is the first to import would count as not run.
    """
    for module in pkgutil.walk_packages(hf_action.__path__, "hf_action."):
        importlib.import_module(module.name)
    measuring[:] = sys.gettrace(), threading.gettrace()
    measure(None, None)
    gc.collect()
    gc.freeze()  # what is there now stays, and need not be gone through again and again
    gc.set_threshold(20_000)  # tests leave much, and most of it goes without being looked for


def pytest_sessionfinish() -> None:
    """Leave little to go through to pytest, which collects garbage five times to hear of what nobody closed."""
    gc.collect()
    gc.freeze()


def measure(here: Any, in_threads: Any) -> None:
    """Go on with what coverage measures by, or pause: its own stop and start take longer than most tests."""
    threading.settrace(in_threads)
    sys.settrace(here)


def is_measured(item: pytest.Item) -> bool:
    """Tell whether coverage is measured while a test runs. What one of hypothesis runs, it runs by chance.

    What is no test, but a file of them (unread.py), changes nothing.
    """
    random = hasattr(getattr(item, "obj", None), "hypothesis")
    return not isinstance(item, pytest.Function) or name(item).startswith(MEASURED) or not (random or name(item).startswith(UNMEASURED))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first; the others, and the tests of each file, stay in the random order they have."""
    ranks = {TESTS / file: rank for rank, file in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(item.path, len(ranks)))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    """Measure nothing in the processes that such a test starts."""
    config = None if is_measured(item) else os.environ.pop("COVERAGE_PROCESS_CONFIG", None)
    try:
        return (yield)
    finally:
        if config is not None:
            os.environ["COVERAGE_PROCESS_CONFIG"] = config


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Iterator[None]:
    """Measure what one of the others does, with the threads that it starts; not what pytest and fixtures do around it."""
    if is_measured(pyfuncitem):
        measure(*measuring)
    try:
        return (yield)
    finally:
        measure(None, None)
