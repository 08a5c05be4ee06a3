"""The workflows of this repository and of examples/, read as files: valid, safe, and true to action.yml."""

import os
import re
import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest
import yaml

from hf_action.inputs.readers import parse_duration
from hf_action.inputs.settings import parse
from tests.conftest import NEW, TOKEN
from tests.container.conftest import ROOT

BIN = Path(sys.executable).parent
EXAMPLES = sorted((ROOT / "examples").glob("*.yml"))
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
REUSABLE = [path for path in WORKFLOWS if "workflow_call:" in path.read_text()]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
# The action in an example, without a container, and in a reusable workflow; and a reusable workflow in an example.
STEP, COMPOSITE, SELF = "OWNER/hf-space@v1", "OWNER/hf-space/composite@v1", "./"
CALL = re.compile(r"OWNER/hf-space/\.github/workflows/([\w-]+\.yml)@v1")
# action.yml of huggingface/hub-sync v0.1.0; those after it have added to them.
HUB_SYNC = {"github_repo_id", "huggingface_repo_id", "hf_token", "repo_type", "space_sdk", "private", "subdirectory"}


def load(path: Path) -> dict:
    """Read a workflow; YAML takes the key `on` for true."""
    workflow = yaml.safe_load(path.read_text())
    return workflow | {"on": workflow[True]}


def steps_of(path: Path, *uses: str) -> list[dict]:
    """Return the steps of a workflow that use the action."""
    steps = [step for job in load(path)["jobs"].values() for step in job.get("steps", ())]
    return [step for step in steps if step.get("uses") in (uses or (STEP, SELF))]


def calls_of(path: Path) -> list[tuple[dict, dict]]:
    """Return the jobs that call a reusable workflow, each with how that one may be called."""
    jobs = [job for job in load(path)["jobs"].values() if "uses" in job]
    names = [CALL.fullmatch(job["uses"])[1] for job in jobs]
    return [
        (job, load(ROOT / ".github/workflows" / name)["on"]["workflow_call"])
        for job, name in zip(jobs, names, strict=True)
    ]


def givens(inputs: dict, **values: str) -> list[dict[str, str]]:
    """Return what the expressions among `inputs` may come to; `values` are those of `${{ name }}`."""
    choices = []
    for value in map(str, inputs.values()):
        either = re.fullmatch(r"\$\{\{ .+ && '(\S+)' \|\| '(\S+)' \}\}", value)
        filled = re.sub(r"\$\{\{ (\S+) \}\}", lambda found: values[found[1]], value) if not either else ""
        choices.append(either.groups() if either else (filled,))
    return [dict(zip(inputs, choice, strict=True)) for choice in product(*choices)]


def warnings_of(given: dict[str, str]) -> tuple[str, ...]:
    """Return what the action would warn of; a mistake raises."""
    return parse([f"--{name}={value}" for name, value in given.items()], {"HF_TOKEN": TOKEN, "GITHUB_STATE": "/a/file"}).warnings


# ---- all workflows ----


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


@pytest.mark.parametrize("path", [*EXAMPLES, *WORKFLOWS], ids=lambda path: f"{path.parent.name}-{path.name}")
def test_workflows_start_without_any_permission(path):
    """A job that needs one asks for it, and every job has an end; one that is called has its own."""
    workflow = load(path)
    assert workflow["permissions"] == {}
    assert all("timeout-minutes" in job for job in workflow["jobs"].values() if "uses" not in job)


# ---- examples ----


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_examples_use_what_there_is(path):
    """A comment on top says what for; inputs, secrets and outputs are those of the action, or of what is called."""
    text = path.read_text()
    assert text.startswith("# ")
    assert steps_of(path) or calls_of(path)
    assert all(set(step["with"]) <= set(ACTION["inputs"]) for step in steps_of(path))
    assert set(re.findall(r"steps\.space\.outputs\.([\w-]+)", text)) <= set(ACTION["outputs"])
    for job, call in calls_of(path):
        needed = {name for name, about in call["inputs"].items() if about.get("required")}
        assert needed <= set(job["with"]) <= set(call["inputs"])
        assert set(job["secrets"]) == set(call["secrets"])
        assert set(re.findall(r"needs\.gate\.outputs\.([\w-]+)", text)) <= set(call.get("outputs", ()))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_the_inputs_of_examples_are_without_mistake(path):
    """The action would not even warn, whatever an expression comes to."""
    values = {"github.sha": NEW, "matrix.space-id": "acme/demo acme/second", "github.event.number": "7"}
    for step in steps_of(path):
        assert not any(warnings_of(given) for given in givens(step["with"], **values))
    for job, call in calls_of(path):
        (inner,) = steps_of(ROOT / ".github/workflows" / CALL.fullmatch(job["uses"])[1])
        for given in givens(job["with"], **values):
            filled = {name: str(about.get("default", "")) for name, about in call["inputs"].items()} | given
            inputs = {f"inputs.{name}": value for name, value in filled.items()}
            assert not any(warnings_of(told) for told in givens(inner["with"], **inputs))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_an_environment_records_a_deployment_with_its_address_or_none(path):
    """A job that pushes to a Space links the app; one that only needs a secret leaves no deployment behind."""
    for job in load(path)["jobs"].values():
        pushes = any(step.get("name") in ("Sync", "Push") for step in job.get("steps", ()))
        about = job.get("environment", {"deployment": False})
        recorded = {"url": "${{ steps.space.outputs.host }}"} if pushes else {"deployment": False}
        assert {key: value for key, value in about.items() if key != "name"} == recorded


def test_schedules_of_examples_name_their_time_zone():
    """An evening is the evening of somebody."""
    times = [time for path in EXAMPLES for time in load(path)["on"].get("schedule", ())]
    assert times and all("timezone" in time for time in times if time["cron"].split()[1] != "*")


def test_every_example_is_listed():
    """The page of the folder has one row for each, and no other."""
    rows = re.findall(r"^\| \[(.+?)\]\(\1\)", (ROOT / "examples/README.md").read_text(), re.MULTILINE)
    assert sorted(rows) == [path.name for path in EXAMPLES]


def test_the_morning_is_an_hour_of_the_schedule():
    """The expression that tells it from the evening names an hour as it stands above, or it would never be morning."""
    workflow = load(ROOT / "examples/pause-at-night.yml")
    hours = [entry["cron"] for entry in workflow["on"]["schedule"]]
    (named,) = re.findall("github.event.schedule == '(.+?)'", workflow["jobs"]["spaces"]["with"]["operation"])
    assert (len(hours), hours.index(named)) == (2, 1)


@pytest.mark.parametrize(("name", "job"), [("after-push.yml", "deploy"), ("deploy.yml", "deploy"), ("preview.yml", "build")])
def test_a_sync_is_for_the_space_that_is_waited_for(name, job):
    """It has only inputs that huggingface/hub-sync has, and comes before the waiting."""
    _, sync, wait, *_ = load(ROOT / "examples" / name)["jobs"][job]["steps"]
    assert sync["uses"].startswith("huggingface/hub-sync@") and set(sync["with"]) <= HUB_SYNC
    assert (wait["uses"], wait["with"]["space-id"]) == (STEP, sync["with"]["huggingface_repo_id"])


def test_the_push_with_git_pushes_this_commit_with_the_token(tmp_path):
    """Its script is run, with a repository of this machine in the place of the Hub's; and git is asked who pushes."""
    steps = load(ROOT / "examples/after-git-push.yml")["jobs"]["deploy"]["steps"]
    (push,) = [step for step in steps if step.get("name") == "Push"]
    here, there = tmp_path / "here", tmp_path / "there"
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)} | push["env"] | {"HF_TOKEN": TOKEN}
    instead = {"GIT_CONFIG_COUNT": "2", "GIT_CONFIG_KEY_1": f"url.{there}.insteadOf"}
    instead["GIT_CONFIG_VALUE_1"] = "https://huggingface.co/spaces/acme/demo"

    def run(*words: str, text: str = "") -> str:
        command = {"cwd": here, "env": environ | instead, "input": text, "check": True}
        return subprocess.run(words, capture_output=True, text=True, **command).stdout

    here.mkdir()
    run("git", "init", "--quiet", "--bare", str(there))
    run("git", "init", "--quiet", "--initial-branch=work")
    author = ("-c", "user.name=acme", "-c", "user.email=acme@example.com")
    run("git", *author, "commit", "--quiet", "--allow-empty", "--message=Begin")
    run("bash", "-e", "-c", push["run"])
    assert run("git", "--git-dir", str(there), "rev-parse", "main") == run("git", "rev-parse", "HEAD")
    said = run("git", "credential", "fill", text="protocol=https\nhost=huggingface.co\n\n")
    assert f"username=acme\npassword={TOKEN}\n" in said


# ---- what the documents show ----

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "examples/README.md"]
BLOCKS = [
    pytest.param(block, id=f"{page.name}-{number}")
    for page in PAGES
    for number, block in enumerate(re.findall(r"^```yaml\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE))
]


def uses_in(value: object) -> list[dict]:
    """Return every step and job of a document that uses something."""
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    own = [value] if isinstance(value, dict) and "uses" in value else []
    return own + [found for part in inside for found in uses_in(part)]


@pytest.mark.parametrize("block", BLOCKS)
def test_yaml_in_documents_uses_what_there_is(block):
    """It can be read, and every input is one of the action, or of the reusable workflow it calls."""
    for user in uses_in(yaml.safe_load(block)):
        called = CALL.fullmatch(user["uses"])
        if called:
            assert set(user["with"]) <= set(
                load(ROOT / ".github/workflows" / called[1])["on"]["workflow_call"]["inputs"]
            )
        elif user["uses"] in (STEP, COMPOSITE):
            assert set(user["with"]) <= set(ACTION["inputs"])
            assert user["uses"] == STEP or "restore" not in user["with"]


def test_where_the_commit_of_the_run_is_shown_it_is_said_when_that_is_wrong():
    """A sync makes a commit of its own, and the one of the run is never served."""
    shown = {page.name: page.read_text() for page in (*PAGES, *EXAMPLES) if re.search(r"github\.sha|CI_COMMIT_SHA", page.read_text())}
    assert shown.keys() >= {"README.md", "reusable.md", "other-ci.md", "gate.yml", "after-git-push.yml"}
    assert [name for name, text in shown.items() if not re.search(r"makes\s+(?:# )?a\s+commit\s+of\s+its\s+own", text)] == []


# ---- reusable workflows ----


@pytest.mark.parametrize("path", REUSABLE, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_a_reusable_workflow_hands_its_inputs_on(path):
    """Each goes to the input of the action of the same name, and each output is one of the action's."""
    call = load(path)["on"]["workflow_call"]
    (step,) = steps_of(path, SELF)
    for name in call["inputs"].keys() - {"runs-on"}:
        assert step["with"][name] == f"${{{{ inputs.{name} }}}}"
    (job,) = load(path)["jobs"]
    assert load(path)["jobs"][job]["runs-on"].count("inputs.runs-on") == 3
    for name, about in call["outputs"].items():
        assert about["value"] == f"${{{{ jobs.{job}.outputs.{name} }}}}"
        assert load(path)["jobs"][job]["outputs"][name] == f"${{{{ steps.space.outputs.{name} }}}}"
        assert name in ACTION["outputs"]
    assert set(step["with"]) <= set(ACTION["inputs"])


@pytest.mark.parametrize("path", REUSABLE, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_a_reusable_workflow_runs_the_action_of_its_own_commit(path):
    """It fetches itself, as the job's context names it, and asks for no permission that a caller might not have."""
    (job,) = load(path)["jobs"].values()
    fetch = job["steps"][0]
    assert fetch["uses"].startswith("actions/checkout@")
    assert (fetch["with"]["repository"], fetch["with"]["ref"]) == (
        "${{ job.workflow_repository }}",
        "${{ job.workflow_sha }}",
    )
    assert "permissions" not in job


@pytest.mark.parametrize("path", REUSABLE, ids=lambda path: f"{path.parent.name}-{path.name}")
@pytest.mark.parametrize(("failures", "status", "calls"), [(0, 0, 1), (2, 0, 3), (3, 1, 3)])
def test_a_reusable_workflow_pulls_a_released_image_with_retries(failures, status, calls, path, tmp_path):
    """A registry that fails twice is asked a third time; where the image is built from a Dockerfile, none is asked."""
    (step,) = [step for job in load(path)["jobs"].values() for step in job["steps"] if step.get("name") == "Pull its image"]
    docker = f'#!/bin/sh\necho "$*" >>calls\n[ "$(wc -l <calls)" -gt {failures} ]\n'
    for name, script in {"docker": docker, "sleep": "#!/bin/sh\n"}.items():
        (tmp_path / name).write_text(script)
        (tmp_path / name).chmod(0o755)
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
    environ = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    text = (ROOT / "action.yml").read_text()
    (tmp_path / "action.yml").write_text(text)
    assert subprocess.run(command, cwd=tmp_path, env=environ).returncode == 0 and not (tmp_path / "calls").exists()
    (tmp_path / "action.yml").write_text(text.replace("image: Dockerfile", "image: docker://ghcr.io/owner/hf-space@sha256:ab"))
    assert subprocess.run(command, cwd=tmp_path, env=environ).returncode == status
    assert (tmp_path / "calls").read_text() == "pull --quiet ghcr.io/owner/hf-space@sha256:ab\n" * calls


@pytest.mark.parametrize("path", REUSABLE, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_the_page_tells_how_a_reusable_workflow_is_called(path):
    """A row for each input, with its default; outputs are named; the timeout fits into the job's."""
    call = load(path)["on"]["workflow_call"]
    section = (ROOT / "docs/reusable.md").read_text().split(f"workflows/{path.name}@v1")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `(.+?)` \| (.*?) ?\|", section, re.MULTILINE)
    defaults = {name: about.get("default") for name, about in call["inputs"].items()}
    assert rows == [(n, {None: "required", "": ""}.get(default, f"`{default}`")) for n, default in defaults.items()]
    assert all(f"`{name}`" in section for name in call.get("outputs", ()))
    (job,) = load(path)["jobs"].values()
    assert parse_duration(defaults["timeout"]) <= parse_duration("1h") < job["timeout-minutes"] * 60
