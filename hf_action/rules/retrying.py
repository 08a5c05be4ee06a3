"""Whether a Space is restarted again, and after how long: where the Hub is to blame for a failure, not the app.

Source: docs/contract.md, "Inputs", `retries`.
"""

from hf_action.rules.operations import OPERATIONS
from hf_action.rules.outcomes import Outcome
from hf_action.rules.waiting import LAST_LOOK, Verdict

# Seconds before a restart after the first failure, doubled after each further one up to the second number.
FIRST_PAUSE, LONGEST_PAUSE = 30.0, 300.0


def may_retry(verdict: Verdict, *, operation: str, restarts: int, retries: int) -> bool:
    """Whether a restart may help; `restarts` is how often that was tried before, `retries` how often it may be."""
    fault_of_hub = verdict.outcome is Outcome.FAILED and verdict.blame == "hub"
    return fault_of_hub and OPERATIONS[operation].retried and restarts < retries


def pause(restarts: int) -> float:
    """Return the seconds before the next restart."""
    return min(FIRST_PAUSE * 2.0**restarts, LONGEST_PAUSE)


def has_time(restarts: int, *, left: float) -> bool:
    """Whether the pause before the next restart ends while there is time for it."""
    return pause(restarts) + LAST_LOOK < left
