"""The action without Docker: composite/action.yml and what it starts. tests/container/test_act.py runs it in real jobs."""

import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from docs.composite import composite

ROOT = Path(__file__).parent.parent.parent
ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
COMPOSITE = yaml.safe_load((ROOT / "composite/action.yml").read_text())
(STEP,) = COMPOSITE["runs"]["steps"]
# What stands for the action in these tests: it says how it was called, and ends as it is told to.
PROGRAM = """\
import os, sys
print("prefix", sys.prefix)
print("isolated", sys.flags.isolated, "space", os.environ.get("INPUT_SPACE-ID"), "state", os.environ.get("GITHUB_STATE"))
sys.exit(int(os.environ.get("STATUS", "0")))
"""


# ---- what the two promise ----


def test_the_file_is_drawn_from_that_of_the_container():
    """`make docs` writes it."""
    assert (ROOT / "composite/action.yml").read_text() == composite((ROOT / "action.yml").read_text())


def test_inputs_and_outputs_are_the_same():
    """Names, defaults and descriptions; only `restore` says that it is not there."""
    assert list(COMPOSITE["inputs"]) == list(ACTION["inputs"])
    assert {name: about for name, about in COMPOSITE["inputs"].items() if ACTION["inputs"][name] != about}.keys() == {"restore"}
    for name, about in COMPOSITE["outputs"].items():
        assert about == ACTION["outputs"][name] | {"value": f"${{{{ steps.space.outputs.{name} }}}}"}
    assert list(COMPOSITE["outputs"]) == list(ACTION["outputs"])


def test_inputs_reach_the_program_as_variables():
    """As a container would get them; none is put into the text of the shell, where it could be more than a value."""
    given = {name: value for name, value in STEP["env"].items() if name.startswith("INPUT_")}
    assert given == {f"INPUT_{name.upper()}": f"${{{{ inputs.{name} }}}}" for name in ACTION["inputs"]}
    assert "${{" not in STEP["run"]
    assert STEP["env"].keys() - given.keys() == {"MSYS2_ENV_CONV_EXCL"}


@pytest.mark.parametrize("file", ["action.yml", "composite/action.yml"])
def test_the_metadata_is_valid(file):
    """By GitHub's schema of actions, and by the strictest audit."""
    tools = Path(sys.executable).parent
    for command in (["check-jsonschema", "--builtin-schema", "vendor.github-actions"], ["zizmor", "--offline", "--no-progress", "--persona=auditor"]):
        done = subprocess.run([tools / command[0], *command[1:], ROOT / file], capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr


# ---- the step ----


Step = Callable[..., subprocess.CompletedProcess[str]]

# In place of `venv`: an environment like one that is there, for which pip need not unpack itself. Its pip is that of the
# other, or one that has nothing to install.
LENT = """
class venv:
    def create(folder, *, with_pip, symlinks):
        assert with_pip and symlinks
        shutil.copytree({made!r}, folder, symlinks=True, dirs_exist_ok=True, ignore=shutil.ignore_patterns("lib*"))
        (folder / "lib").symlink_to({lib!r})
"""
NO_PIP = "import sys\nassert sys.argv[1] == 'install' and open(sys.argv[-1]).read().startswith('#')\n"


def fetch(folder: Path) -> Path:
    """Return the action as a runner has fetched it, with a program of these tests in its place, and no package to install."""
    shutil.copytree(ROOT / "composite", folder / "composite", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "requirements").mkdir()
    (folder / "requirements/image.txt").write_text("# nothing\n")
    (folder / "entrypoint.py").write_text(PROGRAM)
    return folder


def step_of(action: Path, folder: Path) -> Step:
    """Return what runs the shell of the step as GitHub's runner does."""

    def step(**variables: str) -> subprocess.CompletedProcess[str]:
        output = folder / "output"
        output.touch()
        environ = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "HOME": str(folder), "TMPDIR": str(folder)}
        environ |= {"GITHUB_ACTION_PATH": str(action / "composite"), "GITHUB_OUTPUT": str(output), "INPUT_SPACE-ID": "acme/demo"}
        environ |= {"RUNNER_TEMP": str(folder / "temp"), "GITHUB_STATE": str(folder / "state")} | variables
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", STEP["run"]]
        with subprocess.Popen(command, cwd=folder, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            said, complaints = process.communicate(timeout=120)
        (folder / "pid").write_text(str(process.pid))
        return subprocess.CompletedProcess(command, process.returncode, said, complaints)

    return step


@dataclass(frozen=True)
class First:
    """The first step of a runner, which found nothing: how it ended, where environments are kept, and the next step."""

    ended: subprocess.CompletedProcess[str]
    tools: Path
    step: Step


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> First:
    """It has made an environment with all that belongs to one."""
    folder = tmp_path_factory.mktemp("first")
    step, tools = step_of(fetch(folder / "action"), folder), folder / "tools"
    return First(step(RUNNER_TOOL_CACHE=str(tools), STATUS="6"), tools, step)


@pytest.fixture
def action(request: pytest.FixtureRequest, tmp_path: Path, first: First) -> Path:
    """The action as fetched, which makes its environments out of that of the first step; with its pip, where asked for."""
    folder = fetch(tmp_path / "action")
    launch = (folder / "composite/launch.py").read_text()
    assert launch.count("import venv\n") == 1
    (made,) = environments(first.tools)
    (packages,) = made.glob("lib/python*/site-packages")
    lib = made / "lib" if getattr(request, "param", "") == "with pip" else tmp_path / "lib"
    (tmp_path / packages.relative_to(made)).mkdir(parents=True)
    (tmp_path / packages.relative_to(made) / "pip.py").write_text(NO_PIP)
    lent = LENT.format(made=str(made), lib=str(lib))
    (folder / "composite/launch.py").write_text(launch.replace("import venv\n", "").replace("\n\nclass NoEnv", f"{lent}\n\nclass NoEnv"))
    return folder


@pytest.fixture
def step(action: Path, tmp_path: Path) -> Step:
    """Run the shell of the step."""
    return step_of(action, tmp_path)


def read_outputs(file: Path) -> dict[str, str]:
    """Return what was written to a file of the runner in its form of one line each."""
    return dict(line.split("=", 1) for line in file.read_text().splitlines())


def environments(folder: Path) -> list[Path]:
    """Return the environments that are kept in a folder of the runner."""
    return sorted((folder / "hf-space").iterdir())


def test_the_program_runs_in_an_environment_of_its_own(first):
    """Isolated, with the inputs, and with its own exit status; a second step finds the environment ready.

    It is not offered a state to keep, so `restore` is a mistake there: nobody would undo anything.
    """
    (made,) = environments(first.tools)
    assert (first.ended.returncode, first.ended.stdout) == (6, f"prefix {made}\nisolated 1 space acme/demo state None\n"), first.ended.stderr
    written = made.stat().st_mtime_ns
    assert first.step(RUNNER_TOOL_CACHE=str(first.tools)).stdout == first.ended.stdout
    assert environments(first.tools) == [made] and made.stat().st_mtime_ns == written


def test_a_signal_of_the_runner_reaches_the_program(step, action, tmp_path):
    """It goes to the process that the runner has started, which by then is the program itself."""
    (action / "entrypoint.py").write_text("import os\nprint(os.getpid())\n")
    done = step()
    assert done.stdout.strip() == (tmp_path / "pid").read_text(), done.stderr


def test_other_pins_need_another_environment(step, action, tmp_path):
    """So a newer version of the action never runs with the packages of an older one."""
    for number in range(2):
        (action / "requirements/image.txt").write_text(f"# {number}\n")
        assert step().returncode == 0
    assert len(environments(tmp_path / "temp")) == 2


def test_jobs_at_the_same_time_share_one_environment(step, tmp_path):
    """Each ends well, and nothing half made is left."""
    statuses = []
    threads = [threading.Thread(target=lambda: statuses.append(step().returncode)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (statuses, len(environments(tmp_path / "temp"))) == ([0, 0], 1)


def test_a_tool_cache_that_cannot_be_written_is_passed_over(step, tmp_path):
    """The folder of the job takes its place."""
    (tmp_path / "tools").write_text("a file")
    assert step(RUNNER_TOOL_CACHE=str(tmp_path / "tools")).returncode == 0
    assert len(environments(tmp_path / "temp")) == 1


@pytest.mark.parametrize("action", ["with pip"], indirect=True)
def test_packages_that_cannot_be_installed_end_the_step(step, action, tmp_path):
    """One line says why and what to do, later steps read it, and the next try begins from nothing."""
    (action / "requirements/image.txt").write_text("tenacity==9.2.1 --hash=sha256:" + "0" * 64 + "\n")
    done = step(PIP_NO_INDEX="1", PIP_FIND_LINKS="", PIP_CONFIG_FILE=os.devnull)
    (line,) = re.findall("^::error::(.*)$", done.stdout, re.MULTILINE)
    assert (done.returncode, line.startswith("The packages of the action could not be installed: ERROR: ")) == (1, True), done.stdout
    assert "actions/setup-python" in line and read_outputs(tmp_path / "output") == {"result": "failed", "message": line}
    assert environments(tmp_path / "temp") == []


@pytest.mark.parametrize("found", ["none", "old"])
def test_a_runner_without_a_new_enough_python_says_what_to_do(found, step, tmp_path):
    """Exit 2, and the outputs of a mistake."""
    (tmp_path / "bin").mkdir()
    if found == "old":
        for name in ("python3", "python"):
            (tmp_path / "bin" / name).write_text("#!/bin/sh\nexit 1\n")  # what the question for the version ends with
            (tmp_path / "bin" / name).chmod(0o755)
    bash = shutil.which("bash")
    (tmp_path / "bin/bash").symlink_to(bash)
    done = step(PATH=str(tmp_path / "bin"))
    assert (done.returncode, "actions/setup-python" in done.stdout) == (2, True), done.stderr
    outputs = read_outputs(tmp_path / "output")
    assert (outputs["result"], f"::error::{outputs['message']}\n") == ("invalid-input", done.stdout)


def test_the_first_python_that_is_new_enough_is_taken(step, tmp_path):
    """A `python3` that is too old, as on macOS, does not stand before a `python` that will do."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/python3").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "bin/python3").chmod(0o755)
    (tmp_path / "bin/python").symlink_to(sys.executable)
    done = step(PATH=f"{tmp_path / 'bin'}:/usr/bin:/bin")
    assert (done.returncode, "isolated 1" in done.stdout) == (0, True), done.stderr
