"""The process itself: signals, hostile folders, runner files that cannot be written."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hf_action.main import Cancellation
from hf_action.rules.outcomes import Cancelled
from simhub.server import serve
from simhub.world import Phase, Space, Token, World
from tests.conftest import TOKEN, UNMEASURED, clean_environ, read_outputs
from tests.support.processes import PATIENCE
from tests.support.warm import Warm, command


@pytest.fixture(scope="module")
def url():
    """A Hub in real time, with a Space that builds for ever."""
    world = World(now=time.monotonic, tokens={TOKEN: Token(name="writer", writes=frozenset({"acme"}))})
    world.add(Space(id="acme/busy", stage="BUILDING", commit=None, timeline=(Phase(0, "BUILDING"),)))
    world.add(Space(id="acme/demo"))
    with serve(world) as server:
        yield server.url


def start(*words: str, url: str, cwd: Path | None = None, cold: bool = True, **environ: str) -> subprocess.Popen[str]:
    return Warm(
        command(*words),
        cold=cold,
        cwd=cwd,
        env=clean_environ() | {"HF_ENDPOINT": url, "GITHUB_ACTIONS": "true"} | environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_wait_with_everything_written(url, files, number):
    """Exit 130, result and summary written, no traceback; in which time is for test_watchdog.py."""
    process = start("wait", "acme/busy", "--poll-interval", "0.2", url=url, cold=False, HF_TOKEN=TOKEN, **files)
    while "BUILDING" not in process.stdout.readline():
        assert process.poll() is None
    process.send_signal(number)
    rest = process.communicate(timeout=PATIENCE)[0]
    outputs = read_outputs(Path(files["GITHUB_OUTPUT"]))
    assert (process.returncode, outputs["result"], outputs["stage"]) == (130, "cancelled", "BUILDING")
    assert "cancelled" in Path(files["GITHUB_STEP_SUMMARY"]).read_text()
    assert "Traceback" not in rest


def test_a_signal_before_anything_was_asked(url, files):
    """The very start of the process is as good a moment as any other; nothing but the interpreter's own start is not."""
    process = start("wait", "acme/busy", url=url, **UNMEASURED, **files)
    time.sleep(0.15)
    process.send_signal(signal.SIGTERM)
    text = process.communicate(timeout=PATIENCE)[0]
    assert process.returncode in (130, -signal.SIGTERM), text
    if process.returncode == 130:
        assert read_outputs(Path(files["GITHUB_OUTPUT"]))["result"] == "cancelled"


def test_nothing_of_the_workspace_is_imported(url, files, tmp_path):
    """A module lying in the working directory, or on PYTHONPATH, does not come before ours."""
    for name in ("huggingface_hub", "yaml", "tenacity", "hf_action", "sitecustomize", "signal"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('imported from the workspace')")
    process = start("info", "acme/demo", url=url, cwd=tmp_path, PYTHONPATH=str(tmp_path), **files)
    text = process.communicate(timeout=PATIENCE)[0]
    assert (process.returncode, read_outputs(Path(files["GITHUB_OUTPUT"]))["result"]) == (0, "ok"), text


def test_missing_runner_files_are_a_warning(url, tmp_path):
    """The result is in the log, and the exit status is what it would have been."""
    gone = {name: str(tmp_path / "gone" / name) for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    process = start("info", "acme/demo", url=url, cold=False, **gone)
    text = process.communicate(timeout=PATIENCE)[0]
    assert (process.returncode, text.count("::warning::"), "acme/demo: ok: RUNNING" in text) == (0, 2, True), text


def test_a_log_that_nobody_reads_is_no_failure(url, files):
    """A closed pipe does not end the step."""
    process = start("info", "acme/demo", url=url, **files)
    process.stdout.close()
    assert process.wait(timeout=PATIENCE) == 0
    assert read_outputs(Path(files["GITHUB_OUTPUT"]))["result"] == "ok"


def test_help_and_version_need_nothing():
    """They answer without a Space, and exit 0."""
    for word, expected in (("--help", "usage: hf-space"), ("--version", "hf-space ")):
        process = start(word, url="")
        assert process.communicate(timeout=PATIENCE)[0].startswith(expected)
        assert process.returncode == 0


def test_outside_github_there_are_no_commands(url):
    """In a shell the annotations are plain lines, and no file is written."""
    process = start("info", "acme/absent", url=url, cold=False, GITHUB_ACTIONS="")
    text = process.communicate(timeout=PATIENCE)[0]
    assert process.returncode == 3
    assert "::" not in text and "error: acme/absent: not-found" in text


def test_a_cancellation_that_is_lost_on_its_way_is_no_traceback(monkeypatch):
    """Python shows what a finalizer or a callback of the import system raises; all else is shown as before."""

    class Finalizer:
        def __init__(self, error: BaseException) -> None:
            self.error = error

        def __del__(self) -> None:
            raise self.error

    shown = []
    monkeypatch.setattr(sys, "unraisablehook", lambda lost: shown.append(lost.exc_type))
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        Cancellation()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    for error in (Cancelled(), ValueError()):
        Finalizer(error)
    assert shown == [ValueError]
