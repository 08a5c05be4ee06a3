"""What a step may spend, where that can be counted: requests, and what is imported before the first of them.

Seconds depend on the machine, so they are measured by `make bench` and asserted nowhere.
"""

import os
import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from hf_action.operations import watching as operations
from simhub.faults import Fault, Kind
from simhub.world import HEAD, Phase, Space
from tests.conftest import NEW, OLD
from tests.support.processes import PATIENCE

ROOT = Path(__file__).parent.parent.parent
BUILD = (Phase(5, "RUNNING_BUILDING"), Phase(1205, "RUNNING_APP_STARTING"), Phase(1235, "RUNNING", commit=HEAD))


# ---- requests ----


@pytest.fixture(autouse=True)
def no_chance(monkeypatch):
    """Looks are spread by chance; here they are not, so that their number is always the same."""
    monkeypatch.setattr(operations, "random", lambda: 0.5)


@pytest.mark.parametrize(("events", "most"), [(True, 30), (False, 141)])
def test_a_build_of_twenty_minutes(run, hub, world, events, most):
    """A restart, its build and its start, with the Hub's status events and without; the goals are 30 and 150."""
    world.add(Space(id="acme/long", commit=OLD, head=NEW, scripts={"restart": BUILD}))
    if not events:
        hub.inject(Fault(kind=Kind.STATUS, status=404, path="/events$", times=None))
    ended = run("restart", "acme/long")
    assert (ended.result, int(ended.outputs["requests"])) == ("ok", len(hub.requests))
    assert len(hub.requests) <= most


def test_a_round_of_a_thousand_spaces(run, hub, world):
    """One listing, a thousand Spaces a page: one request, and none for a single Space while nothing happens to it."""
    for number in range(1000):
        world.add(Space(id=f"fleet/space-{number:04}", head=NEW, stage="BUILDING", commit=None, timeline=(Phase(0, "BUILDING"),)))
    ended = run("wait", "fleet/*", timeout="10m", poll_interval="60", logs="never")
    rounds = 1 + 11  # the one that chose them, one a minute, and the last a second before the end
    assert (ended.result, {request.path for request in hub.requests}) == ("timed-out", {"/api/spaces"})
    assert len(hub.requests) == rounds


@pytest.mark.parametrize(("operation", "most"), [("info", 1), ("restart", 2), ("pause", 2)])
def test_a_step_that_does_not_wait(run, hub, operation, most):
    """A look, and the change; nothing is asked of the Hub that nobody wants to know."""
    assert run(operation, "acme/demo", wait_for_stage="none").result == "ok"
    assert len(hub.requests) == most


# ---- what is imported ----

# Prints the modules at the first connection, or at the end where there is none.
LISTEN = """
import atexit, gc, os, runpy, sys

def tell():
    print("looks for garbage:", sum(each["collections"] for each in gc.get_stats()))
    print("modules:", *sys.modules, flush=True)

def hear(event, arguments):
    if event == "socket.connect":
        tell()
        os._exit(0)

atexit.register(tell)
sys.addaudithook(hear)
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def told(*words: str) -> list[str]:
    """Return what the action's process tells when it sends its first request, or at its end."""
    environ = {"PATH": os.environ["PATH"], "GITHUB_ACTIONS": "true", "HF_ENDPOINT": "http://127.0.0.1:9"}
    command = [sys.executable, "-I", "-c", LISTEN, str(ROOT / "entrypoint.py"), *words]
    return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=PATIENCE).stdout.splitlines()[-2:]


def imported(*words: str) -> set[str]:
    """Return the modules that the action has imported by then."""
    return set(told(*words)[1].removeprefix("modules:").split())


def own(modules: set[str]) -> set[str]:
    """Return the modules of the action, without its name in front."""
    return {name.removeprefix("hf_action.") for name in modules if name.startswith("hf_action.")}


def packages(modules: set[str]) -> set[str]:
    """Return the packages that the modules come from, as requirements name them."""
    known = packages_distributions()
    found = {name for module in modules for name in known.get(module.partition(".")[0], ())}
    return {name.lower().replace("_", "-") for name in found} - {"pip", "setuptools"}  # setuptools hooks into whatever starts in .venv


def test_help_needs_the_table_of_inputs_only():
    """No package at all, and of the action what the table is made of."""
    modules = imported("--help")
    assert own(modules) == {"main", "clock", "runner", "runner.streams", "rules", "rules.outcomes", "inputs", "inputs.commands", "inputs.table", "inputs.names", "inputs.readers", "inputs.forms", "inputs.usage", "rules.operations", "rules.addresses", "rules.selection", "rules.models", "rules.stages"}
    assert packages(modules) == set()


def test_the_version_needs_nothing():
    """It is printed before there is anything to import but the stream."""
    modules = imported("--version")
    assert (own(modules), packages(modules)) == ({"main", "clock", "rules", "rules.outcomes", "runner", "runner.streams"}, set())


def test_a_mistake_is_told_without_the_hub():
    """Only what writes annotations and outputs is there: no HTTP client, no YAML."""
    modules = imported("restrat", "acme/demo")
    assert packages(modules) == {"actions-toolkit"}
    assert not own(modules) & {"hub", "hub.client", "inputs.fleet", "inputs.nodes"} and not modules & {"ssl", "asyncio", "http.client", "email"}


def test_what_is_there_at_the_first_request():
    """What huggingface_hub needs to make one, and nothing else; httpx2 alone is an HTTP client. A retry loads tenacity."""
    modules = imported("info", "acme/demo")
    pins = (ROOT / "requirements/image.txt").read_text()
    image = set(re.findall(r"^([a-z0-9-]+)==", pins, re.MULTILINE))
    assert packages(modules) == image - {"tenacity"}
    assert not modules & {"requests", "urllib3", "aiohttp", "github", "asyncio", "click", "fsspec", "hf_xet"}
    assert not own(modules) & {"causes", "fleet"}


def test_nothing_is_taken_for_garbage_while_it_is_loaded():
    """The interpreter by itself looks some 100 times before the first request, 20 of them before the action begins."""
    looks, _ = told("info", "acme/demo")
    assert int(looks.removeprefix("looks for garbage: ")) < 40


def test_what_few_steps_need_is_not_there_at_the_first_request():
    """Neither the rollback, nor the causes of failures, nor what compares names."""
    modules = imported("wait", "acme/demo")
    assert not own(modules) & {"operations.rollback", "rules.rollback", "hub.repository", "diagnosis", "inputs.fleet", "inputs.completion"}
    assert "difflib" not in modules
