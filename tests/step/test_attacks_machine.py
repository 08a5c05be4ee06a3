"""The machine's own trouble changes no result, nothing that goes wrong while reporting costs it, and files are shared."""

import errno
import json
import os
import resource
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from hf_action.inputs.settings import parse
from hf_action.operations.progress import SpaceProgress, run_parallel
from hf_action.operations.undo import dump
from hf_action.report.outputs import MAX_SPACES_BYTES, document, good_news, least_outputs, outputs, sound
from hf_action.report.summary import MAX_MOMENTS, MAX_SUMMARY_BYTES, least_summary, summary
from hf_action.rules.models import SpaceInfo, SpaceRuntime
from hf_action.rules.operations import SavedState
from hf_action.rules.outcomes import Outcome, Refused
from hf_action.rules.results import Moment, Result, Step, conclude
from hf_action.rules.sanitize import one_line, plain, spellings
from hf_action.runner import files as files_module
from hf_action.runner.files import Files, append
from hf_action.runner.github import Runner
from hf_action.runner.log import Log
from hf_action.runner.publisher import Publisher
from hf_action.step import StepRun
from simhub.clock import FakeClock
from simhub.server import serve
from simhub.world import Space, Token, World
from tests.conftest import TOKEN, clean_environ, read_outputs
from tests.support import warm
from tests.support.processes import PATIENCE

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def url():
    """A Hub in real time."""
    world = World(now=time.monotonic, tokens={TOKEN: Token(name="writer", writes=frozenset({"acme"}))})
    for name in ("acme/demo", "acme/one", "acme/two", "acme/three"):
        world.add(Space(id=name))
    with serve(world) as server:
        yield server.url


def shell(line: str, url: str, cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a line of a shell in which `$hf_space` is the action."""
    given = clean_environ() | {"HF_ENDPOINT": url, "hf_space": f"{sys.executable} -I {ROOT / 'entrypoint.py'}"} | environ
    return subprocess.run(["bash", "-o", "pipefail", "-c", line], env=given, cwd=cwd, capture_output=True, text=True, timeout=PATIENCE, check=False)


@pytest.fixture
def paths(tmp_path):
    """The files of a runner, with what others have written."""
    found = {name: tmp_path / name for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_STATE")}
    for path in found.values():
        path.write_text("earlier=kept\n")
    return {name: str(path) for name, path in found.items()}


# ---- the streams ----


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("$hf_space --help | true", 0), ("$hf_space --version > /dev/full", 0), ("$hf_space --completion bash | true", 0), ("$hf_space --completion tcsh 2> /dev/full", 2),
        ("$hf_space > /dev/full", 2), ("$hf_space info acme/demo | true", 0), ("$hf_space info acme/demo > /dev/full", 0), ("$hf_space info acme/demo 2> /dev/full", 0),
        ("$hf_space info acme/demo >&-", 0), ("$hf_space info acme/demo >&- 2>&-", 0), ("$hf_space info acme/demo <&- >&- 2>&-", 0), ("$hf_space info acme/demo --json > /dev/full", 0),
        ("$hf_space info acme/demo --json >&-", 0), ("$hf_space info acme/gone > /dev/full", 3), ("$hf_space info acme/gone >&-", 3), ("$hf_space info a/b/c >&-", 2), ("$hf_space list acme/* --logs always | true", 0),
        ("$hf_space info acme/demo --logs always > /dev/full", 0),
    ],
)  # fmt: skip
def test_a_log_that_cannot_be_written_changes_no_result(line, status, url, tmp_path, paths):
    """Full, closed, or without a reader; outputs and summary are there all the same."""
    done = shell(line, url, tmp_path, **paths)
    assert (done.returncode, "Traceback" in done.stderr, "Exception" in done.stderr) == (status, False, False), done.stderr
    if "acme" in line:
        assert read_outputs(Path(paths["GITHUB_OUTPUT"]))["result"] in ("ok", "not-found")


@pytest.mark.parametrize("line", ["unset HOME; $hf_space info acme/demo", "mkdir gone; cd gone; rmdir ../gone; $hf_space info acme/demo", "ln -s loop loop; cd /; GITHUB_OUTPUT=$OLDPWD/loop GITHUB_STEP_SUMMARY=$OLDPWD/loop GITHUB_STATE=$OLDPWD/loop $hf_space info acme/demo", "ulimit -n 40; $hf_space info acme/demo"])  # fmt: skip
def test_a_strange_place_changes_no_result(line, url, tmp_path, paths):
    """No home, a folder that is gone, files that link to themselves, few descriptors."""
    done = shell(line, url, tmp_path, **paths, GITHUB_ACTIONS="true")
    assert (done.returncode, "acme/demo: ok: RUNNING" in done.stdout, "Traceback" in done.stdout + done.stderr) == (0, True, False), done.stdout + done.stderr


def test_a_fleet_file_that_links_to_itself_is_a_mistake(url, tmp_path):
    """Which says so, and not more."""
    (tmp_path / "fleet.yml").symlink_to("fleet.yml")
    done = shell("$hf_space info --fleet-file fleet.yml", url, tmp_path)
    assert (done.returncode, "not a path that can be followed" in done.stderr, "Traceback" in done.stderr) == (2, True, False), done.stderr


def test_a_folder_that_is_gone_has_no_fleet_file(monkeypatch, tmp_path):
    """Nor does it have anything else."""
    monkeypatch.delenv("GITHUB_WORKSPACE", raising=False)
    monkeypatch.chdir(tmp_path)
    tmp_path.rmdir()
    with pytest.raises(ValueError, match="not a path that can be followed"):
        Runner().read_file("fleet.yml")


# ---- threads ----

FEW_THREADS = """
import sys, threading
from hf_action.main import main
start, begun = threading.Thread.start, []
def refuse(self):
    begun.append(self)
    if len(begun) > {most}:
        raise RuntimeError("can't start new thread")
    start(self)
threading.Thread.start = refuse
sys.exit(main())
"""


@pytest.mark.parametrize("most", [0, 1, 2, 3, 4])
def test_a_machine_without_threads_restarts_all_the_same(most, url, tmp_path, paths):
    """Without a watchdog, a heartbeat, and those that would look at several Spaces at once."""
    script = FEW_THREADS.format(most=most)
    words = ("restart", "acme/one", "acme/two", "acme/three", "--wait-for-stage", "none")
    given = clean_environ() | {"HF_ENDPOINT": url, "HF_TOKEN": TOKEN, "GITHUB_ACTIONS": "true"} | paths
    done = warm.run(warm.command(*words, script=script), env=given, cwd=tmp_path, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [one["changed"] for one in json.loads(read_outputs(Path(paths["GITHUB_OUTPUT"]))["spaces"])] == [True] * 3


@pytest.mark.parametrize("most", [0, 1, 5])
def test_work_is_done_by_the_threads_there_are(most, monkeypatch):
    """Or by the one that asks for it."""
    start, begun, done = threading.Thread.start, [], []

    def refuse(self):
        begun.append(self)
        if len(begun) > most:
            raise RuntimeError("can't start new thread")
        start(self)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    run_parallel(range(20), done.append, width=5)
    assert sorted(done) == list(range(20))


# ---- files that others write into, too ----


def test_what_others_write_meanwhile_stays(paths, monkeypatch):
    """Whatever is written, and written again, nothing that stands in a file is touched."""
    runner = Files(paths)
    runner.write_outputs(outputs(STEP))
    for path in paths.values():
        with Path(path).open("a") as file:
            file.write("sibling=here\n")
    runner.write_outputs(outputs(STEP) | {"result": "cancelled"})
    runner.write_summary("## One\n")
    runner.save_state(0, "one")
    runner.save_state(0, "two")
    written = Path(paths["GITHUB_OUTPUT"]).read_text()
    assert written.startswith("earlier=kept\n") and "\nsibling=here\nresult<<" in written
    assert read_outputs(Path(paths["GITHUB_OUTPUT"]))["result"] == "cancelled" and written.count("matrix<<") == 1
    assert Path(paths["GITHUB_STEP_SUMMARY"]).read_text() == "earlier=kept\nsibling=here\n## One\n"
    kept = {f"STATE_{name}": value for name, value in read_outputs(Path(paths["GITHUB_STATE"])).items()}
    assert Files(kept).saved_states() == ["two"]


def test_a_line_that_others_have_not_ended_is_ended(tmp_path):
    """Else their value and ours would be one."""
    path = tmp_path / "output"
    path.write_text("earlier=kept")
    append(str(path), ["result=ok\n"])
    assert path.read_text() == "earlier=kept\nresult=ok\n"


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "/dev/stderr"])
def test_a_log_as_file_of_outputs_is_not_erased(name, url, tmp_path):
    """What was printed before stays, and so does what is printed after."""
    with (tmp_path / "log").open("wb", buffering=0) as log:
        log.write(b"before\n")
        environ = clean_environ() | {"HF_ENDPOINT": url, "GITHUB_OUTPUT": name, "GITHUB_STEP_SUMMARY": name}
        warm.Warm(warm.command("info", "acme/demo"), env=environ, stdout=log, stderr=log).wait(timeout=PATIENCE)
        log.write(b"after\n")
    text = (tmp_path / "log").read_text()
    assert text.startswith("before\n") and text.endswith("after\n") and "result<<" in text and "acme/demo: ok: RUNNING" in text and "| Space |" in text
    assert text.index("result<<") < text.index("## ") < text.index("::notice::")


@pytest.mark.parametrize("room", range(1, 200, 9))
def test_what_breaks_off_is_closed(room, tmp_path, monkeypatch):
    """The runner fails a step whose file ends inside of a value, so a value that cannot be ended is closed at least."""
    path, left, write = tmp_path / "output", [room], os.write

    def some(descriptor: int, data: bytes) -> int:
        if left[0] <= 0:
            left[0] = 10**6  # somebody has made room
            raise OSError(errno.ENOSPC, "no space left")
        left[0], size = left[0] - len(data), min(len(data), left[0])
        return write(descriptor, data[:size])

    monkeypatch.setattr(os, "write", some)
    entries = [files_module._entry(name, "x" * 40) for name in ("first", "second")]
    if room < sum(map(len, entries)):
        with pytest.raises(OSError, match="no space left"):
            append(str(path), entries)
    lines, inside = path.read_text().splitlines(), None
    for line in lines:
        inside = (line.partition("<<")[2] or None) if inside is None else None if line == inside else inside
    assert inside is None or "<<" not in path.read_text()


def test_a_write_in_parts_is_completed(tmp_path, monkeypatch):
    """The system may take less than it was given."""
    path, write = tmp_path / "output", os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:7]))
    append(str(path), ["result=ok\n", "stage=RUNNING\n"])
    assert path.read_text() == "result=ok\nstage=RUNNING\n"


@pytest.mark.parametrize("room", [0, 30])
def test_what_has_no_room_is_not_begun(room, tmp_path, monkeypatch):
    """Nothing is left that would have to be cut back."""
    path = tmp_path / "output"
    path.write_text("earlier=kept\n")
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (len("earlier=kept\n") + room, resource.RLIM_INFINITY))
    files = Files({"GITHUB_OUTPUT": str(path)})
    files.write_outputs(outputs(STEP))
    assert path.read_text() == "earlier=kept\n"
    assert ["there is no room for its" in trouble for trouble in files.troubles()] == [True] and files.troubles() == []


def test_windows_knows_no_room(tmp_path, monkeypatch):
    """Where the machine does not tell, it is tried."""
    monkeypatch.setitem(sys.modules, "resource", None)
    append(str(tmp_path / "output"), ["result=ok\n"])
    assert (tmp_path / "output").read_text() == "result=ok\n"


# ---- the report cannot fail ----

SEEN = SpaceInfo(id="acme/demo", runtime=SpaceRuntime(stage="RUNNING", commit="a" * 40, hardware="t4-small"))
RESULT = Result(space="acme/demo", outcome=Outcome.OK, message="RUNNING", elapsed=1.0, url="https://hub/spaces/acme/demo", before=SEEN, after=SEEN)
STEP = conclude([RESULT], cancelled=False, operation="info", elapsed=1.0, requests=1, prices={})
NAN, INFINITE = float("nan"), float("inf")


def steps() -> dict[str, Step]:
    """Steps of which something cannot be reported."""
    odd = {
        "a time that is not a number": replace(RESULT, elapsed=NAN),
        "a time without end": replace(RESULT, elapsed=INFINITE),
        "a moment without end": replace(RESULT, timeline=(Moment(0.0, "A"), Moment(INFINITE, "B"))),
        "a number without end": replace(RESULT, after=replace(SEEN, likes=INFINITE)),
        "a stage that is not text": replace(RESULT, after=SEEN.now(SpaceRuntime(stage=None))),
        "a message that is not text": replace(RESULT, message=None),
        "a log that is not text": replace(RESULT, log=(None,)),
        "half a character": replace(RESULT, space="acme/\ud800"),
        "half a character in a message": replace(RESULT, message="a \udfff"),
        "no outcome": replace(RESULT, before=3),
    }
    found = {name: replace(STEP, results=(one, replace(RESULT, space="acme/other"))) for name, one in odd.items()}
    return found | {"a price without end": replace(STEP, prices={"t4-small": INFINITE}), "no prices": replace(STEP, prices=3), "no time": replace(STEP, elapsed=NAN), "no message": replace(STEP, message=None)}


@pytest.mark.parametrize("name", steps())
@pytest.mark.parametrize("json_too", [False, True])
def test_whatever_cannot_be_reported_leaves_outputs_and_a_summary(name, json_too, paths, monkeypatch, capsys):
    """Plain ones, with ids and results; nothing is raised, and no traceback is shown."""
    for variable, path in paths.items():
        monkeypatch.setenv(variable, path)
    runner = Runner(answers_json=json_too)
    monkeypatch.setattr("sys.stdout", sys.stdout)
    publisher = Publisher(runner=runner, log=Log(clock=FakeClock(), runner=runner, began=0.0))
    publisher.publish(steps()[name], mistakes=[], wants_summary=True)
    runner.close()
    found = read_outputs(Path(paths["GITHUB_OUTPUT"]))
    assert found["result"] == "ok"
    assert {"NaN", "Infinity", "inf"} & set(found.values()) == set() and not any("Infinity" in value or "NaN" in value for value in found.values())
    assert "acme/other" in found.get("spaces", "acme/other") or len(steps()[name].results) < 2
    assert ": ok" in Path(paths["GITHUB_STEP_SUMMARY"]).read_text()
    shown = capsys.readouterr()
    assert "Traceback" not in shown.out + shown.err
    assert not json_too or json.loads(shown.out)["result"] == "ok"


@pytest.mark.parametrize("cancelled", [False, True])
def test_a_bug_in_the_summing_up_leaves_a_report(cancelled, paths, monkeypatch, capsys):
    """It says what to do about it, and is not taken for success."""
    for variable, path in paths.items():
        monkeypatch.setenv(variable, path)
    runner = Runner()
    step_run = StepRun(["info", "acme/demo"], runner=runner, log=Log(clock=FakeClock(), runner=runner, began=0.0), began=0.0)
    monkeypatch.setattr(step_run, "_results", lambda **about: 1 / 0)
    assert step_run.report(cancelled=cancelled) == (130 if cancelled else 1)
    found = read_outputs(Path(paths["GITHUB_OUTPUT"]))
    assert "internal error: ZeroDivisionError" in found["message"] and found["result"] in ("failed", "cancelled")


def test_a_state_with_a_secret_is_not_kept(paths, monkeypatch):
    """Nor is the change sent that the post step could not undo."""
    monkeypatch.setenv("GITHUB_STATE", paths["GITHUB_STATE"])
    runner = Runner()
    runner.mask(TOKEN)
    step_run = StepRun([], runner=runner, log=Log(clock=FakeClock(), runner=runner, began=0.0), began=0.0)
    settings = parse(["hardware", "acme/demo", "--hardware", "t4-small", "--restore"], {"HF_TOKEN": TOKEN, "GITHUB_STATE": "here", "GITHUB_ACTIONS": "true"})
    before = SEEN.now(SpaceRuntime(stage="RUNNING", hardware=TOKEN))
    with pytest.raises(Refused, match="its state cannot be kept"):
        step_run._states.save(SpaceProgress(space="acme/demo", settings=settings, before=before, after=before, touched=True))
    assert Path(paths["GITHUB_STATE"]).read_text() == "earlier=kept\n"


def test_a_state_that_cannot_be_read_stops_no_other(url, paths, monkeypatch, capsys):
    """It is warned about, and what can be read is undone."""
    for variable, path in paths.items():
        monkeypatch.setenv(variable, path)
    state = dump([SavedState(space="acme/demo", operation="wake", paused=False)])
    for variable, value in {"STATE_restore": "nonsense", "STATE_restore_1": state, "HF_ENDPOINT": url, "HF_TOKEN": TOKEN}.items():
        monkeypatch.setenv(variable, value)
    runner = Runner()
    step_run = StepRun([], runner=runner, log=Log(clock=FakeClock(), runner=runner, began=0.0), began=0.0, post=True)
    step_run.work()
    assert step_run.report(cancelled=False) == 0
    shown = capsys.readouterr().out
    assert "::warning::the saved state is not readable" in shown and "acme/demo: unchanged: nothing to undo" in shown


def test_one_odd_price_spoils_no_other():
    """Nor does it become a number."""
    prices = {"a": None, "b": "much", "c": INFINITE, "d": NAN, "e": -1.0, "f": 1e300, "t4-small": 0.4, "free": 0}
    assert sound(prices) == {"t4-small": 0.4, "free": 0.0}


# ---- bounded ----


def many(count: int, *, message: str = "RUNNING", moments: int = 2, name: str = "acme/space-{}") -> Step:
    timeline = tuple(Moment(float(n), "RUNNING" if n % 2 else "BUILDING") for n in range(moments))
    results = [replace(RESULT, space=name.format(n), outcome=Outcome.FAILED, message=message, timeline=timeline, log=("a line",) * 50) for n in range(count)]
    return conclude(results, cancelled=False, operation="wait", elapsed=9.0, requests=1, prices={"t4-small": 0.4})


@pytest.mark.parametrize(
    ("step", "keys", "count"),
    [
        (lambda: many(100), 23, 100), (lambda: many(900, moments=30), 22, 900), (lambda: many(1_000, message="m" * 1_500), 20, 1_000), (lambda: many(2_000), 20, 2_000), (lambda: many(2_501), 2, 2_501), (lambda: many(10_000), 2, 10_000),
        (lambda: many(10_000, name="o" * 90 + "/{:090}"), 2, None), (lambda: many(1, message="m" * 10**7), 23, 1),
    ],
    ids=["small", "without timelines", "without messages", "many", "more", "ids and results", "not even those", "one of ten megabytes"],
)  # fmt: skip
def test_the_array_of_spaces_is_never_too_long(step, keys, count):
    """Timelines are left out first, then messages, then all but ids and results, and last what is too much even so."""
    text = outputs(step(), one_line)["spaces"]
    found = json.loads(text)
    assert len(text.encode()) <= MAX_SPACES_BYTES
    assert (len(found[0]), len(found)) == (keys, count or len(found))
    assert len(text) > MAX_SPACES_BYTES - 300 or count
    assert [one["result"] for one in found[:3]] == ["failed"] * min(3, len(found))


@pytest.mark.parametrize("count", [1, 256, 257, 10_000])
def test_a_matrix_has_no_more_entries_than_a_runner_takes(count):
    """Further Spaces share them."""
    assert len(document(many(count))["matrix"]["include"]) == min(count, 256)


TEXTS = {
    "short": "RUNTIME_ERROR: it broke", "a megabyte": "m " * 500_000, "of secrets": "hf_abcdefghijkl PASSWORD=abc " * 50_000, "of colours": "\x1b[31mx" * 200_000, "of blank lines": "\n" * 1_000_000,
    "of escapes": "\x1b]" * 500_000, "of marks": "`_*[<" * 200_000, "of beginnings": "hf_" * 300_000, "of keys": "_key=" * 200_000, "of quotes": "token='" * 150_000, "of addresses": "://a:" * 200_000, "of JSON": "eyJ" * 300_000,
}  # fmt: skip


@pytest.mark.parametrize("text", TEXTS)
def test_any_text_is_made_plain_at_once(text):
    """A pattern holds the interpreter, so no signal would be heard meanwhile."""
    began = time.thread_time()
    shown = plain(TEXTS[text], spellings(TOKEN), {"acme/demo"})
    assert time.thread_time() - began < 0.25
    assert len(shown) <= 2_000


@pytest.mark.parametrize("text", TEXTS)
def test_ten_thousand_spaces_are_reported_in_seconds(text, paths, monkeypatch, capsys):
    """Outputs and summary are written before anything is printed, whatever the Spaces have said."""
    for variable, path in paths.items():
        monkeypatch.setenv(variable, path)
    runner, written = Runner(), []
    runner.mask(TOKEN)
    log = Log(clock=FakeClock(), runner=runner, began=0.0)
    monkeypatch.setattr(log, "conclude", lambda results, **_: written.append(time.process_time()))
    step = many(10_000, message=TEXTS[text])
    began = time.process_time()
    Publisher(runner=runner, log=log).publish(step, mistakes=[], wants_summary=True)
    assert written[0] - began < 2.0  # of the processor; half a second and less where it is not measured
    assert len(Path(paths["GITHUB_STEP_SUMMARY"]).read_bytes()) < MAX_SUMMARY_BYTES + 100
    assert read_outputs(Path(paths["GITHUB_OUTPUT"]))["count"] == "10000"


def test_a_long_timeline_is_cut():
    """Of thousands of rows the first are shown."""
    assert summary(many(1, moments=MAX_MOMENTS + 100)).count("| acme&#47;space") + summary(many(1, moments=MAX_MOMENTS + 100)).count("\n| acme/space-0 |") == MAX_MOMENTS


def test_the_least_report_has_ids_and_results():
    """Of whatever can be told."""
    step = replace(many(3), results=(*many(2).results, replace(RESULT, space="a/\ud800")))
    found = least_outputs(step, one_line)
    assert found.keys() == outputs(STEP).keys()
    assert json.loads(found["matrix"]) == {"include": [{"space-id": "acme/space-0"}, {"space-id": "acme/space-1"}]}
    assert (found["count"], found["failed"], found["space-id"]) == ("3", "2", "")
    assert least_outputs(STEP, one_line)["space-id"] == "acme/demo"
    assert "- acme/space-0: failed\n" in least_summary(step, one_line)


def test_good_news_is_one_line():
    """However many went well."""
    well = [replace(RESULT, space=f"a/{n}", outcome=Outcome.UNCHANGED if n else Outcome.OK) for n in range(3)]
    assert (good_news(well), good_news(well[:1]), good_news([])) == ("3 Spaces: 1 ok, 2 unchanged", "a/0: ok: RUNNING", "")


@pytest.mark.parametrize(("commands", "lines"), [("true", ["::error::acme/b: failed: RUNNING", "::notice::2 Spaces: 2 ok"]), ("", ["error: acme/b: failed: RUNNING"])])
def test_one_annotation_for_each_that_failed_and_one_for_all_others(commands, lines, monkeypatch, capsys):
    """GitHub shows ten of a kind; in a shell stdout has a line for each Space."""
    monkeypatch.setenv("GITHUB_ACTIONS", commands)
    monkeypatch.delenv("GITHUB_OUTPUT", raising=False)
    runner = Runner()
    results = [replace(RESULT, space=f"acme/{name}", outcome=outcome) for name, outcome in (("a", Outcome.OK), ("b", Outcome.FAILED), ("c", Outcome.OK))]
    Log(clock=FakeClock(), runner=runner, began=0.0).conclude(results)
    shown = capsys.readouterr()
    assert (shown.out + shown.err).splitlines() == lines
