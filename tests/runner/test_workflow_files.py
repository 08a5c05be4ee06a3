"""The workflows of this repository and of examples/, read as files: valid, safe, and true to action.yml."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from hf_action.settings import parse
from tests.conftest import NEW, TOKEN
from tests.runner.conftest import ROOT

BIN = Path(sys.executable).parent
EXAMPLES = sorted((ROOT / "examples").glob("*.yml"))
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
ACTION = yaml.safe_load((ROOT / "action.yml").read_text())


def steps_of(path: Path) -> list[dict]:
    """Return the steps of a workflow that use the action."""
    steps = [step for job in yaml.safe_load(path.read_text())["jobs"].values() for step in job["steps"]]
    return [step for step in steps if step.get("uses") == "OWNER/hf-space@v1"]


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(("check-jsonschema", "--builtin-schema", "vendor.github-workflows"), id="check-jsonschema"),
        pytest.param(("actionlint", f"-shellcheck={BIN / 'shellcheck'}"), id="actionlint"),
        pytest.param(("zizmor", "--offline", "--no-progress", "--persona=auditor"), id="zizmor"),
    ],
)
def test_workflows_are_valid_and_safe(command):
    """Neither the schema of workflows, nor actionlint, nor the strictest audit finds anything."""
    tool, *words = command
    done = subprocess.run([BIN / tool, *words, *EXAMPLES, *WORKFLOWS], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", [*EXAMPLES, *WORKFLOWS], ids=lambda path: path.name)
def test_workflows_start_without_any_permission(path):
    """A job that needs one asks for it, and every job has an end."""
    workflow = yaml.safe_load(path.read_text())
    assert workflow["permissions"] == {}
    assert all("timeout-minutes" in job for job in workflow["jobs"].values())


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_examples_use_what_the_action_has(path):
    """A comment on top says what for; inputs and outputs are those of action.yml."""
    text = path.read_text()
    assert text.startswith("# ")
    assert steps_of(path) and all(set(step["with"]) <= set(ACTION["inputs"]) for step in steps_of(path))
    assert set(re.findall(r"steps\.space\.outputs\.([\w-]+)", text)) <= set(ACTION["outputs"])


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_the_inputs_of_examples_are_without_mistake(path):
    """The action would not even warn; an expression stands for a value that GitHub puts there."""
    values = {"github.sha": NEW, "matrix.space-id": "acme/demo acme/second"}
    for step in steps_of(path):
        given = re.sub(r"\$\{\{ (\S+) \}\}", lambda found: values[found[1]], json.dumps(step["with"]))
        settings = parse([f"--{name}={value}" for name, value in json.loads(given).items()], {"HF_TOKEN": TOKEN})
        assert not settings.warnings


def test_the_morning_chooses_among_what_the_evening_has_paused():
    """Both have the same Spaces, hardware and exceptions, and never run at once."""
    evening, morning = (ROOT / "examples" / name for name in ("pause-paid-at-night.yml", "restart-in-the-morning.yml"))
    ((pause,), (restart,)) = steps_of(evening), steps_of(morning)
    differing = {"operation": "restart", "with-stage": "PAUSED", "timeout": restart["with"]["timeout"]}
    assert restart["with"] == pause["with"] | differing
    groups = {yaml.safe_load(path.read_text())["concurrency"]["group"] for path in (evening, morning)}
    assert len(groups) == 1
