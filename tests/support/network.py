"""A network whose time is over where nothing more comes, and not before: no test waits for it, or fails by it.

A request has a minute of real time here, which no answer takes on any machine. Where the simulated Hub stalls, it tells
so, and the read that waits for it times out at once. The time-outs themselves are real in tests/hub/test_bounds.py.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpcore2
import pytest
from httpcore2._backends.sync import SyncStream

from hf_action.hub.client import Hub
from simhub.server import Server

# Real seconds between two looks at whether the Hub stalls.
MOMENT = 0.01
PATIENCE = 60.0


@contextmanager
def stalls_at_once(*hubs: Server) -> Iterator[set[int]]:
    """Let a read end at once where one of the hubs has nothing more to send; give the ports of servers that drip."""
    wait, dripping = SyncStream.read, set()

    def is_stalled(stream: SyncStream) -> bool:
        try:
            theirs, mine = stream._sock.getpeername()[1], stream._sock.getsockname()[1]
        except OSError:  # it has been reset, as the read will tell
            return False
        return theirs in dripping or any(mine in hub.faults.stalled for hub in hubs)

    def read(stream: SyncStream, max_bytes: int, timeout: float | None = None) -> bytes:
        end = time.monotonic() + (PATIENCE if timeout is None else timeout)
        while True:
            stalled = is_stalled(stream)  # before the read, which takes what came until then
            left = end - time.monotonic()
            try:
                return wait(stream, max_bytes, min(MOMENT, max(left, 0.001)))
            except httpcore2.ReadTimeout:
                if stalled or left <= MOMENT:
                    raise

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SyncStream, "read", read)
        patch.setitem(Hub.__init__.__kwdefaults__, "request_timeout", PATIENCE)
        yield dripping
