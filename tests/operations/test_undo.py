"""The post step puts back what the step changed, and only that."""

import base64
import inspect
import json
import signal
import threading
import zlib
from dataclasses import astuple

import pytest
from huggingface_hub import HfApi
from hypothesis import given
from hypothesis import strategies as st

from hf_action.clock import Budget
from hf_action.hub.client import Hub
from hf_action.operations import undo
from hf_action.operations.undo import MAX_STATE_BYTES, Restore, dump, load
from hf_action.rules.models import NEVER, SpaceRuntime
from hf_action.rules.operations import OPERATIONS, SavedState, pause, request_hardware, restart, set_sleep_time
from hf_action.rules.outcomes import Cancelled
from hf_action.runner.github import Runner
from hf_action.runner.log import Log
from hf_action.step import StepRun
from simhub.faults import Fault, Kind
from simhub.world import Phase, Space
from tests.conftest import read_outputs
from tests.support.processes import PATIENCE, wait_for


def saved(**about) -> SavedState:
    usual = {
        "space": "acme/gpu", "operation": "hardware", "paused": False, "hardware": "cpu-basic", "sleep_time": 172800,
        "asked_hardware": "t4-small", "asked_sleep_time": None,
    }  # fmt: skip
    return SavedState(**(usual | about))


def sleeper(**about) -> SavedState:
    return saved(**({"operation": "sleep-time", "hardware": "t4-small", "asked_hardware": None} | about))


def woken(**about) -> SavedState:
    return saved(**({"operation": "restart", "asked_hardware": None, "paused": True} | about))


def now(stage: str = "RUNNING", flavor: str = "t4-small", sleep_time: int | None = NEVER) -> SpaceRuntime:
    return SpaceRuntime(stage=stage, hardware=flavor, requested_hardware=flavor, sleep_time=sleep_time)


def plan(state: SavedState, runtime: SpaceRuntime) -> tuple[list[tuple], str]:
    """What is sent, and what is said of it."""
    done = [found for part in OPERATIONS[state.operation].undo if (found := part(state, runtime))]
    sent = [(one.write.name, *one.write.arguments.values()) for one in done if one.write]
    return sent, ", ".join(one.note for one in done)


@pytest.mark.parametrize(
    ("before", "runtime", "sent", "note"),
    [
        (saved(), now(), [("hardware", "cpu-basic")], "hardware back to cpu-basic"),
        (saved(), now(flavor="a100-large"), [], "hardware left alone: it is a100-large by now, not t4-small"),
        (saved(), now(flavor="cpu-basic"), [], "the hardware is cpu-basic again already"),
        (saved(hardware="t4-small"), now(), [], ""),
        (saved(hardware=None), now(), [], ""),
        (saved(paused=True), now(), [("hardware", "cpu-basic"), ("pause",)], "hardware back to cpu-basic, paused again"),
        (saved(paused=True), now(stage="PAUSED"), [("hardware", "cpu-basic")], "hardware back to cpu-basic"),
        # Other hardware begins with a sleep time of its own, so the old one is asked for with the old hardware.
        (saved(hardware="a10g-small", sleep_time=3600), now(), [("hardware", "a10g-small", 3600)], "hardware back to a10g-small"),
        (saved(hardware="a10g-small", sleep_time=NEVER, asked_sleep_time=900), now(sleep_time=900), [("hardware", "a10g-small", NEVER)], "hardware back to a10g-small"),
        # What a listing did not say is not known, and is not set to never.
        (saved(hardware="a10g-small", sleep_time=None), now(), [("hardware", "a10g-small")], "hardware back to a10g-small"),
        (saved(hardware="t4-small", sleep_time=3600, asked_sleep_time=900), now(sleep_time=900), [("sleep-time", 3600)], "sleep time back to 3600 s"),
        (sleeper(sleep_time=3600, asked_sleep_time=900), now(sleep_time=900), [("sleep-time", 3600)], "sleep time back to 3600 s"),
        (sleeper(sleep_time=NEVER, asked_sleep_time=900), now(sleep_time=900), [("sleep-time", NEVER)], "sleep time back to never"),
        (sleeper(sleep_time=3600, asked_sleep_time=NEVER), now(), [("sleep-time", 3600)], "sleep time back to 3600 s"),
        (sleeper(sleep_time=3600, asked_sleep_time=900), now(sleep_time=60), [], "sleep time left alone: somebody has changed it"),
        (sleeper(sleep_time=3600, asked_sleep_time=900), now(sleep_time=3600), [], "the sleep time is as it was already"),
        (sleeper(sleep_time=None, asked_sleep_time=900), now(sleep_time=900), [], ""),
        (sleeper(sleep_time=900, asked_sleep_time=900), now(sleep_time=900), [], ""),
        (woken(operation="wake"), now(), [("pause",)], "paused again"),
        (woken(), now(stage="BUILD_ERROR"), [("pause",)], "paused again"),
        (woken(), now(stage="RUNNING_BUILDING"), [("pause",)], "paused again"),
        (woken(), now(stage="DELETING"), [], ""),
        (woken(), now(stage="SLEEPING"), [], ""),
        (woken(paused=False), now(), [], ""),
    ],
)  # fmt: skip
def test_what_is_put_back(before, runtime, sent, note):
    """Hardware and sleep time as they were unless somebody else has changed them since; paused what was paused."""
    assert plan(before, runtime) == (sent, note)


def test_hardware_that_was_asked_for_counts_before_the_current_one():
    """A Space that is still moving to the hardware the step asked for is moved back."""
    moving = SpaceRuntime(stage="BUILDING", hardware="cpu-basic", requested_hardware="t4-small")
    assert plan(saved(), moving)[0] == [("hardware", "cpu-basic")]
    assert plan(saved(), SpaceRuntime(stage="BUILDING", hardware="t4-small", requested_hardware="a100-large"))[0] == []
    assert plan(saved(), SpaceRuntime(stage="RUNNING", hardware="t4-small"))[0] == [("hardware", "cpu-basic")]


def test_every_operation_that_can_be_undone_is_undone_by_writes_of_the_hub():
    """A row names functions that huggingface_hub has."""
    writes = [restart(), pause(), request_hardware("t4-small", 60), set_sleep_time(60)]
    for write in writes:
        assert set(write.arguments) <= set(inspect.signature(getattr(HfApi, write.function)).parameters), write.name


def test_what_was_saved_is_loaded():
    """The state of a step is what its post step gets."""
    states = [saved(), saved(space="a/b", sleep_time=None), sleeper(), woken()]
    assert load(dump(states)) == states
    assert load(dump([])) == []


@pytest.mark.parametrize("row", [5, [], ["a/b"], ["a/b", "hardware", 1, None, None, None, None], ["a/b", "explode", False, None, None, None, None], None])
def test_one_odd_row_costs_no_other_its_undo(row):
    """It is left out."""
    packed = base64.b64encode(zlib.compress(json.dumps([row, list(astuple(saved()))]).encode())).decode()
    assert load(packed) == [saved()]


def test_thousands_of_spaces_fit():
    """What GitHub hands over may have 128 KiB; here every Space has another name and other times."""
    states = [saved(space=f"some-organization/space-number-{number * 7919 % 100003}", sleep_time=number) for number in range(3000)]
    assert len(dump(states)) < MAX_STATE_BYTES


def test_what_would_not_fit_is_refused_before_the_first_write(run, world, hub, tmp_path, monkeypatch):
    """Else the post step would never start, and paid hardware would stay on."""
    monkeypatch.setattr(undo, "MAX_STATE_BYTES", 100)
    monkeypatch.setenv("GITHUB_STATE", str(tmp_path / "state"))
    for number in range(20):
        world.add(Space(id=f"acme/gpu-{number}"))
    ended = run("hardware", "acme/gpu-*", hardware="t4-small", restore="true")
    assert (ended.status, ended.result, [request.method for request in hub.requests if request.method != "GET"]) == (1, "failed", [])
    assert "Use limit, or a matrix, so that a step has fewer Spaces" in ended.spaces[0]["message"]


@pytest.mark.parametrize("text", ["", "{", "5", "[5]", "bm9uc2Vuc2U=", "null", base64.b64encode(zlib.compress(b"5")).decode(), base64.b64encode(zlib.compress(b"[" * 99999)).decode()])
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


def test_restore_without_a_post_step_is_a_mistake(run, hub, monkeypatch):
    """Outside of GitHub nothing would be undone, so nothing is done."""
    monkeypatch.delenv("GITHUB_STATE", raising=False)
    ended = run("hardware", "acme/demo", hardware="t4-small", commit="any", restore="true")
    assert (ended.result, ended.status, hub.requests) == ("invalid-input", 2, [])
    assert "restore: needs a post step" in ended.log


def test_a_state_that_cannot_be_read_fails_the_post_step(run, hub, clock, monkeypatch, capsys):
    """It says so, and nothing is sent."""
    monkeypatch.setenv("STATE_restore", "nonsense")
    runner = Runner()
    attempt = StepRun([], runner=runner, log=Log(clock=clock, runner=runner, began=0.0), began=0.0, post=True)
    attempt.work()
    assert (attempt.report(cancelled=False), hub.requests) == (1, [])
    assert "the saved state is not readable" in capsys.readouterr().err


def test_a_woken_space_is_paused_again(steps, world):
    """Also where the step woke several."""
    for name in ("one", "two"):
        world.add(Space(id=f"acme/{name}", stage="PAUSED", commit=None))
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


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_a_change_that_was_refused_is_not_undone(status, steps, world, hub):
    """Else a Space that a colleague has started meanwhile would be paused."""
    world.add(Space(id="acme/one", stage="PAUSED", commit=None))
    hub.inject(Fault(kind=Kind.STATUS, status=status, method="POST", path="one/restart"))
    main, status, log = steps("restart", "acme/one", restore="true", between=lambda: world.restart("acme/one"))
    assert (main.status > 0, status, world.state("acme/one").stage != "PAUSED", "paused" in log) == (True, 0, True, False)


def test_a_space_that_slept_is_left_to_fall_asleep(steps, world):
    """Its own sleep time sees to it."""
    world.add(Space(id="acme/one", stage="SLEEPING", hardware="t4-small", commit=None))
    steps("wake", "acme/one", restore="true")
    assert world.state("acme/one").stage == "RUNNING"


def test_one_space_that_does_not_answer_costs_the_others_nothing(steps, world, hub, clock):
    """GitHub ends everything five minutes after a cancel."""
    for name in ("one", "two", "three"):
        world.add(Space(id=f"acme/{name}", stage="PAUSED", commit=None))
    block = lambda: hub.inject(Fault(kind=Kind.STATUS, status=503, method="GET", path="acme/one$", times=None))  # noqa: E731
    _, status, _ = steps("wake", "acme/one acme/two acme/three", restore="true", between=block)
    assert (status, world.state("acme/two").stage, world.state("acme/three").stage) == (5, "PAUSED", "PAUSED")


def test_a_change_whose_answer_was_lost_is_undone_too(steps, world, hub):
    """The state is saved before the write is sent."""
    hub.inject(Fault(kind=Kind.RESET_AFTER, method="POST", path="/hardware"))
    steps("hardware", "acme/demo", hardware="t4-small", wait_for_stage="none", restore="true")
    assert world.state("acme/demo").requested_hardware == "cpu-basic"


def test_a_space_that_cannot_be_put_back_fails_the_post_step_but_not_the_others(steps, world, hub):
    """Each is tried."""
    for name in ("one", "two"):
        world.add(Space(id=f"acme/{name}", stage="PAUSED", commit=None))
    block = lambda: hub.inject(Fault(kind=Kind.STATUS, status=403, method="POST", path="one/pause"))  # noqa: E731
    _, status, _ = steps("wake", "acme/one acme/two", restore="true", between=block)
    assert (status, world.state("acme/two").stage) == (3, "PAUSED")


@pytest.mark.parametrize("fault", [Fault(kind=Kind.RESET_AFTER, method="POST"), Fault(kind=Kind.STATUS, method="POST"), Fault(kind=Kind.RESET_BEFORE, method="POST")])
def test_an_undoing_whose_answer_is_lost_is_looked_for(fault, steps, world, hub):
    """What has had no effect is sent again, and only that: else a paid Space would go on running."""
    world.add(Space(id="acme/one", stage="PAUSED", hardware="t4-small", commit=None))
    posts = lambda: sum(request.method == "POST" for request in hub.requests)  # noqa: E731
    before = []
    between = lambda: (hub.inject(fault), before.append(posts()))  # noqa: E731
    _, status, log = steps("wake", "acme/one", restore="true", between=between)
    assert (status, world.state("acme/one").stage) == (0, "PAUSED")
    assert posts() - before[0] == (1 if fault.kind is Kind.RESET_AFTER else 2)
    assert "looking for an effect" in log and "paused again" in log


def test_an_effect_is_looked_for_again_where_a_look_has_no_answer(steps, world, hub):
    """A Hub that is unwell when it loses an answer is often unwell for the next question, too."""
    world.add(Space(id="acme/one", stage="PAUSED", hardware="t4-small", commit=None))
    faults = (Fault(kind=Kind.RESET_AFTER, method="POST"), Fault(kind=Kind.STATUS, status=503, path="one/runtime$", times=2))
    _, status, _ = steps("wake", "acme/one", restore="true", between=lambda: [hub.inject(fault) for fault in faults])
    assert (status, world.state("acme/one").stage, sum(one.path.endswith("/pause") for one in hub.requests)) == (0, "PAUSED", 1)


def test_an_undoing_without_an_answer_ends(steps, world, hub, clock):
    """After five minutes, and it says so."""
    world.add(Space(id="acme/one", stage="PAUSED", commit=None))
    between = lambda: hub.inject(Fault(kind=Kind.STATUS, method="POST", times=None))  # noqa: E731
    _, status, log = steps("wake", "acme/one", restore="true", between=between)
    assert (status, "acme/one: unreachable: the Hub answered 503" in log) == (5, True)


def test_a_signal_in_the_post_step_tells_what_was_put_back_and_what_not(steps, world, hub, monkeypatch):
    """What was done is not denied."""
    for name in ("one", "two"):
        world.add(Space(id=f"acme/{name}", stage="PAUSED", commit=None))
    real, begin, over, undoing = Hub.send, Restore.__init__, threading.Event(), []

    def send(hub, write, space):
        if write.name != "pause":
            return real(hub, write, space)
        if space == "acme/two":
            wait_for(lambda: "acme/one" in undoing[0]._done)
            signal.pthread_kill(threading.main_thread().ident, signal.SIGUSR1)
            over.wait(PATIENCE)
            raise InterruptedError  # which nobody hears any more
        return real(hub, write, space)

    def cancel(*_):
        raise Cancelled

    def noted(undo, **about):
        undoing.append(undo)
        begin(undo, **about)

    before = signal.signal(signal.SIGUSR1, cancel)
    monkeypatch.setattr(Hub, "send", send)
    monkeypatch.setattr(Restore, "__init__", noted)
    _, status, log = steps("wake", "acme/one acme/two", restore="true")
    over.set()
    assert status == 130
    assert "acme/one: ok: paused again" in log
    assert "acme/two: cancelled: cancelled before it was known to be put back" in log
    signal.signal(signal.SIGUSR1, before)


def test_a_space_that_is_sent_two_writes_is_kept_once(steps, world, tmp_path):
    """As it was before the first of them."""
    world.add(Space(id="acme/one", stage="PAUSED", commit=None))
    main, status, _ = steps("restart", "acme/one", factory_reboot="true", commit="any", restore="true")
    assert (main.result, status, world.state("acme/one").stage) == ("ok", 0, "PAUSED")
    assert (tmp_path / "GITHUB_STATE").read_text().count("restore") == 1


def test_what_was_put_back_is_told_where_the_rest_is_refused(steps, world, hub):
    """The first part of an undo is not denied by the end of the second."""
    world.add(Space(id="acme/one", stage="PAUSED", commit=None))
    block = lambda: hub.inject(Fault(kind=Kind.STATUS, status=403, method="POST", path="/pause", times=None))  # noqa: E731
    _, status, log = steps("hardware", "acme/one", hardware="t4-small", wait_for_stage="none", restore="true", between=lambda: (block(), world.restart("acme/one")))
    assert (status, "acme/one: denied: hardware back to cpu-basic; then " in log) == (3, True), log


def test_what_was_not_come_to_has_no_result_without_an_ending(clock):
    """Nobody says of a Space what nobody knows."""
    log = Log(clock=clock, runner=Runner(), began=0.0)
    undo = Restore(states=[saved()], endpoint="https://hub.example", hub=None, clock=clock, log=log, budget=Budget(0.0))
    assert undo.results(None) == ()


def test_the_state_holds_no_token(steps, tmp_path):
    """It lies in a file until the job ends."""
    steps("hardware", "acme/demo", hardware="t4-small", commit="any", restore="true")
    (state,) = load(read_outputs(tmp_path / "GITHUB_STATE")["restore"])
    assert state.hardware == "cpu-basic" and "hf_" not in repr(state)


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
