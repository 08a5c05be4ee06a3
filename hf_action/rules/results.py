"""What became of Spaces and of the step."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from hf_action.rules.models import SpaceInfo
from hf_action.rules.outcomes import Outcome, worst


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
    before: SpaceInfo | None = None  # at the first look
    after: SpaceInfo | None = None  # at the last answer
    cause: str = ""
    evidence: str = ""
    blame: str = ""
    rolled_back_to: str = ""  # the commit that was put back after a failure, and is served again
    tolerated: bool = False  # whether it does not count as a failure, although its outcome is one
    changed: bool = False  # whether this step sent a change that the Hub took
    timeline: tuple[Moment, ...] = ()
    log: tuple[str, ...] = ()  # the tail of the build or run log, each made one line

    @property
    def status(self) -> int:
        """What it means for the exit status."""
        return 0 if self.tolerated else self.outcome.status


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
    tolerated = not cancelled and not any(outcome.status for outcome in counted)
    considered = [result.outcome for result in results] if tolerated else counted
    outcome = Outcome.CANCELLED if cancelled else worst(considered)
    if len(results) == 1:
        message = f"{results[0].space}: {results[0].message}"
    else:
        counts = {word: sum(result.outcome.word == word for result in results) for word in _words(results)}
        message = f"{len(results)} Spaces: " + ", ".join(f"{count} {word}" for word, count in counts.items())
    if operation == "wait" and outcome is Outcome.SKIPPED:  # a gate that has nothing to gate on is not open
        outcome, message = Outcome.NOT_FOUND, f"{message}; nothing is left to wait for"
    return Step(
        operation=operation,
        outcome=outcome,
        message=message,
        elapsed=elapsed,
        requests=requests,
        prices=prices,
        results=tuple(results),
        tolerated=tolerated,
    )


def _words(results: Iterable[Result]) -> list[str]:
    return list(dict.fromkeys(result.outcome.word for result in results))


def duration(seconds: float) -> str:
    """Write seconds as `9.5s`, `48s`, `1m05s` or `2h03m`."""
    if seconds < 10:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    return f"{whole // 60}m{whole % 60:02}s" if whole < 3600 else f"{whole // 3600}h{whole % 3600 // 60:02}m"


def page(endpoint: str, space: str) -> str:
    """Return the address of the Space's page."""
    return f"{endpoint}/spaces/{quote(space)}"
