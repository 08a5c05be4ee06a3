"""One tour of a Hub: what all steps share, what was found so far, and how a change of the Space is followed."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from hf_action.clock import Clock
from hf_action.rules.stages import Kind, kind_of
from live.connection import Connection, Who
from live.findings import Answer, Exchange, Fact, Journal, Rule, Skip, Span, text_of
from live.streams import Listener
from live.survey import Profile

# Seconds after a write: where the stage is still the old one, it will not change.
STILL = 60.0
# Seconds after which a build is given up.
LONGEST = 1800.0
# Seconds between two looks, by the seconds since the write.
INTERVALS = ((10.0, 1.0), (60.0, 2.0), (LONGEST, 5.0))


class Impossible(Exception):
    """A step cannot be made with this Space or account; the Hub is not to blame."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds of this machine to wait: for an event after a change, and for another line of a log."""

    event: float = 20.0
    line: float = 35.0


@dataclass(frozen=True, slots=True)
class Transition:
    """The stages of a Space after a write, and how long the old one was still shown."""

    stages: list[str]
    stale: Span | None

    @property
    def last(self) -> str:
        """Return the stage at the end."""
        return self.stages[-1]


@dataclass(slots=True, kw_only=True)
class Tour:
    """What all steps share.

    Args:
        connection: the Hub.
        profile: what was known of the Space before.
        clock: the time.
        say: shows a line to the user.
        wanted: the steps to make.
        patience: how long to wait for events and lines.
        every_change: whether an event must come for every change that a look has shown.
    """

    connection: Connection
    profile: Profile
    clock: Clock
    say: Callable[[str], None]
    wanted: frozenset[str]
    patience: Patience = field(default_factory=Patience)
    every_change: bool = True
    journal: Journal = field(default_factory=Journal)
    step: str = ""
    listener: Listener | None = None
    undo: dict[str, Callable[[], object]] = field(default_factory=dict)
    _events_fail: bool = False

    @property
    def id(self) -> str:
        """Return the Space's name."""
        return self.profile.id

    def path(self, rest: str = "") -> str:
        """Return the path of the Space's API."""
        return f"/api/spaces/{self.id}{rest}"

    # ---- what is kept ----

    def note(self, situation: str, answer: Answer, *, step: str | None = None) -> Answer:
        """Keep an answer."""
        self.journal.exchanges.append(Exchange(step or self.step, situation, answer))
        return answer

    def fact(self, what: str, rule: Rule, value: object, *, step: str | None = None) -> None:
        """Keep a fact."""
        self.journal.facts.append(Fact(step or self.step, what, rule, value))

    def skip(self, reason: str, *, step: str | None = None, trouble: bool = False) -> None:
        """Keep and show that something was not made."""
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

    def bring_to(self, stage: str) -> None:
        """Bring the Space into RUNNING or PAUSED, and keep nothing of it; raises Impossible."""
        now, _ = self.look(keep=False)
        if now != stage and kind_of(now) is Kind.MOVING:
            now = self.follow(before=now, written=self.clock.now(), keep=False, still=LONGEST).last
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
    ) -> Transition:
        """Look until the Space has changed after a write and rests, or has not changed for `still` seconds."""
        stages, stale, old = [before], None, written
        while True:
            stage, answer = self.look(keep=keep)
            moved = stage not in ("", stages[-1])
            if moved:
                stale = stale or Span(max(0.0, old - written), answer.answered - written)
                stages.append(stage)
                self._await_event(stage)
            elif len(stages) == 1:
                old = answer.sent
            since = answer.sent - written  # the look is at least so late, however slow the machine is
            if (stale and kind_of(stages[-1]) is not Kind.MOVING) or since > (LONGEST if stale else still):
                return Transition(stages, stale)
            meanwhile(stages[-1])
            self.clock.sleep(next((pause for until, pause in INTERVALS if since < until), 5.0))

    def changed(self, what: str, transition: Transition) -> None:
        """Keep the stages after a write that is called `what`."""
        self.fact(f"stages after {what}", Rule.ORDER, transition.stages)
        self.fact(f"stage in the end after {what}", Rule.SAME, transition.last)
        if transition.stale is not None:
            self.fact(f"old stage still told after {what}", Rule.AT_MOST, transition.stale)

    def visit(self, stage: str, *, step: str) -> None:
        """Visit the app's host, and keep the answer if the Space is still in that stage."""
        answer = self.connection.visit(self.profile.host, private=self.profile.private)
        after, _ = self.look(keep=False)
        if after == stage:
            self.note(f"host while {stage}", replace(answer, path="/"), step=step)

    def _await_event(self, stage: str) -> None:
        """Wait for the event of a change, unless an earlier one did not come."""
        if self.listener and not self._events_fail:
            self._events_fail = not self.listener.wait(stage, self.patience.event)
