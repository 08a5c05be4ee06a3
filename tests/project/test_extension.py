"""The command as an extension of `hf`: the real `hf extensions install`, with a stand-in for GitHub, then `hf space`."""

import json
import os
import pty
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hf_action import VERSION
from simhub.server import serve
from simhub.world import Phase, Space, Token, World
from tests.conftest import TOKEN
from tests.support import warm
from tests.support.github import HEAD, github
from tests.support.warm import HF

ROOT = Path(__file__).parent.parent.parent
pytestmark = pytest.mark.skipif(not HF.exists(), reason="there is no `hf` beside this interpreter")

# In place of the one of the standard library, for which pip would unpack itself; here it is found where PYTHONPATH leads.
VENV = """
import subprocess, sys
class EnvBuilder:
    def __init__(self, *, with_pip, symlinks):
        assert with_pip and symlinks
    def create(self, folder):
        subprocess.run([sys.executable, "-I", "-m", "venv", "--without-pip", "--symlinks", folder], check=True)
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of somebody who has installed the extension."""
    home = tmp_path_factory.mktemp("home")
    site = home / "site"  # the packages that pip would fetch from its registry, and what builds a package
    site.mkdir()
    for path in Path(pytest.__file__).parent.parent.iterdir():
        if not path.name.startswith(("setuptools", "distutils", "_distutils", "hf_space")) and path.suffix != ".pth":
            (site / path.name).symlink_to(path)
    (site / "venv.py").write_text(VENV)
    with github(ROOT, repository="OWNER/hf-space", folder=home) as (proxy, variables):
        fixed = {"PIP_NO_DEPS": "1", "PIP_NO_BUILD_ISOLATION": "0", "PIP_CONFIG_FILE": os.devnull}  # 0: pip reads it as `--build-isolation`
        install = [HF, "extensions", "install", "OWNER/hf-space"]
        done = subprocess.run(install, cwd=home, env=environ_of(home, **variables, **fixed), capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "GET github.com/OWNER/hf-space/archive/HEAD.zip" in proxy.asked
    return home


def environ_of(home: Path, **variables: str) -> dict[str, str]:
    """Return the environment of a shell there, in which `uv` is not found and nothing asks for updates."""
    quiet = {"HF_HUB_DISABLE_UPDATE_CHECK": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
    return {"PATH": "/usr/bin:/bin", "HOME": str(home), "PYTHONPATH": str(home / "site")} | quiet | variables


def run(home: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run `hf` there."""
    return warm.run(warm.hf(*words), cwd=home, env=environ_of(home, **variables), text=True, timeout=120)


@pytest.fixture(scope="module")
def hub() -> Iterator[str]:
    """A Hub in real time."""
    world = World(now=time.monotonic, tokens={TOKEN: Token(name="writer", writes=frozenset({"acme"}))})
    world.add(Space(id="acme/demo", scripts={"restart": (Phase(0, "RUNNING_BUILDING"), Phase(1, "RUNNING"))}))
    world.add(Space(id="acme/busy", stage="BUILDING", commit=None, timeline=(Phase(0, "BUILDING"),)))
    with serve(world) as server:
        yield server.url


@pytest.fixture
def hf(home: Path, hub: str) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run `hf space` with these words."""
    return lambda *words, **variables: run(home, "space", *words, HF_ENDPOINT=hub, HF_TOKEN=TOKEN, **variables)


def test_it_is_installed_as_a_package(home):
    """No file of the repository has the name of the extension, or it would be taken for the whole program."""
    about = json.loads((home / ".local/share/hf/extensions/hf-space/manifest.json").read_text())
    assert (about["type"], about["short_name"], about["commit_sha"]) == ("python", "space", HEAD)
    assert not (ROOT / "hf-space").exists()
    assert "space" in run(home, "--help").stdout


def test_its_version_is_that_of_the_command(hf):
    """What is asked of the command itself reaches it, and not `hf`."""
    assert (hf("--version").stdout, "--wait-for-stage" in hf("--help").stdout) == (f"hf-space {VERSION}\n", True)


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("info", "acme/demo"), 0, "acme/demo: ok: RUNNING"),
        (("pause", "acme/absent", "--timeout", "5s"), 3, "not-found"),
        (("restrat", "acme/demo"), 2, "restrat"),
        (("doctor", "acme/demo"), 0, "ok\tspace\tacme/demo: RUNNING"),
        (("doctor", "acme/absent"), 1, "problem\tspace\t"),
        (("wait", "acme/busy", "--timeout", "10s", "--settle=0s"), 4, "timed-out"),  # time for a look on any machine
    ],
)
def test_words_and_exit_status_pass_through(words, status, said, hf):
    """As they are."""
    done = hf(*words)
    assert (done.returncode, said in done.stdout + done.stderr) == (status, True), done.stdout + done.stderr


def test_the_commands_of_the_pages_run_as_they_stand(hf):
    """As README and docs/other-ci.md show them."""
    pages = "".join((ROOT / page).read_text() for page in ("README.md", "docs/other-ci.md"))
    commands = [found.split() for found in re.findall(r"(?:\$ |`)hf space (\w+ acme/demo[^`\n]*)", pages)]
    assert [(words[0], hf(*words).returncode) for words in commands] == [("restart", 0), ("wait", 0)]


def test_results_for_scripts_pass_through(hf):
    """Nothing of `hf` is mixed into the document."""
    assert json.loads(hf("acme/demo", "--json").stdout)["stage"] == "RUNNING"


def test_a_terminal_passes_through(home, hub):
    """The lines move, as they do without `hf`; one Ctrl-C ends the wait, and what has been seen is told."""
    mine, theirs = pty.openpty()
    environ = environ_of(home, HF_ENDPOINT=hub, HF_TOKEN=TOKEN, TERM="xterm-256color")
    command = [HF, "space", "wait", "acme/busy", "--timeout", "60s"]
    process = subprocess.Popen(command, cwd=home, env=environ, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True)
    os.close(theirs)
    said = ""
    while "BUILDING" not in said:
        said += os.read(mine, 4096).decode(errors="replace")
    os.killpg(process.pid, signal.SIGINT)
    try:
        while piece := os.read(mine, 4096):
            said += piece.decode(errors="replace")
    except OSError:  # the other end has been closed
        pass
    assert process.wait(timeout=120) != 0
    assert "\x1b[" in said and "cancelled" in said, said
