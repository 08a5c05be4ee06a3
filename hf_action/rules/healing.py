"""Whether a Space that serves is restarted while it is waited for, because its app does not answer.

`wake` makes a Space serve. One that has woken, or has served for a while, may still need a restart for that: it is due
once the app has not answered for `settle`, and once only.

Source: docs/contract.md, "Operations", `wake`.
"""

from collections.abc import Sequence

from hf_action.rules.outcomes import Outcome
from hf_action.rules.waiting import Goal, Observation, Verdict, reached, since


def judge_health(goal: Goal, history: Sequence[Observation]) -> Verdict | None:
    """Return the verdict on an app that has not answered for long enough to be restarted, else None."""
    if not goal.heals or not history or not _is_unwell(goal, history[-1]):
        return None
    last = history[-1]
    answered = [look for look in history if look.stage is not None]
    if last.at - since(answered, lambda look: _is_unwell(goal, look)) < goal.settle:
        return None
    seen = f"{last.stage}, but the app has not answered for {goal.settle:g} s ({last.health_problem})"
    return Verdict(Outcome.FAILED, seen, "Look at its log")


def _is_unwell(goal: Goal, look: Observation) -> bool:
    return look.stage is not None and reached(goal, look) and bool(look.health_problem)
