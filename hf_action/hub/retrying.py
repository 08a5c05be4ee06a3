"""Asks again where that may help, for five minutes or until the deadline, as the Hub's quota allows.

A module of its own, which few steps need: tenacity takes a while to load, and most questions are answered at once.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception

from hf_action.clock import Budget, Clock
from hf_action.rules.waiting import LAST_LOOK, UNREACHABLE_AFTER

# Seconds between two tries: doubled from the first to the last, and up to a half more by chance.
RETRY_MIN, RETRY_MAX = 1.0, 30.0
RETRY_JITTER = (1.0, 1.5)

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long one question, which `began` some time ago, is asked again.

    Args:
        clock: what time it is, and how to let it pass.
        began: when it was asked first.
        budget: that of the step.
        may_repeat: whether an error is one that may pass.
        tell: told the first error, which says why nothing happens; the others would say the same.
    """

    clock: Clock
    began: float
    budget: Budget
    may_repeat: Callable[[BaseException], bool]
    tell: Callable[[BaseException | None], None]

    def ask(self, call: Callable[[], Answer], failed: Exception) -> Answer:
        """Ask until there is an answer; `failed` is what came of the first time."""
        past = [failed]

        def attempt() -> Answer:
            if past:
                raise past.pop()
            return call()

        retrying = Retrying(
            retry=retry_if_exception(self.may_repeat),
            wait=self._pause,
            stop=self._is_over,
            before_sleep=lambda state: self.tell(_failure(state)) if state.attempt_number == 1 else None,
            sleep=self.clock.sleep,
            reraise=True,
        )
        return retrying(attempt)

    def _is_over(self, state: RetryCallState) -> bool:
        now = self.clock.now()
        return now + max(state.upcoming_sleep, LAST_LOOK) >= self.budget.end or now - self.began >= UNREACHABLE_AFTER

    def _pause(self, state: RetryCallState) -> float:
        """Wait no longer than until there is just time for one more request, unless the Hub asks for it."""
        seconds, left = _backoff(state), self.budget.end - self.clock.now()
        return seconds if _asked_for(state) is not None else min(seconds, max(left - LAST_LOOK, 0.0))


def _failure(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None


def _asked_for(state: RetryCallState) -> float | None:
    """Return the seconds that the Hub asked to be left alone."""
    return getattr(_failure(state), "retry_after", None)


def _backoff(state: RetryCallState) -> float:
    """Return what the Hub asked for, else 1, 2, 4 ... 30 seconds, up to a half more by chance."""
    asked = _asked_for(state)
    if asked is not None:
        return asked
    return min(RETRY_MIN * 2.0 ** (state.attempt_number - 1), RETRY_MAX) * random.uniform(*RETRY_JITTER)
