"""1. A listing is taken for the truth.

It may lag by seconds or minutes, in a Space or one field of it, hold odd entries, or lack what the Space itself says.
"""

from itertools import product

import pytest

from simhub.faults import Kind
from simhub.world import HEAD, ListingSha, Phase
from tests.conftest import NEW, OLD
from tests.truth.cells import build, cell, fault, lag, quota, space, spaces, table, world_has

WOKEN = (Phase(5, "RUNNING", commit=HEAD),)  # by somebody else, before the step began
SLOW = {"restart": build(stale=10, end=Phase(50, "RUNNING", commit=HEAD))}
PAUSED_NOW = (Phase(0, "PAUSED"),)
NO_EFFECT = {"pause": ()}
ALL = world_has(listing_bare=False)


def late(seconds: float, *names: str):
    """A listing that is late in all of a Space, or in some properties."""
    return dict.fromkeys(names, seconds) if names else seconds


# What the listing still says, of a Space that has been RUNNING since second 0, for how long and in which fields.
OLD_NEWS = [
    *product(("PAUSED", "SLEEPING", "BUILDING", "RUNTIME_ERROR", "STOPPED"), (30.0, 300.0)),
    *product(("PAUSED", "BUILDING"), ({"runtime": 120.0}, {"sha": 120.0})),
]


def before(stage: str, lag_of, **about):
    """A Space that was so until the step began, and is RUNNING by now, as only its own runtime says."""
    usual = {"stage": stage, "commit": None, "timeline": (Phase(0, "RUNNING", commit=HEAD),), "listing_lag": lag_of}
    return usual | about


RESTARTS = [
    cell(
        f"restart where a listing says {stage}, {lag_of}",
        "restart 'acme/demo*' with-stage=RUNNING,PAUSED,SLEEPING,BUILDING,RUNTIME_ERROR,STOPPED",
        "ok",
        space(**before(stage, lag_of, scripts=SLOW)),
        sent="restart",
        within=(50, 90),
        state={"stage": "RUNNING"},
    )
    for stage, lag_of in OLD_NEWS
]
WAITS = [
    cell(
        f"wait where a listing says {stage}, {lag_of}",
        "wait 'acme/demo*' timeout=5m",
        "ok",
        space(**before(stage, lag_of)),
        within=(0, 61),
    )
    for stage, lag_of in OLD_NEWS
]
GONE_WRONG = [
    cell(
        f"wait where a listing says {stage} of a Space in {now}",
        "wait 'acme/demo*' timeout=3m settle=20s",
        result,
        space(stage=stage, timeline=(Phase(0, now, commit=None, error="because"),), listing_lag=600.0),
        says=("because",) if result == "failed" else (),
        within=(10, 180),
    )
    for stage, now, result in (
        ("RUNNING", "RUNTIME_ERROR", "failed"),
        ("RUNNING", "BUILD_ERROR", "failed"),
        ("RUNNING", "PAUSED", "failed"),
        ("RUNNING", "SLEEPING", "failed"),
        ("RUNNING", "BUILDING", "timed-out"),
        ("BUILDING", "BUILD_ERROR", "failed"),
        ("APP_STARTING", "CONFIG_ERROR", "failed"),
    )
]
PAUSES = [
    cell(
        f"pause where a listing says PAUSED, {lag_of}, of a Space that runs",
        "pause 'acme/demo*' timeout=5m",
        "ok",
        space(**before("PAUSED", lag_of)),
        sent="pause",
        state={"stage": "PAUSED"},
    )
    for lag_of in (30.0, 300.0, {"runtime": 120.0})
]
FEW = [quota(11), spaces(*(f"other-{n}" for n in range(9)), stage="PAUSED")]
OTHERS = [
    cell(
        "pause of two named Spaces without effect, where the listing has an old PAUSED",
        "pause acme/demo acme/other timeout=2m",
        "timed-out",
        space(**before("PAUSED", 600.0, scripts=NO_EFFECT)),
        space("other", **before("PAUSED", 600.0, scripts=NO_EFFECT)),
        sent=("pause", "pause"),
        each={"demo": "timed-out", "other": "timed-out"},
        state={"stage": "RUNNING"},
    ),
    cell(
        "pause of selected Spaces without effect, where the listing has an old PAUSED",
        "pause 'acme/d*' timeout=2m",
        "timed-out",
        space(**before("PAUSED", 600.0, scripts=NO_EFFECT)),
        space("d-2", **before("PAUSED", 600.0)),
        sent=("pause", "pause"),
        each={"demo": "timed-out", "d-2": "ok"},
    ),
    cell(
        "pause of a Space that the listing says runs, and that is paused",
        "pause 'acme/demo*'",
        "unchanged",
        space(stage="RUNNING", timeline=PAUSED_NOW, listing_lag=600.0),
        says="PAUSED already; nothing was sent",
    ),
    cell(
        "restart of a selected Space that the listing says runs, and that somebody paused",
        "restart 'acme/demo*'",
        "skipped",
        space(stage="RUNNING", timeline=PAUSED_NOW, listing_lag=600.0),
        says="PAUSED; a selected Space is left alone in that stage",
    ),
    cell(
        "wake of a selected Space that the listing says sleeps, and that somebody paused",
        "wake 'acme/demo*'",
        "skipped",
        space(stage="SLEEPING", commit=None, timeline=PAUSED_NOW, listing_lag=600.0),
    ),
    cell(
        "wake of a selected Space that the listing says sleeps, and that runs",
        "wake 'acme/demo*'",
        "unchanged",
        space(**before("SLEEPING", 600.0)),
    ),
    cell(
        "hardware that the listing says is there, and is not",
        "hardware 'acme/demo*' hardware=t4-small",
        "ok",
        space(hardware="t4-small", timeline=(Phase(0, "RUNNING", hardware="cpu-basic", requested_hardware="cpu-basic"),), listing_lag=600.0),
        sent="hardware",
        state={"hardware": "t4-small"},
    ),
    cell(
        "hardware that the listing says is not there, and is",
        "hardware 'acme/demo*' hardware=t4-small",
        "unchanged",
        space(timeline=(Phase(0, "RUNNING", hardware="t4-small", requested_hardware="t4-small"),), listing_lag=600.0),
    ),
    cell(
        "hardware of two Spaces that stays what it was, where the listing has what was there long ago",
        "hardware acme/demo acme/other hardware=t4-small timeout=2m",
        "timed-out",
        spaces("demo", "other", hardware="t4-small", listing_lag=600.0, scripts={"hardware": (Phase(5, "RUNNING"),)},
               timeline=(Phase(0, "RUNNING", hardware="cpu-basic", requested_hardware="cpu-basic"),)),
        sent=("hardware", "hardware"),
        says="but on cpu-basic, not t4-small",
    ),
    cell(
        "a filter by stage that the Space itself does not pass",
        "pause 'acme/demo*' with-stage=SLEEPING",
        "skipped",
        space(**before("SLEEPING", 600.0)),
        state={"stage": "RUNNING"},
    ),
    cell(
        "a filter by stage that the Space itself does not pass, with few requests left",
        "pause 'acme/*' with-stage=SLEEPING",
        "skipped",
        space(**before("SLEEPING", 600.0)),
        *FEW,
        state={"stage": "RUNNING"},
    ),
    cell(
        "a filter by hardware that the Space itself does not pass, with few requests left",
        "pause 'acme/*' with-hardware=t4-small",
        "skipped",
        space(hardware="t4-small", timeline=(Phase(0, "RUNNING", hardware="cpu-basic", requested_hardware="cpu-basic"),), listing_lag=600.0),
        *FEW,
        state={"stage": "RUNNING"},
    ),
    cell(
        "a listing that lacks a Space while it is waited for",
        "restart acme/demo acme/other timeout=5m",
        "ok",
        space("other"),
        fault(Kind.WRONG_TYPE, path="^/api/spaces$", body=[], times=None),
        sent=("restart", "restart"),
        each={"demo": "ok", "other": "ok"},
    ),
    cell(
        "a listing that says RUNNING of what was deleted",
        "wait 'acme/d*' timeout=5m",
        "not-found",
        space("d-2", listing_lag=600.0),
        fault(Kind.WRONG_TYPE, path="^/api/spaces$", times=None,
              body=[{"id": "acme/demo", "sha": NEW, "runtime": {"stage": "RUNNING", "sha": NEW}}, {"id": "acme/d-9", "sha": NEW, "runtime": {"stage": "RUNNING", "sha": NEW}}]),
        each={"demo": "ok", "d-9": "not-found"},
        within=(10, 15),
    ),
    cell(
        "a listing that never moves on",
        "wait 'acme/d*' timeout=10m",
        "ok",
        spaces("demo", "d-2", "d-3", stage="BUILDING", commit=None, timeline=(Phase(60, "RUNNING", commit=HEAD),), listing_lag=10_000.0),
        within=(60, 200),
    ),
    cell(
        "a push that the listing has not heard of",
        "wait 'acme/demo*' timeout=5m",
        "ok",
        space(head=OLD, timeline=(Phase(0, "RUNNING", head=NEW), Phase(30, "RUNNING_BUILDING"), Phase(60, "RUNNING", commit=HEAD)), listing_lag=600.0),
        within=(60, 70),
    ),
    cell(
        "a commit that the listing has not heard of",
        f"wait 'acme/demo*' timeout=5m commit={NEW[:7]}",
        "ok",
        space(head=OLD, timeline=(Phase(0, "RUNNING", head=NEW), Phase(30, "RUNNING_BUILDING"), Phase(60, "RUNNING", commit=HEAD)), listing_lag=600.0),
        within=(60, 70),
    ),
    cell(
        "info of selected Spaces shows what they are",
        "info 'acme/demo*'",
        "ok",
        space(stage="RUNNING", timeline=(Phase(0, "BUILD_ERROR", commit=None),), listing_lag=600.0),
        says="BUILD_ERROR",
    ),
    cell(
        "restart where listings name no commit",
        "restart acme/demo acme/other",
        "ok",
        lag(20, listing_sha=ListingSha.NEVER),
        spaces("demo", "other", scripts=SLOW),
        sent=("restart", "restart"),
        within=(50, 80),
    ),
]


@table([*RESTARTS, *WAITS, *GONE_WRONG, *PAUSES, *OTHERS])
def test_a_listing_is_no_truth(cell, play):
    """Whatever ends a wait, answers `unchanged` or decides a write is read from the Space itself."""
    play(cell)


@pytest.mark.parametrize("lag_of", [3.0, 30.0, 120.0])
@pytest.mark.parametrize("operation", ["restart", "wait"])
def test_a_fleet_is_judged_by_its_own_runtimes(operation, lag_of, run, world, hub):
    """Ten Spaces, half of which end broken, under a listing that lags: each has the verdict that is right."""
    for number in range(10):
        ends = Phase(40, "BUILD_ERROR", commit=None) if number % 2 else Phase(40, "RUNNING", commit=HEAD)
        script = (Phase(2, "RUNNING_BUILDING"), ends)
        about = {"scripts": {"restart": script}} if operation == "restart" else {"timeline": script, "commit": OLD}
        space(f"fleet-{number}", listing_lag=lag_of, **about)(world, hub)
    ended = run(operation, "acme/fleet-*", timeout="10m", logs="never")
    assert [one["result"] for one in ended.spaces] == ["ok", "failed"] * 5, ended.log
    assert 40 <= ended.elapsed < 40 + lag_of + 30
