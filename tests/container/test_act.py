"""The workflows of examples/, word for word, under act: real jobs, the real container, a simulated Hub in real time.

act serves the action and its reusable workflows from a copy of this repository, with a name for OWNER, and builds the
image as GitHub would. Steps that write to the real Hub are left out, by name; what they would do, a test's Space does.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from simhub.server import Server
from simhub.world import HEAD, REQUESTED, Phase, Space, World
from tests.conftest import NEW, OLD, TOKEN
from tests.container.conftest import (
    BRIEFLY,
    BUILD_FAILED,
    HOSTILE,
    JOB_IMAGE,
    ROOT,
    deploy_broken,
    empty_world,
    is_rolled_back,
    rebuild,
    writes,
)

pytestmark = pytest.mark.act

ACT = Path(sys.executable).parent / "act"
ACTION = ("action.yml", "Dockerfile", ".dockerignore", "entrypoint.py", "post.py", "hf_action", "requirements", "composite")
REUSABLE = ("gate.yml", "pause-or-restart.yml")
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
    copy_action(folder)
    workflows = folder / ".github/workflows"
    workflows.mkdir(parents=True)
    for name in REUSABLE:
        shutil.copy(ROOT / ".github/workflows" / name, workflows)
    return folder


@pytest.fixture(scope="session")
def checkout(image: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What stands for actions/checkout where a reusable workflow fetches the action: it copies the action.

    The checkout of a user's own repository needs no stand-in: act leaves that step out and copies the working tree.
    """
    folder = tmp_path_factory.mktemp("checkout")
    copy_action(folder / "action")
    inputs = {name: {"required": True} for name in ("repository", "ref", "persist-credentials")}
    copy = {"run": 'cp -R "$GITHUB_ACTION_PATH/action/." .', "shell": "bash"}
    about = {"name": "checkout", "inputs": inputs, "runs": {"using": "composite", "steps": [copy]}}
    (folder / "action.yml").write_text(yaml.safe_dump(about))
    return folder


def copy_action(folder: Path) -> None:
    """Copy what the action is made of."""
    folder.mkdir(exist_ok=True)
    for name in ACTION:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / name)


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
    remote = ("remote", "add", "origin", "https://github.com/acme/app")  # github.repository is acme/app
    commit = (*author, "commit", "--quiet", "--message", "Begin")
    for words in (("init", "--quiet"), remote, ("add", "."), commit):
        subprocess.run(["git", *words], cwd=folder, check=True)
    return folder


def checkout_ref() -> str:
    """Return how the reusable workflows name actions/checkout."""
    (ref,) = {found for name in REUSABLE for found in re.findall(r"uses: (actions/checkout@\w+)", read(name))}
    return ref


def read(name: str) -> str:
    """Return a reusable workflow."""
    return (ROOT / ".github/workflows" / name).read_text()


def leave_out(step: str, text: str) -> str:
    """Take a step out of a workflow; it must be there, once."""
    text, count = re.subn(rf"^      - name: {step}\n(?:        .*\n)+", "", text, flags=re.MULTILINE)
    assert count == 1, step
    return text


@pytest.fixture
def act(
    action: Path, checkout: Path, owner: str, repository: Path, endpoint: str, tmp_path: Path
) -> Callable[..., Workflow]:
    """Run a workflow of examples/ on an event: `act("push", "gate.yml")`.

    `payload` is what GitHub tells of the event, `without` names a step to leave out, `text` stands in for the example.
    With the `way` composite, its steps use the action without a container.
    """

    def act(
        event: str, example: str, *, payload: dict | None = None, without: str = "", text: str = "", way: str = ""
    ) -> Workflow:
        workflow, told = tmp_path / example, tmp_path / "event.json"
        text = text or (ROOT / "examples" / example).read_text()
        text = leave_out(without, text) if without else text
        text = text.replace("uses: OWNER/hf-space@", "uses: OWNER/hf-space/composite@") if way == "composite" else text
        text = re.sub("^ +deployment: false.*\n", "", text, flags=re.MULTILINE)  # newer than act's schema of workflows
        # act names containers after the workflow, so runs at the same time would take each other's.
        text = f"name: {uuid.uuid4().hex[:8]}\n" + re.sub("^name: .*\n", "", text, flags=re.MULTILINE)
        workflow.write_text(text.replace("uses: OWNER/", f"uses: {owner}/"))
        told.write_text(json.dumps(payload or {}))
        command = [ACT, event, "--json", "--workflows", workflow, "--eventpath", told]
        command += ["--platform", f"ubuntu-latest={JOB_IMAGE}", "--secret", f"HF_TOKEN={TOKEN}"]
        command += ["--local-repository", f"{owner}/hf-space@v1={action}"]
        command += ["--local-repository", f"{checkout_ref()}={checkout}"]
        command += ["--env", f"HF_ENDPOINT={endpoint}", "--pull=false", "--rm", "--no-cache-server"]
        command += ["--action-cache-path", tmp_path / "cache"]
        home = {"HOME": str(tmp_path)}  # no settings of the person who runs the tests
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
        assert (done.returncode == 0) == (set(ended.jobs.values()) <= {"success"}), done.stdout + done.stderr
        assert TOKEN not in ended.text
        posts = {record["stepResult"] for record in ended.records if _is_post(record) and "stepResult" in record}
        assert posts <= {"success"}, ended.text  # act runs post steps, though without inputs and state
        assert not [record for record in ended.records if _is_post(record) and record.get("raw_output")]
        return ended

    return act


def head_of(repository: Path) -> str:
    """Return the commit that a workflow in `repository` runs on."""
    done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=repository, capture_output=True, text=True, check=True)
    return done.stdout.strip()


# ---- the uses that README shows, with and without a container ----


def workflows_of_readme() -> dict[str, str]:
    """Return the whole workflows among its blocks, by the name that their first line tells."""
    blocks = re.findall(r"^```yaml\n(.*?)^```", (ROOT / "README.md").read_text(), re.DOTALL | re.MULTILINE)
    named = (re.match(r"# \.github/workflows/(\S+\.yml)", block) for block in blocks)
    return {name[1]: block for name, block in zip(named, blocks, strict=True) if name}


@pytest.mark.parametrize("way", ["container", "composite"])
@pytest.mark.parametrize("name", workflows_of_readme())
def test_a_workflow_of_the_readme_can_be_pasted(name, way, act, world: World, hub: Server, repository: Path):
    """Into an empty repository: it ends well, and not before the Space serves the commit that was pushed."""
    commit, text = head_of(repository), workflows_of_readme()[name]
    world.add(Space(id="acme/demo", commit=OLD, head=commit, hardware="t4-small", timeline=rebuild(stale=3)))
    (event, *_) = yaml.safe_load(text)[True]
    workflow = act(event, name, text=text, way=way)
    assert set(workflow.jobs.values()) == {"success"}, workflow.text
    state = world.state("acme/demo")
    assert (state.stage, state.commit) == ("RUNNING", commit) or writes(hub) == ["acme/demo/pause"]


def page_blocks(name: str) -> list[dict | list]:
    """Return what the blocks of a page say that are part of a workflow: jobs, or steps."""
    blocks = re.findall(r"^```yaml\n(.*?)^```", (ROOT / "docs" / name).read_text(), re.DOTALL | re.MULTILINE)
    return [yaml.safe_load(block) for block in blocks]


def test_the_jobs_of_the_page_can_be_called(act, world: World, hub: Server, repository: Path):
    """Both at once, as they stand: one waits for the commit of the run, the other pauses what costs money."""
    commit = head_of(repository)
    world.add(Space(id="acme/demo", commit=OLD, head=commit, timeline=rebuild(stale=3)))
    world.add(Space(id="acme/gpu", hardware="a100-large"))
    gate, pause = page_blocks("reusable.md")
    workflow = act("push", "called.yml", text=yaml.safe_dump({"on": "push", "jobs": gate["jobs"] | pause["jobs"]}))
    assert workflow.jobs == {"gate": "success", "spaces": "success"}, workflow.text
    assert (world.state("acme/demo").commit, writes(hub)) == (commit, ["acme/gpu/pause"])


def test_the_steps_of_the_page_run_without_a_container(act, world: World, hub: Server):
    """But for actions/setup-python, which is elsewhere: the Space is waited for, and paused in place of `restore`."""
    world.add(Space(id="acme/demo", commit=OLD, head=NEW, timeline=rebuild(stale=3)))
    (python, *steps), undo, *_ = page_blocks("runners.md")
    assert python["uses"].startswith("actions/setup-python@")
    job = {"runs-on": "ubuntu-latest", "steps": [*steps, *undo]}
    workflow = act("push", "steps.yml", text=yaml.safe_dump({"on": "push", "jobs": {"job": job}}))
    assert workflow.jobs == {"job": "success"}, workflow.text
    assert writes(hub) == ["acme/demo/pause"]


@pytest.mark.parametrize("way", ["container", "composite"])
def test_a_later_step_reads_what_the_action_wrote(way, act, world: World):
    """Both ways tell the same: the outputs, the annotations, and the exit status of a Space that is broken."""
    world.add(Space(id="acme/demo", scripts={"factory": (Phase(0, "BUILDING"), Phase(3, "BUILD_ERROR", error=HOSTILE))}))
    workflow = act("workflow_dispatch", "nightly-rebuild.yml", way=way)
    assert workflow.jobs == {"rebuild": "failure"}, workflow.text
    assert workflow.printed("Report").startswith("failed: BUILD_ERROR on commit"), workflow.text
    assert "\nacme/demo: build-step-failed: " in workflow.printed("Report")


@pytest.mark.parametrize("way", ["container", "composite"])
def test_paid_spaces_are_paused_by_a_step(way, act, world: World, hub: Server):
    """The selection, which is text with patterns and commas, arrives as it stands in the workflow."""
    for name, flavor in {"gpu": "t4-small", "always-on": "t4-small", "free": "cpu-basic"}.items():
        world.add(Space(id=f"acme/{name}", hardware=flavor))
    step = {
        "uses": "OWNER/hf-space@v1",
        "with": {"operation": "pause", "author": "acme", "with-hardware": "t4-*,a10g-*", "exclude": "always-*"},
        "env": {"HF_TOKEN": "${{ secrets.HF_TOKEN }}"},
    }
    text = yaml.safe_dump({"on": "push", "jobs": {"night": {"runs-on": "ubuntu-latest", "steps": [step]}}})
    workflow = act("push", "pause.yml", text=text, way=way)
    assert workflow.jobs == {"night": "success"}, workflow.text
    assert writes(hub) == ["acme/gpu/pause"]


# ---- after a push ----


def test_a_sync_is_waited_for(act, world: World):
    """The old RUNNING does not end the step; a later one reads stage, commit, elapsed and host."""
    world.add(Space(id="acme/demo", commit=OLD, head=NEW, timeline=rebuild(stale=10)))
    workflow = act("push", "after-push.yml", without="Sync")
    assert workflow.jobs == {"deploy": "success"}, workflow.text
    outputs = workflow.outputs("Wait for the new build")
    assert outputs["result"] == "ok"
    assert workflow.printed("Smoke test") == f"RUNNING on commit {NEW} after {outputs['elapsed']} s\n"


def test_a_push_with_git_is_waited_for(act, world: World, repository: Path):
    """The step ends when the Space serves the commit of the run, and the app answers."""
    commit = head_of(repository)
    world.add(Space(id="acme/demo", commit=OLD, head=commit, timeline=rebuild(stale=3)))
    workflow = act("push", "after-git-push.yml", without="Push")
    assert workflow.jobs == {"deploy": "success"}, workflow.text
    assert workflow.outputs("Wait for this commit")["commit"] == commit


def test_a_broken_commit_is_rolled_back_and_fails_the_job(act, world: World, hub: Server, repository: Path):
    """The Space serves the old files again, the summary tells both, and the job's end is that of the failure."""
    deploy_broken(hub, "acme/demo")
    workflow = act("push", "deploy.yml", without="Sync")
    assert workflow.jobs == {"deploy": "failure"}, workflow.text
    assert workflow.steps["Wait, or roll back"] == "failure"
    outputs = workflow.outputs("Wait, or roll back")
    assert (outputs["result"], outputs["cause"], outputs["rolled-back-to"]) == ("failed", "module-not-installed", OLD)
    assert is_rolled_back(world, "acme/demo")
    assert writes(hub).count("acme/demo/commit/main") == 1
    (summary,) = (line for line in workflow.text.splitlines() if "Rolled back: it serves the files of 0000000" in line and "**module" in line)
    assert "ModuleNotFoundError" in summary


def test_what_does_not_answer_is_restarted_on_a_schedule(act, world: World, hub: Server):
    """A broken Space serves again; the next hour, nothing is sent."""
    world.add(Space(id="acme/demo", stage="RUNTIME_ERROR", commit=None, scripts={"restart": BRIEFLY}))
    for _ in range(2):
        workflow = act("schedule", "heal-every-hour.yml")
        assert workflow.jobs == {"heal": "success"}, workflow.text
        assert (world.state("acme/demo").stage, writes(hub)) == ("RUNNING", ["acme/demo/restart"])


# ---- the reusable workflows, called from elsewhere ----


def test_the_gate_opens_for_the_commit_of_the_run(act, world: World, repository: Path):
    """The gate waits while an older commit serves; the job after it reads its outputs."""
    commit = head_of(repository)
    world.add(Space(id="acme/demo", commit=OLD, head=commit, timeline=rebuild(stale=3)))
    workflow = act("push", "gate.yml")
    assert workflow.jobs == {"gate": "success", "release": "success"}, workflow.text
    assert workflow.printed("Release").startswith(f"RUNNING on commit {commit} at http")


def test_the_gate_stays_shut_for_another_commit(act, world: World, repository: Path):
    """The step fails as soon as a later commit is live, and nothing after it runs."""
    world.add(Space(id="acme/demo", commit=OLD, head=OLD, past=(head_of(repository),)))
    workflow = act("push", "gate.yml")
    assert workflow.jobs == {"gate": "failure"}, workflow.text
    assert workflow.steps.get("Wait for the Space") == "failure" and "Release" not in workflow.steps, workflow.text
    assert workflow.outputs("Wait for the Space")["result"] == "superseded"


def test_paid_spaces_are_paused_in_the_evening_and_restarted_in_the_morning(act, world: World, hub: Server):
    """Of one organization, those that cost money and are on no list; nothing else is touched, then or the next day."""
    start = {"restart": (Phase(0, "BUILDING"), Phase(3, "RUNNING", commit=HEAD, hardware=REQUESTED))}
    paid = {"acme/gpu": "t4-small", "acme/large": "a100-large", "acme/upgraded": "cpu-upgrade"}
    for space, flavor in paid.items():
        world.add(Space(id=space, hardware=flavor, scripts=start))
    for number, stage in enumerate(("BUILDING", "APP_STARTING", "RUNNING_BUILDING", "RUNNING_APP_STARTING")):
        space = f"acme/moving-{number}"  # what would be running, and paid for, all night
        paid[space] = "t4-small"
        world.add(Space(id=space, stage=stage, hardware="t4-small", scripts=start))
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
    evening = act("schedule", "pause-at-night.yml", payload={"schedule": "0 20 * * 1-5"})
    assert evening.jobs == {"spaces": "success"}, evening.text
    assert writes(hub) == [f"{space}/pause" for space in sorted(paid)]
    assert ({world.state(space).stage for space in paid}, stages()) == ({"PAUSED"}, before)
    assert float(evening.outputs("Pause or restart")["hourly-saved"]) == pytest.approx(0.40 + 2.50 + 0.03, abs=4 * 0.40)

    hub.requests.clear()
    morning = act("schedule", "pause-at-night.yml", payload={"schedule": "0 7 * * 1-5"})
    assert morning.jobs == {"spaces": "success"}, morning.text
    assert writes(hub) == [f"{space}/restart" for space in sorted(paid)]
    now = {space: world.state(space) for space in paid}
    assert {space: (state.stage, state.hardware) for space, state in now.items()} == {
        space: ("RUNNING", flavor) for space, flavor in paid.items()
    }
    assert stages() == before


# ---- on a schedule ----


def test_a_rebuild_waits_for_the_new_build(act, world: World, hub: Server):
    """Ten seconds of the old RUNNING do not end the step; the Hub was asked to build without its cache."""
    world.add(Space(id="acme/demo", commit=OLD, head=NEW, scripts={"factory": rebuild(stale=10)}))
    workflow = act("schedule", "nightly-rebuild.yml")
    assert workflow.jobs == {"rebuild": "success"}, workflow.text
    outputs = workflow.outputs("Rebuild the Space")
    assert (outputs["result"], float(outputs["elapsed"]) >= 15) == ("ok", True)
    assert workflow.printed("Report").startswith(f"ok: RUNNING on commit {NEW} after {outputs['elapsed']} s\n")


def test_a_failure_is_reported_by_a_later_step(act, world: World):
    """The step of a broken Space fails its job, and a step with `if: always()` still reads result and message."""
    script = (Phase(0, "BUILDING"), Phase(3, "BUILD_ERROR", error=HOSTILE))
    log = ((0.0, "::set-output name=stage::RUNNING"), (0.0, "##[set-output name=result]ok"))
    world.add(Space(id="acme/demo", scripts={"factory": script}, build_log=log))
    workflow = act("workflow_dispatch", "nightly-rebuild.yml")
    assert workflow.jobs == {"rebuild": "failure"}, workflow.text
    assert workflow.steps == {"Rebuild the Space": "failure", "Report": "success"}
    assert workflow.printed("Report").startswith("failed: BUILD_ERROR on commit")
    assert "\nacme/demo: build-step-failed: " in workflow.printed("Report")
    assert BUILD_FAILED in workflow.printed("Rebuild the Space")
    assert "set-output name=stage::RUNNING" in workflow.printed("Rebuild the Space")
    # What the log and the error message of the Space say to the runner sets nothing.
    outputs = workflow.outputs("Rebuild the Space")
    assert (outputs["stage"], outputs["result"]) == ("BUILD_ERROR", "failed")


def test_a_sleeping_space_is_woken_for_a_test(act, world: World):
    """The test reaches the app. That it is put to rest again: test_container.py, since act tells post steps nothing."""
    woken = (Phase(1, "APP_STARTING"), Phase(4, "RUNNING", commit=HEAD))
    world.add(Space(id="acme/demo", stage="SLEEPING", commit=None, scripts={"visit": woken}))
    workflow = act("schedule", "end-to-end-test.yml")
    assert workflow.jobs == {"test": "success"}, workflow.text
    assert workflow.steps == {"Wake the Space": "success", "Test": "success"}
    assert workflow.outputs("Wake the Space")["previous-stage"] == "SLEEPING"


# ---- pull requests ----


def pull_request(what: str, *, head: str = "acme/app") -> dict:
    """Return what GitHub tells of a pull request that was opened, closed or the like."""
    return {"action": what, "number": 7, "pull_request": {"number": 7, "head": {"repo": {"full_name": head}}}}


def test_a_pull_request_has_a_preview_until_it_is_closed(act, world: World, hub: Server):
    """Opened, it is waited for; closed, it is paused; opened again, it is restarted."""
    build = (Phase(0, "BUILDING"), Phase(4, "RUNNING", commit=HEAD))
    space = Space(id="acme/demo-pr-7", stage="BUILDING", commit=None, timeline=build, scripts={"restart": build})
    world.add(space)
    opened = act("pull_request", "preview.yml", payload=pull_request("opened"), without="Sync")
    assert (opened.jobs, writes(hub)) == ({"build": "success"}, []), opened.text
    assert opened.outputs("Wait for the preview")["stage"] == "RUNNING"
    closed = act("pull_request", "preview.yml", payload=pull_request("closed"), without="Sync")
    assert (closed.jobs, writes(hub)) == ({"pause": "success"}, [f"{space.id}/pause"]), closed.text
    hub.requests.clear()
    again = act("pull_request", "preview.yml", payload=pull_request("reopened"), without="Sync")
    assert (again.jobs, writes(hub)) == ({"build": "success"}, [f"{space.id}/restart"]), again.text
    assert world.state(space.id).stage == "RUNNING"


@pytest.mark.parametrize("what", ["opened", "closed"])
def test_a_pull_request_from_a_fork_has_no_preview(what, act, hub: Server):
    """No job runs, and nothing is asked of the Hub."""
    workflow = act("pull_request", "preview.yml", payload=pull_request(what, head="other/app"), without="Sync")
    assert (workflow.jobs, list(hub.requests)) == ({}, []), workflow.text


# ---- many Spaces ----


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


# ---- failures that may be ----


def test_a_soft_failure_is_a_warning(act, world: World):
    """The job stays green, later steps run, and one of them reads what went wrong."""
    world.add(Space(id="acme/demo", scripts={"restart": (Phase(0, "BUILDING"), Phase(2, "BUILD_ERROR"))}))
    workflow = act("push", "soft-failure.yml")
    assert workflow.jobs == {"release": "success"}, workflow.text
    assert workflow.printed("Release") == "released\n"
    assert "the demo is failed; acme/demo: BUILD_ERROR" in workflow.text


def test_without_a_failure_there_is_no_warning(act, world: World):
    """The step that warns is left out."""
    world.add(Space(id="acme/demo", head=OLD, scripts={"restart": rebuild(stale=0)}))
    workflow = act("push", "soft-failure.yml")
    assert workflow.steps == {"Restart the demo": "success", "Release": "success"}, workflow.text
