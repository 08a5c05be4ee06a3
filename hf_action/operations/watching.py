"""The one loop that waits: look at all Spaces that are still open, judge, sleep.

A single Space is the case n = 1, and a fleet can be looked at with one listing.
"""

from collections.abc import Callable, Mapping, Sequence

from hf_action.clock import Clock
from hf_action.rules import waiting
from hf_action.rules.waiting import Goal, Observation, Verdict


def watch(
    goals: Mapping[str, Goal],
    histories: Mapping[str, list[Observation]],
    *,
    observe: Callable[[Sequence[str]], Mapping[str, Observation]],
    conclude: Callable[[str, Verdict], None],
    pace: Callable[[Sequence[str]], float],
    clock: Clock,
) -> None:
    """Look at all Spaces that are still open, judge, sleep, until every one of `goals` has its verdict.

    Args:
        goals: what is waited for, by Space.
        histories: the looks so far, by Space; looks are added to them.
        observe: makes one look at each Space it is given.
        conclude: told each verdict as it is reached.
        pace: the seconds to the next look at the Spaces it is given.
        clock: what time it is, and how to let it pass.
    """
    still_open = list(goals)
    look = not all(histories[space] for space in goals)
    while still_open:
        if look:
            for space, observation in observe(still_open).items():
                histories[space].append(observation)
        now = clock.now()
        for space in tuple(still_open):
            verdict = waiting.judge(goals[space], histories[space], now)
            if verdict:
                still_open.remove(space)
                conclude(space, verdict)
        if still_open:
            deadline = min(goals[space].deadline for space in still_open)
            due = _next_look(now + pace(still_open), now, deadline)
            clock.sleep(due - now)
            look = due < deadline


def _next_look(due: float, now: float, deadline: float) -> float:
    if due < deadline:
        return due
    last = deadline - waiting.LAST_LOOK
    return last if last > now else deadline
