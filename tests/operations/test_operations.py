"""Each operation, end to end: settings, the real huggingface_hub, a simulated Hub, outputs, summary, exit status."""

import json
import re

import pytest

from hf_action.inputs.table import OPERATIONS
from hf_action.runner.github import Runner
from hf_action.runner.log import Log
from hf_action.step import StepRun
from simhub.faults import Fault, Kind
from simhub.world import HEAD, Phase, Space
from tests.conftest import NEW, NEWER, OLD, READ_ONLY, TOKEN, read_dotenv

STALE = (Phase(10, "RUNNING_BUILDING"), Phase(60, "RUNNING_APP_STARTING"), Phase(70, "RUNNING", commit=HEAD))


def writes(hub) -> list[str]:
    """The requests that were not reads, as `operation` words."""
    return [request.path.rpartition("/")[2] for request in hub.requests if request.method != "GET"]


def space(world, **about) -> str:
    world.add(Space(**({"id": "acme/other", "commit": OLD, "head": NEW} | about)))
    return about.get("id", "acme/other")


# ---- info ----


def test_info_is_one_look(run, hub):
    """One request, every output, nothing changed."""
    ended = run("info", "acme/demo")
    assert (ended.status, ended.result, ended.outputs["stage"]) == (0, "ok", "RUNNING")
    assert [request.path for request in hub.requests] == ["/api/spaces/acme/demo"]
    assert {name: ended.outputs[name] for name in ("changed", "requests", "count", "failed", "commit", "sdk", "private")} == {
        "changed": "false", "requests": "1", "count": "1", "failed": "0", "commit": OLD, "sdk": "gradio", "private": "false",
    }  # fmt: skip
    assert ended.outputs["host"].startswith(hub.url)
    assert ended.outputs["url"] == f"{hub.url}/spaces/acme/demo"


def test_info_works_without_a_token(run, hub):
    """A public Space needs none, and none is sent."""
    assert run("info", "acme/demo", token=None).result == "ok"
    assert not any(request.authenticated for request in hub.requests)


def test_info_of_a_broken_space_is_ok(run, world):
    """The look succeeded; what it saw is in the outputs."""
    ended = run("info", space(world, stage="RUNTIME_ERROR", commit=None, error="Scheduling failure"))
    assert (ended.status, ended.outputs["stage"]) == (0, "RUNTIME_ERROR")
    assert "Scheduling failure" in ended.outputs["message"]


def test_info_of_several_spaces_has_single_outputs_only_where_all_agree(run, world):
    """What differs is empty, and the array has it all, in the order asked for."""
    ended = run("info", "acme/demo", space(world, stage="PAUSED", commit=None))
    assert (ended.outputs["stage"], ended.outputs["sdk"], ended.outputs["space-id"]) == ("", "gradio", "")
    assert [(one["id"], one["stage"]) for one in ended.spaces] == [("acme/demo", "RUNNING"), ("acme/other", "PAUSED")]


# ---- wait ----


def test_wait_passes_at_once_when_the_head_runs(run, world, hub):
    """A gate on a healthy Space costs one look."""
    ended = run("wait", space(world, commit=NEW))
    assert (ended.result, ended.elapsed, len(hub.requests)) == ("ok", 0, 1)


def test_wait_is_not_fooled_by_the_old_build(run, world, clock):
    """The Space says RUNNING, but on the commit before the push: the gate opens only for the new one."""
    world.push("acme/demo", sha=NEWER)
    ended = run("wait", "acme/demo")
    assert (ended.result, ended.outputs["commit"]) == ("ok", NEWER)
    assert [moment["stage"] for moment in ended.spaces[0]["timeline"]] == [
        "RUNNING", "RUNNING_BUILDING", "RUNNING_APP_STARTING", "RUNNING",
    ]  # fmt: skip


def test_wait_never_writes(run, world, hub):
    """It only waits, also when a restart would help."""
    ended = run("wait", space(world, stage="PAUSED", commit=None))
    assert (ended.status, ended.result, writes(hub)) == (1, "failed", [])
    assert "operation restart would" in ended.outputs["message"]


def test_wait_for_a_superseded_commit_says_so(run, world):
    """The wanted commit builds, then a second push goes live instead."""
    timeline = (
        Phase(5, "RUNNING_BUILDING"),
        Phase(20, "RUNNING_BUILDING", head=NEWER),
        Phase(60, "RUNNING", commit=HEAD),
    )
    ended = run("wait", space(world, timeline=timeline), commit=NEW[:7])
    assert (ended.status, ended.result, ended.outputs["commit"]) == (6, "superseded", NEWER)


@pytest.mark.parametrize("trouble", [False, True])
def test_a_push_while_an_older_build_goes_live_supersedes_nothing(trouble, run, world, hub):
    """The older commit was the head when the step began, but is no more: the named one is still to come."""
    timeline = (
        Phase(5, "RUNNING_BUILDING", head=NEW),
        Phase(20, "RUNNING", commit=OLD),
        Phase(90, "RUNNING_BUILDING"),
        Phase(120, "RUNNING", commit=HEAD),
    )
    if trouble:  # whether it still is the head cannot be read at that moment
        hub.inject(Fault(kind=Kind.STATUS, status=503, path="/api/spaces/acme/other$", skip=1))
    ended = run("wait", space(world, head=OLD, stage="BUILDING", commit=None, timeline=timeline), commit=NEW)
    assert (ended.result, ended.outputs["commit"]) == ("ok", NEW)


def test_wait_for_head_accepts_a_newer_head(run, world):
    """Its author wants it live."""
    timeline = (
        Phase(5, "RUNNING_BUILDING"),
        Phase(20, "RUNNING_BUILDING", head=NEWER),
        Phase(60, "RUNNING", commit=HEAD),
    )
    assert run("wait", space(world, timeline=timeline), commit="head").result == "ok"


def test_wait_goes_on_through_a_stage_nobody_has_heard_of(run, world):
    """An unknown stage counts as moving, and the log says that it is unknown."""
    ended = run("wait", space(world, timeline=(Phase(5, "WARMING_UP"), Phase(30, "RUNNING", commit=HEAD))))
    assert (ended.result, "does not know" in ended.log) == ("ok", True)


def test_a_head_that_cannot_be_read_is_read_again(run, world, hub):
    """Another commit than the one known as the head goes live: whether it is the newer head, a later look finds out."""
    hub.inject(Fault(kind=Kind.STATUS, status=503, path="/api/spaces/acme/other$", skip=1))
    timeline = (Phase(5, "RUNNING_BUILDING", head=NEWER), Phase(20, "RUNNING", commit=HEAD))
    ended = run("wait", space(world, timeline=timeline))
    reads = [request.status for request in hub.requests if request.path == "/api/spaces/acme/other"]
    assert (ended.result, ended.outputs["commit"], reads) == ("ok", NEWER, [200, 503, 200])


def test_wait_for_a_first_build_that_fails(run, world):
    """A gate closes with what was seen and what to do."""
    ended = run("wait", space(world, stage="BUILDING", commit=None, timeline=(Phase(40, "BUILD_ERROR"),)))
    assert (ended.status, ended.outputs["stage"], "push again" in ended.outputs["message"]) == (1, "BUILD_ERROR", True)
    assert "::error::acme/other: failed: BUILD_ERROR" in ended.log


def test_wait_that_is_out_of_time(run, world):
    """The budget is kept to the second, nothing is undone, and the exit status tells it from a failure."""
    ended = run("wait", space(world, timeline=(Phase(5, "RUNNING_BUILDING"),)), timeout="100s")
    assert (ended.status, ended.result, ended.elapsed) == (4, "timed-out", 100.0)


# ---- restart ----


def test_restart_waits_for_the_new_build(run, world, hub):
    """Ten seconds of a stale RUNNING do not end the step; the new build on the head does."""
    ended = run("restart", space(world, scripts={"restart": STALE}))
    assert (ended.status, ended.result, ended.outputs["commit"], writes(hub)) == (0, "ok", NEW, ["restart"])
    assert 70 <= ended.elapsed < 75
    assert (ended.outputs["previous-stage"], ended.outputs["changed"]) == ("RUNNING", "true")


def test_restart_is_not_fooled_by_the_old_error(run, world):
    """A Space in BUILD_ERROR goes on saying so for some seconds after the restart that fixes it."""
    script = (Phase(20, "BUILDING"), Phase(50, "RUNNING", commit=HEAD))
    assert run("restart", space(world, stage="BUILD_ERROR", commit=None, scripts={"restart": script})).result == "ok"


def test_restart_into_a_crash_fails(run, world):
    """What the app says of itself is told."""
    script = (Phase(1, "BUILDING"), Phase(30, "APP_STARTING"), Phase(40, "RUNTIME_ERROR", error="Exit code: 1"))
    ended = run("restart", space(world, scripts={"restart": script}))
    assert (ended.status, ended.outputs["stage"]) == (1, "RUNTIME_ERROR")
    assert "Exit code: 1" in ended.log


def test_restart_that_never_moves_is_believed_after_settle(run, world):
    """Where nothing ever moves, the stage is believed in the end."""
    ended = run("restart", space(world, commit=NEW, scripts={"restart": (Phase(0, "RUNNING"),)}), settle="90s")
    assert (ended.result, 90 <= ended.elapsed <= 95) == ("ok", True)


def test_factory_reboot_is_passed_on(run, hub):
    """The rebuild without cache is asked for as huggingface_hub does."""
    run("restart", "acme/demo", factory_reboot="true")
    assert [request.query for request in hub.requests if request.method == "POST"] == ["factory=true"]


def test_restart_that_is_not_waited_for(run, hub):
    """`none` sends and ends."""
    ended = run("restart", "acme/demo", wait_for_stage="none")
    assert (ended.result, ended.elapsed, writes(hub)) == ("ok", 0, ["restart"])


def test_restart_holds_for_stable_for(run, world):
    """An app that comes up and falls over within stable-for is not a success."""
    script = (Phase(1, "BUILDING"), Phase(30, "RUNNING", commit=HEAD), Phase(45, "RUNTIME_ERROR"))
    name = space(world, scripts={"restart": script})
    assert run("restart", name, stable_for="30s").result == "failed"


def test_restart_of_a_static_space_fails_without_a_request(run, world, hub):
    """There is no runtime to restart."""
    ended = run("restart", space(world, sdk="static", hardware=None))
    assert (ended.status, writes(hub), "static Space" in ended.outputs["message"]) == (1, [], True)


def test_several_spaces_each_have_their_result(run, world):
    """One failing Space stops none of the others, and the worst decides."""
    broken = space(world, id="acme/broken", scripts={"restart": (Phase(1, "BUILDING"), Phase(9, "BUILD_ERROR"))})
    fine = space(world, id="acme/fine", scripts={"restart": STALE})
    ended = run("restart", broken, fine, "acme/absent")
    assert {one["id"]: one["result"] for one in ended.spaces} == {
        "acme/broken": "failed", "acme/fine": "ok", "acme/absent": "not-found",
    }  # fmt: skip
    assert (ended.status, ended.outputs["failed"], ended.outputs["count"]) == (3, "2", "3")
    assert ended.log.count("::error::") == 2 and ended.log.count("::notice::") == 1


# ---- pause ----


def test_pause_waits_until_paused(run, hub):
    """The write is sent once and confirmed by a look."""
    ended = run("pause", "acme/demo")
    assert (ended.result, ended.outputs["stage"], writes(hub)) == ("ok", "PAUSED", ["pause"])


def test_pause_of_a_paused_space_sends_nothing(run, world, hub):
    """It was so already."""
    ended = run("pause", space(world, stage="PAUSED", commit=None))
    assert (ended.status, ended.result, ended.outputs["changed"], writes(hub)) == (0, "unchanged", "false", [])


# ---- rights ----


@pytest.mark.parametrize("operation", ["restart", "pause"])
def test_a_write_without_a_token_sends_nothing_at_all(run, hub, operation):
    """Denied before any request, with the name of the variable and where to make a token."""
    ended = run(operation, "acme/demo", token=None)
    assert (ended.status, ended.result, hub.requests) == (3, "denied", [])
    assert "HF_TOKEN" in ended.outputs["message"] and "settings/tokens" in ended.outputs["message"]


def test_a_dry_run_sends_only_reads(run, world, hub):
    """It says what would be done, and needs no token for it."""
    ended = run("restart", "acme/demo", dry_run="true", token=None)
    assert (ended.status, ended.result, ended.outputs["changed"], writes(hub)) == (0, "planned", "false", [])


@pytest.mark.parametrize(
    ("operation", "inputs", "would"),
    [
        ("restart", {}, "restart"),
        ("restart", {"factory_reboot": "true"}, "restart without cache"),
        ("pause", {}, "pause"),
        ("hardware", {"hardware": "a100-large"}, "hardware a100-large"),
        ("hardware", {"hardware": "t4-small", "sleep_time": "1h"}, "hardware t4-small with sleep-time 3600 s"),
        ("sleep-time", {"sleep_time": "never"}, "sleep-time never"),
    ],
)
def test_a_dry_run_says_what_would_be_sent(run, operation, inputs, would):
    """With all that it would ask for."""
    ended = run(operation, "acme/demo", dry_run="true", **inputs)
    assert ended.outputs["message"] == f"acme/demo: {would} would be sent; it is RUNNING now"


def test_a_dry_run_says_all_that_would_be_sent(run, world):
    """A factory reboot of a paused Space takes two requests."""
    ended = run("restart", space(world, stage="PAUSED"), dry_run="true", factory_reboot="true")
    assert ": restart and restart without cache would be sent; it is PAUSED now" in ended.outputs["message"]


def test_four_refusals_read_differently(run, world):
    """A bad token, no token for what is private or absent, no right, and no such Space each have their remedy."""
    private = space(world, id="acme/private", private=True)
    ends = {
        "bad token": run("info", "acme/demo", token="hf_NobodyKnowsThisOne1"),
        "no token": run("info", private, token=None),
        "no right": run("restart", "acme/demo", token=READ_ONLY),
        "absent": run("info", "acme/absent"),
    }
    assert {name: (ended.status, ended.result) for name, ended in ends.items()} == {
        "bad token": (3, "denied"), "no token": (3, "not-found"), "no right": (3, "denied"), "absent": (3, "not-found"),
    }  # fmt: skip
    messages = {name: ended.outputs["message"] for name, ended in ends.items()}
    assert "does not accept the token" in messages["bad token"]
    assert "set HF_TOKEN" in messages["no token"]
    assert "lacks the right" in messages["no right"]
    assert "there is no Space acme/absent" in messages["absent"]


# ---- a write is never sent twice blindly ----


def test_a_lost_answer_is_not_answered_with_a_second_write(run, world, hub):
    """The restart arrived, its answer did not: the runtime shows it, and the write stays the only one."""
    hub.inject(Fault(kind=Kind.RESET_AFTER, method="POST", path="/restart"))
    ended = run("restart", space(world, scripts={"restart": STALE}))
    assert (ended.result, writes(hub)) == ("ok", ["restart"])


def test_a_5xx_that_had_its_effect_is_not_repeated(run, world, hub):
    """A gateway may fail after the Hub has acted."""
    hub.inject(Fault(kind=Kind.STATUS, status=502, method="POST", path="/restart", effect=True))
    assert run("restart", space(world, scripts={"restart": STALE})).result == "ok"
    assert writes(hub) == ["restart"]


def test_a_write_without_effect_is_repeated_after_looking(run, world, hub):
    """Only when the runtime has stayed as it was for a while is the write sent again."""
    hub.inject(Fault(kind=Kind.STATUS, status=503, method="POST", path="/restart"))
    ended = run("restart", space(world, scripts={"restart": STALE}))
    kinds = [request.method for request in hub.requests if request.at <= 20]
    first, second = (number for number, kind in enumerate(kinds) if kind == "POST")
    assert (ended.result, second - first >= 3) == ("ok", True)


def test_a_write_that_never_works_ends_unreachable(run, hub):
    """The Hub answers looks but never the write: five minutes are enough."""
    hub.inject(Fault(kind=Kind.STATUS, status=503, method="POST", path="/restart", times=None))
    ended = run("restart", "acme/demo")
    assert (ended.status, ended.result, 300 <= ended.elapsed <= 330) == (5, "unreachable", True)


def test_a_rate_limited_write_is_repeated_when_the_hub_says(run, hub):
    """A 429 was never processed, so the write is safe to repeat, after the seconds that the header names."""
    headers = {"RateLimit": '"api";r=0;t=55'}
    hub.inject(Fault(kind=Kind.STATUS, status=429, headers=headers, method="POST", path="/restart"))
    ended = run("restart", "acme/demo")
    sent = [request.at for request in hub.requests if request.method == "POST"]
    assert (ended.result, sent) == ("ok", [0.0, 56.0])


@pytest.mark.parametrize(
    ("words", "path"),
    [
        (("pause",), "pause"),
        (("hardware", "--hardware=a100-large"), "hardware"),
        (("sleep-time", "--sleep-time=15m"), "sleeptime"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_every_write_is_known_by_its_effect(run, world, hub, words, path):
    """Each has an effect of its own, which shows in the runtime that its lost answer would have told."""
    hub.inject(Fault(kind=Kind.RESET_AFTER, method="POST", path=f"/{path}$"))
    ended = run(*words[:1], space(world, hardware="t4-small"), *words[1:], commit="any")
    assert (ended.result, ended.outputs["changed"], writes(hub)) == ("ok", "true", [path])
    assert f"{words[0]} had its effect" in ended.log


@pytest.mark.parametrize("body", [{}, {"ok": True}, "", {"stages": []}])
@pytest.mark.parametrize("stages", ["RUNNING", "none"])
def test_a_write_that_was_taken_is_not_repeated_for_an_answer_that_says_nothing(body, stages, run, world, hub):
    """The status says that the Hub has it; however long the old stage stays, it is not sent again."""
    slow = (Phase(40, "RUNNING_BUILDING"), Phase(60, "RUNNING", commit=HEAD))
    hub.inject(Fault(kind=Kind.STATUS, status=200, body=body, method="POST", path="/restart", effect=True))
    ended = run("restart", space(world, scripts={"restart": slow}), wait_for_stage=stages)
    assert (ended.result, ended.outputs["changed"], writes(hub)) == ("ok", "true", ["restart"])
    assert "restart sent" in ended.log


@pytest.mark.parametrize("body", [{"error": "no"}, {"stage": None}, [], "<h1>Log in", None])
def test_a_good_status_alone_is_no_answer_to_a_write(body, run, world, hub):
    """A page, say, comes from something between the Hub and us: the effect decides."""
    hub.inject(Fault(kind=Kind.STATUS, status=200, body=body, method="POST", path="/restart"))
    assert run("restart", space(world, scripts={"restart": STALE})).result == "ok"
    assert writes(hub) == ["restart", "restart"]


@pytest.mark.parametrize("status", [402, 403])
def test_what_has_to_be_paid_for_says_so(status, run, hub):
    """No other token would help."""
    said = {"error": "A payment method is required for this hardware."}
    hub.inject(Fault(kind=Kind.STATUS, status=status, body=said, method="POST", path="/hardware"))
    ended = run("hardware", "acme/demo", hardware="t4-small")
    assert (ended.status, ended.result) == (3, "denied")
    assert re.sub(r" Request id: Root=1-[0-9a-f-]+\.", "", ended.outputs["message"]) == (
        f"acme/demo: the owner of acme/demo has to pay for this ({status}). The Hub says: A payment method is required for "
        "this hardware. Add a payment method or credits to the owner's account, or ask for free hardware."
    )


@pytest.mark.parametrize("headers", [{}, {"X-Error-Message": "Invalid credentials in Authorization header"}])
def test_a_wrong_token_is_told_by_the_body_as_well(headers, run, hub):
    """A gateway may drop the header."""
    said = {"error": "Invalid credentials in Authorization header"}
    hub.inject(Fault(kind=Kind.STATUS, status=401, body=said, headers=headers, method="GET", path="demo"))
    assert "the Hub does not accept the token (401)" in run("info", "acme/demo").outputs["message"]


# ---- the Hub falters ----


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_single_bad_answers_are_looked_past(run, world, hub, status):
    """On the first look and while waiting alike."""
    name = space(world, timeline=(Phase(5, "RUNNING_BUILDING"), Phase(30, "RUNNING", commit=HEAD)))
    hub.inject(Fault(kind=Kind.STATUS, status=status, method="GET", path="acme/other"))
    hub.inject(Fault(kind=Kind.STATUS, status=status, method="GET", path="/runtime", skip=2))
    assert run("wait", name).result == "ok"


def test_retry_after_is_kept_where_there_is_no_quota_header(run, hub):
    """The older header counts when the newer one is absent."""
    hub.inject(Fault(kind=Kind.STATUS, status=429, headers={"Retry-After": "33"}, method="GET", path="demo"))
    assert (run("info", "acme/demo").elapsed, len(hub.requests)) == (33.0, 2)


def test_the_first_look_is_tried_until_the_budget_ends(run, hub):
    """A Hub that comes back at the last moment is heard; the pauses between do not make the step give up before."""
    hub.inject(Fault(kind=Kind.STATUS, status=503, method="GET", path="demo", times=3))
    ended = run("info", "acme/demo", timeout="6s")
    assert (ended.result, ended.elapsed, len(hub.requests)) == ("ok", pytest.approx(5.0), 4)
    hub.inject(Fault(kind=Kind.STATUS, status=503, headers={"Retry-After": "20"}, method="GET", path="demo"))
    assert (run("info", "acme/demo", timeout="6s").result, len(hub.requests)) == ("unreachable", 5)


def test_a_silent_hub_is_unreachable_after_five_minutes(run, hub):
    """Not after the first bad answer, and not only at the end of the budget."""
    hub.inject(Fault(kind=Kind.STATUS, status=503, method="GET", path=".", times=None))
    ended = run("wait", "acme/demo", timeout="30m")
    assert (ended.status, ended.result, 300 <= ended.elapsed <= 345) == (5, "unreachable", True)
    assert ended.log.count("asking again") == 1


def test_a_hub_that_falls_silent_while_waiting(run, world, hub):
    """The last known stage stays in the outputs."""
    hub.inject(Fault(kind=Kind.STATUS, status=503, method="GET", path="/runtime", skip=3, times=None))
    ended = run("wait", space(world, timeline=(Phase(1, "RUNNING_BUILDING"),)))
    assert (ended.result, ended.outputs["stage"]) == ("unreachable", "RUNNING_BUILDING")


def test_the_first_look_is_final_for_401_403_404(run, hub):
    """Asking again would not help."""
    for status in (401, 403, 404):
        hub.inject(Fault(kind=Kind.STATUS, status=status, method="GET", path="demo"))
        assert run("info", "acme/demo").status == 3
    assert len(hub.requests) == 3


def test_a_later_404_is_looked_past(run, world, hub):
    """Only the first look is final; a replica may not know the Space for a moment."""
    hub.inject(Fault(kind=Kind.STATUS, status=404, method="GET", path="/runtime", times=2))
    assert (
        run("wait", space(world, timeline=(Phase(1, "RUNNING_BUILDING"), Phase(20, "RUNNING", commit=HEAD)))).result
        == "ok"
    )


# ---- what is shown ----


def test_the_log_has_a_line_a_change_and_a_heartbeat(run, world):
    """Forty minutes of one stage are one line and some forty heartbeats, not a line a poll."""
    script = (Phase(5, "RUNNING_BUILDING"), Phase(2400, "RUNNING", commit=HEAD))
    ended = run("restart", space(world, scripts={"restart": script}), timeout="1h")
    lines = ended.log.splitlines()
    assert sum("RUNNING_BUILDING" in line and "still waiting" not in line for line in lines) <= 2
    assert 38 <= sum("still waiting" in line for line in lines) <= 46


def test_a_budget_that_is_spent_on_starting_has_time_for_a_look_still(hub, clock, monkeypatch, capsys):
    """A machine may take longer to load the action than the budget is; the Hub is not to blame, and is asked once."""
    for name, value in {
        "HF_ENDPOINT": hub.url,
        "INPUT_OPERATION": "wait",
        "INPUT_SPACE-ID": "acme/demo",
        "INPUT_TIMEOUT": "0.5",
    }.items():
        monkeypatch.setenv(name, value)
    clock.advance(10)
    runner = Runner()
    attempt = StepRun([], runner=runner, log=Log(clock=clock, runner=runner, began=0.0), began=0.0)
    attempt.work()
    assert (attempt.report(cancelled=False), clock.now()) == (4, 10.25)
    assert [request.path for request in hub.requests if not request.path.endswith("/events")] == ["/api/spaces/acme/demo"]
    assert "RUNNING on commit 0000000 when the budget ended" in capsys.readouterr().err


def test_invalid_input_still_writes_outputs_and_summary(run, hub):
    """Every mistake is an annotation, and a later step can read the result."""
    ended = run("restart", "a/b/c", timeout="soon")
    assert (ended.status, ended.result, hub.requests) == (2, "invalid-input", [])
    assert (ended.outputs["count"], ended.spaces, ended.log.count("::error::")) == ("0", [], 2)
    assert "invalid-input" in ended.summary


@pytest.mark.parametrize(
    ("words", "result", "stage"),
    [
        (("info", "acme/demo"), "ok", "RUNNING"),
        (("info", "acme/gone"), "not-found", ""),
        (("info", "a/b/c"), "invalid-input", ""),
    ],
)
def test_the_outputs_are_also_written_for_gitlab(words, result, stage, run, tmp_path):
    """On every path, beside what the job has written there before."""
    file = tmp_path / "space.env"
    file.write_text("EARLIER=kept")
    ended = run(*words, env={"HF_SPACE_DOTENV": str(file)})
    found = read_dotenv(file.read_text())
    assert (ended.result, found["HF_SPACE_RESULT"], found["HF_SPACE_STAGE"]) == (result, result, stage)
    assert found["EARLIER"] == "kept"


def test_a_report_for_gitlab_that_cannot_be_written_is_a_warning(run, tmp_path):
    """The step ends as it would have, with its outputs."""
    ended = run("info", "acme/demo", env={"HF_SPACE_DOTENV": str(tmp_path / "gone/space.env")})
    assert (ended.status, ended.result) == (0, "ok")
    assert "::warning::HF_SPACE_DOTENV could not be written: " in ended.log


def test_the_token_is_masked_first_and_shown_nowhere(run):
    """The mask is the only place that ever has it."""
    ended = run("restart", "acme/demo")
    first, *rest = ended.log.splitlines()
    assert first == f"::add-mask::{TOKEN}"
    assert TOKEN not in "\n".join([*rest, ended.summary, json.dumps(ended.outputs)])


def test_an_unforeseen_error_is_a_result_too(run, monkeypatch):
    """A bug ends the step with outputs, summary and where to report it, and without a traceback."""
    monkeypatch.setattr("hf_action.hub.client.Hub.space_info", lambda hub, space: 1 / 0)
    ended = run("info", "acme/demo")
    assert (ended.status, ended.result, "Traceback" in ended.log) == (1, "failed", False)
    assert "internal error: ZeroDivisionError" in ended.outputs["message"]


def test_no_summary_is_written_where_none_is_wanted(run):
    """The outputs are all the same."""
    ended = run("info", "acme/demo", summary="false")
    assert (ended.result, ended.summary) == ("ok", "")


def test_the_price_of_paid_hardware_is_in_the_summary(run, world):
    """From the Hub's own list; free hardware costs no request."""
    ended = run("info", space(world, hardware="t4-small"))
    assert "$0.40/h" in ended.summary


def test_a_timeout_shows_the_log_of_the_build_that_did_not_end(run, world):
    """The log is read just before the budget ends, while there is still time for a request."""
    name = space(world, timeline=(Phase(5, "RUNNING_BUILDING"),), build_log=((6, "Installing the internet"),))
    ended = run("wait", name, timeout="100s")
    assert (ended.result, ended.elapsed) == ("timed-out", 100.0)
    assert "Installing the internet" in ended.log and "Installing the internet" in ended.summary


def test_a_silent_hub_is_not_hammered(run, world, hub):
    """A fixed interval holds for looks that are answered; the others back off."""
    hub.inject(Fault(kind=Kind.STATUS, status=503, method="GET", path="/runtime", times=None))
    run("wait", space(world, timeline=(Phase(1, "RUNNING_BUILDING"),)), poll_interval="0.1", timeout="2m")
    assert len(hub.requests) < 12


def test_a_401_on_a_write_is_not_called_a_bad_token(run, hub):
    """Tokens of a login may read and pause but not restart (huggingface_hub issue 4972): the remedy is another kind."""
    headers = {"X-Error-Message": "Invalid username or password."}
    hub.inject(Fault(kind=Kind.STATUS, status=401, headers=headers, method="POST", path="/restart"))
    ended = run("restart", "acme/demo")
    assert (ended.result, "may do less" in ended.outputs["message"]) == ("denied", True)


# The inputs that an operation cannot do without.
NEEDED = {"hardware": {"hardware": "a10g-small"}, "sleep-time": {"sleep_time": "15m"}}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_operation_is_carried_out(run, world, operation):
    """None of the table's words leaves a Space without a verdict of its own."""
    world.add(Space(id="acme/gpu", hardware="t4-small", scripts={"restart": STALE}))
    ended = run(operation, "acme/g*", commit="any", **NEEDED.get(operation, {}))
    assert (ended.status, ended.result in ("ok", "unchanged"), len(ended.spaces)) == (0, True, 1)
