"""What one Space goes through before it is waited for: the first look, what is decided by it, and what is sent.

Source: docs/contract.md, "Operations".
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from hf_action.clock import Clock
from hf_action.operations.acting import Actor
from hf_action.operations.polling import Poller
from hf_action.operations.progress import SpaceProgress
from hf_action.operations.verdicts import leaves, planned, verdict_at_once
from hf_action.operations.waking import Waker
from hf_action.operations.writes import Decide
from hf_action.rules.models import SpaceRuntime
from hf_action.rules.operations import OPERATIONS, Operation, Write, restart
from hf_action.rules.outcomes import Refused

if TYPE_CHECKING:
    from hf_action.hub.client import Hub


class Execution:
    """Carries out the operation on one Space after the other, or several at once.

    `claim` tells whether no other Space of the batch has come out as the same.
    """

    def __init__(
        self,
        *,
        hub: "Hub",
        poller: Poller,
        actor: Actor,
        clock: Clock,
        began: float,
        claim: Callable[[SpaceProgress], bool],
    ) -> None:
        self._hub = hub
        self._poller = poller
        self._actor = actor
        self._clock = clock
        self._began = began
        self._claim = claim
        self._waker = Waker(hub=hub, poller=poller, actor=actor, clock=clock)

    def run(self, progress: SpaceProgress) -> None:
        """Take the first look at a Space, and do what the operation wants; afterwards it has a goal or a verdict.

        Raises:
            ActionError: the look or a change was refused, or had no usable answer.
        """
        self._poller.first(progress)
        if not self._claim(progress):
            return
        operation = OPERATIONS[progress.settings.operation]
        verdict = verdict_at_once(progress, operation)
        if verdict:
            self._actor.end(progress, verdict)
        elif operation.name == "wait":
            self._actor.expect(progress, began=self._began)
            if not progress.is_hint:
                progress.history.append(self._poller.observation(progress, self._clock.now()))
        elif operation.name == "wake":
            self._waker.wake(progress)
        else:
            self._change(progress, operation)

    def _change(self, progress: SpaceProgress, operation: Operation) -> None:
        """Send what the operation sends, unless all of it holds already."""
        settings = progress.settings
        if holds := operation.holds_already(settings.wish, progress.latest.runtime):
            self._actor.expect_unchanged(progress, holds)
        elif settings.dry_run:
            writes = operation.sends(settings.wish, progress.latest.runtime)
            what = " and ".join(f"{write.name} {write.detail}".strip() for write in writes)
            self._actor.end(progress, planned(progress, what))
        else:
            self._act(progress, operation)

    def _act(self, progress: SpaceProgress, operation: Operation) -> None:
        """Send the writes of an operation, and expect their effect."""
        wish = progress.settings.wish

        def if_needed(write: Write, *, first: bool) -> Decide:
            def decide(now: SpaceRuntime) -> Write | None:
                done = operation.holds_already(wish, now) or (first and leaves(progress, now, operation))
                return None if done else write

            return decide

        writes = operation.sends(wish, progress.latest.runtime)
        for number, write in enumerate(writes):
            if number:  # the one before must have its effect first
                self._actor.moves(progress, until=self._clock.now() + progress.settings.settle)
            try:
                sent = self._actor.send(progress, if_needed(write, first=not number))
            except Refused as error:
                error.remedy = error.remedy or self._near_flavor(progress)
                raise
            if not sent:
                self._reconsider(progress, operation)
                return

    def _reconsider(self, progress: SpaceProgress, operation: Operation) -> None:
        """End where the look after some waiting finds that nothing has to be sent any more."""
        runtime = progress.latest.runtime
        if verdict := leaves(progress, runtime, operation):
            self._actor.end(progress, verdict)
        else:
            self._actor.expect_unchanged(progress, operation.holds_already(progress.settings.wish, runtime))

    def _near_flavor(self, progress: SpaceProgress) -> str:
        """Return a remedy for a flavor that the Hub does not have; nothing where it has it."""
        flavor, known = progress.settings.wish.hardware, self._hub.prices()
        if not flavor or not known or flavor in known:
            return ""
        from difflib import get_close_matches  # for a wrong name only

        near = get_close_matches(flavor, known, n=1)
        return f"Did you mean {near[0]}?" if near else f"The Hub has {', '.join(known)}."

    def restart_again(self, progress: SpaceProgress) -> None:
        """Restart a Space that failed, if it still is what it was; else wait for what it does by itself."""
        stage, operation = progress.stage, progress.settings.operation
        factory_reboot = progress.settings.factory_reboot and operation == "restart"
        write = restart(factory_reboot=factory_reboot)
        if not self._actor.send(progress, lambda now: write if now.stage == stage else None):
            self._actor.expect(progress, began=self._clock.now(), acted=False)
