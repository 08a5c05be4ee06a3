"""A tour of an honest Hub finds no difference, does what it says, and leaves the Space as it was."""

import os
import signal

import pytest

from hf_action.rules.stages import STAGES
from live.findings import Rule
from live.restoring import SIGNALS
from live.steps import STEPS
from live.steps.repository import FILE
from live.survey import CannotRun
from simhub.world import StatusEvents
from tests.live.conftest import ALL, IMPATIENT, ROOT
from tests.live.lies import Lie, Reply

LOOKS = {"look", "listing", "absent"}

# Each with the steps for which it matters.
KINDS = [
    pytest.param({"stage": "PAUSED"}, LOOKS | {"wake", "events"}, id="paused"),
    pytest.param({"stage": "SLEEPING"}, LOOKS | {"logs", "restart"}, id="asleep"),
    pytest.param({"private": True}, ALL - {"rollback", "factory", "quota"}, id="private"),
    pytest.param({"sdk": "docker", "sleep_time": 172_800}, LOOKS | {"restart-paused", "sleep-time"}, id="docker"),
    pytest.param({"others": 0}, LOOKS, id="one Space only"),
    pytest.param({"token": {"can_pay": True}}, LOOKS | {"whoami", "hardware"}, id="who can pay"),
    pytest.param({"token": {"name": "somebody"}}, LOOKS | {"whoami", "hardware", "rename"}, id="an organization's"),
]


@pytest.mark.parametrize(("kind", "steps"), KINDS)
def test_an_honest_hub_shows_no_difference(place, kind, steps):
    """Whatever kind of Space it is, and whoever has it; and nothing fails on the way."""
    there = place(**kind)
    assert there.differences(steps) == []
    assert not [skip for skip in there.tour.journal.skips if skip.trouble]


def test_a_whole_tour(place):
    """Every step leaves an answer or a fact; each stage on the way and each refusal is among them; nothing differs."""
    there = place()
    journal = there.go()
    assert journal.skips == []
    assert {each.step for each in journal.exchanges} == ALL
    seen = {(each.answer.status, each.answer.words) for each in journal.exchanges}
    assert {status for status, _ in seen} == {200, 307, 400, 401, 403, 404, 412, 503}
    facts = {fact.what: fact.value for fact in journal.facts}
    assert facts["stages after a restart while RUNNING"] == ["RUNNING", "RUNNING_BUILDING", "RUNNING_APP_STARTING", "RUNNING"]
    assert facts["stages after a restart while PAUSED"] == ["PAUSED", "BUILDING", "APP_STARTING", "RUNNING"]
    assert facts["stages told by events"] == ["RUNNING", "PAUSED", "BUILDING", "APP_STARTING", "RUNNING"]
    assert facts["lines of a build log with tail=1"] == 1
    assert {stage for fact in journal.facts if fact.rule is Rule.ORDER for stage in fact.value} <= STAGES.keys()
    assert there.compared(journal) == []


@pytest.mark.parametrize("stage", ["RUNNING", "PAUSED", "SLEEPING"])
def test_the_space_is_put_back(place, stage):
    """Into its stage, with its name, files and hardware; one that slept falls asleep by itself, which is said."""
    there = place(stage=stage)
    before = there.world.life("acme/demo").siblings(0)
    there.go({"pause", "hardware", "sleep-time", "rename", "rollback"}, restore=True)
    there.clock.sleep(60)
    after = there.world.state("acme/demo")
    assert after.stage == ("PAUSED" if stage == "PAUSED" else "RUNNING")
    assert (after.requested_hardware, there.world.life("acme/demo").sleep_time) == ("cpu-basic", 172_800)
    assert there.world.life("acme/demo").siblings(there.clock.now()) == before
    assert ("falls asleep again" in there.said[-1]) == (stage == "SLEEPING")


@pytest.mark.parametrize("token", [{"can_pay": True}, {"name": "somebody"}], ids=["who can pay", "an organization's"])
def test_hardware_is_never_asked_for_where_it_may_be_had(place, token):
    """Only an account that is known not to be able to pay is used to see a refusal; others are told so, loudly."""
    there = place(token=token)
    there.go({"look", "hardware", "sleep-time"})
    assert not [request for request in there.hub.requests if request.path.endswith("/hardware") and request.method == "POST"]
    assert any("NOT RUN: hardware" in line for line in there.said)


def test_hardware_that_is_granted_is_given_back_at_once(place):
    """A Hub that grants it all the same finds the Space paused, and with the free hardware."""
    there = place()

    def grant(reply: Reply):
        if reply.asks("/hardware$") and reply.status == 403:
            reply.status, reply.body = 200, reply.world.request_hardware("acme/demo", "cpu-upgrade")

    there.lie(Lie((), "", told=grant))
    there.go({"hardware"})
    state = there.world.state("acme/demo")
    assert (state.stage, state.requested_hardware) == ("PAUSED", "cpu-basic")
    assert any("has granted paid hardware" in line for line in there.said)


@pytest.mark.parametrize(
    ("space", "why"),
    [
        ({"hardware": "t4-small"}, "may cost money"),
        ({"hardware": "zero-a10g"}, "may cost money"),
        ({"sdk": "static"}, "static Space"),
        ({"stage": "BUILD_ERROR"}, "repair it first"),
        ({"stage": "BUILDING"}, "wait until"),
    ],
)
def test_some_spaces_are_not_toured(place, space, why):
    """One that costs money, has nothing to compare, or is not at rest: nothing is sent to it but questions."""
    there = place(**space)
    with pytest.raises(CannotRun, match=why):
        there.go()
    assert {request.method for request in there.hub.requests} == {"GET"}


def test_a_step_left_out_is_told(place):
    """And is not made."""
    there = place()
    journal = there.go({"look", "whoami"})
    assert {skip.step for skip in journal.skips} == ALL - {"look", "whoami"}
    assert {each.step for each in journal.exchanges} == {"look", "whoami"}
    assert "NOT RUN: restart: left out, as you asked" in there.said


def test_the_page_names_every_step():
    """With what it does, in the words of the plan."""
    page = (ROOT / "docs/live.md").read_text()
    rows = "\n".join(f"| `{name}` | {step.does} |" for name, step in STEPS.items())
    assert f"|---|---|\n{rows}\n\n" in page


def test_every_change_is_waited_for_until_an_event_tells_it(place):
    """So that on a clock that jumps no event is missed; a stream that tells nothing is waited for once only."""
    there = place(status_events=StatusEvents.SILENT)
    told = [fact.value for fact in there.go({"events"}, patience=IMPATIENT).facts if fact.what == "stages told by events"]
    assert told == [[]]


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_no_signal_stops_the_putting_back(place, number):
    """Also where the tour had come to its end; afterwards signals count again."""
    there, heard = place(stage="PAUSED"), []
    before = signal.signal(number, lambda *_: heard.append(number))
    try:
        there.hub.on_request = lambda request: request.path.endswith("/pause") and os.kill(os.getpid(), number)
        there.go({"restart-paused"}, restore=True)
        assert heard == [] and there.world.state("acme/demo").stage == "PAUSED"
        signal.raise_signal(number)
        assert heard == [number]
    finally:
        signal.signal(number, before)


class _Cancelling:
    """A clock on which somebody cancels at a moment."""

    def __init__(self, clock, after):
        self._clock, self._left = clock, after

    def now(self):
        return self._clock.now()

    def sleep(self, seconds, wake=None):
        self._left -= 1
        if self._left == 0:
            raise KeyboardInterrupt
        self._clock.sleep(seconds, wake)


@pytest.mark.parametrize("step", ["events", "restart", "restart-paused", "factory", "rename", "rollback"])
@pytest.mark.parametrize("stage", ["RUNNING", "PAUSED"])
def test_a_cancelled_tour_puts_the_space_back(place, step, stage):
    """In the midst of any step that changes something."""
    there = place(stage=stage)
    with pytest.raises(KeyboardInterrupt):
        there.go({step}, clock=_Cancelling(there.clock, 1 if step == "rename" else 4), restore=True)
    there.clock.sleep(60)
    state = there.world.state("acme/demo")
    assert state.stage == stage
    assert FILE not in there.world.life("acme/demo").siblings(there.clock.now())
    assert there.world.renamed("acme/demo") is None
