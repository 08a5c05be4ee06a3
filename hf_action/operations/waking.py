"""Wakes a Space with the least that helps: nothing, a visit, or a restart.

Source: docs/contract.md, "Operations", `wake`.
"""

from typing import TYPE_CHECKING

from hf_action.clock import Clock
from hf_action.inputs.settings import Settings
from hf_action.operations.acting import Actor
from hf_action.operations.polling import Poller
from hf_action.operations.progress import NO_TOKEN, SpaceProgress
from hf_action.operations.verdicts import leaves, planned
from hf_action.operations.writes import EFFECT_INTERVAL
from hf_action.rules.models import SpaceRuntime
from hf_action.rules.operations import OPERATIONS, Write, restart
from hf_action.rules.outcomes import Denied, OutOfTime
from hf_action.rules.stages import Kind, kind_of

if TYPE_CHECKING:
    from hf_action.hub.client import Hub


class Waker:
    """Makes Spaces serve, each within its own time to settle and its own budget."""

    def __init__(self, *, hub: "Hub", poller: Poller, actor: Actor, clock: Clock) -> None:
        self._hub = hub
        self._poller = poller
        self._actor = actor
        self._clock = clock

    def wake(self, progress: SpaceProgress) -> None:
        """Make a Space serve, or expect it to by itself; raises ActionError."""
        if verdict := leaves(progress, progress.latest.runtime, OPERATIONS["wake"]):
            self._actor.end(progress, verdict)  # it has become another meanwhile
            return
        stage = progress.stage
        match kind_of(stage):
            case Kind.LIVE if self._answers(progress):
                self._actor.expect_unchanged(progress, stage)
            case Kind.LIVE if progress.stage != stage:
                self.wake(progress)
            case Kind.MOVING:
                self._actor.expect(progress, began=self._clock.now(), acted=False)
            case kind if progress.settings.dry_run:
                what = "a visit" if stage == "SLEEPING" else "restart" if kind is not Kind.LIVE else "a restart"
                self._actor.end(progress, planned(progress, what))
            case _ if stage == "SLEEPING" and progress.latest.host and not progress.visited:
                self._visit(progress)
            case _:
                self._restart(progress)

    def _answers(self, progress: SpaceProgress) -> bool:
        """Whether a live Space's app answers, where that was asked for: within `settle`, while it stays live."""
        settings, told = progress.settings, ""
        until, deadline = self._clock.now() + settings.settle, self._actor.deadline_of(settings.timeout)
        while problem := self._poller.health_problem(progress):
            left = min(until, deadline) - self._clock.now()
            if left <= 0 and deadline < until:
                raise OutOfTime(
                    f"the app does not answer ({problem}), and the budget ended first.", remedy=_more(settings)
                )
            if left <= 0 or settings.dry_run:
                return False
            if problem != told:
                told = problem
                self._poller.info(
                    progress, f"the app does not answer ({problem}); restarted if that lasts {left:.0f} s"
                )
            self._clock.sleep(min(EFFECT_INTERVAL, left))
            self._actor.look(progress)
            if kind_of(progress.stage) is not Kind.LIVE:
                return False
        return True

    def _visit(self, progress: SpaceProgress) -> None:
        """Visit the app of a sleeping Space; where that does not move it within `settle`, go on without a visit."""
        settings, began = progress.settings, self._clock.now()
        until, deadline = began + settings.settle, self._actor.deadline_of(settings.timeout)
        host = progress.latest.host
        assert host
        self._poller.info(progress, f"visiting {host}")
        progress.visited = progress.sent = True
        progress.history.clear()
        self._hub.probe(host, progress.latest)
        if self._actor.moves(progress, until=min(until, deadline)):
            progress.changed = True
            self._actor.expect(progress, began=began, told=f"visited, not waited for; {progress.stage}")
            return
        if self._clock.now() >= deadline:
            raise OutOfTime("a visit did not move it before the budget ended.", remedy=_more(settings))
        self._poller.info(progress, f"a visit does not move it within {settings.settle:g} s; restarting it")
        self._restart(progress)

    def _restart(self, progress: SpaceProgress) -> None:
        """Restart a Space that does not serve, if it still is what it was."""
        if not progress.settings.has_credentials:
            raise Denied(f"a visit does not wake it, and {NO_TOKEN.seen} for a restart", remedy=NO_TOKEN.remedy)
        stage = progress.stage

        def decide(now: SpaceRuntime) -> Write | None:
            left = now.stage != stage or leaves(progress, now, OPERATIONS["wake"])
            return None if left else restart()

        if not self._actor.send(progress, decide):
            self.wake(progress)  # it has become another meanwhile


def _more(settings: Settings) -> str:
    return f"Give more timeout than settle ({settings.settle:g} s)."
