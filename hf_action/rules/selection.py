"""Chooses Spaces from what a listing returned: by pattern, by filter, in an order, up to a number.

Source: docs/contract.md, "Inputs", `space-id` and the row of `author`.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from hf_action.rules.models import SpaceInfo

# Characters of a pattern: an owner and a name of 96 each, and the slash.
MAX_PATTERN = 193

SORTS = ("name", "likes", "last-modified")


@dataclass(frozen=True, slots=True)
class Filters:
    """What a chosen Space must be. Several values of one filter mean any of them; an empty one lets all pass."""

    search: tuple[str, ...] = ()
    sdks: frozenset[str] = frozenset()
    stages: frozenset[str] = frozenset()
    hardware: frozenset[str] = frozenset()  # names and patterns of flavors
    exclude: tuple[str, ...] = ()  # ids and patterns
    sort: str = "name"
    limit: int | None = None

    @property
    def by_name(self) -> bool:
        """Whether Spaces are chosen by what they are called alone, about which no listing can be late."""
        return self == Filters(search=self.search, exclude=self.exclude, sort=self.sort, limit=self.limit)


@dataclass(frozen=True, slots=True)
class Query:
    """One listing to ask the Hub for."""

    author: str | None
    search: str | None


@dataclass(frozen=True, slots=True)
class Choice:
    """What chooses Spaces: the inputs of the step, or an entry of its fleet file."""

    spaces: tuple[str, ...] = ()  # by name
    patterns: tuple[str, ...] = ()
    filters: Filters = Filters()


def is_pattern(space: str) -> bool:
    """Whether `owner/pattern` stands for Spaces still to be chosen."""
    return "*" in space or "?" in space


def check_pattern(pattern: str) -> None:
    """Raise ValueError for a pattern that is longer than any id, or has two `*` in a row."""
    if len(pattern) > MAX_PATTERN:
        raise ValueError(f"is longer than {MAX_PATTERN} characters, and so than any id")
    if "**" in pattern:
        raise ValueError("has two '*' in a row; one stands for any number of characters already")


def matches(space: str, pattern: str) -> bool:
    """Whether an id matches `owner/pattern`, or a pattern of the name alone; the Hub does not tell case apart."""
    subject = space if "/" in pattern else space.partition("/")[2]
    return fits(subject.lower(), pattern.lower())


def fits(text: str, pattern: str) -> bool:
    """Whether a text matches a pattern with `*` for any characters and `?` for one.

    fnmatch is not used, since to it `[` has a meaning, too.
    """
    return bool(_compiled(pattern).fullmatch(text)) if is_pattern(pattern) else text == pattern


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    """Return what tells in linear time whether a text matches.

    What stands between two `*` is looked for once, from the left: an atomic group `(?>…)` never tries it at a second
    place. Tried at every place, each `*` would multiply the time by the length of the text.
    """
    first, *others = (re.escape(part).replace(r"\?", ".") for part in pattern.split("*"))
    middle = "".join(f"(?>.*?{part})" for part in others[:-1])
    return re.compile(f"{first}{middle}.*{others[-1]}" if others else first, re.DOTALL)


def queries(patterns: Sequence[str], filters: Filters) -> list[Query]:
    """Return the listings that `patterns` and `filters` need: one an owner, and one a search."""
    owners = dict.fromkeys(pattern.partition("/")[0].lower() for pattern in patterns)
    if not owners and not filters.search:
        return []
    return [Query(author=owner, search=search) for owner in owners or (None,) for search in filters.search or (None,)]


def passes(space: SpaceInfo, filters: Filters) -> bool:
    """Whether a Space is one of those that `filters` let through; `search` is the Hub's to judge."""
    flavors = {flavor for flavor in (space.runtime.hardware, space.runtime.requested_hardware) if flavor}
    return (
        (not filters.sdks or (space.sdk or "").lower() in filters.sdks)
        and (not filters.stages or space.runtime.stage in filters.stages)
        and (not filters.hardware or any(fits(f.lower(), p) for f in flavors for p in filters.hardware))
        and not any(matches(space.id, pattern) for pattern in filters.exclude)
    )


def choose(listed: Iterable[SpaceInfo], patterns: Sequence[str], filters: Filters) -> list[SpaceInfo]:
    """Return the listed Spaces that match a pattern (all, without patterns) and pass, sorted and then limited."""
    chosen: dict[str, SpaceInfo] = {}
    for space in listed:
        wanted = not patterns or any(matches(space.id, pattern) for pattern in patterns)
        if wanted and passes(space, filters):
            chosen.setdefault(space.id.lower(), space)
    return _sorted(chosen.values(), filters.sort)[: filters.limit]


def _sorted(spaces: Iterable[SpaceInfo], sort: str) -> list[SpaceInfo]:
    """Sort by name, or the most liked or the last changed first."""
    by_name = sorted(spaces, key=lambda space: space.id.lower())
    match sort:
        case "likes":
            return sorted(by_name, key=lambda space: -(space.likes or 0))
        case "last-modified":
            return sorted(by_name, key=lambda space: space.last_modified or "", reverse=True)
    return by_name


def shares(spaces: Sequence[str], most: int = 256) -> list[list[str]]:
    """Deal Spaces out to at most `most` entries of a matrix, as evenly as can be.

    Source: a matrix generates at most 256 jobs (GitHub's documentation of `strategy.matrix`).
    """
    count = min(len(spaces), most)
    return [list(spaces[start::count]) for start in range(count)]
