"""Puts back, after the job, what a step changed: hardware, sleep time, and Spaces that were paused.

The step saves what it found and what it asked for; the post step looks first, and leaves alone whatever somebody else
changed meanwhile. What undoes an operation stands in its row (`rules.operations`).

Source: docs/contract.md, "Inputs", `restore`.
"""

import base64
import json
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import astuple
from typing import TYPE_CHECKING

from hf_action.clock import Budget, Clock
from hf_action.operations.progress import SpaceProgress, run_parallel, verdict_of
from hf_action.operations.writes import Sender, Target
from hf_action.rules.models import SpaceInfo, SpaceRuntime
from hf_action.rules.operations import OPERATIONS, SavedState, UndoPart, Write
from hf_action.rules.outcomes import ActionError, Outcome, Refused, Unreachable
from hf_action.rules.results import Result, page
from hf_action.rules.waiting import Verdict

if TYPE_CHECKING:
    from hf_action.hub.client import Hub
    from hf_action.runner.log import Log

# Bytes of all that is saved. GitHub hands it to the post step as variables of `docker run`. Linux allows 128 KiB for
# one of them, and some 2 MiB for all arguments and variables of a process together (execve(2)).
MAX_STATE_BYTES = 1_000_000
# Spaces whose states are saved together: a variable of some kilobytes. It is written again for each of them.
TOGETHER = 64
# Bytes of a saved state once it is unpacked, so that a broken one costs nothing.
MAX_UNPACKED_BYTES = 16 * 1024 * 1024
# Spaces that are put back at once, whatever `max-parallel` is: GitHub ends everything five minutes after a cancel, and
# those that do not answer must not keep the others from their turn.
WIDTH = 64


def saved_state(progress: SpaceProgress) -> SavedState:
    """Return what the post step must know of a Space, as the look found it that decided the change."""
    runtime = progress.acted_on or progress.latest.runtime
    settings = progress.settings
    return SavedState(
        space=progress.space,
        operation=settings.operation,
        paused=runtime.stage == "PAUSED",
        hardware=runtime.requested_hardware or runtime.hardware,
        sleep_time=runtime.sleep_time,
        asked_hardware=settings.wish.hardware if settings.operation == "hardware" else None,
        asked_sleep_time=settings.wish.sleep_time,
    )


class Saver:
    """Keeps what the post step must know: `write` is handed texts to keep, each with a number; the last one counts."""

    def __init__(self, write: Callable[[int, str], None]) -> None:
        self._write = write
        self._places: dict[str, int] = {}
        self._states: list[dict[str, SavedState]] = []

    def save(self, progress: SpaceProgress) -> None:
        """Keep how a Space was before a change that is about to be sent, or forget it where that had no effect."""
        place = self._places.setdefault(progress.asked, len(self._places)) // TOGETHER
        if place == len(self._states):
            self._states.append({})
        before = dict(self._states[place])
        if progress.touched:
            self._states[place].setdefault(progress.asked, saved_state(progress))
        else:
            self._states[place].pop(progress.asked, None)
        if self._states[place] != before:
            self._write(place, dump(self._states[place].values()))


def dump(states: Iterable[SavedState]) -> str:
    """Return saved states as one short word."""
    rows = [astuple(state) for state in states]
    packed = zlib.compress(json.dumps(rows, separators=(",", ":")).encode(), level=9)
    return base64.b64encode(packed).decode()


def check_room(members: Iterable[SpaceProgress]) -> None:
    """Raise Refused where the post step could not be told of all these Spaces, before anything is sent to one."""
    states = [
        SavedState(space=one.space, operation=one.settings.operation, paused=bool(number % 2), sleep_time=number)
        for number, one in enumerate(members)
        if one.settings.restore
    ]
    if len(dump(states)) > MAX_STATE_BYTES:
        raise Refused(
            f"restore: GitHub cannot hand what {len(states)} Spaces were like to the post step; nothing was sent.",
            remedy="Use limit, or a matrix, so that a step has fewer Spaces.",
        )


def load(text: str) -> list[SavedState]:
    """Read what `dump` wrote; a row that is not one is left out, and stops none of the others.

    Raises:
        ValueError: it is not what `dump` writes.
    """
    try:
        unpacked = zlib.decompressobj().decompress(base64.b64decode(text, validate=True), MAX_UNPACKED_BYTES)
        rows = json.loads(unpacked)
        if not isinstance(rows, list):
            raise TypeError(rows)
    except (TypeError, ValueError, RecursionError, zlib.error) as error:
        raise ValueError("the saved state is not readable") from error
    return [state for row in rows if (state := _read_row(row))]


def _read_row(row: object) -> SavedState | None:
    kinds = (str, str, bool, str | None, int | None, str | None, int | None)
    if not isinstance(row, list) or len(row) != len(kinds):
        return None
    if not all(isinstance(value, kind) for value, kind in zip(row, kinds, strict=True)):
        return None
    return SavedState(*row) if row[1] in OPERATIONS else None


class Restore:
    """The post step: each saved Space is put back, several at once; one that cannot be stops none of the others."""

    def __init__(
        self,
        *,
        states: Sequence[SavedState],
        endpoint: str,
        hub: "Hub",
        clock: Clock,
        log: "Log",
        budget: Budget,
    ) -> None:
        self._states = {state.space: state for state in states}
        self._endpoint = endpoint
        self._hub = hub
        self._clock = clock
        self._log = log
        self._sender = Sender(hub=hub, clock=clock, budget=budget, info=log.info)
        self._began = clock.now()
        self._done: dict[str, Result] = {}

    def run(self) -> None:
        """Look at each Space and put it back; afterwards every Space has its result."""
        run_parallel(self._states.values(), self._restore, width=WIDTH)

    def results(self, ending: Verdict | None) -> tuple[Result, ...]:
        """Return what became of each Space; what was not come to has this `ending`."""
        results = []
        for space in self._states:
            if space in self._done:
                results.append(self._done[space])
            elif ending:
                results.append(self._result(space, ending))
        return tuple(results)

    def _restore(self, state: SavedState) -> None:
        before = after = None
        notes: list[str] = []
        sent = False
        try:
            for part in OPERATIONS[state.operation].undo:
                if not after or sent:  # the answer to a write is not a look
                    looked_at, after = self._clock.now(), self._hub.space_info(state.space)
                    before = before or after
                after, done = self._put_back(state, part, after, looked_at, notes)
                sent = sent or done
            verdict = Verdict(Outcome.OK if sent else Outcome.UNCHANGED, ", ".join(notes) or "nothing to undo")
        except ActionError as error:
            verdict = verdict_of(error)
            if notes:
                verdict = Verdict(verdict.outcome, f"{', '.join(notes)}; then {verdict.seen}", verdict.remedy)
        self._log.info(f"{state.space}: {verdict.outcome.word}: {verdict.message}")
        self._done[state.space] = self._result(state.space, verdict, before=before, after=after, changed=sent)

    def _put_back(
        self, state: SavedState, part: UndoPart, space: SpaceInfo, looked_at: float, notes: list[str]
    ) -> tuple[SpaceInfo, bool]:
        """Carry out one part of the undo; return the Space as it is then, and whether anything was sent."""
        undo = part(state, space.runtime)
        if undo is None:
            return space, False
        if undo.write is None:
            notes.append(undo.note)
            return space, False

        def decide(now: SpaceRuntime) -> Write | None:
            wanted = part(state, now)
            return wanted.write if wanted else None

        sent = self._sender.send(
            Target(
                space=space.id,
                runtime=space.runtime,
                looked_at=looked_at,
                look=self._look_at(space.id),
                info=lambda text: self._log.info(f"{space.id}: {text}"),
            ),
            decide,
        )
        notes.append(undo.note if sent else "somebody else has changed it meanwhile")
        return (space.now(sent.answer) if sent and sent.answer else space), bool(sent)

    def _look_at(self, space: str) -> Callable[[], SpaceRuntime | None]:
        def look() -> SpaceRuntime | None:
            try:
                return self._hub.runtime(space)
            except Unreachable:
                return None

        return look

    def _result(
        self,
        space: str,
        verdict: Verdict,
        *,
        before: SpaceInfo | None = None,
        after: SpaceInfo | None = None,
        changed: bool = False,
    ) -> Result:
        return Result(
            space=space,
            outcome=verdict.outcome,
            message=verdict.message,
            elapsed=self._clock.now() - self._began,
            url=page(self._endpoint, space),
            before=before,
            after=after,
            changed=changed,
        )
