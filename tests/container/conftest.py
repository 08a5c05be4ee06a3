"""The action as GitHub runs it: its image on a Docker engine, against a simulated Hub in real time.

Without an engine these tests are skipped in one loud line; with REQUIRE_DOCKER=1 they fail instead.
"""

import functools
import ipaddress
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from simhub.files import LargeFile
from simhub.server import Request, Server, serve
from simhub.space import Event
from simhub.world import HEAD, REQUESTED, Phase, Space, Token, World
from tests.conftest import NEW, OLD, TOKEN, read_outputs
from tests.container.containers import Files, Step, docker

ROOT = Path(__file__).resolve().parent.parent.parent
JOB_IMAGE = "runner:ubuntu"
REMEDY = "../shared/bin/docker-up, where that exists, provides it"

BUILD_FAILED = "Job failed with exit code: 1. Reason: pip found no torch==9.9"
# What an app may print: a command to the runner, at the start of a line and in it, and a secret of the workflow.
HOSTILE = f"{BUILD_FAILED}\n::set-output name=result::ok\n##[set-output name=stage]RUNNING\nHF_TOKEN={TOKEN}"


def rebuild(*, stale: float) -> tuple[Phase, ...]:
    """Return a rebuild of a live Space that the Hub says nothing of for `stale` seconds."""
    return (
        Phase(stale, "RUNNING_BUILDING"),
        Phase(stale + 5, "RUNNING", commit=HEAD),
    )


# As long as it takes to be seen by somebody who looks twice a second.
BRIEFLY = (Phase(0, "BUILDING"), Phase(2, "RUNNING", commit=HEAD, hardware=REQUESTED))


def deploy_broken(hub: Server, name: str) -> None:
    """Add a Space to which a commit was pushed that breaks it, two seconds after somebody looks; its old files build."""
    space = Space(
        id=name,
        stage="RUNNING_BUILDING",
        commit=OLD,
        head=NEW,
        scripts={"push": BRIEFLY},
        revisions={
            OLD: {"README.md": "---\nsdk: gradio\n---\n", "app.py": "print('good')\n", "model.bin": LargeFile(b"good")},
            NEW: {"README.md": "---\nsdk: gradio\n---\n", "app.py": "import gradoi\n", "new.py": ""},
        },
    )
    broken = Phase(2, "BUILD_ERROR", commit=None, error="ModuleNotFoundError: No module named 'gradoi'")

    def looked_at(_: Request) -> None:
        hub.on_request = None
        hub.world.happen(name, event=Event.PUSH, script=(broken,))

    hub.world.add(space)
    hub.on_request = looked_at


def is_rolled_back(world: World, name: str) -> bool:
    """Whether a Space to which a broken commit was pushed serves exactly its old files, from a new commit."""
    life = world.life(name)
    old, broken, now = life.repository.history(life.heads(world.now(), lag=0.0))
    state = world.state(name)
    serves = state.stage == "RUNNING" and state.commit == now.sha
    return serves and (old.sha, broken.sha) == (OLD, NEW) and now.tree.blobs == old.tree.blobs != broken.tree.blobs


SPACES = (
    Space(id="acme/running", head=OLD, scripts={"restart": rebuild(stale=0)}),
    Space(id="acme/stale", commit=OLD, head=NEW, scripts={"restart": rebuild(stale=3)}),
    Space(id="acme/busy", stage="BUILDING", commit=None),  # for ever
    Space(
        id="acme/broken",
        scripts={"restart": (Phase(0, "BUILDING"), Phase(2, "BUILD_ERROR", error=HOSTILE))},
    ),
    Space(id="acme/gpu", hardware="t4-small", sleep_time=3600, scripts={"hardware": BRIEFLY}),
    Space(id="acme/slow", scripts={"hardware": (Phase(0, "RUNNING_BUILDING"),)}),  # for ever
    Space(id="acme/paused", stage="PAUSED", scripts={"restart": BRIEFLY}),
    Space(id="acme/sleeping", stage="SLEEPING", scripts={"visit": BRIEFLY}),
)


@pytest.hookimpl(tryfirst=True)  # before any fixture needs an engine
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs a Docker engine where there is none, or fail where REQUIRE_DOCKER says so."""
    missing = None
    if item.get_closest_marker("container") or item.get_closest_marker("act"):
        missing = None if _works("docker", "info") else "no Docker engine answers"
    if item.get_closest_marker("act") and not missing:
        missing = None if _works("docker", "image", "inspect", JOB_IMAGE) else f"there is no image {JOB_IMAGE}"
    if missing and os.environ.get("REQUIRE_DOCKER") == "1":
        pytest.fail(f"{missing}, and REQUIRE_DOCKER=1; {REMEDY}", pytrace=False)
    if missing:
        pytest.skip(f"NOT RUN: {missing}; {REMEDY}")


@functools.cache
def _works(*command: str) -> bool:
    try:
        return subprocess.run(command, capture_output=True, timeout=60).returncode == 0
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return False


@pytest.fixture(scope="session", autouse=True)
def one_authority() -> None:
    """None: clients of Docker may ask registries, and trust what the machine trusts."""


@pytest.fixture(scope="session")
def bridge() -> str:
    """The address at which a container reaches this machine."""
    (config, *_) = json.loads(docker("network", "inspect", "bridge"))[0]["IPAM"]["Config"]
    return config.get("Gateway") or str(ipaddress.ip_network(config["Subnet"])[1])  # some engines leave it out


def make(*words: str) -> str:
    """Make an image; return its id: its name may be another tree's, built at the same time, a moment later."""
    # Called by another make, as in `make test`, it would tell which folder it leaves.
    command = ["make", "--no-print-directory", *words]
    done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.split()[-1]


@pytest.fixture(scope="session")
def base() -> str:
    """What the image is built on here: Python without bytecode of the standard library, as in the official image."""
    return make("base")


@pytest.fixture(scope="session")
def image(base: str) -> str:
    """The image, built as a user of this repository would, but for the base."""
    return make("image", "BASE=hf-space-base")


def empty_world() -> World:
    """Return a Hub in real time without a Space."""
    return World(now=time.monotonic, tokens={TOKEN: Token(name="writer", writes=frozenset({"acme"}))})


@pytest.fixture
def world() -> World:
    """A Hub in real time."""
    world = empty_world()
    for space in SPACES:
        world.add(space)
    return world


@pytest.fixture
def hub(world: World) -> Iterator[Server]:
    """That Hub, where containers can reach it."""
    with serve(world, host="0.0.0.0") as server:
        yield server


@pytest.fixture
def endpoint(hub: Server, bridge: str) -> str:
    """The address of that Hub, for containers."""
    return f"http://{bridge}:{urlsplit(hub.url).port}"


def writes(hub: Server) -> list[str]:
    """Return what was sent to change something: `acme/demo/pause`, in the order of the names."""
    sent = [request.path.removeprefix("/api/spaces/") for request in hub.requests if request.method != "GET"]
    return sorted(sent)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """A runner's folders, as it makes them for a step."""
    files = Files(tmp_path / "runner")
    for folder in (files.workspace, files.home, files.commands):
        folder.mkdir(parents=True)
    files.prepare()
    return files


@pytest.fixture
def start(image: str, endpoint: str, files: Files) -> Iterator[Callable[..., Step]]:
    """Start one step as GitHub does: `start("restart", "acme/demo", timeout="5m")`. `options` are docker's.

    With `post`, the post step of the step before: a new container, another entry point, new files, and as variables
    what the step has saved.
    """
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    defaults = {name: about.get("default", "") for name, about in action["inputs"].items()}
    steps = []

    def start(
        operation: str,
        space: str,
        *words: str,
        options: tuple[str, ...] = (),
        environ: dict[str, str] | None = None,
        post: bool = False,
        **inputs: str,
    ) -> Step:
        given = {"operation": operation, "space-id": space, "poll-interval": "0.5"}
        given |= {name.replace("_", "-"): value for name, value in inputs.items()}
        variables = {f"INPUT_{name.upper()}": value for name, value in (defaults | given).items()}
        variables |= {"GITHUB_ACTIONS": "true", "CI": "true", "HF_ENDPOINT": endpoint, "HF_TOKEN": TOKEN}
        own = files
        options = ("--entrypoint", action["runs"]["post-entrypoint" if post else "entrypoint"], *options)
        if post:
            own = replace(files, stage="post")
            own.prepare()
            variables |= {f"STATE_{name}": value for name, value in read_outputs(files.state).items()}
        variables |= own.environ | (environ or {})
        steps.append(Step(image, *words, options=options, variables=variables, files=own))
        return steps[-1]

    yield start
    for step in steps:
        step.remove()


@pytest.fixture
def run(start: Callable[..., Step]) -> Callable:
    """Run one step to its end."""
    return lambda *words, **inputs: start(*words, **inputs).end()
