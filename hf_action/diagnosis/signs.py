"""What a row of the table of causes is made of: the cause, and the signs by which it is known."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from itertools import count

from hf_action.diagnosis.evidence import Evidence, Source

DOCS = "https://huggingface.co/docs/hub"


class Blame(StrEnum):
    """Who can fix it: the author of the app or of its settings, the account that pays for it, or Hugging Face."""

    APP = "app"
    SETTINGS = "settings"
    ACCOUNT = "account"
    HUB = "hub"


Condition = Callable[[re.Match[str], Evidence], bool]


@dataclass(frozen=True, slots=True)
class Sign:
    """A pattern that shows a cause, where it counts, and what else must hold.

    Its named groups are names for the remedy: `module`, `package`, `variable`, `file`, `port`, ... A remedy of its own
    takes the place of that of the cause.
    """

    pattern: re.Pattern[str]
    where: Source
    when: Condition | None = None
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """A row of the table: the word, whose fault it is, how it looks, what to do, and where that is explained."""

    word: str
    blame: Blame
    looks: str
    remedy: str
    link: str
    signs: tuple[Sign, ...] = ()


def sign(
    where: Source, *patterns: str, any_case: bool = False, when: Condition | None = None, remedy: str = ""
) -> Sign:
    """Return a sign: any of the patterns, searched in single lines; the same group may stand in several of them.

    They must run in linear time, whatever a log holds: no repetition inside a repetition without a bound.
    """
    numbers = count()
    pattern = re.sub(r"\(\?P<(\w+)>", lambda group: f"(?P<{group[1]}{next(numbers)}>", "|".join(patterns))
    return Sign(re.compile(pattern, re.IGNORECASE if any_case else 0), where, when, remedy)


def docs(page: str) -> str:
    """Return the address of a page of the Hub's documentation."""
    return f"{DOCS}/{page}"


def names(match: re.Match[str]) -> dict[str, str]:
    """Return what the groups of a sign found, by their names, which have a number behind them."""
    return {name.rstrip("0123456789"): text for name, text in match.groupdict().items() if text}
