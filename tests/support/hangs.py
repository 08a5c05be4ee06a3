"""A test that hangs shows where, and ends its process.

pytest's own watch (faulthandler_timeout) starts a thread before each test and ends it after, which takes as long as a
short test. While the tests of a file are run together (unread.py), this one is set anew only every half a minute.
"""

import faulthandler
import os
import time
from collections.abc import Iterator

import pytest

LONG = 300.0  # real seconds after which a test that hangs has ended
SET_ANEW = 30.0  # real seconds, by which the watch may be older than the test


class Watch:
    """Watches over the tests of this process."""

    def __init__(self) -> None:
        self._running = 0  # a test, or a file and its test
        self._since = 0.0
        self._stderr = os.dup(2)  # where nothing is captured

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self) -> Iterator[None]:
        """Give a test LONG seconds, or at most SET_ANEW less."""
        now = time.monotonic()
        if not self._running or now - self._since >= SET_ANEW:
            faulthandler.dump_traceback_later(LONG, exit=True, file=self._stderr)
            self._since = now
        self._running += 1
        try:
            return (yield)
        finally:
            self._running -= 1
            if not self._running:  # what it waits for now is no test
                faulthandler.cancel_dump_traceback_later()

    def pytest_unconfigure(self) -> None:
        """Watch no longer."""
        os.close(self._stderr)
