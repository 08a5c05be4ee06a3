"""The workflows of examples/, word for word, under act: real jobs, the real container, a simulated Hub in real time.

act serves the action from a copy of this repository, with a name for OWNER, and builds the image as GitHub would.
"""

import json
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from simhub.server import Server
from simhub.world import HEAD, REQUESTED, Phase, Space, World
from tests.conftest import NEW, OLD, TOKEN
from tests.runner.conftest import BUILD_FAILED, HOSTILE, JOB_IMAGE, ROOT, empty_world, rebuild, writes

pytestmark = pytest.mark.act

ACT = Path(sys.executable).parent / "act"
ACTION = ("action.yml", "Dockerfile", ".dockerignore", "entrypoint.py", "post.py", "hf_action", "requirements")
# Seconds no workflow of these tests comes near.
STUCK = 240.0


@dataclass(frozen=True, slots=True)
class Workflow:
    """What act told of a workflow: one record for each line."""

    records: tuple[dict, ...]

    @property
    def jobs(self) -> dict[str, str]:
        """The result of each job that ran, by its id."""
        return {record["jobID"]: record["jobResult"] for record in self.records if "jobResult" in record}

    @property
    def steps(self) -> dict[str, str]:
        """The result of each step that ran, by its name."""
        return {
            record["step"]: record["stepResult"]
            for record in self.records
            if "stepResult" in record and record.get("stage") == "Main"
        }

    def of_matrix(self, name: str) -> dict[str, str]:
        """The result of each job of a matrix, by its value of `name`."""
        return {r["matrix"][name]: r["jobResult"] for r in self.records if "jobResult" in r and name in r["matrix"]}

    def printed(self, step: str) -> str:
        """Return what a step wrote to the log."""
        return "".join(r["msg"] for r in self.records if r.get("step") == step and r.get("raw_output"))

    def outputs(self, step: str) -> dict[str, str]:
        """Return the outputs of a step."""
        return {r["name"]: r["arg"] for r in self.records if r.get("step") == step and r.get("command") == "set-output"}

    @property
    def text(self) -> str:
        """All that was told, as a reader of the log sees it."""
        return "\n".join(f"{record.get('step', '')}: {record['msg'].rstrip()}" for record in self.records)


def _is_post(record: dict) -> bool:
    return record.get("stage") == "Post"


@pytest.fixture(scope="session")
def action(image: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The action as a user's workflow gets it. The image has been built: its layers are in the engine's cache."""
    folder = tmp_path_factory.mktemp("action")
    for name in ACTION:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / name)
    return folder


@pytest.fixture(scope="session")
def owner() -> Iterator[str]:
    """Whom the workflows have the action from: act names its image so, and a test elsewhere must not take ours."""
    owner = f"owner-{uuid.uuid4().hex[:8]}"
    yield owner
    subprocess.run(["docker", "image", "rm", f"act-{owner}-hf-space-v1-dockeraction"], capture_output=True)


@pytest.fixture
def world() -> World:
    """A Hub with nothing but what a test puts there."""
    return empty_world()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository of somebody who uses the action, with one commit."""
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / "README.md").write_text("An app.\n")
    author = ("-c", "user.name=acme", "-c", "user.email=acme@example.com")
    for words in (("init", "--quiet"), ("add", "."), (*author, "commit", "--quiet", "--message", "Begin")):
        subprocess.run(["git", *words], cwd=folder, check=True)
    return folder


@pytest.fixture
def act(action: Path, owner: str, repository: Path, endpoint: str, tmp_path: Path) -> Callable[[str, str], Workflow]:
    """Run a workflow of examples/ on an event: `act("push", "gate.yml")`."""

    def act(event: str, example: str) -> Workflow:
        workflow = tmp_path / example
        # act names containers after the workflow, so runs at the same time would take each other's.
        text = (ROOT / "examples" / example).read_text()
        text = text.replace("\nname: ", f"\nname: {uuid.uuid4().hex[:8]} ", 1)
        workflow.write_text(text.replace("uses: OWNER/", f"uses: {owner}/"))
        command = [ACT, event, "--json", "--workflows", workflow, "--platform", f"ubuntu-latest={JOB_IMAGE}"]
        command += ["--local-repository", f"{owner}/hf-space@v1={action}", "--secret", f"HF_TOKEN={TOKEN}"]
        command += ["--env", f"HF_ENDPOINT={endpoint}", "--pull=false", "--rm", "--no-cache-server"]
        command += ["--action-cache-path", tmp_path / "cache"]
        home = {"HOME": str(tmp_path)}  # no settings of whoever runs the tests
        done = subprocess.run(
            command,
            cwd=repository,
            env=os.environ | home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=STUCK,
        )
        ended = Workflow(tuple(json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")))
        assert ended.jobs, done.stdout + done.stderr
        assert (done.returncode == 0) == (set(ended.jobs.values()) == {"success"})
        assert TOKEN not in ended.text
        posts = {record["stepResult"] for record in ended.records if _is_post(record) and "stepResult" in record}
        assert posts == {"success"}, ended.text  # act runs post steps, though without inputs and state
        assert not [record for record in ended.records if _is_post(record) and record.get("raw_output")]
        return ended

    return act


def test_restart_and_wait(act, world: World):
    """Ten seconds of the old RUNNING do not end the step; a later one reads stage, commit and elapsed."""
    world.add(Space(id="acme/demo", commit=OLD, head=NEW, scripts={"restart": rebuild(stale=10)}))
    workflow = act("push", "restart-and-wait.yml")
    assert workflow.jobs == {"restart": "success"}, workflow.text
    outputs = workflow.outputs("Restart the Space")
    assert [moment["stage"] for moment in json.loads(outputs["spaces"])[0]["timeline"]] == [
        "RUNNING",
        "RUNNING_BUILDING",
        "RUNNING",
    ]
    assert (outputs["result"], float(outputs["elapsed"]) >= 15) == ("ok", True)
    assert workflow.printed("Smoke test") == f"RUNNING on commit {NEW} after {outputs['elapsed']} s\n"


def test_the_gate_opens_for_the_commit_of_the_run(act, world: World, repository: Path):
    """The gate waits while an older commit serves; the job after it reads its outputs."""
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=repository, capture_output=True, text=True, check=True)
    commit = head.stdout.strip()
    world.add(Space(id="acme/demo", commit=OLD, head=commit, timeline=rebuild(stale=3)))
    workflow = act("push", "gate.yml")
    assert workflow.jobs == {"gate": "success", "release": "success"}, workflow.text
    assert workflow.printed("Release").startswith(f"RUNNING on commit {commit} at http")


def test_the_gate_stays_shut_for_another_commit(act, world: World):
    """The step fails as soon as another commit is live, and nothing after it runs."""
    world.add(Space(id="acme/demo", commit=OLD, head=OLD))
    workflow = act("push", "gate.yml")
    assert workflow.jobs == {"gate": "failure"}, workflow.text
    assert workflow.steps == {"Wait for this commit": "failure"}
    assert workflow.outputs("Wait for this commit")["result"] == "superseded"


def test_a_failure_is_reported_by_a_later_step(act, world: World):
    """The step of a broken Space fails its job, and a step with `if: always()` still reads result and message."""
    script = (Phase(0, "BUILDING"), Phase(3, "BUILD_ERROR", error=HOSTILE))
    log = ((0.0, "::set-output name=stage::RUNNING"), (0.0, "##[set-output name=result]ok"))
    world.add(Space(id="acme/demo", scripts={"restart": script}, build_log=log))
    workflow = act("workflow_dispatch", "report-failure.yml")
    assert workflow.jobs == {"restart": "failure"}, workflow.text
    assert workflow.steps == {"Restart the Space": "failure", "Report": "success"}
    assert workflow.printed("Report").startswith("result: failed\nmessage: acme/demo: BUILD_ERROR")
    assert BUILD_FAILED in workflow.printed("Restart the Space")
    assert "set-output name=stage::RUNNING" in workflow.printed("Restart the Space")
    # What the log and the error message of the Space say to the runner sets nothing.
    outputs = workflow.outputs("Restart the Space")
    assert (outputs["stage"], outputs["result"]) == ("BUILD_ERROR", "failed")


def test_a_schedule_pauses_the_spaces(act, world: World):
    """Both Spaces are paused in the end; the one that was so already counts as unchanged."""
    world.add(Space(id="acme/demo"))
    world.add(Space(id="acme/second", stage="PAUSED"))
    workflow = act("schedule", "pause-at-night.yml")
    assert workflow.jobs == {"pause": "success"}, workflow.text
    assert [world.state(space).stage for space in ("acme/demo", "acme/second")] == ["PAUSED", "PAUSED"]
    ends = [space["result"] for space in json.loads(workflow.outputs("Pause the Spaces")["spaces"])]
    assert ends == ["ok", "unchanged"]


def test_a_matrix_restarts_a_fleet(act, world: World, hub: Server):
    """One job for each Space that the first job has listed, and each restarts its own, once."""
    for name in ("one", "two"):
        world.add(Space(id=f"acme/{name}", commit=OLD, head=NEW, scripts={"restart": rebuild(stale=0)}))
    world.add(Space(id="acme/off", stage="PAUSED"))
    world.add(Space(id="acme/web", sdk="static", hardware=None))
    for left_out in ("acme/shop-prod", "other/one"):
        world.add(Space(id=left_out))
    workflow = act("workflow_dispatch", "fleet-by-matrix.yml")
    fleet = {"acme/one": "success", "acme/two": "success"}
    assert workflow.jobs == {"list": "success", "restart": "success"}, workflow.text
    assert workflow.of_matrix("space-id") == fleet
    said = workflow.printed("Restart")
    assert [said.count(f"{space}: restart sent") for space in fleet] == [1, 1]
    assert writes(hub) == [f"{space}/restart" for space in fleet]
    assert {world.state(space).commit for space in fleet} == {NEW}


def test_a_matrix_of_nothing_is_no_job(act, world: World, hub: Server):
    """An organization without a running Space: the second job is skipped, and nothing fails."""
    world.add(Space(id="acme/off", stage="PAUSED"))
    workflow = act("workflow_dispatch", "fleet-by-matrix.yml")
    assert (workflow.jobs, writes(hub)) == ({"list": "success"}, []), workflow.text


def test_paid_spaces_are_paused_in_the_evening_and_restarted_in_the_morning(act, world: World, hub: Server):
    """Of one organization, those that cost money and are on no list; nothing else is touched, then or the next day."""
    start = {"restart": (Phase(0, "BUILDING"), Phase(3, "RUNNING", commit=HEAD, hardware=REQUESTED))}
    paid = {"acme/gpu": "t4-small", "acme/large": "a100-large", "acme/upgraded": "cpu-upgrade"}
    for space, flavor in paid.items():
        world.add(Space(id=space, hardware=flavor, scripts=start))
    others = (
        Space(id="acme/always-on", hardware="t4-small"),
        Space(id="acme/shop-prod", hardware="a10g-large"),
        Space(id="acme/free"),
        Space(id="acme/free-and-off", stage="PAUSED"),
        Space(id="acme/asleep", stage="SLEEPING", hardware="t4-small"),
        Space(id="acme/broken", stage="BUILD_ERROR", hardware="t4-small", error=BUILD_FAILED),
        Space(id="acme/web", sdk="static", hardware=None),
        Space(id="other/gpu", hardware="t4-small"),
    )
    for space in others:
        world.add(space)

    def stages() -> dict[str, str]:
        return {space.id: world.state(space.id).stage for space in others}

    before = stages()
    evening = act("schedule", "pause-paid-at-night.yml")
    assert evening.jobs == {"pause": "success"}, evening.text
    assert writes(hub) == [f"{space}/pause" for space in paid]
    assert ({world.state(space).stage for space in paid}, stages()) == ({"PAUSED"}, before)
    assert float(evening.outputs("Pause what is paid for")["hourly-saved"]) == pytest.approx(0.40 + 2.50 + 0.03)

    hub.requests.clear()
    morning = act("schedule", "restart-in-the-morning.yml")
    assert morning.jobs == {"restart": "success"}, morning.text
    assert writes(hub) == [f"{space}/restart" for space in paid]
    now = {space: world.state(space) for space in paid}
    assert {space: (state.stage, state.hardware) for space, state in now.items()} == {
        space: ("RUNNING", flavor) for space, flavor in paid.items()
    }
    assert stages() == before
