"""What each operation asks for, sends and waits for.

A `Campaign` takes the Spaces of one step through the same parts: which ones, a first look, what the operation sends,
waiting, and why it ended so. Each Space has a `Track` that keeps all that was seen, so that a failure, a timeout or a
signal at any moment still leaves a result for every Space.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from difflib import get_close_matches
from functools import partial
from random import random
from threading import Lock
from typing import assert_never

from hf_action import waiting
from hf_action.errors import ActionError, Denied, Outcome, OutOfTime, Refused, Unreachable
from hf_action.facts import Description, Runtime
from hf_action.inputs import NEVER
from hf_action.listening import Clock, Listener
from hf_action.looking import (
    LONGEST_ERROR,
    NO_TOKEN,
    RESERVE_OF_WRITES,
    Hub,
    Log,
    Lookout,
    Track,
    spread,
    state,
    verdict_of,
)
from hf_action.report import Result, page, plain
from hf_action.selection import choose, passes, queries
from hf_action.settings import Settings
from hf_action.stages import STAGES, Kind, kind_of
from hf_action.waiting import PATIENCE, Events, Goal, Verdict

# Seconds a write whose answer was lost is given to show an effect before it is sent again. The Hub may go on
# naming the old stage for some seconds after a write that did arrive.
EFFECT = 15.0
# Seconds between looks for that effect, and for the effect of a visit.
EFFECT_INTERVAL = 3.0
# Stages of which the build log tells more than the app's own.
_BUILD_STAGES = frozenset({"BUILD_ERROR", "BUILDING", "RUNNING_BUILDING"})
_STATIC = "It is served as it was pushed, and costs nothing; take it off the list, or make it private to hide it"


class Campaign:
    """One operation on the Spaces of one step. `remember` is told the tracks before each change of one of them."""

    def __init__(
        self,
        *,
        settings: Settings,
        hub: Hub,
        clock: Clock,
        log: Log,
        began: float,
        deadline: float,
        remember: Callable[[Iterable[Track]], None] = lambda _: None,
    ) -> None:
        self._settings = settings
        self._hub = hub
        self._clock = clock
        self._log = log
        self._began = began
        self._deadline = deadline
        self._remember = remember
        self._one_at_a_time = Lock()
        self._lookout = Lookout(
            hub=hub, clock=clock, log=log, began=began, deadline=deadline, width=settings.max_parallel
        )
        self._listener: Listener | None = None
        self._tracks: dict[str, Track] = {}
        # What the fleet file says of a Space counts before what the step says of all.
        own = {space.lower(): some for some in settings.fleet for space in some.spaces}
        for some in (settings, *settings.fleet):
            for space in some.spaces:
                self._tracks.setdefault(space.lower(), Track(space=space, settings=own.get(space.lower(), some)))

    def run(self) -> None:
        """Do it all; afterwards every Space has its result.

        Raises:
            ActionError: the Spaces could not even be chosen.
        """
        if any(some.writes for some in (self._settings, *self._settings.fleet)) and not self._settings.has_credentials:
            raise Denied(NO_TOKEN.seen, remedy=NO_TOKEN.remedy)
        self._select()
        spread(self._open(), self._begin, width=self._settings.max_parallel)
        expected = {track.space: track for track in self._open()}
        if len(expected) == 1 and self._settings.has_credentials:
            self._listener = self._listen(*expected.values())
        goals = {space: track.goal for space, track in expected.items() if track.goal}

        def observe(spaces: Sequence[str]) -> dict[str, waiting.Observation]:
            looks = self._observe([expected[space] for space in spaces])
            # The first look of its own may tell what a Space was waited for from.
            goals.update({space: goal for space in spaces if (goal := expected[space].goal)})
            return looks

        waiting.watch(
            goals,
            {space: track.history for space, track in expected.items()},
            observe=observe,
            conclude=lambda space, verdict: self._end(expected[space], verdict),
            pace=lambda spaces: self._pace([expected[space] for space in spaces]),
            clock=self._listener or self._clock,
        )
        if self._listener:
            self._listener.leave()
        spread(self._tracks.values(), self._explain, width=self._settings.max_parallel)

    def end_open(self, verdict: Verdict) -> None:
        """Give every Space that has none yet the same verdict."""
        for track in self._open():
            self._end(track, verdict)

    def cancel(self) -> None:
        """End what is open because a signal came; the message says what the Hub goes on with."""
        for track in self._open():
            stage = track.stage if track.after else "not looked at yet"
            sent = f"; the {track.settings.operation} was sent and goes on" if track.sent else "; nothing was sent"
            self._end(track, Verdict(Outcome.CANCELLED, f"cancelled while {stage}{sent}"))

    def results(self) -> tuple[Result, ...]:
        """Return what became of each Space, in the order asked for."""
        return tuple(
            Result(
                space=track.space,
                outcome=track.verdict.outcome,
                message=track.verdict.message,
                elapsed=track.ended - self._began,
                url=page(self._settings.endpoint, track.space),
                before=track.before,
                after=track.after,
                changed=track.changed,
                timeline=tuple(track.timeline),
                log=tuple(track.tail),
            )
            for track in self._tracks.values()
            if track.verdict and not _is_left_out(track)
        )

    def hardware(self) -> set[str]:
        """Return the flavors that the Spaces have or ask for."""
        seen = [look for track in self._tracks.values() for look in (track.before, track.after) if look]
        runtimes = [look.runtime for look in seen]
        return {flavor for runtime in runtimes for flavor in (runtime.hardware, runtime.requested_hardware) if flavor}

    # ---- which Spaces ----

    def _select(self) -> None:
        """Add the Spaces that patterns and filters choose; a listing is asked for once."""
        listings: dict[object, list[Description]] = {}
        for some in (*self._settings.fleet, self._settings):
            if not some.selects:
                continue
            asked = queries(some.patterns, some.filters)
            for query in asked:
                if query not in listings:
                    self._log.status(f"listing the Spaces of {query.author or 'everybody'}")
                    listings[query] = self._hub.spaces(query)
            listed = [space for query in asked for space in listings[query]]
            for space in choose(listed, some.patterns, some.filters):
                self._tracks.setdefault(space.id.lower(), Track(space=space.id, settings=some, listed=space))

    # ---- the first look, and what follows from it ----

    def _begin(self, track: Track) -> None:
        try:
            self._lookout.first(track)
            self._operate(track)
        except ActionError as error:
            self._end(track, verdict_of(error))

    def _operate(self, track: Track) -> None:
        settings, runtime = track.settings, track.found.runtime
        if not track.listed and not passes(track.found, settings.filters):
            self._end(track, Verdict(Outcome.SKIPPED, f"{runtime.stage}; the filters leave it out"))
            return
        match settings.operation:
            case "info" | "list":
                self._end(track, Verdict(Outcome.OK, state(runtime)))
            case "wait":
                self._expect(track, began=self._began)
                if not track.listed:
                    track.history.append(self._lookout.observation(track, self._clock.now()))
            case "wake" if runtime.stage == "RUNNING":
                self._end(track, Verdict(Outcome.UNCHANGED, "RUNNING already; nothing was sent"))
            case operation if track.found.sdk == "static":
                outcome = Outcome.SKIPPED if track.listed else Outcome.FAILED
                self._end(track, Verdict(outcome, f"a static Space has no runtime to {_verb(operation)}", _STATIC))
            case operation if already := _already(operation, settings, runtime):
                self._end(track, Verdict(Outcome.UNCHANGED, f"{already} already; nothing was sent"))
            case operation if settings.dry_run:
                self._end(track, Verdict(Outcome.PLANNED, f"{operation} would be sent; it is {runtime.stage} now"))
            case "restart":
                self._act(track, partial(self._hub.restart, factory_reboot=settings.factory_reboot))
            case "pause":
                self._act(track, self._hub.pause)
            case "wake":
                self._wake(track)
            case "hardware":
                self._request_hardware(track)
            case "sleep-time":
                assert settings.sleep_time is not None  # operation sleep-time has one, see settings.py
                self._act(track, partial(self._hub.set_sleep_time, seconds=settings.sleep_time))
            case _:
                assert_never(settings.operation)

    def _request_hardware(self, track: Track) -> None:
        flavor, seconds = track.settings.hardware, track.settings.sleep_time
        assert flavor  # operation hardware has one, see settings.py
        try:
            self._act(track, partial(self._hub.request_hardware, flavor=flavor, sleep_time=seconds))
        except Refused as error:
            known = self._hub.prices()
            near = get_close_matches(flavor, known, n=1)
            if known and flavor not in known:
                error.remedy = f"Did you mean {near[0]}?" if near else f"The Hub has {', '.join(known)}."
            raise

    def _wake(self, track: Track) -> None:
        """Visit the app; restart the Space where that does not move it within settle."""
        began = self._clock.now()
        settle = track.settings.settle
        self._remember_all(track)
        if track.found.host:
            self._lookout.say(track, f"visiting {track.found.host}")
            self._hub.probe(track.found.host, track.found)
            track.sent = True
            if self._moves(track, until=began + settle):
                track.changed = track.stage != track.found.runtime.stage
                self._expect(track, began=began, told=f"visited, not waited for; {track.stage}")
                return
            if self._clock.now() >= self._deadline:
                remedy = f"Give more timeout than settle ({settle:g} s)."
                raise OutOfTime("a visit did not move it before the budget ended.", remedy=remedy)
            self._lookout.say(track, f"a visit does not move it within {settle:g} s; restarting it")
        if not track.settings.has_credentials:
            raise Denied(f"a visit does not wake it, and {NO_TOKEN.seen} for a restart", remedy=NO_TOKEN.remedy)
        self._act(track, partial(self._hub.restart, factory_reboot=False))

    def _moves(self, track: Track, *, until: float) -> bool:
        """Look until another stage than before is seen, or one that will become another by itself."""
        while self._clock.now() < min(until, self._deadline):
            look = self._lookout.look(track)
            track.history.append(look)
            if look.stage and (look.stage != track.found.runtime.stage or STAGES.get(look.stage) is Kind.MOVING):
                return True
            left = min(until, self._deadline) - self._clock.now()
            self._clock.sleep(max(min(EFFECT_INTERVAL, left), 0.0))
        return False

    def _act(self, track: Track, write: Callable[[str], Runtime | None]) -> None:
        """Send the write of this operation, and expect its effect."""
        self._mind_the_quota()
        self._remember_all(track)
        began = self._clock.now()
        track.history.clear()  # what was seen before says nothing of the effect
        answer = self._write(track, write, began)
        track.changed = True
        if answer and not track.settings.stages:
            track.after = track.latest.now(answer)
        told = f"; the Hub answers {_told(track)}" if answer or track.history else ""
        self._expect(track, began=began, told=f"{_request(track)} sent, not waited for{told}")

    def _expect(self, track: Track, *, began: float, told: str = "") -> None:
        """Wait from now on for the stages that are wanted; where none is, end with what there is to be `told`."""
        settings = track.settings
        if not settings.stages:
            self._end(track, Verdict(Outcome.OK, told))
            return
        track.goal = Goal(
            stages=settings.stages,
            began=began,
            deadline=self._deadline,
            before=track.found.runtime.stage,
            # What a paused Space would serve is nobody's concern.
            commit="any" if settings.operation == "pause" else settings.commit,
            head=track.found.head,
            hardware=settings.hardware if settings.operation == "hardware" else None,
            settle=settings.settle,
            stable_for=settings.stable_for,
            health=settings.health_check is not None and settings.operation != "pause",
            acted=settings.operation != "wait",
        )

    # ---- a write is never sent twice blindly ----

    def _write(self, track: Track, write: Callable[[str], Runtime | None], began: float) -> Runtime | None:
        """Send a write until it was taken or had its effect; None when no runtime came in answer.

        Raises:
            ActionError: it was refused, or had no answer and no effect for five minutes or until the deadline.
        """
        while True:
            try:
                track.sent = True
                answer = write(track.space)
            except Unreachable as lost:
                if not lost.sent:
                    track.sent = False
                    raise
                self._lookout.say(track, f"{lost} — looking for an effect before anything is sent again")
                if self._had_effect(track, began):
                    self._lookout.say(track, f"{_request(track)} had its effect: {track.stage}")
                    return None
                now = self._clock.now()
                if now >= self._deadline or now - began >= PATIENCE:
                    raise
                self._lookout.say(track, f"no effect seen; sending {_request(track)} again")
            else:
                told = f"; the Hub answers {answer.stage}, which proves nothing yet" if answer else ""
                self._lookout.say(track, f"{_request(track)} sent{told}")
                return answer

    def _had_effect(self, track: Track, began: float) -> bool:
        """Look until the effect of a lost write is seen, or an unmoved Space was seen for long enough."""
        grace = self._clock.now() + min(EFFECT, track.settings.settle)
        while self._clock.now() < self._deadline and self._clock.now() - began < PATIENCE:
            look = self._lookout.look(track)
            track.history.append(look)
            if look.stage and _is_effect(track):
                return True
            if look.stage and self._clock.now() >= grace:
                return False
            self._clock.sleep(min(EFFECT_INTERVAL, max(self._deadline - self._clock.now(), 0.0)))
        return False

    def _mind_the_quota(self) -> None:
        """Let the Hub's quota recover before a write, where little more is left than waiting needs."""
        with self._one_at_a_time:
            wait = self._hub.quota_wait(RESERVE_OF_WRITES)
            if wait and self._clock.now() + wait < self._deadline:
                self._log.say(f"the Hub's quota is nearly spent; going on in {wait:.0f} s")
                self._clock.sleep(wait)

    def _remember_all(self, track: Track) -> None:
        with self._one_at_a_time:
            track.touched = True
            self._remember(self._tracks.values())

    # ---- looks ----

    def _observe(self, tracks: Sequence[Track]) -> dict[str, waiting.Observation]:
        looks = self._lookout.observe(tracks)
        self._log.status(_counts(tracks))
        if self._clock.now() >= self._deadline - waiting.LAST_LOOK:

            def read_log(track: Track) -> None:
                look = looks.get(track.space)
                well = look and look.stage and track.goal and waiting.reached(track.goal, look) and not look.ailment
                if not well and self._wants_log(track, failing=True):
                    track.tail = self._log_tail(track)

            spread(tracks, read_log, width=self._settings.max_parallel)  # afterwards there is no budget for a request
        return looks

    def _listen(self, track: Track) -> Listener:
        return Listener(
            hub=self._hub,
            space=track.space,
            clock=self._clock,
            known=lambda: track.after and track.after.runtime,
            debug=self._log.debug,
        )

    def _pace(self, tracks: Sequence[Track]) -> float:
        now, chance = self._clock.now(), random()
        events = self._listener.events if self._listener else Events.NONE
        seen = [(track.goal, track.history) for track in tracks if track.goal and track.history]
        seconds = min(
            (waiting.interval(goal, history, now, events=events, chance=chance) for goal, history in seen),
            default=waiting.CALM,
        )
        if seen and all(history[-1].stage is None for _, history in seen):
            return seconds  # a Hub that does not answer is not asked more often because somebody is in a hurry
        share = waiting.fair_share(self._hub.quota(), requests=self._lookout.requests(tracks))
        reserved = self._lookout.quota_wait() if len(tracks) > 1 else 0.0
        return max(self._settings.poll_interval or seconds, share, reserved)

    # ---- why it ended so ----

    def _explain(self, track: Track) -> None:
        """Fetch the log where it is wanted, and put the likely cause of a broken Space in front."""
        verdict = track.verdict
        if not track.after or not verdict:
            return
        runtime = track.after.runtime
        failing = verdict.outcome in (Outcome.FAILED, Outcome.TIMED_OUT)
        if not track.tail and self._wants_log(track, failing=failing):
            track.tail = self._log_tail(track)
        if kind_of(runtime.stage) is not Kind.BROKEN or verdict.outcome not in (Outcome.FAILED, Outcome.OK):
            return
        from hf_action.causes import find_cause  # a table of patterns that only a broken Space needs

        error = plain(runtime.error or "")[:LONGEST_ERROR]
        said = f" ({error})" if error and error not in verdict.seen else ""
        cause = find_cause([runtime.stage, runtime.error or "", *track.tail])
        if cause:
            seen = f"{cause.name}: {verdict.seen}{said}"
            track.verdict = replace(verdict, seen=seen, remedy=f"{cause.remedy}; see {cause.link}")
        else:
            track.verdict = replace(verdict, seen=f"{verdict.seen}{said}")

    def _wants_log(self, track: Track, *, failing: bool) -> bool:
        settings = track.settings
        if not settings.has_credentials or track.latest.sdk == "static" or self._clock.now() >= self._deadline:
            return False  # the Hub shows logs to nobody without a token, and static Spaces have none
        if settings.operation == "list":
            return False
        return settings.logs == "always" or (settings.logs == "on-failure" and failing)

    def _log_tail(self, track: Track) -> list[str]:
        build = track.stage in _BUILD_STAGES
        kind = "build" if build else "run"
        try:
            lines = self._hub.log_tail(track.space, build=build, lines=track.settings.log_lines)
        except ActionError as error:
            self._lookout.say(track, f"the {kind} log could not be read: {error}")
            return []
        lines = [plain(line) for line in lines]
        if lines:
            with self._one_at_a_time:
                self._log.group(f"{track.space}: the last {len(lines)} lines of its {kind} log", lines)
        return lines

    def _end(self, track: Track, verdict: Verdict) -> None:
        track.verdict = verdict
        track.ended = self._clock.now()
        self._lookout.say(track, f"{verdict.outcome.word}: {verdict.message}")

    def _open(self) -> list[Track]:
        return [track for track in self._tracks.values() if not track.verdict]


def _is_left_out(track: Track) -> bool:
    """Whether a list does not have a Space that was named: its filters hold for all."""
    return track.settings.operation == "list" and track.verdict is not None and track.verdict.outcome is Outcome.SKIPPED


def _already(operation: str, settings: Settings, runtime: Runtime) -> str:
    """Return what makes an operation needless; nothing where it is not."""
    sleeps_so = settings.sleep_time in (None, runtime.sleep_time) or _never(settings.sleep_time, runtime)
    match operation:
        case "pause" if runtime.stage == "PAUSED":
            return "PAUSED"
        case "hardware" if _is_on(runtime, settings.hardware) and sleeps_so:
            return f"{runtime.stage} on {settings.hardware}"
        case "sleep-time" if sleeps_so:
            return f"the sleep time is {_sleep(settings.sleep_time)}"
    return ""


def _is_on(runtime: Runtime, flavor: str | None) -> bool:
    """Whether a Space runs on a flavor, and none other is asked for."""
    return runtime.hardware == flavor and runtime.requested_hardware in (None, flavor)


def _never(seconds: int | None, runtime: Runtime) -> bool:
    return seconds == NEVER and (runtime.sleep_time or NEVER) == NEVER


def _sleep(seconds: int | None) -> str:
    return "never" if seconds in (None, NEVER) else f"{seconds} s"


def _request(track: Track) -> str:
    """Return what the operation sends."""
    return "restart" if track.settings.operation == "wake" else track.settings.operation


def _verb(operation: str) -> str:
    return {"hardware": "put on other hardware", "sleep-time": "let sleep"}.get(operation, operation)


def _is_effect(track: Track) -> bool:
    """Whether what was seen last is what the operation leads to."""
    settings, runtime = track.settings, track.latest.runtime
    match settings.operation:
        case "pause":
            return runtime.stage == "PAUSED"
        case "hardware":
            return runtime.requested_hardware == settings.hardware
        case "sleep-time":
            return runtime.sleep_time == settings.sleep_time or _never(settings.sleep_time, runtime)
    return kind_of(runtime.stage) is Kind.MOVING or runtime.stage != track.found.runtime.stage


def _told(track: Track) -> str:
    if track.settings.operation == "sleep-time":
        return f"{track.stage}, sleep time {_sleep(track.latest.runtime.sleep_time)}"
    return track.stage


def _counts(tracks: Sequence[Track]) -> str:
    """Return what is still waited for, for the heartbeat."""
    if len(tracks) == 1:
        return f"{tracks[0].space} is {tracks[0].stage}"
    stages = [track.stage for track in tracks]
    return f"{len(tracks)} Spaces: " + ", ".join(f"{stages.count(s)} {s}" for s in dict.fromkeys(stages))
