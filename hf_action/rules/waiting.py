"""Decides when waiting for a Space is over, and how it ended.

Waiting is a judgement over history, not a retry loop: `judge` gets all looks so far and a goal, and returns a
verdict or nothing. A look that got no answer is an observation too.

The theory, in one page. A look is one of these; the first row that fits decides:

    what the last look says                     and                                         verdict
    ------------------------------------------  ------------------------------------------  -------------------------
    no answer, for a reason that will not pass                                              unreachable
    "there is no such Space", "not for you"     said so for REFUSED_FOR, without an answer  not-found, denied
    no answer                                   the budget is spent, or for five minutes    unreachable
    another commit is live and the head         one was named, and the repository knows it  superseded
    all that is wanted                          believed, and held for `stable-for`         ok (unchanged: nothing sent)
    a broken or resting stage, not wanted       believed, and seen for BROKEN_FOR           failed
    the stage that is wanted, on another        believed, and no build will come: static,   failed
    commit                                      Dev Mode, hot reload
    anything else                               the budget is spent                         timed-out

A stage is *believed* when it cannot be what was there before the step acted: a moving stage or another stage has been
seen since, or it has lasted for `settle`. The Hub goes on naming the old stage for some seconds after a push or a
restart, and an old RUNNING is the classic false success, an old BUILD_ERROR the classic false failure.

What `commit` means: `any` asks for nothing. `auto` asks for the head where the Hub says which commit is served, and for
nothing where it does not. `head` asks for the head of the start, or a newer one: its author wants it live. A
commit asks for itself.

Source of every rule: docs/contract.md, "Waiting".
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from hf_action.rules.outcomes import Outcome
from hf_action.rules.stages import Kind, kind_of, stage_of

# Seconds without a good answer after which the Hub counts as unreachable.
UNREACHABLE_AFTER = 300.0
# Seconds for which a refusal during the wait must stay before it is believed: the Space is gone, or the token is.
REFUSED_FOR = 10.0
# Seconds for which a broken or resting stage must have been seen without a break, or `settle` if that is less.
# Platforms flap, and a build that was under way before the step acted may fail before its own begins.
BROKEN_FOR = 10.0
# Seconds before the end of the budget at which the last look is made, so that its answer still has time to come.
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
    error: str | None = None  # what the Hub says of the stage
    no_build: str = ""  # why a new commit leads to no build, for people; empty: it does
    hot_reloaded: bool = False  # new files were served without a build; which commit that makes, the Hub does not say
    knows_commit: bool | None = None  # whether the repository knows the commit that was named; None: not asked
    health_problem: str | None = None  # what a health check saw instead of an answer; empty: it answered
    problem: str = ""
    remedy: str = ""  # for the problem
    refusal: Outcome | None = None  # the Hub did answer: there is no such Space, or it is not for this token
    final: bool = False  # whether asking again will not help, as with a certificate that is not trusted
    retry_after: float | None = None  # seconds the Hub asked to be left alone

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
    heals: bool = False  # whether a restart is due where the app does not answer; see rules/healing.py
    holds_already: str = ""  # what made it needless to send anything; then success is `unchanged`


@dataclass(frozen=True, slots=True)
class Verdict:
    """How waiting ended: a word of the contract, what was seen, and what to do about it.

    `cause` and `blame` are words of docs/contract.md, "Causes"; `evidence` is the line that shows it.
    """

    outcome: Outcome
    seen: str
    remedy: str = ""
    cause: str = ""
    evidence: str = ""
    blame: str = ""

    @property
    def message(self) -> str:
        """Return both for people."""
        return f"{self.seen}. {self.remedy}" if self.remedy else self.seen


def judge(goal: Goal, history: Sequence[Observation], now: float) -> Verdict | None:
    """Return how waiting for `goal` ended after `history`, or None while it must go on.

    Pure: the same arguments always give the same verdict. `history` holds the looks since `goal.began`, oldest
    first; there is always a verdict once `now` has come to the deadline.
    """
    if history and history[-1].stage is None:
        return _judge_silence(history, now, out_of_time=now >= goal.deadline)
    answered = [look for look in history if look.stage is not None]
    verdict = _judge_stage(goal, answered) if answered else None
    if verdict or now < goal.deadline:
        return verdict
    return _out_of_time(goal, answered)


# ---- looks without an answer ----


def _judge_silence(history: Sequence[Observation], now: float, *, out_of_time: bool) -> Verdict | None:
    last = history[-1]
    problem = last.problem.removesuffix(".") or "nothing"
    if last.final:
        return Verdict(Outcome.UNREACHABLE, problem, last.remedy)
    if last.refusal and now - refused_since(history) >= REFUSED_FOR:
        return Verdict(last.refusal, problem, last.remedy)
    if out_of_time:
        return Verdict(Outcome.UNREACHABLE, f"the budget ended without an answer from the Hub ({problem})", HUB_STATUS)
    if now - since(history, lambda look: look.stage is None) >= UNREACHABLE_AFTER:
        return Verdict(
            Outcome.UNREACHABLE, f"the Hub gave no usable answer for five minutes (last: {problem})", HUB_STATUS
        )
    return None


def refused_since(history: Sequence[Observation]) -> float:
    """When the first refusal came after the last answer about a stage."""
    began = history[-1].at
    for look in reversed(history):
        if look.stage is not None:
            break
        if look.refusal:
            began = look.at
    return began


# ---- looks with an answer ----


def _judge_stage(goal: Goal, answered: Sequence[Observation]) -> Verdict | None:
    last = answered[-1]
    if _superseded(goal, last):
        return Verdict(
            Outcome.SUPERSEDED,
            f"{_describe(last)}, the repository's head, instead of {goal.commit[:7]}",
            "Another push went live; gate on that commit, or set commit: head to accept it",
        )
    if reached(goal, last):
        certain = goal.holds_already or _proven(goal, last) or believed(goal, answered)
        if certain and held(goal, answered) >= goal.stable_for and _is_healthy(goal, last):
            return _success(goal, last)
        return None
    if not believed(goal, answered):
        return None
    if last.kind in (Kind.BROKEN, Kind.RESTING) and last.stage not in goal.stages:
        return _stuck(goal, last) if _lasted(answered) >= broken_for(goal) else None
    return _without_build(goal, answered)


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
        case "auto" if look.commit is None or goal.head is None or look.hot_reloaded:
            return True
        case "auto" if goal.holds_already and look.at - goal.began >= goal.settle:
            return True  # nothing was sent, nobody named a commit, and no build has begun
        case "auto" | "head":
            # A newer head than the one at the start is as good: its author wants it live.
            return look.commit is not None and look.commit in (goal.head, look.head)
        case prefix:
            return look.commit is not None and look.commit.startswith(prefix)


def reached(goal: Goal, look: Observation) -> bool:
    """Whether a look finds the stage, the commit and the hardware; belief, health and duration aside."""
    return look.stage in goal.stages and runs_wanted_commit(goal, look) and has_wanted_hardware(goal, look)


def has_wanted_hardware(goal: Goal, look: Observation) -> bool:
    """Whether the Space runs on the wanted hardware, and nobody has asked for another."""
    if goal.hardware is None:
        return True
    return look.hardware == goal.hardware and look.requested_hardware in (None, goal.hardware)


def _is_healthy(goal: Goal, look: Observation) -> bool:
    return not goal.health or look.health_problem == ""


def _proven(goal: Goal, look: Observation) -> bool:
    """Whether a mere wait needs no belief, because the Hub says that the wanted commit is running."""
    compared = look.commit is not None and goal.commit != "any" and (goal.commit != "auto" or goal.head is not None)
    return compared and not goal.acted and not look.hot_reloaded


def _superseded(goal: Goal, look: Observation) -> bool:
    """Whether another commit than the named one is live and the head, in a repository that knows the named one."""
    live = look.kind is Kind.LIVE and look.commit is not None and look.commit == look.head
    return live and look.knows_commit is True and not runs_wanted_commit(goal, look)


def held(goal: Goal, answered: Sequence[Observation]) -> float:
    """How long the last stage has been seen without a break, with all the goal names, health included."""
    last = answered[-1]
    return last.at - since(
        answered, lambda look: look.stage == last.stage and reached(goal, look) and _is_healthy(goal, look)
    )


def broken_for(goal: Goal) -> float:
    """How long a broken or resting stage must have lasted before it ends the wait."""
    return min(BROKEN_FOR, goal.settle)


def _lasted(answered: Sequence[Observation]) -> float:
    last = answered[-1]
    return last.at - since(answered, lambda look: look.stage == last.stage)


def since(history: Sequence[Observation], holds: Callable[[Observation], bool]) -> float:
    """When the looks at the end of `history` began that all are as the last one is: for which `holds` is true."""
    began = history[-1].at
    for look in reversed(history):
        if not holds(look):
            break
        began = look.at
    return began


# ---- how it ended, in words ----

HUB_STATUS = "See https://status.huggingface.co and run the step again"


def _success(goal: Goal, look: Observation) -> Verdict:
    if not goal.holds_already:
        return Verdict(Outcome.OK, _describe(look))
    behind = not runs_wanted_commit(_head_of(goal), look)
    more = f"; it serves {_describe(look)}, and no build of the head has begun" if behind else ""
    return Verdict(Outcome.UNCHANGED, f"{goal.holds_already} already; nothing was sent{more}")


def _head_of(goal: Goal) -> Goal:
    """Return the goal as if nothing had been left unsent, to tell an old commit that is accepted from a new one."""
    return replace(goal, holds_already="")


def _stuck(goal: Goal, look: Observation) -> Verdict:
    assert look.stage
    remedy = stage_of(look.stage).remedy
    if look.error and look.kind is Kind.RESTING:
        # The Hub says why it rests: do not advise a restart that it would refuse.
        return Verdict(
            Outcome.FAILED,
            f"{look.stage} instead of {_wanted(goal)}, and the Hub says why",
            "Settle that first; a restart may be refused until then",
        )
    return Verdict(Outcome.FAILED, f"{look.stage} instead of {_wanted(goal)}", remedy)


def _without_build(goal: Goal, answered: Sequence[Observation]) -> Verdict | None:
    """Return the verdict on a Space that will never be on the wanted commit, because no build will come."""
    last = answered[-1]
    if not last.no_build or last.stage not in goal.stages or runs_wanted_commit(goal, last):
        return None
    if last.at - goal.began < goal.settle:
        return None
    return Verdict(
        Outcome.FAILED,
        f"{_describe(last)}, and not confirmed on {_wanted_commit(goal)}: {last.no_build}",
        "Set commit: any to accept what is served",
    )


def _out_of_time(goal: Goal, answered: Sequence[Observation]) -> Verdict:
    if not answered:
        return Verdict(Outcome.TIMED_OUT, "the budget ended before there was time for a look", "Give more timeout")
    missing, remedy = _missing(goal, answered)
    return Verdict(Outcome.TIMED_OUT, f"{_describe(answered[-1])} when the budget ended, {missing}", remedy)


def _missing(goal: Goal, answered: Sequence[Observation]) -> tuple[str, str]:
    """Return what of the goal the last look did not find, and what to do about it."""
    last = answered[-1]
    if last.stage not in goal.stages:
        return f"not {_wanted(goal)}", "Nothing was undone: the Space goes on; give more timeout, or look at its log"
    if not runs_wanted_commit(goal, last):
        return _missing_commit(goal, last)
    if not has_wanted_hardware(goal, last):
        return (
            f"but on {last.hardware or 'no hardware'}, not {goal.hardware}",
            "Machines may be short; give more timeout",
        )
    if not _is_healthy(goal, last):
        problem = last.health_problem or "it was not asked"
        return f"but the app does not answer ({problem})", "Look at its log, or give more timeout"
    if held(goal, answered) < goal.stable_for:
        return f"without having held it for {goal.stable_for:g} s", "Give more timeout, or look at its log"
    return "without having moved since the step began", f"Give more timeout than settle ({goal.settle:g} s)"


def _missing_commit(goal: Goal, look: Observation) -> tuple[str, str]:
    wanted = _wanted_commit(goal)
    if look.knows_commit is False:
        return (
            f"still not on {wanted}, which the Space's repository does not know",
            "Either it is not pushed yet, or it is the commit of another repository: a sync by upload makes commits of "
            "its own; then set commit: head",
        )
    if look.commit is None:
        missing = f"but the Hub does not say which commit is running, so {wanted} cannot be confirmed"
        return missing, "Set commit: any where this is usual, as for static Spaces"
    return f"still not on {wanted}", "Check that the push arrived and that its build did not fail"


def _wanted_commit(goal: Goal) -> str:
    commit = goal.head if goal.commit in ("auto", "head") else goal.commit
    return f"commit {commit[:7]}" if commit else "the head"


def _wanted(goal: Goal) -> str:
    return " or ".join(sorted(goal.stages))


def _describe(look: Observation) -> str:
    return f"{look.stage} on commit {look.commit[:7]}" if look.commit else str(look.stage)


def lacking(goal: Goal, history: Sequence[Observation], now: float | None = None) -> str:
    """Return in a few words what a wait that goes on still lacks, for the live line and the heartbeat.

    `now` is the moment at which that is shown; without it, that of the last look.
    """
    answered = [look for look in history if look.stage is not None]
    if not answered or history[-1].stage is None:
        return "no answer from the Hub"
    last = answered[-1]
    if last.stage not in goal.stages:
        if last.kind is Kind.MOVING:
            return f"waiting for {_wanted(goal)}"
        return "" if believed(goal, answered) else f"may be from before, {_believed_in(goal, last.at, now)}"
    if not runs_wanted_commit(goal, last):
        return f"waiting for {_wanted_commit(goal)}, {_at_most(goal, last.at if now is None else now)}"
    if not has_wanted_hardware(goal, last):
        return f"waiting for {goal.hardware}"
    if not (goal.holds_already or _proven(goal, last) or believed(goal, answered)):
        return f"may be the old build, {_believed_in(goal, last.at, now)}"
    if not _is_healthy(goal, last):
        return f"the app does not answer yet ({last.health_problem or 'not asked'})"
    return f"must hold for {goal.stable_for:g} s"


def _believed_in(goal: Goal, looked_at: float, now: float | None) -> str:
    left = goal.began + goal.settle - (looked_at if now is None else now)
    return f"believed in {left:.0f} s" if left > 0 else "believed at the next look"


def _at_most(goal: Goal, now: float) -> str:
    left = max(goal.deadline - now, 0.0)
    return f"for {left:.0f} s at most" if left < 120 else f"for {left / 60:.0f} min at most"
