"""What became of Spaces and of the step."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote

from hf_action.rules.models import SpaceInfo
from hf_action.rules.operations import OPERATIONS
from hf_action.rules.outcomes import Outcome, worst
from hf_action.rules.stages import Kind, kind_of

# Words for what Spaces do, in the order in which they are counted.
DOING = {Kind.LIVE: "running", Kind.MOVING: "starting", Kind.BROKEN: "broken"}


@dataclass(frozen=True, slots=True)
class Moment:
    """A stage, and the seconds since the step began when it was first seen."""

    at: float
    stage: str


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one Space. `elapsed` is in seconds since the step began."""

    space: str
    outcome: Outcome
    message: str
    elapsed: float
    url: str
    operation: str = ""
    before: SpaceInfo | None = None  # at the first look
    after: SpaceInfo | None = None  # at the last answer
    cause: str = ""
    evidence: str = ""
    blame: str = ""
    remedy: str = ""  # what to do about the cause or the evidence
    rolled_back_to: str = ""  # the commit that was put back after a failure, and is served again
    tolerated: bool = False  # whether it does not count as a failure, although its outcome is one
    changed: bool = False  # whether this step sent a change that the Hub took
    timeline: tuple[Moment, ...] = ()
    log: tuple[str, ...] = ()  # the tail of the build or run log, each made one line

    @property
    def status(self) -> int:
        """What it means for the exit status."""
        return 0 if self.tolerated else self.outcome.status

    @property
    def is_broken(self) -> bool:
        """Whether the Space was seen last in a stage that nothing mends by itself, whatever the step wanted of it."""
        return self.after is not None and kind_of(self.after.runtime.stage) is Kind.BROKEN

    @property
    def is_bad(self) -> bool:
        """Whether a reader has to look at it: it failed, or is broken."""
        return self.is_broken or self.status != 0


@dataclass(frozen=True, slots=True)
class Step:
    """What became of the whole step."""

    operation: str
    outcome: Outcome
    message: str
    elapsed: float
    requests: int
    prices: Mapping[str, float]  # US dollars an hour by flavor
    results: tuple[Result, ...] = ()
    tolerated: bool = False  # whether it does not count as a failure, although its outcome is one

    @property
    def status(self) -> int:
        """What it means for the exit status."""
        return 0 if self.tolerated else self.outcome.status

    @property
    def only_looks(self) -> bool:
        """Whether what the step found is itself what was asked for, rather than what it did."""
        row = OPERATIONS.get(self.operation)
        return bool(self.results and row and not row.changes and not row.waits_for)


def conclude(
    results: Sequence[Result],
    *,
    cancelled: bool,
    operation: str,
    elapsed: float,
    requests: int,
    prices: Mapping[str, float],
) -> Step:
    """Sum up the results of a step that named at least one Space."""
    counted = [result.outcome for result in results if not result.tolerated]
    tolerated = not cancelled and len(counted) < len(results) and not any(outcome.status for outcome in counted)
    considered = [result.outcome for result in results] if tolerated else counted
    outcome = Outcome.CANCELLED if cancelled else worst(considered)
    if len(results) == 1:
        message = ": ".join(part for part in (results[0].space, results[0].message) if part)
    else:
        message = f"{len(results)} Spaces: {_outcomes(results)}"
    if operation == "wait" and outcome is Outcome.SKIPPED:  # a gate that has nothing to gate on is not open
        outcome, message = Outcome.NOT_FOUND, f"{message}; nothing is left to wait for"
    step = Step(
        operation=operation,
        outcome=outcome,
        message=message,
        elapsed=elapsed,
        requests=requests,
        prices=prices,
        results=tuple(results),
        tolerated=tolerated,
    )
    found = step.only_looks and len(results) > 1
    return replace(step, message=f"{len(results)} Spaces: {counts(results)}") if found else step


def counts(results: Iterable[Result]) -> str:
    """Return how many Spaces do what: `9 running, 3 broken, 1 paused`."""
    known = list(DOING.values())
    words = Counter(map(_doing, results))
    order = sorted(words, key=lambda word: (known.index(word) if word in known else len(known), word))
    return ", ".join(f"{words[word]} {word}" for word in order)


def _doing(result: Result) -> str:
    if result.outcome is not Outcome.OK or not result.after:
        return result.outcome.word
    stage = result.after.runtime.stage
    return DOING.get(kind_of(stage), stage.lower())


def _outcomes(results: Sequence[Result]) -> str:
    words = Counter(result.outcome.word for result in results)
    return ", ".join(f"{count} {word}" for word, count in words.items())


def duration(seconds: float) -> str:
    """Write seconds as `9.5s`, `48s`, `1m05s` or `2h03m`."""
    if seconds < 10:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    return f"{whole // 60}m{whole % 60:02}s" if whole < 3600 else f"{whole // 3600}h{whole % 3600 // 60:02}m"


def counted(count: int, noun: str) -> str:
    """Write a number of things, such as `1 request` or `2 requests`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def last_lines(count: int) -> str:
    """Say how much of a log is shown."""
    return "last line" if count == 1 else f"last {count} lines"


def page(endpoint: str, space: str) -> str:
    """Return the address of the Space's page."""
    return f"{endpoint}/spaces/{quote(space, errors='replace')}"
