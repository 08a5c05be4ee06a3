"""A failure that is the Hub's own fault is worth another restart; what is the app's fault is not."""

import pytest

from hf_action.rules.outcomes import Outcome
from hf_action.rules.retrying import has_time, may_retry, pause
from hf_action.rules.waiting import Verdict
from simhub.faults import Fault, Kind
from simhub.world import HEAD, REQUESTED, Phase, Space
from tests.conftest import NEW

NO_MACHINE = "Scheduling failure: unable to schedule"
FAULT = (Phase(1, "BUILDING"), Phase(5, "RUNTIME_ERROR", commit=None, error=NO_MACHINE))
WELL = (Phase(1, "BUILDING"), Phase(5, "RUNNING", commit=HEAD))


def space(world, *lives, **about) -> str:
    """Add a Space whose restarts lead to one after the other of the `lives`."""
    world.add(Space(**({"id": "acme/other", "commit": NEW, "head": NEW, "scripts": Lives(lives)} | about)))
    return "acme/other"


class Lives(dict):
    """Scripts of which each restart takes the next."""

    def __init__(self, lives) -> None:
        self.lives = list(lives)
        super().__init__(restart=(), factory=())

    def __getitem__(self, event):
        return self.lives.pop(0) if len(self.lives) > 1 else self.lives[0]


def restarts(hub) -> list[str]:
    return [request.query for request in hub.requests if request.path.endswith("/restart")]


def test_it_is_restarted_again(run, world, hub):
    """Once by default, after half a minute, and the step says so."""
    ended = run("restart", space(world, FAULT, WELL))
    assert (ended.result, len(restarts(hub))) == ("ok", 2)
    assert "no-hardware-free is the Hub's fault; trying again in 30 s (1 of 1)" in ended.log
    assert "RUNNING on commit 1111111, after 1 more try" in ended.outputs["message"]
    assert "after 1 more try" in ended.summary
    stages = [moment["stage"] for moment in ended.spaces[0]["timeline"]]
    assert stages == ["RUNNING", "BUILDING", "RUNTIME_ERROR", "BUILDING", "RUNNING"]
    at = [moment["at"] for moment in ended.spaces[0]["timeline"]]
    assert at[3] - at[2] >= 30


@pytest.mark.parametrize(("retries", "tries"), [("0", 1), ("1", 2), ("3", 4)])
def test_it_is_tried_so_often(run, world, hub, retries, tries):
    """And then it has failed."""
    ended = run("restart", space(world, FAULT), retries=retries)
    assert (ended.result, len(restarts(hub)), ended.outputs["blame"]) == ("failed", tries, "hub")
    assert ("more t" in ended.outputs["message"]) == (tries > 1)


def test_the_pauses_grow(run, world, hub):
    """30 s, 60 s, ... at most five minutes."""
    ended = run("restart", space(world, FAULT), retries="5", timeout="1h")
    assert [int(line.partition(" again in ")[2].split(" s")[0]) for line in ended.log.splitlines() if "trying again" in line] == [30, 60, 120, 240, 300]


def test_there_must_be_time_for_it(run, world, hub):
    """The budget is never passed."""
    ended = run("restart", space(world, FAULT), timeout="40s")
    assert (ended.result, len(restarts(hub))) == ("failed", 1)
    assert "the Hub's fault, but there is no time left to try again" in ended.log
    assert ended.elapsed < 40


def test_a_space_has_a_budget_of_its_own(run, world, hub, tmp_path):
    """The step's is no leave to restart what nobody would wait for."""
    space(world, FAULT)
    (tmp_path / "fleet.yml").write_text("spaces:\n  - id: acme/other\n    timeout: 40s\n    retries: 3\n")
    ended = run("restart", fleet_file="fleet.yml", env={"GITHUB_WORKSPACE": str(tmp_path)}, timeout="20m")
    assert (ended.result, len(restarts(hub))) == ("failed", 1)
    assert "the Hub's fault, but there is no time left to try again" in ended.log


@pytest.mark.parametrize("error", ["ModuleNotFoundError: No module named 'gradoi'", "Container exited"])
def test_the_fault_of_the_app_is_never_tried_again(run, world, hub, error):
    """It would fail again."""
    ended = run("restart", space(world, (Phase(1, "BUILDING"), Phase(5, "RUNTIME_ERROR", commit=None, error=error))), retries="5")
    assert (ended.result, len(restarts(hub))) == ("failed", 1)


def test_a_wait_restarts_nothing(run, world, hub):
    """It changes nothing."""
    world.add(Space(id="acme/other", commit=None, head=NEW, stage="BUILDING", timeline=FAULT))
    ended = run("wait", "acme/other")
    assert (ended.result, restarts(hub)) == ("failed", [])


def test_a_factory_reboot_is_one_again(run, world, hub):
    """What was asked for is asked for again."""
    run("restart", space(world, FAULT, WELL), factory_reboot="true")
    assert restarts(hub) == ["factory=true", "factory=true"]


def test_a_wake_restarts_again(run, world, hub):
    """As a restart does."""
    ended = run("wake", space(world, FAULT, WELL, stage="PAUSED", commit=None))
    assert (ended.result, len(restarts(hub))) == ("ok", 2)


def test_other_hardware_is_asked_for_once(run, world, hub):
    """Afterwards a plain restart is all it takes."""
    well = (Phase(1, "BUILDING"), Phase(5, "RUNNING", commit=HEAD, hardware=REQUESTED))
    world.add(Space(id="acme/other", commit=NEW, head=NEW, scripts={"hardware": FAULT, "restart": well}))
    ended = run("hardware", "acme/other", hardware="t4-small", factory_reboot="true")
    assert (ended.result, ended.outputs["hardware"], restarts(hub)) == ("ok", "t4-small", [""])
    assert sum(request.path.endswith("/hardware") and request.method == "POST" for request in hub.requests) == 1


def test_one_that_has_moved_by_itself_is_not_restarted(run, world, hub):
    """What decides is a look of now."""
    moved = (*FAULT, Phase(30, "BUILDING"), Phase(60, "RUNNING", commit=HEAD))
    ended = run("restart", space(world, moved))
    assert (ended.result, len(restarts(hub))) == ("ok", 1)


def test_a_restart_that_is_refused_leaves_the_failure(run, world, hub):
    """With the cause that it had, once."""
    hub.inject(Fault(Kind.STATUS, method="POST", path="/restart$", status=403, skip=1, times=None))
    ended = run("restart", space(world, FAULT), retries="3")
    assert (ended.result, ended.outputs["blame"], len(restarts(hub))) == ("failed", "hub", 2)
    assert "not restarted: the token lacks the right" in ended.log
    assert "after 1 more try" in ended.outputs["message"]
    assert ended.outputs["message"].count("unable to schedule") == 1


def test_of_many_only_those_that_failed_are_restarted_again(run, world, hub):
    """And the others are left alone."""
    space(world, FAULT, WELL)
    world.add(Space(id="acme/bad", commit=NEW, head=NEW, scripts={"restart": (Phase(1, "BUILDING"), Phase(5, "BUILD_ERROR", error="x"))}))
    ended = run("restart", "acme/other", "acme/bad", "acme/demo")
    assert {row["id"]: row["result"] for row in ended.spaces} == {"acme/other": "ok", "acme/bad": "failed", "acme/demo": "ok"}
    assert len(restarts(hub)) == 4


HUB = Verdict(Outcome.FAILED, "x", blame="hub")


@pytest.mark.parametrize(
    ("verdict", "operation", "restarts", "expected"),
    [
        (HUB, "restart", 0, True),
        (HUB, "wake", 1, True),
        (HUB, "hardware", 1, True),
        (HUB, "restart", 2, False),
        (HUB, "wait", 0, False),
        (HUB, "pause", 0, False),
        (Verdict(Outcome.FAILED, "x", blame="app"), "restart", 0, False),
        (Verdict(Outcome.TIMED_OUT, "x", blame="hub"), "restart", 0, False),
    ],
)
def test_when_a_restart_may_help(verdict, operation, restarts, expected):
    """Two retries are asked for here."""
    assert may_retry(verdict, operation=operation, restarts=restarts, retries=2) == expected


def test_how_long_it_is_waited():
    """And that there is a second left for the restart."""
    assert [pause(number) for number in range(6)] == [30, 60, 120, 240, 300, 300]
    assert (has_time(0, left=31.5), has_time(0, left=31.0)) == (True, False)


def test_a_change_that_is_refused_for_want_of_machines_is_sent_again(run, world, hub):
    """There was nothing to restart yet."""
    no_machine = {"error": "No hardware available for t4-small"}
    hub.inject(Fault(Kind.STATUS, method="POST", path="/hardware$", status=400, body=no_machine))
    world.add(Space(id="acme/other", commit=NEW, head=NEW))
    ended = run("hardware", "acme/other", hardware="t4-small")
    assert (ended.result, ended.outputs["hardware"], restarts(hub)) == ("ok", "t4-small", [])
    assert "after 1 more try" in ended.outputs["message"]
