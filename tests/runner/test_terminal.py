"""In a terminal each Space has one line, which moves while it is waited for, and stays when it has ended."""

import json
import re
import signal
import subprocess
import sys
import time

import pytest

from simhub.faults import Fault, Kind
from simhub.server import serve
from simhub.world import HEAD, Phase, Space, Token, World
from tests.conftest import TOKEN, UNMEASURED, clean_environ
from tests.support import warm
from tests.support.processes import MAIN, PATIENCE, PATIENT, STUCK_TOO_LONG
from tests.support.screens import colours, terminals
from tests.support.warm import ROOT

REBUILD = (Phase(1, "RUNNING_BUILDING"), Phase(2.5, "RUNNING", commit=HEAD))
HOSTILE = f"\x1b[31m[bold]red[/bold]\x1b[0m \x1b]0;title\x07 \x9b2J {TOKEN} ::error::x"


@pytest.fixture(scope="module")
def hub():
    """A Hub in real time."""
    token = Token(name="writer", owners=frozenset({"acme"}), writes=frozenset({"acme"}))
    world = World(now=time.monotonic, tokens={TOKEN: token})
    world.add(Space(id="acme/demo"))
    for name in ("twice", "thrice"):
        world.add(Space(id=f"acme/{name}", commit="0" * 40, head="1" * 40, scripts={"restart": REBUILD}))
    world.add(Space(id="acme/broken", stage="BUILD_ERROR", commit=None))
    world.add(Space(id="acme/busy", stage="BUILDING", commit=None, timeline=(Phase(0, "BUILDING"),)))
    again = {"restart": (Phase(0.3, "BUILDING"), Phase(1, "RUNTIME_ERROR"))}
    world.add(Space(id="acme/crashed", stage="RUNTIME_ERROR", commit=None, scripts=again, run_log=((0.0, "ModuleNotFoundError: No module named 'torch'"),)))
    world.add(Space(id="acme/hostile", stage="RUNNING", timeline=(Phase(0, "RUNTIME_ERROR", error=HOSTILE),), run_log=((0.0, HOSTILE),)))
    for number in range(40):
        world.add(Space(id=f"acme/space-{number:02}"))
    with serve(world) as server:
        yield server


@pytest.fixture
def url(hub):
    return hub.url


@pytest.fixture
def terminal(url):
    """Start the command in a terminal: `terminal("info", "acme/demo")`."""
    with terminals(HF_ENDPOINT=url, HF_TOKEN=TOKEN) as start:
        yield start


# ---- the lines ----


def test_a_space_has_one_line_that_moves(terminal, clock):
    """It says stage, how long that lasts, commit and what was sent; at the end what has become of it, and how it came."""
    world = World(now=clock.now, tokens={TOKEN: Token(name="writer", owners=frozenset({"acme"}), writes=frozenset({"acme"}))})
    world.add(Space(id="acme/once", commit="0" * 40, head="1" * 40, scripts={"restart": REBUILD}))
    with serve(world) as hub:
        screen = terminal("restart", "acme/once", columns=180, HF_ENDPOINT=hub.url)
        moves_once(screen, clock)


def moves_once(screen, clock) -> None:
    """Look at the line of a Space while it waits, builds and has been built."""
    screen.until("restart sent; the Hub answers")
    screen.until("; waiting for commit 1111111")  # the line that moves says so when it is drawn next
    (line,) = [line for line in screen.shown if re.search(r"^. +[\d.]+s acme/once RUNNING", line)]
    assert re.search(r"RUNNING for [\dms.]+ on commit 0000000, cpu-basic; waiting for commit 1111111, for 30 min at most · restart sent", line)
    clock.advance(1.0)
    screen.until("RUNNING_BUILDING for")
    clock.advance(1.5)
    screen.until("✓")
    assert screen.end() == 0
    _, final = screen.text.splitlines()
    assert re.fullmatch(
        r"✓ +[\dms.]+ acme/once ok: RUNNING on commit 1111111 \(RUNNING [\dms.]+ → RUNNING_BUILDING [\dms.]+ → RUNNING\)", final
    ), screen.text


def test_the_line_changes_though_nothing_happens(terminal):
    """Time passes on the screen, and no line is added."""
    screen = terminal("wait", "acme/busy")
    screen.until("BUILDING for")
    before = screen.shown
    screen.until(lambda: screen.shown != before)
    assert len("\n".join(screen.shown).strip().splitlines()) == 2
    screen.type("\x03")
    screen.end()


BEATING = "from hf_action import main\nfrom hf_action.runner import log as runner\nrunner.HEARTBEAT, runner.MOMENT, main.BEAT = 0.3, 0.1, 0.2\nsys.exit(main.main())"


def test_lines_that_move_need_no_heartbeat(terminal, url):
    """Elsewhere it is a line, also where colours are forced."""
    screen = terminal("wait", "acme/busy", script=BEATING)
    screen.until(lambda: re.search(r"BUILDING for [1-9]", "\n".join(screen.shown)) is not None)
    screen.type("\x03")
    assert screen.end() == 130
    assert b"still waiting" not in screen.raw
    environ = clean_environ() | {"HF_ENDPOINT": url, "FORCE_COLOR": "1"}
    with warm.Warm(warm.command("wait", "acme/busy", script=BEATING), env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        while b"s] still waiting: acme/busy" not in process.stderr.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=PATIENCE)


def test_what_the_step_does_before_there_are_spaces(terminal, hub):
    """There is a line while they are listed, which does not stay."""
    hub.inject(Fault(kind=Kind.STATUS))
    screen = terminal("list", "--author", "acme", "--limit", "2")
    screen.until("COMMIT")
    assert screen.end() == 0
    assert b"listing the Spaces of acme" in screen.raw and "listing" not in screen.text
    assert screen.text.splitlines()[-1] == "1 starting, 1 broken"


def test_more_spaces_than_lines(terminal):
    """Those that are waited for come first, the rest is counted, nothing scrolls away; in the end each has its line once."""
    names = [f"acme/space-{number:02}" for number in range(40)]
    screen = terminal("wait", "acme/busy", *names, "--max-parallel", "40", lines=12, columns=60)
    screen.until("acme/busy is BUILDING")
    screen.until(lambda: all("✓" in line for line in screen.shown[2:11]) and screen.shown[11].endswith(" · 31 more"))
    assert re.match(r". +[\d.]+s acme/busy +BUILDING", screen.shown[1]), screen.text
    assert len(screen.scrolled) == 1  # of what the step is about to do; no line that moves
    screen.type("\x03")
    assert screen.end() == 130
    final = [line for line in screen.text.splitlines() if re.match("[✓✗]", line)]
    assert [re.search(r"acme/\S+", line)[0] for line in final] == ["acme/busy", *names]


def test_what_is_printed_meanwhile_is_above(terminal):
    """A log that is fetched, then the lines of the Spaces, and last what has failed, with what to do about it."""
    screen = terminal("restart", "acme/twice", "acme/crashed", "--settle", "0.1", "--wait-for-stage", "RUNNING,SLEEPING")
    screen.until("error:")
    assert screen.end() == 1
    rest = screen.text[screen.text.index("acme/crashed: the last 2 lines of its run log") :].splitlines()
    assert rest[2] == " | ModuleNotFoundError: No module named 'torch'"
    assert re.match(r"✓ +\S+ acme/twice +ok: ", rest[3]) and re.match(r"✗ +\S+ acme/crashed failed", rest[4])
    assert rest[5].startswith("error: acme/crashed: failed: ") and "requirements.txt" in screen.text
    assert rest[-1].startswith("restart failed after")


def test_the_lines_stay_in_the_order_asked_for(terminal):
    """Whichever was done first."""
    screen = terminal("wake", "acme/space-01", "acme/absent", "acme/space-00", "acme/demo", "--max-parallel", "1", "--commit", "any")
    assert screen.end() == 3
    names = [line.split()[2] for line in screen.text.splitlines() if re.match("[✓✗]", line)]
    assert names == ["acme/space-01", "acme/absent", "acme/space-00", "acme/demo"]


def test_what_is_said_after_the_end_of_a_space_is_a_line_of_its_own(terminal):
    """As that its log could not be read."""
    screen = terminal("info", "acme/crashed", "--logs", "always", HF_TOKEN="")
    assert screen.end() == 0
    screen = terminal("restart", "acme/crashed", "--settle", "0.1", script=NO_LOG)
    assert screen.end() == 1
    assert re.search(r"^\[[\d.]+s\] acme/crashed: the run log could not be read: nobody knows", screen.text, re.MULTILINE)


NO_LOG = """
from hf_action.rules import outcomes as errors
from hf_action.hub import client as hub
from hf_action.main import main
def log_tail(self, space, **about):
    raise errors.Refused("nobody knows")
hub.Hub.log_tail = log_tail
hub.Hub.send = lambda self, write, space: self.runtime(space)
sys.exit(main())
"""


def test_a_narrow_terminal(terminal):
    """A line is cut while it moves, and whole once it stays."""
    screen = terminal("wait", "acme/demo", "--commit", "any", "--settle", "3", columns=40)
    screen.until("RUNNING for")
    assert len([line for line in screen.shown if "acme/demo RUNNING" in line]) == 1
    assert screen.end() == 0
    assert "ok: RUNNING on" in screen.text


# ---- however it ends ----


def test_ctrl_c(terminal):
    """The main thread ends by itself, with exit status 130; what it was cancelled in is told."""
    screen = terminal("wait", "acme/busy", "acme/demo", "--settle", "60", script=PATIENT + MAIN)
    screen.until("BUILDING for")
    screen.type("\x03")
    assert screen.end() == 130
    assert re.search(r"^✗ +\S+ acme/busy cancelled", screen.text, re.MULTILINE)
    assert "error: acme/busy: cancelled: cancelled while BUILDING; nothing was sent" in screen.text
    assert "Traceback" not in screen.text


@pytest.mark.parametrize("delay", [0.1, 0.2, 0.3, 0.45, 0.6, 0.8])
def test_ctrl_c_at_any_moment(terminal, delay):
    """Also while the lines are about to appear."""
    screen = terminal("wait", "acme/busy", **UNMEASURED)
    time.sleep(delay)
    screen.process.send_signal(signal.SIGTERM)
    assert screen.end() in (130, -signal.SIGTERM)
    assert "Traceback" not in screen.text


def test_a_machine_without_threads_has_lines_that_stay(terminal):
    """There is none to draw them."""
    script = "import threading\nfrom hf_action.main import main\ndef refuse(self):\n    raise RuntimeError('no more threads')\n"
    screen = terminal("info", "acme/demo", script=script + "threading.Thread.start = refuse\nsys.exit(main())")
    assert screen.end() == 0
    assert "acme/demo: ok: RUNNING" in screen.text and "Traceback" not in screen.text


def test_a_second_ctrl_c(terminal):
    """The process is gone at once, and the cursor is there: it was never hidden."""
    slow = "import time\nfrom hf_action.runner import github as runner\nfrom hf_action import main as steps\nsteps.GRACE, steps.SAME_SIGNAL = 3600.0, 0.0\n"
    slow += "signals = steps.Cancellation._handle\n"
    slow += "def told(self, *about):\n    first = not self.came\n    try:\n        signals(self, *about)\n    finally:\n        print('heard' * first, flush=True)\n"
    slow += "steps.Cancellation._handle = told\n"
    slow += "runner.Runner.close = lambda *about: [print('the disk is slow', flush=True), time.sleep(3600)]\nsys.exit(steps.main())"
    screen = terminal("info", "acme/demo", script=slow, **UNMEASURED)
    screen.until("the disk is slow")
    screen.type("\x03")
    screen.until("heard")
    screen.type("\x03")
    assert screen.end() == 130
    assert screen.text.splitlines()[-1] == "ended at once; sent, and going on at the Hub: nothing"


def test_a_report_by_the_watchdog(terminal):
    """The main thread is stuck in the C library; another one ends the lines, and tells what there is to tell."""
    screen = terminal("info", "acme/demo", script=STUCK_TOO_LONG, HF_ENDPOINT="https://hub.example.com")
    assert screen.end() == 5
    assert "acme/demo: ✗ unreachable" in screen.text
    assert "error: acme/demo: unreachable: a request did not end in time" in screen.text


def test_a_bug(terminal):
    """The terminal is as it was, and the bug is told."""
    bug = "from hf_action.rules import waiting\nfrom hf_action.main import main\ndef judge(*about): raise ZeroDivisionError('oh')\n"
    screen = terminal("wait", "acme/busy", script=f"{bug}waiting.judge = judge\nsys.exit(main())")
    assert screen.end() == 1
    assert "error: acme/busy: failed: internal error: ZeroDivisionError: oh" in screen.text


def test_a_mistake_in_drawing_costs_no_outputs(terminal, tmp_path):
    """What was found out is told all the same."""
    bug = "from hf_action.runner import terminal\nfrom hf_action.main import main\nterminal.Terminal._ended = lambda *about: 1 / 0\nsys.exit(main())"
    report = tmp_path / "report"
    screen = terminal("info", "acme/absent", script=bug, HF_SPACE_DOTENV=str(report))
    screen.process.wait(timeout=PATIENCE)
    assert screen.process.returncode == 3 and "HF_SPACE_RESULT=not-found" in report.read_text()


# ---- colours, and where there are no lines that move ----


def plain_lines(text: str) -> bool:
    return re.search(r"^\[[\d.]+s\] acme/demo: ok: RUNNING", text, re.MULTILINE) is not None


def test_colours_tell_good_from_bad(terminal):
    """Green, and red."""
    good, bad = terminal("wake", "acme/demo"), terminal("wake", "acme/absent")
    assert (good.end(), bad.end()) == (0, 3)
    assert (b"32" in colours(good.raw), b"31" in colours(good.raw), b"31" in colours(bad.raw)) == (True, False, True)


def test_no_color_is_respected(terminal):
    """The lines move all the same, without colours."""
    screen = terminal("wake", "acme/demo", "acme/absent", NO_COLOR="1")
    assert (screen.end(), colours(screen.raw)) == (3, set())
    assert "✓" in screen.text and "error: acme/absent" in screen.text


@pytest.mark.parametrize("environ", [{"TERM": "dumb"}, {"GITHUB_ACTIONS": "true"}])
def test_lines_that_stay_are_plain(terminal, environ):
    """In a terminal that can do nothing, and wherever GitHub reads them."""
    screen = terminal("info", "acme/demo", **environ)
    assert screen.end() == 0
    assert plain_lines(screen.text) and b"\x1b" not in screen.raw


def test_without_rich_the_lines_are_plain(terminal):
    """As in the container, where it would only weigh."""
    gone = "sys.modules |= {name: None for name in ['rich', *sys.modules] if name.partition('.')[0] == 'rich'}"
    screen = terminal("info", "acme/demo", script=gone + MAIN)
    assert screen.end() == 0
    assert plain_lines(screen.text) and b"\x1b" not in screen.raw


def piped(url: str, *words: str, **environ: str) -> subprocess.CompletedProcess:
    environ = clean_environ() | {"HF_ENDPOINT": url, "HF_TOKEN": TOKEN, "TERM": "xterm-256color"} | environ
    return warm.run(warm.command(*words), env=environ, timeout=PATIENCE)


def test_in_a_pipe_the_lines_are_plain(url):
    """And rich, which takes its time, is not even imported."""
    done = piped(url, "info", "acme/demo", PYTHONVERBOSE="")
    assert plain_lines(done.stderr.decode()) and b"\x1b" not in done.stdout + done.stderr
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from hf_action.main import main; main(); print('rich' in sys.modules)"
    done = subprocess.run([sys.executable, "-I", "-c", code, "info", "a/b/c"], env=clean_environ(), capture_output=True, timeout=PATIENCE)
    assert done.stderr.splitlines()[-1] == b"False"


def test_force_color_colours_a_pipe(url):
    """Only what counts; nothing moves, and a heartbeat is a line as ever."""
    done = piped(url, "wait", "acme/broken", "acme/demo", "--commit", "any", "--settle", "0", FORCE_COLOR="1")
    assert done.returncode == 1
    assert done.stdout == b"acme/broken\tfailed\tBUILD_ERROR\nacme/demo\tok\tRUNNING\n"
    assert b"\x1b[1;31merror:\x1b[0m acme/broken: failed" in done.stderr
    assert re.search(rb"^\[[\d.]+s\] acme/broken: BUILD_ERROR", done.stderr, re.MULTILINE)
    assert set(re.findall(rb"\x1b\[[\d;]*([^\d;])", done.stderr)) == {b"m"}


def test_force_color_and_a_reader_that_has_gone(url):
    """No failure of the step."""
    environ = clean_environ() | {"HF_ENDPOINT": url, "FORCE_COLOR": "1"}
    command = [sys.executable, "-I", ROOT / "entrypoint.py", "info", "acme/demo"]
    process = subprocess.Popen(command, env=environ, stdout=subprocess.PIPE)
    process.stdout.close()
    assert process.wait(timeout=PATIENCE) == 0


# ---- what a Space may say ----


def test_a_space_cannot_command_the_terminal(terminal):
    """No colour, title, markup or token of its own gets onto the screen, while it moves or when it stays."""
    screen = terminal("wait", "acme/hostile", "--settle", "1.5", NO_COLOR="1")
    screen.until("RUNTIME_ERROR for")
    assert screen.end() == 1
    assert TOKEN.encode() not in screen.raw and b"title" not in screen.raw
    assert set(re.findall(rb"\x1b.[\d;?]*(.)", screen.raw)) <= {b"m", b"A", b"K", b"G"}
    assert "[bold]red[/bold]" in screen.text and "***" in screen.text


# ---- for scripts, with somebody watching ----


def test_json_goes_to_stdout_and_the_lines_to_the_terminal(terminal):
    """A pipe gets the document, and who waits for it sees the Space move."""
    screen = terminal("restart", "acme/thrice", "--json", stdout=subprocess.PIPE, columns=180)
    screen.until("restart sent")
    found = json.loads(screen.process.stdout.read())
    assert screen.end() == 0
    assert (found["result"], found["changed"], found["spaces"][0]["id"]) == ("ok", True, "acme/thrice")
    assert "✓" in screen.text and '"result"' not in screen.text


def test_json_on_the_screen_comes_last(terminal):
    """Below the lines, which do not move any more."""
    screen = terminal("info", "acme/demo", "--json", columns=200, lines=100)
    assert screen.end() == 0
    _, line, document = screen.text.split("\n", 2)
    assert line.startswith("✓") and json.loads(document)["result"] == "ok"


# ---- and a terminal that is real ----


def test_the_help_has_the_width_of_the_terminal(terminal):
    """It is wrapped, and never wider than is easy to read."""
    for columns, widest in ((50, 50), (200, 100)):
        screen = terminal("--help", columns=columns, lines=300)
        assert screen.end() == 0
        assert widest - 12 < max(map(len, screen.text.splitlines())) <= widest
