"""When a deployment is rolled back: each sentence of the contract's section "Rollback" has a row here."""

from dataclasses import replace

import pytest

from hf_action.rules.models import SpaceInfo, SpaceRuntime
from hf_action.rules.outcomes import Outcome
from hf_action.rules.rollback import (
    Change,
    Failure,
    Message,
    difference,
    failed_commit,
    is_considered,
    is_serving,
    lacks_only_health,
    served,
    why_not,
)
from hf_action.rules.waiting import Goal, Observation, Verdict

GOOD, BAD, OTHER = "0" * 40, "1" * 40, "2" * 40
FAILED = Verdict(Outcome.FAILED, "BUILD_ERROR instead of RUNNING", blame="app")
BROKEN = Failure(verdict=FAILED, stage="BUILD_ERROR", good=GOOD, failed=BAD)
LATE = Verdict(Outcome.TIMED_OUT, "x")
UNHEALTHY = replace(BROKEN, verdict=LATE, stage="RUNNING", lacked_health=True, only_health=True)
CERTAIN = "the budget ended before it was certain"

# (the sentence it stands for, how it ended, the head now, the beginning of the reason; empty: it is rolled back)
ROWS = [
    ("it failed on another commit than the good one", BROKEN, BAD, ""),
    ("before the head is read", BROKEN, None, ""),
    ("it timed out only for its health check", UNHEALTHY, BAD, ""),
    ("it was restarted meanwhile, and now only its app does not answer", replace(UNHEALTHY, verdict=FAILED), BAD, ""),
    ("it broke after it had timed out", replace(UNHEALTHY, stage="RUNTIME_ERROR", only_health=False), BAD, ""),
    ("the settings are to blame", replace(BROKEN, verdict=replace(FAILED, blame="settings")), BAD, ""),
    ("nobody knows who is to blame", replace(BROKEN, verdict=replace(FAILED, blame="")), BAD, ""),
    ("the beginning of a commit is as good", replace(BROKEN, good=GOOD[:7], failed=BAD[:7]), BAD, ""),
    ("the Hub is to blame", replace(BROKEN, verdict=replace(FAILED, blame="hub")), BAD, "the Hub is to blame"),
    ("it timed out for another reason", replace(UNHEALTHY, stage="RUNNING_BUILDING", lacked_health=False, only_health=False), BAD, "it is RUNNING_BUILDING"),
    ("it timed out before the stage was believed", replace(BROKEN, verdict=LATE), BAD, CERTAIN),
    ("it timed out for another reason, and now lacks its health", replace(UNHEALTHY, lacked_health=False), BAD, CERTAIN),
    ("it answers by now", replace(UNHEALTHY, only_health=False), BAD, "it is RUNNING"),
    ("it runs, on what it should not", replace(BROKEN, stage="RUNNING"), BAD, "it is RUNNING"),
    ("somebody has paused it", replace(BROKEN, stage="PAUSED"), BAD, "it is PAUSED"),
    ("no good commit is known", replace(BROKEN, good=None), BAD, "no good commit is known"),
    ("nobody knows what failed", replace(BROKEN, failed=None), BAD, "it is not known which commit failed"),
    ("the good one failed", replace(BROKEN, good=BAD), BAD, "as far as the Hub says, 1111111 is both"),
    ("the good one failed, named by its beginning", replace(BROKEN, good=BAD[:9]), BAD, "as far as the Hub says, 1111111 is both"),
    ("the head has moved", BROKEN, OTHER, "the head is 2222222 by now, not 1111111"),
    ("the head is the good one again", BROKEN, GOOD, "the head is 0000000 by now, not 1111111"),
    ("the commit never came", replace(BROKEN, failed=BAD[:7], known=False), OTHER, "its repository does not know the commit 1111111"),
    ("the commit came after all", replace(BROKEN, failed=BAD[:7], known=False), BAD, ""),
    ("a dry run", replace(BROKEN, dry_run=True), BAD, "this is a dry run; otherwise 0000000 would be put back"),
]  # fmt: skip


@pytest.mark.parametrize(("failure", "head", "because"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_when_it_is_rolled_back(failure, head, because):
    """The reason, for people; none where it is."""
    found = why_not(failure, head)
    assert found.startswith(because) if because else found == ""


@pytest.mark.parametrize("outcome", Outcome)
def test_only_failures_and_timeouts_are_considered(outcome):
    """Who is denied, cancelled or overtaken does not expect a rollback."""
    assert is_considered(Verdict(outcome, "x")) == (outcome in (Outcome.FAILED, Outcome.TIMED_OUT))


@pytest.mark.parametrize(("stage", "commit"), [("RUNNING", GOOD), ("RUNNING_BUILDING", GOOD), ("PAUSED", None), ("SLEEPING", None), ("BUILD_ERROR", None)])
def test_which_commit_is_served(stage, commit):
    """None while nothing is, whatever the Hub says."""
    assert served(SpaceRuntime(stage=stage, commit=GOOD)) == commit


@pytest.mark.parametrize(
    ("named", "now", "failed"),
    [
        ("auto", SpaceRuntime(stage="BUILD_ERROR"), BAD),
        ("head", SpaceRuntime(stage="RUNTIME_ERROR", commit=GOOD), BAD),
        ("any", SpaceRuntime(stage="BUILD_ERROR"), BAD),
        ("2222222", SpaceRuntime(stage="BUILD_ERROR"), "2222222"),
        ("auto", SpaceRuntime(stage="RUNNING", commit=OTHER), OTHER),  # it is served, and its app does not answer
    ],
)
def test_which_commit_failed(named, now, failed):
    """What is served while its app does not answer, else what was waited for."""
    before = SpaceInfo(id="acme/demo", runtime=SpaceRuntime(stage="RUNNING", commit=GOOD), head=BAD)
    assert failed_commit(named, before=before, now=before.now(now)) == failed


GOAL = Goal(stages=frozenset({"RUNNING"}), began=0.0, deadline=60.0, before="RUNNING", head=BAD, health=True)
REACHED = Observation(at=9.0, stage="RUNNING", commit=BAD, head=BAD, health_problem="500 from /")


@pytest.mark.parametrize(
    ("history", "lacks"),
    [
        ([REACHED], True),
        ([REACHED, replace(REACHED, stage="BUILDING")], False),
        ([replace(REACHED, commit=GOOD)], False),
        ([replace(REACHED, health_problem="")], False),
        ([replace(REACHED, health_problem=None)], False),
        ([], False),
    ],
)
def test_when_only_the_health_is_missing(history, lacks):
    """The stage, the commit and the hardware are there, and the app was asked."""
    assert lacks_only_health(GOAL, history) == lacks


@pytest.mark.parametrize(
    ("history", "serves"),
    [
        ([replace(REACHED, health_problem="")], True),
        ([replace(REACHED, health_problem=None)], True),
        ([REACHED], False),
        ([replace(REACHED, health_problem="", commit=GOOD)], False),
        ([], False),
    ],
)
def test_when_it_serves(history, serves):
    """All is there, for however long."""
    assert is_serving(GOAL, history) == serves


@pytest.mark.parametrize(
    ("wanted", "there", "foreign"),
    [
        ({"a": "foreign 1"}, {"a": "foreign 1"}, ()),
        ({"a": "foreign 1"}, {"a": "foreign 2"}, ("a",)),
        ({"a": "git 1"}, {"a": "foreign 2"}, ("a",)),
        ({}, {"a": "foreign 2", "b": "git 1"}, ("a",)),
    ],
)
def test_what_is_not_a_file_counts_where_it_changes(wanted, there, foreign):
    """What both have needs nothing."""
    assert difference(wanted, there).foreign == foreign


def test_what_changes():
    """What is the same in both is left alone, and what one commit has only is deleted."""
    wanted = {"same": "git a", "changed": "git b", "lost": "git c", "large": "lfs d"}
    there = {"same": "git a", "changed": "git x", "added": "git y", "large": "git d"}
    found = difference(wanted, there)
    assert found == Change(restored={"changed": "git b", "lost": "git c", "large": "lfs d"}, deleted=("added",))


def test_the_message_names_both_commits():
    """Its first line shortly, the rest in full."""
    message = Message(good=GOOD, failed=BAD)
    assert message.title == "Roll back to 0000000: 1111111 failed"
    assert GOOD in message.description and BAD in message.description
