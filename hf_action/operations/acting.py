"""What can be done with one Space: look at it, send it a change, and expect something of it.

Source: docs/contract.md, "Operations".
"""

from collections.abc import Callable

from hf_action.clock import Budget, Clock
from hf_action.operations.polling import Poller
from hf_action.operations.progress import SpaceProgress
from hf_action.operations.writes import EFFECT_INTERVAL, Decide, Sender, Target
from hf_action.rules.models import SpaceRuntime
from hf_action.rules.operations import OPERATIONS, sleep_text
from hf_action.rules.outcomes import Denied, NotFound, Outcome, Unreachable
from hf_action.rules.stages import Kind
from hf_action.rules.waiting import REFUSED_FOR, Goal, Observation, Verdict, refused_since


class Actor:
    """Acts on one Space after the other, or on several at once.

    `save` is told a Space just before something is sent to it, and when that certainly had no effect; `end` is told the
    verdict on a Space that is not waited for.
    """

    def __init__(
        self,
        *,
        poller: Poller,
        sender: Sender,
        clock: Clock,
        began: float,
        budget: Budget,
        timeout: float,
        save: Callable[[SpaceProgress], None],
        end: Callable[[SpaceProgress, Verdict], None],
    ) -> None:
        self.end = end
        self._poller = poller
        self._sender = sender
        self._clock = clock
        self._began = began
        self._budget = budget
        self._timeout = timeout
        self._save = save

    def look(self, progress: SpaceProgress) -> Observation:
        """Look at a Space once more before it is waited for; raises what the Hub has refused for long enough."""
        seen = self._poller.look(progress)
        progress.history.append(seen)
        if seen.final:
            raise Unreachable(seen.problem, remedy=seen.remedy, final=True)
        if seen.refusal and self._clock.now() - refused_since(progress.history) >= REFUSED_FOR:
            refused = Denied if seen.refusal is Outcome.DENIED else NotFound
            raise refused(seen.problem, remedy=seen.remedy)
        return seen

    def moves(self, progress: SpaceProgress, *, until: float) -> bool:
        """Look until another stage than before is seen, the last time when `until` is over."""
        before = progress.stage
        while True:
            look = self.look(progress)
            if look.stage and (look.stage != before or look.kind is Kind.MOVING):
                return True
            left = min(until, self._budget.end) - self._clock.now()
            if left <= 0:
                return False
            self._clock.sleep(min(EFFECT_INTERVAL, left))

    def send(self, progress: SpaceProgress, decide: Decide) -> bool:
        """Send a write and expect its effect; return whether anything was sent."""
        began = self._clock.now()

        def about_to_send(runtime: SpaceRuntime) -> None:
            nonlocal began
            progress.acted_on = runtime
            progress.touched = progress.sent = True
            self._save(progress)
            began = self._clock.now()
            progress.history.clear()  # what was seen before says nothing of the effect

        def not_taken() -> None:
            progress.sent = progress.changed
            progress.touched = progress.changed
            self._save(progress)

        def look() -> SpaceRuntime | None:
            return progress.latest.runtime if self.look(progress).stage else None

        sent = self._sender.send(
            Target(
                space=progress.space,
                runtime=progress.latest.runtime,
                looked_at=progress.looked_at,
                look=look,
                info=lambda text: self._poller.info(progress, text),
                about_to_send=about_to_send,
                not_taken=not_taken,
                effect_for=progress.settings.settle,
            ),
            decide,
        )
        if not sent:
            return False
        progress.changed = True
        if sent.answer and not progress.settings.stages:
            progress.after = progress.latest.now(sent.answer)
        told = f"; the Hub answers {_told(progress)}" if sent.answer or progress.history else ""
        self.expect(progress, began=began, told=f"{sent.write.name} sent, not waited for{told}")
        return True

    # ---- what is waited for ----

    def expect_unchanged(self, progress: SpaceProgress, holds: str) -> None:
        """Wait for all else that was asked for, though nothing has to be sent."""
        now = self._clock.now()
        if not progress.settings.stages:
            self.end(progress, Verdict(Outcome.UNCHANGED, f"{holds} already; nothing was sent"))
            return
        self.expect(progress, began=now, acted=False, holds=holds)
        progress.history[:] = [self._poller.observation(progress, now)]

    def expect(
        self, progress: SpaceProgress, *, began: float, told: str = "", acted: bool = True, holds: str = ""
    ) -> None:
        """Wait from now on for the stages that are wanted; where none is, end with what there is to be `told`."""
        settings, operation = progress.settings, OPERATIONS[progress.settings.operation]
        if not settings.stages:
            self.end(progress, Verdict(Outcome.OK, told))
            return
        before = progress.acted_on or progress.found.runtime
        health = settings.health_check is not None and not operation.any_commit
        restarted = progress.touched or progress.failed_before is not None
        progress.goal = Goal(
            stages=settings.stages,
            began=began,
            deadline=self.deadline_of(settings.timeout),
            before=before.stage if acted else progress.stage,
            commit="any" if operation.any_commit else settings.commit,
            head=progress.found.head,
            hardware=settings.hardware if operation.needs == "hardware" else None,
            settle=settings.settle,
            stable_for=settings.stable_for,
            health=health,
            acted=acted and operation.changes,
            heals=health and operation.heals and settings.has_credentials and not settings.dry_run and not restarted,
            holds_already=holds,
        )

    def deadline_of(self, timeout: float) -> float:
        """Return when the budget of a Space ends; one that is not its own is the step's."""
        return self._budget.end if timeout >= self._timeout else self._began + timeout


def _told(progress: SpaceProgress) -> str:
    if progress.settings.operation == "sleep-time":
        return f"{progress.stage}, sleep time {sleep_text(progress.latest.runtime.sleep_time)}"
    return progress.stage
