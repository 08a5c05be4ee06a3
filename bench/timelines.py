"""What Spaces go through while somebody waits for them; the same for every peer."""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from simhub.world import HEAD, Phase, Script, Space

OLD, NEW = "0" * 40, "1" * 40
LIVE = "RUNNING"


@dataclass(frozen=True, slots=True)
class Timeline:
    """A Space that is `before` until `trigger` sets off `script`: a push, a restart, or none, as it builds already."""

    name: str
    script: Script
    before: str = "BUILDING"
    trigger: str = ""

    @property
    def lasts(self) -> float:
        """Seconds from the trigger until the last stage is reached."""
        return self.script[-1].after

    @property
    def ends_well(self) -> bool:
        """Whether what was pushed or restarted runs in the end."""
        return self.script[-1].stage == LIVE

    def space(self, id: str) -> Space:
        """Return the Space as it is before anything happens, or as it begins to build."""
        served = OLD if self.before == LIVE else None
        head = OLD if self.trigger == "push" else NEW
        if not self.trigger:
            return Space(id=id, stage=self.before, commit=served, head=head, timeline=self.script)
        served = head if served else None  # a restart serves the same commit again
        return Space(id=id, stage=self.before, commit=served, head=head, scripts={self.trigger: self.script})


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
    """Return deployments after which the Hub names the stage from before for a while, as it is known to do."""
    cases = product(("push", "restart"), (LIVE, "BUILD_ERROR", "PAUSED"), (0, 2, 5, 10, 20, 45), (LIVE, "BUILD_ERROR"))
    for trigger, before, late, end in cases:
        if (trigger, before) == ("push", "PAUSED"):
            continue  # a push does not wake a paused Space
        building = "RUNNING_BUILDING" if before == LIVE else "BUILDING"
        script = (Phase(late, building), Phase(late + 40, end, commit=HEAD if end == LIVE else None))
        yield Timeline(
            name=f"{trigger} of a Space in {before}, seen after {late} s, ends in {end}",
            script=script,
            before=before,
            trigger=trigger,
        )
