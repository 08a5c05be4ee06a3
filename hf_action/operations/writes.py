"""Sends a change once: never on old news, and never twice blindly.

What decides whether a change is sent is a look at the Space made after any waiting. A change whose answer was lost may
have arrived, so its own effect is looked for before it is sent again. Operations and the post step use this alike.

Source: docs/contract.md, "Operations".
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from threading import Lock
from typing import TYPE_CHECKING

from hf_action.clock import Budget, Clock
from hf_action.rules.models import SpaceRuntime
from hf_action.rules.operations import Write
from hf_action.rules.outcomes import ActionError, Unreachable
from hf_action.rules.waiting import LAST_LOOK, UNREACHABLE_AFTER

if TYPE_CHECKING:
    from hf_action.hub.client import Hub

# Seconds that a write whose answer was lost is given to show an effect before it is sent again. The Hub may go on
# naming the old stage for some seconds after a write that did arrive.
EFFECT = 15.0
# Seconds between looks for that effect, and for the effect of a visit.
EFFECT_INTERVAL = 3.0
# Seconds after which a look is old news: what it said is looked for again before anything is sent.
FRESH = 2.0
# Requests that are left for waiting when many writes are sent.
RESERVE_OF_WRITES = 60
# Seconds before a write that did not arrive is tried again: doubled each time, up to the second number.
FIRST_RETRY, LAST_RETRY = 1.0, 30.0


def pause_before_retry(error: ActionError, attempt: int) -> float:
    """Return the seconds before a change is sent again: what the Hub asked for, else more with each attempt from 0."""
    asked: float | None = getattr(error, "retry_after", None)
    return asked if asked is not None else min(FIRST_RETRY * 2**attempt, LAST_RETRY)


Decide = Callable[[SpaceRuntime], Write | None]


@dataclass(frozen=True, slots=True)
class Target:
    """The Space that is written to, and who is told what.

    Args:
        space: its id.
        runtime: what it was at the last look.
        looked_at: when that was.
        look: looks at it again; None where no usable answer came.
        info: told what happens.
        about_to_send: told just before a write is sent; the last moment to remember how the Space was.
        not_taken: told when a write certainly had no effect.
        effect_for: seconds that a lost write is given at most to show an effect.
    """

    space: str
    runtime: SpaceRuntime
    looked_at: float
    look: Callable[[], SpaceRuntime | None]
    info: Callable[[str], None]
    about_to_send: Callable[[SpaceRuntime], None] = lambda _: None
    not_taken: Callable[[], None] = lambda: None
    effect_for: float = EFFECT


@dataclass(frozen=True, slots=True)
class Sent:
    """A write that the Hub took, the runtime it was decided by, and the answer, if one came."""

    write: Write
    before: SpaceRuntime
    answer: SpaceRuntime | None


class Sender:
    """Sends the writes of one step, within the Hub's quota, within the budget on `clock`."""

    def __init__(self, *, hub: "Hub", clock: Clock, budget: Budget, info: Callable[[str], None]) -> None:
        self._hub = hub
        self._clock = clock
        self._budget = budget
        self._info = info
        self._one_at_a_time = Lock()

    def send(self, target: Target, decide: Decide) -> Sent | None:
        """Send the write that `decide` wants, until it was taken or had its effect.

        `decide` is asked again after each wait, with a fresh look; None where it wants nothing sent (any more).

        Raises:
            ActionError: it was refused, or had no answer and no effect for five minutes or until the deadline.
        """
        began = self._clock.now()
        runtime, looked_at = target.runtime, target.looked_at
        attempt = 0
        waited = False
        while (write := decide(runtime)) is not None:
            waited = waited or self._wait_for_quota()
            if self._clock.now() - looked_at > FRESH:
                looked_at, runtime = self._look(target, began)
                continue
            try:
                target.about_to_send(runtime)
                answer = self._hub.send(write, target.space)
            except Unreachable as lost:
                if not lost.sent:
                    target.not_taken()
                    self._wait_to_retry(target, lost, began, attempt)
                    looked_at = -inf
                elif (now := self._effect(target, write, runtime, lost, began)) is None:
                    return Sent(write, before=runtime, answer=None)
                else:
                    looked_at, runtime = now
                attempt += 1
            except ActionError:
                target.not_taken()
                raise
            else:
                told = f"; the Hub answers {answer.stage}, which proves nothing yet" if answer else ""
                target.info(f"{write.name} sent{told}")
                return Sent(write, before=runtime, answer=answer)
        return None

    def _effect(
        self, target: Target, write: Write, before: SpaceRuntime, lost: Unreachable, began: float
    ) -> tuple[float, SpaceRuntime] | None:
        """Look for the effect of a write whose answer was lost; return None if it is seen, else the last look."""
        if lost.final:
            raise lost
        target.info(f"{lost} — looking for an effect before anything is sent again")
        grace = self._clock.now() + min(EFFECT, target.effect_for)
        while True:
            at, now = self._clock.now(), target.look()
            if now and write.has_effect(before, now):
                target.info(f"{write.name} had its effect: {now.stage}")
                return None
            if self._is_over(began):
                raise lost
            if now and self._clock.now() >= grace:
                target.info(f"no effect seen; sending {write.name} again")
                return at, now
            self._clock.sleep(min(EFFECT_INTERVAL, max(self._budget.end - self._clock.now(), 0.0)))

    def _wait_to_retry(self, target: Target, lost: Unreachable, began: float, attempt: int) -> None:
        """Let time pass after a write that did not arrive."""
        pause = pause_before_retry(lost, attempt)
        if lost.final or self._is_over(began) or self._clock.now() + pause + LAST_LOOK >= self._budget.end:
            raise lost
        if not attempt:  # the first failure says why nothing happens; the others would say the same
            target.info(f"not sent: {lost} — trying again")
        self._clock.sleep(pause)

    def _look(self, target: Target, began: float) -> tuple[float, SpaceRuntime]:
        """Look until there is an answer; return when the look began, as an answer may take long, and what it found."""
        while True:
            at, now = self._clock.now(), target.look()
            if now:
                return at, now
            if self._is_over(began):
                raise Unreachable("the Hub gave no usable answer before the change could be sent", sent=False)
            self._clock.sleep(min(EFFECT_INTERVAL, max(self._budget.end - self._clock.now(), 0.0)))

    def _is_over(self, began: float) -> bool:
        now = self._clock.now()
        return now >= self._budget.end or now - began >= UNREACHABLE_AFTER

    def _wait_for_quota(self) -> bool:
        """Let the Hub's quota recover where little more is left than waiting needs; return whether it was waited."""
        with self._one_at_a_time:
            wait = self._hub.quota_wait(RESERVE_OF_WRITES)
            if not wait or self._clock.now() + wait >= self._budget.end:
                return False
            self._info(f"the Hub's quota is nearly spent; going on in {wait:.0f} s")
            self._clock.sleep(wait)
            return True
