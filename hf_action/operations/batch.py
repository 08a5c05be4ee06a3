"""The Spaces of one step, from their selection to their results.

A `Batch` takes them through the same parts: which ones, what is done with each (`execution`), waiting (`watching`), and
why it ended so (`explanation`). Each Space has a `SpaceProgress` that keeps all that was seen, so that a failure, a
timeout or a signal at any moment still leaves a result for every Space.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from random import random
from threading import Lock
from typing import TYPE_CHECKING

from hf_action.clock import Clock
from hf_action.inputs.settings import Settings
from hf_action.operations.events import Listener
from hf_action.operations.execution import Execution
from hf_action.operations.explanation import Explainer
from hf_action.operations.polling import Poller
from hf_action.operations.progress import NO_TOKEN, SpaceProgress, run_parallel, verdict_of
from hf_action.operations.selecting import Selector
from hf_action.operations.watching import watch
from hf_action.operations.writes import Sender
from hf_action.rules import pace, waiting
from hf_action.rules.account import account
from hf_action.rules.operations import OPERATIONS
from hf_action.rules.outcomes import ActionError, Denied, Outcome
from hf_action.rules.pace import Events
from hf_action.rules.results import Result, page
from hf_action.rules.selection import choose, queries
from hf_action.rules.waiting import Verdict

if TYPE_CHECKING:
    from hf_action.hub.client import Hub
    from hf_action.runner.log import Log


class Batch:
    """One operation on the Spaces of one step.

    `check` is told all of them before anything is sent, and may refuse; `save` before each change of one of them.
    `today` is in seconds since 1970; all other times are those of `clock`.
    """

    def __init__(
        self,
        *,
        settings: Settings,
        hub: "Hub",
        clock: Clock,
        log: "Log",
        began: float,
        deadline: float,
        today: float,
        save: Callable[[Iterable[SpaceProgress]], None] = lambda _: None,
        check: Callable[[Iterable[SpaceProgress]], None] = lambda _: None,
    ) -> None:
        self._settings = settings
        self._hub = hub
        self._clock = clock
        self._log = log
        self._began = began
        self._deadline = deadline
        self._today = today
        self._save = save
        self._check = check
        self._one_at_a_time = Lock()
        self._poller = Poller(
            hub=hub, clock=clock, log=log, began=began, deadline=deadline, width=settings.max_parallel
        )
        self._execution = Execution(
            hub=hub,
            poller=self._poller,
            sender=Sender(hub=hub, clock=clock, deadline=deadline, info=log.info),
            clock=clock,
            began=began,
            deadline=deadline,
            timeout=settings.timeout,
            save=lambda _: self._save_all(),
            end=self._end,
        )
        self._explainer = Explainer(
            endpoint=settings.endpoint, hub=hub, poller=self._poller, clock=clock, log=log, deadline=deadline
        )
        self._selector = Selector(hub=hub, clock=clock, log=log, deadline=deadline, width=settings.max_parallel)
        self.prices: Mapping[str, float] = {}  # where the selection has asked for them
        self._listener: Listener | None = None
        self._members: dict[str, SpaceProgress] = {}
        # What the fleet file says of a Space counts before what the step says of all.
        own = {space.lower(): some for some in settings.fleet for space in some.spaces}
        for some in (settings, *settings.fleet):
            for space in some.spaces:
                self._members.setdefault(
                    space.lower(), SpaceProgress(space=space, settings=own.get(space.lower(), some))
                )

    def run(self) -> None:
        """Do it all; afterwards every Space has its result.

        Raises:
            ActionError: the Spaces could not even be chosen.
        """
        if any(some.writes for some in (self._settings, *self._settings.fleet)) and not self._settings.has_credentials:
            raise Denied(NO_TOKEN.seen, remedy=NO_TOKEN.remedy)
        self._select()
        self._check(self._members.values())
        run_parallel(self._open(), self._begin, width=self._settings.max_parallel)
        self._watch({progress.space: progress for progress in self._open()})
        run_parallel(self._members.values(), self._explainer.explain, width=self._settings.max_parallel)

    def end_open(self, verdict: Verdict) -> None:
        """Give every Space that has none yet the same verdict."""
        for progress in self._open():
            self._end(progress, verdict)

    def cancel(self) -> None:
        """End what is open because a signal came; the message says what the Hub goes on with."""
        for progress in self._open():
            stage = progress.stage if progress.after else "not looked at yet"
            sent = (
                f"; the {progress.settings.operation} was sent and goes on" if progress.sent else "; nothing was sent"
            )
            self._end(progress, Verdict(Outcome.CANCELLED, f"cancelled while {stage}{sent}"))

    def sent(self) -> list[str]:
        """Return what was sent to each Space, for somebody who does not wait for its result."""
        return [f"{one.settings.operation} {one.space}" for one in tuple(self._members.values()) if one.sent]

    def results(self) -> tuple[Result, ...]:
        """Return what became of each Space, in the order asked for."""
        return tuple(
            Result(
                space=progress.space,
                outcome=progress.verdict.outcome,
                message=progress.verdict.message,
                elapsed=progress.ended - self._began,
                url=page(self._settings.endpoint, progress.space),
                operation=progress.settings.operation,
                before=progress.before,
                after=progress.after,
                cause=progress.verdict.cause,
                evidence=progress.verdict.evidence,
                blame=progress.verdict.blame,
                changed=progress.changed,
                timeline=tuple(progress.timeline),
                log=tuple(progress.tail),
            )
            for progress in self._members.values()
            if progress.verdict and not _is_left_out(progress)
        )

    def hardware(self) -> set[str]:
        """Return the flavors that the Spaces have or ask for."""
        seen = [look for progress in self._members.values() for look in (progress.before, progress.after) if look]
        runtimes = [look.runtime for look in seen]
        return {flavor for runtime in runtimes for flavor in (runtime.hardware, runtime.requested_hardware) if flavor}

    def _select(self) -> None:
        """Add the Spaces that patterns and filters choose; a listing is asked for once."""
        self._learn()
        choosing = [some for some in (*self._settings.fleet, self._settings) if some.selects]
        listings = self._selector.listings([some.choice for some in choosing], self._poller.note_listing)
        for some in choosing:
            listed = [space for query in queries(some.patterns, some.filters) for space in listings[query]]
            for space in choose(listed, some.patterns, some.filters):
                self._members.setdefault(space.id.lower(), SpaceProgress(space=space.id, settings=some, listed=space))
        told = account(self._settings.choice, [some.choice for some in self._settings.fleet], listings)
        if told.line:
            self._log.info(told.line)
        for warning in told.warnings:
            self._log.annotate("warning", warning)

    def _learn(self) -> None:
        """Ask for what the filters need to know besides the Spaces."""
        facts = self._selector.facts(self._settings.filters, today=self._today)
        self.prices = facts.prices
        self._settings = self._settings.knowing(facts)
        for progress in self._members.values():
            progress.settings = progress.settings.knowing(facts)

    def _begin(self, progress: SpaceProgress) -> None:
        try:
            self._execution.run(progress)
        except ActionError as error:
            self._end(progress, verdict_of(error))

    def _save_all(self) -> None:
        with self._one_at_a_time:
            self._save(self._members.values())

    # ---- waiting ----

    def _watch(self, expected: dict[str, SpaceProgress]) -> None:
        """Wait for all Spaces that are still open."""
        if len(expected) == 1:
            self._listener = self._listen(*expected.values())
        goals = {space: progress.goal for space, progress in expected.items() if progress.goal}

        def observe(spaces: Sequence[str]) -> dict[str, waiting.Observation]:
            looks = self._observe([expected[space] for space in spaces])
            # The first look of its own may tell what a Space was waited for from.
            goals.update({space: goal for space in spaces if (goal := expected[space].goal)})
            return looks

        watch(
            goals,
            {space: progress.history for space, progress in expected.items()},
            observe=observe,
            conclude=lambda space, verdict: self._end(expected[space], verdict),
            pace=lambda spaces: self._pace([expected[space] for space in spaces]),
            clock=self._listener or self._clock,
        )
        if self._listener:
            self._listener.leave()

    def _observe(self, members: Sequence[SpaceProgress]) -> dict[str, waiting.Observation]:
        looks = self._poller.observe(members)
        self._log.set_status(_still_missing(members, looks))
        if self._clock.now() >= self._deadline - waiting.LAST_LOOK:  # afterwards there is no budget for a request

            def read_log(progress: SpaceProgress) -> None:
                look = looks.get(progress.space)
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
            known=lambda: progress.after and progress.after.runtime,
            debug=self._log.debug,
        )

    def _pace(self, members: Sequence[SpaceProgress]) -> float:
        now, chance = self._clock.now(), random()
        events = self._listener.events if self._listener else Events.NONE
        seen = [(progress.goal, progress.history) for progress in members if progress.goal and progress.history]
        seconds = min(
            (pace.interval(goal, history, now, events=events, chance=chance) for goal, history in seen),
            default=pace.POLL_MAX,
        )
        if seen and all(history[-1].stage is None for _, history in seen):
            return seconds  # a Hub that does not answer is not asked more often because somebody is in a hurry
        share = pace.fair_share(self._hub.quota(), requests=self._poller.requests(members))
        reserved = self._poller.quota_wait() if len(members) > 1 else 0.0
        return max(self._settings.poll_interval or seconds, share, reserved)

    def _end(self, progress: SpaceProgress, verdict: Verdict) -> None:
        if verdict.outcome is Outcome.OK and OPERATIONS[progress.settings.operation].changes and not progress.sent:
            verdict = Verdict(Outcome.UNCHANGED, f"{verdict.seen}; nothing was sent")
        progress.verdict = verdict
        progress.ended = self._clock.now()
        self._poller.info(progress, f"{verdict.outcome.word}: {verdict.message}")

    def _open(self) -> list[SpaceProgress]:
        return [progress for progress in self._members.values() if not progress.verdict]


def _is_left_out(progress: SpaceProgress) -> bool:
    """Whether a list does not have a Space that was named: its filters hold for all."""
    skipped = progress.verdict is not None and progress.verdict.outcome is Outcome.SKIPPED
    return progress.settings.operation == "list" and skipped


def _still_missing(members: Sequence[SpaceProgress], looks: Mapping[str, waiting.Observation]) -> str:
    """Return what is still waited for, for the heartbeat."""
    if len(members) == 1:
        progress = members[0]
        look = looks.get(progress.space)
        lacks = waiting.lacking(progress.goal, [*progress.history, look]) if progress.goal and look else ""
        return f"{progress.space} is {progress.stage}" + (f"; {lacks}" if lacks else "")
    stages = [progress.stage for progress in members]
    return f"{len(members)} Spaces: " + ", ".join(f"{stages.count(s)} {s}" for s in dict.fromkeys(stages))
