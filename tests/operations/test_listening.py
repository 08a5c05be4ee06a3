"""The Hub's status events: heard while one Space is waited for, never believed, and left where they are of no use."""

import random
import re
import threading
import time

import pytest

from hf_action.operations import events, watching
from hf_action.operations.events import GAP, MAX_FALSE_ALARMS, MAX_MISSED, Listener
from hf_action.rules.models import SpaceRuntime
from hf_action.rules.outcomes import Denied
from hf_action.rules.pace import (
    NO_EVENTS,
    POLL_AGE_PARTS_EVENTS,
    POLL_JITTER,
    POLL_MAX_BUILDING_EVENTS,
    POLL_MAX_WITNESSED,
    Events,
)
from simhub.clock import FakeClock
from simhub.faults import Fault, Kind
from simhub.world import HEAD, Phase, Space, StatusEvents
from tests.conftest import NEW, OLD
from tests.support.network import PATIENCE

BUILD = (Phase(5, "RUNNING_BUILDING"), Phase(1205, "RUNNING_APP_STARTING"), Phase(1235, "RUNNING", commit=HEAD))
SHORT = (Phase(5, "RUNNING_BUILDING"), Phase(95, "RUNNING_APP_STARTING"), Phase(125, "RUNNING", commit=HEAD))


@pytest.fixture
def building(world):
    """A Space whose restart is seen after five seconds and takes twenty minutes."""
    world.add(Space(id="acme/long", commit=OLD, head=NEW, scripts={"restart": BUILD}))
    return "acme/long"


@pytest.fixture
def short(world):
    """A Space whose restart takes two minutes."""
    world.add(Space(id="acme/short", commit=OLD, head=NEW, scripts={"restart": SHORT}))
    return "acme/short"


def asked(hub, ending: str) -> int:
    """Return how many requests went to paths that end so."""
    return sum(request.path.endswith(ending) for request in hub.requests)


# ---- in a step ----


# What chance makes of the pauses: all as short as they may be, all as long, and each another.
CHANCES = {"short": lambda: 0.0, "long": lambda: 1.0} | {f"seed {seed}": random.Random(seed).random for seed in range(3)}
every_chance = pytest.mark.parametrize("chance", CHANCES)


@every_chance
def test_a_change_is_seen_when_it_happens(run, hub, building, monkeypatch, chance):
    """The step ends within the second in which the stage is reached, and a long build costs few looks, by any chance."""
    monkeypatch.setattr(watching, "random", CHANCES[chance])
    ended = run("restart", building)
    assert (ended.result, 1235 <= ended.elapsed <= 1235 + GAP) == ("ok", True)
    assert (asked(hub, "/events"), asked(hub, "/logs/build"), len(hub.requests) <= 30) == (1, 1, True)
    seen = [moment["at"] for moment in ended.spaces[0]["timeline"][1:]]
    assert all(0 <= at - happened <= GAP for at, happened in zip(seen, (5, 1205, 1235), strict=True))


def test_without_events_it_is_seen_by_looking(run, hub, building, short):
    """Nothing is lost where the stream is refused, and the debug log alone says so, in one line."""
    hub.inject(Fault(kind=Kind.STATUS, status=404, path="/events$", times=None))
    ended = run("restart", building, env={"RUNNER_DEBUG": "1"})
    assert (ended.result, 1235 <= ended.elapsed <= 1245) == ("ok", True)
    assert (asked(hub, "/events"), 100 <= len(hub.requests) <= 150) == (1, True)
    assert ended.log.count("debug: acme/long: going on without its status events: there is no Space") == 1
    ended = run("restart", short, env={"RUNNER_DEBUG": ""})
    assert (asked(hub, "/events"), "status events" in ended.log) == (2, False)


@pytest.mark.parametrize("kind", [Kind.HTML, Kind.MISSING_FIELDS, Kind.HUGE, Kind.RESET_AFTER, Kind.TRUNCATED])
def test_what_is_no_stream_of_events_is_left(run, hub, short, kind):
    """A page, an object, fifty megabytes, a connection that breaks: waiting goes on by looking."""
    hub.inject(Fault(kind=kind, path="/events$", times=None))
    ended = run("restart", short)
    assert (ended.result, 125 <= ended.elapsed <= 135, asked(hub, "/events")) == ("ok", True, 1)


def test_events_of_a_public_space_are_heard_without_a_token(run, world, hub):
    """The Hub streams them to everybody."""
    world.add(Space(id="acme/demo", head=NEW, stage="BUILDING", commit=None, timeline=(Phase(30, "RUNNING", commit=HEAD),)))
    assert (run("wait", "acme/demo", token=None).result, asked(hub, "/events")) == ("ok", 1)


def test_nobody_listens_for_what_is_there_already(run, world, hub):
    """A wait that ends with its first look opens no stream."""
    world.add(Space(id="acme/demo", commit=NEW, head=NEW))
    assert (run("wait", "acme/demo").result, asked(hub, "/events")) == ("ok", 0)


@every_chance
def test_a_stream_that_is_open_and_silent_costs_no_time(run, hub, world, monkeypatch, chance):
    """Looking goes on as without it until an event has announced a change."""
    monkeypatch.setattr(watching, "random", CHANCES[chance])
    silent = StatusEvents.SILENT
    world.add(Space(id="acme/short", stage="BUILDING", commit=None, timeline=(Phase(20, "RUNNING", commit=HEAD),), status_events=silent))
    ended = run("wait", "acme/short")
    assert (ended.result, ended.elapsed <= 20 + 20 / POLL_AGE_PARTS_EVENTS * (1 + POLL_JITTER), asked(hub, "/events")) == ("ok", True, 1)


# ---- two streams, of which each alone would do ----

LONGEST = POLL_MAX_BUILDING_EVENTS * (1 + POLL_JITTER)
LAPSES = {"lapses": {"events_told": 1}, "opens and lapses": {"events_told": 0}, "silent": {"status_events": StatusEvents.SILENT}}
LOGS = {"the log ends": {}, "it does not": {"log_closes": False}, "refused": {}}


@pytest.mark.parametrize("log", LOGS)
@pytest.mark.parametrize("lapse", LAPSES)
@pytest.mark.parametrize("lasts", [70, 1195])
def test_a_stream_that_falls_silent_costs_no_more_than_it_did(run, hub, world, monkeypatch, lapse, log, lasts):
    """The end of a build is seen within 45 s, and the tenth of chance, whatever the events are worth by then.

    Only where the log of the build goes on when that has ended, too, it takes 90 s at most.
    """
    monkeypatch.setattr(watching, "random", lambda: 1.0)  # each look is as late as chance may make it
    build = (Phase(5, "RUNNING_BUILDING"), Phase(5 + lasts, "RUNNING_APP_STARTING"), Phase(130 + lasts, "RUNNING", commit=HEAD))
    world.add(Space(id="acme/long", commit=OLD, head=NEW, scripts={"restart": build}, **LAPSES[lapse], **LOGS[log]))
    if log == "refused":
        hub.inject(Fault(kind=Kind.STATUS, status=403, path="/logs/build$", times=None))
    ended = run("restart", "acme/long")
    seen = next(moment["at"] for moment in ended.spaces[0]["timeline"] if moment["stage"] == "RUNNING_APP_STARTING")
    most = POLL_MAX_WITNESSED * (1 + POLL_JITTER) if (lapse, log) == ("lapses", "it does not") else LONGEST
    assert (ended.result, 0 <= seen - 5 - lasts <= (GAP if lapse == "lapses" and log == "the log ends" else most)) == ("ok", True)


@every_chance
def test_the_log_of_a_build_that_is_under_way_is_followed(run, hub, world, monkeypatch, chance):
    """The stream names the stage as it opens; the log is asked for its last line alone."""
    monkeypatch.setattr(watching, "random", CHANCES[chance])
    world.add(Space(id="acme/long", stage="BUILDING", commit=None, timeline=BUILD[1:]))
    ended = run("wait", "acme/long")
    assert (ended.result, len(hub.requests) <= 30) == ("ok", True)
    assert [request.query for request in hub.requests if "/logs/" in request.path] == ["tail=1"]


@pytest.mark.parametrize("about", [{"logs": "never"}, {"poll_interval": "20"}, {"token": None}], ids=repr)
def test_no_log_is_followed_for_who_wants_none(run, hub, world, about):
    """By word, by an interval of one's own, or without a token, which the Hub wants for logs."""
    world.add(Space(id="acme/long", stage="BUILDING", commit=None, timeline=BUILD[1:]))
    assert (run("wait", "acme/long", **about).result, asked(hub, "/logs/build")) == ("ok", 0)


def test_no_log_is_followed_beside_events_that_do_not_name_the_stage(run, hub, world):
    """One stream alone is not enough, whichever it is."""
    world.add(Space(id="acme/long", stage="BUILDING", commit=None, timeline=BUILD[1:], status_events=StatusEvents.SILENT))
    assert (run("wait", "acme/long").result, asked(hub, "/logs/build")) == ("ok", 0)


def test_a_log_that_ends_too_soon_is_not_asked_for_again(run, hub, world):
    """One look more, and looks as without it; the debug log says so."""
    hub.inject(Fault(kind=Kind.STATUS, status=200, body={}, path="/logs/build$", times=None))
    world.add(Space(id="acme/long", stage="BUILDING", commit=None, timeline=BUILD[1:]))
    ended = run("wait", "acme/long", env={"RUNNER_DEBUG": "1"})
    assert (ended.result, asked(hub, "/logs/build"), len(hub.requests) <= 70) == ("ok", 1, True)
    assert len(re.findall("debug: acme/long: going on without its build log: the answer made no sense", ended.log)) == 1


# ---- many ----


def test_several_spaces_are_watched_without_events(run, world, hub):
    """A stream for each would be a connection for each; one listing looks at them all."""
    for name in ("one", "two"):
        world.add(Space(id=f"acme/{name}", commit=OLD, head=NEW, scripts={"restart": (Phase(3, "BUILDING"), Phase(9, "RUNNING", commit=HEAD))}))
    assert (run("restart", "acme/one", "acme/two").result, asked(hub, "/events")) == ("ok", 0)


# ---- by itself ----


class Stream:
    """A Hub whose events, and the log of a build, are told by the test."""

    def __init__(self, error: Exception | None = None, opens: str = "", log: Exception | None = None) -> None:
        self.error, self.opens, self.log = error, opens, log
        self.opened, self.over, self.built = threading.Event(), threading.Event(), threading.Event()
        self.notice = lambda name, data: True
        self.followed = 0

    def listen(self, space, notice) -> None:
        if self.error:
            raise self.error
        self.notice = notice
        notice("", "")
        if self.opens:
            notice("stage", self.opens)
            notice("space", "{}")
        else:
            notice("", "")
        self.opened.set()
        self.over.wait(PATIENCE)

    def follow_build(self, space, alive) -> None:
        self.followed += 1
        if self.log:
            raise self.log
        alive()
        self.built.wait(PATIENCE)

    def tell(self, stage: str = "", name: str = "space") -> None:
        self.notice("stage" if stage else name, stage)


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


BUILDING, STARTING, RUNNING = (SpaceRuntime(stage=stage) for stage in ("BUILDING", "APP_STARTING", "RUNNING"))
# Each is news after the one before.
MANY = [SpaceRuntime(stage="BUILDING", error=str(number)) for number in range(60)]
HEARD = Events(heard=True)


def listening(stream: Stream, clock: FakeClock, known: list) -> tuple[Listener, list[str]]:
    """Return a listener after its first sleep, and what it says to the debug log."""
    said: list[str] = []
    listener = Listener(hub=stream, space="acme/demo", clock=clock, known=lambda: known[-1], debug=said.append)
    listener.sleep(2.0)
    return listener, said


def test_sleep_lasts_as_asked_where_nothing_happens():
    """An open stream alone shortens nothing, and is but a hope."""
    clock = FakeClock()
    listener, said = listening(Stream(), clock, [BUILDING])
    assert (listener.events, listener.now(), said) == (HEARD, 2.0, [])
    listener.sleep(30.0)
    assert listener.now() == clock.now() == 32.0


def test_an_event_ends_the_sleep_but_never_sooner_than_a_second_after_the_last_look():
    """A swarm of events is one reason to look."""
    stream, known = Stream(), [BUILDING]
    clock = Busy(lambda: (stream.tell(), stream.tell(), known.append(MANY[len(known)])))
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
    listener, said = listening(stream, clock, [BUILDING])
    for _ in range(30):
        listener.sleep(30.0)
    assert (listener.events, said) == (NO_EVENTS, [f"acme/demo: going on without its status events: {MAX_FALSE_ALARMS} in a row brought no news"])
    assert clock.now() == pytest.approx(MAX_FALSE_ALARMS * GAP + (30 - MAX_FALSE_ALARMS) * 30.0, abs=33.0)
    assert not stream.notice("space", "")  # and who reads it is told to stop


def test_news_between_false_alarms_keeps_the_stream():
    """Many events in a long build do not end it, as long as some of them bring news."""
    stream, known = Stream(), [BUILDING]
    clock = Busy(stream.tell)
    listener, _ = listening(stream, clock, known)
    for number in range(50):
        known.append(MANY[number] if number % 5 == 0 else known[-1])
        listener.sleep(30.0)
    assert listener.events == Events(heard=True, announced=True)


def test_a_stream_that_lets_changes_go_unannounced_is_left():
    """It may be open and say nothing."""
    known = [BUILDING]
    listener, said = listening(Stream(), FakeClock(), known)
    for _ in range(MAX_MISSED):
        assert not said
        known.append(MANY[len(known)])
        listener.sleep(30.0)
    assert (listener.events, said) == (NO_EVENTS, [f"acme/demo: going on without its status events: {MAX_MISSED} changes came without one"])


def test_a_stream_that_ends_wakes_the_sleeper():
    """What happens from then on is seen by looking only, so the next look is at once."""
    stream = Stream()

    def end() -> None:
        stream.over.set()
        listener._thread.join()

    clock = Busy(end)
    listener, said = listening(stream, FakeClock(), [BUILDING])
    listener._clock = clock
    listener.sleep(30.0)
    assert (clock.now(), said) == (GAP, ["acme/demo: going on without its status events: the stream has ended"])


def test_a_refusal_costs_nothing_but_the_request():
    """The first sleep is as long as asked."""
    listener, said = listening(Stream(Denied("the token may not")), FakeClock(), [BUILDING])
    assert (listener.events, listener.now(), said) == (NO_EVENTS, 2.0, ["acme/demo: going on without its status events: the token may not"])


def test_leaving_at_the_end_is_no_news_for_anybody():
    """When the wait is over the stream is no longer needed."""
    listener, said = listening(Stream(), FakeClock(), [BUILDING])
    listener.leave()
    assert (listener.events, said) == (NO_EVENTS, [])


def test_nobody_listens_in_a_pause_that_no_event_could_end():
    """Which is one of a second: so soon after a look there is none."""
    stream = Stream()
    listener = Listener(hub=stream, space="acme/demo", clock=FakeClock(), known=lambda: BUILDING, debug=print)
    listener.sleep(GAP)
    assert (listener.now(), stream.opened.is_set(), listener.events) == (GAP, False, NO_EVENTS)
    listener.sleep(GAP + 1)
    assert (listener.now(), stream.opened.wait(PATIENCE), listener.events) == (2 * GAP + 1, True, HEARD)


def test_no_time_passes_before_a_stream_has_said_how_things_are(patient):
    """It is given a second to do so, however soon it opens."""
    stream = Stream()
    stream.listen = lambda space, notice: (notice("", ""), time.sleep(0.05), notice("stage", "BUILDING"), stream.over.wait(PATIENCE))
    listener, _ = listening(stream, FakeClock(), [BUILDING])
    assert listener.events == Events(heard=True, named=True)


def test_a_stream_that_says_nothing_is_waited_for_no_longer_than_it_is_given(monkeypatch):
    """It is open, and may say something later."""
    monkeypatch.setattr(events, "OPENING", 0.05)
    stream = Stream()
    stream.listen = lambda space, notice: (notice("", ""), stream.opened.set(), stream.over.wait(PATIENCE))
    listener, _ = listening(stream, FakeClock(), [BUILDING])
    assert (listener.now(), stream.opened.wait(PATIENCE), listener.events) == (2.0, True, HEARD)


# ---- what a stream has shown itself to be worth ----


def test_a_stage_that_is_named_as_a_look_finds_it_is_no_reason_to_look():
    """Neither as the stream opens nor again; but it shows that the stream speaks of what is waited for."""
    stream, clock = Stream(opens="BUILDING"), FakeClock()
    listener, _ = listening(stream, clock, [BUILDING])
    stream.opened.wait(PATIENCE)
    stream.tell("BUILDING")
    listener.sleep(30.0)
    assert (clock.now(), listener.events) == (32.0, Events(heard=True, named=True))


def test_another_stage_is_a_reason_to_look_also_as_the_stream_opens():
    """The look before may be older than what it says."""
    stream, clock = Stream(), FakeClock()
    stream.opens = "APP_STARTING"
    listener, _ = listening(stream, clock, [BUILDING])
    stream.opened.wait(PATIENCE)
    listener.sleep(30.0)
    assert clock.now() < 32.0


@pytest.mark.parametrize(("opens", "ahead"), [("BUILDING", 3.0), ("PAUSED", None)])
def test_a_stream_that_was_right_may_be_ahead_of_the_runtime(opens, ahead):
    """From the moment at which it names another stage; one that never was right is not waited upon."""
    stream, known, clock = Stream(opens=opens), [BUILDING], FakeClock()
    listener, _ = listening(stream, clock, known)
    stream.opened.wait(PATIENCE)
    listener.sleep(2.0)
    listener.judge()
    stream.tell("RUNNING")
    clock.advance(3.0)
    assert (listener.events.named, listener.events.ahead) == (False, ahead)
    known.append(RUNNING)
    assert (listener.events.named, listener.events.ahead) == (True, None)


def test_a_change_that_was_not_named_takes_the_trust_away():
    """It is not asked for twice to be right again."""
    stream, known = Stream(opens="BUILDING"), [BUILDING]
    listener, _ = listening(stream, FakeClock(), known)
    stream.opened.wait(PATIENCE)
    assert listener.events.named
    known.append(STARTING)
    assert not listener.events.named


def test_the_end_of_a_log_is_a_reason_to_look_and_says_nothing_of_the_events():
    """Neither that they were right, nor that they were wrong; and it is followed once for each build."""
    stream, known = Stream(opens="BUILDING"), [BUILDING]
    clock = Busy(lambda: None)
    listener, said = listening(stream, clock, known)
    listener.follow_build()
    listener.follow_build()
    assert (listener.events.log_open, stream.followed) == (True, 1)

    def end() -> None:
        stream.built.set()
        while listener.events.log_open:
            pass
        listener._wake.wait(PATIENCE)
        known.append(STARTING)

    clock.happens = end
    began = clock.now()
    listener.sleep(90.0)
    clock.happens = lambda: None
    listener.judge()
    assert (clock.now() - began, listener.events.announced, said) == (GAP, False, ["acme/demo: going on without its build log: it has ended"])
    known.append(BUILDING)
    listener.sleep(1.0)
    stream.log = Denied("the token may not")
    listener.follow_build()
    assert (listener.events.log_open, stream.followed, said[1:]) == (False, 2, ["acme/demo: going on without its build log: the token may not"])


@pytest.mark.parametrize("when", ["as the look is made", "after it"])
def test_a_log_that_ends_before_the_stream_says_so_takes_no_trust_away(when):
    """Both tell of the end of a build: the one that comes second brings no news, and calls for no look."""
    stream, known = Stream(opens="BUILDING"), [BUILDING]
    clock = Busy(lambda: None)
    listener, _ = listening(stream, clock, known)
    stream.opened.wait(PATIENCE)
    listener.judge()
    listener.follow_build()

    def end() -> None:
        stream.built.set()
        listener._wake.wait(PATIENCE)

    clock.happens = end
    listener.sleep(90.0)
    clock.happens = lambda: None
    if when == "after it":
        known.append(STARTING)
        listener.judge()
    stream.tell("APP_STARTING")
    known.append(STARTING)
    listener.judge()
    assert listener.events == Events(heard=True, announced=True, named=True)
    began = clock.now()
    listener.sleep(30.0)
    assert clock.now() - began == (GAP if when == "as the look is made" else 30.0)


def test_a_stage_that_a_look_has_found_is_no_reason_to_look():
    """Nor is a stream that names it only then one that told of it."""
    stream, known = Stream(opens="BUILDING"), [BUILDING]
    clock = FakeClock()
    listener, _ = listening(stream, clock, known)
    stream.opened.wait(PATIENCE)
    known.append(STARTING)
    listener.judge()
    stream.tell("APP_STARTING")
    listener.sleep(30.0)
    assert (clock.now(), listener.events) == (32.0, Events(heard=True, named=True))


def test_who_leaves_leaves_the_log_too():
    """What reads it is told to stop, and nobody is told that it has ended."""
    stream = Stream(opens="BUILDING")
    listener, said = listening(stream, FakeClock(), [BUILDING])
    listener.follow_build()
    log = listener._log
    listener.leave()
    stream.built.set()
    while log.open:
        pass
    assert (log._alive(), said) == (False, [])
