"""Restarts Spaces again whose failure is the Hub's own fault, as where there is no free machine.

What is the app's fault is never tried again: it would fail again.

Source: docs/contract.md, "Inputs", `retries`.
"""

from collections.abc import Callable, Iterable

from hf_action.clock import Clock
from hf_action.operations.execution import Execution
from hf_action.operations.polling import Poller
from hf_action.operations.progress import SpaceProgress
from hf_action.rules.outcomes import ActionError
from hf_action.rules.retrying import has_time, may_retry, pause


class Retries:
    """Opens failed Spaces again, and restarts them; `deadline_of` tells on `clock` when a budget of so long ends."""

    def __init__(
        self, *, execution: Execution, poller: Poller, clock: Clock, deadline_of: Callable[[float], float]
    ) -> None:
        self._execution = execution
        self._poller = poller
        self._clock = clock
        self._deadline_of = deadline_of

    def reopen(self, members: Iterable[SpaceProgress]) -> bool:
        """Open those Spaces again for which a restart may help, after a pause; return whether there are any."""
        failed = [progress for progress in members if self._may_retry(progress)]
        if not failed:
            return False
        # All of them pause together: each has failed as often as the others, or for longer.
        seconds = max(pause(progress.restarts) for progress in failed)
        for progress in failed:
            assert progress.verdict
            fault = progress.verdict.cause or "a failure"
            number = f"{progress.restarts + 1} of {progress.settings.retries}"
            self._poller.info(progress, f"{fault} is the Hub's fault; trying again in {seconds:g} s ({number})")
        self._clock.sleep(seconds)
        for progress in failed:
            progress.failed_before, progress.verdict = progress.verdict, None
            progress.restarts += 1
            progress.log, progress.tail = [], []
        return True

    def restart(self, progress: SpaceProgress) -> None:
        """Restart a Space again; where that is refused, it ends as it had failed before."""
        try:
            if progress.goal:
                self._execution.restart_again(progress)
            else:  # not even the first change was taken
                self._execution.run(progress)
        except ActionError as error:
            self._poller.info(progress, f"not tried again: {error}")
            progress.verdict = progress.failed_before
            progress.restarts = progress.settings.retries

    def _may_retry(self, progress: SpaceProgress) -> bool:
        verdict, settings, restarts = progress.verdict, progress.settings, progress.restarts
        if not verdict or not progress.after:
            return False
        if not may_retry(verdict, operation=settings.operation, restarts=restarts, retries=settings.retries):
            return False
        if has_time(restarts, left=self._deadline_of(settings.timeout) - self._clock.now()):
            return True
        self._poller.info(progress, "the Hub's fault, but there is no time left to try again")
        return False
