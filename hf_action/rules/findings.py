"""What an examination finds: one line each, with a mark, and with what to do where something is to be done.

Source: docs/contract.md, "Beside the operations".
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum


class Mark(Enum):
    """How it stands with what was looked at; `sign` is what a person sees of it."""

    OK = "ok", "✓"
    WARNING = "warning", "!"
    PROBLEM = "problem", "✗"
    UNKNOWN = "not known", "?"

    def __init__(self, word: str, sign: str) -> None:
        self.word = word
        self.sign = sign


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, how it stands, what was found, and what to do; nothing to do is an empty text.

    A problem would make an operation fail; a warning would not, or only some.
    """

    check: str
    mark: Mark
    found: str
    remedy: str = ""


def ok(check: str, found: str) -> Finding:
    """Return that all is well."""
    return Finding(check, Mark.OK, found)


def warning(check: str, found: str, remedy: str = "") -> Finding:
    """Return that something may be in the way."""
    return Finding(check, Mark.WARNING, found, remedy)


def problem(check: str, found: str, remedy: str = "") -> Finding:
    """Return that something is in the way of an operation."""
    return Finding(check, Mark.PROBLEM, found, remedy)


def unknown(check: str, found: str, remedy: str = "") -> Finding:
    """Return that the Hub does not say, or was not asked."""
    return Finding(check, Mark.UNKNOWN, found, remedy)


def status_of(findings: Iterable[Finding]) -> int:
    """Return the exit status: 1 where an operation would fail, else 0."""
    return int(any(finding.mark is Mark.PROBLEM for finding in findings))
