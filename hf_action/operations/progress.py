"""What one Space goes through in a step, and how work on many of them is spread over threads."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Thread
from typing import TypeVar

from hf_action.inputs.settings import Settings
from hf_action.rules.models import SpaceInfo, SpaceRuntime
from hf_action.rules.outcomes import ActionError, Outcome
from hf_action.rules.results import Moment
from hf_action.rules.sanitize import one_line, shorten
from hf_action.rules.stages import STAGES
from hf_action.rules.waiting import Goal, Observation, Verdict

# Characters of the Space's own error message that are shown.
MAX_ERROR = 300

Item = TypeVar("Item")


@dataclass(slots=True)
class SpaceProgress:
    """All that one Space went through in this step."""

    space: str  # its id by now
    settings: Settings
    listed: SpaceInfo | None = None  # by the listing it was chosen from; None: it was named
    before: SpaceInfo | None = None
    after: SpaceInfo | None = None
    head_read: float = 0.0
    goal: Goal | None = None
    history: list[Observation] = field(default_factory=list)
    timeline: list[Moment] = field(default_factory=list)
    twin: bool = False  # whether another member of the batch is the same Space
    is_hint: bool = False  # whether all that is known comes from a listing, which may lag
    looked_at: float = 0.0  # when the Space itself was looked at last
    knows_commit: bool | None = None  # whether the repository knows the commit that was named; None: not asked
    acted_on: SpaceRuntime | None = None  # what the Space was at the look that decided the last change
    touched: bool = False  # whether a change is about to be sent, or was
    visited: bool = False
    sent: bool = False  # whether a change may have reached the Hub
    changed: bool = False
    verdict: Verdict | None = None
    ended: float = 0.0
    failed_before: Verdict | None = None  # the verdict after which it was restarted again
    restarts: int = 0  # how often it was restarted again because the Hub was to blame
    good: str = ""  # the commit that is put back
    rollback: str = ""  # what has become so far of putting it back, for people
    rolled_back_to: str = ""  # the commit that was put back and is served again
    log: list[str] = field(default_factory=list)  # what was read of its log
    tail: list[str] = field(default_factory=list)  # what is shown of it

    asked: str = ""  # the id that it was asked for by

    def __post_init__(self) -> None:
        self.asked = self.space

    @property
    def message(self) -> str:
        """How it ended, and what was done about it."""
        assert self.verdict
        again = f"after {self.restarts} more {'tries' if self.restarts > 1 else 'try'}" if self.restarts else ""
        seen = f"{self.verdict.seen}, {again}" if again else self.verdict.seen
        return ". ".join(part for part in (seen, self.rollback, self.verdict.remedy) if part)

    @property
    def found(self) -> SpaceInfo:
        """The Space as the first look found it; there is none before that look."""
        assert self.before
        return self.before

    @property
    def latest(self) -> SpaceInfo:
        """The Space as it was seen last; there is none before the first look."""
        assert self.after
        return self.after

    @property
    def stage(self) -> str:
        """The stage seen last."""
        return self.latest.runtime.stage


def run_parallel(items: Iterable[Item], work: Callable[[Item], None], *, width: int) -> None:
    """Do `work` on each item, at most `width` at once; raises the first error that `work` raised.

    The threads are daemons: a cancelled step does not wait for them. Where the machine has no more of them, those that
    there are do it all, or this one does.
    """
    waiting_items = list(items)
    errors: list[Exception] = []
    if len(waiting_items) < 2:
        for item in waiting_items:
            work(item)
        return
    waiting_items.reverse()

    def worker() -> None:
        while not errors:
            try:
                item = waiting_items.pop()
            except IndexError:  # nothing is left
                return
            try:
                work(item)
            except Exception as error:  # noqa: BLE001 - raised again in the main thread
                errors.append(error)

    threads: list[Thread] = []
    try:
        with suppress(RuntimeError):
            for _ in range(min(width, len(waiting_items))):
                thread = Thread(target=worker, daemon=True)
                thread.start()
                threads.append(thread)
        if not threads:
            worker()
        for thread in threads:
            thread.join()
    finally:
        waiting_items.clear()  # cancelled: nothing more is begun
    if errors:
        raise errors[0]


def state(runtime: SpaceRuntime) -> str:
    """Return the stage with what else is known: commit, hardware, the Space's own error message."""
    known = "" if runtime.stage in STAGES else " (a stage this version does not know; it counts as moving)"
    commit = f" on commit {runtime.commit[:7]}" if runtime.commit else ""
    hardware = f", {runtime.hardware}" if runtime.hardware else ""
    if runtime.requested_hardware and runtime.hardware and runtime.requested_hardware != runtime.hardware:
        hardware += f" ({runtime.requested_hardware} asked for)"
    # The Hub fills its messages with the end of a log, so their own end tells most.
    error = f": {shorten(one_line(runtime.error), MAX_ERROR, keep_end=True)}" if runtime.error else ""
    return f"{runtime.stage}{known}{commit}{hardware}{error}"


def verdict_of(error: ActionError) -> Verdict:
    """Return the verdict that an error of the action means."""
    seen = str(error.args[0]).removesuffix(".")
    evidence = seen if error.cause else ""
    return Verdict(error.outcome, seen, error.remedy, cause=error.cause, evidence=evidence, blame=error.blame)


NO_TOKEN = Verdict(
    Outcome.DENIED,
    "a token with write access is needed",
    "Set HF_TOKEN (in a workflow: env: HF_TOKEN: ${{ secrets.HF_TOKEN }}), made at "
    "https://huggingface.co/settings/tokens",
)
