"""Verdicts on a Space that is neither acted on nor waited for."""

from hf_action.operations.progress import SpaceProgress, state
from hf_action.rules.models import SpaceRuntime
from hf_action.rules.operations import Operation
from hf_action.rules.outcomes import Outcome
from hf_action.rules.selection import left_out_by
from hf_action.rules.stages import Kind, kind_of
from hf_action.rules.waiting import Verdict

STATIC = "It is served as it was pushed, and costs nothing; take it off the list, or make it private to hide it"


def verdict_at_once(progress: SpaceProgress, operation: Operation) -> Verdict | None:
    """Return the verdict on a Space that nothing is sent to or waited for; None: go on."""
    runtime = progress.found.runtime
    if verdict := leaves(progress, runtime, operation):
        return verdict
    if not operation.changes:
        return Verdict(Outcome.OK, state(runtime)) if not operation.waits_for else None
    if progress.found.sdk == "static" and not (operation.name == "wake" and kind_of(runtime.stage) is Kind.LIVE):
        outcome = Outcome.SKIPPED if progress.listed else Outcome.FAILED
        return Verdict(outcome, f"a static Space has no runtime to {operation.verb}", STATIC)
    return None


def leaves(progress: SpaceProgress, now: SpaceRuntime, operation: Operation) -> Verdict | None:
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
