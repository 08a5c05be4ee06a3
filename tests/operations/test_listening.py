"""The Hub's status events: heard while one Space is waited for, never believed, and left where they are of no use."""

import threading

import pytest

from hf_action.operations.events import GAP, MAX_FALSE_ALARMS, MAX_MISSED, Listener
from hf_action.rules.outcomes import Denied
from hf_action.rules.pace import Events
from simhub.clock import FakeClock
from simhub.faults import Fault, Kind
from simhub.world import HEAD, Phase, Space, StatusEvents
from tests.conftest import NEW, OLD

BUILD = (Phase(5, "RUNNING_BUILDING"), Phase(1205, "RUNNING_APP_STARTING"), Phase(1235, "RUNNING", commit=HEAD))


@pytest.fixture
def building(world):
    """A Space whose restart is seen after five seconds and takes twenty minutes."""
    world.add(Space(id="acme/long", commit=OLD, head=NEW, scripts={"restart": BUILD}))
    return "acme/long"


def asked(hub, ending: str) -> int:
    """Return how many requests went to paths that end so."""
    return sum(request.path.endswith(ending) for request in hub.requests)


# ---- in a step ----


def test_a_change_is_seen_when_it_happens(run, hub, building):
    """The step ends within the second in which the stage is reached, and a long build costs few looks."""
    ended = run("restart", building)
    assert (ended.result, 1235 <= ended.elapsed <= 1235 + GAP) == ("ok", True)
    assert (asked(hub, "/events"), len(hub.requests) <= 60) == (1, True)
    seen = [moment["at"] for moment in ended.spaces[0]["timeline"][1:]]
    assert all(0 <= at - happened <= GAP for at, happened in zip(seen, (5, 1205, 1235), strict=True))


def test_without_events_it_is_seen_by_looking(run, hub, building):
    """Nothing is lost where the stream is refused, and the debug log alone says so, in one line."""
    hub.inject(Fault(kind=Kind.STATUS, status=404, path="/events$", times=None))
    ended = run("restart", building, env={"RUNNER_DEBUG": "1"})
    assert (ended.result, 1235 <= ended.elapsed <= 1245) == ("ok", True)
    assert (asked(hub, "/events"), 100 <= len(hub.requests) <= 150) == (1, True)
    assert ended.log.count("debug: acme/long: going on without its status events: there is no Space") == 1
    hub.inject(Fault(kind=Kind.STATUS, status=404, path="/events$", times=None))
    assert "status events" not in run("restart", building, env={"RUNNER_DEBUG": ""}).log


@pytest.mark.parametrize("kind", [Kind.HTML, Kind.MISSING_FIELDS, Kind.HUGE, Kind.RESET_AFTER, Kind.TRUNCATED])
def test_what_is_no_stream_of_events_is_left(run, hub, building, kind):
    """A page, an object, fifty megabytes, a connection that breaks: waiting goes on by looking."""
    hub.inject(Fault(kind=kind, path="/events$", times=None))
    ended = run("restart", building)
    assert (ended.result, 1235 <= ended.elapsed <= 1245, asked(hub, "/events")) == ("ok", True, 1)


def test_events_of_a_public_space_are_heard_without_a_token(run, world, hub):
    """The Hub streams them to everybody."""
    world.add(Space(id="acme/demo", head=NEW, stage="BUILDING", commit=None, timeline=(Phase(30, "RUNNING", commit=HEAD),)))
    assert (run("wait", "acme/demo", token=None).result, asked(hub, "/events")) == ("ok", 1)


def test_nobody_listens_for_what_is_there_already(run, world, hub):
    """A wait that ends with its first look opens no stream."""
    world.add(Space(id="acme/demo", commit=NEW, head=NEW))
    assert (run("wait", "acme/demo").result, asked(hub, "/events")) == ("ok", 0)


def test_a_stream_that_is_open_and_silent_costs_no_time(run, hub, world):
    """Looking goes on as without it until an event has announced a change."""
    silent = StatusEvents.SILENT
    world.add(Space(id="acme/short", stage="BUILDING", commit=None, timeline=(Phase(20, "RUNNING", commit=HEAD),), status_events=silent))
    ended = run("wait", "acme/short")
    assert (ended.result, ended.elapsed <= 23, asked(hub, "/events")) == ("ok", True, 1)


def test_several_spaces_are_watched_without_events(run, world, hub):
    """A stream for each would be a connection for each; one listing looks at them all."""
    for name in ("one", "two"):
        world.add(Space(id=f"acme/{name}", commit=OLD, head=NEW, scripts={"restart": (Phase(3, "BUILDING"), Phase(9, "RUNNING", commit=HEAD))}))
    assert (run("restart", "acme/one", "acme/two").result, asked(hub, "/events")) == ("ok", 0)


# ---- by itself ----


class Stream:
    """A Hub whose events are told by the test."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.opened, self.over = threading.Event(), threading.Event()
        self.notice = lambda name, data: True

    def listen(self, space, notice) -> None:
        if self.error:
            raise self.error
        self.notice = notice
        notice("", "")
        self.opened.set()
        self.over.wait(5)

    def tell(self) -> None:
        self.notice("stage", "BUILDING")


class Busy(FakeClock):
    """A clock on which something happens during each sleep."""

    def __init__(self, happens) -> None:
        super().__init__()
        self.happens = happens

    def sleep(self, seconds, wake=None) -> None:
        if wake:
            self.happens()
        super().sleep(seconds, wake)
        if wake and wake.is_set():
            self.advance(0.125)


def listening(stream: Stream, clock: FakeClock, known: list) -> tuple[Listener, list[str]]:
    """Return a listener after its first sleep, and what it says to the debug log."""
    said: list[str] = []
    listener = Listener(hub=stream, space="acme/demo", clock=clock, known=lambda: known[-1], debug=said.append)
    listener.sleep(2.0)
    return listener, said


def test_sleep_lasts_as_asked_where_nothing_happens():
    """An open stream alone shortens nothing, and is but a hope."""
    clock = FakeClock()
    listener, said = listening(Stream(), clock, [1])
    assert (listener.events, listener.now(), said) == (Events.HOPED_FOR, 2.0, [])
    listener.sleep(30.0)
    assert listener.now() == clock.now() == 32.0


def test_an_event_ends_the_sleep_but_never_sooner_than_a_second_after_the_last_look():
    """A swarm of events is one reason to look."""
    stream, known = Stream(), [1]
    clock = Busy(lambda: (stream.tell(), stream.tell(), known.append(known[-1] + 1)))
    listener, _ = listening(stream, clock, known)
    began = clock.now()
    listener.sleep(30.0)
    assert listener.now() - began == GAP
    began = clock.now()
    listener.sleep(0.5)  # nor is a shorter sleep drawn out
    assert listener.now() - began == 0.5


def test_a_stream_that_cries_wolf_is_left():
    """It costs so many looks and no more."""
    stream = Stream()
    clock = Busy(stream.tell)
    listener, said = listening(stream, clock, [1])
    for _ in range(30):
        listener.sleep(30.0)
    assert (listener.events, said) == (Events.NONE, [f"acme/demo: going on without its status events: {MAX_FALSE_ALARMS} in a row brought no news"])
    assert clock.now() == pytest.approx(MAX_FALSE_ALARMS * GAP + (30 - MAX_FALSE_ALARMS) * 30.0, abs=33.0)
    assert not stream.notice("stage", "")  # and who reads it is told to stop


def test_news_between_false_alarms_keeps_the_stream():
    """Many events in a long build do not end it, as long as some of them bring news."""
    stream, known = Stream(), [1]
    clock = Busy(stream.tell)
    listener, _ = listening(stream, clock, known)
    for number in range(50):
        known.append(known[-1] + (number % 5 == 0))
        listener.sleep(30.0)
    assert listener.events is Events.HEARD


def test_a_stream_that_lets_changes_go_unannounced_is_left():
    """It may be open and say nothing."""
    known = [1]
    listener, said = listening(Stream(), FakeClock(), known)
    for _ in range(MAX_MISSED):
        assert not said
        known.append(known[-1] + 1)
        listener.sleep(30.0)
    assert (listener.events, said) == (Events.NONE, [f"acme/demo: going on without its status events: {MAX_MISSED} changes came without one"])


def test_a_stream_that_ends_wakes_the_sleeper():
    """What happens from then on is seen by looking only, so the next look is at once."""
    stream = Stream()

    def end() -> None:
        stream.over.set()
        while listener.events is not Events.NONE:
            pass

    clock = Busy(end)
    listener, said = listening(stream, FakeClock(), [1])
    listener._clock = clock
    listener.sleep(30.0)
    assert (clock.now(), said) == (GAP, ["acme/demo: going on without its status events: the stream has ended"])


def test_a_refusal_costs_nothing_but_the_request():
    """The first sleep is as long as asked."""
    listener, said = listening(Stream(Denied("the token may not")), FakeClock(), [1])
    assert (listener.events, listener.now(), said) == (Events.NONE, 2.0, ["acme/demo: going on without its status events: the token may not"])


def test_leaving_at_the_end_is_no_news_for_anybody():
    """When the wait is over the stream is no longer needed."""
    listener, said = listening(Stream(), FakeClock(), [1])
    listener.leave()
    assert (listener.events, said) == (Events.NONE, [])
