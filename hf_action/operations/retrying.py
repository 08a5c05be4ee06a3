"""Restarts Spaces that have failed: where that is the Hub's own fault, or where `wake` finds an app that is dead.

What else is the app's fault is never tried again: it would fail again.

Source: docs/contract.md, "Inputs", `retries`; "Operations", `wake`.
"""

from collections.abc import Iterable, Sequence

from hf_action.clock import Clock
from hf_action.operations.acting import Actor
from hf_action.operations.execution import Execution
from hf_action.operations.polling import Poller
from hf_action.operations.progress import SpaceProgress
from hf_action.rules.healing import judge_health
from hf_action.rules.outcomes import ActionError, Outcome
from hf_action.rules.retrying import has_time, may_retry, pause


class Retries:
    """Opens failed Spaces again, and restarts them, each within its own budget."""

    def __init__(self, *, execution: Execution, poller: Poller, clock: Clock, actor: Actor) -> None:
        self._execution = execution
        self._poller = poller
        self._clock = clock
        self._actor = actor

    def reopen(self, members: Iterable[SpaceProgress]) -> bool:
        """Open those Spaces again for which a restart may help, after a pause; return whether there are any."""
        # One that a restart was refused to has kept its verdict.
        some = [one for one in members if one.after and one.verdict and one.verdict is not one.failed_before]
        unwell = [progress for progress in some if _is_unwell(progress)]
        failed = [progress for progress in some if self._may_retry(progress)]
        for progress in unwell:
            self._poller.info(progress, "its app does not answer; restarting it")
        if failed:
            self._pause(failed)
        for progress in (*unwell, *failed):
            progress.failed_before, progress.verdict = progress.verdict, None
            progress.log, progress.tail = [], []
        return bool(unwell or failed)

    def _pause(self, failed: Sequence[SpaceProgress]) -> None:
        """Let time pass before the Hub is asked again; it is the longest pause that one of the Spaces needs."""
        seconds = max(pause(progress.restarts) for progress in failed)
        for progress in failed:
            assert progress.verdict
            fault = progress.verdict.cause or "a failure"
            number = f"{progress.restarts + 1} of {progress.settings.retries}"
            self._poller.info(progress, f"{fault} is the Hub's fault; trying again in {seconds:g} s ({number})")
            progress.restarts += 1
        self._clock.sleep(seconds)

    def restart(self, progress: SpaceProgress) -> None:
        """Restart a Space again; where that is refused, it ends as it had failed before."""
        try:
            if progress.goal:
                self._execution.restart_again(progress)
            else:  # not even the first change was taken
                self._execution.run(progress)
        except ActionError as error:
            self._poller.info(progress, f"not restarted: {error}")
            progress.verdict = progress.failed_before

    def _may_retry(self, progress: SpaceProgress) -> bool:
        settings, restarts = progress.settings, progress.restarts
        assert progress.verdict
        if not may_retry(progress.verdict, operation=settings.operation, restarts=restarts, retries=settings.retries):
            return False
        if has_time(restarts, left=self._actor.deadline_of(settings.timeout) - self._clock.now()):
            return True
        self._poller.info(progress, "the Hub's fault, but there is no time left to try again")
        return False


def _is_unwell(progress: SpaceProgress) -> bool:
    """Whether a Space has failed because its app does not answer, and a restart is due."""
    assert progress.verdict
    if not progress.goal or progress.verdict.outcome is not Outcome.FAILED:
        return False
    return judge_health(progress.goal, progress.history) is not None
