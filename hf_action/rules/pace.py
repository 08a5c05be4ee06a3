"""Decides how long to wait before the next look at a Space."""

from collections.abc import Sequence
from dataclasses import dataclass

from hf_action.rules.stages import Kind, stage_of
from hf_action.rules.waiting import (
    REFUSED_FOR,
    Goal,
    Observation,
    believed,
    broken_for,
    held,
    reached,
    refused_since,
    since,
)

# Seconds between looks just after news.
POLL_MIN = 2.0
# The same when a stage has lasted for long: at most so many, and for a build.
POLL_MAX = 4.0
POLL_MAX_BUILDING = 12.0
# In between, the pause is this part of the time that the stage has lasted: what is noticed late is late by a twelfth.
POLL_AGE_PARTS = 12.0
# While the Hub's status events may still come, a build is looked at less often: this part of its age, and at most so
# many seconds.
POLL_AGE_PARTS_EVENTS = 7.0
POLL_MAX_BUILDING_EVENTS = 45.0
# Seconds between looks once an event has told of a change, and for a build. Events may fall silent without a word.
POLL_EVENTS = 10.0
POLL_EVENTS_BUILDING = 30.0
# The same for a build of which two streams would tell the end, the events, which name the stage, and the build's log:
# this part of its age, at least as without the log, and at most so many seconds.
POLL_AGE_PARTS_WITNESSED = 4.0
POLL_MAX_WITNESSED = 90.0
# Seconds that a build has lasted when its log is worth a request: builds are minutes long, and each saves more looks.
LOG_AFTER = 10.0
# The part by which a pause is longer by chance, so that steps that began together spread. Never shorter: looks are
# counted, and no chance makes more of them.
POLL_JITTER = 0.1
# The part of the Hub's quota that one step takes at most: a token is seldom used by one step alone.
QUOTA_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Events:
    """What the Hub's status events of a Space have been worth so far."""

    heard: bool = False  # the stream is open, and somebody listens
    announced: bool = False  # they have told of a change before a look found it, or with the log that had it found
    named: bool = False  # the stage that they named last is the one that the last look found
    ahead: float | None = None  # seconds since they named another one, where they have been right before
    log_open: bool = False  # the build's log is followed, too, which ends with the build


NO_EVENTS = Events()


@dataclass(frozen=True, slots=True)
class Quota:
    """How many requests the Hub has left for this caller, and the seconds until it gives them again."""

    left: int
    renewed_in: float


def interval(
    goal: Goal, history: Sequence[Observation], now: float, *, events: Events = NO_EVENTS, chance: float = 0.0
) -> float:
    """Return the seconds until the next look is worth its request.

    Few after news, more the longer a stage lasts, and more where `events` of the Hub are to be expected. A look falls
    on the moment at which the stage seen last will have lasted long enough to count.
    `chance`, from 0 to 1, spreads the looks of steps that began together: it adds a tenth at most.
    docs/performance.md draws the curve.

    How late a change is seen at most, whatever the events turn out to be worth: POLL_MAX_BUILDING_EVENTS seconds and
    the tenth that chance adds. A longer pause needs two streams, of which each alone ends it: events that fall silent
    cost no time where the log ends with its build, a log that does not end costs none where the events are true. Only
    where both stay open and conceal the same change is it seen later, after a quarter of the time that the build took
    and POLL_MAX_WITNESSED seconds at most, and the tenth.
    """
    last = history[-1]
    if last.stage is None:
        failures = next((n for n, look in enumerate(reversed(history)) if look.stage is not None), len(history))
        seconds = max(last.retry_after or 0.0, min(2.0 ** min(failures, 5), 30.0))
        # Told as `judge` tells it, so that no rounding makes it wait once more.
        until_believed = REFUSED_FOR - (now - refused_since(history)) if last.refusal else 0.0
        return min(seconds, until_believed) if until_believed > 0 else seconds
    answered = [look for look in history if look.stage is not None]
    if goal.health and reached(goal, last):
        events = NO_EVENTS  # nothing tells when an app begins to answer
    seconds = _pause(events, age=_age(answered, now), building=_builds(last))
    seconds *= 1.0 + POLL_JITTER * chance
    gone = now - last.at
    return min([seconds, *(max(left - gone, 0.0) for left in _ripens(goal, answered) if left > 0)])


def worth_a_log(history: Sequence[Observation], now: float, *, events: Events) -> bool:
    """Whether following the log of the build saves more looks than the request it takes."""
    named = events.named and history[-1].stage is not None and _builds(history[-1])
    return named and _age([look for look in history if look.stage is not None], now) >= LOG_AFTER


def _pause(events: Events, *, age: float, building: bool) -> float:
    """Return the seconds to the next look at a stage that has lasted for `age`, chance aside."""
    if not events.heard:
        return min(max(age / POLL_AGE_PARTS, POLL_MIN), POLL_MAX_BUILDING if building else POLL_MAX)
    if building and events.named and events.log_open:
        return min(max(age / POLL_AGE_PARTS_WITNESSED, POLL_MAX_BUILDING_EVENTS), POLL_MAX_WITNESSED)
    if events.announced:
        seconds = POLL_EVENTS_BUILDING if building else POLL_EVENTS
    else:
        seconds = min(age / POLL_AGE_PARTS_EVENTS, POLL_MAX_BUILDING_EVENTS if building else POLL_MAX)
    # The Hub's runtime may be a moment behind its events.
    return max(seconds if events.ahead is None else min(seconds, events.ahead), POLL_MIN)


def _builds(look: Observation) -> bool:
    return look.stage is not None and stage_of(look.stage).builds and look.kind is Kind.MOVING


def _age(answered: Sequence[Observation], now: float) -> float:
    """Return the seconds since the last stage was seen first."""
    return now - since(answered, lambda look: look.stage == answered[-1].stage)


def _ripens(goal: Goal, answered: Sequence[Observation]) -> list[float]:
    """Return the seconds after the last look until its stage, should it go on, counts: told as `judge` tells it."""
    last = answered[-1]
    settles = last.no_build or goal.holds_already or not believed(goal, answered)
    left = [goal.settle - (last.at - goal.began)] if settles else []
    if last.kind in (Kind.BROKEN, Kind.RESTING):
        left.append(broken_for(goal) - (last.at - since(answered, lambda look: look.stage == last.stage)))
    if reached(goal, last):
        left.append(goal.stable_for - held(goal, answered))
    return left


def fair_share(quota: Quota | None, *, requests: int) -> float:
    """Return the least seconds between rounds of so many `requests` that leave half of the quota to others.

    A token is seldom used by one step alone; where its quota is spent, looking waits until it is given again.
    """
    if quota is None:
        return 0.0
    rounds = quota.left * QUOTA_SHARE / requests
    return quota.renewed_in / rounds if rounds >= 1.0 else quota.renewed_in
