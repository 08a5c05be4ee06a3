"""Hears the Hub's status events while one Space is waited for: each is a reason to look now, and nothing more.

What an event says is never believed: the truth is the runtime. It is compared with that, and so a stream shows what
it is worth. One that is refused, breaks, falls silent, lets changes go unannounced or cries wolf is left, and waiting
goes on by looking now and then. One that names the stage as it is makes it worthwhile to follow the log of a build,
too: it ends with the build, so there are two streams to tell of that, and looks can be rare; see rules.pace.

Sources: `GET /api/spaces/{id}/events` of the Hub's published API description; the events are undocumented. Their names,
and that the stage is named as the stream opens: simhub/DIFFERENCES.md.
"""

from collections.abc import Callable
from threading import Event, Thread
from typing import TYPE_CHECKING

from hf_action.clock import Clock
from hf_action.rules.models import SpaceRuntime
from hf_action.rules.outcomes import ActionError
from hf_action.rules.pace import NO_EVENTS, Events
from hf_action.rules.stages import Kind, stage_of

if TYPE_CHECKING:
    from hf_action.hub.client import Hub

# Seconds between an event's look and the look before it, at least: events come in swarms.
GAP = 1.0
# Events in a row that brought no news, and changes that no event announced, after which a stream is left.
MAX_FALSE_ALARMS = 10
MAX_MISSED = 2
# The event whose data is the stage.
STAGE = "stage"
# Who may call for a look.
STREAM, LOG = "stream", "log"
# Names of events that tell nothing of the stage: how many hands are on a shared GPU.
IDLE_EVENTS = frozenset({"zero-gpu-count"})
# Seconds that a stream is given to open, and to say how things are, before time is let pass without it.
OPENING = 1.0


class Listener:
    """A clock whose sleep ends early when something happens to a Space.

    Args:
        hub: where the events come from.
        space: the Space.
        clock: what time it is, and how to let it pass.
        known: what the last look has found; it is news where it differs from the look before.
        debug: told once why events are not listened to any more.
    """

    def __init__(
        self,
        *,
        hub: "Hub",
        space: str,
        clock: Clock,
        known: Callable[[], SpaceRuntime | None],
        debug: Callable[[str], None],
    ) -> None:
        self._hub = hub
        self._space = space
        self._clock = clock
        self._known = known
        self._debug = debug
        self._left = self._announced = False
        self._was_right = False  # whether a look found the stage that was named
        self._open = False
        self._names: set[str] = set()  # of events that have come
        self._told: tuple[float, str] | None = None  # the stage that was named last, and when
        self._calls: set[str] = set()  # what has called for a look since the sleep before
        self._woken_by: set[str] = set()  # what made the last look
        self._judged = False
        self._false_alarms = self._missed = 0
        self._before = known()
        self._wake = Event()
        self._answered = Event()
        self._thread: Thread | None = None
        self._log: BuildLog | None = None

    @property
    def events(self) -> Events:
        """What is to be expected when something happens."""
        if not self._hears:
            return NO_EVENTS
        told, stage = self._told, self._stage
        return Events(
            heard=True,
            announced=self._announced,
            named=told is not None and told[1] == stage,
            ahead=self._clock.now() - told[0] if told and told[1] != stage and self._was_right else None,
            log_open=self._log is not None and self._log.open,
        )

    @property
    def _hears(self) -> bool:
        return self._open and not self._left

    @property
    def _named(self) -> str | None:
        return self._told[1] if self._told else None

    @property
    def _stage(self) -> str | None:
        known = self._known()
        return known.stage if known else None

    def now(self) -> float:
        """Return the seconds of the clock."""
        return self._clock.now()

    def sleep(self, seconds: float, wake: Event | None = None) -> None:  # noqa: ARG002 - as every clock
        """Let time pass: `seconds`, or until an event comes."""
        began = self._clock.now()
        self.judge()
        if not self._thread and seconds > GAP:  # not before there is a pause that an event could end
            self._thread = Thread(target=self._listen, name="events", daemon=True)
            self._thread.start()
            self._answered.wait(OPENING)
        woken = False
        if self._hears:
            self._clock.sleep(began + seconds - self._clock.now(), self._wake)
            woken = self._wake.is_set()
        left = began + (min(GAP, seconds) if woken else seconds) - self._clock.now()
        if left > 0:
            self._clock.sleep(left)
        self._wake.clear()  # before what called is taken, so that no call goes unheard
        self._woken_by, self._calls = self._calls, set()
        self._judged = False

    def follow_build(self) -> None:
        """Follow the log of the build that goes on, once: its end is a reason to look, too."""
        if self._log is None:
            self._log = BuildLog(hub=self._hub, space=self._space, call=self._call, debug=self._debug)
            self._log.follow()

    def leave(self, why: str = "") -> None:
        """Stop listening; `why` goes to the debug log, once."""
        if why and not self._left:
            self._debug(f"{self._space}: going on without its status events: {why}")
        self._left = True
        if self._log:
            self._log.leave()

    def judge(self) -> None:
        """Leave a stream that is of no use, told by what the look that was just made has found."""
        if self._judged:
            return
        self._judged = True
        known = self._known()
        self._was_right |= self._named is not None and self._named == self._stage
        news, self._before = known != self._before, known
        if news:
            self._false_alarms = 0
            self._announced |= STREAM in self._woken_by | self._calls
            self._missed += not self._woken_by and not self._calls
        else:
            self._false_alarms += STREAM in self._woken_by
        if self._false_alarms >= MAX_FALSE_ALARMS:
            self.leave(f"{MAX_FALSE_ALARMS} in a row brought no news")
        if self._missed >= MAX_MISSED:
            self.leave(f"{MAX_MISSED} changes came without one")
        if self._log and not (known and _builds(known.stage)):
            self._log.leave()
            self._log = None

    def _listen(self) -> None:
        """Be the thread that hears."""
        try:
            self._hub.listen(self._space, self._notice)
            why = "the stream has ended"
        except ActionError as error:
            why = str(error)
        self.leave(why)
        self._answered.set()
        self._wake.set()  # what happens from now on is seen by looking only

    def _notice(self, name: str, data: str) -> bool:
        """Take in that the stream is open or alive, or that an event of a name came; return whether to go on."""
        if self._open and name and self._is_news(name, data):
            self._call(STREAM)
        if name == STAGE and data != self._named:
            # A log ends with its build, and may call a moment before the stream does.
            self._announced |= self._named is not None and data == self._stage and LOG in self._woken_by
            self._told = self._clock.now(), data
        self._names.add(name)
        if self._open:  # by now it has said what it says as it opens
            self._answered.set()
        self._open = True
        return not self._left

    def _is_news(self, name: str, data: str) -> bool:
        """Whether an event is a reason to look: not if it says what is known, or how things are as the stream opens.

        A stream may open with one event of each name; where it has named the stage by then, the others tell no change.
        """
        if name == STAGE:
            return data not in (self._stage, self._named)
        is_opening = self._told is not None and name not in self._names
        return name not in IDLE_EVENTS and not is_opening

    def _call(self, who: str) -> None:
        """Have a look made."""
        self._calls.add(who)
        self._wake.set()


class BuildLog:
    """Follows the log of a build for its end alone; what is in it does not matter."""

    def __init__(self, *, hub: "Hub", space: str, call: Callable[[str], None], debug: Callable[[str], None]) -> None:
        self._hub = hub
        self._space = space
        self._call = call
        self._debug = debug
        self._answered = Event()
        self._left = False
        self.open = False

    def follow(self) -> None:
        """Begin, and wait until it is plain whether there is such a log."""
        Thread(target=self._follow, name="build log", daemon=True).start()
        self._answered.wait(OPENING)

    def leave(self) -> None:
        """Stop following."""
        self._left = True

    def _follow(self) -> None:
        """Be the thread that follows."""
        try:
            self._hub.follow_build(self._space, self._alive)
            why = "it has ended"
        except ActionError as error:
            why = str(error)
        was_open, self.open = self.open, False
        self._answered.set()
        if self._left:
            return
        self._debug(f"{self._space}: going on without its build log: {why}")
        if was_open:
            self._call(LOG)

    def _alive(self) -> bool:
        self.open = True
        self._answered.set()
        return not self._left


def _builds(stage: str) -> bool:
    return stage_of(stage).builds and stage_of(stage).kind is Kind.MOVING
