"""A network whose time is over where nothing more comes, and not before: no test waits for it, or fails by it.

A request has a minute of real time here, which no answer takes on any machine, however little of the budget is left on
the clock of a test. Where the simulated Hub stalls, it tells so, and the read that waits for it times out at once. The
time-outs themselves are real in tests/hub/test_bounds.py.
"""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Self

import httpcore2
import pytest
from httpcore2._backends.sync import SyncStream

from hf_action.hub import streams
from hf_action.hub.bounds import Deadline
from hf_action.hub.client import Hub
from hf_action.hub.streams import LOG_PAUSE
from simhub.pulse import Pulse
from simhub.replay import Replay
from simhub.server import Server

# Real seconds between two looks at whether the Hub stalls.
MOMENT = 0.01
PATIENCE = 60.0


Read = Callable[[SyncStream, int, float | None], bytes]


class Patient(Deadline):
    """A deadline that is none: what is left on a clock of tests are no seconds of a machine."""

    __slots__ = ()

    def __new__(cls, seconds: float, *, end: float) -> Self:
        return super().__new__(cls, seconds, end=max(end, time.monotonic() + PATIENCE))


@contextmanager
def nobody() -> Iterator[int]:
    """Give a port that nobody listens at, and no process gets meanwhile."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def stalls(stream: SyncStream, *hubs: Server | Replay) -> bool:
    """Whether one of the hubs has nothing more to send to this connection."""
    try:
        mine = stream._sock.getsockname()[1]
    except OSError:  # it has been reset, as the read will tell
        return False
    return any(mine in hub.stalled for hub in hubs)


def read_until(stalled: Callable[[SyncStream], bool], read: Read, stream: SyncStream, max_bytes: int, timeout: float) -> bytes:
    """Read what comes until the time is over, or the other side has nothing more to send."""
    end = time.monotonic() + timeout
    while True:
        nothing_more = stalled(stream)  # before the read, which takes what came until then
        left = end - time.monotonic()
        try:
            return read(stream, max_bytes, min(MOMENT, max(left, 0.001)))
        except httpcore2.ReadTimeout:
            if nothing_more or left <= MOMENT:
                raise


@contextmanager
def stalls_at_once(*hubs: Server) -> Iterator[set[int]]:
    """Let a read end at once where one of the hubs has nothing more to send; give the ports of servers that drip."""
    wait, dripping = SyncStream.read, set()

    def is_stalled(stream: SyncStream) -> bool:
        try:
            return stream._sock.getpeername()[1] in dripping or stalls(stream, *hubs)
        except OSError:
            return False

    def read(stream: SyncStream, max_bytes: int, timeout: float | None = None) -> bytes:
        return read_until(is_stalled, wait, stream, max_bytes, PATIENCE if timeout is None else timeout)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SyncStream, "read", read)
        patch.setitem(Hub.__init__.__kwdefaults__, "request_timeout", PATIENCE)
        yield dripping


@contextmanager
def logs_end_at_once(hub: Server | Replay) -> Iterator[None]:
    """Let what a log has now be all as soon as all is sent, which its reader else learns by `LOG_PAUSE` of silence."""
    wait = SyncStream.read

    def read(stream: SyncStream, max_bytes: int, timeout: float | None = None) -> bytes:
        if timeout is None or timeout > LOG_PAUSE:  # another request, or what is followed for as long as it lasts
            return wait(stream, max_bytes, timeout)
        return read_until(lambda stream: stalls(stream, hub), wait, stream, max_bytes, timeout)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SyncStream, "read", read)
        yield


@contextmanager
def taken_in(pulse: Pulse) -> Iterator[None]:
    """Say what readers of streams have taken in, so that no time passes on a clock of tests before they have."""
    real = streams._events

    @contextmanager
    def reporting(url: str, **how):
        with real(url, **how) as (response, events):
            port = response.extensions["network_stream"].get_extra_info("client_addr")[1]

            def each() -> Iterator[tuple[str, str]]:
                for event in events:
                    yield event
                    pulse.hear(port)  # as whoever reads comes back for more

            try:
                yield response, each()
            finally:
                pulse.leave(port)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streams, "_events", reporting)
        yield
