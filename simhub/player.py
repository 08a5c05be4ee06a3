"""Chooses the answer of a recording to a request: in the order of the recording, and in its time.

Each route has its answers in a row. A question gets the next one whose time has come, and before that the last one
again; who asks less often than the recorded step does not get the same again while there is news, and nothing old. A
write moves on to what was recorded after it, and the time of its Space goes on from there. A failure is given once: who
asks again gets what came next.
"""

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from simhub.pulse import Pulse
from simhub.recording import STARS, Exchange, Recording

# Seconds of the recording by which somebody may be early, as the steps between two questions differ by chance.
EARLY = 0.25
# Seconds of the recording by which an answer may be late before the one after it takes its place.
LATE = 2.0
# Seconds that are lost where moments of the recording become those of a clock.
ROUNDING = 1e-6

Query = tuple[tuple[str, str], ...]


@dataclass(slots=True)
class Row:
    """The answers of a route, each with the number of writes to its Space before it; `given` is the last given."""

    exchanges: list[Exchange] = field(default_factory=list)
    phases: list[int] = field(default_factory=list)
    given: int = -1

    def take(self, phase: int, now: float) -> Exchange:
        """Return the answer to a question in a phase, at second `now` of the recording."""
        coming = [at for at in range(self.given + 1, len(self.exchanges)) if self.phases[at] <= phase]
        coming = [at for at in coming if self.phases[at] == phase] or coming
        if not coming:
            self.given = max(self.given, 0)
            return self.exchanges[self.given]
        first = coming[0]
        if self._is_ripe(first, now=now):
            late = max([at for at in coming if self.exchanges[at].time <= now - LATE], default=first)
            due = [at for at in coming if at >= late and self.exchanges[at].time <= now]
            news = [at for at in due if self.given < 0 or self.exchanges[at].said != self.exchanges[self.given].said]
            self.given = next(iter(news or due[-1:]), late)
        return self.exchanges[self.given]

    def _is_ripe(self, at: int, now: float) -> bool:
        """Whether the next answer may take the place of the last one."""
        if self.given < 0 or self.exchanges[self.given].failed or self.phases[at] > self.phases[self.given]:
            return True
        return self.exchanges[at].time <= now + EARLY

    def following(self) -> tuple[Exchange, bool]:
        """Return the next answer to a write, and whether it is a new one."""
        is_new = self.given + 1 < len(self.exchanges)
        self.given += is_new
        return self.exchanges[self.given], is_new


@dataclass(slots=True)
class Player:
    """A recording that is played to somebody, `speed` times as fast as it was, by a clock that tells `now`."""

    recording: Recording
    now: Callable[[], float]
    speed: float = 1.0
    _rows: dict[tuple[str, str, str], dict[Query, Row]] = field(default_factory=dict)
    _phases: dict[str, int] = field(default_factory=dict)
    _anchors: dict[str, tuple[float, float]] = field(default_factory=dict)
    _streams: list[Exchange] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    pulse: Pulse = field(init=False)

    def __post_init__(self) -> None:
        self.pulse = Pulse(self.now)
        written: dict[str, int] = {}
        for each in self.recording.exchanges:
            row = self._rows.setdefault((each.method, each.place, each.path), {}).setdefault(each.query, Row())
            row.exchanges.append(each)
            row.phases.append(written.get(each.scope, 0))
            if not each.is_read:
                for scope in {each.scope, ""}:
                    written[scope] = written.get(scope, 0) + 1

    def answer(self, method: str, place: str, path: str, query: Query) -> Exchange | None:
        """Return what was answered to such a request; None where the recording has nothing of the kind."""
        rows = self._rows.get((method, place, path))
        if not rows:
            return None
        with self._lock:
            if not self._anchors:
                self._anchors[""] = self.recording.exchanges[0].time, self.now()
            row = rows[max(rows, key=lambda known: _likeness(known, query))]
            first = row.exchanges[0]
            if first.is_read:
                found = row.take(self._phases.get(first.scope, 0), now=self.moment(first.scope))
            else:
                found = self._written(row)
            if found.stream:
                self._streams.append(found)
            return found

    def moment(self, scope: str) -> float:
        """Return which second of the recording it is, for a Space."""
        recorded, at = self._anchors.get(scope) or self._anchors[""]
        return recorded + (self.now() - at) * self.speed

    def next_change(self) -> float:
        """Return when, by the clock, the next event of an open stream comes; for a clock of tests."""
        coming = [
            self.now() + (time - self.moment(each.scope)) / self.speed
            for each in tuple(self._streams)
            for time, _ in each.events
            if time > self.moment(each.scope) + ROUNDING
        ]
        return min(coming, default=math.inf)

    def _written(self, row: Row) -> Exchange:
        found, is_new = row.following()
        if is_new:
            for scope in {found.scope, ""}:
                self._phases[scope] = self._phases.get(scope, 0) + 1
                self._anchors[scope] = found.time, self.now()
        return found


def _likeness(known: Query, asked: Query) -> tuple[bool, int]:
    """Tell how well parameters fit those that were recorded; of a secret one only the name is known."""
    plain = {(name, STARS if (name, STARS) in known else value) for name, value in asked}
    return plain == set(known), len(plain & set(known))
