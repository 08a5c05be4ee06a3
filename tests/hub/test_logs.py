"""Why a Space failed: its log, asked for when it helps, bounded, made harmless, folded away, and read for a cause."""

import json
import re
from threading import Barrier

import pytest

from hf_action.hub import transport
from hf_action.hub.bounds import Deadline
from hf_action.hub.client import Hub
from hf_action.runner.github import Runner
from simhub.faults import Fault, Kind
from simhub.server import serve
from simhub.world import HEAD, Phase, Space
from tests.conftest import NEW, OLD, TOKEN
from tests.support.asking import reads_log
from tests.support.network import PATIENCE, stalls_at_once

# What stands in front of a line of the log: the indentation inside the group.
INDENT = " | "

MISSING = (
    (1.0, "Traceback (most recent call last):"),
    (1.0, '  File "/home/user/app/app.py", line 2, in <module>'),
    (1.0, "    import cv2"),
    (1.0, "ModuleNotFoundError: No module named 'cv2'"),
)


@pytest.fixture(autouse=True)
def quick(hub):
    """Requests that stall, and streams in which nothing more comes, cost no time."""
    with stalls_at_once(hub):
        yield


@pytest.fixture
def hub(world):
    """A Hub whose streams show a sign of life all the time."""
    with serve(world, keep_alive=0.02) as server:
        yield server


class Stream:
    """The Hub, but for the logs, which are these chunks, and then either the end or silence."""

    def __init__(self, api, *chunks: bytes, ends: bool = True, headers: dict[str, str] | None = None) -> None:
        self.api = api
        self.chunks = chunks
        self.ends = ends
        self.headers = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
        self.sent = 0

    async def __call__(self, scope, receive, send) -> None:
        if "/logs/" not in scope["path"]:
            return await self.api(scope, receive, send)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream"), *self.headers]})
        for chunk in self.chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
            self.sent += len(chunk)
        if not self.ends:
            self.api.stalled.add(scope["client"][1])
        while not self.ends and (await receive())["type"] != "http.disconnect":
            pass
        await send({"type": "http.response.body", "body": b""})


def event(data: object) -> bytes:
    return b"data: " + json.dumps({"data": data, "timestamp": "2026-08-01T12:00:00.000Z"}).encode() + b"\n\n"


def space(world, **about) -> str:
    world.add(Space(**({"id": "acme/other", "commit": OLD, "head": NEW} | about)))
    return about.get("id", "acme/other")


def broken(world, **about) -> str:
    """A Space that crashed, with a log."""
    return space(world, **({"stage": "RUNTIME_ERROR", "commit": None, "run_log": MISSING} | about))


def failed(run, *spaces, **about):
    """Wait for Spaces that are broken, which is believed at once: what is told of that is the claim."""
    return run("wait", *spaces, settle="0s", **about)


def asked(hub) -> list[str]:
    """The logs that were read."""
    return [request.path.rpartition("/")[2] for request in hub.requests if reads_log(request)]


def shown(log: str) -> list[str]:
    """The lines of the folded group in the log of the step."""
    found = re.search(r"^::group::.*\n((?:.*\n)*?)::endgroup::$", log, re.MULTILINE)
    return [line.removeprefix(INDENT) for line in found[1].splitlines()] if found else []


def folded(summary: str) -> list[str]:
    """The lines of the folded block in the summary."""
    found = re.search(r"^<details><summary>Log of .*</summary>\n\n(`{3,})text\n((?:.*\n)*?)\1\n\n</details>$", summary, re.MULTILINE)
    return found[2].splitlines() if found else []


# ---- which log, and when ----


@pytest.mark.parametrize(
    ("stage", "which"),
    [
        ("BUILD_ERROR", "build"),
        ("BUILDING", "build"),
        ("RUNNING_BUILDING", "build"),
        ("RUNTIME_ERROR", "run"),
        ("CONFIG_ERROR", "run"),
        ("RUNNING", "run"),
        ("SLEEPING", "run"),
        ("PAUSED", "run"),
    ],
)
def test_the_stage_decides_which_log_is_read(run, world, hub, stage, which):
    """On BUILD_ERROR, and while a build goes on, that of the build; else that of the app."""
    run("info", space(world, stage=stage, commit=None), logs="always")
    assert asked(hub) == [which]


@pytest.mark.parametrize(
    ("operation", "stage", "logs", "expected"),
    [
        ("info", "RUNNING", "always", ["run"]),
        ("info", "RUNNING", "on-failure", []),
        ("info", "RUNTIME_ERROR", "on-failure", []),  # the look succeeded
        ("info", "RUNTIME_ERROR", "always", ["run"]),
        ("info", "RUNTIME_ERROR", "never", []),
        ("wait", "RUNTIME_ERROR", "on-failure", ["run"]),
        ("wait", "RUNTIME_ERROR", "always", ["run"]),
        ("wait", "RUNTIME_ERROR", "never", []),
        ("wait", "PAUSED", "on-failure", []),  # it tells nothing of why a Space rests
        ("pause", "PAUSED", "on-failure", []),
        ("pause", "PAUSED", "always", ["run"]),
    ],
)
def test_logs_are_asked_for_as_the_input_says(run, world, hub, operation, stage, logs, expected):
    """`on-failure` after a failure only, `always` also on info, `never` not at all, and each at most once."""
    run(operation, space(world, stage=stage, commit=None), logs=logs)
    assert asked(hub) == expected


def test_a_step_out_of_time_reads_the_log_while_there_is_time(run, world, hub):
    """A build that does not end is explained by its log, and the budget is kept all the same."""
    name = space(world, timeline=(Phase(5, "RUNNING_BUILDING"),), build_log=((6, "Installing the internet"),))
    ended = run("wait", name, timeout="100s")
    assert (ended.result, ended.elapsed, asked(hub)) == ("timed-out", 100.0, ["build"])
    assert "Installing the internet" in shown(ended.log) and "Installing the internet" in folded(ended.summary)


def test_an_app_that_runs_but_does_not_answer_is_explained_by_its_log(run, world, hub):
    """RUNNING is not enough where a health check is asked for; why the app does not answer is in its log."""
    hub.inject(Fault(kind=Kind.STATUS, status=503, path="/_apps/", times=None))
    name = space(world, commit=NEW, run_log=((0.0, "waiting for a database that never comes"),))
    ended = run("wait", name, health_check="/", timeout="30s")
    assert (ended.result, asked(hub)) == ("timed-out", ["run"])
    assert "waiting for a database that never comes" in shown(ended.log)


def test_without_a_token_no_log_is_asked_for(run, world, hub):
    """The Hub shows logs to nobody without one, so the request would be in vain."""
    ended = failed(run, broken(world), token=None, logs="always")
    assert (ended.result, asked(hub), shown(ended.log)) == ("failed", [], [])


def test_a_static_space_has_no_log(run, world, hub):
    """It has neither a build nor a process."""
    run("info", space(world, sdk="static", hardware=None), logs="always")
    assert asked(hub) == []


def test_each_of_several_spaces_has_its_own_log(run, world):
    """Lines of one never stand under the name of another."""
    first = broken(world, id="acme/first", run_log=((0.0, "the first one's line"),))
    second = broken(world, id="acme/second", stage="BUILD_ERROR", build_log=((0.0, "the second one's line"),))
    ended = run("wait", first, second)
    # The logs stand in the order in which they came, and the annotations name the lines again behind both.
    groups = (r"^::group::acme/(\w+): (.*?)^::endgroup::", r"<details><summary>Log of acme/(\w+)(.*?)</details>")
    for text, group in zip((ended.log, ended.summary), groups, strict=True):
        owners = dict(re.findall(group, text, flags=re.MULTILINE | re.DOTALL))
        assert "the first one's line" in owners["first"] and "the second one's line" in owners["second"]
        assert "the second one's line" not in owners["first"] and "the first one's line" not in owners["second"]


# ---- how much of it ----


@pytest.mark.parametrize(("stage", "result"), [("BUILD_ERROR", "failed"), ("BUILDING", "timed-out")])
def test_the_logs_of_several_spaces_are_read_at_once(stage, result, run, world, monkeypatch):
    """Each may take ten seconds; the lines of one stand together all the same."""
    met = Barrier(3)

    def log_tail(hub, space, *, build, lines):
        met.wait(timeout=PATIENCE)
        return [space, space]

    monkeypatch.setattr("hf_action.hub.client.Hub.log_tail", log_tail)
    names = [f"acme/log-{number}" for number in range(3)]
    for name in names:
        world.add(Space(id=name, stage=stage, commit=None))
    ended = run("wait", *names, timeout="70s")
    assert ended.result == result
    lines = [line.removeprefix(INDENT).strip() for line in ended.log.splitlines() if line.startswith(INDENT)]
    assert sorted(lines) == sorted(names * 2) and lines[::2] == lines[1::2]


@pytest.mark.parametrize(("asked_for", "expected"), [("1", 1), ("3", 3), ("4", 4), ("50", 5)])
def test_log_lines_are_the_last_ones(run, world, asked_for, expected):
    """No more than asked for, in order, up to the end; the Hub adds a line of its own on top."""
    ended = failed(run, broken(world), log_lines=asked_for)
    assert shown(ended.log) == folded(ended.summary)
    assert len(shown(ended.log)) == expected
    assert shown(ended.log)[-1] == "ModuleNotFoundError: No module named 'cv2'"


def test_the_tail_stands_in_a_folded_group_and_a_folded_block(run, world):
    """The log of the step and its summary show the same lines, each once, and as the app wrote them."""
    ended = failed(run, broken(world))
    assert shown(ended.log)[1:] == folded(ended.summary)[1:] == [line for _, line in MISSING]
    assert (ended.log.count("::group::"), ended.log.count("::endgroup::")) == (1, 1)


def test_outside_github_the_lines_stand_without_commands(monkeypatch, capsys):
    """In a shell nothing folds, so a plain title stands above the lines."""
    for name in ("GITHUB_ACTIONS", "GITHUB_OUTPUT"):
        monkeypatch.delenv(name, raising=False)
    Runner().group("acme/demo: the last line of its run log", ["one"])
    assert capsys.readouterr().err == "acme/demo: the last line of its run log\n | one\n"


def test_a_stream_of_nothing_but_signs_of_life_is_left(run, world, hub, monkeypatch):
    """The run log of a running Space never closes; reading it takes no longer than a request may, which is real here."""
    hub.faults.stalled = set()
    monkeypatch.setitem(Hub.__init__.__kwdefaults__, "request_timeout", 0.5)
    monkeypatch.setattr(transport, "Deadline", Deadline)
    ended = run("info", "acme/demo", logs="always")
    assert (ended.result, asked(hub), shown(ended.log)) == ("ok", ["run"], [])


def test_what_came_before_the_silence_is_shown(run, world):
    """A stream that stays open gives what it has so far."""
    ended = run("info", space(world, commit=NEW, run_log=((0.0, "Running on local URL"),)), logs="always")
    assert shown(ended.log)[-1] == "Running on local URL"


def test_a_log_without_end_is_bounded_in_size(run, world, hub, monkeypatch):
    """Some megabytes are read, then what was read last is shown with a word on why it ends."""
    hub.api = Stream(hub.api, *[b"".join(event(f"{number} {'x' * 900}\n") for number in range(n, n + 60)) for n in range(0, 30_000, 60)])
    ended = failed(run, broken(world), log_lines="20")
    *lines, end = shown(ended.log)
    assert (ended.result, len(lines), end) == ("failed", 19, "[the log ends here: the answer was lost: an answer of more than 12 MiB]")
    assert 8_000 < int(lines[-1].partition(" ")[0]) < 14_000


def test_a_line_of_a_megabyte_is_cut(run, world):
    """It is not for reading, and the summary must stay below its limit."""
    ended = failed(run, broken(world, run_log=((0.0, "x" * 1_000_000), (0.0, "the end"))))
    assert [len(line) <= 2_000 for line in shown(ended.log)] == [True, True, True]
    assert shown(ended.log)[-1] == "the end"
    assert len(ended.summary.encode()) < 10_000


def test_a_long_log_does_not_cost_the_summary(run, world, monkeypatch):
    """What is too much for a summary is left out of it, and the rest still stands."""
    lines = tuple((0.0, f"{n:05} " + "x" * 900) for n in range(1_500))
    ended = failed(run, broken(world, run_log=lines), log_lines="1500")
    assert shown(ended.log) == [line for _, line in lines]
    assert len(ended.summary.encode()) < 1024 * 1024
    assert "**failed**" in ended.summary and "Cut here" in ended.summary and "requests to the Hub" in ended.summary


# ---- made harmless ----


@pytest.mark.parametrize(
    ("printed", "seen"),
    [
        ("\x1b[31mERROR: no torch==9.9\x1b[0m", "ERROR: no torch==9.9"),
        ("\x1b[1;38;5;208mwarm\x1b[0m colours", "warm colours"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]8;;https://x.example\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b[2K\x1b[1Gdone", "done"),
        ("bell\x07 and null\x00 and del\x7f.", "bell  and null  and del ."),
        ("tab\tbetween", "tab between"),
        ("zero\u200bwidth and \u202eover", "zerowidth and over"),
        ("    indented stays indented", "    indented stays indented"),
        ("日本語 ✓ é", "日本語 ✓ é"),
    ],
)
def test_ansi_and_control_characters_go(run, world, printed, seen):
    """Colours, titles, links, cursor movements and bells; letters of any script, and indentation, stay."""
    ended = failed(run, broken(world, run_log=((0.0, printed),)))
    assert shown(ended.log)[-1] == folded(ended.summary)[-1] == seen


def test_a_progress_bar_becomes_lines(run, world):
    """A carriage return begins a new line, which is how a terminal's one line reads in a log."""
    ended = failed(run, broken(world, run_log=((0.0, " 10%|#   |\r 50%|##  |\r100%|####|"),)))
    assert shown(ended.log)[-3:] == [" 10%|#   |", " 50%|##  |", "100%|####|"]


@pytest.mark.parametrize(
    "printed",
    [
        f"token={TOKEN}",
        f"Authorization: Bearer {TOKEN}",
        "HF_TOKEN=hf_AnotherTokenOfSomebody",
        "api_org_AnOldTokenOfAnOrganization",
        "GITHUB_TOKEN=ghp_0123456789abcdefghijABCDEFGHIJ012345",
        "OPENAI_API_KEY=sk-proj-0123456789abcdefghij",
        "AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE",
        f"cut in two by a colour: {TOKEN[:9]}\x1b[0m{TOKEN[9:]}",
        "x" * 1990 + TOKEN,
        "x" * 1985 + " " + TOKEN,
    ],
)
def test_secrets_of_the_app_are_not_repeated(run, world, printed):
    """The step's own token and whatever looks like one are in neither log nor summary, also not in part."""
    ended = failed(run, broken(world, run_log=((0.0, printed),)))
    everything = ended.log.replace(f"::add-mask::{TOKEN}", "") + ended.summary + json.dumps(ended.outputs)
    secret = re.search(r"(hf_|api_org_|ghp_|sk-|AKIA)\w+[\w-]*", re.sub(r"\x1b\[0m", "", printed))[0]
    assert secret[:12] not in everything
    assert secret[-12:] not in everything


def test_a_token_of_another_form_is_not_repeated_in_part(run, world):
    """A token that looks like none, such as one from an exchange, does not survive because a line was cut inside it."""
    token = "eyJhbGciOiJSUzI1NiJ9.MarkedPayloadOfTheTests.MarkedSignature"
    world.tokens[token] = world.tokens[TOKEN]
    ended = failed(run, broken(world, run_log=((0.0, "x" * 1960 + token),)), token=token)
    assert "eyJhbGciOiJSUzI1" not in ended.log.replace(f"::add-mask::{token}", "") + ended.summary


# ---- a log that cannot be read ----


@pytest.mark.parametrize(
    "fault",
    [
        Fault(kind=Kind.STATUS, status=404),
        Fault(kind=Kind.STATUS, status=403),
        Fault(kind=Kind.STATUS, status=500),
        Fault(kind=Kind.STATUS, status=429, headers={"RateLimit": '"api";r=0;t=300'}),
        Fault(kind=Kind.RESET_BEFORE),
        Fault(kind=Kind.STALL_HEADERS),
        Fault(kind=Kind.REDIRECT, location="https://elsewhere.example/logs"),
        Fault(kind=Kind.HUGE),
    ],
    ids=lambda fault: f"{fault.kind.value} {fault.status}",
)
def test_a_log_that_cannot_be_read_is_a_line_not_a_failure(run, world, hub, fault):
    """The result stays what it was, the log says why there is none, and it is not asked for again."""
    hub.inject(Fault(**({name: getattr(fault, name) for name in ("kind", "status", "headers", "location")} | {"path": "/logs/", "times": None})))
    ended = failed(run, broken(world))
    assert (ended.status, ended.result, len(asked(hub))) == (1, "failed", 1)
    assert re.search(r"^\[.*\] acme/other: the run log could not be read: .", ended.log, re.MULTILINE)
    assert "Traceback" not in ended.log and ended.elapsed < 120


@pytest.mark.parametrize(
    "chunks",
    [
        (b"data: {\n\n",),
        (b'data: {"data": 5, "timestamp": "2026-08-01T12:00:00.000Z"}\n\n',),
        (b'data: {"data": null}\n\n',),
        (b'data: {"lines": ["a"]}\n\n',),
        (b'data: {"data": "x", "timestamp": "yesterday"}\n\n',),
        (b'data: {"data": "x", "timestamp": 5}\n\n',),
        (b"data: {" + b'"a": [' * 100_000 + b"\n\n",),
        (b"\xff\xfe\x00 data: {\n\n" * 5,),
        (b"<!doctype html><p>One moment, please.",),
        (event("\ud800 is half of a character"),),
    ],
    ids=["cut", "number", "null", "no data", "bad time", "number as time", "very deep", "no text", "page", "lone surrogate"],
)
def test_events_that_make_no_sense_change_nothing_but_the_log(run, world, hub, chunks):
    """The stream is not documented, so anything may come; the result was found without it."""
    hub.api = Stream(hub.api, *chunks)
    ended = failed(run, broken(world))
    assert (ended.status, ended.result, ended.outputs["stage"]) == (1, "failed", "RUNTIME_ERROR")
    assert "internal error" not in ended.log and "Traceback" not in ended.log
    assert "failed" in ended.summary


@pytest.mark.parametrize("date", ["Fri, 31 Dec 9999 23:59:59 GMT", "soon", "Sat, 01 Aug 2026 12:00:00 -0000", ""])
def test_any_date_of_the_answer_will_do(run, world, hub, date):
    """huggingface_hub compares it with the times of the lines; a strange one costs the lines at most."""
    hub.api = Stream(hub.api, event("a line\n"), headers={"date": date})
    ended = failed(run, broken(world, id="acme/first"), broken(world, id="acme/second"))
    assert [one["result"] for one in ended.spaces] == ["failed", "failed"]
    assert ended.log.count("::group::") + ended.log.count("could not be read") == 2


def test_lines_before_a_break_are_kept(run, world, hub):
    """What came is worth showing, with a word on why there is no more."""
    hub.api = Stream(hub.api, event("the first line\n"), event("the second line\n"), b'data: {"data": \n\n')
    ended = failed(run, broken(world))
    assert shown(ended.log)[:2] == ["the first line", "the second line"]
    assert shown(ended.log)[2].startswith("[the log ends here: ")


# ---- what it means ----


def test_the_cause_leads_the_annotation_and_the_summary(run, world):
    """Before the stage stands what lies behind it; after it what to do, and where that is explained."""
    ended = failed(run, broken(world))
    (annotation,) = re.findall(r"^::error::(.*)$", ended.log, re.MULTILINE)
    assert annotation == (
        "acme/other: failed: module-not-installed: ModuleNotFoundError: No module named 'cv2' (RUNTIME_ERROR instead of "
        "RUNNING). Add opencv-python-headless to requirements.txt (a Docker Space: to what the Dockerfile installs); see "
        "https://huggingface.co/docs/hub/spaces-dependencies"
    )
    assert "\n**module-not-installed**: ModuleNotFoundError: No module named &#39;cv2&#39;" in ended.summary
    assert ended.outputs["message"].startswith("acme/other: module-not-installed: ")
    about = {"cause": "module-not-installed", "evidence": "ModuleNotFoundError: No module named 'cv2'", "blame": "app"}
    assert about.items() <= ended.outputs.items() and about.items() <= ended.spaces[0].items()


def test_the_cause_is_told_by_the_error_message_where_there_is_no_log(run, world):
    """Without a token, and with `logs: never`, what the Hub itself says is enough."""
    error = "Scheduling failure: unable to schedule"
    for about in ({"token": None}, {"logs": "never"}):
        ended = failed(run, broken(world, run_log=(), error=error), **about)
        assert "no-hardware-free: Scheduling failure: unable to schedule (RUNTIME_ERROR" in ended.outputs["message"]
        assert error in ended.outputs["message"]


def test_a_healthy_space_is_told_no_cause(run, world):
    """Words of a failure in the log of a Space that does what is asked say nothing."""
    ended = run("wait", space(world, commit=NEW, run_log=MISSING), logs="always")
    assert (ended.result, "not installed" in ended.outputs["message"]) == ("ok", False)


def test_a_failure_of_unknown_cause_tells_where_to_look(run, world):
    """The remedy of the stage stands where nothing was said of it."""
    ended = failed(run, broken(world, run_log=()))
    assert (ended.outputs["cause"], ended.outputs["evidence"]) == ("", "")
    assert "RUNTIME_ERROR instead of RUNNING. The app does not run; read its log" in ended.outputs["message"]


# ---- the Space's own error message ----


@pytest.mark.parametrize("operation", ["info", "wait"])
def test_the_error_message_is_shown_once_and_shortened(run, world, operation):
    """Its end is told in the message, no longer than a reader can take in, and on one line."""
    error = "Exit code: 1.\n  Reason: " + "x " * 5_000 + "\r\nValueError: it broke"
    ended = run(operation, broken(world, error=error, run_log=()))
    assert "ValueError: it broke" in ended.outputs["message"]
    assert len(ended.outputs["message"]) < 700
    assert max(map(len, ended.log.splitlines())) < 700


@pytest.mark.parametrize("operation", ["info", "wait"])
@pytest.mark.parametrize("before", [0, 290, 1990])
@pytest.mark.parametrize("token", [TOKEN, "eyJhbGciOiJSUzI1NiJ9.MarkedPayload.MarkedSignature"])
def test_the_error_message_is_redacted_before_it_is_cut(run, world, operation, before, token):
    """A token at the place where the message is cut leaves no part of itself."""
    world.tokens[token] = world.tokens[TOKEN]
    ended = run(operation, broken(world, error="y" * before + token, run_log=()), token=token)
    everything = ended.log.replace(f"::add-mask::{token}", "") + ended.summary + json.dumps(ended.outputs)
    assert token[:5] not in everything and token[-5:] not in everything


@pytest.mark.parametrize("operation", ["info", "wait"])
def test_a_token_hidden_in_colours_is_found(run, world, operation):
    """Control characters are taken out before tokens are looked for, not only after."""
    error = f"{TOKEN[:9]}\x1b[0m{TOKEN[9:]}"
    ended = run(operation, broken(world, error=error, stage="RUNTIME_ERROR", run_log=()))
    everything = ended.log.replace(f"::add-mask::{TOKEN}", "") + ended.summary + json.dumps(ended.outputs)
    assert TOKEN not in everything


def test_the_error_message_is_defused(run, world):
    """A command in it is text, and so is Markdown."""
    error = "::error::pwned\n::set-output name=stage::RUNNING\n##[error]x | <img src=x> **bold** @everyone"
    ended = failed(run, broken(world, error=error, run_log=()))
    lines = ended.log.splitlines()
    assert not [line for line in lines if line.lstrip().startswith("::") and "pwned" in line and "acme/other: failed" not in line]
    assert "##[" not in ended.log
    assert not re.search(r"<img|\*\*bold|@everyone", ended.summary)
    assert ended.outputs["stage"] == "RUNTIME_ERROR"


def test_an_error_that_has_passed_is_not_told(run, world):
    """What a Space said of itself before the restart is not part of a success."""
    script = (Phase(1, "BUILDING"), Phase(20, "RUNNING", commit=HEAD))
    ended = run("restart", broken(world, error="Exit code: 1", scripts={"restart": script}))
    assert (ended.result, "Exit code" in ended.outputs["message"]) == ("ok", False)
