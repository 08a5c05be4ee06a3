"""`make live` and `python -m live`: what they ask for, what they leave behind, and how they end."""

import re
import signal
import subprocess
import sys

import pytest

from live.__main__ import CANCELLED, CANNOT_RUN, DIFFERS, SAME, main
from live.clock import ScaledClock
from live.options import read_options
from live.reference import KEEP_ALIVE
from live.survey import CannotRun
from simhub.__main__ import demo, parse
from simhub.faults import Fault, Kind
from simhub.server import serve
from tests.conftest import TOKEN
from tests.live.conftest import ROOT, environ
from tests.live.lies import Lie

SECRET = "hf_simulatedwrite"


@pytest.fixture(autouse=True)
def signals():
    """The command takes the signals of its process; here they are given back."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def command(place, monkeypatch, tmp_path, capsys):
    """Run the command against a Hub in this process: `command("--only=look")` returns status, stdout and stderr."""
    there = place()
    for name in ("HF_TOKEN", "HUGGINGFACE_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_SPACE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"HF_ENDPOINT": there.hub.url, "HF_TOKEN": TOKEN, "HF_SPACE": "acme/demo"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "stdin", None)

    def command(*words, ask=None):
        status = main([f"--report={tmp_path / 'report'}", *words], ask=ask)
        said = capsys.readouterr()
        return status, said.out, said.err

    command.place = there
    command.report = tmp_path / "report"
    return command


def test_what_is_missing_is_told_at_once(command, monkeypatch):
    """Token and Space together; nothing is asked."""
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.delenv("HF_SPACE")
    status, _, err = command("--yes")
    assert status == CANNOT_RUN
    assert "no token: set HF_TOKEN" in err and "no Space: set HF_SPACE=owner/name" in err
    assert command.place.hub.requests == []


@pytest.mark.parametrize(
    ("environ", "argv", "why"),
    [
        ({"HF_SPACE": ""}, [], "no Space"),
        ({"HF_TOKEN": ""}, [], "no token"),
        ({"HF_SPACE": "demo"}, [], "write owner/name"),
        ({"HF_SPACE": "a/b/c"}, [], "write owner/name"),
        ({"HF_ENDPOINT": "http://hub.example.com"}, [], "over plain http"),
        ({"HF_ENDPOINT": "hub"}, [], "HF_ENDPOINT=hub"),
        ({}, ["--only=look,loook"], "no such step: loook"),
        ({}, ["--skip=everything"], "no such step: everything"),
    ],
)
def test_mistakes_are_explained(environ, argv, why):
    """Before any request."""
    with pytest.raises(CannotRun, match=re.escape(why)):
        read_options(argv, {"HF_TOKEN": TOKEN, "HF_SPACE": "acme/demo"} | environ)


@pytest.mark.parametrize("name", ["HF_TOKEN", "HUGGINGFACE_TOKEN", "HUGGING_FACE_HUB_TOKEN"])
def test_the_token_is_looked_for_where_the_action_does(name):
    """In the same order, and shown by nothing."""
    options = read_options([], {"HUGGING_FACE_HUB_TOKEN": "hf_last"} | {name: "hf_first"} | {"HF_SPACE": "a/b"})
    assert options.token == "hf_first" and "hf_first" not in repr(options)
    assert options.endpoint == "https://huggingface.co"


def test_a_rename_is_made_only_where_it_is_asked_for():
    """All other steps are the default."""
    given = {"HF_TOKEN": TOKEN, "HF_SPACE": "a/b"}
    assert read_options(["--rename"], given).wanted - read_options([], given).wanted == {"rename"}


def test_nobody_is_there_to_be_asked(command):
    """Without a terminal and without --yes nothing is changed."""
    status, out, err = command()
    assert status == CANNOT_RUN and "--yes" in err
    assert "It must be a Space that nobody needs" in out
    assert {request.method for request in command.place.hub.requests} == {"GET"}


@pytest.mark.parametrize("answer", ["", "y", "yes", "acme/other"])
def test_an_answer_other_than_the_name_is_a_no(command, answer):
    """A name cannot be typed by accident."""
    status, _, err = command(ask=lambda question: answer if "acme/demo" in question else "acme/demo")
    assert status == CANNOT_RUN and "not confirmed" in err
    assert {request.method for request in command.place.hub.requests} == {"GET"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_signal_is_an_answer_too(command, number):
    """Nothing was changed, and the status is that of a cancelled program; test_workflow.py cancels a tour under way."""
    status, _, err = command(ask=lambda _: signal.raise_signal(number))
    assert status == CANCELLED and err == "live: cancelled; no report was written\n"
    assert {request.method for request in command.place.hub.requests} == {"GET"}


def test_the_name_is_a_yes(command):
    """And without a difference the status is 0, and the page says so."""
    status, out, _ = command("--only=look,whoami", ask=lambda _: " acme/demo ")
    assert (status, "No difference" in out) == (SAME, True)
    assert "No difference" in (command.report / "differences.md").read_text()
    assert list((command.report / "samples").iterdir()) == []


def test_differences_are_shown_and_written(command):
    """With status 1; what an earlier tour has left gives way; the token is nowhere."""
    (command.report / "samples").mkdir(parents=True)
    (command.report / "samples/hardware.json").write_text("old")
    command.place.lie(Lie((), "", told=lambda reply: reply.runtime.pop("devMode", None)))
    status, out, err = command("--yes", "--only=look")
    files = {path.name: path.read_text() for path in command.report.glob("**/*.*")}
    assert status == DIFFERS and "runtime.devMode" in out
    assert files.keys() == {"differences.md", "runtimes.json", "evidence.json"}
    assert TOKEN not in out + err + "".join(files.values())


def test_a_hub_that_does_not_answer(command, monkeypatch):
    """It could not run, in one line."""
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    status, _, err = command("--yes")
    assert status == CANNOT_RUN and err.count("\n") == 1 and "does not answer" in err


@pytest.mark.parametrize(
    ("environ", "why"),
    [({"HF_TOKEN": "hf_" + "y" * 30}, "does not take the token"), ({"HF_SPACE": "acme/absent"}, "does not show acme/absent")],
)
def test_what_the_hub_does_not_know(command, monkeypatch, environ, why):
    """The token, the Space."""
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    status, _, err = command("--yes")
    assert status == CANNOT_RUN and why in err


def test_a_step_in_trouble_is_not_a_success(command):
    """Where no answer comes in the midst of the tour, nothing can be said, and the status says that."""
    command.place.hub.inject(Fault(Kind.RESET_BEFORE, path="no-such-space"))
    status, out, _ = command("--yes", "--only=look,absent")
    assert status == CANNOT_RUN and "NOT RUN: absent: no answer came" in out


def test_time_passes_as_fast_as_told():
    """On a simulated Hub in a hurry."""
    clock = ScaledClock(speed=1e5)
    began = clock.now()
    clock.sleep(100)
    assert clock.now() - began >= 100


# ---- processes ----


# make must leave .venv alone: where it is a link, as in a worktree, `make setup` would empty what others work with.
MAKE = ["make", "--no-print-directory", "--old-file=.venv/ready", f"BIN={sys.prefix}/bin", "live"]


def test_make_live_makes_the_whole_tour(tmp_path):
    """In time that passes for both, only fast: no difference; the account can pay, so no hardware is asked for."""
    speed = 40
    with serve(demo(parse([f"--speed={speed}"])), keep_alive=KEEP_ALIVE) as hub:
        done = subprocess.run(
            [*MAKE, "HF_SPACE=demo/running", f"LIVE=--yes --rename --speed {speed} --report {tmp_path / 'report'}"],
            cwd=ROOT, env=environ(HF_ENDPOINT=hub.url, HF_TOKEN=SECRET), capture_output=True, text=True, timeout=280,
        )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No difference" in done.stdout and "NOT RUN: hardware: the account can pay" in done.stdout
    assert SECRET not in done.stdout + done.stderr
    assert "No difference" in (tmp_path / "report/differences.md").read_text()
