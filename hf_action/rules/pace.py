"""Decides how long to wait before the next look at a Space."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import assert_never

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
# The part by which a pause is longer or shorter by chance, so that steps that began together spread.
POLL_JITTER = 0.1
# The part of the Hub's quota that one step takes at most: a token is seldom used by one step alone.
QUOTA_SHARE = 0.5


class Events(Enum):
    """What is to be expected of the Hub's status events."""

    NONE = "nobody listens, or in vain"
    HOPED_FOR = "they are listened to, and nothing has happened yet"
    HEARD = "they have told of a change"


@dataclass(frozen=True, slots=True)
class Quota:
    """How many requests the Hub has left for this caller, and the seconds until it gives them again."""

    left: int
    renewed_in: float


def interval(
    goal: Goal, history: Sequence[Observation], now: float, *, events: Events = Events.NONE, chance: float = 0.5
) -> float:
    """Return the seconds until the next look is worth its request.

    Few after news, more the longer a stage lasts, and more where `events` of the Hub are to be expected. A look falls
    on the moment at which the stage seen last will have lasted long enough to count.
    `chance`, from 0 to 1, spreads the looks of steps that began together. docs/performance.md draws the curve.
    """
    last = history[-1]
    if last.stage is None:
        failures = next((n for n, look in enumerate(reversed(history)) if look.stage is not None), len(history))
        seconds = max(last.retry_after or 0.0, min(2.0 ** min(failures, 5), 30.0))
        # Told as `judge` tells it, so that no rounding makes it wait once more.
        until_believed = REFUSED_FOR - (now - refused_since(history)) if last.refusal else 0.0
        return min(seconds, until_believed) if until_believed > 0 else seconds
    answered = [look for look in history if look.stage is not None]
    building = stage_of(last.stage).builds and last.kind is Kind.MOVING
    age = now - since(answered, lambda look: look.stage == last.stage)
    if goal.health and reached(goal, last):
        events = Events.NONE  # nothing tells when an app begins to answer
    match events:
        case Events.NONE:
            seconds = min(max(age / POLL_AGE_PARTS, POLL_MIN), POLL_MAX_BUILDING if building else POLL_MAX)
        case Events.HOPED_FOR:
            seconds = min(
                max(age / POLL_AGE_PARTS_EVENTS, POLL_MIN), POLL_MAX_BUILDING_EVENTS if building else POLL_MAX
            )
        case Events.HEARD:
            seconds = POLL_EVENTS_BUILDING if building else POLL_EVENTS
        case _:
            assert_never(events)
    seconds *= 1.0 + POLL_JITTER * (2.0 * chance - 1.0)
    gone = now - last.at
    return min([seconds, *(max(left - gone, 0.0) for left in _ripens(goal, answered) if left > 0)])


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
