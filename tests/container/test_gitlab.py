"""The image in a job of GitLab: its template, and the container as GitLab's runner starts it, against a simulated Hub.

GitLab itself is out of reach; what its runner does is told in shells/bash.go of gitlab-runner.
"""

import re
import shlex
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from hf_action.report.outputs import DOTENV
from simhub.server import Server
from simhub.world import HEAD, Phase, Space, World
from tests.conftest import NEW, OLD, TOKEN, read_dotenv
from tests.container.conftest import ROOT, deploy_broken, empty_world, is_rolled_back, rebuild

TEMPLATE = ROOT / "templates/gitlab.yml"
PAGE = (ROOT / "docs/other-ci.md").read_text()
PIPELINES = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
UNHEARD = "The frobnicator says $HF_TOKEN"  # of no cause the action knows
JOB = yaml.safe_load(TEMPLATE.read_text())[".hf-space"]
# The first command of a container: the runner looks for a shell, which then reads a script.
SHELLS = ("/usr/local/bin/bash", "/usr/bin/bash", "/bin/bash", "/usr/local/bin/sh", "/usr/bin/sh", "/bin/sh")
DETECT = "if false; then :\n" + "".join(f"elif [ -x {shell} ]; then exec {shell}\n" for shell in SHELLS) + "fi"
SCRIPT = """if set -o | grep pipefail > /dev/null; then set -o pipefail; fi; set -o errexit
set +o noclobber
: | {eval}
exit 0
"""


# ---- files ----


def check(pipeline: Path) -> subprocess.CompletedProcess:
    """Compare a pipeline with GitLab's schema."""
    tool = Path(sys.executable).parent / "check-jsonschema"
    command = [tool, "--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci", pipeline]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_the_template_is_valid(tmp_path):
    """As a job, that is; of a hidden one, whose name begins with a dot, the schema demands nothing."""
    pipeline = tmp_path / "pipeline.yml"
    pipeline.write_text(TEMPLATE.read_text().replace("\n.hf-space:", "\nhf-space:"))
    done = check(pipeline)
    assert done.returncode == 0, done.stdout
    pipeline.write_text(pipeline.read_text().replace("script:", "skript:"))
    assert check(pipeline).returncode != 0


@pytest.mark.parametrize(("number", "job"), [(0, "space"), (1, "serve-or-roll-back")])
def test_the_pipeline_of_the_page_is_valid(tmp_path, number, job):
    """It includes the template that is there, and extends the job in it."""
    block = PIPELINES[number]
    pipeline = tmp_path / "pipeline.yml"
    pipeline.write_text(block)
    done = check(pipeline)
    assert done.returncode == 0, done.stdout
    told = yaml.safe_load(block)
    assert told["include"][0]["remote"].endswith(f"/OWNER/hf-space/v1/{TEMPLATE.relative_to(ROOT)}")
    assert told[job]["extends"] == ".hf-space" and set(told[job]["variables"]) <= set(JOB["variables"])


def test_the_page_names_every_variable():
    """One row each, in their order."""
    rows = re.findall(r"^\| `(HF_SPACE_\w+)` \| `([\w-]+)` \|$", PAGE, re.MULTILINE)
    assert rows == [(f"HF_SPACE_{name.upper().replace('-', '_')}", name) for name in DOTENV]


# ---- containers ----


@pytest.fixture
def world() -> World:
    """A Hub with nothing but what a test puts there."""
    return empty_world()


@pytest.fixture
def job(image: str, endpoint: str, tmp_path: Path) -> Callable[..., tuple[int, str, dict[str, str]]]:
    """Run a job that extends the template: `job("wait acme/demo")` returns status, log, and variables of later jobs."""

    def job(command: str, *, shell: str = DETECT, **more: str) -> tuple[int, str, dict[str, str]]:
        variables = JOB["variables"] | {"HF_SPACE_COMMAND": command, "HF_TOKEN": TOKEN, "HF_ENDPOINT": endpoint} | more
        lines = f"eval {shlex.quote(chr(10).join(JOB['script']))}"
        script = SCRIPT.format(eval=f"({lines})" if variables["FF_USE_NEW_BASH_EVAL_STRATEGY"] == "true" else lines)
        (entrypoint,) = JOB["image"]["entrypoint"]
        docker = ["docker", "run", "--rm", "--interactive", "--name", f"hf-space-test-{uuid.uuid4().hex[:12]}"]
        docker += [f"--entrypoint={entrypoint}", f"--volume={tmp_path}:/builds/acme/app", "--workdir=/builds/acme/app"]
        docker += [f"--env={name}={value}" for name, value in ({"CI": "true", "GITLAB_CI": "true"} | variables).items()]
        done = subprocess.run(
            [*docker, image, "sh", "-c", shell], input=script, capture_output=True, text=True, timeout=120
        )
        report = (tmp_path / JOB["artifacts"]["reports"]["dotenv"]).read_text()
        assert TOKEN not in done.stdout + done.stderr + report
        return done.returncode, done.stdout + done.stderr, read_dotenv(report, **{"$": "$", "HF_TOKEN": TOKEN})

    return job


@pytest.mark.container
@pytest.mark.parametrize("shell", [DETECT, "exec sh"], ids=["found", "sh"])
def test_a_job_hands_on_what_it_has_seen(shell, job, world: World):
    """It waits for the new build, and a later job can try the app, whichever shell the runner finds."""
    world.add(Space(id="acme/demo", commit=OLD, head=NEW, timeline=rebuild(stale=3)))
    status, log, variables = job(f"wait acme/demo --commit {NEW} --timeout 50s --poll-interval 0.5", shell=shell)
    assert status == 0, log
    assert (variables["HF_SPACE_RESULT"], variables["HF_SPACE_STAGE"]) == ("ok", "RUNNING")
    assert (variables["HF_SPACE_COMMIT"], variables["HF_SPACE_SPACE_ID"]) == (NEW, "acme/demo")
    assert variables["HF_SPACE_HOST"].startswith("http")
    assert "::" not in log  # commands are for GitHub's runner


def follow(script: list[str], variables: dict[str, str]) -> subprocess.CompletedProcess:
    """Run the script of a later job, with the variables of the one before it."""
    command = ["bash", "-eo", "pipefail", "-c", "\n".join(script)]
    return subprocess.run(command, env={"PATH": "/usr/bin:/bin"} | variables, capture_output=True, text=True, timeout=60)


@pytest.mark.container
@pytest.mark.parametrize("breaks", [False, True])
def test_the_pipeline_of_the_page_runs_as_it_stands(breaks, job, world: World):
    """The Space is waited for; then its app is tried, or it is told why not."""
    stages = yaml.safe_load(PIPELINES[0])
    end = Phase(4, "BUILD_ERROR", error=UNHEARD) if breaks else Phase(4, "RUNNING", commit=HEAD)
    world.add(Space(id="acme/demo", commit=OLD, head=NEW, timeline=(Phase(2, "RUNNING_BUILDING"), end)))
    command = stages["space"]["variables"]["HF_SPACE_COMMAND"].replace("$CI_COMMIT_SHA", NEW)  # as GitLab's runner does
    status, log, variables = job(command)
    assert status == int(breaks), log
    later = follow(stages["report" if breaks else "smoke-test"]["script"], variables)
    assert later.returncode == 0, later.stderr
    assert later.stdout.startswith("failed, acme/demo: ") if breaks else not later.stdout


@pytest.mark.container
def test_the_pipeline_that_rolls_back_runs_as_it_stands(job, world: World, hub: Server):
    """The old files are served again, and the job fails all the same."""
    deploy_broken(hub, "acme/demo")
    status, log, variables = job(yaml.safe_load(PIPELINES[1])["serve-or-roll-back"]["variables"]["HF_SPACE_COMMAND"])
    assert (status, variables["HF_SPACE_RESULT"], is_rolled_back(world, "acme/demo")) == (1, "failed", True), log


@pytest.mark.container
def test_a_failed_job_hands_on_why(job, world: World):
    """The status is the program's; a Space that names a variable in its error gets nothing put in its place."""
    script = (Phase(0, "BUILDING"), Phase(2, "BUILD_ERROR", error=UNHEARD))
    world.add(Space(id="acme/demo", scripts={"restart": script}))
    status, log, variables = job("restart acme/demo --timeout 50s --poll-interval 0.5")
    assert (status, variables["HF_SPACE_RESULT"], variables["HF_SPACE_STAGE"]) == (1, "failed", "BUILD_ERROR"), log
    assert UNHEARD in variables["HF_SPACE_MESSAGE"]


@pytest.mark.container
def test_a_mistaken_job_hands_on_what_is_wrong(job):
    """All mistakes are in the message, and the status is 2; it would be 1 without the new strategy."""
    status, log, variables = job("restrat acme/demo --timeout soon")
    assert (status, variables["HF_SPACE_RESULT"]) == (2, "invalid-input"), log
    assert "restrat" in variables["HF_SPACE_MESSAGE"] and "soon" in variables["HF_SPACE_MESSAGE"]
    assert job("restrat acme/demo", FF_USE_NEW_BASH_EVAL_STRATEGY="false")[0] == 1


@pytest.mark.container
def test_a_pattern_is_not_for_the_shell(job, world: World, tmp_path: Path):
    """Though a folder of the job matches it."""
    (tmp_path / "acme/demo-file").mkdir(parents=True)
    for name in ("demo-one", "demo-two"):
        world.add(Space(id=f"acme/{name}", timeline=(Phase(0, "RUNNING", commit=HEAD),)))
    status, log, variables = job("info acme/demo-*")
    assert (status, variables["HF_SPACE_COUNT"], variables["HF_SPACE_STAGE"]) == (0, "2", "RUNNING"), log


@pytest.mark.container
def test_any_runner_with_docker(image: str, endpoint: str, world: World):
    """The words after the image are the program's, and the token comes from the runner's own environment."""
    (shown,) = re.findall(r"^\$ docker run (.*)$", PAGE, re.MULTILINE)
    world.add(Space(id="acme/demo", commit=OLD, head=OLD))
    words = shlex.split(shown.replace("ghcr.io/OWNER/hf-space:1", f"--env HF_ENDPOINT={endpoint} {image}"))
    environ = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HF_TOKEN": TOKEN}
    done = subprocess.run(["docker", "run", *words], env=environ, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " with a token" in done.stderr and "acme/demo: ok: RUNNING" in done.stderr
    assert done.stdout == "acme/demo\tok\tRUNNING\n"
