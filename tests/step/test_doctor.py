"""`hf-space doctor` as a process: in a pipe, in a terminal, with signals; and where somebody takes it for an operation."""

import json
import re
import signal
import subprocess
import time

import pytest

from hf_action.doctor import STUCK
from hf_action.inputs.settings import parse
from hf_action.rules.outcomes import InvalidInput
from simhub.faults import Fault, Kind
from simhub.server import serve
from simhub.world import Space, Token, World
from tests.conftest import TOKEN, clean_environ
from tests.support.processes import PATIENCE
from tests.support.processes import STUCK as STUCK_RESOLVER
from tests.support.screens import terminals
from tests.support.warm import ROOT, Warm, command


@pytest.fixture
def hub():
    """A Hub in real time."""
    world = World(now=time.monotonic, tokens={TOKEN: Token(name="writer", owners=frozenset({"acme"}), writes=frozenset({"acme"}))})
    world.add(Space(id="acme/demo"))
    with serve(world) as server:
        yield server


def start(*words: str, url: str, script: str = "", **environ: str) -> subprocess.Popen[str]:
    environ = clean_environ() | {"HF_ENDPOINT": url, "HF_TOKEN": TOKEN} | environ
    return Warm(command(*words, script=script), env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_a_pipe_gets_one_line_a_finding(hub):
    """And nothing else: mark, what was looked at, what was found, what to do."""
    process = start("doctor", "acme/demo", url=hub.url)
    out, err = process.communicate(timeout=PATIENCE)
    rows = [line.split("\t") for line in out.splitlines()]
    assert (process.returncode, {len(row) for row in rows}) == (0, {4}), out + err
    listed = re.findall(r"^\| ((?:`[a-z]+` ?)+) \|", (ROOT / "docs/troubleshooting.md").read_text().partition("## `failed`")[0], re.MULTILINE)
    assert [row[1] for row in rows] == re.findall("[a-z]+", " ".join(listed))  # the page has a row for each
    assert re.fullmatch(r"\d warnings?\n", err)  # the date of this Hub is another one
    assert {request.method for request in hub.requests} == {"GET"} and len(hub.requests) <= 6


def test_a_script_gets_json(hub):
    """With the exit status of a problem."""
    process = start("doctor", "acme/none", "--json", url=hub.url)
    out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, json.loads(out)["result"], err) == (1, "problem", "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_what_was_found_until_then(number, hub):
    """And with the exit status of one that was cancelled."""
    hub.inject(Fault(Kind.STALL_HEADERS, path="whoami-v2|acme/demo", times=None))
    process = start("doctor", "acme/demo", "--timeout", "10m", url=hub.url)
    while not any(request.path.endswith("whoami-v2") for request in hub.requests):
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(number)
    out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, err) == (130, "cancelled\n"), out
    assert "\nok\tkeyless\t" in out and "\tevents\t" not in out and "Traceback" not in out + err


def test_a_name_service_that_is_stuck_is_told(hub):
    """What does not end in time is ended, with what was found until then."""
    process = start("doctor", "--timeout", "1", url=hub.url, script=STUCK_RESOLVER)
    out, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert out.splitlines()[-1] == f"problem\tconnection\t{STUCK}\tCheck the name service and the network of this machine"


def test_a_person_sees_marks_in_colours(hub):
    """Results stay on the screen; the cursor and the terminal are as they were."""
    with terminals(HF_ENDPOINT=hub.url, HF_TOKEN=TOKEN) as terminal:
        screen = terminal("doctor", "acme/demo")
        assert screen.end() == 0
        assert "✓ identity      user writer; a token 'writer' with the role write" in screen.text
        assert b"\x1b[32m" in screen.raw and re.fullmatch(r"\d warnings?", screen.text.splitlines()[-1])


def test_its_help_is_its_own(hub):
    """As that of an operation."""
    out, _ = start("doctor", "--help", url=hub.url).communicate(timeout=PATIENCE)
    assert out.startswith("usage: hf-space doctor [SPACE]") and hub.requests == []


@pytest.mark.parametrize(("argv", "environ"), [([], {"INPUT_OPERATION": "doctor", "INPUT_SPACE-ID": "acme/demo"}), (["acme/demo", "--operation", "Doctor"], {})])
def test_it_is_not_an_operation(argv, environ):
    """A workflow that asks for it as one is told where it runs."""
    with pytest.raises(InvalidInput, match="is not an operation, but a command: run hf-space doctor owner/name in a shell, or in a step with run; write one of info, "):
        parse(argv, environ)


def test_a_misspelt_doctor_is_recognized():
    """It changes nothing, so it may be named."""
    with pytest.raises(InvalidInput, match=r"did you mean doctor\?"):
        parse(["docter", "acme/demo"], {})


def test_a_space_may_be_called_so(hub):
    """`owner/doctor` is a Space."""
    process = start("owner/doctor", url=hub.url)
    assert "owner/doctor\tnot-found" in process.communicate(timeout=PATIENCE)[0]
