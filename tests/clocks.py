"""A clock for tests: both the simulated Hub and whoever watches it can live by it, so that hours take no time."""

import math
import threading
from dataclasses import dataclass, field


@dataclass(slots=True)
class FakeClock:
    """Seconds that pass only when somebody sleeps or `advance`s; may be shared between threads."""

    seconds: float = 0.0
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

    def sleep(self, seconds: float) -> None:
        """Like time.sleep: returns at once, `seconds` later; never at the same time, however short the sleep."""
        self.advance(max(seconds, math.ulp(self.seconds)))
