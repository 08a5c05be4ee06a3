"""Finds the name that somebody meant, and never suggests a change to somebody who asked a question.

difflib is imported late: most calls have no wrong name in them.
"""

from collections.abc import Collection, Iterable

# Characters of a name that are compared with the known ones, which takes quadratic time.
MAX_COMPARED = 100
# How alike two names must be, from 0 to 1. difflib suggests 0.6 for names that belong together.
ALIKE = 0.6
# How alike they must be where the known name changes a Space: a slip of the keyboard, but not another word. `restrat`
# and `restart` are 0.86 alike, `status` and `restart` 0.46, `report` and `restart` 0.62.
ALMOST_EQUAL = 0.8


def nearest(name: str, known: Iterable[str], *, prefix: str = "", changing: Collection[str] = ()) -> str:
    """Return ` (did you mean …?)`, or nothing where nothing is near; case, and `_` for `-`, make no difference.

    A part of a known name, as `poll` is of poll-interval, is near as well. A name of `changing` is named only for what
    is almost that name, or its first part, and begins as it does, and only where none that changes nothing is as near.
    """
    from difflib import get_close_matches

    folded = {_fold(each): each for each in known}
    typed = _fold(name[:MAX_COMPARED])
    risky = [each for each, original in folded.items() if original in changing]
    near = get_close_matches(typed, [each for each in folded if each not in risky], n=1, cutoff=ALIKE)
    near += [each for each in risky if _is_slip(typed, each) or typed == each.split("-")[0]]
    near += [each for each in folded if each not in risky and typed in each.split("-")]
    best = max(near, key=lambda each: _likeness(typed, each), default="")
    return f" (did you mean {prefix}{folded[best]}?)" if best else ""


def _is_slip(typed: str, name: str) -> bool:
    return typed[:1] == name[0] and _likeness(typed, name) >= ALMOST_EQUAL


def _likeness(typed: str, name: str) -> float:
    from difflib import SequenceMatcher

    return SequenceMatcher(a=name, b=typed, autojunk=False).ratio()


def _fold(text: str) -> str:
    return text.lower().replace("_", "-")
