"""How a step can end badly: words, remedies, and what a caller must know of a failure."""

import pytest

from hf_action.report.summary import ICONS
from hf_action.rules.outcomes import (
    SEVERITY,
    ActionError,
    Denied,
    InvalidInput,
    NotFound,
    Outcome,
    Refused,
    Unreachable,
)


@pytest.mark.parametrize(
    ("kind", "remedy", "outcome", "text"),
    [
        (ActionError, "", Outcome.FAILED, "it broke"),
        (ActionError, "fix it", Outcome.FAILED, "it broke fix it"),
        (Refused, "ask", Outcome.FAILED, "it broke ask"),
        (Denied, "set a token", Outcome.DENIED, "it broke set a token"),
        (NotFound, "", Outcome.NOT_FOUND, "it broke"),
        (Unreachable, "wait", Outcome.UNREACHABLE, "it broke wait"),
        (Unreachable, "", Outcome.UNREACHABLE, "it broke"),
    ],
)
def test_an_error_says_what_happened_and_what_to_do(kind, remedy, outcome, text):
    """The message and the remedy, where there is one, stand beside each other."""
    error = kind("it broke", remedy=remedy)
    assert (error.outcome, str(error)) == (outcome, text)


def test_a_remedy_can_be_shown_by_itself():
    """A verdict keeps message and remedy apart."""
    assert (ActionError("x").remedy, ActionError("x", remedy="y").remedy, Unreachable("x", remedy="y").remedy) == ("", "y", "y")
    assert Unreachable("x").remedy == ""


def test_an_unreachable_hub_may_have_got_the_request():
    """A write is not repeated blindly: it counts as sent unless it is known not to be."""
    assert (Unreachable("x").sent, Unreachable("x", sent=False).sent) == (True, False)
    assert (Unreachable("x").retry_after, Unreachable("x", retry_after=7.0).retry_after) == (None, 7.0)


def test_invalid_input_keeps_what_is_needed_to_print_it():
    """Mistakes, warnings, and the token that has to be kept out of them."""
    error = InvalidInput(["a: is wrong.", "b: is wrong."], warnings=["c"], token="hf_x")
    assert (error.mistakes, error.warnings, error.token) == (["a: is wrong.", "b: is wrong."], ["c"], "hf_x")
    assert (error.outcome, str(error)) == (Outcome.INVALID_INPUT, "a: is wrong. b: is wrong.")


def test_every_outcome_has_its_place():
    """A new word is told apart from the others in gravity, in exit status order and in the summary."""
    assert sorted(SEVERITY, key=lambda outcome: outcome.word) == sorted(Outcome, key=lambda outcome: outcome.word)
    order = list(dict.fromkeys(outcome.status for outcome in SEVERITY))
    assert order == [130, 3, 1, 6, 5, 4, 2, 0]  # the contract's, with bad input that never starts before success
    assert set(ICONS) == set(Outcome)
