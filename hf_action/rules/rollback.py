"""Whether a deployment that failed is rolled back, to which commit, and what that changes.

Two commits matter. The *good* one is the one to put back: named by `rollback-to`, else the one that was being served at
the first look. The *failed* one is the one that is served while the app does not answer, else the one that was waited
for. Only where the failed one still is the repository's head, nothing of anybody else's is undone.

Source: docs/contract.md, "Rollback".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hf_action.rules.models import SpaceInfo, SpaceRuntime
from hf_action.rules.outcomes import Outcome, Unreachable
from hf_action.rules.stages import Kind, kind_of
from hf_action.rules.waiting import Goal, Observation, Verdict, reached

# Commits that are looked through for the good one, the newest first.
MAX_COMMITS = 1_000
# Words for `commit` that are not a commit.
NO_COMMIT = ("auto", "head", "any")

# How the id of a content begins that is not a file's.
FOREIGN = "foreign "


class NotTheHeadError(Unreachable):
    """The Hub says that the parent of a commit is not the head: somebody has pushed, or the same commit came before."""


@dataclass(frozen=True, slots=True)
class Failure:
    """How a deployment ended, and how it is now: a commit may be just its beginning, and None where it is not known."""

    verdict: Verdict
    stage: str
    lacked_health: bool = False  # whether all was reached but an answer of the app when it ended
    only_health: bool = False  # whether that is so now
    good: str | None = None
    failed: str | None = None
    known: bool | None = None  # whether the repository knows the commit that was named; None: none was, or not asked
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    """What the commit is called that puts a good one back."""

    good: str
    failed: str

    @property
    def title(self) -> str:
        """Return its first line."""
        return f"Roll back to {self.good[:7]}: {self.failed[:7]} failed"

    @property
    def description(self) -> str:
        """Return the rest of it."""
        return f"This restores the files of {self.good}, because the Space did not serve {self.failed}."


@dataclass(frozen=True, slots=True)
class Change:
    """What makes the files of one commit those of another: what to take from that one, by path, and what to delete.

    `foreign` are the paths of both that are not files: a submodule can neither be copied nor deleted as one.
    """

    restored: Mapping[str, str]
    deleted: tuple[str, ...]
    foreign: tuple[str, ...] = ()


def is_considered(verdict: Verdict) -> bool:
    """Whether a verdict is one after which somebody expects a rollback, or to be told why there is none."""
    return verdict.outcome in (Outcome.FAILED, Outcome.TIMED_OUT)


def why_not(failure: Failure, head: str | None = None) -> str:
    """Return why nothing is rolled back; nothing where it is. `head` is the one of now, None before it is read."""
    verdict, good, failed = failure.verdict, failure.good, failure.failed
    if verdict.blame == "hub":
        return "the Hub is to blame, not the commit"
    if kind_of(failure.stage) is not Kind.BROKEN and not failure.only_health:
        return f"it is {failure.stage}, which does not show that the commit is bad"
    if verdict.outcome is Outcome.TIMED_OUT and not failure.lacked_health:
        return "the budget ended before it was certain that the commit is bad; give more timeout"
    if not good:
        return "no good commit is known, as none was being served at the first look; name one in rollback-to"
    if not failed:
        return "it is not known which commit failed"
    if _same(good, failed):
        both = f"as far as the Hub says, {failed[:7]} is both the last good commit and the one that failed"
        return f"{both}; name the failed one in commit, or another good one in rollback-to"
    if head is not None and not _same(failed, head) and failure.known is False:
        return f"its repository does not know the commit {failed[:7]}, which was waited for"
    if head is not None and not _same(failed, head):
        return f"the head is {head[:7]} by now, not {failed[:7]}, which failed: somebody has pushed meanwhile"
    if failure.dry_run:
        return f"this is a dry run; otherwise {good[:7]} would be put back"
    return ""


def served(runtime: SpaceRuntime) -> str | None:
    """Return the commit that is being served, None where none is."""
    return runtime.commit if kind_of(runtime.stage) in (Kind.LIVE, Kind.MOVING) else None


def failed_commit(named: str, *, before: SpaceInfo, now: SpaceInfo) -> str | None:
    """Return the commit that failed: the one that is served, else the one `named` by `commit`, else the first head."""
    return served(now.runtime) or (before.head if named in NO_COMMIT else named)


def lacks_only_health(goal: Goal, history: Sequence[Observation]) -> bool:
    """Whether the last look found all of a goal but a good answer of the app."""
    return bool(history) and bool(history[-1].health_problem) and reached(goal, history[-1])


def is_serving(goal: Goal, history: Sequence[Observation]) -> bool:
    """Whether the last look found all of a goal, if not for as long as was wanted."""
    return bool(history) and reached(goal, history[-1]) and not history[-1].health_problem


def difference(wanted: Mapping[str, str], there: Mapping[str, str]) -> Change:
    """Return what makes the files `there` the `wanted` ones, both as ids of contents by path."""
    restored = {path: content for path, content in wanted.items() if there.get(path) != content}
    deleted = tuple(path for path in there if path not in wanted)
    kinds = {path: (wanted.get(path, ""), there.get(path, "")) for path in (*restored, *deleted)}
    return Change(
        restored=restored,
        deleted=deleted,
        foreign=tuple(path for path, contents in kinds.items() if any(one.startswith(FOREIGN) for one in contents)),
    )


def _same(one: str, other: str) -> bool:
    """Whether two commits are the same, of which one may be just the beginning."""
    return one.startswith(other) or other.startswith(one)
