"""The command in a shell: what pip installs, what is said to who types only its name, and JSON for scripts."""

import json
import re
import signal
import subprocess
import sys
import time
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from hf_action import VERSION
from hf_action.inputs.table import OPERATIONS
from hf_action.inputs.usage import hint
from simhub.server import serve
from simhub.space import COMMIT
from simhub.world import Phase, Space, Token, World
from tests.conftest import TOKEN, clean_environ, read_outputs
from tests.project.test_action_yml import ACTION
from tests.project.test_docs import outputs_of_nothing
from tests.support import warm
from tests.support.processes import PATIENCE, STUCK_TOO_LONG, start

ROOT = Path(__file__).parent.parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def url():
    """A Hub in real time."""
    token = Token(name="writer", owners=frozenset({"acme"}), writes=frozenset({"acme"}))
    world = World(now=time.monotonic, tokens={TOKEN: token})
    world.add(Space(id="acme/busy", stage="BUILDING", commit=None, timeline=(Phase(0, "BUILDING"),)))
    world.add(Space(id="acme/demo", hardware="t4-small", sleep_time=3600))
    world.add(Space(id="acme/other"))
    with serve(world) as server:
        yield server.url


def call(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a shell does, outside of GitHub."""
    return warm.run(warm.command(*words), env=clean_environ() | environ, text=True, timeout=PATIENCE)


# ---- what pip installs ----


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The package, built by what pyproject.toml names."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, ROOT]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = folder.iterdir()
    return wheel


def test_the_package_is_the_action_and_nothing_else(wheel):
    """Neither tests, nor the simulated Hub, nor scripts of the repository; the licence comes along."""
    names = zipfile.ZipFile(wheel).namelist()
    assert {name for name in names if ".dist-info/" not in name} == {str(path.relative_to(ROOT)) for path in (ROOT / "hf_action").glob("**/*.py")}
    assert [name for name in names if name.endswith("/LICENSE")] and wheel.name == f"hf_space-{VERSION}-py3-none-any.whl"


def test_the_installed_command_works(wheel, tmp_path, url):
    """By its name, from any folder, with the version of the project."""
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", tmp_path / "site", wheel]
    subprocess.run(install, check=True, capture_output=True)
    environ = clean_environ() | {"PYTHONPATH": str(tmp_path / "site"), "HF_ENDPOINT": url}
    environ.pop("COVERAGE_PROCESS_CONFIG", None)  # it is a copy of what is measured
    command = tmp_path / "site/bin/hf-space"
    done = subprocess.run([command, "--version"], cwd=tmp_path, env=environ, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, f"hf-space {VERSION}\n"), done.stderr
    done = subprocess.run([command, "acme/absent"], cwd=tmp_path, env=environ, capture_output=True, text=True)
    assert (done.returncode, "error: acme/absent: not-found" in done.stderr) == (3, True), done.stderr


def test_the_package_needs_what_the_pins_are_made_from():
    """The same packages, and each pin is new enough."""
    needed = {each.name: each for each in map(Requirement, PROJECT["dependencies"])}
    wanted = [line.split("#")[0].strip() for line in (ROOT / "requirements/action.in").read_text().splitlines()]
    assert sorted(needed) == sorted(filter(None, wanted))
    pins = dict(re.findall(r"^([\w.-]+)==(\S+)", (ROOT / "requirements/action.txt").read_text(), re.MULTILINE))
    assert all(each.specifier.contains(pins[name.replace("_", "-")]) for name, each in needed.items())


# ---- who types only its name ----


def test_the_name_alone_tells_how_to_begin():
    """A handful of examples, then the mistake; exit 2."""
    done = call()
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"{hint()}\nerror: space-id: is missing; write owner/name.\n")


@pytest.mark.parametrize(("words", "environ"), [(("restart",), {}), ((), {"INPUT_OPERATION": "info"}), ((), {"GITHUB_ACTIONS": "true"}), (("--dry-run",), {})])
def test_who_says_more_gets_no_lecture(words, environ):
    """Just the mistake."""
    done = call(*words, **environ)
    said = done.stdout if environ.get("GITHUB_ACTIONS") else done.stderr
    assert (done.returncode, "usage" in said) == (2, False)
    assert re.search("error:(:| )space-id: is missing; write owner/name.\n", said)


def test_a_space_alone_is_looked_at(url):
    """The first word need not be an operation."""
    done = call("acme/demo", HF_ENDPOINT=url)
    assert (done.returncode, done.stdout) == (0, f"acme/demo\tRUNNING\tt4-small\t{COMMIT}\n")
    assert "acme/demo: ok: RUNNING on commit 3d2e3a6, t4-small" in done.stderr


@pytest.mark.parametrize("words", [("--completion",), ("--completion", "tcsh"), ("--completion", "bash", "more")])
def test_completion_is_for_three_shells(words):
    """Another one is a mistake, which is not printed where a script is expected."""
    done = call(*words)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", "hf-space: write --completion and one of bash, zsh, fish\n")


@pytest.mark.parametrize(("shell", "first"), [("bash", "# bash completion"), ("zsh", "#compdef hf-space"), ("fish", "# fish completion")])
def test_completion_prints_a_script(shell, first):
    """And nothing else."""
    done = call("--completion", shell)
    assert (done.returncode, done.stdout.startswith(first), done.stderr) == (0, True, "")
    assert all(name in done.stdout for name in OPERATIONS)


# ---- JSON for scripts ----


def test_json_is_all_that_stdout_gets(url):
    """One document with the outputs of the contract, in types of their own; the log goes to stderr."""
    done = call("info", "acme/demo", "acme/other", "--json", HF_ENDPOINT=url, HF_TOKEN=TOKEN)
    found = json.loads(done.stdout)
    assert list(found) == list(outputs_of_nothing())
    assert (done.returncode, found["result"], found["count"], found["changed"], found["stage"]) == (0, "ok", 2, False, "RUNNING")
    assert (found["hardware"], found["hourly-cost"] > 0) == (None, True)
    assert [entry["id"] for entry in found["spaces"]] == ["acme/demo", "acme/other"]
    assert found["matrix"] == {"include": [{"space-id": "acme/demo"}, {"space-id": "acme/other"}]}
    assert "acme/demo: ok: RUNNING" in done.stderr


def test_json_of_mistakes(url):
    """They are in the message, and on stderr; the exit status is what it is without."""
    done = call("restrat", "a/b/c", "--json", HF_ENDPOINT=url)
    found = json.loads(done.stdout)
    assert (done.returncode, found["result"], found["spaces"], found["stage"]) == (2, "invalid-input", [], None)
    assert "did you mean restart?" in found["message"] and done.stderr.count("error: ") == 2


def test_json_alone_is_a_mistake_with_a_hint():
    """On stderr, as all that is not the document."""
    done = call("--json")
    assert (done.returncode, json.loads(done.stdout)["result"]) == (2, "invalid-input")
    assert done.stderr.startswith(hint())


def test_json_of_a_cancelled_step(url):
    """A script that is told to stop hears how far it came."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = warm.Warm(warm.command("wait", "acme/busy", "--json"), env=clean_environ() | {"HF_ENDPOINT": url}, text=True, **pipes)
    while "BUILDING" not in process.stderr.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=PATIENCE)
    assert (process.returncode, json.loads(out)["result"], json.loads(out)["stage"]) == (130, "cancelled", "BUILDING")


def test_json_of_a_step_that_is_stuck():
    """The watchdog prints it in place of the main thread."""
    process = start("info", "acme/demo", "--json", url="https://hub.example.com", script=STUCK_TOO_LONG, GITHUB_ACTIONS="")
    text = process.communicate(timeout=PATIENCE)[0]
    assert (process.returncode, json.loads(text[text.index("\n{") :])["result"]) == (5, "unreachable")


def test_json_beside_the_files_of_a_runner(url, tmp_path):
    """Both say the same."""
    (tmp_path / "out").touch()
    done = call("info", "acme/demo", "--json", HF_ENDPOINT=url, GITHUB_OUTPUT=str(tmp_path / "out"))
    written = read_outputs(tmp_path / "out")
    assert json.loads(written["spaces"]) == json.loads(done.stdout)["spaces"]
    assert done.stderr.count("::notice::") == 1 and "::" not in done.stdout


def test_json_has_no_token(url):
    """Not even where somebody has put one into the name of a Space."""
    done = call("info", f"acme/{TOKEN}", "--json", HF_ENDPOINT=url, HF_TOKEN=TOKEN)
    assert (done.returncode, TOKEN in done.stdout + done.stderr, "a secret of this step" in done.stdout) == (3, False, True)


def test_json_that_nobody_reads_is_no_failure(url):
    """The exit status is that of the step."""
    command = [sys.executable, "-I", ROOT / "entrypoint.py", "info", "acme/demo", "--json"]
    process = subprocess.Popen(command, env=clean_environ() | {"HF_ENDPOINT": url}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    process.stdout.close()
    assert (process.wait(timeout=PATIENCE), "Traceback" in process.stderr.read()) == (0, False)
    process.stderr.close()


def test_json_is_no_input(url):
    """A workflow reads outputs; the variable is warned about as any unknown one."""
    done = call("info", "acme/demo", HF_ENDPOINT=url, INPUT_JSON="true")
    assert (done.returncode, "json: is not an input of this action" in done.stderr) == (0, True)
    assert "json" not in ACTION["inputs"]
