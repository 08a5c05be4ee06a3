"""Puts back, after the job, what a step changed: hardware, sleep time, and Spaces that were at rest.

The step saves what it found and what it asked for; the post step looks first, and leaves alone whatever somebody else
changed meanwhile. `plan` is pure; `Undo` carries it out.

Source: shared/contract.md, `restore`.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from hf_action.clock import Clock
from hf_action.inputs.readers import NEVER
from hf_action.operations.batch import EFFECT
from hf_action.operations.progress import SpaceProgress, verdict_of
from hf_action.rules.models import SpaceInfo, SpaceRuntime
from hf_action.rules.outcomes import ActionError, Outcome, Unreachable
from hf_action.rules.results import Result, page
from hf_action.rules.sanitize import one_line
from hf_action.rules.stages import Kind, kind_of
from hf_action.rules.waiting import UNREACHABLE_AFTER, Verdict

if TYPE_CHECKING:
    from hf_action.hub.client import Hub
    from hf_action.runner.log import Log

# Stages in which a Space costs nothing and does nothing; a Space that was in one is paused again.
RESTING = frozenset({"PAUSED", "SLEEPING"})


@dataclass(frozen=True, slots=True)
class SavedState:
    """How a Space was before the step, and what the step asked for. `sleep_time` is in seconds, None for never."""

    space: str
    operation: str
    stage: str
    hardware: str | None
    sleep_time: int | None
    asked_hardware: str | None
    asked_sleep_time: int | None


@dataclass(frozen=True, slots=True)
class UndoPlan:
    """What has to be sent to put one Space back; `note` is for people."""

    note: str
    hardware: str | None = None
    sleep_time: int | None = None
    pause: bool = False

    @property
    def needed(self) -> bool:
        """Whether anything has to be sent."""
        return self.hardware is not None or self.sleep_time is not None or self.pause


def dump(members: Iterable[SpaceProgress]) -> str:
    """Return what the post step must know, as JSON; empty where there is nothing to undo."""
    states = [
        SavedState(
            space=progress.space,
            operation=progress.settings.operation,
            stage=progress.before.runtime.stage,
            hardware=progress.before.runtime.requested_hardware or progress.before.runtime.hardware,
            sleep_time=progress.before.runtime.sleep_time,
            asked_hardware=progress.settings.hardware if progress.settings.operation == "hardware" else None,
            asked_sleep_time=progress.settings.sleep_time,
        )
        for progress in members
        if progress.settings.restore and progress.before and progress.touched
    ]
    return json.dumps([asdict(state) for state in states]) if states else ""


def load(text: str) -> list[SavedState]:
    """Read what `dump` wrote.

    Raises:
        ValueError: it is not what `dump` writes.
    """
    try:
        return [SavedState(**entry) for entry in json.loads(text)]
    except (TypeError, ValueError) as error:
        raise ValueError("the saved state is not readable") from error


def plan(state: SavedState, now: SpaceRuntime) -> UndoPlan:
    """Return what puts a Space back, given what it is now; nothing that somebody else has changed is touched."""
    current = now.requested_hardware or now.hardware
    notes, hardware, sleep_time = [], None, None
    if state.asked_hardware and state.hardware and state.hardware != state.asked_hardware:
        if current == state.asked_hardware:
            hardware = state.hardware
            notes.append(f"hardware back to {hardware}")
        else:
            notes.append(f"hardware left alone: it is {current} by now, not {state.asked_hardware}")
    asked, before = _seconds(state.asked_sleep_time), _seconds(state.sleep_time)
    if state.asked_sleep_time is not None and asked != before:
        if _seconds(now.sleep_time) != asked:
            notes.append("sleep time left alone: somebody has changed it")
        else:
            sleep_time = before
            notes.append(f"sleep time back to {'never' if before == NEVER else f'{before} s'}")
    pause = state.stage in RESTING and kind_of(now.stage) is not Kind.RESTING and now.stage != "DELETING"
    if pause:
        notes.append(f"paused again: it was {state.stage}")
    return UndoPlan(note=", ".join(notes) or "nothing to undo", hardware=hardware, sleep_time=sleep_time, pause=pause)


def _seconds(sleep_time: int | None) -> int:
    return NEVER if sleep_time is None else sleep_time


class Undo:
    """The post step: each remembered Space, one after the other."""

    def __init__(
        self, *, states: list[SavedState], endpoint: str, hub: "Hub", clock: Clock, log: "Log", deadline: float
    ) -> None:
        self._states = states
        self._endpoint = endpoint
        self._hub = hub
        self._clock = clock
        self._log = log
        self._deadline = deadline
        self._began = clock.now()
        self._done: list[Result] = []

    def run(self) -> None:
        """Look at each Space and put it back; a Space that cannot be is a result, and stops none of the others."""
        for state in self._states:
            self._done.append(self._restore(state))

    def results(self, ending: Verdict | None) -> tuple[Result, ...]:
        """Return what became of each Space; what was not come to has this `ending`."""
        done = tuple(self._done)
        if not ending:
            return done
        return done + tuple(
            Result(
                space=state.space,
                outcome=ending.outcome,
                message=ending.message,
                elapsed=self._clock.now() - self._began,
                url=page(self._endpoint, state.space),
            )
            for state in self._states[len(done) :]
        )

    def _restore(self, state: SavedState) -> Result:
        before = after = None
        undo_plan = UndoPlan(note="")
        try:
            before = after = self._hub.space_info(state.space)
            undo_plan = plan(state, before.runtime)
            after = self._carry_out(state, undo_plan, before)
            verdict = Verdict(Outcome.OK if undo_plan.needed else Outcome.UNCHANGED, undo_plan.note)
        except ActionError as error:
            verdict = verdict_of(error)
        self._log.info(one_line(f"{state.space}: {verdict.outcome.word}: {verdict.message}"))
        return Result(
            space=state.space,
            outcome=verdict.outcome,
            message=verdict.message,
            elapsed=self._clock.now() - self._began,
            url=page(self._endpoint, state.space),
            before=before,
            after=after,
            changed=verdict.outcome is Outcome.OK,
        )

    def _carry_out(self, state: SavedState, undo_plan: UndoPlan, space: SpaceInfo) -> SpaceInfo:
        """Send what is needed; where an answer is lost, look again, and send what has had no effect.

        Raises:
            ActionError: it was refused, or had no answer and no effect for five minutes or until the deadline.
        """
        end = min(self._clock.now() + UNREACHABLE_AFTER, self._deadline - EFFECT)
        while True:
            try:
                return self._send(space, undo_plan)
            except Unreachable as lost:
                if not lost.sent or self._clock.now() >= end:
                    raise
                self._log.info(one_line(f"{state.space}: {lost} — looking for an effect before anything is sent again"))
                self._clock.sleep(EFFECT)
                space = self._hub.space_info(state.space)
                undo_plan = plan(state, space.runtime)

    def _send(self, space: SpaceInfo, undo_plan: UndoPlan) -> SpaceInfo:
        answer: SpaceRuntime | None = None
        if undo_plan.hardware:
            sleep_time = undo_plan.sleep_time if undo_plan.hardware != "cpu-basic" else None
            answer = self._hub.request_hardware(space.id, flavor=undo_plan.hardware, sleep_time=sleep_time)
        elif undo_plan.sleep_time is not None:
            answer = self._hub.set_sleep_time(space.id, seconds=undo_plan.sleep_time)
        if undo_plan.pause:
            answer = self._hub.pause(space.id) or answer
        return space.now(answer) if answer else space
