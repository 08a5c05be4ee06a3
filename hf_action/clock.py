"""Time: the role of a clock, and the clock of this machine.

Everything that waits is handed a clock, so that tests and the simulated Hub can share one on which hours take no
time.
"""

import threading
import time
from dataclasses import dataclass
from typing import Protocol

# Seconds that are left at least once all is loaded: however short the budget is, there is time for a look.
FIRST_REQUEST = 0.25


def wall_time() -> float:
    """Return the seconds since 1970, to compare with dates of the Hub; a `Clock` tells how long something takes."""
    return time.time()


class Clock(Protocol):
    """Seconds that only go forward, and a way to let some of them pass."""

    def now(self) -> float:
        """Return the seconds since some fixed moment."""

    def sleep(self, seconds: float, wake: threading.Event | None = None) -> None:
        """Let time pass: `seconds`, or less if `wake` is set before."""


@dataclass(slots=True)
class Budget:
    """When the time of a step is over: a moment of its clock, the same for all that work on the step."""

    end: float

    @classmethod
    def begun(cls, began: float, seconds: float, *, clock: Clock) -> "Budget":
        """Return a budget of `seconds` since the step began, with time for a first request once all is loaded."""
        return cls(max(began + seconds, clock.now() + min(seconds, FIRST_REQUEST)))

    def extend(self, until: float) -> float:
        """Let the step last until a moment at least, as for a rollback; return when it ends."""
        self.end = max(self.end, until)
        return self.end


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
