"""The steps of the tour in their order, with what each does to the Space."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import httpx2

from live.findings import Skip
from live.steps import changes, looks, refusals, repository, streams
from live.tour import Impossible, Tour

NOT_ASKED_FOR = "left out, as you asked"


@dataclass(frozen=True, slots=True)
class Step:
    """A step: what it does to the Space, in words for the user, and the function that makes it."""

    does: str
    run: Callable[[Tour], None] | None = None  # None: a part of other steps, which can be left out


STEPS: Mapping[str, Step] = {
    "look": Step("reads the Space, its runtime and the price list", looks.look),
    "whoami": Step("reads whose token it is", looks.whoami),
    "listing": Step("lists the owner's Spaces, with pages of 1 and of 1,000", looks.listing),
    "events": Step("follows the status events while it pauses and restarts the Space", streams.events),
    "logs": Step("reads the build log and the run log", streams.logs),
    "restart": Step("restarts the running Space", changes.restart),
    "health": Step("visits the app while it starts (a part of restart and restart-paused)"),
    "pause": Step("pauses the Space", changes.pause),
    "wake": Step("visits the paused Space", changes.wake),
    "restart-paused": Step("restarts the paused Space", changes.restart_paused),
    "factory": Step("pauses the Space and sends it a factory reboot", changes.factory),
    "hardware": Step(
        "asks for paid hardware, to be refused (only where the account cannot pay)",
        refusals.hardware,
    ),
    "sleep-time": Step("asks for a sleep time, which free hardware is refused", refusals.sleep_time),
    "bad-token": Step("reads with an unknown token", refusals.bad_token),
    "absent": Step("reads a Space that does not exist, with and without the token", refusals.absent),
    "rename": Step("renames the Space and renames it back (only with --rename)", repository.rename),
    "rollback": Step("makes a commit, tries one that must be refused, and undoes the first", repository.rollback),
    "quota": Step("reads the quota headers", looks.quota),
}


def make_steps(tour: Tour) -> None:
    """Make all steps that are wanted; the tour goes on after one that fails."""
    for name, step in STEPS.items():
        tour.step = name
        if name not in tour.wanted:
            tour.skip(NOT_ASKED_FOR)
        elif step.run is not None:
            tour.say(f"{name}: {step.does}")
            _make(tour, step.run)


def _make(tour: Tour, run: Callable[[Tour], None]) -> None:
    try:
        run(tour)
    except Impossible as reason:
        tour.skip(str(reason))
    except (httpx2.HTTPError, httpx2.StreamError, OSError) as error:
        tour.skip(f"no answer came ({type(error).__name__})", trouble=True)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        tour.skip(f"an answer made no sense ({type(error).__name__})", trouble=True)


def troubles(skips: Sequence[Skip]) -> list[Skip]:
    """Return the steps that failed."""
    return [skip for skip in skips if skip.trouble]
