"""Decides when waiting for a Space is over, and how it ended.

Waiting is a judgement over history, not a retry loop: `judge` gets all looks so far and a goal, and returns a
verdict or nothing. A look that got no answer is an observation too. `watch` asks and judges until nothing is
open; a single Space is the case n = 1.

Source of every rule: shared/contract.md, "Waiting".
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hf_action.rules.outcomes import Outcome
from hf_action.rules.stages import Kind, kind_of

if TYPE_CHECKING:
    from hf_action.clock import Clock

# "No good answer for five minutes on end" (contract, rule 5), in seconds.
UNREACHABLE_AFTER = 300.0
# The last look is made this long before the budget ends, so that the answer still has time to come.
LAST_LOOK = 1.0


@dataclass(frozen=True, slots=True)
class Observation:
    """One look at a Space, or one that got no usable answer (`stage` is None, `problem` says why)."""

    at: float
    stage: str | None = None
    commit: str | None = None
    head: str | None = None
    hardware: str | None = None
    requested_hardware: str | None = None
    problem: str = ""
    retry_after: float | None = None  # seconds the Hub asked to be left alone
    health_problem: str | None = (
        None  # what a health check saw instead of an answer; empty: it answered; None: not asked
    )

    @property
    def kind(self) -> Kind | None:
        """What the stage means; None for a look without an answer."""
        return kind_of(self.stage) if self.stage else None


@dataclass(frozen=True, slots=True)
class Goal:
    """What is waited for. Times are on the clock of the observations, durations in seconds."""

    stages: frozenset[str]
    began: float  # when the step's own action was sent; for a mere wait, when the step began
    deadline: float
    before: str  # the stage before the action; for a mere wait, at the first look
    commit: str = "auto"  # auto, head, any, or the beginning of a commit
    head: str | None = None  # the repository's head when the step began
    hardware: str | None = None  # the flavor that must be current, and no other be asked for
    settle: float = 60.0
    stable_for: float = 0.0
    health: bool = False  # whether the app must answer, too
    acted: bool = True


@dataclass(frozen=True, slots=True)
class Verdict:
    """How waiting ended: a word of the contract, what was seen, and what to do about it."""

    outcome: Outcome
    seen: str
    remedy: str = ""

    @property
    def message(self) -> str:
        """Return both for people."""
        return f"{self.seen}. {self.remedy}" if self.remedy else self.seen


def judge(goal: Goal, history: Sequence[Observation], now: float) -> Verdict | None:
    """Return how waiting for `goal` ended after `history`, or None while it must go on.

    Pure: the same arguments always give the same verdict. `history` holds the looks since `goal.began`, oldest
    first; there is always a verdict once `now` has come to the deadline.
    """
    answered = [look for look in history if look.stage is not None]
    silent = bool(history) and history[-1].stage is None
    if answered and not silent:
        verdict = _judge_stage(goal, answered)
        if verdict:
            return verdict
    if now >= goal.deadline:
        return _out_of_time(goal, answered, history)
    if silent and now - since(history, lambda look: look.stage is None) >= UNREACHABLE_AFTER:
        return Verdict(
            Outcome.UNREACHABLE,
            f"the Hub gave no usable answer for five minutes (last: {history[-1].problem or 'nothing'})",
            HUB_STATUS,
        )
    return None


def believed(goal: Goal, answered: Sequence[Observation]) -> bool:
    """Whether the last stage is news, not what the Hub has not yet noticed to be old.

    It is when a look since the action saw a moving stage or another stage than the one before, or when the
    stage has not moved for `settle` seconds.
    """
    moved = any(look.kind is Kind.MOVING or look.stage != goal.before for look in answered)
    return moved or answered[-1].at - goal.began >= goal.settle


def runs_wanted_commit(goal: Goal, look: Observation) -> bool:
    """Whether the commit being served is the wanted one, as far as the Hub says."""
    match goal.commit:
        case "any":
            return True
        case "auto" if look.commit is None or goal.head is None:
            return True
        case "auto" | "head":
            # A newer head than the one at the start is as good: whoever pushed it wants it live.
            return look.commit is not None and look.commit in (goal.head, look.head)
        case prefix:
            return look.commit is not None and look.commit.startswith(prefix)


def reached(goal: Goal, look: Observation) -> bool:
    """Whether a look finds all that the goal names, belief and duration aside."""
    return look.stage in goal.stages and runs_wanted_commit(goal, look) and has_wanted_hardware(goal, look)


def has_wanted_hardware(goal: Goal, look: Observation) -> bool:
    """Whether the Space runs on the wanted hardware, and nobody has asked for another."""
    if goal.hardware is None:
        return True
    return look.hardware == goal.hardware and look.requested_hardware in (None, goal.hardware)


def _judge_stage(goal: Goal, answered: Sequence[Observation]) -> Verdict | None:
    last = answered[-1]
    if _superseded(goal, last):
        return Verdict(
            Outcome.SUPERSEDED,
            f"{_describe(last)}, the repository's head, instead of {goal.commit[:7]}",
            "Another push went live; gate on that commit, or set commit: head to accept it",
        )
    if reached(goal, last):
        certain = _proven(goal, last) or believed(goal, answered)
        if certain and held(goal, answered) >= goal.stable_for and not (goal.health and last.health_problem != ""):
            return Verdict(Outcome.OK, _describe(last))
        return None
    if last.stage not in goal.stages and believed(goal, answered):
        return _stuck(goal, last)
    return None


def _proven(goal: Goal, look: Observation) -> bool:
    """Whether a mere wait needs no belief, because the Hub says that the wanted commit is running."""
    compared = look.commit is not None and goal.commit != "any" and (goal.commit != "auto" or goal.head is not None)
    return compared and not goal.acted


def _superseded(goal: Goal, look: Observation) -> bool:
    """Whether another commit than the wanted one is live and the head; with auto, head and any, no such commit is."""
    live = look.kind is Kind.LIVE and look.commit is not None
    return live and look.commit == look.head and not runs_wanted_commit(goal, look)


def held(goal: Goal, answered: Sequence[Observation]) -> float:
    """How long the last stage has been seen without a break, with all the goal names."""
    last = answered[-1]
    return last.at - since(answered, lambda look: look.stage == last.stage and reached(goal, look))


def since(history: Sequence[Observation], holds: Callable[[Observation], bool]) -> float:
    """When the looks at the end of `history` began that all are as the last one is: for which `holds` is true."""
    began = history[-1].at
    for look in reversed(history):
        if not holds(look):
            break
        began = look.at
    return began


def _stuck(goal: Goal, look: Observation) -> Verdict | None:
    if look.stage is None or kind_of(look.stage) not in (Kind.BROKEN, Kind.RESTING):
        return None
    return Verdict(Outcome.FAILED, f"{look.stage} instead of {_wanted(goal)}", REMEDIES[look.stage])


HUB_STATUS = "See https://status.huggingface.co and run the step again"

# What to do about a stage in which a Space stays until somebody does something.
REMEDIES = {
    "BUILD_ERROR": "The build failed; read its log on the Space's page, mend the cause and push again",
    "RUNTIME_ERROR": "The app crashed; read its log on the Space's page, mend the cause and push or restart",
    "CONFIG_ERROR": "The block on top of the Space's README.md is wrong; mend it and push again",
    "NO_APP_FILE": "The repository has no app file; push app.py, Dockerfile or index.html, or name it in README.md",
    "DELETING": "The Space is being deleted; nothing will bring it back",
    "SLEEPING": "Nobody visits it; a visit or operation restart would wake it",
    "PAUSED": "It stays so until somebody restarts it; operation restart would",
    "STOPPED": "It stays so until somebody restarts it; operation restart would",
}


def _out_of_time(goal: Goal, answered: Sequence[Observation], history: Sequence[Observation]) -> Verdict:
    if not history:
        return Verdict(Outcome.TIMED_OUT, "the budget ended before there was time for a look", "Give more timeout")
    if history[-1].stage is None:
        problem = history[-1].problem.removesuffix(".")
        return Verdict(Outcome.UNREACHABLE, f"the budget ended without an answer from the Hub ({problem})", HUB_STATUS)
    missing, remedy = _missing(goal, answered)
    return Verdict(Outcome.TIMED_OUT, f"{_describe(answered[-1])} when the budget ended, {missing}", remedy)


def _missing(goal: Goal, answered: Sequence[Observation]) -> tuple[str, str]:
    """Return what of the goal the last look did not find, and what to do about it."""
    last = answered[-1]
    if last.stage not in goal.stages:
        return f"not {_wanted(goal)}", "Nothing was undone: the Space goes on; give more timeout, or look at its log"
    if not runs_wanted_commit(goal, last):
        commit = goal.head if goal.commit in ("auto", "head") else goal.commit
        wanted = f"commit {commit[:7]}" if commit else "the head"
        if last.commit is None:
            missing = f"but the Hub does not say which commit is running, so {wanted} cannot be confirmed"
            return missing, "Set commit: any where this is usual, as for static Spaces"
        return f"still not on {wanted}", "Check that the push arrived and that its build did not fail"
    if not has_wanted_hardware(goal, last):
        return (
            f"but on {last.hardware or 'no hardware'}, not {goal.hardware}",
            "Machines may be short; give more timeout",
        )
    if goal.health and last.health_problem != "":
        return f"but the app does not answer ({last.health_problem})", "Look at its log, or give more timeout"
    if held(goal, answered) < goal.stable_for:
        return f"without having held it for {goal.stable_for:g} s", "Give more timeout, or look at its log"
    return "without having moved since the step began", f"Give more timeout than settle ({goal.settle:g} s)"


def _wanted(goal: Goal) -> str:
    return " or ".join(sorted(goal.stages))


def _describe(look: Observation) -> str:
    return f"{look.stage} on commit {look.commit[:7]}" if look.commit else str(look.stage)


def watch(
    goals: Mapping[str, Goal],
    histories: Mapping[str, list[Observation]],
    *,
    observe: Callable[[Sequence[str]], Mapping[str, Observation]],
    conclude: Callable[[str, Verdict], None],
    pace: Callable[[Sequence[str]], float],
    clock: "Clock",
) -> None:
    """Look at all Spaces that are still open, judge, sleep, until every one of `goals` has its verdict.

    Args:
        goals: what is waited for, by Space.
        histories: the looks so far, by Space; looks are added to them.
        observe: makes one look at each Space it is given.
        conclude: told each verdict as it is reached.
        pace: the seconds to the next look at the Spaces it is given.
        clock: what time it is, and how to let it pass.
    """
    still_open = list(goals)
    deadline = max((goal.deadline for goal in goals.values()), default=0.0)
    look = not all(histories[space] for space in goals)
    while still_open:
        if look:
            for space, observation in observe(still_open).items():
                histories[space].append(observation)
        now = clock.now()
        for space in tuple(still_open):
            verdict = judge(goals[space], histories[space], now)
            if verdict:
                still_open.remove(space)
                conclude(space, verdict)
        if still_open:
            due = _next_look(now + pace(still_open), now, deadline)
            clock.sleep(due - now)
            look = due < deadline


def _next_look(due: float, now: float, deadline: float) -> float:
    if due < deadline:
        return due
    last = deadline - LAST_LOOK
    return last if last > now else deadline
