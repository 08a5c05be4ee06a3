"""The container, run as GitHub runs it: as root, without an init, in the workspace, with the runner's files mounted."""

import json
import re
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from hf_action.inputs.table import OPERATIONS
from simhub.faults import Fault, Kind
from simhub.world import Phase, Space, Token
from tests.conftest import NEW, OLD, TOKEN, Ended
from tests.container.conftest import BRIEFLY, BUILD_FAILED, ROOT, deploy_broken, is_rolled_back
from tests.container.containers import Step, docker
from tests.support.tokenservice import Exchange, token_service

pytestmark = pytest.mark.container

MARK = "imported from the workspace"


def test_the_image_says_what_it_is(image):
    """What is known before a release stands in its labels."""
    labels = json.loads(docker("inspect", "--format={{json .Config.Labels}}", image))
    assert labels["org.opencontainers.image.title"] == "hf-space"
    assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"
    assert labels["org.opencontainers.image.description"]


# ---- what steps end as ----


def test_a_restart_is_not_fooled_by_the_stale_stage(run):
    """It waits until the new commit serves, though the Hub goes on saying RUNNING for three seconds."""
    ended = run("restart", "acme/stale", timeout="50s")
    assert (ended.status, ended.result) == (0, "ok"), ended.log
    assert (ended.outputs["stage"], ended.outputs["commit"], ended.outputs["changed"]) == ("RUNNING", NEW, "true")
    assert [moment["stage"] for moment in ended.spaces[0]["timeline"]] == ["RUNNING", "RUNNING_BUILDING", "RUNNING"]
    assert float(ended.outputs["elapsed"]) >= 8
    assert "acme/stale" in ended.summary and "RUNNING_BUILDING" in ended.summary


def test_a_failing_space_fails_the_step_with_its_outputs(run):
    """Exit 1, the stage and the Space's own words in the outputs, and an annotation."""
    ended = run("restart", "acme/broken", timeout="50s")
    assert (ended.status, ended.result) == (1, "failed"), ended.log
    assert (ended.outputs["stage"], ended.outputs["failed"]) == ("BUILD_ERROR", "1")
    assert BUILD_FAILED in ended.log and "BUILD_ERROR" in ended.summary
    assert re.search(r"^::error.*::acme/broken: .*BUILD_ERROR", ended.log, re.MULTILINE)


def test_a_space_cannot_command_the_runner(run):
    """What an app prints is not a workflow command, at the start of a line or in it."""
    ended = run("restart", "acme/broken", timeout="50s", settle="2s")
    commands = {line.split("::")[1].split()[0] for line in ended.log.splitlines() if line.startswith("::")}
    assert commands <= {"add-mask", "error", "warning", "notice", "group", "endgroup"}
    assert "##[" not in ended.log


def test_a_mistake_ends_the_step_before_any_request(run):
    """Exit 2, with every mistake in the message."""
    ended = run("restrat", "../x", timeout="soon")
    assert (ended.status, ended.result, ended.outputs["requests"]) == (2, "invalid-input", "0"), ended.log
    assert all(name in ended.outputs["message"] for name in ("space-id", "operation", "timeout"))
    assert "invalid-input" in ended.summary


def test_a_deploy_broken_is_rolled_back(run, world, hub):
    """The old files are served again from a new commit; outputs, annotation and summary tell both, and the exit is 1."""
    deploy_broken(hub, "acme/deployed")
    ended = run("wait", "acme/deployed", timeout="50s", rollback="true")
    assert (ended.status, ended.result, ended.outputs["rolled-back-to"]) == (1, "failed", OLD), ended.log
    assert is_rolled_back(world, "acme/deployed")
    (annotation,) = re.findall(r"^::error.*", ended.log, re.MULTILINE)
    for text in (annotation, ended.summary, ended.outputs["message"]):
        assert "module-not-installed" in text
        assert "Rolled back: it serves the files of 0000000 again" in text


# Where an operation that does something may do it, and the inputs it needs.
SUBJECTS = {
    "restart": ("acme/paused", {}),
    "wake": ("acme/sleeping", {}),
    "hardware": ("acme/gpu", {"hardware": "a10g-small"}),
    "sleep-time": ("acme/gpu", {"sleep_time": "2h"}),
    "list": ("acme/*", {}),
}


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_every_operation_finds_all_it_imports(operation, run):
    """The image leaves packages out; no operation may miss one."""
    space, inputs = SUBJECTS.get(operation, ("acme/running", {}))
    ended = run(operation, space, timeout="50s", **inputs)
    assert (ended.status, ended.result) == (0, "ok"), ended.log


def test_a_fleet_file_of_the_workspace_is_read(run, files):
    """It needs a package that nothing else does."""
    (files.workspace / "fleet.yml").write_text("spaces:\n  - acme/running\n  - acme/gpu\n")
    ended = run("info", "", fleet_file="fleet.yml")
    assert (ended.status, ended.outputs["count"]) == (0, "2"), ended.log


def test_a_rollback_finds_all_it_imports(run, world):
    """It is the only one that needs the client of repositories."""
    failing = (Phase(0, "RUNNING_BUILDING"), Phase(2, "BUILD_ERROR", error=BUILD_FAILED))
    revisions = {OLD: {"app.py": "good"}, NEW: {"app.py": "bad"}}
    world.add(Space(id="acme/pushed", commit=OLD, head=NEW, revisions=revisions, timeline=failing, scripts={"push": BRIEFLY}))
    ended = run("wait", "acme/pushed", timeout="50s", rollback="true", settle="2s")
    assert (ended.status, ended.result, ended.outputs["rolled-back-to"]) == (1, "failed", OLD), ended.log


def test_keyless_access_finds_all_it_imports(run, world, hub):
    """The identity of the job is exchanged for a token of the Space; docs/contract.md, Access."""
    address = f"http://127.0.0.1:{urlsplit(hub.url).port}"
    publishers = {"spaces/acme/paused": Token(name="publisher", writes=frozenset({"acme"}))}
    with token_service() as service:
        hub.api = Exchange(hub.api, world=world, endpoint=address, service=service, publishers=publishers)
        environ = {"HF_ENDPOINT": address, "HF_TOKEN": "", "HF_OIDC_RESOURCE": "spaces/acme/paused"} | service.environ
        ended = run("restart", "acme/paused", timeout="50s", environ=environ, options=("--network=host",))
    assert (ended.status, ended.result, ended.outputs["changed"]) == (0, "ok", "true"), ended.log


def test_the_app_itself_is_asked(run):
    """Its answer is looked at, and a report is written for later steps."""
    ended = run("wait", "acme/running", timeout="50s", health_check="/config", health_check_contains="blocks", report_file="report.json")
    assert (ended.status, ended.result) == (0, "ok"), ended.log


def test_the_token_is_shown_to_nobody_but_the_runner(run, files):
    """It is in the line that has it masked, and nowhere else, even where the Space itself tells it."""
    ended = run("restart", "acme/broken", timeout="50s", settle="2s")
    masks = [line for line in ended.log.splitlines() if line.startswith("::add-mask::")]
    assert masks == [f"::add-mask::{TOKEN}"]
    assert "HF_TOKEN=***" in ended.log  # the Space did tell it
    written = ended.log.replace(masks[0], "") + "".join(path.read_text() for path in files.commands.iterdir())
    assert TOKEN not in written


# ---- what surrounds them ----


def lay_traps(workspace: Path, home: Path) -> dict[str, str]:
    """Put modules where an interpreter might find them; return variables that lead it there."""
    trap = f"print({MARK!r}, flush=True)\nraise SystemExit(99)\n"
    names = ("huggingface_hub", "yaml", "tenacity", "sitecustomize", "usercustomize", "signal", "hf_action/__init__")
    folders = [workspace, *(home / f".local/lib/python3.{minor}/site-packages" for minor in range(11, 16))]
    for path in (folder / f"{name}.py" for folder in folders for name in names):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(trap)
    return {
        "PYTHONPATH": "/github/workspace",
        "PYTHONSTARTUP": "/github/workspace/sitecustomize.py",
        "PYTHONUSERBASE": "/github/home/.local",
        "PYTHONINSPECT": "1",
    }


def test_a_hostile_workspace_changes_nothing(run, files):
    """No module of the workspace or the home comes before ours, whatever the variables say."""
    ended = run("info", "acme/running", environ=lay_traps(files.workspace, files.home))
    assert (ended.status, ended.result, MARK in ended.log) == (0, "ok", False), ended.log


def test_the_traps_would_catch_an_ordinary_interpreter(start, files):
    """Without -I the same workspace takes the step over."""
    options = ("--entrypoint", "python3")
    environ = lay_traps(files.workspace, files.home)
    step = start("info", "acme/running", "/action/entrypoint.py", options=options, environ=environ)
    step.until(MARK)


def test_nothing_is_left_behind(run, files):
    """Later steps find the workspace and the home as they were, and the runner's user can read what root wrote."""
    (files.workspace / "app.py").write_text("")
    owned = {path: (path.stat().st_uid, path.stat().st_mode) for path in files.root.rglob("*")}
    assert run("info", "acme/running").result == "ok"
    assert {path: (path.stat().st_uid, path.stat().st_mode) for path in files.root.rglob("*")} == owned


@pytest.mark.parametrize("way", ["read-only", "missing"])
@pytest.mark.parametrize(("space", "status"), [("acme/running", 0), ("acme/absent", 3)])
def test_outputs_that_cannot_be_written_are_a_warning(way, space, status, run, files):
    """The exit status is what it would have been, and the log has the result."""
    path = files.environ["GITHUB_OUTPUT"]
    if way == "missing":
        ended = run("info", space, environ={"GITHUB_OUTPUT": f"{path}/gone"})
    else:
        ended = run("info", space, options=(f"--volume={files.output}:{path}:ro",))
    assert (ended.status, ended.outputs) == (status, {}), ended.log
    assert re.search(r"^::warning.*::GITHUB_OUTPUT could not be written", ended.log, re.MULTILINE), ended.log
    assert f"{space}: " in ended.log and space in ended.summary


def test_container_hooks_of_kubernetes_start_it(run):
    """They run a script in a pod of the image, whose last line is the entry point of action.yml behind `env`.

    Source: actions/runner-container-hooks, packages/k8s/src/k8s/utils.ts, writeContainerStepScript.
    """
    script = "cd /github/workspace && exec env 'INPUT_SPACE-ID=acme/paused' INPUT_OPERATION=info /action/entrypoint.py"
    ended = run("wait", "acme/busy", "-lc", script, options=("--entrypoint", "/bin/sh"))
    assert (ended.status, ended.result, ended.outputs["space-id"]) == (0, "ok", "acme/paused"), ended.log


# ---- signals: there is no init, so the process itself must obey them ----


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_cancelled_step_leaves_outputs_and_a_summary(number, start):
    """Exit 130 within five seconds of the signal, which comes through docker's client as from the runner."""
    step = start("wait", "acme/busy")
    step.until("BUILDING")
    sent = time.monotonic()
    step.client.send_signal(number)
    ended = step.end()
    assert time.monotonic() - sent < 5
    assert (ended.status, ended.result, ended.outputs["stage"]) == (130, "cancelled", "BUILDING"), ended.log
    assert "cancelled" in ended.summary and "Traceback" not in ended.log


@pytest.fixture
def mute_dns(image: str) -> Iterator[str]:
    """The address of a name server that takes questions and never answers."""
    listen = "import socket, time; s = socket.socket(type=socket.SOCK_DGRAM); s.bind(('', 53)); time.sleep(300)"
    container = docker("run", "--rm", "--detach", "--entrypoint", "python3", image, "-c", listen)
    yield docker("inspect", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", container)
    docker("rm", "--force", container)


def test_a_step_stuck_in_the_name_service_can_be_cancelled(start, mute_dns):
    """Exit 130 within five seconds, with a result, though no Python runs while the C library waits for a name."""
    step = start("wait", "acme/busy", options=("--dns", mute_dns), environ={"HF_ENDPOINT": "https://hub.example.com"})
    step.until("hub.example.com")
    time.sleep(1)  # nothing tells from outside when the name is asked for
    sent = time.monotonic()
    step.kill("INT")
    ended = step.end()
    assert time.monotonic() - sent < 5
    assert (ended.status, ended.result) == (130, "cancelled"), ended.log


def test_two_signals_at_once_are_one(start):
    """A terminal and docker may both hand on the same Ctrl-C: the step still writes its outputs and its report."""
    step = start("wait", "acme/busy")
    step.until("BUILDING")
    step.kill("STOP", "INT", "TERM", "CONT")
    ended = step.end()
    assert (ended.status, ended.result) == (130, "cancelled"), ended.log
    assert "cancelled while BUILDING" in ended.log


# ---- the post step: a container of its own, after the job ----


@pytest.fixture
def run_both(start: Callable[..., Step]) -> Callable[..., tuple[Ended, Ended]]:
    """Run a step and its post step, with the same inputs. The step is interrupted once it says `interrupt`."""

    def run_both(*words: str, interrupt: str = "", **inputs) -> tuple[Ended, Ended]:
        step = start(*words, **inputs)
        if interrupt:
            step.until(interrupt)
            step.client.send_signal(signal.SIGINT)
        return step.end(), start(*words, post=True, **inputs).end()

    return run_both


def test_hardware_and_sleep_time_go_back(run_both, world):
    """What the step asked for is undone, and the summary of the post step says so."""
    main, post = run_both("hardware", "acme/gpu", hardware="a10g-small", sleep_time="10m", restore="true")
    assert (main.result, main.outputs["hardware"], main.outputs["sleep-time"]) == ("ok", "a10g-small", "600"), main.log
    assert post.status == 0, post.log
    assert world.state("acme/gpu").requested_hardware == "t4-small"
    assert world.runtime("acme/gpu")["gcTimeout"] == 3600
    assert "hardware back to t4-small" in post.log and "hardware back to t4-small" in post.summary


def test_a_space_that_was_paused_is_paused_again(run_both, world):
    """One that was asleep is left to fall asleep by itself (docs/contract.md, Inputs)."""
    main, post = run_both("wake", "acme/sleeping, acme/paused", settle="1s", restore="true")
    assert [space["stage"] for space in main.spaces] == ["RUNNING", "RUNNING"], main.log
    assert post.status == 0, post.log
    assert [world.state(f"acme/{name}").stage for name in ("sleeping", "paused")] == ["RUNNING", "PAUSED"]


def test_what_a_cancelled_step_has_changed_is_undone(run_both, world):
    """The state was saved before the change was sent, so that a signal while waiting loses nothing."""
    main, post = run_both("hardware", "acme/slow", hardware="t4-small", restore="true", interrupt="hardware sent")
    assert (main.status, main.result) == (130, "cancelled"), main.log
    assert (post.status, world.state("acme/slow").requested_hardware) == (0, "cpu-basic"), post.log


def test_what_somebody_else_has_changed_is_left_alone(start, world):
    """The post step looks before it sends anything."""
    words, inputs = ("hardware", "acme/gpu"), {"hardware": "a10g-small", "wait_for_stage": "none", "restore": "true"}
    assert start(*words, **inputs).end().result == "ok"
    world.request_hardware("acme/gpu", flavor="a100-large")
    post = start(*words, post=True, **inputs).end()
    assert (post.status, world.state("acme/gpu").requested_hardware) == (0, "a100-large")
    assert "left alone" in post.summary


def test_without_restore_the_post_step_does_nothing(run_both, world, hub, files):
    """It asks nothing of the Hub, says nothing, writes nothing, and takes no longer than a container takes."""
    main, post = run_both("hardware", "acme/gpu", hardware="a10g-small", wait_for_stage="none")
    assert (main.result, files.state.read_text()) == ("ok", ""), main.log
    assert len(hub.requests) == int(main.outputs["requests"])
    assert (post.status, post.log, post.summary, post.outputs) == (0, "", "", {})
    assert post.elapsed < 5
    assert world.state("acme/gpu").requested_hardware == "a10g-small"


@pytest.mark.parametrize(("operation", "space"), [("restrat", "acme/gpu"), ("pause", "")])
def test_the_post_step_of_a_mistaken_step_is_silent(operation, space, run_both):
    """The step has told the mistakes already."""
    main, post = run_both(operation, space)
    assert (main.status, post.status, "::error" in post.log, post.summary) == (2, 0, False, ""), post.log


def test_a_hostile_workspace_does_not_matter_to_the_post_step(run_both, world, files):
    """It is as isolated as the step: the job has had all its time to lay traps."""
    environ = lay_traps(files.workspace, files.home)
    inputs = {"hardware": "a10g-small", "wait_for_stage": "none", "restore": "true"}
    main, post = run_both("hardware", "acme/gpu", environ=environ, **inputs)
    assert (main.status, post.status, MARK in main.log + post.log) == (0, 0, False), post.log
    assert world.state("acme/gpu").requested_hardware == "t4-small"


def test_a_cancelled_post_step_says_so(start, world, hub):
    """Exit 130 within five seconds, as the step itself, here while the Hub does not answer."""
    words, inputs = ("hardware", "acme/gpu"), {"hardware": "a10g-small", "wait_for_stage": "none", "restore": "true"}
    assert start(*words, **inputs).end().result == "ok"
    hub.inject(Fault(kind=Kind.STALL_HEADERS))
    post = start(*words, post=True, **inputs)
    while all(request.status for request in hub.requests):  # the one that is left without an answer has none
        assert post.client.poll() is None, post.log
        time.sleep(0.05)
    sent = time.monotonic()
    post.kill("INT")
    ended = post.end()
    assert time.monotonic() - sent < 5
    assert (ended.status, ended.result) == (130, "cancelled"), ended.log
    assert world.state("acme/gpu").requested_hardware == "a10g-small"


def test_a_terminal_shows_plain_lines(image, endpoint):
    """As with `docker run --tty`: what makes lines move is left out of the image, and not missed."""
    said = docker("run", "--rm", "--tty", f"--env=HF_ENDPOINT={endpoint}", image, "acme/running")
    assert "acme/running: ok: RUNNING" in said and "\x1b" not in said


# ---- what the image is made of ----

INVENTORY = """
import importlib.metadata, importlib.util, json, os, pathlib, re, sys
root = pathlib.Path("/action")
files = [path.relative_to(root) for path in root.rglob("*") if path.is_file()]
packages = list(importlib.metadata.distributions(path=[str(root)]))
sources = [path for path in files if path.suffix == ".py"]
compiled = [pathlib.Path(importlib.util.cache_from_source(root / path)) for path in sources]
print(json.dumps({
    "files": sorted(map(str, files)),
    "packages": sorted(re.sub("[-_.]+", "-", package.name).lower() for package in packages),
    "packaged": sorted({file.parts[0] for package in packages for file in package.files}),
    "uncompiled": [str(path) for path, pyc in zip(sources, compiled) if not pyc.exists()],
    "checked": [str(pyc) for pyc in compiled if pyc.exists() and pyc.read_bytes()[4:8] != b"\\1\\0\\0\\0"],
}))
"""


@pytest.fixture(scope="module")
def inventory(image: str) -> dict[str, list[str]]:
    """All that lies in /action."""
    return json.loads(docker("run", "--rm", "--entrypoint", "python3", image, "-I", "-c", INVENTORY))


def test_the_image_has_the_pinned_packages_and_no_others(inventory):
    """Each is in requirements/image.txt, with the hashes it was installed by."""
    pins = (ROOT / "requirements/image.txt").read_text()
    assert inventory["packages"] == sorted(re.findall(r"^([a-z0-9-]+)==", pins, re.MULTILINE))


def test_the_image_has_the_action_and_nothing_else_of_the_repository(inventory):
    """No tests, no simulated Hub, no history, no tools."""
    own = {path for path in inventory["files"] if path.split("/")[0] not in inventory["packaged"]}
    sources = {str(path.relative_to(ROOT)) for path in (ROOT / "hf_action").rglob("*.py")}
    assert {path for path in own if "__pycache__" not in path} == {"entrypoint.py", "post.py"} | sources
    assert not [path for path in inventory["files"] if {"tests", "simhub", "bin", ".git"} & set(path.split("/"))]


UNUSED = """
import importlib.metadata, json, os, runpy, sys
output = os.fdopen(os.dup(1), "w")  # the action keeps stdout to itself
sys.argv[1:] = ["info", "acme/demo", "--endpoint=http://127.0.0.1:9", "--timeout=2s"]
try:
    runpy.run_path("/action/entrypoint.py", run_name="__main__")
except SystemExit:
    imported = {name.partition(".")[0] for name in sys.modules}
packages = {
    package.name: {file.parts[0].removesuffix(".py") for file in package.files if file.suffix == ".py"}
    for package in importlib.metadata.distributions(path=["/action"])
}
print(json.dumps([name for name, modules in packages.items() if not modules & imported]), file=output)
"""


def test_the_action_imports_every_package_of_the_image(image):
    """What is never imported is in requirements/action.txt only."""
    said = docker("run", "--rm", "--entrypoint", "python3", image, "-I", "-c", UNUSED)
    assert json.loads(said.splitlines()[-1]) == []


def test_the_image_is_its_base_and_one_small_layer(image, base):
    """What the runner has to fetch besides Python: one layer, under 23 MB before it is packed."""
    layers, below = (json.loads(docker("inspect", "--format={{json .RootFS.Layers}}", name)) for name in (image, base))
    assert layers[:-1] == below
    sizes, old = (docker("history", "--human=false", "--format={{.Size}}", name).split() for name in (image, base))
    assert sum(map(int, sizes[: -len(old)])) < 23e6


def test_everything_is_compiled_and_taken_as_it_is(inventory):
    """Each module has its bytecode, which is used without a look at the source."""
    assert (inventory["uncompiled"], inventory["checked"]) == ([], [])


BYTECODE = """
import importlib.util, json, os, pathlib
files = [path for folder in ("/action", os.path.dirname(os.__file__)) for path in pathlib.Path(folder).rglob("*.pyc")]
hashes = {path: importlib.util.source_hash(pathlib.Path(importlib.util.source_from_cache(path)).read_bytes()) for path in files}
print(json.dumps({
    "count": len(files),
    "checked": [str(path) for path in files if path.read_bytes()[4:8] != b"\\1\\0\\0\\0"],
    "of another source": [str(path) for path in files if path.read_bytes()[8:16] != hashes[path]],
    "of another interpreter": [str(path) for path in files if path.read_bytes()[:4] != importlib.util.MAGIC_NUMBER],
    "not for everybody": [str(path) for path in files if path.stat().st_mode & 0o444 != 0o444],
}))
"""


def test_all_bytecode_is_of_the_source_beside_it(image):
    """An interpreter does not compare them, so bytecode of a former source would run in its place."""
    found = json.loads(docker("run", "--rm", "--entrypoint", "python3", image, "-I", "-c", BYTECODE))
    assert found.pop("count") > 500
    assert not any(found.values()), found


def test_a_module_without_bytecode_shows_as_compiled(start):
    """Every test of a step relies on this: its end would fail. `wave` is what no step imports."""
    step = start("info", "acme/running", "-I", "-c", "import wave", options=("--entrypoint", "python3"))
    with pytest.raises(AssertionError, match=r"compiles it: .*wave\.cpython"):
        step.end()


def test_the_interpreter_is_isolated(image):
    """The entry points are run by path, and their first line says -I; the image's own is that of action.yml."""
    (about,) = json.loads(docker("image", "inspect", image))
    runs = yaml.safe_load((ROOT / "action.yml").read_text())["runs"]
    assert about["Config"]["Entrypoint"] == [runs["entrypoint"]]
    paths = [runs["entrypoint"], runs["post-entrypoint"]]
    assert docker("run", "--rm", "--entrypoint", "head", image, "-qn1", *paths) == "\n".join(["#!/usr/bin/env -S python3 -I"] * 2)
    assert not about["Config"]["User"]  # root, as GitHub demands of actions: the runner's files belong to others
