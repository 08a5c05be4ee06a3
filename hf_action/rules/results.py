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
    changed: bool = False  # whether this step sent a change that the Hub took
    timeline: tuple[Moment, ...] = ()
    log: tuple[str, ...] = ()  # the tail of the build or run log, each made one line


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
    outcome = Outcome.CANCELLED if cancelled else worst([result.outcome for result in results])
    if len(results) == 1:
        message = ": ".join(part for part in (results[0].space, results[0].message) if part)
    else:
        counts = {word: sum(result.outcome.word == word for result in results) for word in _words(results)}
        message = f"{len(results)} Spaces: " + ", ".join(f"{count} {word}" for word, count in counts.items())
    return Step(
        operation=operation,
        outcome=outcome,
        message=message,
        elapsed=elapsed,
        requests=requests,
        prices=prices,
        results=tuple(results),
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
    return f"{endpoint}/spaces/{quote(space, errors='replace')}"
