"""One tour of a Hub: the Space, the time, what was found so far, and how a change of the Space is followed."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from hf_action.clock import Clock
from hf_action.rules.stages import Kind as StageKind
from hf_action.rules.stages import kind_of
from live.connection import Connection, Who
from live.findings import Answer, Exchange, Fact, Journal, Kind, Skip, Span, text_of
from live.streams import Listener
from live.survey import Likeness

# Seconds after a write in which nothing has moved, after which nothing will.
STILL = 60.0
# Seconds after which a build is not waited for any more.
LONGEST = 1800.0
# Seconds between two looks, by the seconds since the write.
INTERVALS = ((10.0, 1.0), (60.0, 2.0), (LONGEST, 5.0))


class Impossible(Exception):
    """A step cannot be made here, for a reason that is no fault of the Hub."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds of this machine: for an event after a change, and for another line of a log."""

    event: float = 20.0
    line: float = 35.0


@dataclass(frozen=True, slots=True)
class Passage:
    """What became of a Space after a write: its stages, and how long the old one was still told."""

    stages: list[str]
    stale: Span | None

    @property
    def last(self) -> str:
        """Return the stage that it came to."""
        return self.stages[-1]


@dataclass(slots=True, kw_only=True)
class Tour:
    """What all steps need.

    Args:
        connection: the Hub.
        likeness: what is known of the Space from before.
        clock: what time it is, and how to let it pass.
        say: told what goes on.
        wanted: the steps to make.
        patience: how long to wait for what may never come.
        every_change: whether looks are frequent enough that each change has to be told by an event.
    """

    connection: Connection
    likeness: Likeness
    clock: Clock
    say: Callable[[str], None]
    wanted: frozenset[str]
    patience: Patience = field(default_factory=Patience)
    every_change: bool = True
    journal: Journal = field(default_factory=Journal)
    step: str = ""
    listener: Listener | None = None
    undo: dict[str, Callable[[], object]] = field(default_factory=dict)
    _deaf: bool = False

    @property
    def id(self) -> str:
        """Return the Space's name."""
        return self.likeness.id

    def path(self, rest: str = "") -> str:
        """Return the path of the Space's API."""
        return f"/api/spaces/{self.id}{rest}"

    # ---- what is kept ----

    def note(self, situation: str, answer: Answer, *, step: str | None = None) -> Answer:
        """Keep an answer."""
        self.journal.exchanges.append(Exchange(step or self.step, situation, answer))
        return answer

    def fact(self, what: str, kind: Kind, value: object, *, step: str | None = None) -> None:
        """Keep a fact."""
        self.journal.facts.append(Fact(step or self.step, what, kind, value))

    def skip(self, reason: str, *, step: str | None = None, trouble: bool = False) -> None:
        """Keep, and say loudly, that something was left out."""
        skipped = Skip(step or self.step, reason, trouble)
        self.journal.skips.append(skipped)
        self.say(f"NOT RUN: {skipped.step}: {reason}")

    # ---- questions and changes ----

    def get(
        self, rest: str, situation: str, *, who: Who = Who.OWNER, params: tuple[tuple[str, str], ...] = ()
    ) -> Answer:
        """Ask about the Space, and keep the answer."""
        return self.note(situation, self.connection.ask("GET", self.path(rest), who=who, params=params))

    def post(self, rest: str, situation: str, *, body: object = None) -> Answer:
        """Change the Space, and keep the answer."""
        return self.note(situation, self.connection.ask("POST", self.path(rest), body=body))

    def look(self, *, keep: bool = True) -> tuple[str, Answer]:
        """Look at the runtime and return the stage."""
        answer = self.connection.ask("GET", self.path("/runtime"))
        stage = text_of(answer.body, "stage")
        if keep and stage:
            self.note(f"runtime while {stage}", answer)
        elif keep:
            self.note("runtime", answer)
        return stage, answer

    def be(self, stage: str) -> None:
        """Bring the Space into RUNNING or PAUSED, without a word about how; raises Impossible."""
        now, _ = self.look(keep=False)
        if now != stage and kind_of(now) is StageKind.MOVING:
            now = self.follow(before=now, written=self._now(), keep=False, still=LONGEST).last
        if now != stage:
            operation = "pause" if stage == "PAUSED" else "restart"
            answer = self.connection.ask("POST", self.path(f"/{operation}"))
            now = self.follow(before=now, written=answer.answered, keep=False).last
        if now != stage:
            raise Impossible(f"the Space does not become {stage}, it is {now or 'in an unknown stage'}")

    def follow(
        self,
        *,
        before: str,
        written: float,
        keep: bool = True,
        still: float = STILL,
        meanwhile: Callable[[str], None] = lambda _: None,
    ) -> Passage:
        """Look until the Space has come to rest after a write, or has not moved at all for `still` seconds."""
        stages, stale, old = [before], None, written
        while True:
            stage, answer = self.look(keep=keep)
            moved = stage not in ("", stages[-1])
            if moved:
                stale = stale or Span(max(0.0, old - written), answer.answered - written)
                stages.append(stage)
                self._hear(stage)
            elif len(stages) == 1:
                old = answer.sent
            since = answer.sent - written  # what this look shows is at least so old, however slow the machine
            if (stale and kind_of(stages[-1]) is not StageKind.MOVING) or since > (LONGEST if stale else still):
                return Passage(stages, stale)
            meanwhile(stages[-1])
            self.clock.sleep(next((pause for until, pause in INTERVALS if since < until), 5.0))

    def changed(self, what: str, passage: Passage) -> None:
        """Keep what became of the Space after a write that is called `what`."""
        self.fact(f"stages after {what}", Kind.ORDER, passage.stages)
        self.fact(f"stage in the end after {what}", Kind.SAME, passage.last)
        if passage.stale is not None:
            self.fact(f"old stage still told after {what}", Kind.AT_MOST, passage.stale)

    def visit(self, stage: str, *, step: str) -> None:
        """Visit the app's host, and keep what it says if the Space was in that stage before and after."""
        answer = self.connection.visit(self.likeness.host, private=self.likeness.private)
        after, _ = self.look(keep=False)
        if after == stage:
            self.note(f"host while {stage}", replace(answer, path="/"), step=step)

    def _hear(self, stage: str) -> None:
        """Wait until the stream has told of a change, unless it has failed to do so before."""
        if self.listener and not self._deaf:
            self._deaf = not self.listener.wait(stage, self.patience.event)

    def _now(self) -> float:
        return self.clock.now()
