"""What public reports tell of the Hub, each brought about here: accounts, names, listings, streams, odd answers.

Source: tests/samples/evidence.json. How sure each is: simhub/DIFFERENCES.md.
"""

import json
import re

import httpx2
import pytest
from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError

from simhub.access import Token
from simhub.clock import FakeClock
from simhub.faults import EDGE_BLOCKS, EDGE_IN_TROUBLE, GONE, SLOW_RESTART, Fault, Kind
from simhub.limits import limit_free, reach_spend_limit
from simhub.scenarios import NEW, NEWER, OLD
from simhub.server import serve
from simhub.world import BLOCKED, COLLISION, FREE_QUOTA_EXCEEDED, Phase, Space, StatusEvents, World
from tests.simhub.test_honesty import SAMPLES

AUTHORIZED = {"Authorization": "Bearer hf_simulatedwrite"}


@pytest.fixture
def api(hub):
    return HfApi(endpoint=hub.url, token="hf_simulatedwrite")


def sampled(situation):
    """Return the one sample of that situation."""
    (row,) = [row for row in json.loads((SAMPLES / "evidence.json").read_text()) if row.get("situation", "").startswith(situation)]
    return row


# The quota of free hardware, spend limits, blocks


def test_without_a_quota_of_free_hardware_the_hub_pauses_and_refuses_a_restart(hub, api):
    hub.world.add(Space(id="demo/one"))
    limit_free(hub.world, "demo", quota=0)
    shown = api.get_space_runtime("demo/one").raw
    value = sampled("paused by the Hub itself: no quota")["value"]
    assert {key: shown[key] for key in value} == value
    with pytest.raises(HfHubHTTPError) as refused:
        api.restart_space("demo/one")
    answer = sampled("restart without quota")
    assert (refused.value.response.status_code, refused.value.response.json()) == (answer["status"], answer["body"])
    assert refused.value.response.headers["x-request-id"]


def test_a_quota_of_free_hardware_counts_what_runs(hub, api):
    """Pausing another makes room; paid hardware and other owners do not count."""
    for name in ("one", "two", "three"):
        hub.world.add(Space(id=f"demo/{name}"))
    hub.world.add(Space(id="demo/paid", stage="PAUSED", hardware="t4-small"))
    hub.world.add(Space(id="other/one"))
    limit_free(hub.world, "demo", quota=2)
    assert [hub.world.state(f"demo/{name}").stage for name in ("one", "two", "three")] == ["RUNNING", "RUNNING", "PAUSED"]
    assert hub.world.state("other/one").stage == "RUNNING"
    api.restart_space("demo/paid")
    with pytest.raises(HfHubHTTPError, match="403"):
        api.restart_space("demo/three", factory_reboot=True)
    api.pause_space("demo/one")
    assert api.restart_space("demo/three").stage == "BUILDING"


def test_a_spend_limit_pauses_what_is_paid_and_refuses_as_if_rights_lacked(hub, api):
    hub.world.add(Space(id="demo/free"))
    hub.world.add(Space(id="demo/paid", hardware="t4-small"))
    reach_spend_limit(hub.world, "demo")
    assert [hub.world.state(id).stage for id in ("demo/free", "demo/paid")] == ["RUNNING", "PAUSED"]
    for write in (lambda: api.request_space_hardware("demo/free", "t4-small"), lambda: api.restart_space("demo/paid")):
        with pytest.raises(HfHubHTTPError, match="required permissions") as refused:
            write()
        assert refused.value.response.status_code == 403
    assert api.request_space_hardware("demo/free", "cpu-basic").requested_hardware == "cpu-basic"
    assert api.restart_space("demo/free").stage == "RUNNING_BUILDING"


def test_hardware_that_has_no_price_can_be_restarted(hub, api):
    """As ZeroGPU's is not in the list of flavors."""
    hub.world.add(Space(id="demo/zero", hardware="zero-a10g"))
    reach_spend_limit(hub.world, "demo")
    assert api.restart_space("demo/zero").stage == "RUNNING_BUILDING"


def test_a_space_that_rests_may_say_why(hub, api, clock):
    """From the start, or once the Hub pauses it during a wait."""
    hub.world.add(Space(id="demo/blocked", stage="PAUSED", error=BLOCKED))
    assert api.get_space_runtime("demo/blocked").raw["errorMessage"] == sampled("blocked")["value"]["errorMessage"]
    hub.world.add(Space(id="demo/quota", timeline=(Phase(5, "PAUSED", error=FREE_QUOTA_EXCEEDED),)))
    clock.sleep(5)
    assert api.get_space_runtime("demo/quota").raw["errorMessage"] == FREE_QUOTA_EXCEEDED


# Restarts


def test_a_factory_reboot_of_a_paused_space_leaves_it_paused(hub, api, clock):
    """A plain restart starts it, and a script of its own may do so, too."""
    hub.world.add(Space(id="demo/one", stage="PAUSED"))
    assert api.restart_space("demo/one", factory_reboot=True).stage == "PAUSED"
    clock.sleep(60)
    assert api.get_space_runtime("demo/one").stage == "PAUSED"
    assert api.restart_space("demo/one").stage == "BUILDING"
    hub.world.add(Space(id="demo/two", stage="PAUSED", scripts={"factory": (Phase(0, "BUILDING"),)}))
    assert api.restart_space("demo/two", factory_reboot=True).stage == "BUILDING"


def test_a_slow_restart_answers_504_after_its_effect(hub, api):
    hub.world.add(Space(id="demo/one", stage="PAUSED"))
    hub.inject(SLOW_RESTART)
    sample = sampled("slow restart")
    with pytest.raises(HfHubHTTPError) as failed:
        api.restart_space("demo/one")
    assert failed.value.response.status_code == sample["status"]
    assert sample["body_contains"] in failed.value.response.text
    assert api.get_space_runtime("demo/one").stage == "BUILDING"


def test_one_name_for_a_variable_and_a_secret_ends_in_config_error(hub, api, clock):
    """At the next build."""
    hub.world.add(Space(id="demo/one"))
    api.add_space_variable("demo/one", "NAME", "1")
    api.add_space_secret("demo/one", "NAME", "2")
    api.restart_space("demo/one")
    clock.sleep(30)
    sample = sampled("one name is a variable and a secret")["value"]
    assert {key: api.get_space_runtime("demo/one").raw[key] for key in sample} == sample
    assert sample["errorMessage"] == COLLISION
    api.delete_space_secret("demo/one", "NAME")
    api.restart_space("demo/one")
    clock.sleep(30)
    assert api.get_space_runtime("demo/one").stage == "RUNNING"


@pytest.mark.parametrize("told", [True, False])
def test_a_hot_reload_serves_without_a_restart(hub, api, clock, told):
    """Whether `sha` tells the new commit is not known, so it is a switch."""
    hub.world.add(Space(id="demo/one", head=OLD, hot_reload_sha=told))
    hub.world.push("demo/one", sha=NEW, hot_reload=True)
    info = api.space_info("demo/one")
    assert (info.sha, info.runtime.stage, info.runtime.raw["sha"]) == (NEW, "RUNNING", NEW if told else OLD)
    assert (info.runtime.hot_reloading.status, len(info.runtime.hot_reloading.replica_statuses)) == ("created", 1)
    clock.sleep(60)
    assert api.get_space_runtime("demo/one").stage == "RUNNING"
    hub.world.push("demo/one", sha=NEWER)
    clock.sleep(30)
    runtime = api.get_space_runtime("demo/one")
    assert (runtime.raw["sha"], runtime.hot_reloading) == (NEWER, None)


def test_in_dev_mode_a_push_rebuilds_nothing(hub, api, clock):
    hub.world.add(Space(id="demo/one", head=OLD, dev_mode=True))
    hub.world.push("demo/one", sha=NEW)
    clock.sleep(600)
    info = api.space_info("demo/one")
    assert (info.runtime.dev_mode, info.runtime.raw["sha"], info.sha) == (True, OLD, NEW)


@pytest.mark.parametrize("replicas", [{"current": 3, "requested": "auto"}, {"current": None}])
def test_replicas_may_be_odd(hub, api, replicas):
    """In all stages, or in one."""
    hub.world.add(Space(id="demo/one", runtime_extra={"replicas": replicas}))
    assert api.get_space_runtime("demo/one").raw["replicas"] == replicas
    hub.world.add(Space(id="demo/two", timeline=(Phase(0, "RUNNING", runtime={"replicas": replicas}),)))
    assert api.get_space_runtime("demo/two").raw["replicas"] == replicas
    hub.world.pause("demo/two")
    assert api.get_space_runtime("demo/two").raw["replicas"] == {"requested": 1}


# Comings, goings and names


def test_the_head_may_be_told_late(hub, api, clock):
    hub.world.add(Space(id="demo/one", head=OLD, head_lag=30))
    hub.world.push("demo/one", sha=NEW)
    for head, served, seconds in ((OLD, OLD, 25), (OLD, NEW, 5), (NEW, NEW, 0)):
        info = api.space_info("demo/one")
        assert (info.sha, info.runtime.raw["sha"]) == (head, served)
        clock.sleep(seconds)
    assert info.last_modified.isoformat() == "2026-08-01T12:00:00+00:00"


def test_a_new_space_may_not_be_known_for_some_seconds(hub, api, clock):
    hub.world.add(Space(id="demo/one", unknown_for=4))
    with pytest.raises(RepositoryNotFoundError):
        api.space_info("demo/one")
    assert list(api.list_spaces()) == []
    assert hub.world.next_change() == 4
    clock.sleep(4)
    assert api.space_info("demo/one").id == "demo/one"


def test_a_space_may_be_deleted_while_somebody_waits(hub, api, clock):
    hub.world.add(Space(id="demo/one"))
    hub.world.delete("demo/one", after=10)
    assert api.get_space_runtime("demo/one").stage == "RUNNING"
    clock.sleep(10)
    with pytest.raises(RepositoryNotFoundError, match="404"):
        api.get_space_runtime("demo/one")
    hub.inject(GONE)
    assert httpx2.get(f"{hub.url}/api/spaces/demo/one").status_code == 410


def test_a_token_may_expire_while_somebody_waits(clock):
    token = Token(name="demo", owners=frozenset({"demo"}), writes=frozenset({"demo"}), expires=60)
    world = World(now=clock.now, tokens={"hf_short": token})
    world.add(Space(id="demo/one", private=True))
    with serve(world) as hub:
        api = HfApi(endpoint=hub.url, token="hf_short")
        app = f"{hub.url}/_apps/demo/one"
        assert api.get_space_runtime("demo/one").stage == "RUNNING"
        clock.sleep(60)
        with pytest.raises(HfHubHTTPError, match="Invalid credentials"):
            api.get_space_runtime("demo/one")
        assert httpx2.get(app, headers={"X-HF-Authorization": "Bearer hf_short"}).status_code == 404


def test_a_renamed_space_is_found_under_its_old_name(hub, api, clock):
    """By a redirect on the same host; the answer bears the new name."""
    hub.world.add(Space(id="demo/old", likes=3))
    hub.world.rename("demo/old", "demo/new", after=10)
    assert api.space_info("demo/old").id == "demo/old"
    clock.sleep(10)
    answer = httpx2.get(f"{hub.url}/api/spaces/demo/old?expand=likes")
    assert (answer.status_code, answer.headers["location"]) == (307, "/api/spaces/demo/new?expand=likes")
    info = api.space_info("demo/old")
    assert (info.id, info.likes, info.subdomain) == ("demo/new", 3, "demo-new")
    assert api.get_space_runtime("demo/old").stage == "RUNNING"
    assert [space.id for space in api.list_spaces()] == ["demo/new"]
    assert api.pause_space("demo/old").stage == "PAUSED"
    assert hub.world.state("demo/new").stage == "PAUSED"


# Listings


def test_a_listed_space_that_is_paused_lacks_what_is_not_needed_to_start_it(hub, api):
    """Unless the switch says otherwise; a look at the Space itself has everything."""
    hub.world.add(Space(id="demo/one", stage="PAUSED", hardware=None))
    (listed,) = api.list_spaces(expand=["runtime"])
    assert listed.runtime.raw == sampled("paused, as an entry of a listing")["value"]
    assert {"gcTimeout", "domains", "devMode"} <= api.get_space_runtime("demo/one").raw.keys()
    hub.world.listing_bare = False
    (listed,) = api.list_spaces(expand=["runtime"])
    assert {"gcTimeout", "domains", "devMode"} <= listed.runtime.raw.keys()


def test_a_listing_tells_the_subdomain_when_it_is_asked_to(hub, api):
    domains = [{"domain": "older-name.hf.space", "stage": "READY"}]
    hub.world.add(Space(id="demo/one_Two", runtime_extra={"domains": domains}))
    (listed,) = api.list_spaces(expand=["subdomain"])
    assert listed.subdomain == "demo-one-two"


@pytest.mark.parametrize(("limit", "cap", "first"), [(None, 1000, 100), (1000, 1000, 1000), (1000, 500, 500), (1000, 30, 30), (None, 30, 30)])
def test_larger_pages_can_be_asked_for_up_to_a_cap(world, limit, cap, first):
    for number in range(1500):
        world.add(Space(id=f"demo/{number}"))
    with serve(world, page_cap=cap) as hub, httpx2.Client(base_url=hub.url) as client:
        answer = client.get("/api/spaces", params={} if limit is None else {"limit": limit})
        pages, listed = 1, answer.json()
        assert len(listed) == first
        while "next" in answer.links:
            answer = client.get(answer.links["next"]["url"])
            pages, listed = pages + 1, listed + answer.json()
    assert (len({entry["id"] for entry in listed}), pages) == (1500, -(-1500 // first))


def test_a_space_may_be_listed_late_by_itself_or_in_one_property(hub, api, clock):
    hub.world.add(Space(id="demo/all", head=OLD, listing_lag=10))
    hub.world.add(Space(id="demo/part", head=OLD, listing_lag={"runtime": 10}))
    hub.world.add(Space(id="demo/none", head=OLD))
    for id in ("demo/all", "demo/part", "demo/none"):
        hub.world.push(id, sha=NEW)
        hub.world.pause(id)
    shown = {space.id: (space.sha, space.runtime.stage) for space in api.list_spaces(expand=["runtime", "sha"])}
    assert shown == {"demo/all": (OLD, "RUNNING"), "demo/part": (NEW, "RUNNING"), "demo/none": (NEW, "PAUSED")}
    clock.sleep(10)
    assert {(space.sha, space.runtime.stage) for space in api.list_spaces(expand=["runtime", "sha"])} == {(NEW, "PAUSED")}


def test_entries_of_a_listing_may_be_odd(hub):
    hub.world.add(Space(id="demo/one"))
    hub.world.listing_odd += [None, {"likes": 3}, "text", {"id": None}]
    listed = httpx2.get(f"{hub.url}/api/spaces").json()
    assert listed[:4] == hub.world.listing_odd
    assert listed[4]["id"] == "demo/one"


# Streams


def lines_of(answer):
    return (line for line in answer.iter_lines() if line)


def test_what_an_app_prints_has_milliseconds_and_no_newline(hub, clock):
    """The header has a newline, and no milliseconds."""
    hub.world.add(Space(id="demo/one", run_log=((7.031, "Server running on port 7860"),), timeline=(Phase(0, "RUNNING"),)))
    clock.sleep(10)
    with httpx2.stream("GET", f"{hub.url}/api/spaces/demo/one/logs/run", headers=AUTHORIZED) as answer:
        lines = lines_of(answer)
        header, line = (json.loads(next(lines).removeprefix("data: ")) for _ in range(2))
    samples = sampled("the header has a newline")["events"]
    for event, sample in zip((header, line), samples, strict=True):
        for field in ("data", "timestamp"):
            assert re.sub(r"\d", "0", event[field]) == re.sub(r"\d", "0", sample[field])


def test_events_of_a_public_space_need_no_token(hub):
    """Those of a private one do."""
    hub.world.add(Space(id="demo/one"))
    hub.world.add(Space(id="demo/closed", private=True))
    with httpx2.stream("GET", f"{hub.url}/api/spaces/demo/one/events") as answer:
        assert (answer.status_code, next(lines_of(answer))) == (200, "event: stage")
    assert httpx2.get(f"{hub.url}/api/spaces/demo/closed/events").status_code == 401


def test_events_are_named_as_sampled(world):
    """With chatter on ZeroGPU."""
    world.add(Space(id="demo/one", stage="APP_STARTING", hardware="zero-a10g"))
    with serve(world, chatter=0.2) as hub, httpx2.stream("GET", f"{hub.url}/api/spaces/demo/one/events") as answer:
        lines = lines_of(answer)
        assert [next(lines) for _ in range(3)] == ["event: stage", "data: APP_STARTING", "event: space"]
        next(lines)
        world.happen("demo/one", event="push", script=(Phase(0, "RUNNING"),))
        told = [next(lines) for _ in range(6)]
    wanted = [line for line in sampled("names seen by two independent readers")["text"].splitlines() if line]
    assert told[:2] + told[4:] == wanted
    assert told[2] == "event: space"


def test_events_may_lie_be_silent_end_or_be_missing(world, clock):
    for mode in StatusEvents:
        world.add(Space(id=f"demo/{mode.name.lower()}", status_events=mode))
    with serve(world, chatter=0.05, keep_alive=0.05) as hub:
        url = f"{hub.url}/api/spaces/demo"
        assert httpx2.get(f"{url}/missing/events").status_code == 404
        assert httpx2.get(f"{url}/ending/events").text == ""
        with httpx2.stream("GET", f"{url}/silent/events") as answer:
            lines = lines_of(answer)
            assert next(lines) == "data:"
            world.pause("demo/silent")
            assert {next(lines) for _ in range(5)} == {"data:"}
        with httpx2.stream("GET", f"{url}/terse/events") as answer:
            lines = lines_of(answer)
            assert next(lines) == "data:"
            world.pause("demo/terse")
            assert "data: PAUSED" in [next(lines) for _ in range(5)]
        with httpx2.stream("GET", f"{url}/lying/events") as answer:
            lines = lines_of(answer)
            told = {next(lines) for _ in range(8)}
            assert {"event: stage", "data: BUILDING"} <= told <= {"event: stage", "data: BUILDING", "data:"}


def test_events_may_come_late_or_cease(world):
    """The stream lives on; a change is told once it is so old, and no more than so many."""
    now = [0.0]
    world = World(now=lambda: now[0])
    script = (Phase(10, "APP_STARTING"), Phase(20, "RUNNING"))
    world.add(Space(id="demo/one", stage="BUILDING", commit=None, timeline=script, events_lag=5, events_told=1))
    with serve(world, keep_alive=0.05) as hub, httpx2.stream("GET", f"{hub.url}/api/spaces/demo/one/events") as answer:
        lines = lines_of(answer)
        assert [next(lines) for _ in range(4)][1] == "data: BUILDING"
        now[0] = 14.0
        assert {next(lines) for _ in range(3)} == {"data:"}
        now[0] = 15.0
        assert "data: APP_STARTING" in [next(lines) for _ in range(3)]
        now[0] = 99.0
        assert "data: RUNNING" not in [next(lines) for _ in range(5)]


@pytest.mark.parametrize("closes", [True, False])
def test_the_log_of_a_build_closes_with_it_or_does_not(world, closes):
    """Whether the real one does is not known."""
    world.add(Space(id="demo/one", stage="BUILD_ERROR", commit=None, log_closes=closes, build_log=((0, "it broke"),)))
    with (
        serve(world, keep_alive=0.05) as hub,
        httpx2.stream("GET", f"{hub.url}/api/spaces/demo/one/logs/build", headers=AUTHORIZED) as answer,
    ):
        lines = lines_of(answer)
        rest = [next(lines, "closed") for _ in range(5)]
    assert rest[-1] == ("closed" if closes else "data:")


# Odd answers


def test_the_edge_may_block_an_address(hub):
    hub.world.add(Space(id="demo/one"))
    hub.inject(EDGE_BLOCKS)
    sample, answer = sampled("the edge blocks"), httpx2.get(f"{hub.url}/api/spaces/demo/one")
    assert (answer.status_code, sample["body_contains"] in answer.text) == (sample["status"], True)
    assert answer.headers["content-type"].startswith(sample["headers"]["Content-Type"])
    assert answer.headers["server"] == sample["headers"]["Server"]
    assert "x-request-id" not in answer.headers


def test_the_edge_may_be_in_trouble_itself(hub):
    hub.world.add(Space(id="demo/one"))
    hub.inject(EDGE_IN_TROUBLE)
    sample, answer = sampled("trouble of the edge"), httpx2.get(f"{hub.url}/_apps/demo/one")
    assert (answer.status_code, sample["body_contains"] in answer.text) == (sample["status"], True)


def test_every_answer_of_the_api_has_a_request_id(hub):
    """Of its own; faults that the Hub explains have one, too."""
    hub.world.add(Space(id="demo/one"))
    answers = [httpx2.get(f"{hub.url}/api/{path}") for path in ("spaces", "spaces/demo/none", "spaces/demo/one/logs/run", "nowhere")]
    ids = [answer.headers["x-request-id"] for answer in answers]
    assert len(set(ids)) == 4 and all(re.fullmatch(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24}", id) for id in ids)
    hub.inject(Fault(Kind.STATUS, status=500))
    assert "x-request-id" in httpx2.get(f"{hub.url}/api/spaces").headers
    with httpx2.stream("GET", f"{hub.url}/api/spaces/demo/one/events") as answer:
        assert "x-request-id" in answer.headers


def test_an_event_may_be_refused_in_the_hubs_words(hub, api):
    hub.world.add(Space(id="demo/one", refusals={"pause": (423, "Not now")}))
    with pytest.raises(HfHubHTTPError, match="Not now") as refused:
        api.pause_space("demo/one")
    assert refused.value.response.status_code == 423
    assert hub.world.state("demo/one").stage == "RUNNING"


def test_a_clock_knows_when_something_changes_next(world):
    """Also when a late head, a deletion or a new name is to be told."""
    clock = FakeClock()
    world = World(now=clock.now)
    world.add(Space(id="demo/one", head_lag=5, events_lag=7, timeline=(Phase(10, "BUILDING"),)))
    world.delete("demo/one", after=40)
    world.rename("demo/one", "demo/two", after=30)
    seen = []
    while (change := world.next_change()) < float("inf"):
        seen.append(change)
        clock.advance(change - clock.now())
    assert seen == [10, 15, 17, 30, 40]
