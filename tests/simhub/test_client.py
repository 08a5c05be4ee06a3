"""huggingface_hub itself, and its `hf` command, against the simulated Hub: over plain HTTP and TLS."""

import json
import os
import ssl
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest
from huggingface_hub import HfApi
from huggingface_hub.errors import BadRequestError, HfHubHTTPError, RepositoryNotFoundError
from huggingface_hub.utils import close_session

from simhub.access import Meter
from simhub.scenarios import NEW, NEWER, OLD, showcase
from simhub.server import serve
from simhub.world import HEAD, Phase, Space, World
from tests.support import warm
from tests.support.processes import PATIENCE


@pytest.fixture(params=["http", "https"])
def hub(request, world, certificates):
    for space in showcase():
        world.add(space)
    close_session()
    with serve(world, tls=certificates if request.param == "https" else None) as server:
        yield server
    close_session()


@pytest.fixture
def api(hub):
    return HfApi(endpoint=hub.url, token="hf_simulatedwrite")


@pytest.fixture
def anonymous(hub):
    return HfApi(endpoint=hub.url, token=False)


def test_the_client_reads_a_space(api, hub):
    info = api.space_info("demo/gpu")
    assert (info.id, info.author, info.sha, info.sdk, info.private) == ("demo/gpu", "demo", NEW, "gradio", False)
    assert (info.host, info.subdomain) == (f"{hub.url}/_apps/demo/gpu", "demo-gpu")
    assert info.card_data.sdk_version == "5.29.0"
    assert (info.runtime.stage, info.runtime.hardware, info.runtime.sleep_time) == ("RUNNING", "t4-small", 3600)
    assert api.get_space_runtime("demo/gpu").raw == info.runtime.raw


def test_the_client_expands_only_what_is_asked(api):
    info = api.space_info("demo/gpu", expand=["runtime", "sha"])
    assert (info.runtime.raw["sha"], info.sha) == (NEW, NEW)
    assert (info.author, info.sdk, info.likes, info.siblings) == (None, None, None, None)
    with pytest.raises(BadRequestError, match="expand"):
        api.space_info("demo/gpu", expand=["beauty"])


def test_the_client_moves_a_space_and_back(api):
    """The old name leads to the new one until it is in use again."""
    api.move_repo("demo/gpu", "demo/moved", repo_type="space")
    assert api.space_info("demo/moved").id == api.space_info("demo/gpu").id == "demo/moved"
    api.move_repo("demo/moved", "demo/gpu", repo_type="space")
    assert api.space_info("demo/gpu").id == api.space_info("demo/moved").id == "demo/gpu"


@pytest.mark.parametrize(
    ("old", "new", "kind", "status"),
    [
        ("demo/gpu", "demo/paused", "space", 400),
        ("demo/gpu", "demo", "space", 400),
        ("demo/gpu", "demo/moved", "dataset", 400),
        ("demo/gpu", "somebody/gpu", "space", 403),
        ("demo/absent", "demo/moved", "space", 404),
    ],
    ids=["a name in use", "no name", "no Space", "an owner without the right", "absent"],
)
def test_some_moves_are_refused(api, hub, old, new, kind, status):
    """And change nothing."""
    answer = httpx2.post(
        f"{hub.url}/api/repos/move",
        json={"fromRepo": old, "toRepo": new, "type": kind},
        headers={"Authorization": "Bearer hf_simulatedwrite"},
        verify=ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"]),
    )
    assert answer.status_code == status
    assert api.space_info("demo/gpu").id == "demo/gpu"


def test_the_client_restarts_waits_and_pauses(api, clock):
    assert api.restart_space("demo/stale-running", factory_reboot=True).stage == "RUNNING_BUILDING"
    assert api.get_space_runtime("demo/stale-running").raw["sha"] == OLD
    clock.sleep(30)
    assert api.wait_for_space("demo/stale-running").raw["sha"] == NEW
    assert api.pause_space("demo/stale-running").stage == "PAUSED"
    assert api.get_space_runtime("demo/stale-running").hardware is None


def test_the_client_changes_hardware_and_sleep_time(api, clock):
    assert api.request_space_hardware("demo/gpu", "a10g-small", sleep_time=600).requested_hardware == "a10g-small"
    clock.sleep(30)
    assert api.get_space_runtime("demo/gpu").hardware == "a10g-small"
    assert api.set_space_sleep_time("demo/gpu", sleep_time=-1).sleep_time is None
    with pytest.raises(BadRequestError, match="Cannot change the sleep time for cpu-basic Spaces"):
        api.set_space_sleep_time("demo/running", sleep_time=300)


def test_the_client_manages_variables_and_secrets(api):
    api.add_space_variable("demo/running", "A", "1", description="first")
    assert api.get_space_variables("demo/running")["A"].value == "1"
    assert api.delete_space_variable("demo/running", "A") == {}
    api.add_space_secret("demo/running", "S", "hidden")
    assert list(api.get_space_secrets("demo/running")) == ["S"]
    api.delete_space_secret("demo/running", "S")
    assert api.get_space_secrets("demo/running") == {}


def test_the_client_reads_the_flavors_and_who_it_is(api):
    assert [flavor.name for flavor in api.list_spaces_hardware()][:3] == ["cpu-basic", "cpu-upgrade", "t4-small"]
    assert api.whoami()["auth"]["accessToken"]["role"] == "write"


def test_refusals_become_the_clients_own_errors(api, anonymous, hub):
    """401 for what is private or absent becomes its own error only on https: REPO_API_REGEX in utils/_http.py."""
    secure = hub.url.startswith("https")
    for id in ("demo/private", "demo/absent"):
        with pytest.raises(RepositoryNotFoundError if secure else HfHubHTTPError) as error:
            anonymous.get_space_runtime(id)
        assert error.value.response.status_code == 401
        assert isinstance(error.value, RepositoryNotFoundError) == secure
    with pytest.raises(RepositoryNotFoundError, match="404"):
        api.get_space_runtime("demo/absent")
    with pytest.raises(BadRequestError, match="Static"):
        api.restart_space("demo/static")
    with pytest.raises(HfHubHTTPError, match="403"):
        HfApi(endpoint=hub.url, token="hf_simulatedread").restart_space("demo/running")
    with pytest.raises(HfHubHTTPError, match="Invalid credentials in Authorization header") as error:
        HfApi(endpoint=hub.url, token="hf_expired").space_info("demo/running")
    assert not isinstance(error.value, RepositoryNotFoundError)


def test_the_client_follows_the_pages_of_a_listing(world):
    """With as few requests as there are pages, and none for pages that nobody asked for."""
    for number in range(25):
        world.add(Space(id=f"demo/page-{number:02}", likes=number, sdk="docker" if number % 2 else "gradio"))
    world.add(Space(id="other/one"))
    with serve(world, page_size=10) as hub:
        api = HfApi(endpoint=hub.url, token=False)
        assert len({info.id for info in api.list_spaces(author="demo")}) == 25
        assert len(hub.requests) == 3
        docker = list(api.list_spaces(author="demo", filter="docker", sort="likes", expand=["runtime"]))
        assert [info.id for info in docker][:2] == ["demo/page-23", "demo/page-21"]
        assert docker[-1].runtime.raw["sha"]
        before = len(hub.requests)
        assert len(list(api.list_spaces(search="page", limit=7, full=True))) == 7
        assert len(hub.requests) == before + 1


def test_the_client_reads_logs(api, anonymous, clock):
    lines = list(api.fetch_space_logs("demo/build-error", build=True))
    assert lines[0].startswith("===== Build Queued at 2026-08-01")
    assert "No matching distribution found for torch==9.9" in lines[-2]
    assert list(api.fetch_space_logs("demo/crash-loop"))[-1] == "KeyError: 'MODEL_REPO_ID'"
    with pytest.raises(HfHubHTTPError, match="401"):
        list(anonymous.fetch_space_logs("demo/running"))


def test_the_client_follows_a_log_to_its_end(api, clock):
    api.restart_space("demo/build-error")
    lines = []
    follower = threading.Thread(
        target=lambda: lines.extend(api.fetch_space_logs("demo/build-error", build=True, follow=True)), daemon=True
    )
    clock.sleep(2)
    follower.start()
    while not lines:
        time.sleep(0.01)
    assert len(lines) < 5
    clock.sleep(8)
    follower.join(timeout=PATIENCE)
    assert len(lines) == 9


def test_the_client_sees_the_quota_refuse_it(world):
    world.meter = Meter(anonymous_quota=2)
    world.add(Space(id="demo/one"))
    with serve(world) as hub:
        api = HfApi(endpoint=hub.url, token=False)
        api.get_space_runtime("demo/one")
        api.get_space_runtime("demo/one")
        with pytest.raises(HfHubHTTPError, match=r"Retry after 300 seconds \(0/2 requests remaining"):
            api.get_space_runtime("demo/one")


def test_a_deployment_of_forty_minutes_plays_through_the_client_in_no_time(world, clock):
    """Both sides live by one clock."""
    script = (Phase(30, "RUNNING_BUILDING"), Phase(2000, "RUNNING_APP_STARTING"), Phase(2400, "RUNNING", commit=HEAD))
    world.add(Space(id="demo/slow", head=OLD, scripts={"push": script}))
    stages = []
    with serve(world) as hub:
        api = HfApi(endpoint=hub.url, token="hf_simulatedwrite")
        world.push("demo/slow", sha=NEWER)
        while api.get_space_runtime("demo/slow").raw["sha"] != NEWER:
            stages.append(api.get_space_runtime("demo/slow").stage)
            clock.sleep(10)
    assert 2400 <= clock.now() < 2420
    assert stages == ["RUNNING"] * 3 + ["RUNNING_BUILDING"] * 197 + ["RUNNING_APP_STARTING"] * 40


# The `hf` command

COMMANDS = {
    "logs": "logs demo/future-stage -n 2",  # first, as it waits 5 s for silence
    "info": "info demo/gpu --format json",
    "info, of an absent Space": "info demo/absent",
    "ls": "ls --limit 5 --format json",
    "ls --author": "ls --author demo --format json",
    "ls --expand": "ls --author demo --expand runtime,sha --format json",
    "wait": "wait demo/first-build --timeout 1m",
    "wait, for a broken one": "wait demo/stale-error",
    "restart": "restart demo/running --factory-reboot",
    "restart, of a static Space": "restart demo/static",
    "pause": "pause demo/superseded",
    "settings": "settings demo/private --hardware t4-medium --sleep-time 7200",
    "hardware": "hardware --format json",
    "logs --build": "logs demo/build-error --build",
}


@pytest.fixture(scope="module")
def commands(tmp_path_factory, certificates):
    """What each command answered, all run at once, against a world twenty times as fast as this one."""
    began = time.monotonic()
    world = World(now=lambda: (time.monotonic() - began) * 20)
    for space in showcase():
        world.add(space)
    with serve(world, tls=certificates) as hub, ThreadPoolExecutor(max_workers=8) as pool:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path_factory.mktemp("home")),
            "HF_ENDPOINT": hub.url,
            "HF_TOKEN": "hf_simulatedwrite",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "SSL_CERT_FILE": str(certificates.ca_file),
        }
        runs = {
            name: pool.submit(warm.run, warm.hf("spaces", *command.split()), env=environment, text=True, timeout=PATIENCE)
            for name, command in COMMANDS.items()
        }
        yield {name: run.result() for name, run in runs.items()}


def output(commands, name):
    assert commands[name].returncode == 0, commands[name].stderr
    return commands[name].stdout


def test_hf_spaces_info(commands):
    info = json.loads(output(commands, "info"))
    assert (info["id"], info["runtime"]["hardware"], info["sha"]) == ("demo/gpu", "t4-small", NEW)
    absent = commands["info, of an absent Space"]
    assert absent.returncode == 1
    assert "Space 'demo/absent' not found." in absent.stderr


def test_hf_spaces_ls(commands):
    assert len(json.loads(output(commands, "ls"))) == 5
    assert {info["id"] for info in json.loads(output(commands, "ls --author"))} == {s.id for s in showcase()}
    assert {info["sha"] for info in json.loads(output(commands, "ls --expand"))} <= {NEW, NEWER}


def test_hf_spaces_wait(commands):
    assert "RUNNING" in output(commands, "wait")
    broken = commands["wait, for a broken one"]
    assert (broken.returncode, "BUILD_ERROR" in broken.stderr) == (1, True)


def test_hf_spaces_restart(commands):
    assert "RUNNING_BUILDING" in output(commands, "restart")
    static = commands["restart, of a static Space"]
    assert (static.returncode, "Static Spaces cannot be restarted" in static.stderr) == (1, True)


def test_hf_spaces_pause(commands):
    assert "PAUSED" in output(commands, "pause")


def test_hf_spaces_settings(commands):
    assert "t4-medium" in output(commands, "settings")
    assert "7200" in output(commands, "settings")


def test_hf_spaces_hardware(commands):
    flavors = json.loads(output(commands, "hardware"))
    assert {flavor["name"]: flavor["cost/hour"] for flavor in flavors}["t4-small"] == "$0.40"


def test_hf_spaces_logs(commands):
    assert "No matching distribution found for torch==9.9" in output(commands, "logs --build")
    assert len(output(commands, "logs").splitlines()) == 2
