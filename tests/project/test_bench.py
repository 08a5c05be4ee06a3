"""The benchmark judges as it says it does; what it measures is not for a test."""

import huggingface_hub.constants
import huggingface_hub.hf_api
import pytest
from huggingface_hub.utils import set_client_factory
from huggingface_hub.utils._http import default_client_factory

from bench import __main__ as whole
from bench import api, figures, loop, waits
from bench.container import AFTER, BEFORE
from bench.peers import UNREACHABLE_AFTER, Peer
from bench.streams import BEHAVIOURS, BOTH_CONCEAL, restarted
from bench.timelines import RESTART, Timeline, builds, stale
from simhub.clock import FakeClock
from simhub.world import Phase

FAILS = Timeline(name="", before="RUNNING", trigger="push", script=(Phase(5, "BUILDING"), Phase(45, "BUILD_ERROR")))


@pytest.mark.parametrize(
    ("timeline", "status", "late", "worth"),
    [
        (RESTART, 0, 0.0, "true success"),
        (RESTART, 0, -1.0, "false success"),  # before it was there
        (RESTART, 1, 0.0, "false failure"),
        (FAILS, 1, 3.0, "true failure"),
        (FAILS, 1, -3.0, "false failure"),  # right, but for what was there before
        (FAILS, 0, 3.0, "false success"),
    ],
)
def test_a_verdict_is_true_only_once_there_is_something_to_judge(timeline, status, late, worth):
    """A peer that guesses right before the last stage is reached was lucky."""
    assert waits.verdict(timeline, status, late, took=100.0) == worth


def test_a_wait_that_runs_out_of_time_says_nothing():
    """It is neither success nor failure."""
    assert waits.verdict(RESTART, 2, late=1000.0, took=UNREACHABLE_AFTER) == "none"


def test_the_timelines_are_the_same_each_time():
    """For every peer, and for every run."""
    assert builds(36, longest=1200, longest_start=120) == builds(36, longest=1200, longest_start=120)
    assert len({one.name for one in stale()}) == 132


def test_a_restarted_build_is_the_same_build_five_seconds_later():
    """What differs between the two is what led to it."""
    (build, *_) = builds(1, longest=1200, longest_start=120)
    again = restarted(build)
    assert (again.trigger, again.before, again.lasts) == ("restart", "RUNNING", build.lasts + 5)
    assert again.space("acme/one").scripts["restart"][0].stage == "BUILDING"


@pytest.mark.parametrize(("stage", "status"), [("RUNNING", 0), ("BUILD_ERROR", 1)])
def test_what_people_use_is_asked_as_they_use_it(hub, world, clock, monkeypatch, stage, status):
    """The loop looks every ten seconds, and huggingface_hub every second; both end with the right word here."""
    set_client_factory(default_client_factory)
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", hub.url)
    monkeypatch.setattr(huggingface_hub.hf_api, "time", Clock(clock))
    monkeypatch.setattr(loop, "time", Clock(clock))
    for peer, looks in ((loop, 4), (api, 31)):
        script = (Phase(0, "BUILDING"), Phase(30, stage))
        name = peer.__name__.replace(".", "-")
        world.add(Timeline(name="", script=script).space(f"acme/{name}"))
        ended = peer.main(f"acme/{name}")
        assert (ended, sum(name in request.path for request in hub.requests)) == (status, looks)


class Clock:
    """A clock in place of the module `time`."""

    def __init__(self, clock: FakeClock) -> None:
        self.monotonic, self.sleep = clock.now, clock.sleep


def test_a_missed_goal_is_told():
    """Each goal by itself."""
    well = {"verdict": "true success", "requests": 28}
    stream = {"restart": 28, "under way": 29, "requests": 500, "delays": [0.0, 10.0], "wrong": 0}
    found = {
        "waits": {peer: {"wrong": [], "delays": [0.1], "requests": 29, "restart": well} for peer in Peer},
        "live": {peer: [0.2] for peer in Peer},
        "start": {Peer.HF: {"first request": [200.0]}, Peer.ACTION: {"first request": [180.0]}},
        "streams": {name: dict(stream) for name in BEHAVIOURS},
        "fleet": {"sizes": {Peer.ACTION: {"10": {"exit": 0}}}, "round": 10, "quota": [{"429": 0}]},
        "container": {"milliseconds": {AFTER: [400.0], BEFORE: [900.0]}},
    }
    assert all(goal.reached for goal in whole.goals(found))
    found["start"][Peer.ACTION]["first request"] = [191.0]
    found["waits"][Peer.QUIET]["wrong"] = ["a Space"]
    found["live"][Peer.ACTION] = [0.6]
    found["fleet"]["round"] = 11
    found["container"]["milliseconds"][AFTER] = [700.0]
    found["streams"]["lying"] |= {"wrong": 1, "restart": 151, "delays": [51.0]}
    found["streams"][BOTH_CONCEAL[0]]["delays"] = [100.0]
    missed = [goal.promise for goal in whole.goals(found) if not goal.reached]
    assert len(missed) == 9 and {"no false verdict", "first request sooner than hf, by a twentieth"} <= set(missed)


def test_a_cell_has_the_median_its_quarters_and_its_ratio():
    """What is printed is what was measured."""
    assert figures.cell([1.0, 2.0, 3.0], base=4.0) == "2.00 s (1.00–3.00) ×0.5"
    assert figures.cell([1231], base=1231, unit="", digits=0) == "1231 ×1"
    assert figures.percentile([float(n) for n in range(101)], 95) == 95.0
