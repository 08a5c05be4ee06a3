"""Whether all that streams have to tell of a moment is told and taken in, for a clock of tests that goes by moments."""

import threading
from collections import Counter
from collections.abc import Callable

# Times that somebody asks before what was told has reached a reader that does not say so. They are no seconds: on a
# machine that is busy with something else both have to wait.
ON_ITS_WAY = 100


class Pulse:
    """Knows of each open stream up to which second it has told all; `now` is the clock that the streams look at.

    A stream is known by the port of its reader, who may say what it has taken in.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now
        self._looked: dict[int, float] = {}
        self._unheard: Counter[int] = Counter()  # events that were told and not taken in
        self._reporting: set[int] = set()  # streams whose reader says what is taken in
        self._told = self._ended = -1.0  # the seconds of the clock at which something was told, and a stream was over
        self._asked = 0  # how often somebody has asked since
        self._lock = threading.Lock()

    def begin(self, stream: int) -> None:
        """Note that a stream is open, and has told nothing yet."""
        with self._lock:
            self._looked[stream] = -1.0
            self._unheard.pop(stream, None)
            self._reporting.discard(stream)

    def beat(self, stream: int, at: float, *, told: int = 0) -> None:
        """Note that a stream has told all up to second `at`, and how many events it told just now."""
        with self._lock:
            if stream not in self._looked:  # its reader has left
                return
            self._looked[stream] = at
            if told:
                self._unheard[stream] += told
                self._told, self._asked = self.now(), 0

    def end(self, stream: int) -> None:
        """Note that a stream is over, which tells its reader something, too."""
        with self._lock:
            if self._looked.pop(stream, None) is not None:
                self._unheard.pop(stream, None)
                self._ended, self._asked = self.now(), 0

    def hear(self, stream: int) -> None:
        """Note that a reader has taken in another event."""
        with self._lock:
            self._unheard[stream] -= 1
            self._reporting.add(stream)

    def leave(self, stream: int) -> None:
        """Note that a reader has left a stream."""
        with self._lock:
            self._looked.pop(stream, None)
            self._unheard.pop(stream, None)

    def settled(self, woken: bool) -> bool:  # noqa: FBT001 - as a clock asks
        """Whether no stream can tell any more of this moment, and what was told is taken in, or has had its time.

        Where somebody is woken, streams whose reader says nothing are not waited for: it may be what has woken him. To
        be asked again and again, with a pause each time.
        """
        with self._lock:
            now = self.now()
            self._asked += 1
            streams = self._looked.keys() & self._reporting if woken else self._looked.keys()
            told = self._told >= now and any(self._unheard[stream] > 0 for stream in streams)
            on_its_way = told or (not woken and self._ended >= now)
            looked = all(self._looked[stream] >= now for stream in streams)
            return looked and not (on_its_way and self._asked < ON_ITS_WAY)
