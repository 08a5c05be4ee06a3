"""Puts the last good commit of a Space back, where the deployment of another one has failed.

One commit restores the files, and its parent is the failed head. So whatever becomes of an answer, and
whenever a signal comes, the repository is at one of two commits, and what is sent again is never made twice. Whether it
is done at all is decided in `rules.rollback`.

Source: docs/contract.md, "Rollback".
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hf_action.clock import Budget, Clock
from hf_action.operations.polling import Poller
from hf_action.operations.progress import SpaceProgress, run_parallel
from hf_action.operations.writes import pause_before_retry
from hf_action.rules.outcomes import ActionError, Outcome, Unreachable
from hf_action.rules.rollback import (
    MAX_COMMITS,
    Change,
    Failure,
    Message,
    NotTheHeadError,
    difference,
    failed_commit,
    is_considered,
    is_serving,
    lacks_only_health,
    served,
    why_not,
)
from hf_action.rules.waiting import LAST_LOOK, UNREACHABLE_AFTER, Goal, Verdict

if TYPE_CHECKING:
    from hf_action.hub.client import Hub
    from hf_action.hub.repository import Repository

# Seconds that a rollback has at least for its commit, and for the build that follows, whatever is left of the budget.
ROLLBACK_TIME = 300.0
# Seconds that the head is given to show why the Hub takes another one for it: it may be told late.
HEAD_LAG = 30.0
LOOK_INTERVAL = 3.0
# The stage that is waited for, whichever the step waited for.
SERVING = frozenset({"RUNNING"})

Watch = Callable[[Sequence[SpaceProgress], Callable[[SpaceProgress, Verdict], None]], None]


class NotRolledBackError(Exception):
    """Nothing was changed; the message says why."""


class NotKnownError(Exception):
    """Nobody knows whether anything was changed; the message says why."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is put back: the whole ids of both commits, and what the new one is called."""

    good: str
    failed: str

    @property
    def message(self) -> Message:
        """What the new commit is called."""
        return Message(good=self.good, failed=self.failed)


class Committer:
    """Makes the commit that restores files, once, whatever becomes of its answer."""

    def __init__(self, *, poller: Poller, clock: Clock) -> None:
        self._poller = poller
        self._clock = clock

    def restore(self, repository: "Repository", progress: SpaceProgress, plan: Plan, deadline: float) -> str:
        """Make the commit until `deadline`, and once only; return its id.

        Raises:
            NotRolledBackError: there is nothing to restore, or somebody else has pushed.
            NotKnownError: there is no telling whether it was made.
            ActionError: it was refused, or did not arrive.
        """
        change = _change(repository, plan)
        told = f"{_files(len(change.restored))} to restore, {len(change.deleted)} to delete"
        self._poller.info(progress, f"rolling back to {plan.good[:7]}: {told}")
        progress.rollback = (
            f"It is not known whether it was rolled back; its head is {plan.failed[:7]}, or one commit more with all "
            f"the files of {plan.good[:7]}"
        )
        began, attempt = self._clock.now(), 0
        while True:
            try:
                return repository.commit(change, good=plan.good, parent=plan.failed, message=plan.message)
            except ActionError as error:
                again = _may_pass(error) and not self._is_over(began, deadline)
                if again:
                    self._pause(progress, error, attempt, deadline)
                if made := self._effect(repository, plan, error):
                    return made
                if not again and _may_have_arrived(error):  # and may have its effect only now
                    raise NotKnownError(str(error)) from error
                if not again:
                    raise
                attempt += 1

    def _effect(self, repository: "Repository", plan: Plan, error: ActionError) -> str | None:
        """Return the id of the commit, where it was made for all that its answer says; None where it was not.

        Raises:
            NotRolledBackError: somebody else has pushed.
            NotKnownError: there is no telling.
        """
        denied = isinstance(error, NotTheHeadError)
        until = self._clock.now() + (HEAD_LAG if denied else 0.0)
        while True:
            try:
                head = repository.head()
            except ActionError as unread:
                if _may_have_arrived(error):
                    raise NotKnownError(str(unread)) from unread
                return None
            if head.title == plan.message.title and head.parent == plan.failed:
                return head.id
            if head.id != plan.failed:
                raise NotRolledBackError(f"the head is {head.id[:7]} by now: somebody has pushed meanwhile")
            if self._clock.now() >= until:
                break
            self._clock.sleep(LOOK_INTERVAL)
        if denied:
            raise NotRolledBackError(f"somebody has pushed meanwhile: {error}")
        return None

    def _pause(self, progress: SpaceProgress, error: ActionError, attempt: int, deadline: float) -> None:
        """Let time pass before it is looked whether a commit had its effect."""
        if not attempt:  # the first failure says why nothing happens; the others would say the same
            self._poller.info(progress, f"{error} — looking whether the commit was made before it is sent again")
        self._clock.sleep(max(min(pause_before_retry(error, attempt), deadline - LAST_LOOK - self._clock.now()), 0.0))

    def _is_over(self, began: float, deadline: float) -> bool:
        now = self._clock.now()
        return now >= deadline - LAST_LOOK or now - began >= UNREACHABLE_AFTER


class Rollback:
    """Rolls back the Spaces of one step, several at once, and waits until they serve the good files.

    Args:
        hub: where they are.
        poller: tells what happens to them.
        clock: what time it is, and how to let it pass.
        width: how many Spaces at once.
        budget: that of the step, which has to be longer for a rollback.
        watch: waits for Spaces, and tells each verdict.
    """

    def __init__(
        self,
        *,
        hub: "Hub",
        poller: Poller,
        clock: Clock,
        width: int,
        budget: Budget,
        watch: Watch,
    ) -> None:
        self._hub = hub
        self._poller = poller
        self._clock = clock
        self._width = width
        self._committer = Committer(poller=poller, clock=clock)
        self._budget = budget
        self._watch = watch

    def run(self, members: Iterable[SpaceProgress]) -> None:
        """Roll back those of the Spaces that failed and want it; afterwards each says what became of it."""
        failing = [one for one in members if one.settings.may_roll_back]
        failing = [one for one in failing if one.goal and one.verdict and is_considered(one.verdict)]
        if not failing:
            return
        self._budget.extend(self._clock.now() + ROLLBACK_TIME)
        restored: dict[str, SpaceProgress] = {}
        run_parallel(failing, lambda progress: self._begin(progress, restored), width=self._width)
        deadline = self._budget.extend(self._clock.now() + ROLLBACK_TIME)
        for progress in restored.values():
            assert progress.goal
            progress.goal = replace(progress.goal, deadline=deadline)
        self._watch(list(restored.values()), self._conclude)

    # ---- one Space ----

    def _begin(self, progress: SpaceProgress, restored: dict[str, SpaceProgress]) -> None:
        """Put the good files back, or say why not."""
        progress.rollback = "Not rolled back: the step ended before"
        try:
            plan = self._plan(progress)
            repository = self._hub.repository(progress.space)
            commit = self._committer.restore(repository, progress, plan, self._budget.end)
            self._expect(progress, plan, commit)
        except NotRolledBackError as reason:
            self._tell(progress, f"Not rolled back: {reason}")
        except NotKnownError as reason:
            self._tell(progress, f"{progress.rollback}: {reason}")
        except ActionError as error:
            self._tell(progress, f"Not rolled back: {str(error).removesuffix('.')}")
        else:
            restored[progress.asked] = progress

    def _plan(self, progress: SpaceProgress) -> Plan:
        """Decide whether and what, by a look of now; raises NotRolledBackError, ActionError."""
        failure = self._look(progress)
        if reason := why_not(failure):
            raise NotRolledBackError(reason)
        assert failure.good
        head, good = self._hub.repository(progress.space).find(failure.good)
        if reason := why_not(failure, head.id):
            raise NotRolledBackError(reason)
        if not good:
            newest = f"the newest {MAX_COMMITS:,} commits of its repository"
            raise NotRolledBackError(f"{failure.good[:7]} is not one of {newest}")
        return Plan(good=good, failed=head.id)

    def _look(self, progress: SpaceProgress) -> Failure:
        """Look at the Space again, as others may have been waited for meanwhile; return how its deployment stands."""
        assert progress.goal and progress.verdict
        lacked_health = lacks_only_health(progress.goal, progress.history)
        while not (look := self._poller.look(progress)).stage:
            if look.final or look.refusal or self._clock.now() >= self._budget.end - LAST_LOOK:
                raise NotRolledBackError(look.problem)
            self._clock.sleep(LOOK_INTERVAL)
        progress.history.append(look)
        settings, before = progress.settings, progress.found
        return Failure(
            verdict=progress.verdict,
            stage=progress.stage,
            lacked_health=lacked_health,
            only_health=lacks_only_health(progress.goal, progress.history),
            good=settings.rollback_to or served(before.runtime),
            failed=failed_commit(settings.commit, before=before, now=progress.latest),
            known=progress.knows_commit,
            dry_run=settings.dry_run,
        )

    # ---- waiting for it ----

    def _expect(self, progress: SpaceProgress, plan: Plan, commit: str) -> None:
        """Wait from now on for the commit that restores the good files."""
        settings, now = progress.settings, self._clock.now()
        done = f"Rolled back to the files of {plan.good[:7]} as commit {commit[:7]}"
        progress.rollback = f"{done}; it is not known whether it serves them"
        self._poller.info(progress, f"committed {commit[:7]} with the files of {plan.good[:7]}; waiting for its build")
        progress.good, progress.changed = plan.good, True
        progress.settings = replace(settings, commit=commit)
        progress.knows_commit = True
        progress.after = progress.latest.at_head(commit)
        progress.history.clear()
        progress.goal = Goal(
            stages=SERVING,
            began=now,
            deadline=self._budget.end,
            before=progress.stage,
            commit=commit,
            head=commit,
            settle=settings.settle,
            stable_for=settings.stable_for,
            health=settings.health_check is not None,
        )
        assert progress.verdict
        progress.verdict = replace(progress.verdict, outcome=Outcome.FAILED)  # also where only the health was missing

    def _conclude(self, progress: SpaceProgress, verdict: Verdict) -> None:
        """Say what became of the rollback."""
        commit, good = progress.settings.commit[:7], progress.good[:7]
        assert progress.goal
        if verdict.outcome is Outcome.OK or is_serving(progress.goal, progress.history):
            progress.rolled_back_to = progress.good
            shorter = verdict.outcome is not Outcome.OK
            but = f", but not yet for {progress.goal.stable_for:g} s" if shorter else ""
            self._tell(progress, f"Rolled back: it serves the files of {good} again, as commit {commit}{but}")
        else:
            self._tell(
                progress,
                f"Rolled back to the files of {good} as commit {commit}, but it does not serve them "
                f"({verdict.outcome.word}: {verdict.seen})",
            )

    def _tell(self, progress: SpaceProgress, text: str) -> None:
        progress.rollback = text
        progress.ended = self._clock.now()
        self._poller.info(progress, text)


def _change(repository: "Repository", plan: Plan) -> Change:
    """Return what the commit has to change; raises NotRolledBackError where there is nothing, or it cannot be done."""
    good, failed = plan.good[:7], plan.failed[:7]
    wanted = repository.files(plan.good)
    if not wanted:
        raise NotRolledBackError(f"{good} has no files")
    change = difference(wanted, repository.files(plan.failed))
    if change.foreign:
        raise NotRolledBackError(f"{change.foreign[0]} is not a file in {good} or {failed}; put it back by hand")
    if not change.restored and not change.deleted:
        raise NotRolledBackError(f"{good} and {failed} have the same files")
    return change


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"


def _may_have_arrived(error: ActionError) -> bool:
    """Whether a commit may have been made that has no good answer."""
    return isinstance(error, Unreachable) and error.sent and not error.final


def _may_pass(error: ActionError) -> bool:
    """Whether the same commit may be taken a little later."""
    return isinstance(error, Unreachable) and not error.final and not isinstance(error, NotTheHeadError)
