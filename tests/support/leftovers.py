"""No test leaves a process behind: one that does fails, and what it left is ended, so that no other test meets it.

A process counts as left while nobody has waited for it. Those that the fixtures of a module start are of the module.
"""

import gc
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

TASKS = Path("/proc/self/task")  # Linux; elsewhere nothing is looked for
# Processes that wider fixtures have started: id -> their scope.
lent: dict[int, str] = {}
# Held from before such a process is there until it is known whose it is, where another thread starts it.
births = threading.Lock()


def children(*, of_all_threads: bool) -> set[int]:
    """Return the ids of this process's children: those of the thread that runs the tests, or all."""
    threads = TASKS.iterdir() if of_all_threads else [TASKS / str(threading.get_native_id())]
    found: set[int] = set()
    for thread in threads:
        with suppress(OSError):  # it has ended
            found.update(map(int, (thread / "children").read_text().split()))
    return found


def name(process: int) -> str:
    """Return the command of a process, where it can still be read."""
    with suppress(OSError):
        return Path(f"/proc/{process}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")[:200].strip() or "a zombie"
    return "already gone"


def end(left: set[int]) -> None:
    """Kill processes and wait for them, in the name of the objects that stand for them."""
    for process in left:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    known = [one for one in gc.get_objects() if isinstance(one, subprocess.Popen) and one.pid in left]
    for one in known:
        one.wait()
        for pipe in filter(None, (one.stdin, one.stdout, one.stderr)):
            pipe.close()
    for process in left - {one.pid for one in known}:
        with suppress(ChildProcessError):
            os.waitpid(process, 0)


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef, request: pytest.FixtureRequest) -> Iterator[None]:
    """Note which processes belong to fixtures that are for more than one test."""
    if fixturedef.scope == "function":
        return (yield)
    before = children(of_all_threads=False)
    try:
        return (yield)
    finally:
        lent.update(dict.fromkeys(children(of_all_threads=False) - before - lent.keys(), fixturedef.scope))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    """Look at what is there once all that belongs to the test has been torn down; at the end of its module, at all."""
    result = yield
    at_the_end = nextitem is None or nextitem.path != item.path
    with births:
        left = children(of_all_threads=at_the_end) - {process for process, scope in lent.items() if scope == "session" or not at_the_end}
    if left:
        told = "; ".join(f"{process} ({name(process)})" for process in sorted(left))
        end(left)
        pytest.fail(f"left behind by this test{' or its module' if at_the_end else ''}: {told}", pytrace=False)
    return result
