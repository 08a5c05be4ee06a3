"""What a tour finds: answers, facts that several answers show together, and steps that were not made."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A request and its answer. `sent` and `answered` are seconds of the tour's clock.

    `words` are those of a refusal or a page; they are compared letter by letter. `from_app` marks an answer of the app
    itself, of which only some headers are the Hub's.
    """

    method: str
    path: str
    status: int
    headers: Mapping[str, str]
    body: object
    sent: float
    answered: float
    request: object = None
    words: str = ""
    from_app: bool = False


@dataclass(frozen=True, slots=True)
class Exchange:
    """An answer with its step and situation: answers of the same situation are compared."""

    step: str
    situation: str
    answer: Answer


class Rule(Enum):
    """How a fact of the real Hub must agree with that of the simulated one."""

    SAME = "the same value"
    ORDER = "a part of the sequence, in its order"
    AMONG = "none but these"
    AT_MOST = "not longer"


@dataclass(frozen=True, slots=True)
class Span:
    """A time that lies between two limits, as nobody looked in between."""

    least: float
    most: float

    def __str__(self) -> str:
        return f"{self.least:.1f} to {self.most:.1f} s"


@dataclass(frozen=True, slots=True)
class Fact:
    """What several answers show together. An ORDER is a list, AMONG a set, AT_MOST a Span."""

    step: str
    what: str
    rule: Rule
    value: object


@dataclass(frozen=True, slots=True)
class Skip:
    """A step that was not made, or ended early. `trouble`: something failed, so that the Hub could not be compared."""

    step: str
    reason: str
    trouble: bool = False


@dataclass(slots=True)
class Journal:
    """All that a tour has found so far."""

    exchanges: list[Exchange] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    skips: list[Skip] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that differs between the real Hub and the simulated one; `exchange` is the answer that shows it."""

    step: str
    what: str
    simulated: str
    found: str
    exchange: Exchange | None = None


def within(body: object, *path: str) -> object:
    """Return the value at a path of keys; None where there is none."""
    for key in path:
        body = body.get(key) if isinstance(body, dict) else None
    return body


def text_of(body: object, *path: str) -> str:
    """Return the text at a path of keys; empty where there is none."""
    value = within(body, *path)
    return value if isinstance(value, str) else ""
