"""What else a deployment can ask for: an app that says the right thing, and another push that is welcome."""

import pytest

from hf_action.rules.outcomes import Outcome
from hf_action.rules.results import Result, conclude
from simhub.world import HEAD, AppAnswer, Phase, Space
from tests.conftest import NEW, NEWER, OLD


def space(world, **about) -> str:
    world.add(Space(**({"id": "acme/other", "commit": NEW, "head": NEW} | about)))
    return "acme/other"


def visited(hub) -> list[str]:
    return [visit.path.removeprefix("/_apps/acme/other").removeprefix("/_static/acme/other") for visit in hub.visits]


@pytest.mark.parametrize(
    ("sdk", "path"),
    [("gradio", "/config"), ("streamlit", "/_stcore/health"), ("docker", "/"), ("static", "/")],
)
def test_the_sdk_says_where_to_ask(run, world, hub, sdk, path):
    """Auto asks where the server itself says that it is well."""
    ended = run("wait", space(world, sdk=sdk), health_check="auto", commit="any")
    assert (ended.result, set(visited(hub))) == ("ok", {path})


def test_a_text_must_be_there(run, world, hub):
    """Any other page is not what was deployed; the message says what was missing."""
    app = (AppAnswer(body="<h1>Maintenance</h1>", until=100), AppAnswer(body="<h1>Welcome</h1>"))
    about = {"app": app, "timeline": (Phase(5, "RUNNING_BUILDING"), Phase(20, "RUNNING", commit=HEAD)), "commit": OLD}
    ended = run("wait", space(world, **about), health_check="/", health_check_contains="<h1>Welcome")
    assert (ended.result, ended.elapsed >= 120) == ("ok", True)
    ended = run("wait", "acme/other", health_check="/", health_check_contains="Nothing", timeout="20s")
    assert ended.result == "timed-out"
    assert "the app does not answer (200 from" in ended.outputs["message"]
    assert "without the text 'Nothing'" in ended.outputs["message"]


@pytest.mark.parametrize(("before", "result"), [(1024 * 1024 - 4, "ok"), (1024 * 1024 - 3, "timed-out")])
def test_a_text_is_looked_for_in_the_first_mib(run, world, hub, before, result):
    """What comes later is not read."""
    ended = run("wait", space(world, app=(AppAnswer(body="x" * before + "here"),)), health_check="/", health_check_contains="here", timeout="20s")
    assert ended.result == result


def test_a_check_that_is_not_made_is_a_mistake(run, world, hub):
    """Somebody relies on it."""
    ended = run("wait", space(world), health_check_contains="here", rollback_to="abcdef1")
    assert (ended.status, hub.requests) == (2, [])
    assert "health-check-contains: needs health-check" in ended.outputs["message"]
    assert "rollback-to: needs rollback" in ended.outputs["message"]


@pytest.mark.parametrize(("given", "status", "kind"), [("fail", 6, "::error"), ("pass", 0, "::notice")])
def test_another_push_may_pass(run, world, given, status, kind):
    """The result says what happened all the same."""
    ended = run("wait", space(world, past=(NEW,), commit=NEWER, head=NEWER), commit=NEW, if_superseded=given)
    assert (ended.status, ended.result, ended.outputs["failed"]) == (status, "superseded", str(int(status > 0)))
    assert any(line.startswith(kind) and "superseded" in line for line in ended.log.splitlines())
    assert "superseded" in ended.summary


@pytest.mark.parametrize(("other", "status", "result"), [("RUNNING", 0, "superseded"), ("BUILD_ERROR", 1, "failed"), ("BUILDING", 4, "timed-out")])
def test_what_passes_does_not_decide_for_many(run, world, other, status, result):
    """The worst of the others does, where there is one."""
    space(world, past=(NEW,), commit=NEWER, head=NEWER)
    world.add(Space(id="acme/last", commit=NEW if other == "RUNNING" else None, head=NEW, stage=other))
    ended = run("wait", "acme/other", "acme/last", commit=NEW, if_superseded="pass", timeout="3m")
    assert (ended.status, ended.result) == (status, result)


def test_a_cancel_is_one_whatever_passes(run, world):
    """There is nothing to pass for who did not wait."""
    passed = Result(space="a/b", outcome=Outcome.SUPERSEDED, message="", elapsed=0.0, url="", tolerated=True)
    step = conclude([passed], cancelled=True, operation="wait", elapsed=0.0, requests=0, prices={})
    assert (step.outcome, step.status) == (Outcome.CANCELLED, 130)


def test_a_redirect_elsewhere_has_no_text(run, world, hub):
    """It is an answer, and not followed."""
    app = (AppAnswer(status=302, headers={"Location": "https://elsewhere.example/"}, body=""),)
    assert run("wait", space(world, app=app), health_check="/").result == "ok"
    ended = run("wait", "acme/other", health_check="/", health_check_contains="here", timeout="20s")
    assert "302 from" in ended.outputs["message"] and "without the text 'here'" in ended.outputs["message"]
