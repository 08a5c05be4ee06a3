"""The summary that somebody reads at two in the morning: the cause first, a way to the log, and no more than failed."""

import json
from dataclasses import replace

import pytest

from hf_action.report.gantt import FEW, MAX_DRAWN
from hf_action.report.outputs import bill
from hf_action.report.summary import summary
from hf_action.rules.models import SpaceInfo, SpaceRuntime
from hf_action.rules.outcomes import Outcome
from hf_action.rules.results import Moment, Result, Step, conclude
from simhub.world import Phase, Space

HEAD, SERVED = "1" * 40, "2" * 40
PAGE = "https://hub/spaces/acme"


def result(name: str, stage="RUNNING", outcome=Outcome.OK, *, before="BUILDING", commit=SERVED, sdk="gradio", **about) -> Result:
    runtime = SpaceRuntime(stage=stage, commit=commit, hardware="t4-small")
    after = SpaceInfo(id=f"acme/{name}", runtime=runtime, head=HEAD, sdk=sdk)
    given = {"message": "RUNNING", "timeline": (Moment(0.0, before), Moment(9.0, stage))} | about
    return Result(space=f"acme/{name}", outcome=outcome, elapsed=10.0, url=f"{PAGE}/{name}", before=after, after=after, **given)


def failed(name: str, stage="BUILD_ERROR", **about) -> Result:
    given = {"message": "version-conflict: no matching version (BUILD_ERROR, not RUNNING). Pin it", "cause": "version-conflict", "commit": None} | about
    return result(name, stage, Outcome.FAILED, **given)


def step(*results: Result, operation="restart") -> Step:
    return conclude(results, cancelled=False, operation=operation, elapsed=10.0, requests=1, prices={"t4-small": 0.4, "cpu-basic": 0.0})


def row(text: str, name: str) -> str:
    return next(line for line in text.splitlines() if line.startswith(f"| [acme/{name}]"))


def test_the_cause_comes_first():
    """Right below the heading, which has the result already."""
    text = summary(step(failed("demo")))
    assert text.splitlines()[:3] == ["## ❌ Restart of acme/demo: failed", "", "**version-conflict**: no matching version (BUILD_ERROR, not RUNNING). Pin it"]
    assert "**failed** it is broken" in summary(step(failed("demo", cause="", message="it is broken")))
    among_others = summary(step(failed("demo"), result("fine")))
    assert "- ❌ **acme/demo:** **version-conflict**: no matching version" in among_others


def test_a_cause_that_the_message_does_not_begin_with_is_not_put_before_it():
    """What is said is not changed."""
    assert "\n\nit is broken\n" in summary(step(failed("demo", message="it is broken")))


@pytest.mark.parametrize(
    ("one", "link"),
    [
        (failed("demo"), f"❌ failed · [build log]({PAGE}/demo?logs=build)"),
        (failed("demo", "RUNTIME_ERROR"), f"❌ failed · [app log]({PAGE}/demo?logs=container)"),
        (result("demo", "RUNTIME_ERROR"), f"✅ ok · [app log]({PAGE}/demo?logs=container)"),
        (result("demo", "BUILDING", Outcome.TIMED_OUT), f"⏱️ timed-out · [build log]({PAGE}/demo?logs=build)"),
        (result("demo"), "✅ ok |"),
        (result("demo", "RUNNING", Outcome.FAILED, sdk="static"), "❌ failed |"),
    ],
)
def test_a_failure_links_to_its_log(one, link):
    """The build log, or that of the app; a static Space has neither."""
    assert link in row(summary(step(one)), "demo")


def test_a_space_that_was_not_seen_has_no_log():
    """Nor a commit."""
    text = summary(step(Result(space="acme/demo", outcome=Outcome.DENIED, message="m", elapsed=1.0, url=f"{PAGE}/demo")))
    assert row(text, "demo") == f"| [acme/demo]({PAGE}/demo) | 🔒 denied |  |  |  | 1.0s |"


def test_the_commit_that_failed_is_linked():
    """That is the head where nothing is served."""
    assert f"[{HEAD[:7]}]({PAGE}/demo/commit/{HEAD})" in row(summary(step(failed("demo"))), "demo")
    assert f"[{SERVED[:7]}]({PAGE}/demo/commit/{SERVED})" in row(summary(step(result("demo", "RUNNING", Outcome.TIMED_OUT))), "demo")
    assert HEAD[:7] not in summary(step(result("demo", "PAUSED", commit=None)))


def test_a_broken_space_is_shown_as_broken():
    """Though to look at it has succeeded."""
    assert "RUNTIME_ERROR (broken)" in row(summary(step(result("demo", "RUNTIME_ERROR"), operation="info")), "demo")
    assert "RUNNING |" in row(summary(step(result("demo"), operation="info")), "demo")


def paused(name: str) -> Result:
    """A Space that the step has changed."""
    one = result(name, "PAUSED", before="RUNNING", commit=None, changed=True)
    return replace(one, before=SpaceInfo(id=one.space, runtime=SpaceRuntime(stage="RUNNING", commit=SERVED)))


def sections(text: str) -> list[str]:
    return [line.split()[1] for line in text.splitlines() if line.startswith("    section ")]


def test_of_a_fleet_only_what_failed_or_changed_is_drawn():
    """The rest is a number: of thirty Spaces the two that failed are seen."""
    fine = [result(f"fine-{number}") for number in range(27)]
    text = summary(step(*fine, failed("one"), failed("two", "RUNTIME_ERROR"), paused("changed")))
    assert sections(text) == ["acme/one", "acme/two", "acme/changed"]
    assert "\n27 other Spaces are not drawn: nothing failed there.\n" in text


def test_a_restart_alone_is_no_change(run, world):
    """Of sixty Spaces that were restarted, the three that failed are seen, and not fifty-seven that run as before."""
    fails = (Phase(1, "BUILDING"), Phase(9, "BUILD_ERROR"))
    for number in range(60):
        world.add(Space(id=f"acme/space-{number:02}", scripts={"restart": fails} if number in (7, 20, 41) else {}))
    found = run("restart", "acme/space-*", max_parallel="60")
    assert sections(found.summary) == ["acme/space-07", "acme/space-20", "acme/space-41"]
    assert "\n57 other Spaces are not drawn: nothing failed there.\n" in found.summary
    assert (found.log.count("::notice::"), found.log.count("::error::")) == (1, 3)


def test_there_is_room_for_so_many():
    """The number is of all that are not in the picture, and nothing is said of what they are."""
    text = summary(step(*(paused(f"space-{number}") for number in range(MAX_DRAWN + 20)), result("fine")))
    assert len(sections(text)) == MAX_DRAWN and f"Stages of {MAX_DRAWN} of {MAX_DRAWN + 20} Spaces" in text
    assert "\n21 other Spaces are not drawn.\n" in text


def test_of_a_few_all_that_moved_are_drawn():
    """There is room for them."""
    fine = [result(f"fine-{number}") for number in range(FEW)]
    text = summary(step(*fine))
    assert len(sections(text)) == FEW and "not drawn" not in text


def test_a_fleet_in_which_nothing_failed_or_changed_has_no_picture():
    """Its stages are in the table below."""
    text = summary(step(*(result(f"fine-{number}") for number in range(FEW + 1)), operation="wait"))
    assert "mermaid" not in text and "not drawn" not in text and "<summary>Timeline</summary>" in text


def test_one_is_one():
    """As people say it, of a log and of requests."""
    text = summary(step(failed("demo", log=("it broke",))))
    assert "<summary>Log of acme/demo, last line</summary>" in text and ", 1 request to the Hub<" in text


def test_the_group_of_one_line_says_so(run, world):
    """In the log of the step, too."""
    world.add(Space(id="acme/broken", scripts={"restart": (Phase(1, "BUILDING"), Phase(2, "RUNTIME_ERROR"))}, run_log=((0.0, "it broke"),)))
    assert "acme/broken: the last line of its run log\n" in run("restart", "acme/broken", log_lines="1").log


def test_one_space_less_is_one():
    """As people say it."""
    text = summary(step(result("fine"), *(paused(f"space-{number}") for number in range(FEW))))
    assert "\n1 other Space is not drawn: " in text


def test_all_that_went_well_share_a_notice(run, world):
    """And each that failed has an annotation of its own."""
    for number in range(5):
        world.add(Space(id=f"acme/fine-{number}"))
    world.add(Space(id="acme/broken", refusals={"restart": (403, "no")}))
    found = run("restart", "acme/*", commit="any")
    assert (found.log.count("::notice::"), found.log.count("::error::")) == (1, 1)


# ---- what a pause would save ----


@pytest.mark.parametrize(
    ("results", "said"),
    [
        ([result("a", outcome=Outcome.PLANNED, operation="pause")], "; a pause would save $0.40 an hour, which is $4.80 a night of 12 hours or $292 a month of 730 hours"),
        ([result(name, outcome=Outcome.PLANNED, operation="pause") for name in "ab"], "; a pause would save $0.80 an hour"),
        ([result("a", outcome=Outcome.PLANNED, operation="restart")], ""),
        ([result("a", "PAUSED", outcome=Outcome.PLANNED, operation="pause")], ""),
    ],
)
def test_a_pause_that_is_planned_tells_what_it_would_save(results, said):
    """Of what is billed, by the price list."""
    text = bill(step(*results, operation="pause"))
    assert said in text if said else "would save" not in text


def test_a_dry_run_for_the_night_counts_all(run, world):
    """Nothing is sent."""
    for name in ("a", "b"):
        world.add(Space(id=f"acme/{name}", hardware="t4-small"))
    found = run("pause", "acme/*", with_hardware="paid", dry_run="true")
    assert "a pause would save $0.80 an hour" in found.log and "$584 a month" in found.summary
    assert {one["result"] for one in json.loads(found.outputs["spaces"])} == {"planned"}
