"""Puts the Space back as it was found, as far as that can be done, also where the tour was cancelled."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx2

from hf_action.rules.stages import Kind, kind_of
from live.tour import Tour

ASLEEP = "it was asleep, and falls asleep again by itself"


@contextmanager
def restored(tour: Tour) -> Iterator[None]:
    """Undo at the end what steps have left undone, then bring back the stage."""
    try:
        yield
    finally:
        for name, undo in reversed([*tour.undo.items()]):
            _attempt(tour, f"put back: {name}", undo)
        tour.undo.clear()
        _attempt(tour, "put back: stage", lambda: restore_stage(tour))


def restore_stage(tour: Tour) -> None:
    """Pause what was paused; start what was not, and is now."""
    found = tour.likeness.stage
    stage, _ = tour.look(keep=False)
    if found == "PAUSED" and stage != "PAUSED":
        tour.connection.ask("POST", tour.path("/pause"))
    elif found != "PAUSED" and kind_of(stage) in (Kind.RESTING, Kind.BROKEN) and stage != found:
        tour.connection.ask("POST", tour.path("/restart"))
    after, _ = tour.look(keep=False)
    more = f"; {ASLEEP}" if found == "SLEEPING" and after != found else ""
    tour.say(f"{tour.id} was found in {found} and is left in {after}{more}")


def _attempt(tour: Tour, what: str, undo: Callable[[], object]) -> None:
    try:
        undo()
    except (httpx2.HTTPError, OSError, LookupError, TypeError, ValueError, AttributeError) as error:
        tour.skip(f"FAILED: {type(error).__name__}; do it by hand", step=what, trouble=True)
