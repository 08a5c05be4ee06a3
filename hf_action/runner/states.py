"""What a step keeps for its post step: written before each change, and read with suspicion."""

from hf_action.operations.progress import SpaceProgress
from hf_action.operations.undo import Saver, load
from hf_action.report.withheld import REMEDY, SEEN
from hf_action.rules.operations import SavedState
from hf_action.rules.outcomes import ActionError, Refused
from hf_action.runner.github import Runner


class States:
    """The states of Spaces in the runner's file."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._saver = Saver(runner.files.save_state)

    def save(self, progress: SpaceProgress) -> None:
        """Save what the post step needs before a change is sent, so that no kill comes between.

        Raises:
            Refused: it holds a secret of this step, and so cannot be kept.
        """
        if not progress.settings.restore:
            return
        runtime = progress.acted_on or progress.latest.runtime
        if self._runner.holds_secret(
            f"{progress.space} {runtime.stage} {runtime.hardware} {runtime.requested_hardware}"
        ):
            raise Refused(f"its state cannot be kept: {SEEN}", remedy=REMEDY)
        self._saver.save(progress)
        self._runner.tell_troubles()

    def load(self) -> tuple[list[SavedState], list[str]]:
        """Return what the step kept, and a warning for each part that is not readable; that stops nothing else.

        Raises:
            ActionError: nothing of it is readable.
        """
        states: list[SavedState] = []
        warnings: list[str] = []
        for text in self._runner.files.saved_states():
            try:
                states += load(text)
            except ValueError as error:
                warnings.append(str(error))
        if warnings and not states:
            raise ActionError("the saved state is not readable, so nothing is put back")
        return states, warnings
