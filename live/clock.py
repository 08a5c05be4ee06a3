"""The time of a tour: that of this machine, or faster where the Hub is a simulated one whose time is faster, too."""

import threading
import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ScaledClock:
    """Seconds that pass `speed` times faster than those of the machine."""

    speed: float = 1.0

    def now(self) -> float:
        """Return the seconds since a fixed moment."""
        return time.monotonic() * self.speed

    def sleep(self, seconds: float, wake: threading.Event | None = None) -> None:
        """Let time pass: `seconds`, or less if `wake` is set before."""
        if wake is None:
            time.sleep(seconds / self.speed)
        else:
            wake.wait(seconds / self.speed)
