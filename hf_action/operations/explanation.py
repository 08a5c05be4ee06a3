"""Why a Space ended as it did: the tail of its log, and the likely cause of a failure."""

from dataclasses import replace
from threading import Lock
from typing import TYPE_CHECKING

from hf_action.clock import Clock
from hf_action.operations.polling import Poller
from hf_action.operations.progress import MAX_ERROR, SpaceProgress
from hf_action.rules.outcomes import ActionError, Outcome
from hf_action.rules.sanitize import one_line
from hf_action.rules.stages import Kind, kind_of, stage_of

if TYPE_CHECKING:
    from hf_action.hub.client import Hub
    from hf_action.runner.log import Log


class Explainer:
    """Reads logs and names causes, until the deadline on `clock`."""

    def __init__(self, *, hub: "Hub", poller: Poller, clock: Clock, log: "Log", deadline: float) -> None:
        self._hub = hub
        self._poller = poller
        self._clock = clock
        self._log = log
        self._deadline = deadline
        self._one_at_a_time = Lock()

    def explain(self, progress: SpaceProgress) -> None:
        """Fetch the log where it is wanted, and put the likely cause of a broken Space in front."""
        verdict = progress.verdict
        if not progress.after or not verdict:
            return
        runtime = progress.after.runtime
        if verdict.outcome in (Outcome.FAILED, Outcome.TIMED_OUT):
            self.read_log(progress, failing=True)
        else:
            self.read_log(progress, failing=False)
        error = one_line(runtime.error or "")[:MAX_ERROR]
        said = f" ({error})" if error and error not in verdict.seen else ""
        if kind_of(runtime.stage) is Kind.RESTING and verdict.outcome is Outcome.FAILED:
            progress.verdict = replace(verdict, seen=f"{verdict.seen}{said}")
        if kind_of(runtime.stage) is not Kind.BROKEN or verdict.outcome not in (Outcome.FAILED, Outcome.OK):
            return
        from hf_action.diagnosis_old import find_cause  # a table of patterns that only a broken Space needs

        cause = find_cause([runtime.stage, runtime.error or "", *progress.tail])
        if cause:
            seen = f"{cause.name}: {verdict.seen}{said}"
            progress.verdict = replace(verdict, seen=seen, remedy=f"{cause.remedy}; see {cause.link}")
        else:
            progress.verdict = replace(verdict, seen=f"{verdict.seen}{said}")

    def read_log(self, progress: SpaceProgress, *, failing: bool) -> None:
        """Fetch and show the tail of the log, once, where that is wanted and possible."""
        if progress.tail or not self._wants_log(progress, failing=failing):
            return
        build = stage_of(progress.stage).builds
        kind = "build" if build else "run"
        try:
            lines = self._hub.log_tail(progress.space, build=build, lines=progress.settings.log_lines)
        except ActionError as error:
            self._poller.info(progress, f"the {kind} log could not be read: {error}")
            return
        progress.tail = [one_line(line) for line in lines]
        if lines:
            with self._one_at_a_time:
                self._log.group(f"{progress.space}: the last {len(lines)} lines of its {kind} log", progress.tail)

    def _wants_log(self, progress: SpaceProgress, *, failing: bool) -> bool:
        settings = progress.settings
        if not settings.has_credentials or progress.latest.sdk == "static" or self._clock.now() >= self._deadline:
            return False  # the Hub shows logs to nobody without a token, and static Spaces have none
        if settings.operation == "list":
            return False
        return settings.logs == "always" or (settings.logs == "on-failure" and failing)
