"""A wake makes a Space serve: one that does not answer is restarted, also where that shows only after a while."""

import pytest

from hf_action.rules.healing import judge_health
from hf_action.rules.outcomes import Outcome
from hf_action.rules.waiting import Goal, Observation
from simhub.app import AppAnswer
from simhub.faults import Fault, Kind
from simhub.world import HEAD, Phase, Space
from tests.conftest import OLD

ID = "acme/other"


def space(world, **about) -> str:
    world.add(Space(**({"id": ID, "commit": OLD, "head": OLD} | about)))
    return ID


def restarts(hub) -> list[float]:
    return [request.at for request in hub.requests if request.path.endswith("/restart")]


def dead_until_restarted(hub, after: float = 0.0):
    """Return the answers of an app that is dead from a moment of its life on, until it is restarted."""

    def answer(request):
        return AppAnswer(status=500) if request.since >= after and not restarts(hub) else None

    return answer


def test_one_that_wakes_and_does_not_answer_is_restarted(run, world, hub):
    """The visit was not enough."""
    ended = run("wake", space(world, stage="SLEEPING", commit=None, app=dead_until_restarted(hub)), health_check="/")
    assert (ended.result, len(restarts(hub))) == ("ok", 1)
    assert "RUNNING, but the app has not answered for 60 s (500 from" in ended.log
    assert "its app does not answer; restarting it" in ended.log
    assert 10 + 60 <= ended.elapsed < 150 and ended.outputs["changed"] == "true"


def test_one_that_dies_within_stable_for_is_restarted(run, world, hub):
    """It is unchanged until then."""
    ended = run("wake", space(world, app=dead_until_restarted(hub, after=60.0)), health_check="/", stable_for="2m")
    assert (ended.result, len(restarts(hub))) == ("ok", 1)
    assert 120 <= restarts(hub)[0] < 130 and ended.elapsed >= 120 + 120


def test_one_that_was_starting_by_itself_is_restarted(run, world, hub):
    """Nothing had to be sent for it to run, but for it to answer."""
    script = (Phase(0, "APP_STARTING"), Phase(20, "RUNNING", commit=HEAD))
    ended = run("wake", space(world, timeline=script, app=dead_until_restarted(hub)), health_check="/", settle="30s")
    assert (ended.result, len(restarts(hub))) == ("ok", 1)
    assert 50 <= restarts(hub)[0] < 60


def test_it_is_restarted_once(run, world, hub):
    """One restart helps or does not."""
    ended = run("wake", space(world, stage="SLEEPING", commit=None, app=(AppAnswer(status=500),)), health_check="/", timeout="10m")
    assert (ended.result, len(restarts(hub))) == ("timed-out", 1)
    assert "the app does not answer (500 from" in ended.outputs["message"] and "more try" not in ended.outputs["message"]


@pytest.mark.parametrize("about", [{}, {"stage": "SLEEPING", "commit": None, "scripts": {"visit": ()}}], ids=["running", "asleep"])
@pytest.mark.parametrize("own", [True, False], ids=["its own", "the step's"])
def test_a_budget_that_ends_before_settle_leaves_it_alone(run, world, hub, tmp_path, about, own):
    """Nobody would wait for the restart; a Space of a fleet file has a budget of its own."""
    name = space(world, app=(AppAnswer(status=500),), **about)
    (tmp_path / "fleet.yml").write_text(f"spaces:\n  - id: {name}\n    timeout: 30s\n")
    given = {"fleet_file": "fleet.yml", "timeout": "20m"} if own else {"space_id": name, "timeout": "30s"}
    ended = run("wake", health_check="/", env={"GITHUB_WORKSPACE": str(tmp_path)}, **given)
    assert (ended.status, ended.result, restarts(hub)) == (4, "timed-out", [])
    assert "Give more timeout than settle (60 s)" in ended.outputs["message"] and 28 <= ended.elapsed <= 32


def test_an_app_that_flaps_is_left_alone(run, world, hub):
    """A restart is due where it has not answered for all of `settle`."""

    def flapping(request):
        return AppAnswer(status=500) if request.at % 40 < 20 else None

    ended = run("wake", space(world, app=flapping), health_check="/", stable_for="1m", timeout="5m")
    assert (ended.result, restarts(hub)) == ("timed-out", [])


@pytest.mark.parametrize("how", ["a wait", "a dry run", "without a token", "without a health check"])
def test_who_does_not_heal_restarts_nothing(run, world, hub, how):
    """Only a wake that may write and was asked to look."""
    name = space(world, app=(AppAnswer(after=20, status=500),))
    given = {"health_check": "/"} if how != "without a health check" else {}
    given |= {"dry_run": "true"} if how == "a dry run" else {}
    run("wait" if how == "a wait" else "wake", name, stable_for="1m", timeout="5m", token=None if how == "without a token" else "hf_MarkedTokenOfTheTests123", **given)
    assert restarts(hub) == []


def test_a_restart_that_is_refused_leaves_the_failure(run, world, hub):
    """And is not asked for again."""
    hub.inject(Fault(Kind.STATUS, method="POST", path="/restart$", status=403, times=None))
    ended = run("wake", space(world, app=(AppAnswer(after=20, status=500),)), health_check="/", stable_for="1m", retries="3")
    assert (ended.status, ended.result, len(restarts(hub))) == (1, "failed", 1)
    assert "not restarted: the token lacks the right" in ended.log
    assert "RUNNING, but the app has not answered for 60 s" in ended.outputs["message"] and "more t" not in ended.outputs["message"]


GOAL = Goal(stages=frozenset({"RUNNING"}), began=0.0, deadline=900.0, before="RUNNING", commit="any", health=True, heals=True)


def look(at: float, problem: str | None = "500", stage: str | None = "RUNNING") -> Observation:
    return Observation(at=at, stage=stage, health_problem=problem)


@pytest.mark.parametrize(
    ("history", "due"),
    [
        ([look(0), look(30), look(60)], True),
        ([look(0), look(30), look(59)], False),
        ([look(0), look(30, ""), look(60)], False),
        ([look(0), look(30, None, "BUILDING"), look(60)], False),
        ([look(0), look(30, None, None), look(60)], True),  # that the Hub does not answer says nothing of the app
        ([look(0), look(60), look(70, None, None)], False),
        ([look(0), look(60), look(70, "")], False),
        ([], False),
    ],
)
def test_when_a_restart_is_due(history, due):
    """The app has been asked for all of `settle`, and never answered."""
    verdict = judge_health(GOAL, history)
    assert (verdict is not None) == due
    assert verdict is None or verdict.outcome is Outcome.FAILED
