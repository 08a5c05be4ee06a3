"""How the tests are run: in which order, and where coverage is measured.

Coverage makes a test up to twice as slow. It is not measured where others reach all branches: in matrices and attacks of
thousands of cases, and where the action does not run at all. `make quick` fails where a branch is reached by these alone.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import coverage
import pytest

TESTS = Path(__file__).parent.parent
# Files, or tests of them.
UNMEASURED = (
    "browser/", "simhub/", "project/test_release.py", "diagnosis/test_hostile.py", "step/test_leaks.py",
    "step/test_attacks_machine.py::test_ten_thousand_spaces_are_reported_in_seconds", "inputs/test_fleet.py::test_many_mistakes_show_twenty_and_a_count",
)  # fmt: skip
# These take longest, and come first: at the end there would be nothing beside them for the other cores.
LONGEST = (
    "operations/test_rollback.py", "hub/test_faults.py", "project/test_release.py", "runner/test_terminal.py", "step/test_attacks_machine.py", "step/test_cancel.py",
    "step/test_leaks.py", "step/test_shell.py", "browser/test_summary.py", "operations/test_many.py", "diagnosis/test_hostile.py", "truth/test_restore.py", "step/test_cancel_many.py", "step/test_command.py",
)  # fmt: skip


def name(item: pytest.Item) -> str:
    """Return the file of a test, and its own name."""
    file = item.path.relative_to(TESTS).as_posix() if item.path.is_relative_to(TESTS) else ""
    return f"{file}::{item.name}"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first; the others, and the tests of each file, stay in the random order they have."""
    ranks = {file: rank for rank, file in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(name(item).partition("::")[0], len(ranks)))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    """Measure nothing while a test of those files runs, nor in the processes that it starts."""
    measured = coverage.Coverage.current()
    if measured is None or not name(item).startswith(UNMEASURED):
        return (yield)
    measured.stop()
    config = os.environ.pop("COVERAGE_PROCESS_CONFIG", None)
    try:
        return (yield)
    finally:
        if config is not None:
            os.environ["COVERAGE_PROCESS_CONFIG"] = config
        measured.start()
