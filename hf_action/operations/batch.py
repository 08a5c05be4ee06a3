"""What each operation asks for, sends and waits for.

A `Batch` takes the Spaces of one step through the same parts: which ones, a first look, what the operation sends,
waiting, and why it ended so. Each Space has a `SpaceProgress` that keeps all that was seen, so that a failure, a
timeout or a signal at any moment still leaves a result for every Space.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from difflib import get_close_matches
from functools import partial
from random import random
from threading import Lock
from typing import TYPE_CHECKING, assert_never

from hf_action.clock import Clock
from hf_action.inputs.readers import NEVER
from hf_action.inputs.settings import Settings
from hf_action.operations.events import Listener
from hf_action.operations.polling import RESERVE_OF_WRITES, Poller
from hf_action.operations.progress import MAX_ERROR, NO_TOKEN, SpaceProgress, run_parallel, state, verdict_of
from hf_action.rules import pace, waiting
from hf_action.rules.models import SpaceInfo, SpaceRuntime
from hf_action.rules.outcomes import ActionError, Denied, Outcome, OutOfTime, Refused, Unreachable
from hf_action.rules.pace import Events
from hf_action.rules.results import Result, page
from hf_action.rules.sanitize import one_line
from hf_action.rules.selection import choose, passes, queries
from hf_action.rules.stages import STAGES, Kind, kind_of
from hf_action.rules.waiting import UNREACHABLE_AFTER, Goal, Verdict

if TYPE_CHECKING:
    from hf_action.hub.client import Hub
    from hf_action.runner.log import Log

# Seconds a write whose answer was lost is given to show an effect before it is sent again. The Hub may go on
# naming the old stage for some seconds after a write that did arrive.
EFFECT = 15.0
# Seconds between looks for that effect, and for the effect of a visit.
EFFECT_INTERVAL = 3.0
# Stages of which the build log tells more than the app's own.
_BUILD_STAGES = frozenset({"BUILD_ERROR", "BUILDING", "RUNNING_BUILDING"})
_STATIC = "It is served as it was pushed, and costs nothing; take it off the list, or make it private to hide it"


class Batch:
    """One operation on the Spaces of one step. `dump` is told of a member before it is changed."""

    def __init__(
        self,
        *,
        settings: Settings,
        hub: "Hub",
        clock: Clock,
        log: "Log",
        began: float,
        deadline: float,
        dump: Callable[[Iterable[SpaceProgress]], None] = lambda _: None,
    ) -> None:
        self._settings = settings
        self._hub = hub
        self._clock = clock
        self._log = log
        self._began = began
        self._deadline = deadline
        self._save_state = dump
        self._one_at_a_time = Lock()
        self._poller = Poller(
            hub=hub, clock=clock, log=log, began=began, deadline=deadline, width=settings.max_parallel
        )
        self._listener: Listener | None = None
        self._members: dict[str, SpaceProgress] = {}
        # What the fleet file says of a Space counts before what the step says of all.
        own = {space.lower(): some for some in settings.fleet for space in some.spaces}
        for some in (settings, *settings.fleet):
            for space in some.spaces:
                self._members.setdefault(
                    space.lower(), SpaceProgress(space=space, settings=own.get(space.lower(), some))
                )

    def run(self) -> None:
        """Do it all; afterwards every Space has its result.

        Raises:
            ActionError: the Spaces could not even be chosen.
        """
        if any(some.writes for some in (self._settings, *self._settings.fleet)) and not self._settings.has_credentials:
            raise Denied(NO_TOKEN.seen, remedy=NO_TOKEN.remedy)
        self._select()
        run_parallel(self._open(), self._begin, width=self._settings.max_parallel)
        expected = {progress.space: progress for progress in self._open()}
        if len(expected) == 1 and self._settings.has_credentials:
            self._listener = self._listen(*expected.values())
        goals = {space: progress.goal for space, progress in expected.items() if progress.goal}

        def observe(spaces: Sequence[str]) -> dict[str, waiting.Observation]:
            looks = self._observe([expected[space] for space in spaces])
            # The first look of its own may tell what a Space was waited for from.
            goals.update({space: goal for space in spaces if (goal := expected[space].goal)})
            return looks

        waiting.watch(
            goals,
            {space: progress.history for space, progress in expected.items()},
            observe=observe,
            conclude=lambda space, verdict: self._end(expected[space], verdict),
            pace=lambda spaces: self._pace([expected[space] for space in spaces]),
            clock=self._listener or self._clock,
        )
        if self._listener:
            self._listener.leave()
        run_parallel(self._members.values(), self._explain, width=self._settings.max_parallel)

    def end_open(self, verdict: Verdict) -> None:
        """Give every Space that has none yet the same verdict."""
        for progress in self._open():
            self._end(progress, verdict)

    def cancel(self) -> None:
        """End what is open because a signal came; the message says what the Hub goes on with."""
        for progress in self._open():
            stage = progress.stage if progress.after else "not looked at yet"
            sent = (
                f"; the {progress.settings.operation} was sent and goes on" if progress.sent else "; nothing was sent"
            )
            self._end(progress, Verdict(Outcome.CANCELLED, f"cancelled while {stage}{sent}"))

    def results(self) -> tuple[Result, ...]:
        """Return what became of each Space, in the order asked for."""
        return tuple(
            Result(
                space=progress.space,
                outcome=progress.verdict.outcome,
                message=progress.verdict.message,
                elapsed=progress.ended - self._began,
                url=page(self._settings.endpoint, progress.space),
                before=progress.before,
                after=progress.after,
                changed=progress.changed,
                timeline=tuple(progress.timeline),
                log=tuple(progress.tail),
            )
            for progress in self._members.values()
            if progress.verdict and not _is_left_out(progress)
        )

    def hardware(self) -> set[str]:
        """Return the flavors that the Spaces have or ask for."""
        seen = [look for progress in self._members.values() for look in (progress.before, progress.after) if look]
        runtimes = [look.runtime for look in seen]
        return {flavor for runtime in runtimes for flavor in (runtime.hardware, runtime.requested_hardware) if flavor}

    # ---- which Spaces ----

    def _select(self) -> None:
        """Add the Spaces that patterns and filters choose; a listing is asked for once."""
        listings: dict[object, list[SpaceInfo]] = {}
        for some in (*self._settings.fleet, self._settings):
            if not some.selects:
                continue
            asked = queries(some.patterns, some.filters)
            for query in asked:
                if query not in listings:
                    self._log.set_status(f"listing the Spaces of {query.author or 'everybody'}")
                    listings[query] = self._hub.list_spaces(query)
            listed = [space for query in asked for space in listings[query]]
            for space in choose(listed, some.patterns, some.filters):
                self._members.setdefault(space.id.lower(), SpaceProgress(space=space.id, settings=some, listed=space))

    # ---- the first look, and what follows from it ----

    def _begin(self, progress: SpaceProgress) -> None:
        try:
            self._poller.first(progress)
            self._operate(progress)
        except ActionError as error:
            self._end(progress, verdict_of(error))

    def _operate(self, progress: SpaceProgress) -> None:
        settings, runtime = progress.settings, progress.found.runtime
        if not progress.listed and not passes(progress.found, settings.filters):
            self._end(progress, Verdict(Outcome.SKIPPED, f"{runtime.stage}; the filters leave it out"))
            return
        match settings.operation:
            case "info" | "list":
                self._end(progress, Verdict(Outcome.OK, state(runtime)))
            case "wait":
                self._expect(progress, began=self._began)
                if not progress.listed:
                    progress.history.append(self._poller.observation(progress, self._clock.now()))
            case "wake" if runtime.stage == "RUNNING":
                self._end(progress, Verdict(Outcome.UNCHANGED, "RUNNING already; nothing was sent"))
            case operation if progress.found.sdk == "static":
                outcome = Outcome.SKIPPED if progress.listed else Outcome.FAILED
                self._end(progress, Verdict(outcome, f"a static Space has no runtime to {_verb(operation)}", _STATIC))
            case operation if already := _already(operation, settings, runtime):
                self._end(progress, Verdict(Outcome.UNCHANGED, f"{already} already; nothing was sent"))
            case operation if settings.dry_run:
                self._end(progress, Verdict(Outcome.PLANNED, f"{operation} would be sent; it is {runtime.stage} now"))
            case "restart":
                self._act(progress, partial(self._hub.restart, factory_reboot=settings.factory_reboot))
            case "pause":
                self._act(progress, self._hub.pause)
            case "wake":
                self._wake(progress)
            case "hardware":
                self._request_hardware(progress)
            case "sleep-time":
                assert settings.sleep_time is not None  # operation sleep-time has one, see settings.py
                self._act(progress, partial(self._hub.set_sleep_time, seconds=settings.sleep_time))
            case _:
                assert_never(settings.operation)

    def _request_hardware(self, progress: SpaceProgress) -> None:
        flavor, seconds = progress.settings.hardware, progress.settings.sleep_time
        assert flavor  # operation hardware has one, see settings.py
        try:
            self._act(progress, partial(self._hub.request_hardware, flavor=flavor, sleep_time=seconds))
        except Refused as error:
            known = self._hub.prices()
            near = get_close_matches(flavor, known, n=1)
            if known and flavor not in known:
                error.remedy = f"Did you mean {near[0]}?" if near else f"The Hub has {', '.join(known)}."
            raise

    def _wake(self, progress: SpaceProgress) -> None:
        """Visit the app; restart the Space where that does not move it within settle."""
        began = self._clock.now()
        settle = progress.settings.settle
        self._save_all(progress)
        if progress.found.host:
            self._poller.info(progress, f"visiting {progress.found.host}")
            self._hub.probe(progress.found.host, progress.found)
            progress.sent = True
            if self._moves(progress, until=began + settle):
                progress.changed = progress.stage != progress.found.runtime.stage
                self._expect(progress, began=began, told=f"visited, not waited for; {progress.stage}")
                return
            if self._clock.now() >= self._deadline:
                remedy = f"Give more timeout than settle ({settle:g} s)."
                raise OutOfTime("a visit did not move it before the budget ended.", remedy=remedy)
            self._poller.info(progress, f"a visit does not move it within {settle:g} s; restarting it")
        if not progress.settings.has_credentials:
            raise Denied(f"a visit does not wake it, and {NO_TOKEN.seen} for a restart", remedy=NO_TOKEN.remedy)
        self._act(progress, partial(self._hub.restart, factory_reboot=False))

    def _moves(self, progress: SpaceProgress, *, until: float) -> bool:
        """Look until another stage than before is seen, or one that will become another by itself."""
        while self._clock.now() < min(until, self._deadline):
            look = self._poller.look(progress)
            progress.history.append(look)
            if look.stage and (look.stage != progress.found.runtime.stage or STAGES.get(look.stage) is Kind.MOVING):
                return True
            left = min(until, self._deadline) - self._clock.now()
            self._clock.sleep(max(min(EFFECT_INTERVAL, left), 0.0))
        return False

    def _act(self, progress: SpaceProgress, write: Callable[[str], SpaceRuntime | None]) -> None:
        """Send the write of this operation, and expect its effect."""
        self._wait_for_quota()
        self._save_all(progress)
        began = self._clock.now()
        progress.history.clear()  # what was seen before says nothing of the effect
        answer = self._write(progress, write, began)
        progress.changed = True
        if answer and not progress.settings.stages:
            progress.after = progress.latest.now(answer)
        told = f"; the Hub answers {_told(progress)}" if answer or progress.history else ""
        self._expect(progress, began=began, told=f"{_request(progress)} sent, not waited for{told}")

    def _expect(self, progress: SpaceProgress, *, began: float, told: str = "") -> None:
        """Wait from now on for the stages that are wanted; where none is, end with what there is to be `told`."""
        settings = progress.settings
        if not settings.stages:
            self._end(progress, Verdict(Outcome.OK, told))
            return
        progress.goal = Goal(
            stages=settings.stages,
            began=began,
            deadline=self._deadline,
            before=progress.found.runtime.stage,
            # What a paused Space would serve is nobody's concern.
            commit="any" if settings.operation == "pause" else settings.commit,
            head=progress.found.head,
            hardware=settings.hardware if settings.operation == "hardware" else None,
            settle=settings.settle,
            stable_for=settings.stable_for,
            health=settings.health_check is not None and settings.operation != "pause",
            acted=settings.operation != "wait",
        )

    # ---- a write is never sent twice blindly ----

    def _write(
        self, progress: SpaceProgress, write: Callable[[str], SpaceRuntime | None], began: float
    ) -> SpaceRuntime | None:
        """Send a write until it was taken or had its effect; None when no runtime came in answer.

        Raises:
            ActionError: it was refused, or had no answer and no effect for five minutes or until the deadline.
        """
        while True:
            try:
                progress.sent = True
                answer = write(progress.space)
            except Unreachable as lost:
                if not lost.sent:
                    progress.sent = False
                    raise
                self._poller.info(progress, f"{lost} — looking for an effect before anything is sent again")
                if self._had_effect(progress, began):
                    self._poller.info(progress, f"{_request(progress)} had its effect: {progress.stage}")
                    return None
                now = self._clock.now()
                if now >= self._deadline or now - began >= UNREACHABLE_AFTER:
                    raise
                self._poller.info(progress, f"no effect seen; sending {_request(progress)} again")
            else:
                told = f"; the Hub answers {answer.stage}, which proves nothing yet" if answer else ""
                self._poller.info(progress, f"{_request(progress)} sent{told}")
                return answer

    def _had_effect(self, progress: SpaceProgress, began: float) -> bool:
        """Look until the effect of a lost write is seen, or an unmoved Space was seen for long enough."""
        grace = self._clock.now() + min(EFFECT, progress.settings.settle)
        while self._clock.now() < self._deadline and self._clock.now() - began < UNREACHABLE_AFTER:
            look = self._poller.look(progress)
            progress.history.append(look)
            if look.stage and _is_effect(progress):
                return True
            if look.stage and self._clock.now() >= grace:
                return False
            self._clock.sleep(min(EFFECT_INTERVAL, max(self._deadline - self._clock.now(), 0.0)))
        return False

    def _wait_for_quota(self) -> None:
        """Let the Hub's quota recover before a write, where little more is left than waiting needs."""
        with self._one_at_a_time:
            wait = self._hub.quota_wait(RESERVE_OF_WRITES)
            if wait and self._clock.now() + wait < self._deadline:
                self._log.info(f"the Hub's quota is nearly spent; going on in {wait:.0f} s")
                self._clock.sleep(wait)

    def _save_all(self, progress: SpaceProgress) -> None:
        with self._one_at_a_time:
            progress.touched = True
            self._save_state([progress])

    # ---- looks ----

    def _observe(self, members: Sequence[SpaceProgress]) -> dict[str, waiting.Observation]:
        looks = self._poller.observe(members)
        self._log.set_status(_counts(members))
        if self._clock.now() >= self._deadline - waiting.LAST_LOOK:

            def read_log(progress: SpaceProgress) -> None:
                look = looks.get(progress.space)
                well = (
                    look
                    and look.stage
                    and progress.goal
                    and waiting.reached(progress.goal, look)
                    and not look.health_problem
                )
                if not well and self._wants_log(progress, failing=True):
                    progress.tail = self._log_tail(progress)

            run_parallel(
                members, read_log, width=self._settings.max_parallel
            )  # afterwards there is no budget for a request
        return looks

    def _listen(self, progress: SpaceProgress) -> Listener:
        return Listener(
            hub=self._hub,
            space=progress.space,
            clock=self._clock,
            known=lambda: progress.after and progress.after.runtime,
            debug=self._log.debug,
        )

    def _pace(self, members: Sequence[SpaceProgress]) -> float:
        now, chance = self._clock.now(), random()
        events = self._listener.events if self._listener else Events.NONE
        seen = [(progress.goal, progress.history) for progress in members if progress.goal and progress.history]
        seconds = min(
            (pace.interval(goal, history, now, events=events, chance=chance) for goal, history in seen),
            default=pace.POLL_MAX,
        )
        if seen and all(history[-1].stage is None for _, history in seen):
            return seconds  # a Hub that does not answer is not asked more often because somebody is in a hurry
        share = pace.fair_share(self._hub.quota(), requests=self._poller.requests(members))
        reserved = self._poller.quota_wait() if len(members) > 1 else 0.0
        return max(self._settings.poll_interval or seconds, share, reserved)

    # ---- why it ended so ----

    def _explain(self, progress: SpaceProgress) -> None:
        """Fetch the log where it is wanted, and put the likely cause of a broken Space in front."""
        verdict = progress.verdict
        if not progress.after or not verdict:
            return
        runtime = progress.after.runtime
        failing = verdict.outcome in (Outcome.FAILED, Outcome.TIMED_OUT)
        if not progress.tail and self._wants_log(progress, failing=failing):
            progress.tail = self._log_tail(progress)
        if kind_of(runtime.stage) is not Kind.BROKEN or verdict.outcome not in (Outcome.FAILED, Outcome.OK):
            return
        from hf_action.diagnosis_old import find_cause  # a table of patterns that only a broken Space needs

        error = one_line(runtime.error or "")[:MAX_ERROR]
        said = f" ({error})" if error and error not in verdict.seen else ""
        cause = find_cause([runtime.stage, runtime.error or "", *progress.tail])
        if cause:
            seen = f"{cause.name}: {verdict.seen}{said}"
            progress.verdict = replace(verdict, seen=seen, remedy=f"{cause.remedy}; see {cause.link}")
        else:
            progress.verdict = replace(verdict, seen=f"{verdict.seen}{said}")

    def _wants_log(self, progress: SpaceProgress, *, failing: bool) -> bool:
        settings = progress.settings
        if not settings.has_credentials or progress.latest.sdk == "static" or self._clock.now() >= self._deadline:
            return False  # the Hub shows logs to nobody without a token, and static Spaces have none
        if settings.operation == "list":
            return False
        return settings.logs == "always" or (settings.logs == "on-failure" and failing)

    def _log_tail(self, progress: SpaceProgress) -> list[str]:
        build = progress.stage in _BUILD_STAGES
        kind = "build" if build else "run"
        try:
            lines = self._hub.log_tail(progress.space, build=build, lines=progress.settings.log_lines)
        except ActionError as error:
            self._poller.info(progress, f"the {kind} log could not be read: {error}")
            return []
        lines = [one_line(line) for line in lines]
        if lines:
            with self._one_at_a_time:
                self._log.group(f"{progress.space}: the last {len(lines)} lines of its {kind} log", lines)
        return lines

    def _end(self, progress: SpaceProgress, verdict: Verdict) -> None:
        progress.verdict = verdict
        progress.ended = self._clock.now()
        self._poller.info(progress, f"{verdict.outcome.word}: {verdict.message}")

    def _open(self) -> list[SpaceProgress]:
        return [progress for progress in self._members.values() if not progress.verdict]


def _is_left_out(progress: SpaceProgress) -> bool:
    """Whether a list does not have a Space that was named: its filters hold for all."""
    return (
        progress.settings.operation == "list"
        and progress.verdict is not None
        and progress.verdict.outcome is Outcome.SKIPPED
    )


def _already(operation: str, settings: Settings, runtime: SpaceRuntime) -> str:
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


def _is_on(runtime: SpaceRuntime, flavor: str | None) -> bool:
    """Whether a Space runs on a flavor, and none other is asked for."""
    return runtime.hardware == flavor and runtime.requested_hardware in (None, flavor)


def _never(seconds: int | None, runtime: SpaceRuntime) -> bool:
    return seconds == NEVER and (runtime.sleep_time or NEVER) == NEVER


def _sleep(seconds: int | None) -> str:
    return "never" if seconds in (None, NEVER) else f"{seconds} s"


def _request(progress: SpaceProgress) -> str:
    """Return what the operation sends."""
    return "restart" if progress.settings.operation == "wake" else progress.settings.operation


def _verb(operation: str) -> str:
    return {"hardware": "put on other hardware", "sleep-time": "let sleep"}.get(operation, operation)


def _is_effect(progress: SpaceProgress) -> bool:
    """Whether what was seen last is what the operation leads to."""
    settings, runtime = progress.settings, progress.latest.runtime
    match settings.operation:
        case "pause":
            return runtime.stage == "PAUSED"
        case "hardware":
            return runtime.requested_hardware == settings.hardware
        case "sleep-time":
            return runtime.sleep_time == settings.sleep_time or _never(settings.sleep_time, runtime)
    return kind_of(runtime.stage) is Kind.MOVING or runtime.stage != progress.found.runtime.stage


def _told(progress: SpaceProgress) -> str:
    if progress.settings.operation == "sleep-time":
        return f"{progress.stage}, sleep time {_sleep(progress.latest.runtime.sleep_time)}"
    return progress.stage


def _counts(members: Sequence[SpaceProgress]) -> str:
    """Return what is still waited for, for the heartbeat."""
    if len(members) == 1:
        return f"{members[0].space} is {members[0].stage}"
    stages = [progress.stage for progress in members]
    return f"{len(members)} Spaces: " + ", ".join(f"{stages.count(s)} {s}" for s in dict.fromkeys(stages))
