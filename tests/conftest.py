"""The whole action against the simulated Hub, in one process and on one clock, so that hours take no time.

Nothing is patched: the real huggingface_hub talks to a real server over a real socket. Only the clock is shared.
"""

import json
import os
import re
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from hf_action.hub import transport
from hf_action.operations import events
from hf_action.rules.outcomes import Cancelled
from hf_action.runner.github import Runner
from hf_action.runner.log import Log
from hf_action.step import StepRun
from simhub.clock import FakeClock
from simhub.server import Certificates, Server, serve
from simhub.world import Space, Token, World
from tests.support import leftovers, runs, unread
from tests.support.hangs import Watch
from tests.support.network import PATIENCE, Patient, logs_end_at_once, taken_in

# A shell starts what it puts in the background deaf to SIGINT, and the processes that tests start would be so, too.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Nor does hypothesis, by its own limits, fail a test for the time it takes; pyproject.toml has this profile used.
settings.register_profile("steady", deadline=None, suppress_health_check=[HealthCheck.too_slow])

OLD, NEW, NEWER = "0" * 40, "1" * 40, "2" * 40
TOKEN = "hf_MarkedTokenOfTheTests123"
READ_ONLY = "hf_ReadOnlyTokenOfTheTests1"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--read-own", action="store_true", help="read each file of tests in the process that runs it; for --dist loadfile")


def pytest_configure(config: pytest.Config) -> None:
    """Have all tests run so; a hook of this file would not be called for what a whole session shares."""
    for plugin in (leftovers, runs, Watch(), *([unread] if config.option.read_own else [])):
        config.pluginmanager.register(plugin)


@dataclass(frozen=True)
class Ended:
    """What a finished step left behind."""

    status: int
    outputs: dict[str, str]
    summary: str
    log: str
    elapsed: float

    @property
    def result(self) -> str:
        return self.outputs["result"]

    @property
    def spaces(self) -> list[dict]:
        return json.loads(self.outputs["spaces"])


# For processes that end at a moment which nobody knows, or cannot write a file: their coverage would be by chance.
UNMEASURED = {"COVERAGE_PROCESS_CONFIG": ""}


def clean_environ() -> dict[str, str]:
    """Return what a process needs of this one's environment: where things are, and how its coverage is measured."""
    needed = ("PATH", "SYSTEMROOT", "SSL_CERT_FILE", "COVERAGE_PROCESS_CONFIG")
    return {name: os.environ[name] for name in needed if name in os.environ}


def read_outputs(path: Path) -> dict[str, str]:
    """Read a file of outputs as the runner does; the last value of a name wins."""
    found = re.findall(r"^([\w-]+)<<(\S+)\n(.*?)\n?\2$", path.read_text(), re.DOTALL | re.MULTILINE)
    return {name: value for name, _, value in found}


def read_dotenv(text: str, **variables: str) -> dict[str, str]:
    """Read a dotenv report as GitLab does with its limits by default; `variables` are those of the job that gets it.

    Sources: app/services/ci/parse_dotenv_artifact_service.rb of GitLab, and common/variables.go of its runner.
    """
    assert len(text.encode()) < 5120
    found = {}
    for line in text.removesuffix("\n").split("\n"):
        name, value = re.fullmatch(r"(.*?)=(.*)", line).groups()
        assert re.fullmatch("[A-Za-z0-9_]+", name)
        found[name] = re.sub(r"\$(\$|\w+|{.*?})", lambda mark: variables.get(mark[1].strip("{}"), ""), value.strip())
    assert len(found) <= 20
    return found


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """What a simulated Hub serves TLS with, from an authority of its own."""
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session", autouse=True)
def one_authority(certificates: Certificates) -> Iterator[None]:
    """One authority to trust, here and in processes: a client takes 30 ms to read all those of the machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(certificates.ca_file))
        yield


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the repository was checked out to."""
    folder = tmp_path / "workspace"
    folder.mkdir()
    monkeypatch.setenv("GITHUB_WORKSPACE", str(folder))
    return folder


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def world(clock: FakeClock) -> World:
    """A Hub with one running Space, and a token that may do everything to it."""
    writer = Token(name="writer", owners=frozenset({"acme"}), writes=frozenset({"acme"}))
    reader = Token(name="reader", kind="read", owners=frozenset({"acme"}))
    world = World(now=clock.now, tokens={TOKEN: writer, READ_ONLY: reader})
    world.add(Space(id="acme/demo", commit=OLD, head=NEW))
    clock.next_change, clock.settled = world.next_change, world.pulse.settled
    return world


@pytest.fixture
def hub(world: World) -> Iterator[Server]:
    with serve(world) as server, logs_end_at_once(server), taken_in(world.pulse):
        yield server


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no real time end what goes by a clock of its own: a machine may be so busy that a request takes longer."""
    monkeypatch.setattr(events, "OPENING", PATIENCE)
    monkeypatch.setattr(transport, "Deadline", Patient)


@pytest.fixture
def run(
    hub: Server,
    clock: FakeClock,
    patient: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Callable[..., Ended]:
    """Run one step as GitHub would: `run("restart", "acme/demo", timeout="5m")`. `token=None` is anonymous."""

    def run(*words: str, token: str | None = TOKEN, env: dict[str, str] | None = None, **inputs: str) -> Ended:
        for name in ("HF_TOKEN", "HUGGINGFACE_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_OIDC_RESOURCE"):
            monkeypatch.delenv(name, raising=False)
        files = {name: tmp_path / name for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
        for name, path in files.items():
            path.write_text("")
            monkeypatch.setenv(name, str(path))
        given = {"GITHUB_ACTIONS": "true", "HF_ENDPOINT": hub.url} | ({"HF_TOKEN": token} if token else {}) | (env or {})
        for name, value in given.items():
            monkeypatch.setenv(name, value)
        flags = [f"--{name.replace('_', '-')}={value}" for name, value in inputs.items()]
        runner, began = Runner(), clock.now()
        log = Log(clock=clock, runner=runner, began=began)
        attempt = StepRun([*words, *flags], runner=runner, log=log, began=began)
        try:
            attempt.work()
            cancelled = False
        except Cancelled:  # as main does
            cancelled = True
        status = attempt.report(cancelled=cancelled)
        return Ended(
            status=status,
            outputs=read_outputs(files["GITHUB_OUTPUT"]),
            summary=files["GITHUB_STEP_SUMMARY"].read_text(),
            log=capsys.readouterr().out,
            elapsed=clock.now() - began,
        )

    return run
