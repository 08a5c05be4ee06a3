"""The recipes of README, as they stand on the page: each does what the sentence above it says."""

import json
import re
from pathlib import Path

import pytest
import yaml

from hf_action.inputs.table import INPUTS
from simhub.app import AppAnswer
from simhub.space import BUILD
from simhub.world import Phase, Space
from tests.conftest import NEW, OLD, Ended
from tests.operations.test_rollback import files

README = (Path(__file__).parents[2] / "README.md").read_text()
DEPLOY, HEAL, AUDIT, GPU = "Deploy with rollback", "Heal every hour", "Find what never sleeps", "A GPU for an hour"


def recipes() -> dict[str, list[dict[str, object]]]:
    """Return what the steps of each recipe are given, by its name."""
    section = README.partition("\n## Recipes\n")[2].partition("\n## ")[0]
    found = re.findall(r"^\*\*(.+?)\*\*:.*?^```yaml\n(.*?)^```", section, re.DOTALL | re.MULTILINE)
    return {name: [step["with"] for step in yaml.safe_load(block)] for name, block in found}


@pytest.fixture
def follow(run, tmp_path):
    """Carry out the steps of a recipe, where there is a post step, and return how each ended."""

    def follow(name: str) -> list[Ended]:
        state = {"GITHUB_STATE": str(tmp_path / "state")}
        steps = [{key.replace("-", "_"): json.dumps(value).strip('"') for key, value in given.items()} for given in recipes()[name]]
        return [run(env=state, **given) for given in steps]

    return follow


def test_each_recipe_is_tried_here():
    """And all of their inputs exist."""
    assert list(recipes()) == [DEPLOY, HEAL, AUDIT, GPU]
    assert {key for steps in recipes().values() for given in steps for key in given} <= INPUTS.keys()


@pytest.mark.parametrize("broken", ["the build", "the app"])
def test_what_breaks_is_rolled_back(follow, world, broken):
    """The files of the last good commit are served again, and the step fails all the same."""
    end = Phase(20, "BUILD_ERROR") if broken == "the build" else Phase(20, "RUNNING", commit=NEW)
    app = (AppAnswer(commit=NEW, status=500, body="Internal Server Error"),)
    world.add(Space(id="acme/demo", commit=OLD, head=NEW, app=app, timeline=(Phase(2, "RUNNING_BUILDING"), end)))
    (ended,) = follow(DEPLOY)
    assert (ended.status, ended.outputs["rolled-back-to"], world.state("acme/demo").stage) == (1, OLD, "RUNNING")
    assert (
        files(world, space="acme/demo") == files(world, OLD, space="acme/demo") != files(world, NEW, space="acme/demo")
    )


@pytest.mark.parametrize(
    ("about", "sent"),
    [
        ({}, []),
        ({"stage": "SLEEPING", "commit": None}, []),
        ({"app": lambda visit: AppAnswer(status=502) if visit.at < 65 else None}, ["restart"]),
        ({"stage": "RUNTIME_ERROR", "commit": None}, ["restart"]),
        ({"stage": "RUNTIME_ERROR", "commit": None, "scripts": {"restart": (Phase(1, "RUNTIME_ERROR", error="Scheduling failure: unable to schedule"),)}}, ["restart"] * 4),
    ],
)  # fmt: skip
def test_only_what_does_not_answer_is_restarted(follow, world, hub, about, sent):
    """What serves is left alone, what sleeps is visited, and where the Hub is to blame it is tried three times more."""
    world.add(Space(**({"id": "acme/demo", "commit": OLD, "head": OLD} | about)))
    (ended,) = follow(HEAL)
    assert [one.path.rpartition("/")[2] for one in hub.requests if one.method == "POST"] == sent
    assert ended.status == (1 if len(sent) > 1 else 0), ended.log
    assert ended.log.count("restarted if that lasts") == ("app" in about)  # once, not at each look


def test_what_never_sleeps_is_found_and_let_sleep(follow, world):
    """Paid hardware only, and not what its owner has tagged."""
    for name, about in {
        "never": {},
        "hour": {"sleep_time": 3600},
        "demo": {"card_tags": ("keep-alive",)},
        "free": {"hardware": "cpu-basic"},
    }.items():
        world.add(Space(**({"id": f"acme/{name}", "hardware": "t4-small", "sleep_time": None} | about)))
    found, changed = follow(AUDIT)
    assert [[one["id"] for one in ended.spaces] for ended in (found, changed)] == [["acme/never"]] * 2
    assert {name: world.runtime(f"acme/{name}")["gcTimeout"] for name in ("never", "hour", "demo")} == {
        "never": 3600,
        "hour": 3600,
        "demo": None,
    }


def test_a_gpu_is_there_and_remembered(follow, world, tmp_path):
    """What the post step puts back is saved before it is changed; test_undo.py says what it does with that."""
    world.add(Space(id="acme/demo", commit=OLD, head=OLD, scripts={"hardware": BUILD}))
    (ended,) = follow(GPU)
    assert (ended.result, ended.outputs["hardware"], ended.outputs["sleep-time"]) == ("ok", "t4-small", "3600")
    assert (tmp_path / "state").stat().st_size > 0
