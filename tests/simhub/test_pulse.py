"""A moment of a clock of tests is over once all that happens in it is told, and taken in."""

import threading

import httpx2
import pytest

from simhub.clock import FakeClock
from simhub.pulse import ON_ITS_WAY, Pulse
from simhub.world import Space

EVENTS, LOG = 50_001, 50_002


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def pulse(clock: FakeClock) -> Pulse:
    """Of two streams that have told all there is."""
    pulse = Pulse(clock.now)
    for stream in (EVENTS, LOG):
        pulse.begin(stream)
        pulse.beat(stream, clock.now())
    return pulse


def asks(pulse: Pulse, *, woken: bool = False) -> int:
    """Return how often somebody has to ask until all is settled."""
    return next(number for number in range(1, 1000) if pulse.settled(woken))


@pytest.mark.parametrize("woken", [False, True])
def test_a_stream_must_have_looked_at_the_moment(pulse, clock, woken):
    """Also where another one has woken somebody already, as long as its reader says what it hears."""
    pulse.hear(LOG)
    clock.advance(1.0)
    pulse.beat(EVENTS, clock.now())
    assert not any(pulse.settled(woken) for _ in range(1000))
    pulse.beat(LOG, clock.now())
    assert asks(pulse, woken=woken) == 1


def test_a_reader_that_says_nothing_may_be_awake(pulse, clock):
    """Then no time is lost with the stream."""
    clock.advance(1.0)
    assert (pulse.settled(True), pulse.settled(False)) == (True, False)  # noqa: FBT003 - as a clock asks


@pytest.mark.parametrize("woken", [False, True])
def test_what_was_told_must_be_taken_in(pulse, clock, woken):
    """By a reader that says so: also where another stream has woken somebody already."""
    pulse.beat(EVENTS, clock.now(), told=3)
    pulse.hear(EVENTS)
    pulse.hear(EVENTS)
    assert not pulse.settled(woken)
    pulse.hear(EVENTS)
    assert pulse.settled(woken)


def test_a_reader_that_says_nothing_is_given_its_time(pulse, clock):
    """Unless somebody is woken, which it may have done."""
    pulse.beat(EVENTS, clock.now(), told=1)
    assert (asks(pulse, woken=True), asks(pulse)) == (1, ON_ITS_WAY - 1)
    clock.advance(1.0)
    pulse.beat(EVENTS, clock.now())
    pulse.beat(LOG, clock.now())
    assert asks(pulse) == 1


def test_the_end_of_a_stream_is_given_its_time(pulse):
    """It is told by what comes after it, which no reader can say."""
    pulse.end(LOG)
    assert (asks(pulse, woken=True), asks(pulse)) == (1, ON_ITS_WAY - 1)


def test_who_has_left_need_hear_nothing(pulse, clock):
    """Neither what was told, nor the end."""
    pulse.hear(EVENTS)
    pulse.beat(EVENTS, clock.now(), told=2)
    pulse.leave(EVENTS)
    pulse.beat(EVENTS, clock.now(), told=2)
    pulse.end(EVENTS)
    clock.advance(1.0)
    pulse.beat(LOG, clock.now())
    assert asks(pulse) == 1


def test_another_reader_may_have_the_same_port(pulse, clock):
    """What the one before has not taken in is nothing to that one."""
    pulse.beat(EVENTS, clock.now(), told=1)
    pulse.end(EVENTS)
    clock.advance(1.0)
    pulse.begin(EVENTS)
    for stream in (EVENTS, LOG):
        pulse.beat(stream, clock.now())
    assert asks(pulse) == 1


def test_a_stream_is_known_whatever_a_proxy_says(hub, world, monkeypatch):
    """As one that is on the machine of the simulated Hub, and would be believed."""
    known = []
    world.add(Space(id="acme/demo"))
    monkeypatch.setattr(world.pulse, "begin", known.append)
    with httpx2.stream("GET", f"{hub.url}/api/spaces/acme/demo/events", headers={"x-forwarded-for": "203.0.113.7"}) as answer:
        _, port = answer.extensions["network_stream"].get_extra_info("client_addr")
        next(answer.iter_lines())
    assert known == [port]


def test_a_sleeper_wakes_once_all_have_told(clock, pulse):
    """The first reason to wake is not the only one."""
    wake = threading.Event()
    clock.next_change, answers = (lambda: 5.0 if clock.now() < 5.0 else 90.0), iter([False, False, True])

    def settled(woken):
        wake.set()
        return next(answers)

    clock.settled = settled
    clock.sleep(60.0, wake)
    assert (clock.now(), list(answers)) == (5.0, [])
