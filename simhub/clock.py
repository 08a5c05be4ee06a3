"""A clock for tests: both the simulated Hub and its clients can use it, so that hours take no time."""

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

# Real seconds between two looks at whether streams have told of a change.
GLANCE = 0.005
# Looks after which time goes on all the same. It is a net for what never `settled`s.
GLANCES = 1000


@dataclass(slots=True)
class FakeClock:
    """Seconds that pass only when somebody sleeps or `advance`s; may be shared between threads."""

    seconds: float = 0.0
    next_change: Callable[[], float] = lambda: math.inf  # when somebody may be woken
    # Whether nobody will be woken any more by the change of this moment; told whether the sleeper is.
    settled: Callable[[bool], bool] = lambda _woken: False
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def now(self) -> float:
        """Return the seconds since the clock was made."""
        return self.seconds

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass; raises ValueError when asked to go back."""
        if seconds < 0:
            raise ValueError(f"a clock does not go back, asked for {seconds} s")
        with self._lock:
            self.seconds += seconds

    def sleep(self, seconds: float, wake: threading.Event | None = None) -> None:
        """Like time.sleep: returns at once, `seconds` later; never at the same time, however short the sleep.

        With `wake`, time goes from change to change, and each has real time to wake the sleeper until all is settled:
        also once it is awake, so that it is for all reasons and not for one of them.
        """
        end = self.seconds + max(seconds, math.ulp(self.seconds))
        while wake and not wake.is_set() and (change := self.next_change()) < end:
            self.advance(change - self.seconds)
            for _ in range(GLANCES):
                if self.settled(wake.is_set()):
                    break
                time.sleep(GLANCE)
        if not wake or not wake.is_set():
            self.advance(end - self.seconds)
