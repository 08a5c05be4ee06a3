"""The post step puts back what the step changed, and only that."""

import json
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hf_action.hub.client import Hub
from hf_action.operations.undo import SavedState, load, plan
from hf_action.rules.models import SpaceRuntime
from hf_action.rules.outcomes import Cancelled
from hf_action.runner.github import Runner
from hf_action.runner.log import Log
from hf_action.step import StepRun
from simhub.faults import Fault, Kind
from simhub.world import Phase, Space
from tests.conftest import read_outputs


def memory(**about) -> SavedState:
    usual = {
        "space": "acme/gpu", "operation": "hardware", "stage": "RUNNING", "hardware": "cpu-basic", "sleep_time": 172800,
        "asked_hardware": "t4-small", "asked_sleep_time": None,
    }  # fmt: skip
    return SavedState(**(usual | about))


def now(stage: str = "RUNNING", flavor: str = "t4-small", sleep_time: int | None = None) -> SpaceRuntime:
    return SpaceRuntime(stage=stage, hardware=flavor, requested_hardware=flavor, sleep_time=sleep_time)


@pytest.mark.parametrize(
    ("before", "runtime", "hardware", "sleep_time", "pause"),
    [
        (memory(), now(), "cpu-basic", None, False),
        (memory(), now(flavor="a100-large"), None, None, False),
        (memory(hardware="t4-small"), now(), None, None, False),
        (memory(stage="PAUSED"), now(), "cpu-basic", None, True),
        (memory(stage="SLEEPING"), now(stage="RUNNING_BUILDING"), "cpu-basic", None, True),
        (memory(stage="PAUSED"), now(stage="PAUSED"), "cpu-basic", None, False),
        (memory(hardware="a10g-small", sleep_time=None, asked_sleep_time=900), now(sleep_time=900), "a10g-small", -1, False),
        (memory(asked_hardware=None, sleep_time=3600, asked_sleep_time=900), now(sleep_time=900), None, 3600, False),
        (memory(asked_hardware=None, sleep_time=3600, asked_sleep_time=900), now(sleep_time=60), None, None, False),
        (memory(asked_hardware=None, sleep_time=3600, asked_sleep_time=-1), now(sleep_time=None), None, 3600, False),
        (memory(operation="wake", asked_hardware=None, stage="SLEEPING"), now(), None, None, True),
        (memory(operation="restart", asked_hardware=None, stage="RUNNING"), now(), None, None, False),
        (memory(operation="restart", asked_hardware=None, stage="PAUSED"), now(stage="BUILD_ERROR"), None, None, True),
        (memory(operation="restart", asked_hardware=None, stage="PAUSED"), now(stage="DELETING"), None, None, False),
        (memory(operation="restart", asked_hardware=None, stage="SLEEPING"), now(stage="STOPPED"), None, None, False),
    ],
)
def test_what_is_put_back(before, runtime, hardware, sleep_time, pause):
    """Hardware and sleep time as they were unless somebody else has changed them since; at rest what was at rest."""
    undo_plan = plan(before, runtime)
    assert (undo_plan.hardware, undo_plan.sleep_time, undo_plan.pause) == (hardware, sleep_time, pause)


@pytest.mark.parametrize(
    ("before", "runtime", "note"),
    [
        (memory(), now(), "hardware back to cpu-basic"),
        (memory(), now(flavor="a100-large"), "hardware left alone: it is a100-large by now, not t4-small"),
        (memory(asked_hardware=None, sleep_time=3600, asked_sleep_time=900), now(sleep_time=900), "sleep time back to 3600 s"),
        (memory(asked_hardware=None, sleep_time=None, asked_sleep_time=900), now(sleep_time=900), "sleep time back to never"),
        (memory(asked_hardware=None, sleep_time=3600, asked_sleep_time=900), now(sleep_time=60), "sleep time left alone: somebody has changed it"),
        (memory(asked_hardware=None, stage="PAUSED"), now(), "paused again: it was PAUSED"),
        (memory(stage="SLEEPING"), now(), "hardware back to cpu-basic, paused again: it was SLEEPING"),
        (memory(asked_hardware=None), now(), "nothing to undo"),
    ],
)  # fmt: skip
def test_what_is_put_back_is_said(before, runtime, note):
    """The post step tells what it did, and what it left alone and why."""
    assert plan(before, runtime).note == note


def test_hardware_that_was_asked_for_counts_before_the_current_one():
    """A Space that is still moving to the hardware the step asked for is moved back."""
    moving = SpaceRuntime(stage="BUILDING", hardware="cpu-basic", requested_hardware="t4-small")
    assert plan(memory(), moving).hardware == "cpu-basic"
    assert plan(memory(), SpaceRuntime(stage="BUILDING", hardware="t4-small", requested_hardware="a100-large")).hardware is None
    assert plan(memory(), SpaceRuntime(stage="RUNNING", hardware="t4-small")).hardware == "cpu-basic"


def test_what_was_remembered_is_recalled():
    """The state of a step is what its post step gets."""
    assert load(json.dumps([asdict(memory()), asdict(memory(space="a/b", sleep_time=None))])) == [
        memory(), memory(space="a/b", sleep_time=None),
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["", "{", "5", "[5]", '[{"space": "a/b"}]', "null"])
def test_a_state_that_is_not_ours_says_so(text):
    """Somebody else's file, an older version's, or a broken one."""
    with pytest.raises(ValueError, match=r"^the saved state is not readable$"):
        load(text)


@given(st.text())
def test_a_state_that_is_not_ours_is_an_error_that_is_declared(text):
    """Whatever the file holds."""
    try:
        assert isinstance(load(text), list)
    except ValueError as error:
        assert str(error)


@pytest.fixture
def steps(run, hub, clock, tmp_path, monkeypatch, capsys):
    """Run a step and then its post step, as the runner does: state goes by way of a file into variables."""

    def steps(*words: str, between=lambda: None, **inputs: str):
        state = tmp_path / "GITHUB_STATE"
        state.write_text("")
        monkeypatch.setenv("GITHUB_STATE", str(state))
        monkeypatch.setenv("INPUT_SPACE-ID", words[1])
        main = run(*words, **inputs)
        between()
        for name, value in read_outputs(state).items():
            monkeypatch.setenv(f"STATE_{name}", value)
        runner = Runner()
        log = Log(clock=clock, runner=runner, began=clock.now())
        attempt = StepRun([], runner=runner, log=log, began=clock.now(), post=True)
        cancelled = False
        try:
            attempt.work()
        except Cancelled:
            cancelled = True
        return main, attempt.report(cancelled=cancelled), capsys.readouterr().out

    return steps


def test_hardware_goes_back(steps, world, hub):
    """What was asked for is undone, and the summary says so."""
    main, status, log = steps("hardware", "acme/demo", hardware="t4-small", commit="any", restore="true")
    assert (main.result, status, world.state("acme/demo").requested_hardware) == ("ok", 0, "cpu-basic")
    assert "hardware back to cpu-basic" in log


def test_a_sleep_time_goes_back(steps, world):
    """By itself, where the hardware was not touched."""
    world.add(Space(id="acme/gpu", hardware="t4-small", sleep_time=3600))
    _, status, log = steps("sleep-time", "acme/gpu", sleep_time="15m", restore="true")
    assert (status, world.runtime("acme/gpu")["gcTimeout"], "sleep time back to 3600 s" in log) == (0, 3600, True)


def test_without_a_place_for_it_nothing_is_kept(run, world, monkeypatch):
    """Outside of GitHub there is no post step; the operation itself works."""
    monkeypatch.delenv("GITHUB_STATE", raising=False)
    assert run("hardware", "acme/demo", hardware="t4-small", commit="any", restore="true").result == "ok"
    assert world.state("acme/demo").hardware == "t4-small"


def test_a_state_that_cannot_be_read_fails_the_post_step(run, hub, clock, monkeypatch, capsys):
    """It says so, and nothing is sent."""
    monkeypatch.setenv("STATE_restore", "nonsense")
    runner = Runner()
    attempt = StepRun([], runner=runner, log=Log(clock=clock, runner=runner, began=0.0), began=0.0, post=True)
    attempt.work()
    assert (attempt.report(cancelled=False), hub.requests) == (1, [])
    assert "the saved state is not readable" in capsys.readouterr().out


def test_a_woken_space_is_paused_again(steps, world):
    """Also where the step woke several."""
    for name in ("one", "two"):
        world.add(Space(id=f"acme/{name}", stage="SLEEPING", commit=None))
    steps("wake", "acme/one acme/two", restore="true")
    assert {world.state(f"acme/{name}").stage for name in ("one", "two")} == {"PAUSED"}


def test_what_somebody_else_changed_is_left_alone(steps, world, hub):
    """The post step looks first."""
    change = lambda: world.request_hardware("acme/demo", flavor="a10g-small")  # noqa: E731
    _, status, log = steps("hardware", "acme/demo", hardware="t4-small", commit="any", restore="true", between=change)
    assert (status, world.state("acme/demo").requested_hardware, "left alone" in log) == (0, "a10g-small", True)


def test_without_restore_nothing_is_kept_and_nothing_undone(steps, world, hub):
    """The post step of most steps does nothing at all."""
    _, status, log = steps("hardware", "acme/demo", hardware="t4-small", commit="any")
    assert (status, world.state("acme/demo").requested_hardware) == (0, "t4-small")
    assert log == ""


def test_a_change_whose_answer_was_lost_is_undone_too(steps, world, hub):
    """The state is saved before the write is sent."""
    hub.inject(Fault(kind=Kind.RESET_AFTER, method="POST", path="/hardware"))
    steps("hardware", "acme/demo", hardware="t4-small", wait_for_stage="none", restore="true")
    assert world.state("acme/demo").requested_hardware == "cpu-basic"


def test_a_space_that_cannot_be_put_back_fails_the_post_step_but_not_the_others(steps, world, hub):
    """Each is tried."""
    for name in ("one", "two"):
        world.add(Space(id=f"acme/{name}", stage="SLEEPING", commit=None))
    block = lambda: hub.inject(Fault(kind=Kind.STATUS, status=403, method="POST", path="one/pause"))  # noqa: E731
    _, status, _ = steps("wake", "acme/one acme/two", restore="true", between=block)
    assert (status, world.state("acme/two").stage) == (3, "PAUSED")


@pytest.mark.parametrize("fault", [Fault(kind=Kind.RESET_AFTER, method="POST"), Fault(kind=Kind.STATUS, method="POST"), Fault(kind=Kind.RESET_BEFORE, method="POST")])
def test_an_undoing_whose_answer_is_lost_is_looked_for(fault, steps, world, hub):
    """What has had no effect is sent again, and only that: else a paid Space would go on running."""
    world.add(Space(id="acme/one", stage="SLEEPING", hardware="t4-small", commit=None))
    posts = lambda: sum(request.method == "POST" for request in hub.requests)  # noqa: E731
    before = []
    between = lambda: (hub.inject(fault), before.append(posts()))  # noqa: E731
    _, status, log = steps("wake", "acme/one", restore="true", between=between)
    assert (status, world.state("acme/one").stage) == (0, "PAUSED")
    assert posts() - before[0] == (1 if fault.kind is Kind.RESET_AFTER else 2)
    assert "looking for an effect" in log and "paused again: it was SLEEPING" in log


def test_an_undoing_without_an_answer_ends(steps, world, hub, clock):
    """After five minutes, and it says so."""
    world.add(Space(id="acme/one", stage="SLEEPING", commit=None))
    between = lambda: hub.inject(Fault(kind=Kind.STATUS, method="POST", times=None))  # noqa: E731
    _, status, log = steps("wake", "acme/one", restore="true", between=between)
    assert (status, "acme/one: unreachable: the Hub answered 503" in log) == (5, True)


def test_a_signal_in_the_post_step_tells_what_was_put_back_and_what_not(steps, world, hub, monkeypatch):
    """What was done is not denied."""
    for name in ("one", "two"):
        world.add(Space(id=f"acme/{name}", stage="SLEEPING", commit=None))
    real = Hub.pause

    def pause(hub, space):
        if space == "acme/two":
            raise Cancelled
        return real(hub, space)

    monkeypatch.setattr(Hub, "pause", pause)
    _, status, log = steps("wake", "acme/one acme/two", restore="true", max_parallel="1")
    assert status == 130
    assert "acme/one: ok: paused again: it was SLEEPING" in log
    assert "acme/two: cancelled: cancelled before it was known to be put back" in log


def test_the_state_holds_no_token(steps, tmp_path):
    """It lies in a file until the job ends."""
    steps("hardware", "acme/demo", hardware="t4-small", commit="any", restore="true")
    saved = json.loads(read_outputs(tmp_path / "GITHUB_STATE")["restore"])
    assert saved[0]["hardware"] == "cpu-basic" and "hf_" not in json.dumps(saved)


def test_the_post_step_needs_no_fleet_file(steps, world, tmp_path, monkeypatch):
    """The job may have cleaned the workspace by then; what was changed stands in the state."""
    fleet = tmp_path / "fleet.yml"
    fleet.write_text("spaces: [acme/demo]\n")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    monkeypatch.setenv("INPUT_FLEET-FILE", "fleet.yml")
    _, status, _ = steps("hardware", "acme/demo", hardware="t4-small", commit="any", restore="true", between=fleet.unlink)
    assert (status, world.state("acme/demo").requested_hardware) == (0, "cpu-basic")


def test_the_summary_of_a_restore_shows_the_way_back(steps, world, tmp_path):
    """From what the step had asked for to what was there before."""
    world.add(Space(id="acme/slow", scripts={"hardware": (Phase(0, "RUNNING_BUILDING"),)}))
    steps("hardware", "acme/slow", hardware="t4-small", wait_for_stage="none", restore="true")
    assert "t4-small ($0.40/h) → cpu-basic" in (tmp_path / "GITHUB_STEP_SUMMARY").read_text()
