"""`python -m simhub --spaces N`: a fleet of several owners, for huggingface_hub and its `hf` command."""

import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.request import urlopen

import pytest
from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError

from simhub import answers
from simhub.scenarios import CROWD_OWNERS, crowd, showcase
from tests.support import warm
from tests.support.processes import PATIENCE

ROOT = Path(__file__).resolve().parent.parent.parent
MANY = 2000


def test_a_crowd_is_always_the_same():
    """A larger one begins with the smaller one, so that a figure measured today can be measured again."""
    assert crowd(0) == []
    assert crowd(MANY)[:50] == crowd(50) == crowd(50)
    assert len({space.id.lower() for space in crowd(MANY)}) == MANY


@pytest.mark.parametrize("owner", CROWD_OWNERS)
def test_every_owner_has_its_share_of_everything(owner):
    """Of all SDKs, of what is free and what is paid, live, at rest and broken, public and private."""
    spaces = [space for space in crowd(200) if space.owner == owner]
    assert len(spaces) in (66, 67)
    assert {space.sdk for space in spaces} == {"gradio", "docker", "streamlit", "static"}
    assert {space.stage for space in spaces} == {"RUNNING", "SLEEPING", "PAUSED", "BUILD_ERROR", "RUNTIME_ERROR"}
    assert {space.private for space in spaces} == {True, False}
    flavors, known = {space.hardware for space in spaces if space.hardware}, {one["name"] for one in answers.HARDWARE}
    assert {"cpu-basic", "cpu-upgrade", "t4-small", "a100-large"} <= flavors <= known


# ---- the command itself ----


@pytest.fixture(scope="module")
def endpoint():
    """The address that the command names, with 2,000 more Spaces than it has by itself."""
    command = [sys.executable, "-m", "simhub", "--port=0", f"--spaces={MANY}", "--quiet"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        introduction = ""
        while "ordinary" not in introduction:
            line = process.stdout.readline()
            assert line, introduction
            introduction += line
        yield re.search(r"HF_ENDPOINT=(\S+)", introduction)[1]
        process.terminate()


@pytest.fixture(scope="module")
def api(endpoint):
    return HfApi(endpoint=endpoint, token="hf_simulatedwrite")


def test_the_client_lists_them_all_page_by_page(api, endpoint):
    """Twenty pages and one for the rest, as the page size is a hundred; the answers hold each Space once."""
    before = len(json.load(urlopen(f"{endpoint}/_sim/requests")))
    listed = [space.id for space in api.list_spaces(expand=["runtime", "private"])]
    assert (len(listed), set(listed)) == (MANY + len(showcase()), {space.id for space in (*crowd(MANY), *showcase())})
    assert len(json.load(urlopen(f"{endpoint}/_sim/requests"))) - before == 21


def test_the_built_in_tokens_have_rights_to_them(api, endpoint):
    """One may change them, the other sees the private ones, and anybody else neither."""
    one = next(space.id for space in crowd(MANY) if space.private)
    reader, nobody = (HfApi(endpoint=endpoint, token=token) for token in ("hf_simulatedread", False))
    assert api.pause_space(one).stage == reader.get_space_runtime(one).stage == "PAUSED"
    for refused in (lambda: reader.restart_space(one), lambda: nobody.get_space_runtime(one)):
        with pytest.raises(HfHubHTTPError):
            refused()
    assert {"acme", "beta", "gamma"} <= {about["name"] for about in api.whoami()["orgs"]}


COMMANDS = {
    "ls": "ls --author acme --limit 250 --format json",
    "ls --quiet": "ls --author beta --limit 5000 --quiet",
    "hardware": "hardware --format json",
    "settings": "settings acme/image-0012 --hardware a10g-small --sleep-time 300",
    "settings, of free hardware": "settings acme/chat-0000 --sleep-time 300",
}


@pytest.fixture(scope="module")
def said(endpoint, tmp_path_factory):
    """What each command answered, all run at once."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path_factory.mktemp("home")),
        "HF_ENDPOINT": endpoint,
        "HF_TOKEN": "hf_simulatedwrite",
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }

    def run(command: str) -> subprocess.CompletedProcess:
        return warm.run(warm.hf("spaces", *command.split()), env=environment, text=True, timeout=PATIENCE)

    with ThreadPoolExecutor() as pool:
        return dict(zip(COMMANDS, pool.map(run, COMMANDS.values()), strict=True))


def test_hf_spaces_ls_goes_through_the_pages_of_one_owner(said):
    """As far as its limit."""
    listed = json.loads(said["ls"].stdout)
    assert (len(listed), {space["id"].partition("/")[0] for space in listed}) == (250, {"acme"})
    assert len(said["ls --quiet"].stdout.split()) == sum(space.owner == "beta" for space in crowd(MANY)) > 600


def test_hf_spaces_hardware_names_what_they_run_on(said):
    """With its price."""
    flavors = {flavor["name"] for flavor in json.loads(said["hardware"].stdout)}
    assert {space.hardware for space in crowd(MANY) if space.hardware} <= flavors


def test_hf_spaces_settings_changes_one_of_them(said, api):
    """The Hub's refusal where the hardware is free."""
    assert said["settings"].returncode == 0, said["settings"].stderr
    runtime = api.get_space_runtime("acme/image-0012")
    assert (runtime.requested_hardware, runtime.sleep_time) == ("a10g-small", 300)
    free = said["settings, of free hardware"]
    assert (free.returncode, "Cannot change the sleep time for cpu-basic Spaces" in free.stderr) == (1, True)


def test_a_number_of_spaces_is_a_number():
    """Anything else is a mistake, told at once."""
    done = subprocess.run(
        [sys.executable, "-m", "simhub", "--spaces=-1"], cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE
    )
    assert (done.returncode, "'-1' is not a whole number" in done.stderr) == (2, True)
