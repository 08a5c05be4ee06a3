"""The one loop that waits: look at all Spaces that are still open, judge, sleep.

A single Space is the case n = 1, and a fleet can be looked at with one listing. `watch` is the loop alone; `Watcher`
gives it the looks, the pace and the events of a batch.
"""

from collections.abc import Callable, Mapping, Sequence
from random import random
from typing import TYPE_CHECKING

from hf_action.clock import Budget, Clock
from hf_action.inputs.settings import Settings
from hf_action.operations.events import Listener
from hf_action.operations.explanation import Explainer
from hf_action.operations.polling import Poller
from hf_action.operations.progress import SpaceProgress, run_parallel
from hf_action.operations.rounds import Rounds
from hf_action.rules import pace, waiting
from hf_action.rules.healing import judge_health
from hf_action.rules.pace import NO_EVENTS, Events
from hf_action.rules.waiting import Goal, Observation, Verdict

if TYPE_CHECKING:
    from hf_action.hub.client import Hub
    from hf_action.runner.log import Log


# Seconds between rounds at least. What rounding leaves of an interval may be too little to move the clock at all, and
# the same round would be made without an end.
SHORTEST = 0.001


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
            goal, history = goals[space], histories[space]
            verdict = waiting.judge(goal, history, now) or judge_health(goal, history)
            if verdict:
                still_open.remove(space)
                conclude(space, verdict)
        if still_open:
            deadline = min(goals[space].deadline for space in still_open)
            due = _next_look(now + max(pace(still_open), SHORTEST), now, deadline)
            clock.sleep(due - now)
            look = due < deadline


def _next_look(due: float, now: float, deadline: float) -> float:
    if due < deadline:
        return due
    last = deadline - waiting.LAST_LOOK
    return last if last > now else deadline


class Watcher:
    """Waits for the Spaces of a batch within the budget on `clock`."""

    def __init__(
        self,
        *,
        settings: Settings,
        hub: "Hub",
        poller: Poller,
        explainer: Explainer,
        clock: Clock,
        log: "Log",
        budget: Budget,
    ) -> None:
        self._settings = settings
        self._hub = hub
        self._rounds = Rounds(hub=hub, poller=poller, clock=clock, budget=budget, width=settings.max_parallel)
        self._explainer = explainer
        self._clock = clock
        self._log = log
        self._budget = budget
        self._listener: Listener | None = None

    def watch(self, members: Sequence[SpaceProgress], conclude: Callable[[SpaceProgress, Verdict], None]) -> None:
        """Wait for Spaces; `conclude` is told how that ended for each."""
        expected = {progress.asked: progress for progress in members}
        self._listener = self._listen(members[0]) if len(members) == 1 else None
        goals = {asked: progress.goal for asked, progress in expected.items() if progress.goal}

        def observe(open_ones: Sequence[str]) -> dict[str, Observation]:
            looks = self._observe([expected[asked] for asked in open_ones])
            # The first look of its own may tell what a Space was waited for from.
            goals.update({asked: goal for asked in open_ones if (goal := expected[asked].goal)})
            return looks

        watch(
            goals,
            {asked: progress.history for asked, progress in expected.items()},
            observe=observe,
            conclude=lambda asked, verdict: conclude(expected[asked], verdict),
            pace=lambda open_ones: self._pace([expected[asked] for asked in open_ones]),
            clock=self._listener or self._clock,
        )
        if self._listener:
            self._listener.leave()

    def _observe(self, members: Sequence[SpaceProgress]) -> dict[str, Observation]:
        looks = self._rounds.observe(members)
        self._log.set_status(_still_missing(members, looks))
        if self._clock.now() >= self._budget.end - waiting.LAST_LOOK:  # afterwards there is no budget for a request

            def read_log(progress: SpaceProgress) -> None:
                look = looks.get(progress.asked)
                well = look and look.stage and progress.goal and waiting.reached(progress.goal, look)
                if not (well and look and not look.health_problem):
                    self._explainer.read_log(progress, failing=True)

            run_parallel(members, read_log, width=self._settings.max_parallel)
        return looks

    def _listen(self, progress: SpaceProgress) -> Listener:
        return Listener(
            hub=self._hub,
            space=progress.space,
            clock=self._clock,
            known=lambda: progress.after.runtime if progress.after else None,
            debug=self._log.debug,
        )

    def _hear(self, listener: Listener, progress: SpaceProgress) -> Events:
        """Return what is to be expected of the Hub's events; follow the log of a build where that saves looks."""
        listener.judge()
        settings = progress.settings
        # The Hub shows logs to nobody without a token; and who wants none, or looks in his own time, gets just that.
        may = settings.has_credentials and settings.logs != "never" and not self._settings.poll_interval
        if may and pace.worth_a_log(progress.history, self._clock.now(), events=listener.events):
            listener.follow_build()
        return listener.events

    def _pace(self, members: Sequence[SpaceProgress]) -> float:
        now, chance = self._clock.now(), random()
        events = self._hear(self._listener, members[0]) if self._listener else NO_EVENTS
        seen = [(progress.goal, progress.history) for progress in members if progress.goal and progress.history]
        seconds = min(
            (pace.interval(goal, history, now, events=events, chance=chance) for goal, history in seen),
            default=pace.POLL_MAX,
        )
        if seen and all(history[-1].stage is None for _, history in seen):
            return seconds  # a Hub that does not answer is not asked more often because somebody is in a hurry
        share = pace.fair_share(self._hub.quota(), requests=self._rounds.requests(members))
        reserved = self._rounds.quota_wait() if len(members) > 1 else 0.0
        return max(self._settings.poll_interval or seconds, share, reserved)


def _still_missing(members: Sequence[SpaceProgress], looks: Mapping[str, Observation]) -> str:
    """Return what is still waited for, for the heartbeat."""
    if len(members) == 1:
        progress = members[0]
        look = looks.get(progress.asked)
        lacks = waiting.lacking(progress.goal, [*progress.history, look]) if progress.goal and look else ""
        return f"{progress.space} is {progress.stage}" + (f"; {lacks}" if lacks else "")
    stages = [progress.stage for progress in members]
    return f"{len(members)} Spaces: " + ", ".join(f"{stages.count(s)} {s}" for s in dict.fromkeys(stages))
