"""How a step can end badly, each way with its result word, exit status and remedy.

Expected failures of one Space are values (`Verdict`, `Result`); these exceptions end a call to the Hub or the
whole step. The words and numbers are those of docs/contract.md, "Exit status".
"""

from enum import Enum


class Outcome(Enum):
    """A result word of the contract, with its exit status."""

    OK = "ok", 0
    UNCHANGED = "unchanged", 0
    PLANNED = "planned", 0
    SKIPPED = "skipped", 0
    FAILED = "failed", 1
    INVALID_INPUT = "invalid-input", 2
    DENIED = "denied", 3
    NOT_FOUND = "not-found", 3
    TIMED_OUT = "timed-out", 4
    UNREACHABLE = "unreachable", 5
    SUPERSEDED = "superseded", 6
    CANCELLED = "cancelled", 130

    def __init__(self, word: str, status: int) -> None:
        self.word = word
        self.status = status


# Worst first: with several Spaces the worst result decides.
SEVERITY = (
    Outcome.CANCELLED,
    Outcome.DENIED,
    Outcome.NOT_FOUND,
    Outcome.FAILED,
    Outcome.SUPERSEDED,
    Outcome.UNREACHABLE,
    Outcome.TIMED_OUT,
    Outcome.INVALID_INPUT,
    Outcome.OK,
    Outcome.PLANNED,
    Outcome.UNCHANGED,
    Outcome.SKIPPED,
)


def worst(outcomes: list[Outcome]) -> Outcome:
    """Return the outcome that decides for all of `outcomes`, which must not be empty."""
    return min(outcomes, key=SEVERITY.index)


class ActionError(Exception):
    """Something that ends a call or the step: what happened, and a remedy to show beside it.

    `cause` and `blame` are words of docs/contract.md, "Causes", where the Hub's answer tells them.
    """

    outcome = Outcome.FAILED

    def __init__(self, message: str, *, remedy: str = "", cause: str = "", blame: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy
        self.cause = cause
        self.blame = blame

    def __str__(self) -> str:
        return " ".join(part for part in (self.args[0], self.remedy) if part)


class InvalidInput(ActionError):
    """One or more inputs are wrong; nothing was asked of the Hub."""

    outcome = Outcome.INVALID_INPUT

    def __init__(
        self, mistakes: list[str], *, warnings: list[str], token: str | None, report_file: str | None = None
    ) -> None:
        super().__init__(" ".join(mistakes))
        self.mistakes = mistakes
        self.warnings = warnings
        self.token = token  # the mistakes are still printed, and that without the token
        self.report_file = report_file  # which has them, too


class Refused(ActionError):
    """The Hub understood the request and refuses it for a reason of its own (400, 402, 409, ...)."""


class Denied(ActionError):
    """The token is missing, wrong, or lacks the right."""

    outcome = Outcome.DENIED


class NotFound(ActionError):
    """There is no such Space, or the token cannot see it."""

    outcome = Outcome.NOT_FOUND


class Unreachable(ActionError):
    """No usable answer came. `retry_after` is the wait in seconds the Hub asked for, if it did.

    `sent` tells whether the request may have reached the Hub, so that a write is not repeated blindly. `final` tells
    that waiting will not help: somebody has to change the certificate, the proxy or the endpoint.
    """

    outcome = Outcome.UNREACHABLE

    def __init__(
        self,
        message: str,
        *,
        remedy: str = "",
        cause: str = "",
        blame: str = "",
        retry_after: float | None = None,
        sent: bool = True,
        final: bool = False,
    ) -> None:
        super().__init__(message, remedy=remedy, cause=cause, blame=blame)
        self.retry_after = retry_after
        self.sent = sent
        self.final = final


class OutOfTime(Unreachable):
    """The budget was spent before anything could be asked, which is not the Hub's fault."""

    outcome = Outcome.TIMED_OUT


class Cancelled(BaseException):
    """SIGINT or SIGTERM came. Not an Exception, so that no retry or fallback swallows it."""

    status = Outcome.CANCELLED.status
