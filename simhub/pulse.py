"""Whether all that streams have to tell of a moment is told, for a clock of tests that goes from moment to moment."""

import threading
from collections.abc import Callable

# Times that somebody asks before what was told has reached whoever hears it. They are no seconds: on a machine that is
# busy with something else both have to wait.
ON_ITS_WAY = 100


class Pulse:
    """Knows of each open stream up to which second it has told all; `now` is the clock that the streams look at."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now
        self._looked: dict[int, float] = {}
        self._told = -1.0  # the second of the clock at which something was told last
        self._asked = 0  # how often somebody has asked since
        self._lock = threading.Lock()

    def beat(self, stream: int, at: float, *, told: bool) -> None:
        """Note that a stream has told all up to second `at`, and whether it told anything just now."""
        with self._lock:
            self._looked[stream] = at
            if told:
                self._told, self._asked = self.now(), 0

    def end(self, stream: int) -> None:
        """Note that a stream is over, which tells its reader something, too."""
        with self._lock:
            self._looked.pop(stream, None)
            self._told, self._asked = self.now(), 0

    def settled(self) -> bool:
        """Whether no stream can tell any more of this moment, and what was told has had its time.

        To be asked again and again, with a pause each time.
        """
        with self._lock:
            now = self.now()
            self._asked += 1
            on_its_way = self._told >= now and self._asked < ON_ITS_WAY
            return not on_its_way and all(looked >= now for looked in self._looked.values())
