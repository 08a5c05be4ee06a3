"""Time: the role of a clock, and the clock of this machine.

Everything that waits is handed a clock, so that tests and the simulated Hub can share one on which hours take no
time.
"""

import threading
import time
from typing import Protocol


def wall_time() -> float:
    """Return the seconds since 1970, to compare with dates of the Hub; a `Clock` tells how long something takes."""
    return time.time()


class Clock(Protocol):
    """Seconds that only go forward, and a way to let some of them pass."""

    def now(self) -> float:
        """Return the seconds since some fixed moment."""

    def sleep(self, seconds: float, wake: threading.Event | None = None) -> None:
        """Let time pass: `seconds`, or less if `wake` is set before."""


class SystemClock:
    """Seconds that no change of the wall clock moves."""

    now = staticmethod(time.monotonic)

    @staticmethod
    def sleep(seconds: float, wake: threading.Event | None = None) -> None:
        """Let time pass, no longer than until `wake` is set."""
        if wake:
            wake.wait(seconds)
        else:
            time.sleep(seconds)
