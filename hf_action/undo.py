"""Puts back, after the job, what a step changed: hardware, sleep time, and Spaces that were at rest.

The step saves what it found and what it asked for; the post step looks first, and leaves alone whatever somebody else
changed meanwhile. `plan` is pure; `Undo` carries it out.

Source: shared/contract.md, `restore`.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from hf_action.errors import ActionError, Outcome, Unreachable
from hf_action.facts import Description, Runtime
from hf_action.inputs import NEVER
from hf_action.looking import Hub, Log, Track, verdict_of
from hf_action.operations import EFFECT
from hf_action.report import Result, page, plain
from hf_action.stages import Kind, kind_of
from hf_action.waiting import PATIENCE, Clock, Verdict

# Stages in which a Space costs nothing and does nothing; a Space that was in one is paused again.
RESTING = frozenset({"PAUSED", "SLEEPING"})


@dataclass(frozen=True, slots=True)
class Memory:
    """How a Space was before the step, and what the step asked for. `sleep_time` is in seconds, None for never."""

    space: str
    operation: str
    stage: str
    hardware: str | None
    sleep_time: int | None
    asked_hardware: str | None
    asked_sleep_time: int | None


@dataclass(frozen=True, slots=True)
class Undoing:
    """What has to be sent to put one Space back; `note` is for people."""

    note: str
    hardware: str | None = None
    sleep_time: int | None = None
    pause: bool = False

    @property
    def needed(self) -> bool:
        """Whether anything has to be sent."""
        return self.hardware is not None or self.sleep_time is not None or self.pause


def remember(tracks: Iterable[Track]) -> str:
    """Return what the post step must know, as JSON; empty where there is nothing to undo."""
    memories = [
        Memory(
            space=track.space,
            operation=track.settings.operation,
            stage=track.before.runtime.stage,
            hardware=track.before.runtime.requested_hardware or track.before.runtime.hardware,
            sleep_time=track.before.runtime.sleep_time,
            asked_hardware=track.settings.hardware if track.settings.operation == "hardware" else None,
            asked_sleep_time=track.settings.sleep_time,
        )
        for track in tracks
        if track.settings.restore and track.before and track.touched
    ]
    return json.dumps([asdict(memory) for memory in memories]) if memories else ""


def recall(text: str) -> list[Memory]:
    """Read what `remember` wrote.

    Raises:
        ValueError: it is not what `remember` writes.
    """
    try:
        return [Memory(**entry) for entry in json.loads(text)]
    except (TypeError, ValueError) as error:
        raise ValueError("the saved state is not readable") from error


def plan(memory: Memory, now: Runtime) -> Undoing:
    """Return what puts a Space back, given what it is now; nothing that somebody else has changed is touched."""
    current = now.requested_hardware or now.hardware
    notes, hardware, sleep_time = [], None, None
    if memory.asked_hardware and memory.hardware and memory.hardware != memory.asked_hardware:
        if current == memory.asked_hardware:
            hardware = memory.hardware
            notes.append(f"hardware back to {hardware}")
        else:
            notes.append(f"hardware left alone: it is {current} by now, not {memory.asked_hardware}")
    asked, before = _seconds(memory.asked_sleep_time), _seconds(memory.sleep_time)
    if memory.asked_sleep_time is not None and asked != before:
        if _seconds(now.sleep_time) != asked:
            notes.append("sleep time left alone: somebody has changed it")
        else:
            sleep_time = before
            notes.append(f"sleep time back to {'never' if before == NEVER else f'{before} s'}")
    pause = memory.stage in RESTING and kind_of(now.stage) is not Kind.RESTING and now.stage != "DELETING"
    if pause:
        notes.append(f"paused again: it was {memory.stage}")
    return Undoing(note=", ".join(notes) or "nothing to undo", hardware=hardware, sleep_time=sleep_time, pause=pause)


def _seconds(sleep_time: int | None) -> int:
    return NEVER if sleep_time is None else sleep_time


class Undo:
    """The post step: each remembered Space, one after the other."""

    def __init__(
        self, *, memories: list[Memory], endpoint: str, hub: Hub, clock: Clock, log: Log, deadline: float
    ) -> None:
        self._memories = memories
        self._endpoint = endpoint
        self._hub = hub
        self._clock = clock
        self._log = log
        self._deadline = deadline
        self._began = clock.now()
        self._done: list[Result] = []

    def run(self) -> None:
        """Look at each Space and put it back; a Space that cannot be is a result, and stops none of the others."""
        for memory in self._memories:
            self._done.append(self._restore(memory))

    def results(self, ending: Verdict | None) -> tuple[Result, ...]:
        """Return what became of each Space; what was not come to has this `ending`."""
        done = tuple(self._done)
        if not ending:
            return done
        return done + tuple(
            Result(
                space=memory.space,
                outcome=ending.outcome,
                message=ending.message,
                elapsed=self._clock.now() - self._began,
                url=page(self._endpoint, memory.space),
            )
            for memory in self._memories[len(done) :]
        )

    def _restore(self, memory: Memory) -> Result:
        before = after = None
        undoing = Undoing(note="")
        try:
            before = after = self._hub.describe(memory.space)
            undoing = plan(memory, before.runtime)
            after = self._carry_out(memory, undoing, before)
            verdict = Verdict(Outcome.OK if undoing.needed else Outcome.UNCHANGED, undoing.note)
        except ActionError as error:
            verdict = verdict_of(error)
        self._log.say(plain(f"{memory.space}: {verdict.outcome.word}: {verdict.message}"))
        return Result(
            space=memory.space,
            outcome=verdict.outcome,
            message=verdict.message,
            elapsed=self._clock.now() - self._began,
            url=page(self._endpoint, memory.space),
            before=before,
            after=after,
            changed=verdict.outcome is Outcome.OK,
        )

    def _carry_out(self, memory: Memory, undoing: Undoing, space: Description) -> Description:
        """Send what is needed; where an answer is lost, look again, and send what has had no effect.

        Raises:
            ActionError: it was refused, or had no answer and no effect for five minutes or until the deadline.
        """
        end = min(self._clock.now() + PATIENCE, self._deadline - EFFECT)
        while True:
            try:
                return self._send(space, undoing)
            except Unreachable as lost:
                if not lost.sent or self._clock.now() >= end:
                    raise
                self._log.say(plain(f"{memory.space}: {lost} — looking for an effect before anything is sent again"))
                self._clock.sleep(EFFECT)
                space = self._hub.describe(memory.space)
                undoing = plan(memory, space.runtime)

    def _send(self, space: Description, undoing: Undoing) -> Description:
        answer: Runtime | None = None
        if undoing.hardware:
            sleep_time = undoing.sleep_time if undoing.hardware != "cpu-basic" else None
            answer = self._hub.request_hardware(space.id, flavor=undoing.hardware, sleep_time=sleep_time)
        elif undoing.sleep_time is not None:
            answer = self._hub.set_sleep_time(space.id, seconds=undoing.sleep_time)
        if undoing.pause:
            answer = self._hub.pause(space.id) or answer
        return space.now(answer) if answer else space
