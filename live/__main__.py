"""`python -m live`: asks for permission, makes both tours, and shows what differs.

Exit status: 0 no difference, 1 differences, 2 it could not run, 130 cancelled.
"""

import os
import signal
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import httpx2

from live.anonymity import aliases
from live.clock import ScaledClock
from live.comparison import compare, unseen
from live.connection import Connection
from live.options import Options, read_options
from live.reference import simulate
from live.report import Report
from live.restoring import SIGNALS, cancel, restored
from live.steps import STEPS, make_steps, troubles
from live.survey import CannotRun, Profile, survey
from live.tour import Tour

SAME, DIFFERS, CANNOT_RUN, CANCELLED = 0, 1, 2, 130

Ask = Callable[[str], str]


def main(argv: Sequence[str] | None = None, ask: Ask | None = None) -> int:
    """Make the tour and return the exit status."""
    for number in SIGNALS:
        signal.signal(number, cancel)
    try:
        return run(read_options(argv, os.environ), ask=ask or _terminal())
    except CannotRun as reason:
        print(f"live: NOT RUN: {reason}", file=sys.stderr)
        return CANNOT_RUN
    except KeyboardInterrupt:
        print("live: cancelled; no report was written", file=sys.stderr)
        return CANCELLED


def run(options: Options, ask: Ask | None, clock: ScaledClock | None = None) -> int:
    """Look at the Space, ask, make the tour, compare, and report."""
    clock = clock or ScaledClock(options.speed)
    with Connection(endpoint=options.endpoint, token=options.token, clock=clock) as connection:
        try:
            profile = survey(connection, options.space)
        except (httpx2.HTTPError, OSError) as error:
            raise CannotRun(f"{options.endpoint} does not answer ({type(error).__name__})") from error
        _say(plan(options, profile))
        if not options.confirmed:
            _confirm(profile.id, ask)
        tour = Tour(
            connection=connection,
            profile=profile,
            clock=clock,
            say=_say,
            wanted=options.wanted,
            every_change=options.speed == 1,
        )
        ended = complete(tour)
    report = judge(tour, options, ended=ended)
    write(report, options.folder)
    _say(f"\n{report.table()}\n\nWritten to {options.folder}/")
    return status(report)


def complete(tour: Tour) -> bool:
    """Make the tour and put the Space back; return False if the tour was cancelled."""
    try:
        with restored(tour):
            make_steps(tour)
    except KeyboardInterrupt:
        return False
    return True


def judge(tour: Tour, options: Options, *, ended: bool) -> Report:
    """Make the same tour of the simulated Hub, and compare."""
    found, simulated = tour.journal, simulate(tour.profile, options.wanted)
    return Report(
        differences=compare(found, simulated, in_time=options.speed == 1),
        skips=found.skips,
        unseen=unseen(found, simulated) if ended else [],
        answers=len(found.exchanges),
        date=f"{datetime.now(UTC):%Y-%m-%d}",
        hub=options.endpoint,
        ended=ended,
        aliases=aliases(found, tour.profile, token=options.token),
    )


def write(report: Report, folder: Path) -> None:
    """Write the page and the samples, and remove samples of an earlier tour."""
    samples = folder / "samples"
    samples.mkdir(parents=True, exist_ok=True)
    (folder / "differences.md").write_text(report.markdown(), encoding="utf-8")
    for old in samples.glob("*.json"):
        old.unlink()
    for name, text in report.samples().items():
        (samples / name).write_text(text, encoding="utf-8")


def status(report: Report) -> int:
    """Return the exit status."""
    if not report.ended:
        return CANCELLED
    if report.differences:
        return DIFFERS
    return CANNOT_RUN if troubles(report.skips) or not report.answers else SAME


def plan(options: Options, profile: Profile) -> str:
    """Return what will be done to which Space."""
    kind = "private" if profile.private else "public"
    steps = [f"  {name:<15} {step.does}" for name, step in STEPS.items() if name in options.wanted]
    lines = [
        f"{profile.id} on {options.endpoint}: {kind}, {profile.sdk}, {profile.hardware}, {profile.stage}.",
        "It must be a Space that nobody needs: it will be down several times. In this order, the tour",
        *steps,
        "and puts the Space back into the stage it was found in. It costs nothing: paid hardware is asked for only",
        "where the Hub says that the account cannot pay, to see it refused.",
    ]
    return "\n".join(lines)


def _confirm(id: str, ask: Ask | None) -> None:
    if ask is None:
        raise CannotRun("there is no terminal to ask for permission; give it with --yes")
    if ask(f"Type {id} to continue: ").strip() != id:
        raise CannotRun("not confirmed; nothing was changed")


def _terminal() -> Ask | None:
    return input if sys.stdin is not None and sys.stdin.isatty() else None


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
