"""A machine that hesitates: `pytest -p tests.support.hesitant`.

By chance it does something else for a moment where one thread, process or end of a connection waits for another. What
comes of that a machine that is only busy shows once in a hundred runs.
"""

import random
import subprocess
import threading
import time
from asyncio.selector_events import _SelectorSocketTransport
from functools import wraps
from typing import Any

from httpcore2._backends.sync import SyncStream

OFTEN = 0.15
# Real seconds at most: of what takes no time usually, and of a process, which takes longer to start.
MOMENT, LONG = 0.03, 0.5
# What hesitates, before it begins or after its end, and for how long.
BEFORE = (
    (threading.Thread, "run", MOMENT), (threading.Event, "set", MOMENT), (subprocess.Popen, "send_signal", LONG),
    (SyncStream, "write", MOMENT), (SyncStream, "read", MOMENT), (_SelectorSocketTransport, "write", MOMENT),
)  # fmt: skip
AFTER = (
    (threading.Thread, "start", MOMENT), (threading.Event, "set", MOMENT), (threading.Event, "wait", MOMENT), (SyncStream, "read", MOMENT),
    (subprocess.Popen, "__init__", LONG), (subprocess.Popen, "send_signal", LONG),
)  # fmt: skip

chance = random.Random()  # not what pytest-randomly sets anew for each test


def hesitate(seconds: float) -> None:
    """Do something else for a moment, by chance."""
    if chance.random() < OFTEN:
        time.sleep(chance.random() * seconds)


def make_hesitant(kind: type, name: str, *, before: float = 0.0, after: float = 0.0) -> None:
    """Have a method hesitate for so many seconds at most."""
    real = getattr(kind, name)

    @wraps(real)
    def method(*args: Any, **words: Any) -> Any:
        hesitate(before)
        try:
            return real(*args, **words)
        finally:
            hesitate(after)

    setattr(kind, name, method)


def pytest_configure() -> None:
    """Begin, in each process of tests."""
    for kind, name, seconds in BEFORE:
        make_hesitant(kind, name, before=seconds)
    for kind, name, seconds in AFTER:
        make_hesitant(kind, name, after=seconds)
