"""What Spaces go through while somebody waits for them; the same for every peer."""

import math
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from simhub.world import HEAD, Phase, Script, Space

OLD, NEW = "0" * 40, "1" * 40
LIVE = "RUNNING"


@dataclass(frozen=True, slots=True)
class Timeline:
    """A Space that is `before` until `trigger` sets off `script`: a push, a restart, or none, as it builds already.

    The Hub tells a new head `head_lag` seconds late, its listings are `listing_lag` behind, and its edge serves the
    holding page for `holding` seconds once the app is live. With `selected` the action gets a pattern, not a name;
    `flags` are for the action, which alone can be asked for a commit, or whether the app answers. `about` is what else
    is particular to the Space.
    """

    name: str
    script: Script
    before: str = "BUILDING"
    trigger: str = ""
    head_lag: float = 0.0
    listing_lag: float = 0.0
    holding: float = 0.0
    selected: bool = False
    flags: tuple[str, ...] = ()
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def lasts(self) -> float:
        """Seconds from the trigger until the last stage is reached, and the app answers."""
        return self.script[-1].after + self.holding

    @property
    def ends_well(self) -> bool:
        """Whether what was pushed or restarted runs in the end."""
        return self.script[-1].stage == LIVE

    def space(self, id: str) -> Space:
        """Return the Space as it is before anything happens, or as it begins to build."""
        served = OLD if self.before == LIVE else None
        head = OLD if self.trigger == "push" else NEW
        if self.trigger:
            served = head if served else None  # a restart serves the same commit again
        return Space(
            id=id,
            stage=self.before,
            commit=served,
            head=head,
            timeline=() if self.trigger else self.script,
            scripts={self.trigger: self.script} if self.trigger else {},
            head_lag=self.head_lag,
            listing_lag=self.listing_lag,
            holding=self.holding,
            **self.about,
        )


def build(seconds: float, start: float) -> Timeline:
    """Return a build under way, then a start, then RUNNING."""
    script = (
        Phase(0, "BUILDING"),
        Phase(seconds, "APP_STARTING"),
        Phase(seconds + start, LIVE, commit=HEAD),
    )
    return Timeline(name=f"build of {seconds:.0f} s, start of {start:.0f} s", script=script)


TWENTY_MINUTES = build(1200, 30)
RESTART = Timeline(
    name="restart that is seen after 5 s, build of 1200 s, start of 30 s",
    before=LIVE,
    trigger="restart",
    script=(
        Phase(5, "RUNNING_BUILDING"),
        Phase(1205, "RUNNING_APP_STARTING"),
        Phase(1235, LIVE, commit=HEAD),
    ),
)


def builds(count: int, *, longest: float, longest_start: float) -> list[Timeline]:
    """Return builds of all lengths, of each order of magnitude as many: always the same ones."""
    chance = random.Random(5)

    def between(least: float, most: float) -> float:
        return math.exp(chance.uniform(math.log(least), math.log(most)))

    return [build(between(longest / 20, longest), between(longest_start / 10, longest_start)) for _ in range(count)]


def stale() -> Iterator[Timeline]:
    """Return deployments during which the Hub names what is not so, or not any more, as it is known to do."""
    yield from old_stages()
    yield from flaps()
    yield from late_heads()
    yield from late_listings()
    yield from holding_pages()


def old_stages() -> Iterator[Timeline]:
    """Return deployments after which the Hub names the stage from before for a while."""
    cases = product(("push", "restart"), (LIVE, "BUILD_ERROR", "PAUSED"), (0, 2, 5, 10, 20, 45), (LIVE, "BUILD_ERROR"))
    for trigger, before, late, end in cases:
        if (trigger, before) == ("push", "PAUSED"):
            continue  # a push does not wake a paused Space
        yield Timeline(
            name=f"{trigger} of a Space in {before}, seen after {late} s, ends in {end}",
            script=(Phase(late, _building(before)), _end(late + 40, end)),
            before=before,
            trigger=trigger,
        )


def flaps() -> Iterator[Timeline]:
    """Return deployments that seem to have failed for some seconds, and go on."""
    cases = product(("push", "restart"), (LIVE, "BUILD_ERROR"), ("BUILD_ERROR", "RUNTIME_ERROR"), (1, 4, 8))
    for trigger, before, broken, lasts in cases:
        yield Timeline(
            name=f"{trigger} of a Space in {before}, in {broken} for {lasts} s",
            script=(
                Phase(2, _building(before)),
                Phase(6, broken),
                Phase(6 + lasts, _building(before)),
                _end(50, LIVE),
            ),
            before=before,
            trigger=trigger,
        )


def late_heads() -> Iterator[Timeline]:
    """Return pushes of which the Hub names the old head for a while; the action is told the commit."""
    for before, lag, end in product((LIVE, "BUILD_ERROR"), (5, 20, 45), (LIVE, "BUILD_ERROR")):
        yield Timeline(
            name=f"push to a Space in {before}, its head told {lag} s late, ends in {end}",
            script=(Phase(5, _building(before)), _end(60, end)),
            before=before,
            trigger="push",
            head_lag=lag,
            flags=(f"--commit={NEW}",),
        )


def late_listings() -> Iterator[Timeline]:
    """Return deployments of Spaces that the action chooses from a listing which lags."""
    cases = product(("push", "restart"), (LIVE, "BUILD_ERROR"), (10, 60, 300), (LIVE, "BUILD_ERROR"))
    for trigger, before, lag, end in cases:
        yield Timeline(
            name=f"{trigger} of a Space in {before}, listings {lag} s late, ends in {end}",
            script=(Phase(5, _building(before)), _end(60, end)),
            before=before,
            trigger=trigger,
            listing_lag=lag,
            selected=True,
        )


def holding_pages() -> Iterator[Timeline]:
    """Return deployments whose visitors get the holding page for longer than the Hub says so."""
    for trigger, before, holding in product(("push", "restart"), (LIVE, "BUILD_ERROR"), (5, 20, 90)):
        yield Timeline(
            name=f"{trigger} of a Space in {before}, its app held back for {holding} s",
            script=(Phase(2, _building(before)), _end(40, LIVE)),
            before=before,
            trigger=trigger,
            holding=holding,
            flags=("--health-check=/",),
        )


def _building(before: str) -> str:
    return "RUNNING_BUILDING" if before == LIVE else "BUILDING"


def _end(after: float, stage: str) -> Phase:
    return Phase(after, stage, commit=HEAD if stage == LIVE else None)
