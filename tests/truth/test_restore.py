"""3. A restore that does harm, or nothing."""

import threading

import pytest

from hf_action.hub.client import Hub
from hf_action.operations.undo import MAX_STATE_BYTES
from hf_action.rules.outcomes import Unreachable
from hf_action.runner.github import Runner
from hf_action.runner.log import Log
from hf_action.step import StepRun
from simhub.faults import Fault, Kind
from simhub.world import HEAD, Event, Phase
from tests.conftest import read_outputs
from tests.support.network import PATIENCE
from tests.truth.cells import again, cell, fault, given, inputs, is_right, space, spaces, writes

PAUSED = {"stage": "PAUSED", "commit": None}
ASLEEP = {"stage": "SLEEPING", "commit": None}
LAZY = {"hardware": "t4-small", "sleep_time": 3600}
NO_RIGHT = (403, "You don't have the required permissions to complete this action")
RESTART = "restart acme/demo restore=true"
T4 = "hardware acme/demo hardware=t4-small commit=any restore=true"


@pytest.fixture
def both(run, world, hub, clock, tmp_path, monkeypatch, capsys):
    """Run a step and then its post step, as the runner does; return the step, the post step's status and its log."""

    def both(cell, between=lambda world, hub: None):
        hub.inject(Fault(kind=Kind.STATUS, status=404, path="/events$", times=None))
        given(cell, world, hub)
        state = tmp_path / "GITHUB_STATE"
        state.write_text("")
        monkeypatch.setenv("GITHUB_STATE", str(state))
        words, named = inputs(cell)
        for name, value in {"operation": words[0], "space-id": "\n".join(words[1:]), **named}.items():
            monkeypatch.setenv(f"INPUT_{name.replace('_', '-').upper()}", value)
        ended = run(token=cell.token)
        is_right(cell, ended, world, hub)
        saved = read_outputs(state)
        between(world, hub)
        for name, value in saved.items():
            monkeypatch.setenv(f"STATE_{name}", value)
        post = StepRun([], runner=Runner(), log=Log(clock=clock, runner=Runner(), began=clock.now()), began=clock.now(), post=True)
        post.work()
        return ended, post.report(cancelled=False), capsys.readouterr().out

    return both


def nothing(world, hub):
    """Nothing happens between the step and its post step."""


def becomes(**phase):
    """Somebody else changes the Space between the step and its post step."""
    return lambda world, _: world.happen("acme/demo", Event.PUSH, script=(Phase(0, **phase),))


def row(name, step, *, post=(), between=nothing, says="", never="", ends=None, status=0):
    """A step, what the post step sends, and how the Space is then."""
    return pytest.param(step, between, post, says, never, ends or {}, status, id=name)


ROWS = [
    row("a Space that was paused", cell("", RESTART, "ok", space(**PAUSED), sent="restart"), post=("pause",), ends={"stage": "PAUSED"}),
    row("a Space that was paused, woken", cell("", "wake acme/demo restore=true", "ok", space(**PAUSED), sent="restart"), post=("pause",), ends={"stage": "PAUSED"}),
    row("a Space that ran", cell("", RESTART, "ok", space(), sent="restart"), ends={"stage": "RUNNING"}, never="paused again"),
    row("a Space that slept, restarted", cell("", RESTART, "ok", space(**ASLEEP), sent="restart"), ends={"stage": "RUNNING"}),
    row("a Space that slept, visited", cell("", "wake acme/demo restore=true", "ok", space(**ASLEEP)), ends={"stage": "RUNNING"}),
    row("a Space that slept, deaf to visits", cell("", "wake acme/demo settle=3s restore=true", "ok", space(**ASLEEP, scripts={"visit": ()}), sent="restart"), ends={"stage": "RUNNING"}),
    row("a restart that was refused, and a colleague's restart after it", cell("", RESTART, "denied", space(**PAUSED, refusals={"restart": NO_RIGHT}), sent="restart"), between=becomes(stage="RUNNING"), ends={"stage": "RUNNING"}),
    row("a Space that somebody has paused again already", cell("", RESTART, "ok", space(**PAUSED), sent="restart"), between=becomes(stage="PAUSED"), ends={"stage": "PAUSED"}),
    row("a Space that fell asleep", cell("", RESTART, "ok", space(**PAUSED), sent="restart"), between=becomes(stage="SLEEPING"), ends={"stage": "SLEEPING"}),
    row("a paused Space whose restart ends broken", cell("", "restart acme/demo restore=true", "failed", space(**PAUSED, scripts={"restart": (Phase(1, "BUILDING"), Phase(9, "BUILD_ERROR"))}), sent="restart"), post=("pause",), ends={"stage": "PAUSED"}),
    row("a paused Space still building at the end of the budget", cell("", "restart acme/demo restore=true timeout=30s", "timed-out", space(**PAUSED, scripts={"restart": (Phase(1, "BUILDING"),)}), sent="restart"), post=("pause",), ends={"stage": "PAUSED"}),
    row("a restart whose answer is lost for good", cell("", "restart acme/demo restore=true timeout=20s", "unreachable", space(**PAUSED), fault(Kind.RESET_AFTER, path="/restart$"), fault(path="/runtime$", status=502, times=8), sent="restart"), post=("pause",), ends={"stage": "PAUSED"}),
    row("hardware", cell("", T4, "ok", space(), sent="hardware"), post=("hardware",), ends={"requested_hardware": "cpu-basic"}),
    row("hardware of a Space that was paused", cell("", T4 + " wait-for-stage=none", "ok", space(**PAUSED), sent="hardware"), post=("hardware",), ends={"stage": "PAUSED", "requested_hardware": "cpu-basic"}),
    row("hardware that was there already", cell("", T4, "unchanged", space(hardware="t4-small")), ends={"requested_hardware": "t4-small"}),
    row("hardware that was refused, and asked for by a colleague", cell("", T4, "denied", space(refusals={"hardware": NO_RIGHT}), sent="hardware"), between=becomes(stage="RUNNING", hardware="t4-small", requested_hardware="t4-small"), ends={"requested_hardware": "t4-small"}),
    row("hardware that somebody else changed", cell("", T4, "ok", space(), sent="hardware"), between=becomes(stage="RUNNING", hardware="a100-large", requested_hardware="a100-large"), ends={"requested_hardware": "a100-large"}, says="hardware left alone"),
    row("hardware whose answer is lost, with effect", cell("", T4, "ok", space(), fault(Kind.RESET_AFTER, path="/hardware$", method="POST"), sent="hardware"), post=("hardware",), ends={"requested_hardware": "cpu-basic"}),
    row("hardware and sleep time", cell("", "hardware acme/demo hardware=a10g-small sleep-time=15m commit=any restore=true", "ok", space(**LAZY), sent="hardware"), post=("hardware",), ends={"requested_hardware": "t4-small"}),
    row("a sleep time", cell("", "sleep-time acme/demo sleep-time=15m restore=true", "ok", space(**LAZY), sent="sleep-time"), post=("sleep-time",), says="sleep time back to 3600 s"),
    row("a sleep time that was so", cell("", "sleep-time acme/demo sleep-time=1h restore=true", "unchanged", space(**LAZY))),
    row("a sleep time that is refused", cell("", "sleep-time acme/demo sleep-time=1h restore=true", "failed", space(), sent="sleep-time", says="Cannot change the sleep time")),
    row("selected Spaces, whose listing lacks the sleep time", cell("", "hardware 'acme/demo*' hardware=a10g-small commit=any wait-for-stage=none restore=true", "ok", space(**PAUSED, **LAZY), sent="hardware"), post=("hardware",), ends={"requested_hardware": "t4-small"}, never="never"),
    row("a Space that was deleted", cell("", T4, "ok", space(), sent="hardware"), between=lambda world, _: world.delete("acme/demo"), says="there is no Space", status=3),
    row("a write of the post step that is lost, with effect", cell("", T4, "ok", space(), sent="hardware"), between=lambda _, hub: hub.inject(Fault(kind=Kind.RESET_AFTER, path="/hardware$", method="POST")), post=("hardware",), ends={"requested_hardware": "cpu-basic"}),
    row("a write of the post step that is lost, without effect", cell("", T4, "ok", space(), sent="hardware"), between=lambda _, hub: hub.inject(Fault(kind=Kind.RESET_BEFORE, path="/hardware$", method="POST")), post=("hardware", "hardware"), ends={"requested_hardware": "cpu-basic"}),
    row("a post step that is refused", cell("", T4, "ok", space(), sent="hardware"), between=lambda _, hub: hub.inject(Fault(kind=Kind.STATUS, status=403, path="/hardware$", method="POST", body={"error": "no"})), post=("hardware",), ends={"requested_hardware": "t4-small"}, status=3),
]  # fmt: skip


@pytest.mark.parametrize(("step", "between", "post", "says", "never", "ends", "status"), ROWS)
def test_what_the_post_step_does(step, between, post, says, never, ends, status, both, world, hub):
    """What was changed is put back, and nothing else is touched."""
    _, ended, log = both(step, between)
    assert writes(hub, beyond=len(step.sent)) == post, log
    assert ended == status, log
    assert says in log and not (never and never in log), log
    if ends:
        state = world.state("acme/demo")
        assert {name: getattr(state, name) for name in ends} == ends, log
    if "sleep_time" in str(step.given):
        assert world.life("acme/demo").sleep_time == 3600


def test_hundreds_of_spaces_are_remembered(both, world, tmp_path):
    """What GitHub hands over is far below the 128 KiB of one string of `docker run`."""
    step = cell(
        "", "sleep-time 'acme/n-*' sleep-time=15m restore=true timeout=3h", "ok",
        again(200, lambda number: space(f"n-{number * 7919 % 100_003}-of-many", **LAZY)),
        lambda world, _: setattr(world.meter, "quota", 100_000),
        sent=("sleep-time",) * 200,
    )  # fmt: skip
    both(step, lambda *_: None)
    saved = read_outputs(tmp_path / "GITHUB_STATE")
    assert len(saved) == 4 and max(map(len, saved.values())) < 10_000 < MAX_STATE_BYTES
    assert {world.life(life.space.id).sleep_time for life in world.lives() if "n-" in life.space.id} == {3600}


@pytest.mark.parametrize("silent", [1, 12])
def test_spaces_that_do_not_answer_cost_the_others_nothing(silent, both, world, hub):
    """GitHub ends everything five minutes after a cancel: all others are put back while these are still silent."""
    names = [f"n-{number:02}" for number in range(24)]
    step = cell("", "hardware 'acme/n-*' hardware=t4-small commit=any restore=true max-parallel=1", "ok", spaces(*names), sent=("hardware",) * 24)
    all_others = threading.Event()
    in_vain = []

    def between(world, hub):
        was_asked = Hub.space_info

        def space_info(self, space, **about):
            if space.rpartition("/")[2] in names[:silent]:
                in_vain.append(not all_others.wait(PATIENCE))
                raise Unreachable("nothing came")
            return was_asked(self, space, **about)

        def count(request):
            if request.method == "POST" and writes(hub, beyond=24) == ("hardware",) * (24 - silent):
                all_others.set()

        patches.setattr(Hub, "space_info", space_info)
        hub.on_request = count

    with pytest.MonkeyPatch.context() as patches:
        _, status, log = both(step, between)
    back = {world.state(f"acme/{name}").requested_hardware for name in names[silent:]}
    assert (status, back, any(in_vain), len(in_vain)) == (5, {"cpu-basic"}, False, silent), log


def test_hardware_is_put_back_before_a_space_is_paused(both, world, hub):
    """Two writes, each decided by a look of its own."""
    step = cell("", "hardware acme/demo hardware=t4-small restore=true wait-for-stage=none", "ok", space(**PAUSED), sent="hardware")
    _, status, log = both(step, becomes(stage="RUNNING", commit=HEAD))
    assert (status, writes(hub, beyond=1), world.state("acme/demo").stage) == (0, ("hardware", "pause"), "PAUSED"), log
