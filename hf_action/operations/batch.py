"""The Spaces of one step, from their selection to their results.

A `Batch` takes them through the same parts: which ones, what is done with each (`execution`), waiting (`watching`), and
why it ended so (`explanation`). Each Space has a `SpaceProgress` that keeps all that was seen, so that a failure, a
timeout or a signal at any moment still leaves a result for every Space.
"""

from collections.abc import Callable, Iterable, Mapping
from threading import Lock
from typing import TYPE_CHECKING

from hf_action.clock import Budget, Clock
from hf_action.inputs.settings import Settings
from hf_action.operations.acting import Actor
from hf_action.operations.execution import Execution
from hf_action.operations.explanation import Explainer
from hf_action.operations.polling import Poller
from hf_action.operations.progress import NO_TOKEN, SpaceProgress, run_parallel, verdict_of
from hf_action.operations.retrying import Retries
from hf_action.operations.selecting import Selector
from hf_action.operations.watching import Watcher
from hf_action.operations.writes import Sender
from hf_action.rules.account import account
from hf_action.rules.operations import OPERATIONS
from hf_action.rules.outcomes import ActionError, Denied, NotFound, Outcome
from hf_action.rules.results import Result, page
from hf_action.rules.selection import choose, queries
from hf_action.rules.waiting import Verdict

if TYPE_CHECKING:
    from hf_action.hub.client import Hub
    from hf_action.runner.log import Log

CHECK_FILTERS = "Check author, patterns and filters."


class Batch:
    """One operation on the Spaces of one step.

    `check` is told all of them before anything is sent, and may refuse; `save` one of them before each change of it.
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
        budget: Budget,
        today: float,
        save: Callable[[SpaceProgress], None] = lambda _: None,
        check: Callable[[Iterable[SpaceProgress]], None] = lambda _: None,
    ) -> None:
        self._settings = settings
        self._hub = hub
        self._clock = clock
        self._log = log
        self._began = began
        self._budget = budget
        self._today = today
        self._save = save
        self._check = check
        self._one_at_a_time = Lock()
        self._poller = Poller(hub=hub, clock=clock, log=log, began=began, budget=budget)
        actor = Actor(
            poller=self._poller,
            sender=Sender(hub=hub, clock=clock, budget=budget, info=log.info),
            clock=clock,
            began=began,
            budget=budget,
            timeout=settings.timeout,
            save=self._save_one,
            end=self._end,
        )
        self._execution = Execution(
            hub=hub,
            poller=self._poller,
            actor=actor,
            clock=clock,
            began=began,
            claim=self._claim,
        )
        self._explainer = Explainer(
            endpoint=settings.endpoint, hub=hub, poller=self._poller, clock=clock, log=log, budget=budget
        )
        self._watcher = Watcher(
            settings=settings,
            hub=hub,
            poller=self._poller,
            explainer=self._explainer,
            clock=clock,
            log=log,
            budget=budget,
        )
        self._retries = Retries(execution=self._execution, poller=self._poller, clock=clock, actor=actor)
        self._selector = Selector(hub=hub, clock=clock, log=log, budget=budget, width=settings.max_parallel)
        self.prices: Mapping[str, float] = {}  # where the selection has asked for them
        self._claimed: dict[str, SpaceProgress] = {}
        self._members = _named(settings)

    def run(self) -> None:
        """Do it all; afterwards every Space has its result.

        Raises:
            ActionError: the Spaces could not even be chosen.
        """
        if any(some.writes for some in (self._settings, *self._settings.fleet)) and not self._settings.has_credentials:
            raise Denied(NO_TOKEN.seen, remedy=NO_TOKEN.remedy)
        self._select()
        if not self._members and self._settings.operation == "wait":
            raise NotFound("no Space was selected, so there is nothing to wait for.", remedy=CHECK_FILTERS)
        self._check(self._members.values())
        self._carry_out(self._execution.run)
        while self._retries.reopen(self._members.values()):
            self._carry_out(self._retries.restart)
        if any(progress.settings.may_roll_back for progress in self._members.values()):
            from hf_action.operations.rollback import Rollback  # few ask for it; without, a step begins sooner

            Rollback(
                hub=self._hub,
                poller=self._poller,
                clock=self._clock,
                width=self._settings.max_parallel,
                budget=self._budget,
                watch=self._watcher.watch,
            ).run(self._members.values())

    def _carry_out(self, work: Callable[[SpaceProgress], None]) -> None:
        """Do `work` on the Spaces that are open, wait for them, and say why they ended so."""
        members, width = self._open(), self._settings.max_parallel
        run_parallel(members, self._guarded(work), width=width)
        self._watcher.watch(self._open(), self._end)
        ended = [progress for progress in members if progress.verdict is not progress.failed_before]
        run_parallel(ended, self._explainer.explain, width=width)

    def end_open(self, verdict: Verdict) -> None:
        """Give every Space that has none yet the same verdict."""
        for progress in self._open():
            self._end(progress, verdict)

    def cancel(self) -> None:
        """End what is open because a signal came; the message says what the Hub goes on with."""
        for progress in self._open():
            self._end(progress, _cancelled(progress))

    def sent(self) -> list[str]:
        """Return what was sent to each Space, for somebody who does not wait for its result."""
        return [f"{one.settings.operation} {one.space}" for one in tuple(self._members.values()) if one.sent]

    def results(self) -> tuple[Result, ...]:
        """Return what became of each Space, in the order asked for."""
        return tuple(
            _result(progress, progress.verdict, began=self._began)
            for progress in self._members.values()
            if progress.verdict and not progress.twin and not _is_left_out(progress)
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

    def _guarded(self, work: Callable[[SpaceProgress], None]) -> Callable[[SpaceProgress], None]:
        """Let an error on one Space be its verdict."""

        def guarded(progress: SpaceProgress) -> None:
            try:
                work(progress)
            except ActionError as error:
                self._end(progress, verdict_of(error))

        return guarded

    def _claim(self, progress: SpaceProgress) -> bool:
        """Whether a Space is the first of its name: an old and a new name may stand for the same one."""
        with self._one_at_a_time:
            first = self._claimed.setdefault(progress.space.lower(), progress)
        if first is not progress:
            progress.twin = True
            self._end(progress, Verdict(Outcome.SKIPPED, f"is {first.space}, which counts once"))
        return first is progress

    def _learn(self) -> None:
        """Ask for what the filters need to know besides the Spaces."""
        facts = self._selector.facts(self._settings.filters, today=self._today)
        self.prices = facts.prices
        self._settings = self._settings.knowing(facts)
        for progress in self._members.values():
            progress.settings = progress.settings.knowing(facts)

    def _save_one(self, progress: SpaceProgress) -> None:
        with self._one_at_a_time:
            self._save(progress)

    def _end(self, progress: SpaceProgress, verdict: Verdict) -> None:
        if verdict.outcome is Outcome.OK and OPERATIONS[progress.settings.operation].changes and not progress.sent:
            verdict = Verdict(Outcome.UNCHANGED, f"{verdict.seen}; nothing was sent")
        progress.verdict = verdict
        progress.ended = self._clock.now()
        self._poller.info(progress, f"{verdict.outcome.word}: {verdict.message}")

    def _open(self) -> list[SpaceProgress]:
        return [progress for progress in self._members.values() if not progress.verdict]


def _named(settings: Settings) -> dict[str, SpaceProgress]:
    """Return the Spaces that are named; what the fleet file says of one counts before what the step says of all."""
    members: dict[str, SpaceProgress] = {}
    own = {space.lower(): some for some in settings.fleet for space in some.spaces}
    for some in (settings, *settings.fleet):
        for space in some.spaces:
            members.setdefault(space.lower(), SpaceProgress(space=space, settings=own.get(space.lower(), some)))
    return members


def _result(progress: SpaceProgress, verdict: Verdict, *, began: float) -> Result:
    """Return what became of a Space."""
    return Result(
        space=progress.space,
        outcome=verdict.outcome,
        message=progress.message,
        elapsed=progress.ended - began,
        url=page(progress.settings.endpoint, progress.space),
        operation=progress.settings.operation,
        before=progress.before,
        after=progress.after,
        cause=verdict.cause,
        evidence=verdict.evidence,
        blame=verdict.blame,
        remedy=verdict.remedy,
        changed=progress.changed,
        rolled_back_to=progress.rolled_back_to,
        tolerated=verdict.outcome is Outcome.SUPERSEDED and progress.settings.if_superseded == "pass",
        timeline=tuple(progress.timeline),
        log=tuple(progress.tail),
    )


def _cancelled(progress: SpaceProgress) -> Verdict:
    stage = progress.stage if progress.after else "not looked at yet"
    sent = f"; the {progress.settings.operation} was sent and goes on" if progress.sent else "; nothing was sent"
    return Verdict(Outcome.CANCELLED, f"cancelled while {stage}{sent}")


def _is_left_out(progress: SpaceProgress) -> bool:
    """Whether a list does not have a Space that was named: its filters hold for all."""
    skipped = progress.verdict is not None and progress.verdict.outcome is Outcome.SKIPPED
    return progress.settings.operation == "list" and skipped
