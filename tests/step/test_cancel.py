"""Signals at any moment, budgets that end while nothing can be interrupted, runner files that cannot be written.

Each test starts the action as a process. Where a moment is too short to hit, a script around the action's own `main`
makes the machine slow there: the name service, the disk, the reader of the log.
"""

import ast
import re
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from hf_action.rules import waiting
from simhub.faults import Fault, Kind
from simhub.server import serve
from simhub.world import Phase, Space, Token, World
from tests.conftest import TOKEN, UNMEASURED, read_outputs
from tests.support.obeying import read_file_command
from tests.support.processes import (
    BOTH,
    MAIN,
    PATIENCE,
    PATIENT,
    STUCK,
    STUCK_TOO_LONG,
    TOLD,
    cancelled,
    read_until,
    start,
    wait_for,
    wait_until_stuck,
)
from tests.support.rawserver import forever, raw_server
from tests.support.warm import ROOT

# Seconds after the start of a process that is signalled; None: when it has sent its first request.
DELAYS = (0.06, 0.12, 0.18, 0.24, 0.35, None)


@pytest.fixture(scope="module")
def world():
    """Spaces in real time: some that build for ever, one that crashed, one that runs."""
    token = Token(name="writer", owners=frozenset({"acme"}), writes=frozenset({"acme"}))
    world = World(now=time.monotonic, tokens={TOKEN: token})
    world.add(Space(id="acme/busy", stage="BUILDING", commit=None, timeline=(Phase(0, "BUILDING"),)))
    for number in range(2 * len(DELAYS)):
        world.add(Space(id=f"acme/busy-{number}", stage="BUILDING", commit=None, timeline=(Phase(0, "BUILDING"),)))
    world.add(Space(id="acme/crashed", stage="RUNTIME_ERROR", commit=None, run_log=((0.0, "it broke"),)))
    world.add(Space(id="acme/demo"))
    world.add(Space(id="acme/restarted"))
    for number in range(300):
        world.add(Space(id=f"acme/space-{number:03}"))
    return world


@pytest.fixture
def hub(world):
    with serve(world, keep_alive=0.05) as server:
        yield server


# ---- at any moment ----


# What Python says of an interrupt that it has swallowed: while it looked whether the program is a folder or an archive, or
# while it forgot the lock of a module that it had imported. The action's own handlers raise no KeyboardInterrupt.
PYTHONS_OWN = re.compile(r"\A(?:Failed checking if argv\[0\] is an import path entry|Exception ignored in: <function _get_module_lock\.<locals>\.cb at \w+>)\n(?:.*\n)*?KeyboardInterrupt.*\n")


def test_during_start(hub, tmp_path):
    """From the moment on at which Python runs our code, no moment of the start leaves nothing behind."""

    def looks(space: str) -> int:
        return sum(space in request.path for request in hub.requests)

    def attempt(moment: tuple[int, tuple[int, float | None]]) -> int:
        index, (number, delay) = moment
        output, space = tmp_path / f"output-{index}", f"acme/busy-{index}"
        output.write_text("")
        process = start("wait", space, "--poll-interval", "0.2", url=hub.url, cold=True, GITHUB_OUTPUT=str(output), **UNMEASURED)
        if delay is None:
            wait_for(lambda: looks(space) > 0)
        else:
            time.sleep(delay)
        process.send_signal(number)
        # Python may swallow an interrupt while it starts itself. Who goes on looking has heard none, and is sent another.
        wait_for(lambda: process.poll() is not None or looks(space) > 5)
        process.send_signal(signal.SIGTERM)
        text = process.communicate(timeout=PATIENCE)[0]
        if process.returncode == 130:
            assert read_outputs(output)["result"] == "cancelled", text
            assert "Traceback" not in PYTHONS_OWN.sub("", text), text
        else:  # the interpreter itself was still starting, and has no handlers yet
            assert process.returncode in (-number, 1) and delay is not None, (delay, text)
        return process.returncode

    with ThreadPoolExecutor(max_workers=4) as pool:
        ends = list(pool.map(attempt, enumerate((number, delay) for delay in DELAYS for number in BOTH)))
    assert ends[-2:] == [130, 130]


FIRST_LINES = """
import os, signal
from hf_action.main import main
class Words(list):
    def __iter__(self):
        os.kill(os.getpid(), signal.{name})
        return super().__iter__()
sys.exit(main(Words({words})))
"""


@pytest.mark.parametrize("number", BOTH)
def test_in_the_first_lines_of_main(hub, files, number):
    """A signal right after the handlers stand, before anything else is imported."""
    script = FIRST_LINES.format(name=signal.Signals(number).name, words=["wait", "acme/busy"])
    process = start(url=hub.url, script=script, **files)
    text = process.communicate(timeout=PATIENCE)[0]
    assert (process.returncode, "Traceback" in text) == (130, False), text
    assert read_outputs(Path(files["GITHUB_OUTPUT"]))["result"] == "cancelled"


@pytest.mark.parametrize(
    ("number", "kind", "method", "words"),
    [
        (signal.SIGINT, Kind.STALL_HEADERS, "GET", ("info", "acme/demo")),
        (signal.SIGTERM, Kind.STALL_BODY, "GET", ("wait", "acme/demo")),
        (signal.SIGTERM, Kind.STALL_HEADERS, "POST", ("restart", "acme/restarted")),
        (signal.SIGINT, Kind.STALL_BODY, "POST", ("pause", "acme/restarted")),
    ],
)
def test_during_a_request(hub, files, number, kind, method, words):
    """A Hub that does not go on answering holds nobody back."""
    hub.inject(Fault(kind=kind, method=method, path="/api/", times=None))
    process = start(*words, url=hub.url, script=PATIENT + MAIN, **files)
    wait_for(lambda: any(request.method == method for request in hub.requests))
    assert cancelled(process, number, files)["space-id"] == words[1]


@pytest.mark.parametrize("number", BOTH)
def test_during_a_sleep(hub, files, number):
    """Between two looks, and between two tries."""
    process = start("wait", "acme/busy", "--poll-interval", "1h", "--timeout", "2h", url=hub.url, script=PATIENT + MAIN, **files)
    assert cancelled(process, number, files, seen=read_until(process, "BUILDING"))["stage"] == "BUILDING"


def test_between_two_tries(hub, files):
    """The wait that the Hub asked for does not keep the process."""
    hub.inject(Fault(kind=Kind.STATUS, status=429, headers={"RateLimit": '"api";r=0;t=200'}, times=None, path="/api/"))
    process = start("info", "acme/demo", url=hub.url, script=PATIENT + MAIN, **files)
    cancelled(process, signal.SIGTERM, files, seen=read_until(process, "429"))


def test_during_the_fetch_of_a_log(hub, files):
    """A log that never ends is not waited for; what was found out about the Space before stays told."""
    process = start("info", "acme/demo", "--logs", "always", url=hub.url, script=PATIENT + MAIN, **files)
    wait_for(lambda: any("/logs/" in request.path for request in hub.requests))
    assert cancelled(process, signal.SIGINT, files)["stage"] == "RUNNING"


SLOW_DISK = """
import time
from hf_action.runner import files as runner
from hf_action.main import main
write = runner.Files.write_summary
def slowly(self, markdown):
    print("the disk is slow", flush=True)
    end = time.monotonic() + {seconds}
    while time.monotonic() < end:
        time.sleep(0.05)
    write(self, markdown)
runner.Files.write_summary = slowly
sys.exit(main())
"""


def test_during_the_writing_of_the_summary(hub, files):
    """The report goes on, and what was written is corrected: the result, and one line below the summary."""
    process = start("info", "acme/demo", url=hub.url, script=PATIENT + SLOW_DISK.format(seconds=1.0), **files)
    cancelled(process, signal.SIGTERM, files, seen=read_until(process, "the disk is slow"))
    summary = Path(files["GITHUB_STEP_SUMMARY"]).read_text()
    assert summary.count("## ") == 1
    names = [name for name, _ in read_file_command(Path(files["GITHUB_OUTPUT"]).read_text())]
    assert {"result"} <= {name for name in names if names.count(name) > 1} <= {"result", "elapsed"}


def test_among_many_spaces(hub, files):
    """Those looked at keep what was seen; those that were not yet are cancelled, too, and all are told."""
    names = [f"acme/space-{number:03}" for number in range(300)]
    process = start("info", *names, url=hub.url, script=PATIENT + MAIN, **files)
    outputs = cancelled(process, signal.SIGINT, files, seen=read_until(process, "acme/space-050: ok"))
    assert (outputs["count"], len(outputs["spaces"]) > 300 * 100) == ("300", True)


@pytest.mark.parametrize(("first", "second"), [(signal.SIGINT, signal.SIGTERM), (signal.SIGTERM, signal.SIGTERM)])
def test_a_second_signal_ends_it_at_once(hub, files, first, second):
    """Also while the report of the first is being written."""
    process = start("info", "acme/demo", url=hub.url, script=TOLD + SLOW_DISK.format(seconds=3600), **UNMEASURED, **files)
    read_until(process, "the disk is slow")
    process.send_signal(first)
    read_until(process, "the handler has heard it")
    process.send_signal(second)
    process.communicate(timeout=PATIENCE)
    assert process.returncode == 130


TWICE = """
import os, signal, sys
from hf_action import main
class Clock:
    seconds = 0.0
    now = staticmethod(lambda: Clock.seconds)
main.SystemClock = Clock
main.Cancellation()
os.kill(os.getpid(), signal.SIGINT)
print("remembered", flush=True)
Clock.seconds = 0.4
os.kill(os.getpid(), signal.SIGTERM)
print("the same", flush=True)
Clock.seconds = 0.5
os.kill(os.getpid(), signal.SIGTERM)
sys.exit(7)
"""


def test_a_second_signal_needs_nobody_but_its_handler():
    """The first is only remembered where it must not end anything; a second one ends the process there, too.

    Within half a second it is the same: a shell and what supervises it may both send one.
    """
    process = start(url="http://127.0.0.1:9", script=TWICE)
    assert (process.communicate(timeout=PATIENCE)[0], process.returncode) == ("remembered\nthe same\n", 130)


INSIDE = """
import os, signal
from hf_action import main
class Clock:
    looks = 0
    @staticmethod
    def now():
        Clock.looks += 1
        if Clock.looks == 1:
            os.kill(os.getpid(), signal.SIGTERM)
        return 100.0
main.SystemClock = Clock
main.Cancellation()
os.kill(os.getpid(), signal.SIGINT)
print("remembered", flush=True)
"""


def test_a_signal_inside_of_the_handler_of_the_first_is_the_same():
    """Both may come at one moment, and Python begins to handle the second wherever it is with the first."""
    process = start(url="http://127.0.0.1:9", script=INSIDE)
    assert (process.communicate(timeout=PATIENCE)[0], process.returncode) == ("remembered\n", 0)


# ---- stuck where Python cannot interrupt ----

NOWHERE = "https://hub.example.com"


@dataclass(frozen=True)
class Seen:
    """What became of a process that was left alone with its trouble."""

    status: int
    text: str
    outputs: dict[str, str]
    summary: str


class Slow:
    """The processes of the tests below wait for the watchdog, so they do that side by side."""

    def __init__(self, hub, folder: Path, pool: ThreadPoolExecutor) -> None:
        self.folder = folder
        self.url = hub.url
        self.hub = hub
        self.seen = {name: pool.submit(getattr(self, name)) for name in ("stuck", "late", "drip", "disk", "pipe", "report", "beats")}

    def stuck(self) -> Seen:
        """A signal while the main thread is in the C library."""
        return self.end("stuck", "info", "acme/demo", url=NOWHERE, script=STUCK, until="the name service is stuck", number=signal.SIGINT)

    def late(self) -> Seen:
        """The end of the budget while the main thread is in the C library."""
        return self.end("late", "info", "acme/demo", "acme/other", url=NOWHERE, script=STUCK_TOO_LONG)

    def beats(self) -> Seen:
        """No signal and plenty of time, while the main thread is in the C library."""
        return self.end("beats", "info", "acme/demo", url=NOWHERE, script=HASTY + STUCK, until="still waiting: acme/demo: first look", times=3, number=signal.SIGINT)

    def disk(self) -> Seen:
        """A signal while a disk does not answer."""
        return self.end("disk", "info", "acme/demo", url=self.url, script=SLOW_DISK.format(seconds=3600), until="the disk is slow", number=signal.SIGTERM)

    def report(self) -> Seen:
        """The end of the budget, and a report that takes its time."""
        return self.end("report", "wait", "acme/busy", "--timeout", "4", url=self.url, script=SLOW_DISK.format(seconds=3.5))

    def pipe(self) -> Seen:
        """A signal while nobody reads the log, and the pipe is full."""
        names = [f"acme/space-{number:03}" for number in range(300)]
        return self.end("pipe", "info", *names, url=self.url, blocked=True, number=signal.SIGTERM)

    def drip(self) -> Seen:
        """A server that sends a byte of its headers now and then, which keeps every single read alive."""
        with raw_server(forever(b"HTTP/1.1 200 OK\r\nx: ", b"y", pause=0.1)) as server:
            return self.end("drip", "info", "acme/demo", "--timeout", "4", url=f"http://127.0.0.1:{server.port}")

    def end(self, name: str, *words: str, until: str = "", times: int = 1, number: int = 0, blocked: bool = False, **about) -> Seen:
        """Start a process, signal it once its trouble has begun, and see how it ends."""
        files = {"GITHUB_OUTPUT": self.folder / f"{name}-output", "GITHUB_STEP_SUMMARY": self.folder / f"{name}-summary"}
        for path in files.values():
            path.write_text("")
        process = start(*words, **about, pipesize=4096 if blocked else -1, **{variable: str(path) for variable, path in files.items()})
        try:
            text = "".join(read_until(process, until) for _ in range(times if until else 0))
            if blocked:
                wait_for(lambda: len(self.hub.requests) > 20)
            if number:
                process.send_signal(number)
            text += "" if blocked else process.communicate(timeout=PATIENCE)[0]
            process.wait(timeout=PATIENCE)
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
        outputs = dict(read_file_command(files["GITHUB_OUTPUT"].read_text()))
        return Seen(process.returncode, text, outputs, files["GITHUB_STEP_SUMMARY"].read_text())


@pytest.fixture(scope="module")
def slow(world, tmp_path_factory):
    """Start all of them when the first is asked for."""
    with serve(world) as hub, ThreadPoolExecutor(max_workers=7) as pool:
        yield Slow(hub, tmp_path_factory.mktemp("slow"), pool).seen


# Seconds are what minutes are in truth.
HASTY = """
import hf_action.main, hf_action.runner.log
hf_action.main.BEAT, hf_action.runner.log.HEARTBEAT, hf_action.runner.log.MOMENT = 0.1, 0.5, 0.1
"""


def test_a_request_that_takes_long_has_a_heartbeat(slow):
    """The log is never silent for a minute, wherever the time goes; nor does it say more than once a minute that it waits."""
    seen = slow["beats"].result()
    beats = [float(at) for at in re.findall(r"^\[([\d.]+)s\] still waiting: acme/demo: first look$", seen.text, re.MULTILINE)]
    assert len(beats) >= 3 and all(later - earlier >= 0.5 for earlier, later in pairwise(beats)), seen.text


def test_while_stuck_in_the_c_library(slow):
    """The report is written all the same, and the process goes: nobody else than the watchdog can have seen to it."""
    seen = slow["stuck"].result()
    assert (seen.status, seen.outputs["result"], seen.outputs["stage"]) == (130, "cancelled", ""), seen.text
    assert "cancelled" in seen.summary and "Traceback" not in seen.text


def test_a_second_signal_while_stuck(files):
    """It is not the main thread that notices it."""
    process = start("info", "acme/demo", url=NOWHERE, script=TOLD + STUCK, **files)
    wait_until_stuck(process)
    process.send_signal(signal.SIGINT)
    read_until(process, "the watchdog has heard it")
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=PATIENCE)
    assert process.returncode == 130


@pytest.mark.parametrize("trouble", ["late", "drip"])
def test_the_budget_ends_while_nothing_can_be_interrupted(slow, trouble):
    """Unreachable, with everything written."""
    seen = slow[trouble].result()
    # On a busy machine the budget may be spent before the request, which is timed-out.
    assert (seen.status, seen.outputs["result"]) in ((5, "unreachable"), (4, "timed-out")), seen.text
    assert seen.outputs["result"] in seen.summary and "Traceback" not in seen.text


LATE = """
import sys, threading
from hf_action.main import Watchdog
class StepRun:
    deadline, done, reporting = -10.0, {done}, threading.Lock()
    def give_up(self):
        print("gives up", end=", ")
    def report(self, cancelled):
        print("reports", cancelled, end=", ")
        return 5
    def close(self):
        print("closes", flush=True)
watchdog = Watchdog(StepRun())
watchdog.start()
watchdog.join()
print("leaves the end to the main thread")
sys.exit(7)
"""


@pytest.mark.parametrize(("done", "status", "said"), [(False, 5, "gives up, reports False, closes"), (True, 7, "leaves the end to the main thread")])
def test_the_watchdog_acts_after_the_budget_unless_all_is_done(done, status, said):
    """The main thread may have written its report at just this moment."""
    process = start(url=NOWHERE, script=LATE.format(done=done))
    assert (process.communicate(timeout=PATIENCE)[0].strip(), process.returncode) == (said, status)


def test_a_slow_report_after_the_end_of_the_budget_is_waited_for(slow):
    """The budget is for the work: what was found out is still told, and the exit status is that of the result."""
    seen = slow["report"].result()
    # On a busy machine the budget may be spent before the first look has its answer.
    assert (seen.status, seen.outputs["result"]) in ((4, "timed-out"), (5, "unreachable")), seen.text
    assert seen.outputs["result"] in seen.summary and seen.text.count("::error::") == 1


def test_a_disk_that_never_answers_is_left(slow):
    """The outputs were written before; a summary that cannot be written does not keep the process until GitHub kills it."""
    seen = slow["disk"].result()
    assert (seen.status, seen.outputs["space-id"]) == (130, "acme/demo"), seen.text


def test_a_pipe_that_nobody_reads_is_left(slow):
    """A full pipe blocks the thread that prints; the process still ends."""
    seen = slow["pipe"].result()
    assert seen.status == 130


# ---- the files of the runner ----


def full(folder: Path) -> str:
    return "/dev/full"


def missing(folder: Path) -> str:
    return str(folder / "gone" / "file")


def read_only(folder: Path) -> str:
    path = folder / "read-only"
    path.mkdir()
    return str(path)  # a folder in place of the file: even root, as which actions run, cannot write it


@pytest.mark.parametrize(
    ("make", "words", "status"),
    [
        (missing, ("info", "acme/demo"), 0),
        (read_only, ("wait", "acme/crashed", "--settle", "0.1"), 1),
        (full, ("info", "a/b/c"), 2),
        (full, ("info", "acme/absent"), 3),
        (missing, ("wait", "acme/busy", "--timeout", "0.5"), 4),  # or 5, on a machine that has no time for a look
    ],
)
def test_a_file_that_cannot_be_written_is_a_warning(hub, tmp_path, make, words, status):
    """The result is in the log, each file is warned about once, and the exit status is what it would have been."""
    path = make(tmp_path)
    process = start(*words, url=hub.url, GITHUB_OUTPUT=path, GITHUB_STEP_SUMMARY=path)
    text = process.communicate(timeout=PATIENCE)[0]
    assert process.returncode == status or (status, process.returncode) == (4, 5), text
    assert [text.count(f"::warning::{name} could not be written: ") for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")] == [1, 1]
    assert text.count("::error::") + text.count("::notice::") == 1 and "Traceback" not in text


@pytest.mark.parametrize("room", [0, 100, 2500])
def test_a_disk_that_gets_full_leaves_no_half_outputs(hub, files, room):
    """The runner fails a step whose file of outputs breaks off, so what has no room is not begun."""
    Path(files["GITHUB_OUTPUT"]).write_text("earlier=kept\n")
    limit = room + len("earlier=kept\n")
    script = f"import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))" + MAIN
    process = start("info", "acme/demo", url=hub.url, script=script, **UNMEASURED, **files)
    text = process.communicate(timeout=PATIENCE)[0]
    written = read_file_command(Path(files["GITHUB_OUTPUT"]).read_text())
    assert (process.returncode, written[0]) == (0, ("earlier", "kept")), text
    assert [name for name, _ in written[1:]] == [] and "::warning::GITHUB_OUTPUT could not be written: " in text
    assert "acme/demo: ok: RUNNING" in text and "Traceback" not in text


def test_what_stood_in_the_files_stays(hub, files):
    """An action's file may hold what an earlier command of the same step wrote."""
    Path(files["GITHUB_OUTPUT"]).write_text("earlier=kept\n")
    Path(files["GITHUB_STEP_SUMMARY"]).write_text("# Earlier\n")
    process = start("info", "acme/demo", url=hub.url, **files)
    process.communicate(timeout=PATIENCE)
    written = read_file_command(Path(files["GITHUB_OUTPUT"]).read_text())
    assert written[0] == ("earlier", "kept") and dict(written)["result"] == "ok"
    assert Path(files["GITHUB_STEP_SUMMARY"]).read_text().startswith("# Earlier\n")


def test_no_files_at_all_is_no_matter(hub):
    """As in a shell: nothing is warned about."""
    process = start("info", "acme/demo", url=hub.url)
    text = process.communicate(timeout=PATIENCE)[0]
    assert (process.returncode, "could not be written" in text, "acme/demo: ok" in text) == (0, False, True)


def test_a_log_that_nobody_reads_is_no_failure_with_a_token_either(hub, files):
    """Its mask cannot be printed, but nothing else is either."""
    process = start("restart", "acme/restarted", "--wait-for-stage", "none", url=hub.url, **files)
    process.stdout.close()
    assert process.wait(timeout=PATIENCE) == 0
    assert read_outputs(Path(files["GITHUB_OUTPUT"]))["result"] == "ok"


# ---- a clock that jumps ----

WALL_CLOCKS = {
    "time.time", "time.time_ns", "time.localtime", "time.gmtime", "time.ctime", "time.strftime", "time.clock_gettime",
    "datetime.now", "datetime.utcnow", "datetime.today", "date.today", "datetime.datetime.now", "datetime.datetime.utcnow",
    "datetime.datetime.today", "datetime.date.today",
}  # fmt: skip


@pytest.mark.parametrize("module", sorted((ROOT / "hf_action").rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_module_reads_the_wall_clock(module):
    """A clock that jumps changes nothing, because nobody looks at it: there is no call to it, under whatever name.

    There is one place that does, for a date of the Hub to be compared with.
    """
    tree = ast.parse(module.read_text())
    names = {alias.asname or alias.name: f"{node.module}.{alias.name}" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names}
    names |= {alias.asname or alias.name: alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    dotted = (ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute | ast.Name))
    used = {".".join([names.get(name.partition(".")[0], name.partition(".")[0]), *name.split(".")[1:]]) for name in dotted}
    assert used & WALL_CLOCKS == ({"time.time"} if module.name == "clock.py" else set())


def test_the_pure_modules_know_no_clock_at_all():
    """Waiting is told what time it is."""
    assert not {"time", "datetime", "os", "random"} & set(vars(waiting))
