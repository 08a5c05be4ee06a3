"""What one Space goes through before it is waited for: the first look, what is decided by it, and what is sent.

Source: docs/contract.md, "Operations".
"""

from collections.abc import Callable
from difflib import get_close_matches
from typing import TYPE_CHECKING

from hf_action.clock import Clock
from hf_action.operations.polling import Poller
from hf_action.operations.progress import NO_TOKEN, SpaceProgress, state
from hf_action.operations.writes import EFFECT_INTERVAL, Decide, Sender, Target
from hf_action.rules.models import SpaceRuntime
from hf_action.rules.operations import OPERATIONS, Operation, Write, restart, sleep_text
from hf_action.rules.outcomes import Denied, NotFound, Outcome, OutOfTime, Refused, Unreachable
from hf_action.rules.selection import left_out_by
from hf_action.rules.stages import Kind, kind_of
from hf_action.rules.waiting import REFUSED_FOR, Goal, Observation, Verdict, refused_since

if TYPE_CHECKING:
    from hf_action.hub.client import Hub

STATIC = "It is served as it was pushed, and costs nothing; take it off the list, or make it private to hide it"


class Execution:
    """Carries out the operation on one Space after the other, or several at once.

    `save` is told a Space just before something is sent to it, and when that certainly had no effect; `end` is told the
    verdict on a Space that is not waited for. `claim` tells whether no other Space of the batch has
    come out as the same.
    """

    def __init__(
        self,
        *,
        hub: "Hub",
        poller: Poller,
        sender: Sender,
        clock: Clock,
        began: float,
        deadline: float,
        timeout: float,
        save: Callable[[SpaceProgress], None],
        end: Callable[[SpaceProgress, Verdict], None],
        claim: Callable[[SpaceProgress], bool],
    ) -> None:
        self._hub = hub
        self._poller = poller
        self._sender = sender
        self._clock = clock
        self._began = began
        self._deadline = deadline
        self._timeout = timeout
        self._save = save
        self._end = end
        self._claim = claim

    def run(self, progress: SpaceProgress) -> None:
        """Take the first look at a Space, and do what the operation wants; afterwards it has a goal or a verdict.

        Raises:
            ActionError: the look or a change was refused, or had no usable answer.
        """
        self._poller.first(progress)
        if not self._claim(progress):
            return
        operation = OPERATIONS[progress.settings.operation]
        verdict = _verdict_at_once(progress, operation)
        if verdict:
            self._end(progress, verdict)
        elif operation.name == "wait":
            self._expect(progress, began=self._began)
            if not progress.is_hint:
                progress.history.append(self._poller.observation(progress, self._clock.now()))
        elif operation.name == "wake":
            self._wake(progress)
        else:
            self._change(progress, operation)

    # ---- operations that send one thing ----

    def _change(self, progress: SpaceProgress, operation: Operation) -> None:
        """Send what the operation sends, unless all of it holds already."""
        settings = progress.settings
        if holds := operation.holds_already(settings.wish, progress.latest.runtime):
            self._expect_unchanged(progress, holds)
        elif settings.dry_run:
            self._end(progress, planned(progress, operation.name))
        else:
            self._act(progress, operation)

    def _act(self, progress: SpaceProgress, operation: Operation) -> None:
        """Send the writes of an operation, and expect their effect."""
        wish = progress.settings.wish

        def if_needed(write: Write, *, first: bool) -> Decide:
            def decide(now: SpaceRuntime) -> Write | None:
                done = operation.holds_already(wish, now) or (first and _leaves(progress, now, operation))
                return None if done else write

            return decide

        writes = operation.sends(wish, progress.latest.runtime)
        for number, write in enumerate(writes):
            if number:  # the one before must have its effect first
                self._moves(progress, until=self._clock.now() + progress.settings.settle)
            try:
                sent = self._send(progress, if_needed(write, first=not number))
            except Refused as error:
                error.remedy = error.remedy or self._near_flavor(progress)
                raise
            if not sent:
                self._reconsider(progress, operation)
                return

    def _reconsider(self, progress: SpaceProgress, operation: Operation) -> None:
        """End where the look after some waiting finds that nothing has to be sent any more."""
        runtime = progress.latest.runtime
        if verdict := _leaves(progress, runtime, operation):
            self._end(progress, verdict)
        else:
            self._expect_unchanged(progress, operation.holds_already(progress.settings.wish, runtime))

    def _send(self, progress: SpaceProgress, decide: Decide) -> bool:
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
            return progress.latest.runtime if self._look(progress).stage else None

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
        self._expect(progress, began=began, told=f"{sent.write.name} sent, not waited for{told}")
        return True

    def _look(self, progress: SpaceProgress) -> Observation:
        """Look at a Space once more before it is waited for; raises what the Hub has refused for long enough."""
        seen = self._poller.look(progress)
        progress.history.append(seen)
        if seen.final:
            raise Unreachable(seen.problem, remedy=seen.remedy, final=True)
        if seen.refusal and self._clock.now() - refused_since(progress.history) >= REFUSED_FOR:
            refused = Denied if seen.refusal is Outcome.DENIED else NotFound
            raise refused(seen.problem, remedy=seen.remedy)
        return seen

    def _near_flavor(self, progress: SpaceProgress) -> str:
        """Return a remedy for a flavor that the Hub does not have; nothing where it has it."""
        flavor, known = progress.settings.wish.hardware, self._hub.prices()
        if not flavor or not known or flavor in known:
            return ""
        near = get_close_matches(flavor, known, n=1)
        return f"Did you mean {near[0]}?" if near else f"The Hub has {', '.join(known)}."

    def restart_again(self, progress: SpaceProgress) -> None:
        """Restart a Space that failed, if it still is what it was; else wait for what it does by itself."""
        stage, operation = progress.stage, progress.settings.operation
        factory_reboot = progress.settings.factory_reboot and operation == "restart"
        write = restart(factory_reboot=factory_reboot)
        if not self._send(progress, lambda now: write if now.stage == stage else None):
            self._expect(progress, began=self._clock.now(), acted=False)

    # ---- wake: the least that helps ----

    def _wake(self, progress: SpaceProgress) -> None:
        if verdict := _leaves(progress, progress.latest.runtime, OPERATIONS["wake"]):
            self._end(progress, verdict)  # it has become another meanwhile
            return
        stage = progress.stage
        match kind_of(stage):
            case Kind.LIVE if self._answers(progress):
                self._expect_unchanged(progress, stage)
            case Kind.LIVE if progress.stage != stage:
                self._wake(progress)
            case Kind.MOVING:
                self._expect(progress, began=self._clock.now(), acted=False)
            case kind if progress.settings.dry_run:
                what = "a visit" if stage == "SLEEPING" else "restart" if kind is not Kind.LIVE else "a restart"
                self._end(progress, planned(progress, what))
            case _ if stage == "SLEEPING" and progress.latest.host and not progress.visited:
                self._visit(progress)
            case _:
                self._restart(progress)

    def _answers(self, progress: SpaceProgress) -> bool:
        """Whether a live Space's app answers, where that was asked for: within `settle`, while it stays live."""
        until = self._clock.now() + progress.settings.settle
        while problem := self._poller.health_problem(progress):
            left = min(until, self._deadline) - self._clock.now()
            if left <= 0 or progress.settings.dry_run:
                return False
            self._poller.info(progress, f"the app does not answer ({problem}); it is restarted if that lasts")
            self._clock.sleep(min(EFFECT_INTERVAL, left))
            self._look(progress)
            if kind_of(progress.stage) is not Kind.LIVE:
                return False
        return True

    def _visit(self, progress: SpaceProgress) -> None:
        """Visit the app of a sleeping Space; where that does not move it within `settle`, go on without a visit."""
        began, settle = self._clock.now(), progress.settings.settle
        host = progress.latest.host
        assert host
        self._poller.info(progress, f"visiting {host}")
        progress.visited = progress.sent = True
        progress.history.clear()
        self._hub.probe(host, progress.latest)
        if self._moves(progress, until=began + settle):
            progress.changed = True
            self._expect(progress, began=began, told=f"visited, not waited for; {progress.stage}")
            return
        if self._clock.now() >= self._deadline:
            remedy = f"Give more timeout than settle ({settle:g} s)."
            raise OutOfTime("a visit did not move it before the budget ended.", remedy=remedy)
        self._poller.info(progress, f"a visit does not move it within {settle:g} s; restarting it")
        self._restart(progress)

    def _restart(self, progress: SpaceProgress) -> None:
        """Restart a Space that does not serve, if it still is what it was."""
        if not progress.settings.has_credentials:
            raise Denied(f"a visit does not wake it, and {NO_TOKEN.seen} for a restart", remedy=NO_TOKEN.remedy)
        stage = progress.stage

        def decide(now: SpaceRuntime) -> Write | None:
            left = now.stage != stage or _leaves(progress, now, OPERATIONS["wake"])
            return None if left else restart()

        if not self._send(progress, decide):
            self._wake(progress)  # it has become another meanwhile

    def _moves(self, progress: SpaceProgress, *, until: float) -> bool:
        """Look until another stage than before is seen, the last time when `until` is over."""
        before = progress.stage
        while True:
            look = self._look(progress)
            if look.stage and (look.stage != before or look.kind is Kind.MOVING):
                return True
            left = min(until, self._deadline) - self._clock.now()
            if left <= 0:
                return False
            self._clock.sleep(min(EFFECT_INTERVAL, left))

    # ---- what is waited for ----

    def _expect_unchanged(self, progress: SpaceProgress, holds: str) -> None:
        """Wait for all else that was asked for, though nothing has to be sent."""
        now = self._clock.now()
        if not progress.settings.stages:
            self._end(progress, Verdict(Outcome.UNCHANGED, f"{holds} already; nothing was sent"))
            return
        self._expect(progress, began=now, acted=False, holds=holds)
        progress.history[:] = [self._poller.observation(progress, now)]

    def _expect(
        self, progress: SpaceProgress, *, began: float, told: str = "", acted: bool = True, holds: str = ""
    ) -> None:
        """Wait from now on for the stages that are wanted; where none is, end with what there is to be `told`."""
        settings, operation = progress.settings, OPERATIONS[progress.settings.operation]
        if not settings.stages:
            self._end(progress, Verdict(Outcome.OK, told))
            return
        before = progress.acted_on or progress.found.runtime
        progress.goal = Goal(
            stages=settings.stages,
            began=began,
            deadline=self._deadline_of(settings.timeout),
            before=before.stage if acted else progress.stage,
            commit="any" if operation.any_commit else settings.commit,
            head=progress.found.head,
            hardware=settings.hardware if operation.needs == "hardware" else None,
            settle=settings.settle,
            stable_for=settings.stable_for,
            health=settings.health_check is not None and not operation.any_commit,
            acted=acted and operation.changes,
            holds_already=holds,
        )

    def _deadline_of(self, timeout: float) -> float:
        """Return when the budget of a Space ends; one that is not its own is the step's."""
        return self._deadline if timeout >= self._timeout else self._began + timeout


def _verdict_at_once(progress: SpaceProgress, operation: Operation) -> Verdict | None:
    """Return the verdict on a Space that nothing is sent to or waited for; None: go on."""
    runtime = progress.found.runtime
    if verdict := _leaves(progress, runtime, operation):
        return verdict
    if not operation.changes:
        return Verdict(Outcome.OK, state(runtime)) if not operation.waits_for else None
    if progress.found.sdk == "static" and not (operation.name == "wake" and kind_of(runtime.stage) is Kind.LIVE):
        outcome = Outcome.SKIPPED if progress.listed else Outcome.FAILED
        return Verdict(outcome, f"a static Space has no runtime to {operation.verb}", STATIC)
    return None


def _leaves(progress: SpaceProgress, now: SpaceRuntime, operation: Operation) -> Verdict | None:
    """Return the verdict on a Space that a look finds not to be meant.

    The filters leave it out, or nobody has named it and it is in a stage in which it is left alone.
    """
    filters = progress.settings.filters
    if label := left_out_by(progress.found.now(now), filters):
        return Verdict(Outcome.SKIPPED, f"{now.stage}; {label} leaves it out")
    if progress.listed and now.stage in operation.selected_leaves - filters.stages:
        return left_alone(now, operation)
    return None


def left_alone(now: SpaceRuntime, operation: Operation) -> Verdict:
    """Return the verdict on a selected Space that is left alone."""
    if now.error:  # the Hub says why: a restart that it would refuse is no advice
        return Verdict(Outcome.SKIPPED, f"{state(now)}; a selected Space is left alone in that stage")
    return Verdict(
        Outcome.SKIPPED,
        f"{now.stage}; a selected Space is left alone in that stage",
        f"Name it, or add with-stage: {now.stage}, to {operation.verb} it all the same",
    )


def planned(progress: SpaceProgress, what: str) -> Verdict:
    """Return the verdict of a dry run."""
    return Verdict(Outcome.PLANNED, f"{what} would be sent; it is {progress.stage} now")


def _told(progress: SpaceProgress) -> str:
    if progress.settings.operation == "sleep-time":
        return f"{progress.stage}, sleep time {sleep_text(progress.latest.runtime.sleep_time)}"
    return progress.stage
