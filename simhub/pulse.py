"""Whether all that streams have to tell of a moment is told, for a clock of tests that goes from moment to moment."""

import threading
import time
from collections.abc import Callable

# Real seconds that what was told has on its way to whoever hears it.
ON_ITS_WAY = 0.5


class Pulse:
    """Knows of each open stream up to which second it has told all; `now` is the clock that the streams look at."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now
        self._looked: dict[int, float] = {}
        self._told = (-1.0, 0.0)  # the second of the clock at which something was told last, and the real time of that
        self._lock = threading.Lock()

    def beat(self, stream: int, at: float, *, told: bool) -> None:
        """Note that a stream has told all up to second `at`, and whether it told anything just now."""
        with self._lock:
            self._looked[stream] = at
            if told:
                self._told = self.now(), time.monotonic()

    def end(self, stream: int) -> None:
        """Note that a stream is over, which tells its reader something, too."""
        with self._lock:
            self._looked.pop(stream, None)
            self._told = self.now(), time.monotonic()

    def settled(self) -> bool:
        """Whether no stream can tell any more of this moment, and what was told has had its time."""
        with self._lock:
            now, (at, moment) = self.now(), self._told
            on_its_way = at >= now and time.monotonic() - moment < ON_ITS_WAY
            return not on_its_way and all(looked >= now for looked in self._looked.values())
