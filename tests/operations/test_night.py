"""What owners of paid Spaces select by at night: cost, sleep time, age, tags; and a budget for each Space."""

import json
from datetime import timedelta

import pytest

from hf_action.rules.account import account
from hf_action.rules.models import MAX_TAG, MAX_TAGS, NEVER, SpaceInfo, SpaceRuntime, read_space_info
from hf_action.rules.selection import Choice, Facts, Filters, Query, left_out_by
from simhub.faults import Fault, Kind
from simhub.space import Phase
from simhub.world import Space

PRICES = {"cpu-basic": 0.0, "t4-small": 0.4, "a10g-small": 1.0}


@pytest.fixture
def today(world, clock, monkeypatch):
    """The date of the step is that of the simulated Hub."""
    date = world.date(clock.now())
    monkeypatch.setattr("hf_action.step.wall_time", date.timestamp)
    return date


def space(name="acme/demo", *, has=None, asks=None, sleep_time=None, **about) -> SpaceInfo:
    runtime = SpaceRuntime(stage="RUNNING", hardware=has, requested_hardware=asks, sleep_time=sleep_time)
    return SpaceInfo(id=name, runtime=runtime, **({"sdk": "gradio"} | about))


def chosen(found) -> dict[str, str]:
    return {each["id"].partition("/")[2]: each["result"] for each in json.loads(found.outputs["spaces"])}


# ---- by cost ----


@pytest.mark.parametrize(
    ("has", "asks", "paid", "free"),
    [
        ("t4-small", "t4-small", True, False),
        (None, "t4-small", True, False),  # starting, or paused
        ("cpu-basic", "t4-small", True, False),  # on its way to what costs
        ("T4-Small", None, True, False),
        ("cpu-basic", "cpu-basic", False, True),
        (None, "cpu-basic", False, True),
        ("zero-a10g", "zero-a10g", False, False),  # no price is known
        ("cpu-basic", "zero-a10g", False, False),
        ("zero-a10g", "t4-small", True, False),
        (None, None, False, False),  # a static Space has no hardware
    ],
)
def test_paid_is_what_costs_and_free_what_does_not(has, asks, paid, free):
    """By the price list; a flavor without a price is neither."""
    facts = Facts(prices=PRICES)
    seen = space(has=has, asks=asks)
    by = {word: not left_out_by(seen, Filters(costs=frozenset({word}), facts=facts)) for word in ("paid", "free")}
    assert by == {"paid": paid, "free": free}
    assert (left_out_by(seen, Filters(costs=frozenset({"paid", "free"}), facts=facts)) == "") is (paid or free)


def test_a_flavor_may_be_named_beside_a_word():
    """Several values of one filter mean any of them."""
    both = Filters(costs=frozenset({"paid"}), hardware=frozenset({"zero-*"}), facts=Facts(prices=PRICES))
    assert [left_out_by(space(has=flavor), both) for flavor in ("t4-small", "zero-a10g", "cpu-basic")] == [
        "",
        "",
        "with-hardware",
    ]


def test_a_flavor_without_a_price_is_said():
    """Its owner may count on it being paused."""
    facts = Facts(prices=PRICES)
    choice = Choice((), ("acme/*",), Filters(costs=frozenset({"paid"}), facts=facts))
    listed = [space("acme/a", has="zero-a10g"), space("acme/b", has="t4-small"), space("acme/c", has="cpu-basic")]
    told = account(choice, (), {Query("acme", None): listed})
    assert (
        told.line == "selected 1 Space: 1 by acme/*; left out 1 by with-hardware, 1 by with-hardware (price not known)"
    )
    assert told.warnings == (
        "with-hardware: the Hub's price list does not have zero-a10g, so its Spaces are neither paid nor free; "
        "add the name of the flavor to select them.",
    )


@pytest.mark.parametrize("word", ["paid", "free", "PAID,t4-*"])
def test_the_price_list_is_asked_for_once(word, run, world, hub):
    """Also where costs are told at the end."""
    world.add(Space(id="acme/gpu", hardware="t4-small"))
    found = run("list", "acme/*", with_hardware=word)
    assert found.result == "ok" and found.outputs["hourly-cost"] in ("0.40", "")
    assert sum(request.path == "/api/spaces/hardware" for request in hub.requests) == 1


def test_the_price_list_is_not_asked_for_without_need(run, hub):
    """A flavor is told by its name."""
    run("list", "acme/*", with_hardware="cpu-*")
    assert not any(request.path == "/api/spaces/hardware" for request in hub.requests)


def test_without_a_price_list_nothing_is_selected_wrongly(run, world, hub):
    """The step fails, and says what to write instead."""
    world.add(Space(id="acme/gpu", hardware="t4-small"))
    hub.inject(Fault(kind=Kind.STATUS, status=503, path="/api/spaces/hardware", times=None))
    found = run("pause", "acme/*", with_hardware="paid")
    assert (found.status, found.result) == (1, "failed")
    assert "does not give its price list" in found.outputs["message"] and "t4-*" in found.outputs["message"]
    assert not any(request.method == "POST" for request in hub.requests)


# ---- by sleep time ----


@pytest.mark.parametrize(
    ("wanted", "known", "label"),
    [
        (NEVER, NEVER, ""),
        (NEVER, 3600, "with-sleep-time"),
        (7200, NEVER, ""),
        (7200, 7200, ""),
        (7200, 7199, "with-sleep-time"),
        (7200, None, "with-sleep-time (not known)"),
        (None, None, ""),
    ],
)
def test_a_sleep_time_is_never_or_at_least(wanted, known, label):
    """What is never put to sleep has the longest of all; what is not known is left out, and that is said."""
    assert left_out_by(space(sleep_time=known), Filters(sleep_time=wanted)) == label


def test_free_hardware_is_put_to_sleep_whatever_the_hub_says():
    """Never is said of paid hardware only: the sleep time of free hardware is fixed (docs/contract.md, Inputs)."""
    free = space(sleep_time=NEVER, has="cpu-basic", asks="cpu-basic")
    assert left_out_by(free, Filters(sleep_time=NEVER)) == "with-sleep-time"
    upgraded = space(sleep_time=NEVER, has="cpu-basic", asks="t4-small")
    assert left_out_by(upgraded, Filters(sleep_time=NEVER)) == ""


def test_a_static_space_has_no_sleep_time(run, world, hub):
    """So it is not asked for one either."""
    world.add(Space(id="acme/site", sdk="static", hardware=None, commit=None))
    found = run("list", "acme/*", with_sleep_time="never")
    assert "left out 2 by with-sleep-time" in found.log
    assert not any(request.path.startswith("/api/spaces/acme/site") for request in hub.requests)


def test_what_a_listing_does_not_tell_is_read(run, world, hub):
    """A listing says nothing of the sleep time of a paused Space; only those are looked at that it decides on."""
    world.add(Space(id="acme/never", stage="PAUSED", hardware="t4-small", sleep_time=None, commit=None))
    world.add(Space(id="acme/soon", stage="PAUSED", hardware="t4-small", sleep_time=300, commit=None))
    world.add(Space(id="acme/other", stage="PAUSED", hardware="a10g-small", sleep_time=None, commit=None))
    found = run("list", "acme/*", with_sleep_time="never", with_hardware="t4-*")
    assert chosen(found) == {"never": "ok"}
    looked = sorted(request.path for request in hub.requests if request.path.startswith("/api/spaces/acme/"))  # side by side
    assert looked == ["/api/spaces/acme/never", "/api/spaces/acme/soon"]


def test_a_space_that_cannot_be_read_is_left_out_and_said(run, world, hub):
    """Its sleep time stays unknown."""
    world.add(Space(id="acme/gone", stage="PAUSED", hardware="t4-small", sleep_time=None, commit=None))
    hub.inject(Fault(kind=Kind.STATUS, status=404, path="/api/spaces/acme/gone", times=None))
    found = run("list", "acme/*", with_sleep_time="never")
    assert "acme/gone: its sleep time is not known" in found.log
    assert "1 by with-sleep-time (not known)" in found.log


@pytest.mark.parametrize(("timeout", "result"), [("20m", "ok"), ("20s", "timed-out")])
def test_sleep_times_are_read_within_the_quota(timeout, result, run, world, hub, monkeypatch):
    """The step waits for more requests, or says that there is no time for it."""
    world.add(Space(id="acme/never", stage="PAUSED", hardware="t4-small", sleep_time=None, commit=None))
    left = [120.0, 0.0]
    monkeypatch.setattr("hf_action.hub.client.Hub.quota_wait", lambda *_: left.pop(0) if left else 0.0)
    found = run("list", "acme/*", with_sleep_time="never", timeout=timeout)
    assert found.result == result
    assert ("going on in 120 s" if result == "ok" else "the Hub's quota does not allow") in found.log


# ---- by age ----


@pytest.mark.parametrize(
    ("date", "label"),
    [
        ("2026-01-01T00:00:00.000Z", ""),
        ("2026-01-18T00:00:00.000Z", ""),
        ("2026-01-18T00:00:00", ""),  # without a zone it is in UTC
        ("2026-01-18T00:00:01.000Z", "unmodified-for"),
        ("2027-01-01T00:00:00.000Z", "unmodified-for"),
        (None, "unmodified-for (date not known)"),
        ("yesterday", "unmodified-for (date not known)"),
        ("2026-01-01T00:00:00+01:00", "unmodified-for (date not known)"),  # the Hub writes none such
    ],
)
def test_unmodified_is_long_ago(date, label):
    """A date that is absent, or is not one, is not long ago: the Space is left alone."""
    filters = Filters(unmodified_for=14 * 86_400.0, facts=Facts(unmodified_since="2026-01-18T00:00:00"))
    assert left_out_by(space(last_modified=date), filters) == label


def test_old_spaces_are_selected_by_the_date_of_their_repository(run, world, today):
    """A restart does not make a Space new."""
    for name, days in (("old", 20), ("new", 2)):
        date = (today - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        world.add(Space(id=f"acme/{name}", hardware="t4-small", last_modified=date))
    found = run("pause", "acme/*", unmodified_for="14d", exclude="acme/demo")
    assert chosen(found) == {"old": "ok"}
    assert "left out 1 by exclude, 1 by unmodified-for" in found.log


# ---- by tag ----


def test_a_tag_lets_owners_decide(run, world):
    """In any case, from the card."""
    world.add(Space(id="acme/shop", hardware="t4-small", card_tags=("demo", "Keep-Alive")))
    world.add(Space(id="acme/toy", hardware="t4-small", card_tags=("demo",)))
    found = run("pause", "acme/*", exclude_tag="keep-alive, always on", with_hardware="paid")
    assert chosen(found) == {"toy": "ok"}
    assert "left out 1 by exclude-tag, 1 by with-hardware" in found.log
    assert world.state("acme/shop").stage == "RUNNING"


def test_a_named_space_with_the_tag_is_left_out_too(run, world):
    """And the message names the input."""
    world.add(Space(id="acme/shop", card_tags=("keep-alive",)))
    found = run("pause", "acme/shop", exclude_tag="keep-alive")
    assert (found.result, found.outputs["message"]) == ("skipped", "acme/shop: RUNNING; exclude-tag leaves it out")


def test_tags_are_bounded_and_of_one_kind():
    """Whatever an answer holds; those of the card count where the Hub tells no others."""
    raw = {
        "id": "a/b",
        "tags": ["x", 5, "", "y" * (MAX_TAG + 1), *map(str, range(MAX_TAGS))],
        "cardData": {"tags": ["x", "z"]},
    }
    tags = read_space_info(raw, SpaceRuntime(stage="RUNNING")).tags
    assert tags[:3] == ("x", "0", "1") and tags[-1] == "z" and len(tags) <= 2 * MAX_TAGS
    assert read_space_info({"id": "a/b", "tags": "x", "cardData": []}, SpaceRuntime(stage="RUNNING")).tags == ()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"unmodified_for": "0"}, "unmodified-for: '0' must be longer than 0, and at most 3650d."),
        ({"unmodified_for": "3651d"}, "unmodified-for: '3651d' must be longer than 0, and at most 3650d."),
        ({"unmodified_for": "long"}, "unmodified-for: 'long' is not a duration"),
        ({"exclude_tag": ","}, "exclude-tag: ',' names no tag; write tags separated by commas, or leave it out."),
        ({"exclude_tag": "prod, keep-*"}, "exclude-tag: 'prod, keep-*' has a pattern in it; write whole tags."),
        ({"with_sleep_time": "often"}, "with-sleep-time: 'often' is not a duration"),
    ],
)
def test_a_filter_that_means_nothing_is_a_mistake(given, said, run, hub):
    """It would select all, or none."""
    found = run("list", "acme/*", **given)
    assert (found.result, said in found.outputs["message"], hub.requests) == ("invalid-input", True, [])


# ---- recipes ----


@pytest.mark.parametrize(("operation", "said"), [("list", "no Space was found"), ("pause", "no Space was selected; nothing was sent")])
def test_a_selection_of_nothing_is_warned_about(operation, said, run):
    """A word that is written wrong looks like a night without paid Spaces."""
    found = run(operation, author="acme", with_hardware="payed")
    assert (found.status, f"::warning::{said}. Check author, patterns and filters" in found.log) == (0, True)
    assert "::notice::" not in found.log


def test_the_audit_of_paid_spaces_that_never_sleep(run, world, hub):
    """Each of them gets a sleep time, and nothing else is touched."""
    world.add(Space(id="acme/never", hardware="t4-small", sleep_time=None))
    world.add(
        Space(
            id="acme/starting",
            stage="BUILDING",
            commit=None,
            hardware=None,
            requested_hardware="a10g-small",
            sleep_time=None,
        )
    )
    world.add(Space(id="acme/hour", hardware="t4-small", sleep_time=3600))
    audit = run("list", author="acme", with_hardware="paid", with_sleep_time="never")
    assert chosen(audit) == {"never": "ok", "starting": "ok"}
    found = run("sleep-time", author="acme", with_hardware="paid", with_sleep_time="never", sleep_time="1h")
    assert chosen(found) == {"never": "ok", "starting": "ok"}
    assert {world.runtime(f"acme/{name}")["gcTimeout"] for name in ("never", "starting", "hour")} == {3600}
    assert sum(request.method == "POST" for request in hub.requests) == 2
    assert chosen(run("list", author="acme", with_hardware="paid", with_sleep_time="never")) == {}


def test_the_night_pause_of_all_that_costs(run, world, hub):
    """Also what starts or rebuilds just now, on any flavor; free ones and those of the day shift stay."""
    world.add(Space(id="acme/gpu", hardware="t4-small"))
    world.add(Space(id="acme/starting", stage="BUILDING", commit=None, hardware=None, requested_hardware="a10g-small"))
    world.add(Space(id="acme/rebuilding", stage="RUNNING_BUILDING", hardware="cpu-upgrade"))
    world.add(Space(id="acme/day", hardware="t4-small", card_tags=("keep-alive",)))
    found = run("pause", author="acme", with_hardware="paid", exclude_tag="keep-alive")
    assert chosen(found) == {"gpu": "ok", "starting": "ok", "rebuilding": "ok"}
    assert {world.state(f"acme/{name}").stage for name in ("demo", "day")} == {"RUNNING"}


# ---- a budget of its own ----


@pytest.mark.parametrize(("own", "step", "elapsed"), [("2m", "10m", 120), ("10m", "2m", 120)])
def test_a_space_of_a_fleet_file_has_a_budget_of_its_own(own, step, elapsed, run, world, tmp_path, monkeypatch):
    """It ends the wait for that Space alone, and is never more than the step's."""
    (tmp_path / "fleet.yml").write_text(f"spaces: [{{id: acme/slow, timeout: {own}}}, acme/demo]\n")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    world.add(Space(id="acme/slow", scripts={"restart": (Phase(0, "BUILDING"),)}))
    found = run("restart", fleet_file="fleet.yml", timeout=step)
    assert chosen(found) == {"slow": "timed-out", "demo": "ok"}
    slow = next(each for each in json.loads(found.outputs["spaces"]) if each["id"] == "acme/slow")
    assert slow["elapsed"] == pytest.approx(elapsed, abs=2)
