"""In a shell: results on stdout, all else on stderr; words that other commands have; silence that is explained."""

import json
import os
import re
import signal
import subprocess
import time

import pytest

from hf_action.inputs.doors import read_own_flags
from hf_action.inputs.settings import parse
from hf_action.inputs.table import OPERATIONS
from hf_action.inputs.usage import usage_of
from hf_action.report.listing import lines, screen
from hf_action.rules.models import NEVER, SpaceInfo, SpaceRuntime
from hf_action.rules.outcomes import Outcome
from hf_action.rules.results import Result, conclude, counts
from hf_action.rules.waiting import Goal, Observation, lacking
from hf_action.runner.github import Runner
from hf_action.step import LOGIN
from simhub.server import serve
from simhub.space import COMMIT
from simhub.world import Phase, Space, Token, World
from tests.conftest import TOKEN, UNMEASURED, clean_environ
from tests.support import warm
from tests.support.processes import PATIENCE
from tests.support.screens import terminals
from tests.support.warm import ROOT

OTHER = "1" * 40


def seen(stage="RUNNING", *, commit=None, has="t4-small", asks=None, sleep_time=3600, **about) -> SpaceInfo:
    runtime = SpaceRuntime(stage=stage, commit=commit, hardware=has, requested_hardware=asks, sleep_time=sleep_time)
    return SpaceInfo(id="acme/x", runtime=runtime, **({"sdk": "gradio", "sdk_version": "5.29.0", "head": OTHER, "host": "https://x.hf.space"} | about))


def result(name: str, after: SpaceInfo | None, outcome=Outcome.OK, **about) -> Result:
    return Result(space=f"acme/{name}", outcome=outcome, message="m", elapsed=1.0, url=f"https://hub/spaces/acme/{name}", after=after, **about)


def step(*results: Result, operation="list"):
    return conclude(results, cancelled=False, operation=operation, elapsed=1.0, requests=1, prices={"t4-small": 0.4})


FLEET = step(
    result("a", seen(commit=COMMIT, asks="a10g-small")),
    result("long-name", seen("BUILD_ERROR", has=None, asks="cpu-basic")),
    result("c", seen("PAUSED", has=None)),
    result("d", seen("BUILDING", has="cpu-basic", asks="cpu-basic")),
    result("gone", None, Outcome.NOT_FOUND),
)


# ---- what is drawn ----


def test_a_pipe_gets_one_line_a_space():
    """With tabs between what it says, and nothing else."""
    assert lines(FLEET, str) == [
        f"acme/a\tRUNNING\tt4-small → a10g-small\t{COMMIT}",
        "acme/long-name\tBUILD_ERROR\tcpu-basic\t",
        "acme/c\tPAUSED\t\t",
        "acme/d\tBUILDING\tcpu-basic\t",
        "acme/gone\tnot-found\t\t",
    ]


def test_of_what_was_done_a_pipe_gets_the_result():
    """And the stage, where it is known."""
    done = step(result("a", seen()), result("gone", None, Outcome.NOT_FOUND), operation="restart")
    assert lines(done, str) == ["acme/a\tok\tRUNNING", "acme/gone\tnot-found\t"]


def test_a_person_gets_a_table_and_counts():
    """Broken ones are seen to be broken."""
    assert screen(FLEET, str) == [
        "SPACE           STAGE          HARDWARE               COMMIT",
        "acme/a          RUNNING        t4-small → a10g-small  3d2e3a6",
        "acme/long-name  ✗ BUILD_ERROR  cpu-basic",
        "acme/c          PAUSED",
        "acme/d          BUILDING       cpu-basic",
        "acme/gone       ✗ not-found",
        "1 running, 1 starting, 1 broken, 1 not-found, 1 paused",
    ]
    assert len(screen(step(result("a", seen())), str)) == 2


def test_one_space_is_shown_in_detail():
    """In at most a screen, whatever it has said: cause and evidence first."""
    broken = result("x", seen("BUILD_ERROR"), cause="version-conflict", blame="app", evidence="word " * 900, remedy="pin one of them")
    shown = screen(step(broken, operation="info"), str)
    assert shown[:2] == ["acme/x: ✗ BUILD_ERROR", "  cause     version-conflict (app)"]
    assert shown[2].startswith("  evidence  word word") and len(shown[2]) < 450
    assert shown[3:] == [
        "  remedy    pin one of them",
        "  page      https://hub/spaces/acme/x",
        "  app       https://x.hf.space",
        "  SDK       gradio 5.29.0",
        "  hardware  t4-small ($0.40 an hour)",
        "  sleeps    after 1h00m without a visit",
        f"  head      {OTHER}",
    ]


@pytest.mark.parametrize(
    ("space", "shown"),
    [
        (seen(commit=COMMIT), [f"commit    {COMMIT}", f"head      {OTHER} (not served)"]),
        (seen(commit=OTHER), [f"commit    {OTHER}"]),
        (seen(sleep_time=NEVER), ["sleeps    never"]),
        (seen(sleep_time=None), ["sleeps    not known"]),
        (seen(sdk="static", has=None, sleep_time=None, host=None), [f"head      {OTHER}"]),
    ],
)
def test_the_detail_says_what_is_known(space, shown):
    """A static Space neither sleeps nor has hardware."""
    found = [line.strip() for line in screen(step(result("x", space), operation="info"), str)]
    assert [line for line in shown if line not in found] == []
    assert ("sleeps" in "".join(found)) == (space.sdk != "static")


def test_a_space_that_was_not_seen_has_its_page():
    """What is wrong stands on stderr."""
    shown = screen(step(result("x", None, Outcome.DENIED), operation="info"), str)
    assert shown == ["acme/x: ✗ denied", "  page      https://hub/spaces/acme/x"]


def test_spaces_are_counted_by_what_they_do():
    """Also in the message of the step; what was done is counted by its results."""
    assert counts(FLEET.results) == "1 running, 1 starting, 1 broken, 1 not-found, 1 paused"
    assert FLEET.message == f"5 Spaces: {counts(FLEET.results)}"
    assert step(result("a", seen()), result("b", seen()), operation="pause").message == "2 Spaces: 2 ok"


# ---- words ----


@pytest.mark.parametrize(
    ("words", "rest", "json", "quiet"),
    [
        (["info", "a/b"], ["info", "a/b"], False, False),
        (["--json", "info"], ["info"], True, False),
        (["--format", "json", "info"], ["info"], True, False),
        (["--format=json", "-q"], [], True, True),
        (["--quiet", "info"], ["info"], False, True),
        (["--format", "xml"], ["--format", "xml"], False, False),
        (["--format"], ["--format"], False, False),
    ],
)
def test_flags_of_the_command_itself(words, rest, json, quiet):
    """Anywhere among the words."""
    found = read_own_flags(words)
    assert (found.rest, found.json, found.quiet) == (rest, json, quiet)


def test_words_that_other_commands_have():
    """`ls` is list, and --no-wait waits for nothing."""
    assert parse(["ls", "--author", "acme"], {}).operation == "list"
    assert parse(["restart", "a/b", "--no-wait"], {}).stages == frozenset()


def test_another_format_is_a_mistake(url):
    """Which names the one there is."""
    done = call("info", "acme/demo", "--format", "xml", url=url)
    assert (done.returncode, done.stdout) == (2, "")
    assert "error: --format: has one value only; write --format json, or leave it out." in done.stderr


@pytest.mark.parametrize("operation", OPERATIONS)
def test_the_help_of_an_operation(operation):
    """Its own inputs and no others."""
    text = usage_of(operation, width=100)
    assert text.startswith(f"usage: hf-space {operation} SPACE") and OPERATIONS[operation].split(",")[0] in text
    assert ("--factory-reboot" in text) == (operation == "restart")
    assert ("--settle" in text) == (operation not in ("info", "list", "sleep-time"))
    assert "--operation" not in text


def test_help_behind_an_operation_is_its_own(url):
    """Whatever else is written."""
    done = call("pause", "acme/demo", "--help", url=url)
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "usage: hf-space pause SPACE [SPACE ...] [--INPUT VALUE ...]")
    assert call("ls", "--help", url=url).stdout == call("list", "--help", url=url).stdout


# ---- the command ----


@pytest.fixture(scope="module")
def url():
    """A Hub in real time."""
    world = World(now=time.monotonic, tokens={TOKEN: Token(name="writer", owners=frozenset({"acme"}), writes=frozenset({"acme", "else"}))})
    world.add(Space(id="acme/demo", hardware="t4-small", sleep_time=3600))
    world.add(Space(id="acme/private", private=True))
    world.add(Space(id="acme/crashed", stage="RUNTIME_ERROR", commit=None, error="ModuleNotFoundError: No module named 'torch'"))
    world.add(Space(id="acme/slow", commit="0" * 40, head=OTHER, scripts={"restart": (Phase(300, "RUNNING_BUILDING"),)}))
    world.add(Space(id="else/breaks", commit="0" * 40, head=OTHER, scripts={"restart": (Phase(0, "BUILDING"), Phase(0.2, "BUILD_ERROR"))}))
    world.add(Space(id="other/demo"))
    with serve(world) as server:
        yield server.url


def call(*words: str, url: str, token: str = TOKEN, **environ: str) -> subprocess.CompletedProcess[str]:
    given = {"HF_ENDPOINT": url} | ({"HF_TOKEN": token} if token else {})
    return warm.run(warm.command(*words), env=clean_environ() | given | environ, text=True, timeout=PATIENCE)


def test_stdout_has_results_and_nothing_else(url):
    """Progress, counts and errors are on stderr."""
    done = call("list", "--author", "acme", url=url)
    assert (done.returncode, done.stdout.count("\n"), done.stdout.count("\t")) == (0, 4, 12)
    assert "4 Spaces: 3 running, 1 broken" in done.stderr
    done = call("info", "acme/demo", "acme/none", url=url)
    assert (done.returncode, done.stdout) == (3, f"acme/demo\tRUNNING\tt4-small\t{COMMIT}\nacme/none\tnot-found\t\t\n")
    assert "error: acme/none: not-found" in done.stderr


def test_quiet_leaves_results_and_errors(url):
    """And warnings, which are about what somebody relies on."""
    done = call("info", "acme/demo", "acme/none", "--settle", "5s", "-q", url=url)
    assert done.stdout.splitlines()[0].startswith("acme/demo\tRUNNING")
    assert [line.partition(":")[0] for line in done.stderr.splitlines()] == ["warning", "error"]
    done = call("restart", "else/breaks", "--settle", "1s", "--quiet", "--logs", "always", url=url)
    assert (done.returncode, done.stdout) == (1, "else/breaks\tfailed\tBUILD_ERROR\n")
    assert [line.partition(":")[0] for line in done.stderr.splitlines()] == ["error"]


def test_quiet_folds_no_log(capsys, monkeypatch):
    """Neither a title nor its lines."""
    for name in ("GITHUB_ACTIONS", "GITHUB_OUTPUT"):
        monkeypatch.delenv(name, raising=False)
    Runner(quiet=True).group("the log", ["one"])
    assert capsys.readouterr() == ("", "")


def test_a_file_that_may_not_be_read_says_why(tmp_path, monkeypatch):
    """In the system's words."""
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    (tmp_path / "fleet.yml").write_text("spaces: [a/b]")

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.open", refuse)
    with pytest.raises(ValueError, match=r"^cannot be read \(Permission denied\)$"):
        Runner().read_file("fleet.yml")


def test_quiet_on_github_leaves_no_notice(url, tmp_path):
    """The outputs are what is read there."""
    done = call("info", "acme/demo", "--quiet", url=url, GITHUB_ACTIONS="true", GITHUB_OUTPUT=str(tmp_path / "out"))
    assert (done.returncode, done.stdout) == (0, f"::add-mask::{TOKEN}\n")


def test_the_command_of_the_page_runs_as_it_stands(url):
    """With what reads the document in place of jq, which may not be there."""
    ((words, key),) = re.findall(r"^\$ hf-space (.+) \| jq --raw-output \.(\w+)$", (ROOT / "docs/other-ci.md").read_text(), re.MULTILINE)
    done = call(*words.split(), url=url)
    assert done.returncode == 0 and json.loads(done.stdout)[key] == f"{url}/_apps/acme/demo"


def test_a_dry_run_of_a_pause_says_what_it_would_save(url):
    """By the hour and by the month."""
    done = call("pause", "acme/demo", "--dry-run", url=url)
    assert done.stdout == "acme/demo\tplanned\tRUNNING\n"
    assert "$0.40 an hour; a pause would save $0.40 an hour, which is $4.80 a night of 12 hours or $292 a month" in done.stderr
    assert "would save" not in call("restart", "acme/demo", "--dry-run", url=url).stderr


def test_json_is_the_same_by_another_name(url):
    """As `gh` and `docker` write it."""
    assert json.loads(call("ls", "--author", "acme", "--format", "json", url=url).stdout)["count"] == 4


SLOW_REPORT = """
import sys, time
from hf_action import main
from hf_action.runner.github import Runner
main.GRACE, main.SAME_SIGNAL = 3600.0, 0.0  # only a second signal ends it
Runner.close = lambda self: [print("closing", file=sys.stderr, flush=True), time.sleep(3600)]
sys.exit(main.main())
"""


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("restart", "acme/slow"), "ended at once; sent, and going on at the Hub: restart acme/slow"),
        (("wait", "acme/slow"), "ended at once; sent, and going on at the Hub: nothing"),
    ],
)
def test_a_second_signal_says_what_was_sent(words, told, url):
    """Also to who does not wait for the report."""
    environ = clean_environ() | {"HF_ENDPOINT": url, "HF_TOKEN": TOKEN} | UNMEASURED
    process = warm.Warm(warm.command(*words, script=SLOW_REPORT), env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not re.search("restart sent|: RUNNING", line := process.stderr.readline()) or (words[0] == "restart" and "sent" not in line):
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    while "closing" not in process.stderr.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    rest = process.communicate(timeout=PATIENCE)[1]
    assert (process.returncode, rest.strip().splitlines()[-1]) == (130, told)


# ---- in a terminal ----


@pytest.fixture
def terminal(url):
    with terminals(HF_ENDPOINT=url, HF_TOKEN=TOKEN) as start:
        yield start


def test_a_person_sees_a_table_at_the_end(terminal):
    """The lines that moved have gone."""
    screen = terminal("list", "--author", "acme")
    assert screen.end() == 0
    table = screen.text[screen.text.index("SPACE") :].splitlines()
    assert table[1].split() == ["acme/crashed", "✗", "RUNTIME_ERROR", "cpu-basic"] and table[-1] == "3 running, 1 broken"
    assert "✓" not in screen.text


def test_who_pipes_the_results_still_sees_the_lines(terminal):
    """They are on stderr."""
    screen = terminal("info", "acme/demo", stdout=subprocess.PIPE)
    assert screen.process.stdout.read().decode().startswith("acme/demo\tRUNNING")
    assert screen.end() == 0


def test_a_message_is_not_broken_into_lines_of_its_own(terminal):
    """The terminal wraps it, and a copy of it is one line."""
    screen = terminal("info", "acme/demo", "--settle", "9s", "--search", "", columns=40)
    assert screen.end() == 0
    assert b"info acme/demo on http://127.0.0.1" in screen.raw
    first = screen.raw.split(b"info acme/demo on ")[1].splitlines()[0]
    assert first.endswith(b"at most 1800 s")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--commit", "any", "--settle", "50"), r"RUNNING for \S+ on commit 0000000, cpu-basic; may be the old build, believed in \d\d s"),
        (("--commit", "head"), r"RUNNING for \S+ on commit 0000000, cpu-basic; waiting for commit 1111111, for 30 min at most"),
        (("--wait-for-stage", "PAUSED,SLEEPING"), r"may be from before, believed in \d\d s"),
    ],
)
def test_the_line_says_what_is_waited_for_and_until_when(words, told, terminal):
    """A stage that does not move is explained."""
    screen = terminal("wait", "acme/slow", *words, columns=160)
    screen.until(lambda: re.search(told, screen.text) is not None)
    screen.type("\x03")
    assert screen.end() == 130


def login(tmp_path, token=TOKEN) -> dict[str, str]:
    (tmp_path / "token").write_text(f"{token}\n")
    return {"HF_HOME": str(tmp_path), "HF_TOKEN": ""}


def test_the_token_of_a_login_is_used_in_a_terminal(terminal, tmp_path):
    """And that is said."""
    screen = terminal("info", "acme/private", **login(tmp_path), columns=200)
    assert screen.end() == 0
    assert "with the token of 'hf auth login'" in screen.text and "acme/private: RUNNING" in screen.text
    assert TOKEN not in screen.text


def test_it_is_named_where_it_is_refused(terminal, tmp_path):
    """Whose it is, only its owner can find out."""
    screen = terminal("pause", "other/demo", **login(tmp_path), columns=200)
    assert screen.end() == 3
    assert f"warning: {LOGIN}" in screen.text


def test_it_is_named_where_nothing_could_be_listed_with_it(terminal, tmp_path):
    """The whole step is refused then, and no Space of it."""
    screen = terminal("list", "--author", "acme", **login(tmp_path, "hf_wrongwrongwrong"), columns=200)
    assert screen.end() == 3
    assert f"warning: {LOGIN}" in screen.text


def test_a_given_token_comes_before_it(terminal, tmp_path):
    """As in huggingface_hub."""
    screen = terminal("info", "acme/private", **(login(tmp_path, "hf_wrongwrongwrong") | {"HF_TOKEN": TOKEN}), columns=200)
    assert screen.end() == 0 and "hf auth login" not in screen.text


def test_who_wants_no_implicit_token_has_none(terminal, tmp_path):
    """By huggingface_hub's own variable."""
    screen = terminal("info", "acme/private", **login(tmp_path), HF_HUB_DISABLE_IMPLICIT_TOKEN="1", columns=200)
    assert screen.end() == 3 and "without a token" in screen.text


def test_elsewhere_it_is_not_looked_for(url, tmp_path):
    """A script has no owner who sees whose token it takes."""
    done = call("info", "acme/private", url=url, token="", **login(tmp_path))
    assert (done.returncode, "without a token" in done.stderr) == (3, True)


def test_a_login_that_cannot_be_read_is_none(terminal, tmp_path):
    """The step is anonymous."""
    (tmp_path / "token").mkdir()
    screen = terminal("info", "acme/demo", HF_HOME=str(tmp_path), HF_TOKEN="", columns=200)
    assert screen.end() == 0 and "without a token" in screen.text
    assert os.environ.get("HF_HOME") != str(tmp_path)


# ---- what a wait lacks ----


GOAL = Goal(stages=frozenset({"RUNNING"}), began=0.0, deadline=600.0, before="RUNNING", commit="any")


@pytest.mark.parametrize(
    ("goal", "look", "now", "words"),
    [
        (GOAL, Observation(at=20.0, stage="RUNNING"), None, "may be the old build, believed in 40 s"),
        (GOAL, Observation(at=20.0, stage="RUNNING"), 29.0, "may be the old build, believed in 31 s"),
        (GOAL, Observation(at=20.0, stage="RUNNING"), 61.0, "may be the old build, believed at the next look"),
        (Goal(**{name: getattr(GOAL, name) for name in ("began", "deadline", "before")}, stages=frozenset({"PAUSED"})), Observation(at=20.0, stage="RUNNING"), 29.0, "may be from before, believed in 31 s"),
        (Goal(stages=GOAL.stages, began=0.0, deadline=600.0, before="RUNNING", commit="head", head=OTHER), Observation(at=20.0, stage="RUNNING", commit=COMMIT), 60.0, "waiting for commit 1111111, for 9 min at most"),
        (Goal(stages=GOAL.stages, began=0.0, deadline=600.0, before="RUNNING", commit="head", head=OTHER), Observation(at=20.0, stage="RUNNING", commit=COMMIT), 560.0, "waiting for commit 1111111, for 40 s at most"),
    ],
)  # fmt: skip
def test_what_is_lacking_is_said_with_its_end(goal, look, now, words):
    """At the moment at which it is shown."""
    assert lacking(goal, [look], now) == words
