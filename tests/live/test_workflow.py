"""`.github/workflows/live.yml`: its shell, run here step by step, with a simulated Hub in place of the real one."""

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from live.__main__ import CANCELLED, DIFFERS
from tests.conftest import TOKEN
from tests.live.conftest import ROOT, environ
from tests.live.lies import Lie
from tests.support.processes import PATIENCE, read_until

WORKFLOW = yaml.safe_load((ROOT / ".github/workflows/live.yml").read_text())
STEPS = {step.get("name", step.get("uses", "").partition("@")[0]): step for step in WORKFLOW["jobs"]["tour"]["steps"]}
FIRST = "Look for a token and a Space"


class Job:
    """A run of the workflow in a folder of its own, which has the program and the environment that `make setup` makes."""

    def __init__(self, folder: Path, values: dict[str, str]) -> None:
        self.folder, self._values = folder, values
        (folder / ".venv").symlink_to(sys.prefix)
        for name in ("output", "summary"):
            (folder / name).touch()

    @property
    def output(self) -> str:
        return (self.folder / "output").read_text()

    @property
    def summary(self) -> str:
        return (self.folder / "summary").read_text()

    def start(self, name: str, **more: str) -> subprocess.Popen[str]:
        """Start the shell of a step as GitHub does for `shell: bash`."""
        given = {key: self._value(text) for key, text in STEPS[name]["env"].items()} if "env" in STEPS[name] else {}
        files = {"GITHUB_OUTPUT": str(self.folder / "output"), "GITHUB_STEP_SUMMARY": str(self.folder / "summary")}
        return subprocess.Popen(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", STEPS[name]["run"]],
            cwd=self.folder, env=environ(PYTHONPATH=str(ROOT)) | files | given | more, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def run(self, name: str, **more: str) -> tuple[int, str]:
        """Run the shell of a step; return its status and what it says."""
        with self.start(name, **more) as process:
            said = process.communicate(timeout=PATIENCE)[0]
        return process.returncode, said

    def _value(self, text: str) -> str:
        return re.sub(r"\$\{\{ (.+?) \}\}", lambda found: self._values[found[1]], text)


@pytest.fixture
def job(tmp_path):
    """Return what starts a job: `job(rename="true")`; by default with a token and a Space."""

    def job(token=TOKEN, space="acme/demo", only="", rename="") -> Job:
        values = {"secrets.HF_TOKEN": token, "secrets.HF_TOKEN != ''": str(token != "").lower(), "vars.HF_SPACE": space}
        return Job(tmp_path, values | {"inputs.only": only, "inputs.rename": rename})

    return job


@pytest.mark.parametrize(
    ("missing", "why"),
    [
        ({"token": ""}, "lacks the secret HF_TOKEN."),
        ({"space": ""}, "lacks the variable HF_SPACE."),
        ({"token": "", "space": ""}, "lacks the secret HF_TOKEN, the variable HF_SPACE."),
    ],
    ids=["no token", "no Space", "nothing"],
)
def test_a_repository_without_a_token_or_a_space_is_told_so_loudly(job, missing, why):
    """In an annotation and in the summary; the job is green, and no other step runs."""
    job = job(**missing)
    status, said = job.run(FIRST)
    assert (status, job.output) == (0, "")
    assert said.startswith("::warning ") and f"NOT RUN: this repository {why}" in said and said.count("\n") == 1
    assert job.summary.startswith("NOT RUN: ") and why in job.summary
    assert all("steps.given.outputs.all == 'true'" in step["if"] for name, step in STEPS.items() if name != FIRST)


def test_with_both_it_runs(job):
    """Without a word, and the step that looks gets no token."""
    job = job()
    assert job.run(FIRST) == (0, "")
    assert (job.output, job.summary) == ("all=true\n", "")
    assert STEPS[FIRST]["env"]["HAS_TOKEN"] == "${{ secrets.HF_TOKEN != '' }}"


def test_a_difference_fails_the_job_and_is_shown(job, place):
    """The summary has the page, the report is uploaded, and the inputs of a run by hand are heeded."""
    there, job = place(), job(only="look,rename", rename="true")
    there.lie(Lie((), "", told=lambda reply: reply.runtime.pop("devMode", None)))
    status, said = job.run("Tour", HF_ENDPOINT=there.hub.url)
    assert status == DIFFERS, said
    assert any(request.path == "/api/repos/move" for request in there.hub.requests)
    assert TOKEN not in said
    assert job.run("Show the differences")[0] == 0
    assert "| look | the whole Space: runtime.devMode | there | missing |" in job.summary
    assert {path.name for path in (job.folder / "live-report").iterdir()} == {"differences.md", "samples"}
    assert STEPS["actions/upload-artifact"]["with"]["path"] == "live-report/"


def test_a_tour_that_could_not_begin_is_told(job):
    """The summary says where the reason is."""
    job = job()
    assert job.run("Show the differences")[0] == 0
    assert "NOT RUN" in job.summary


def test_a_cancelled_job_puts_the_space_back(job, place):
    """The runner signals the process of the step, and signals it once more while the Space is being put back."""
    there, job = place(), job(only="pause,wake")
    with job.start("Tour", HF_ENDPOINT=there.hub.url) as process:
        read_until(process, "wake: ")
        there.hub.on_request = lambda request: request.method == "POST" and process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGINT)
        rest = process.communicate(timeout=PATIENCE)[0]
    assert process.returncode == CANCELLED, rest
    assert "was found in RUNNING and is left in" in rest
    assert job.run("Show the differences")[0] == 0
    assert "The tour was cancelled" in job.summary
    there.clock.sleep(60)
    assert there.world.state("acme/demo").stage == "RUNNING"
