"""Puts the Space back as it was found, as far as possible, also after a cancel."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

import httpx2

from hf_action.rules.stages import Kind, kind_of
from live.tour import Tour

SIGNALS = signal.SIGINT, signal.SIGTERM
ASLEEP = "it was asleep, and falls asleep again by itself"


def cancel(_number: int, _frame: FrameType | None) -> NoReturn:
    """End the tour at a signal. All that follow are ignored: GitHub's runner sends a second one 7.5 s later."""
    _ignore()
    raise KeyboardInterrupt


@contextmanager
def restored(tour: Tour) -> Iterator[None]:
    """Undo at the end what steps could not undo themselves, then bring back the stage."""
    try:
        yield
    finally:
        with undisturbed():
            for name, undo in reversed([*tour.undo.items()]):
                _attempt(tour, f"put back: {name}", undo)
            tour.undo.clear()
            _attempt(tour, "put back: stage", lambda: restore_stage(tour))


@contextmanager
def undisturbed() -> Iterator[None]:
    """Ignore the signals that cancel."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    _ignore()
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def restore_stage(tour: Tour) -> None:
    """Pause a Space that was paused; restart one that was not, and is now."""
    found = tour.profile.stage
    stage, _ = tour.look(keep=False)
    if found == "PAUSED" and stage != "PAUSED":
        tour.connection.ask("POST", tour.path("/pause"))
    elif found != "PAUSED" and kind_of(stage) in (Kind.RESTING, Kind.BROKEN) and stage != found:
        tour.connection.ask("POST", tour.path("/restart"))
    after, _ = tour.look(keep=False)
    more = f"; {ASLEEP}" if found == "SLEEPING" and after != found else ""
    tour.say(f"{tour.id} was found in {found} and is left in {after}{more}")


def _ignore() -> None:
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _attempt(tour: Tour, what: str, undo: Callable[[], object]) -> None:
    try:
        undo()
    except (httpx2.HTTPError, OSError, LookupError, TypeError, ValueError, AttributeError) as error:
        tour.skip(f"FAILED: {type(error).__name__}; do it by hand", step=what, trouble=True)
