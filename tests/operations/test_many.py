"""Many Spaces in one step: selected, acted on, watched by listings, paid for."""

import json
import threading
import time

import pytest

from hf_action.hub.client import Hub
from hf_action.operations.progress import run_parallel
from simhub.access import Meter
from simhub.faults import Fault, Kind
from simhub.world import HEAD, ListingSha, Phase, Space
from tests.conftest import NEW, OLD
from tests.operations.test_operations import STALE, writes
from tests.support.processes import PATIENCE


@pytest.fixture
def fleet(world):
    """Twenty running Spaces of one owner, on paid hardware, and one static one."""
    for number in range(20):
        world.add(
            Space(id=f"fleet/demo-{number:02}", hardware="t4-small", commit=OLD, head=NEW, scripts={"restart": STALE})
        )
    world.add(Space(id="fleet/web", sdk="static", hardware=None))
    world.tokens = {
        secret: type(token)(
            name=token.name, kind=token.kind, owners=token.owners | {"fleet"}, writes=token.writes | {"fleet"}
        )
        for secret, token in world.tokens.items()
    }
    return world


# ---- selection ----


def test_a_list_is_one_listing(run, fleet, hub):
    """Nothing is asked of the single Spaces, and nothing is sent."""
    ended = run("list", "--author", "fleet")
    assert (ended.status, ended.outputs["count"]) == (0, "21")
    assert {request.path for request in hub.requests} == {"/api/spaces", "/api/spaces/hardware"}
    assert ended.spaces[0]["commit"] == OLD


def test_a_listing_has_all_pages(run, world, clock):
    """Two hundred and fifty Spaces are three pages."""
    for number in range(250):
        world.add(Space(id=f"big/s{number:03}"))
    assert run("list", "big/*").outputs["count"] == "250"


def listing(*entries: dict, **about) -> Fault:
    """Make the Hub's next listing this one."""
    return Fault(kind=Kind.STATUS, status=200, method="GET", path="/api/spaces$", body=list(entries), **about)


def test_an_entry_with_an_odd_field_spoils_no_listing(run, fleet, hub):
    """A field of another type counts as absent; the other Spaces are chosen all the same."""
    runtime = {"stage": "RUNNING", "hardware": {"current": "t4-small"}}
    hub.inject(
        listing(
            {"id": "fleet/odd", "lastModified": "soon", "likes": [], "runtime": runtime},
            {"id": "fleet/even", "runtime": runtime},
        )
    )
    ended = run("list", "fleet/*")
    assert (ended.result, [one["id"] for one in ended.spaces]) == ("ok", ["fleet/even", "fleet/odd"])


def test_a_listing_without_runtimes_is_filled_in(run, fleet, hub):
    """A Space whose runtime the listing lacks is asked for it, so that none goes unseen; one that is gone is left out."""
    hub.inject(
        listing({"id": "fleet/demo-01"}, {"id": "fleet/demo-02", "runtime": {"hardware": None}}, {"id": "fleet/gone"})
    )
    ended = run("list", "fleet/*", with_stage="RUNNING")
    assert (ended.result, [one["id"] for one in ended.spaces]) == ("ok", ["fleet/demo-01", "fleet/demo-02"])
    assert "fleet/gone: left out, the Hub tells nothing of it (404)" in ended.log


def test_a_listing_whose_spaces_cannot_be_asked_is_asked_for_again(run, fleet, hub):
    """A passing failure leaves no Space out."""
    hub.inject(listing({"id": "fleet/demo-01"}))
    hub.inject(Fault(kind=Kind.STATUS, method="GET", path="fleet/demo-01$"))
    assert run("list", "fleet/demo-0*").outputs["count"] == "10"


def test_watching_goes_on_where_listings_lack_the_runtimes(run, fleet, hub):
    """Each Space is looked at by itself then, and the listing is left alone."""
    hub.inject(listing({"id": "fleet/demo-01"}, times=None, skip=1))
    ended = run("restart", "fleet/demo-0*")
    assert ended.result == "ok"
    assert sum(request.path == "/api/spaces" for request in hub.requests) == 2


def test_a_space_that_huggingface_hub_refuses_to_ask_about_fails_alone(run, fleet, hub):
    """Its id is none by its rules; the answer to another request is not taken for one about it."""
    hub.inject(
        listing(
            {"id": "fleet/demo-01", "runtime": {"stage": "RUNNING"}},
            {"id": "fleet/a--b", "runtime": {"stage": "RUNNING"}},
        )
    )
    ended = run("pause", "fleet/*", max_parallel="1")
    assert {one["id"]: one["result"] for one in ended.spaces} == {"fleet/demo-01": "ok", "fleet/a--b": "failed"}
    assert writes(hub) == ["pause"]


@pytest.mark.parametrize("page", [{"error": "no"}, ["fleet/demo-01"], [{"id": 5}]])
def test_what_is_no_listing_is_asked_for_again(page, run, fleet, hub):
    """Its entries name no Spaces."""
    hub.inject(Fault(kind=Kind.STATUS, status=200, method="GET", path="/api/spaces$", body=page))
    assert run("list", "fleet/*").outputs["count"] == "21"


def test_a_listing_is_not_continued_on_another_host(run, fleet, hub):
    """The token would go there, too."""
    hub.inject(listing(headers={"Link": '<http://localhost:1/api/spaces?cursor=1>; rel="next"'}, times=None))
    ended = run("list", "fleet/*", timeout="10s")
    assert (ended.result, "continues a listing at another address, http://localhost:1" in ended.outputs["message"]) == (
        "unreachable",
        True,
    )


def test_a_list_needs_something_to_choose_from(run, hub):
    """A named Space is not a selection."""
    assert run("list", "fleet/demo-01").status == 2 and not hub.requests


def test_nothing_selected_is_ok_for_a_list_and_skipped_for_an_action(run, fleet, hub):
    """Never a silent success that looks like work."""
    listed, paused = run("list", "fleet/nothing-*"), run("pause", "fleet/nothing-*")
    assert (listed.status, listed.result, listed.outputs["count"]) == (0, "ok", "0")
    assert (paused.status, paused.result, paused.outputs["count"]) == (0, "skipped", "0")
    assert "::warning::no Space was selected" in paused.log and not writes(hub)


def test_filters_work_with_every_operation(run, fleet, hub):
    """Only those that match are acted on; the rest are not even looked at."""
    fleet.pause("fleet/demo-03")
    ended = run("pause", "fleet/*", with_stage="RUNNING", with_hardware="t4-*", exclude="*-1?", limit="5")
    assert [one["id"] for one in ended.spaces] == [f"fleet/demo-0{n}" for n in (0, 1, 2, 4, 5)]
    assert len(writes(hub)) == 5


def test_a_named_space_that_the_filters_leave_out_is_skipped(run, fleet, hub):
    """It was looked at to know that."""
    ended = run("pause", "fleet/demo-01", with_stage="PAUSED")
    assert (ended.status, ended.result, writes(hub)) == (0, "skipped", [])


def test_a_list_has_no_named_space_that_the_filters_leave_out(run, fleet):
    """Nor has the matrix for the next job."""
    fleet.pause("fleet/demo-01")
    ended = run("list", "fleet/demo-00", "fleet/demo-01", "acme/*", with_stage="PAUSED")
    assert (ended.result, [one["id"] for one in ended.spaces]) == ("ok", ["fleet/demo-01"])
    assert json.loads(ended.outputs["matrix"]) == {"include": [{"space-id": "fleet/demo-01"}]}
    assert run("list", "fleet/demo-00", "acme/*", with_stage="PAUSED").outputs["count"] == "0"


def test_a_static_space_is_skipped_when_selected(run, fleet):
    """And fails when named; see test_operations."""
    ended = run("pause", "fleet/*")
    assert {one["result"] for one in ended.spaces if one["id"] == "fleet/web"} == {"skipped"}
    assert (ended.status, ended.result) == (0, "ok")


def test_an_owner_whose_listing_fails_ends_the_step(run, fleet, hub):
    """Without a listing nobody knows which Spaces are meant."""
    hub.inject(Fault(kind=Kind.STATUS, status=403, method="GET", path="/api/spaces$"))
    ended = run("pause", "fleet/*")
    assert (ended.status, ended.result, ended.outputs["count"]) == (3, "denied", "0")


# ---- acting ----


def test_a_bulk_pause_costs_a_look_before_a_write_and_a_look_after(run, fleet, hub):
    """A listing says which to look at, and each verdict is from the Space itself."""
    ended = run("pause", "fleet/demo-*")
    reads = [request for request in hub.requests if request.method == "GET" and "/fleet/" in request.path]
    assert (ended.result, len(writes(hub)), len(reads)) == ("ok", 20, 40)
    assert {one["stage"] for one in ended.spaces} == {"PAUSED"}


def test_a_bulk_restart_is_watched_by_listings(run, fleet, hub):
    """A listing a round, and a look of its own only for news: once it moves, and once it runs again."""
    ended = run("restart", "fleet/demo-*")
    own = [request for request in hub.requests if request.path.endswith("/runtime")]
    assert (ended.result, {one["commit"] for one in ended.spaces}) == ("ok", {NEW})
    assert len(own) == 2 * 20


def test_named_spaces_of_one_owner_share_a_listing_too(run, fleet, hub):
    """Once there are more of them than pages."""
    run("restart", *(f"fleet/demo-{number:02}" for number in range(5)))
    assert sum(request.path == "/api/spaces" for request in hub.requests) > 5


@pytest.mark.parametrize("sha", list(ListingSha))
@pytest.mark.parametrize("lag", [0, 20, 90])
def test_a_lagging_listing_makes_no_wrong_verdict(run, fleet, lag, sha):
    """A listing may be late and may lack the commit: each Space still ends ok on the new commit, not before it runs."""
    fleet.listing_lag, fleet.listing_sha = lag, sha
    ended = run("restart", "fleet/demo-0*")
    assert [(one["result"], one["commit"]) for one in ended.spaces] == [("ok", NEW)] * 10
    assert all(one["elapsed"] >= 70 for one in ended.spaces)


def test_a_wait_does_not_end_on_the_listing_it_chose_from(run, world, clock):
    """The listing still shows the build before, on what was the head then; the Space's own runtime does not."""
    timeline = (Phase(10, "RUNNING_BUILDING", head=NEW), Phase(40, "RUNNING", commit=HEAD))
    world.add(Space(id="acme/late", commit=OLD, head=OLD, timeline=timeline))
    clock.advance(15)
    world.listing_lag = 10
    ended = run("wait", "acme/la*")
    assert (ended.result, ended.outputs["commit"], ended.elapsed >= 25) == ("ok", NEW, True)


def test_a_listing_that_shows_an_older_move_is_not_believed(run, world, clock):
    """Before the step the Space was building; the late listing shows just that, while the old build still runs."""
    for name in ("acme/one", "acme/two"):
        world.add(Space(id=name, commit=OLD, head=OLD, stage="BUILDING", timeline=(Phase(5, "RUNNING", commit=HEAD),),
                        scripts={"restart": (Phase(30, "RUNNING_BUILDING"), Phase(55, "RUNNING", commit=HEAD))}))  # fmt: skip
    clock.advance(10)
    world.listing_lag = 8
    ended = run("restart", "acme/one", "acme/two", commit="any")
    assert all(one["elapsed"] >= 55 for one in ended.spaces)


def test_an_app_that_does_not_answer_yet_is_asked_again(run, fleet, hub):
    """A listing tells nothing of its health, however long it shows the same stage."""
    hub.inject(Fault(kind=Kind.STATUS, status=503, path="/_apps/", times=30))
    ended = run("restart", *(f"fleet/demo-{number:02}" for number in range(5)), health_check="/", timeout="5m")
    assert ({one["result"] for one in ended.spaces}, len(hub.visits)) == ({"ok"}, 30 + 5)


@pytest.mark.parametrize(("commit", "soonest"), [("auto", 55), ("head", 55), ("any", 60)])
def test_a_bulk_wait_is_not_fooled_by_a_listing_from_before_it(run, world, clock, commit, soonest):
    """It shows a build that is over, of a head that is none any more; the old build runs, and the new one comes later."""
    script = (Phase(20, "RUNNING_BUILDING"), Phase(46, "RUNNING", commit=HEAD))
    for name in ("acme/one", "acme/two"):
        world.add(
            Space(
                id=name,
                commit=OLD,
                head=OLD,
                stage="BUILDING",
                timeline=(Phase(5, "RUNNING", commit=HEAD),),
                scripts={"push": script},
            )
        )
    clock.advance(9)
    for name in ("acme/one", "acme/two"):
        world.push(name, NEW)
    clock.advance(1)
    world.listing_lag = 8
    ended = run("wait", "acme/*", commit=commit, with_stage="BUILDING")
    assert {(one["result"], one["commit"]) for one in ended.spaces} == {("ok", NEW)}
    assert all(one["elapsed"] + 10 >= soonest for one in ended.spaces)


def test_one_failing_space_stops_none_of_the_others(run, fleet, hub):
    """Each has its own result."""
    hub.inject(Fault(kind=Kind.STATUS, status=403, method="POST", path="demo-07"))
    ended = run("pause", "fleet/demo-*")
    assert (ended.status, ended.outputs["failed"]) == (3, "1")
    assert sum(one["result"] == "ok" for one in ended.spaces) == 19


def test_no_429_is_provoked(run, fleet, hub):
    """Writes and looks keep a reserve of the quota that the Hub reports."""
    fleet.meter = Meter(quota=110)
    ended = run("restart", "fleet/demo-*", timeout="1h")
    assert (ended.result, {request.status for request in hub.requests}) == ("ok", {200})


def test_a_write_waits_for_the_quota_that_waiting_needs(run, fleet, clock, hub):
    """Where little more is left than that, and the time for it."""
    fleet.meter = Meter(quota=61)
    ended = run("pause", "fleet/demo-00")
    sent = [request.at for request in hub.requests if request.method == "POST"]
    assert (ended.result, sent, "the Hub's quota is nearly spent; going on in 301 s" in ended.log) == (
        "ok",
        [301.0],
        True,
    )
    clock.advance(300)
    began = clock.now()
    assert run("pause", "fleet/demo-01", timeout="1m").result == "ok"
    assert clock.now() - began < 60


def test_what_goes_wrong_in_a_thread_is_raised_and_nothing_more_is_begun():
    """An error that was not foreseen is not a result of one Space: it is a bug."""
    begun = []

    def work(item: int) -> None:
        begun.append(item)
        raise ZeroDivisionError(item)

    with pytest.raises(ZeroDivisionError):
        run_parallel(range(100), work, width=2)
    assert 1 <= len(begun) <= 2


def test_at_most_max_parallel_writes_at_once(run, fleet, monkeypatch):
    """Counted where they are sent."""
    running, peak, lock, full = 0, 0, threading.Lock(), threading.Event()
    real = Hub.send

    def send(hub, write, space):
        nonlocal running, peak
        with lock:
            running += 1
            peak = max(peak, running)
            if running == 3:
                full.set()
        full.wait(PATIENCE)  # nobody goes on before three have begun
        time.sleep(0.01)  # in which a fourth would
        try:
            return real(hub, write, space)
        finally:
            with lock:
                running -= 1

    monkeypatch.setattr(Hub, "send", send)
    run("pause", "fleet/demo-*", max_parallel="3")
    assert peak == 3


# ---- hardware and sleep time ----


def test_hardware_is_asked_for_and_waited_for(run, world, hub):
    """Not only RUNNING, but on the new hardware, with the price before and after."""
    ended = run("hardware", "acme/demo", hardware="t4-small", commit="any")
    assert (ended.result, ended.outputs["hardware"], ended.outputs["requested-hardware"]) == (
        "ok",
        "t4-small",
        "t4-small",
    )
    assert "cpu-basic → t4-small ($0.40/h)" in ended.summary
    assert ended.outputs["hourly-cost"] == "0.40"
    assert "$0.40 an hour, before $0.00" in ended.log


def test_the_hardware_of_many_is_watched_by_listings(run, fleet, hub):
    """What a listing says of other hardware is news, and read from the runtime itself."""
    ended = run("hardware", "fleet/demo-*", hardware="a10g-small", commit="any")
    assert (ended.result, {one["hardware"] for one in ended.spaces}) == ("ok", {"a10g-small"})
    assert sum(request.path.endswith("/runtime") for request in hub.requests) <= 3 * 20


def test_hardware_that_is_there_already_is_unchanged(run, world, hub):
    """Nothing is sent, also where the Hub says no more than what runs."""
    world.add(Space(id="acme/gpu", hardware="t4-small"))
    world.add(Space(id="acme/brief", runtime_extra={"hardware": {"current": "t4-small"}}))
    for name in ("acme/gpu", "acme/brief"):
        assert run("hardware", name, hardware="t4-small").result == "unchanged" and not writes(hub)


def test_an_unknown_flavor_gets_the_nearest_name(run):
    """From the Hub's own list, when the Hub refuses it."""
    ended = run("hardware", "acme/demo", hardware="t4-smal")
    assert (ended.status, "Did you mean t4-small?" in ended.outputs["message"]) == (1, True)


def test_a_flavor_that_the_hub_knows_is_refused_with_its_own_reason(run, world):
    """There is no better name for it."""
    ended = run("hardware", "acme/demo", hardware="cpu-basic", sleep_time="15m")
    assert (
        ended.status,
        "Cannot change the sleep time for cpu-basic Spaces. Request id: Root=1-" in ended.outputs["message"],
    ) == (1, True)


def test_hardware_needs_a_flavor(run, hub):
    """As sleep-time needs a time."""
    assert run("hardware", "acme/demo").status == run("sleep-time", "acme/demo").status == 2 and not hub.requests


def test_sleep_time_is_set(run, world):
    """A duration, or never."""
    world.add(Space(id="acme/gpu", hardware="t4-small", sleep_time=None))
    assert run("sleep-time", "acme/gpu", sleep_time="15m").outputs["sleep-time"] == "900"
    assert run("sleep-time", "acme/gpu", sleep_time="15m").result == "unchanged"
    assert run("sleep-time", "acme/gpu", sleep_time="never").result == "ok"
    assert run("sleep-time", "acme/gpu", sleep_time="never").result == "unchanged"


def test_sleep_time_of_free_hardware_is_refused_with_the_hubs_reason(run):
    """It is fixed at two days."""
    ended = run("sleep-time", "acme/demo", sleep_time="15m")
    assert (ended.status, "Cannot change the sleep time for cpu-basic" in ended.outputs["message"]) == (1, True)


# ---- wake ----


def test_wake_visits_a_sleeping_space(run, world, hub):
    """A visit is enough: nothing is sent to the Hub's own API but looks."""
    world.add(Space(id="acme/asleep", stage="SLEEPING", commit=None))
    ended = run("wake", "acme/asleep")
    assert (ended.result, ended.outputs["stage"], writes(hub)) == ("ok", "RUNNING", [])
    assert any("_apps" in request.path for request in hub.visits)


def test_wake_of_a_running_space_is_unchanged(run, hub):
    """It is awake."""
    assert run("wake", "acme/demo").result == "unchanged" and not hub.visits


def test_wake_restarts_what_a_visit_does_not_move(run, world, hub):
    """A paused Space, after settle."""
    world.add(Space(id="acme/paused", stage="PAUSED", commit=None))
    ended = run("wake", "acme/paused", settle="20s")
    assert (ended.result, writes(hub), ended.elapsed >= 20) == ("ok", ["restart"], True)


def test_wake_restarts_what_has_no_address(run, hub):
    """There is nothing to visit where the Hub names no host."""
    bare = {"id": "acme/demo", "sdk": "gradio", "runtime": {"stage": "SLEEPING"}}
    hub.inject(Fault(kind=Kind.WRONG_TYPE, path="/api/spaces/acme/demo$", body=bare))
    ended = run("wake", "acme/demo", commit="any")
    assert (ended.result, writes(hub), hub.visits) == ("ok", ["restart"], [])


def test_wake_of_a_static_space_is_unchanged(run, world, hub):
    """It runs, too; there is nothing to do."""
    world.add(Space(id="acme/page", sdk="static", hardware=None))
    assert run("wake", "acme/page").result == "unchanged"


def test_wake_restarts_nothing_that_is_moving_already(run, world, hub):
    """A long build is not begun again because a visit changes nothing about it."""
    world.add(Space(id="acme/new", stage="BUILDING", commit=None, timeline=(Phase(200, "RUNNING", commit=HEAD),)))
    ended = run("wake", "acme/new")
    assert (ended.result, ended.outputs["changed"], writes(hub)) == ("unchanged", "false", [])


def test_wake_need_not_be_waited_for(run, world, hub):
    """A visit that moves the Space is the end of it."""
    world.add(Space(id="acme/asleep", stage="SLEEPING", commit=None))
    ended = run("wake", "acme/asleep", wait_for_stage="none")
    assert (ended.result, ended.outputs["changed"], ended.outputs["stage"]) == ("ok", "true", "APP_STARTING")
    assert "visited, not waited for; APP_STARTING" in ended.outputs["message"]


def test_wake_has_no_time_for_a_restart_where_the_budget_is_shorter_than_settle(run, world, hub):
    """It says so, and nothing is sent."""
    world.add(Space(id="acme/asleep", stage="SLEEPING", commit=None, scripts={"visit": ()}))
    ended = run("wake", "acme/asleep", timeout="30s")
    assert (ended.status, ended.result, writes(hub)) == (4, "timed-out", [])
    assert "Give more timeout than settle (60 s)" in ended.outputs["message"]


def test_wake_without_a_token_tries_a_visit_and_says_what_is_missing(run, world, hub):
    """A visit needs no rights, a restart does."""
    world.add(Space(id="acme/asleep", stage="SLEEPING", commit=None))
    world.add(Space(id="acme/paused", stage="PAUSED", commit=None))
    assert run("wake", "acme/asleep", token=None).result == "ok"
    ended = run("wake", "acme/paused", token=None, settle="5s")
    assert (ended.result, writes(hub)) == ("denied", [])


# ---- cost ----


def test_a_pause_says_what_it_saves(run, fleet):
    """Twenty Spaces at 40 cents an hour."""
    ended = run("pause", "fleet/demo-*")
    assert (ended.outputs["hourly-cost"], ended.outputs["hourly-saved"]) == ("0.00", "8.00")
    assert (
        "Estimate" in ended.summary
        and "$96.00 a night" in ended.summary
        and "$8.00 an hour no longer runs" in ended.log
    )


def test_without_a_price_list_everything_works(run, fleet, hub):
    """The columns are empty."""
    hub.inject(Fault(kind=Kind.STATUS, status=404, method="GET", path="/api/spaces/hardware", times=None))
    ended = run("pause", "fleet/demo-*")
    assert (ended.result, ended.outputs["hourly-cost"], ended.outputs["hourly-saved"]) == ("ok", "", "")


def test_the_matrix_has_every_space(run, fleet):
    """For the workflow's own matrix."""
    entries = json.loads(run("list", "fleet/demo-*").outputs["matrix"])["include"]
    assert entries[0] == {"space-id": "fleet/demo-00"} and len(entries) == 20


def test_a_hub_without_listings_is_watched_one_by_one(run, fleet, hub):
    """A refused listing is not asked for again, and costs nothing but the one request."""
    hub.inject(Fault(kind=Kind.STATUS, status=404, method="GET", path="/api/spaces$", times=None))
    ended = run("restart", *(f"fleet/demo-{number:02}" for number in range(3)))
    assert (ended.result, sum(request.path == "/api/spaces" for request in hub.requests)) == ("ok", 1)


def test_a_listing_that_fails_for_a_while_is_looked_past(run, fleet, hub):
    """As any other look."""
    hub.inject(Fault(kind=Kind.STATUS, status=503, method="GET", path="/api/spaces$", skip=2, times=3))
    assert run("restart", "fleet/demo-*").result == "ok"


def test_a_restart_that_fails_saves_nothing(run, world):
    """What does not run because it broke is not a saving."""
    script = (Phase(1, "BUILDING"), Phase(9, "BUILD_ERROR"))
    world.add(Space(id="acme/gpu", hardware="t4-small", scripts={"restart": script}))
    assert run("restart", "acme/gpu").outputs["hourly-saved"] == "0.00"


@pytest.mark.parametrize(("cap", "looks"), [(1000, "by listings"), (100, "alone")])
def test_a_few_of_many_share_a_listing_where_it_takes_fewer_requests(run, fleet, hub, cap, looks):
    """Three Spaces of an owner of three hundred: a look at each takes three requests, and so do three pages of 100."""
    hub.api.page_cap = cap
    for number in range(300):
        fleet.add(Space(id=f"fleet/other-{number:03}"))
    run("restart", "fleet/demo-00", "fleet/demo-01", "fleet/demo-02")
    listings = sum(request.path == "/api/spaces" for request in hub.requests)
    assert listings > 5 if looks == "by listings" else listings == -(-321 // cap)
