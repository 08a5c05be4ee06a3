"""What changes between two looks, by somebody else or at the Hub, is met where it is found."""

import re

import pytest

from simhub.faults import Fault, Kind
from simhub.world import HEAD, Phase, Space
from tests.conftest import NEW, OLD
from tests.operations.test_operations import STALE, writes


def test_two_names_of_one_space_are_one_space(run, world, hub):
    """Its old name leads to it; it is restarted and counted once, and the log says so."""
    world.add(Space(id="acme/old", head=NEW))
    world.rename("acme/old", "acme/new")
    ended = run("restart", "acme/old", "acme/new", wait_for_stage="none", max_parallel="1")
    assert (ended.result, writes(hub)) == ("ok", ["restart"])
    assert [one["result"] for one in ended.spaces] == ["ok"]
    assert re.search("skipped: is acme/(old|new), which counts once", ended.log), ended.log


def test_a_space_that_is_renamed_while_it_is_waited_for(run, world):
    """The wait goes on under the new name, and the log tells it once."""
    world.add(Space(id="acme/other", commit=OLD, head=NEW, scripts={"restart": STALE}))
    world.rename("acme/other", "acme/new", after=20)
    ended = run("restart", "acme/other", logs="never")
    assert (ended.result, ended.outputs["space-id"]) == ("ok", "acme/new")
    assert ended.log.count("is called acme/new by now") == 1


def test_a_commit_that_nobody_could_ask_for_is_waited_for(run, hub, world):
    """Whether the repository knows it is asked again with the next look."""
    world.add(Space(id="acme/other", commit=OLD, head=NEW, timeline=(Phase(20, "RUNNING_BUILDING"), Phase(50, "RUNNING", commit=HEAD)), past=(OLD,)))
    hub.inject(Fault(kind=Kind.STATUS, status=404, path="/commits/", times=1))
    ended = run("wait", "acme/other", commit="f" * 40, timeout="2m")
    assert (ended.result, ended.log.count("its repository does not know commit fffffff")) == ("timed-out", 1), ended.log


@pytest.mark.parametrize(
    ("about", "told"),
    [
        ({"stage": "SLEEPING", "commit": None}, "a visit"),
        ({"stage": "PAUSED", "commit": None}, "restart"),
        ({"stage": "RUNNING", "app": (Phase(0, "502"),)}, "restart"),
    ],
)
def test_a_dry_run_of_wake_says_what_would_help(run, world, hub, about, told):
    """The least that helps, and nothing is sent."""
    world.add(Space(id="acme/other", head=NEW, **about))
    ended = run("wake", "acme/other", dry_run="true", health_check="/")
    assert (ended.result, writes(hub), told in ended.log) == ("planned", [], True), ended.log


def test_a_space_that_somebody_else_wakes_gets_no_restart(run, world, hub):
    """A restart that was not taken is not sent again where the next look finds it running."""
    world.add(Space(id="acme/other", stage="PAUSED", commit=None, head=NEW, timeline=(Phase(0.5, "RUNNING", commit=HEAD),)))
    hub.inject(Fault(kind=Kind.STATUS, method="POST", status=429))
    ended = run("wake", "acme/other")
    assert (ended.result, writes(hub)) == ("unchanged", ["restart"]), ended.log


def test_a_detour_that_appears_after_a_visit_ends_at_once(run, world, hub):
    """Waiting does not change where the Hub sends its clients."""
    world.add(Space(id="acme/other", stage="SLEEPING", commit=None, head=NEW))
    hub.inject(Fault(kind=Kind.REDIRECT, path="/runtime$", location="https://elsewhere.example/", times=None))
    ended = run("wake", "acme/other", timeout="10m")
    assert (ended.result, ended.elapsed < 30, writes(hub)) == ("unreachable", True, []), ended.log


def test_a_selected_space_that_the_hub_stopped_says_why(run, world, hub):
    """A Space that nobody named is left alone when it rests, and what the Hub says of it is told."""
    world.add(Space(id="acme/stopped", stage="PAUSED", commit=None, error="Flagged as abusive", head=NEW))
    ended = run("restart", "acme/s*", wait_for_stage="none")
    assert (ended.result, writes(hub), "Flagged as abusive" in ended.log) == ("skipped", [], True), ended.log


def test_a_selected_space_that_rests_is_left_alone(run, world, hub):
    """Its owner has paused it, so who wants it restarted names it."""
    world.add(Space(id="acme/stopped", stage="PAUSED", commit=None, head=NEW))
    ended = run("restart", "acme/s*", wait_for_stage="none")
    assert (ended.result, writes(hub)) == ("skipped", []), ended.log


def test_what_is_there_but_not_held_for_long_has_no_log_to_read(run, world):
    """Where the budget ends with a Space in the stage asked for, no log tells why it was not reached."""
    ended = run("wait", "acme/demo", commit="any", stable_for="5m", timeout="1m", logs="on-failure")
    assert (ended.result, "run log" in ended.log) == ("timed-out", False), ended.log
