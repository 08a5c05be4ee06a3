"""Hears the Hub's status events while one Space is waited for: each is a reason to look now, and nothing more.

What an event says is not documented, so nothing of it is read: the truth is the runtime. A stream that is refused,
breaks, falls silent, lets changes go unannounced or cries wolf is left, and waiting goes on by looking now and then.

Source: `GET /api/spaces/{id}/events` of the Hub's published API description; the events are undocumented.
"""

from collections.abc import Callable
from threading import Event, Thread
from typing import TYPE_CHECKING

from hf_action.clock import Clock
from hf_action.rules.outcomes import ActionError
from hf_action.rules.pace import Events

if TYPE_CHECKING:
    from hf_action.hub.client import Hub

# Seconds between an event's look and the look before it, at least: events come in swarms.
GAP = 1.0
# Events in a row that brought no news, and changes that no event announced, after which a stream is left.
MAX_FALSE_ALARMS = 10
MAX_MISSED = 2
# Names of events that tell nothing of the stage: how many hands are on a shared GPU.
IDLE_EVENTS = frozenset({"zero-gpu-count"})
# Seconds that a stream is given to open before time is let pass without it.
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
        self, *, hub: "Hub", space: str, clock: Clock, known: Callable[[], object], debug: Callable[[str], None]
    ) -> None:
        self._hub = hub
        self._space = space
        self._clock = clock
        self._known = known
        self._debug = debug
        self._open = self._left = self._proven = False
        self._woken = False  # whether an event made the last look
        self._false_alarms = self._missed = 0
        self._before = known()
        self._wake = Event()
        self._answered = Event()
        self._thread: Thread | None = None

    @property
    def events(self) -> Events:
        """What is to be expected when something happens."""
        if not self._hears:
            return Events.NONE
        return Events.HEARD if self._proven else Events.HOPED_FOR

    @property
    def _hears(self) -> bool:
        return self._open and not self._left

    def now(self) -> float:
        """Return the seconds of the clock."""
        return self._clock.now()

    def sleep(self, seconds: float, wake: Event | None = None) -> None:  # noqa: ARG002 - as every clock
        """Let time pass: `seconds`, or until an event comes."""
        began = self._clock.now()
        self._judge()
        if not self._thread:  # not before there is something to wait for
            self._thread = Thread(target=self._listen, name="events", daemon=True)
            self._thread.start()
            self._answered.wait(min(OPENING, seconds))
        self._woken = False
        if self._hears:
            self._clock.sleep(began + seconds - self._clock.now(), self._wake)
            self._woken = self._wake.is_set()
        left = began + (min(GAP, seconds) if self._woken else seconds) - self._clock.now()
        if left > 0:
            self._clock.sleep(left)
        self._wake.clear()

    def leave(self, why: str = "") -> None:
        """Stop listening; `why` goes to the debug log, once."""
        if why and not self._left:
            self._debug(f"{self._space}: going on without its status events: {why}")
        self._left = True

    def _judge(self) -> None:
        """Leave a stream that is of no use, told by what the look that was just made has found."""
        known = self._known()
        news, self._before = known != self._before, known
        if news:
            self._false_alarms = 0
            self._proven |= self._woken
            self._missed += not self._woken and not self._wake.is_set()
        else:
            self._false_alarms += self._woken
        if self._false_alarms >= MAX_FALSE_ALARMS:
            self.leave(f"{MAX_FALSE_ALARMS} in a row brought no news")
        if self._missed >= MAX_MISSED:
            self.leave(f"{MAX_MISSED} changes came without one")

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

    def _notice(self, name: str, data: str) -> bool:  # noqa: ARG002 - the truth is the runtime
        """Take in that the stream is open, or that an event of a name came; return whether to go on."""
        if self._open and name not in IDLE_EVENTS:
            self._wake.set()
        self._open = True
        self._answered.set()
        return not self._left
