"""Why a Space ended as it did: the tail of its log, and the likely cause of a failure."""

from dataclasses import replace
from threading import Lock
from typing import TYPE_CHECKING

from hf_action.clock import Budget, Clock
from hf_action.operations.polling import Poller
from hf_action.operations.progress import MAX_ERROR, SpaceProgress
from hf_action.rules.outcomes import ActionError, Outcome
from hf_action.rules.results import last_lines, page
from hf_action.rules.sanitize import one_line, shorten
from hf_action.rules.stages import Kind, kind_of, stage_of
from hf_action.rules.waiting import Verdict

if TYPE_CHECKING:
    from hf_action.hub.client import Hub
    from hf_action.runner.log import Log

# Lines of a log that are read at least: the decisive line may stand above those that are shown, as the reason of pip or
# the beginning of a long traceback.
LOG_LINES = 500


class Explainer:
    """Reads logs and names causes, within the budget on `clock`."""

    def __init__(self, *, endpoint: str, hub: "Hub", poller: Poller, clock: Clock, log: "Log", budget: Budget) -> None:
        self._endpoint = endpoint
        self._hub = hub
        self._poller = poller
        self._clock = clock
        self._log = log
        self._budget = budget
        self._one_at_a_time = Lock()

    def explain(self, progress: SpaceProgress) -> None:
        """Fetch the log where it is wanted, and say why a Space is broken or rests."""
        verdict = progress.verdict
        if not progress.after or not verdict:
            return
        self.read_log(progress, failing=verdict.outcome in (Outcome.FAILED, Outcome.TIMED_OUT))
        if verdict.outcome not in (Outcome.FAILED, Outcome.TIMED_OUT, Outcome.OK, Outcome.UNCHANGED, Outcome.SKIPPED):
            return
        runtime = progress.after.runtime
        if kind_of(runtime.stage) is Kind.BROKEN or (kind_of(runtime.stage) is Kind.RESTING and runtime.error):
            progress.verdict = self._explained(progress, verdict)

    def _explained(self, progress: SpaceProgress, verdict: Verdict) -> Verdict:
        """Return the verdict with the cause, where one is sure, and the line that shows it."""
        from hf_action.diagnosis import diagnose  # tables of patterns that only a Space in trouble needs

        runtime = progress.latest.runtime
        found = diagnose(
            stage=runtime.stage,
            message=runtime.error,
            log=progress.log,
            log_kind=_log_kind(progress) if progress.log else None,
            settings=f"{page(self._endpoint, progress.space)}/settings",
        )
        if not found:
            return verdict
        shown = (
            f"{found.cause or 'last error'}: {shorten(found.evidence, MAX_ERROR)}" if found.evidence else found.cause
        )
        remedy = f"{found.remedy}; see {found.link}" if found.link else found.remedy
        return replace(
            verdict,
            seen=f"{shown} ({verdict.seen})" if shown else verdict.seen,
            remedy=remedy or verdict.remedy,
            cause=found.cause,
            evidence=found.evidence,
            blame=found.blame,
        )

    def read_log(self, progress: SpaceProgress, *, failing: bool) -> None:
        """Fetch the tail of the log, once, where that is wanted and can help; show the end of it."""
        if progress.log or not self._wants_log(progress, failing=failing):
            return
        kind, shown = _log_kind(progress), progress.settings.log_lines
        try:
            lines = self._hub.log_tail(progress.space, build=kind == "build", lines=max(shown, LOG_LINES))
        except ActionError as error:
            self._poller.info(progress, f"the {kind} log could not be read: {error}")
            return
        progress.log = [one_line(line) for line in lines]
        progress.tail = progress.log[-shown:]
        if lines:
            with self._one_at_a_time:
                title = f"{progress.space}: the {last_lines(len(progress.tail))} of its {kind} log"
                self._log.group(title, progress.tail)

    def _wants_log(self, progress: SpaceProgress, *, failing: bool) -> bool:
        settings = progress.settings
        if not settings.has_credentials or progress.latest.sdk == "static" or self._clock.now() >= self._budget.end:
            return False  # the Hub shows logs to nobody without a token, and static Spaces have none
        if settings.operation == "list":
            return False
        # Of a Space that rests, or that refused a change while it serves, the log says nothing about that.
        kind = kind_of(progress.stage)
        helps = kind in (Kind.BROKEN, Kind.MOVING) or (kind is Kind.LIVE and progress.goal is not None)
        return settings.logs == "always" or (settings.logs == "on-failure" and failing and helps)


def _log_kind(progress: SpaceProgress) -> str:
    return "build" if stage_of(progress.stage).builds else "run"
