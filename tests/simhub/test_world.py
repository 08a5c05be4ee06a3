"""What a Space is at a time, without any socket."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simhub import listing
from simhub.access import WINDOW, Meter, Refusal, Token
from simhub.clock import FakeClock
from simhub.scenarios import NEW, NEWER, OLD, rebuild, showcase
from simhub.world import HEAD, KEEP, REQUESTED, Event, ListingSha, Phase, Space, World

STAGES = ("RUNNING", "RUNNING_BUILDING", "RUNNING_APP_STARTING", "BUILDING", "APP_STARTING", "SLEEPING", "PAUSED")
STAGES += ("STOPPED", "BUILD_ERROR", "RUNTIME_ERROR", "CONFIG_ERROR", "NO_APP_FILE", "DELETING", "NEVER_HEARD_OF")


def timeline(world, clock, id, seconds, step=0.5):
    """Return the changes of (stage, commit) over `seconds`, as [(when, stage, commit)]."""
    began, seen = clock.now(), []
    while clock.now() - began <= seconds:
        runtime = world.runtime(id)
        look = (runtime["stage"], runtime.get("sha"))
        if not seen or seen[-1][1:] != look:
            seen.append((clock.now() - began, *look))
        clock.sleep(step)
    return seen


def log_of(world, id, kind):
    return world.life(id).log(kind, now=world.now(), date=world.date)


def one(world, **differences):
    world.add(Space(id="demo/one", **differences))
    return "demo/one"


# The dynamics


def test_restart_of_a_live_space_shows_the_old_stage_for_a_second_and_serves_the_head_at_the_end(world, clock):
    id = one(world, commit=OLD, head=NEW)
    world.restart(id)
    assert timeline(world, clock, id, seconds=30) == [
        (0.0, "RUNNING", OLD),
        (1.0, "RUNNING_BUILDING", OLD),
        (12.0, "RUNNING_APP_STARTING", OLD),
        (20.0, "RUNNING", NEW),
    ]


@pytest.mark.parametrize("stage", ["PAUSED", "SLEEPING", "STOPPED", "BUILD_ERROR", "RUNTIME_ERROR", "NO_APP_FILE"])
def test_restart_of_a_space_that_is_not_live_builds_and_serves_nothing_meanwhile(world, clock, stage):
    id = one(world, stage=stage, error="old")
    world.restart(id)
    assert timeline(world, clock, id, seconds=30) == [
        (0.0, "BUILDING", None),
        (12.0, "APP_STARTING", None),
        (20.0, "RUNNING", NEW),
    ]
    assert "errorMessage" not in world.runtime(id)


def test_the_answer_to_a_restart_shows_what_is_to_come_while_looks_still_show_the_old_stage(world):
    id = one(world, scripts={"restart": rebuild(stale=10)})
    assert world.restart(id)["stage"] == "RUNNING_BUILDING"
    assert world.runtime(id)["stage"] == "RUNNING"


def test_pause_is_immediate_and_only_a_restart_ends_it(world, clock):
    id = one(world)
    assert world.pause(id)["stage"] == "PAUSED"
    world.push(id, sha=NEWER)
    world.request_hardware(id, flavor="t4-small")
    world.visit(id)
    clock.sleep(3600)
    runtime = world.runtime(id)
    assert (runtime["stage"], runtime["hardware"]) == ("PAUSED", {"current": None, "requested": "t4-small"})
    world.restart(id)
    clock.sleep(30)
    assert world.runtime(id)["sha"] == NEWER
    assert world.runtime(id)["hardware"]["current"] == "t4-small"


def test_a_push_moves_the_head_at_once_and_the_served_commit_when_built(world, clock):
    id = one(world, head=OLD)
    world.push(id, sha=NEW)
    assert (world.describe(id)["sha"], world.runtime(id)["sha"]) == (NEW, OLD)
    assert world.describe(id)["lastModified"] == "2026-08-01T12:00:00.000Z"
    clock.sleep(30)
    assert world.runtime(id)["sha"] == NEW


def test_a_push_during_a_build_is_what_goes_live(world, clock):
    id = one(world, head=OLD)
    world.push(id, sha=NEW)
    clock.sleep(5)
    world.push(id, sha=NEWER)
    assert NEW not in {commit for _, _, commit in timeline(world, clock, id, seconds=40)}
    assert world.runtime(id)["sha"] == NEWER


def test_a_visit_wakes_a_sleeping_space_and_nothing_else(world, clock):
    id = one(world, stage="SLEEPING")
    world.visit(id)
    assert timeline(world, clock, id, seconds=20)[-1] == (10.0, "RUNNING", NEW)
    world.visit(id)
    assert len(timeline(world, clock, id, seconds=20)) == 1


def test_hardware_is_requested_at_once_and_current_after_the_restart(world, clock):
    id = one(world)
    assert world.request_hardware(id, flavor="t4-small", sleep_time_seconds=600)["hardware"] == {
        "current": "cpu-basic",
        "requested": "t4-small",
    }
    assert world.runtime(id)["gcTimeout"] == 600
    clock.sleep(30)
    assert world.runtime(id)["hardware"] == {"current": "t4-small", "requested": "t4-small"}
    world.request_hardware(id, flavor="cpu-basic")
    assert world.runtime(id)["gcTimeout"] == 172800


def test_sleep_time_of_paid_hardware_can_be_never(world):
    id = one(world, hardware="t4-small")
    assert world.set_sleep_time(id, seconds=900)["gcTimeout"] == 900
    assert world.set_sleep_time(id, seconds=-1)["gcTimeout"] is None


def test_an_event_drops_what_was_to_come(world, clock):
    id = one(world, timeline=(Phase(10, "BUILD_ERROR", error="to be dropped"),))
    clock.sleep(5)
    world.pause(id)
    assert timeline(world, clock, id, seconds=60) == [(0.0, "PAUSED", None)]


def test_a_factory_reboot_follows_the_restart_unless_it_has_a_script_of_its_own(world, clock):
    scripts = {"restart": (Phase(0, "RUNNING_BUILDING"),), "factory": (Phase(0, "BUILDING"),)}
    id = one(world, scripts=scripts)
    assert world.restart(id)["stage"] == "RUNNING_BUILDING"
    assert world.restart(id, factory=True)["stage"] == "BUILDING"
    world.add(Space(id="demo/two", scripts={"restart": scripts["restart"]}))
    assert world.restart("demo/two", factory=True)["stage"] == "RUNNING_BUILDING"


def test_a_phase_may_keep_the_stage_and_its_error(world, clock):
    id = one(world, stage="BUILD_ERROR", error="old", timeline=(Phase(5, KEEP, head=NEWER),))
    clock.sleep(6)
    assert world.runtime(id)["errorMessage"] == "old"
    assert world.describe(id)["sha"] == NEWER


def test_a_phase_may_move_the_head_and_serve_it_at_once(world, clock):
    id = one(world, timeline=(Phase(5, "RUNNING", head=NEWER, commit=HEAD),))
    clock.sleep(5)
    assert (world.runtime(id)["sha"], world.describe(id)["lastModified"]) == (NEWER, "2026-08-01T12:00:05.000Z")


def test_a_phase_cannot_begin_before_its_event():
    """Nor at a time that is not a number."""
    for after in (-1, float("nan")):
        with pytest.raises(ValueError):
            Phase(after, "RUNNING")


phases = st.lists(
    st.builds(
        Phase,
        after=st.floats(0, 100),
        stage=st.sampled_from(STAGES),
        commit=st.sampled_from([KEEP, HEAD, OLD, None]),
        head=st.sampled_from([KEEP, NEW, NEWER]),
        hardware=st.sampled_from([KEEP, REQUESTED, None, "t4-small"]),
    ),
    max_size=5,
).map(tuple)
doings = st.sampled_from(["restart", "pause", "push", "visit", "hardware"])


@given(
    scripts=st.dictionaries(st.sampled_from([event.value for event in Event]), phases),
    first=st.sampled_from(STAGES),
    doings=st.lists(st.tuples(st.floats(0, 50), doings), max_size=8),
)
def test_whatever_happens_the_past_stays_as_it_was(scripts, first, doings):
    """And segments follow each other in time."""
    clock = FakeClock()
    world = World(now=clock.now)
    id = one(world, scripts=scripts, stage=first)
    life = world._lives[id]
    for wait, doing in doings:
        clock.sleep(wait)
        past = [t for t in (-1.0, 0.0, clock.now() / 2) if t < clock.now()]
        before = [life.at(t) for t in past]
        match doing:
            case "push":
                world.push(id, sha=NEWER)
            case "hardware":
                world.request_hardware(id, flavor="t4-small")
            case _:
                getattr(world, doing)(id)
        assert [life.at(t) for t in past] == before
        begins = [begin for begin, _ in life.history]
        assert begins == sorted(begins)


@given(stage=st.sampled_from(STAGES), sdk=st.sampled_from(["gradio", "docker", "streamlit", "static"]))
def test_a_commit_and_current_hardware_are_shown_only_of_what_is_live(stage, sdk):
    world = World(now=FakeClock().now)
    runtime = world.runtime(one(world, stage=stage, sdk=sdk, error="why"))
    shown = stage.startswith("RUNNING") and sdk != "static"
    assert ("sha" in runtime) == shown
    assert (runtime["hardware"]["current"] is not None) == shown
    assert ("gcTimeout" in runtime) == (sdk != "static")


# Rights


OWNER = Token(name="owner", owners=frozenset({"demo"}), writes=frozenset({"demo"}))
READER = Token(name="reader", kind="read", owners=frozenset({"demo"}), writes=frozenset({"demo"}))
STRANGER = Token(name="stranger")


@pytest.mark.parametrize(
    ("token", "id", "write", "status"),
    [
        (None, "demo/open", False, None),
        (None, "demo/open", True, 401),
        (None, "demo/closed", False, 401),
        (None, "demo/absent", False, 401),
        (STRANGER, "demo/open", False, None),
        (STRANGER, "demo/open", True, 403),
        (STRANGER, "demo/closed", False, 404),
        (STRANGER, "demo/closed", True, 404),
        (STRANGER, "demo/absent", True, 404),
        (READER, "demo/closed", False, None),
        (READER, "demo/closed", True, 403),
        (OWNER, "demo/closed", True, None),
        (OWNER, "demo/absent", False, 404),
    ],
)
def test_who_may_see_and_write_what(world, token, id, write, status):
    world.add(Space(id="demo/open"))
    world.add(Space(id="demo/closed", private=True))
    if status is None:
        world.admit(id, token, write=write)
    else:
        with pytest.raises(Refusal) as refusal:
            world.admit(id, token, write=write)
        assert refusal.value.status == status


@pytest.mark.parametrize(
    ("write", "status"),
    [
        (lambda world, id: world.request_hardware(id, flavor="t4-small", can_pay=False), 403),
        (lambda world, id: world.request_hardware(id, flavor="cpu-basic", sleep_time_seconds=60), 400),
        (lambda world, id: world.request_hardware(id, flavor="abacus"), 400),
        (lambda world, id: world.set_sleep_time(id, seconds=60), 400),
    ],
    ids=["unpaid", "free hardware with a sleep time", "unknown hardware", "sleep time on free hardware"],
)
def test_a_refused_write_has_no_effect(world, write, status):
    id = one(world)
    before = world.runtime(id)
    with pytest.raises(Refusal) as refusal:
        write(world, id)
    assert refusal.value.status == status
    assert world.runtime(id) == before


def test_a_static_space_can_be_pushed_to_and_nothing_else(world):
    id = one(world, sdk="static", hardware=None)
    writes = [world.restart, world.pause, lambda id: world.request_hardware(id, flavor="cpu-basic")]
    for write in [*writes, lambda id: world.set_sleep_time(id, seconds=60)]:
        with pytest.raises(Refusal, match="400"):
            write(id)
    assert world.push(id, sha=NEWER)["stage"] == "RUNNING"
    assert world.describe(id)["sha"] == NEWER


@given(waits=st.lists(st.floats(0, 100), max_size=60), quota=st.integers(1, 5))
def test_no_window_ever_grants_more_than_the_quota(waits, quota):
    """And a refusal says in how many seconds a request will be granted again."""
    clock, meter, granted = FakeClock(), Meter(quota=quota), {}
    for wait in waits:
        clock.sleep(wait)
        try:
            meter.spend("somebody", now=clock.now())
        except Refusal as refusal:
            reset = int(refusal.headers["RateLimit"].rpartition("=")[2])
            assert 0 < reset <= WINDOW
            Meter.spend(replace(meter, _spent=dict(meter._spent)), "somebody", now=clock.now() + reset)
        else:
            window = clock.now() // WINDOW
            granted[window] = granted.get(window, 0) + 1
    assert all(count <= quota for count in granted.values())


def test_callers_do_not_eat_of_each_others_quota():
    meter = Meter(quota=1, anonymous_quota=1)
    for caller in ("one", "two", None):
        assert ";r=0;" in meter.spend(caller, now=0)["RateLimit"]
        with pytest.raises(Refusal, match="429"):
            meter.spend(caller, now=299)
        meter.spend(caller, now=300)


# Listings and logs


def test_listings_can_lag_and_hide_the_commit(world, clock):
    id = one(world)
    world.listing_lag = 30
    world.pause(id)
    assert (listing.entry(world, id)["runtime"]["stage"], world.runtime(id)["stage"]) == ("RUNNING", "PAUSED")
    shown = {
        switch: ["sha" in listing.entry(world, id, expand=expand)["runtime"] for expand in ((), ("runtime",))]
        for world.listing_sha in ListingSha
        for switch in [world.listing_sha]
    }
    assert shown == {
        ListingSha.NEVER: [False, False],
        ListingSha.EXPANDED: [False, True],
        ListingSha.ALWAYS: [True, True],
    }
    world.push(id, sha=NEWER)
    assert listing.entry(world, id)["lastModified"] < world.describe(id)["lastModified"]
    clock.sleep(30)
    assert listing.entry(world, id)["runtime"]["stage"] == "PAUSED"
    assert listing.entry(world, id)["lastModified"] == world.describe(id)["lastModified"]


def test_listings_select_and_sort(world, clock):
    world.add(Space(id="demo/a", likes=1, title="Cats", created_at="2025-01-03T00:00:00.000Z"))
    world.add(Space(id="demo/b", likes=3, sdk="docker", created_at="2025-01-01T00:00:00.000Z"))
    world.add(Space(id="other/c", likes=2, private=True, created_at="2025-01-02T00:00:00.000Z"))
    assert listing.select(world) == ["demo/a", "demo/b"]
    assert listing.select(world, token=Token(name="o", owners=frozenset({"other"}))) == ["demo/a", "demo/b", "other/c"]
    assert listing.select(world, author="demo", filters=["docker"]) == ["demo/b"]
    assert listing.select(world, search="CAT") == ["demo/a"]
    assert listing.select(world, sort="likes") == ["demo/b", "demo/a"]
    assert listing.select(world, sort="createdAt", ascending=True) == ["demo/b", "demo/a"]
    clock.sleep(1)
    world.push("demo/b", sha=NEWER)
    assert listing.select(world, sort="lastModified") == ["demo/b", "demo/a"]
    with pytest.raises(Refusal, match="400"):
        listing.select(world, sort="beauty")


def test_a_log_is_written_as_time_passes_and_starts_anew_with_a_build(world, clock):
    id = one(world, build_log=((2, "two"), (4, "four")), run_log=((6, "six"),))
    assert [line for _, line in log_of(world, id, "build").lines][1:] == ["two", "four"]
    assert not log_of(world, id, "build").open and log_of(world, id, "run").open
    world.restart(id)
    clock.sleep(3)
    log = log_of(world, id, "build")
    assert log.open and [line for _, line in log.lines] == [
        "===== Build Queued at 2026-08-01 12:00:00 / Commit SHA: 3d2e3a6 =====",
        "two",
    ]
    assert log_of(world, id, "run").lines == ()
    clock.sleep(3)
    assert [at for at, _ in log_of(world, id, "run").lines] == [6, 6]


def test_every_space_of_the_showcase_is_described_and_plays(world, clock):
    """A restart of any but the static one ends in RUNNING or in an error that is explained, within half a minute."""
    for space in showcase():
        world.add(space)
        assert space.title
        if space.sdk == "static":
            continue
        if space.refusals:
            with pytest.raises(Refusal, match="quota"):
                world.restart(space.id)
            continue
        world.restart(space.id)
    clock.sleep(30)
    ends = {space.id: world.runtime(space.id) for space in showcase()}
    broken = {"demo/build-error": "BUILD_ERROR", "demo/crash-loop": "RUNTIME_ERROR", "demo/quota": "PAUSED"}
    for id, runtime in ends.items():
        assert runtime["stage"] == broken.get(id, "RUNNING")
        assert ("errorMessage" in runtime) == (id in broken)
    assert ends["demo/stale-running"]["sha"] == NEW
    assert ends["demo/superseded"]["sha"] == NEWER
