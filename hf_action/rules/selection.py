"""Chooses Spaces from what a listing returned: by pattern, by filter, in an order, up to a number.

Source: docs/contract.md, "Inputs", `space-id` and the rows from `author` to `exclude-tag`.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from hf_action.rules.models import FREE_FLAVOR, NEVER, SpaceInfo

# Characters of a pattern: an owner and a name of 96 each, and the slash.
MAX_PATTERN = 193

SORTS = ("name", "likes", "last-modified")

# Words of with-hardware that are not flavors: the Hub's price list tells which flavors they mean.
PAID, FREE = "paid", "free"
COSTS = frozenset({PAID, FREE})
# Labels of a filter that leaves a Space out because what it asks for is not known; that is told apart.
NO_PRICE = "with-hardware (price not known)"
NO_SLEEP_TIME = "with-sleep-time (not known)"
NO_DATE = "unmodified-for (date not known)"
# A date as the Hub writes it, in UTC: to the second, such dates are in the order of their texts.
_DATE = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?Z?$", re.ASCII)


@dataclass(frozen=True, slots=True)
class Facts:
    """What filters judge by besides the Space itself."""

    prices: Mapping[str, float] = field(default_factory=dict)  # US dollars an hour by flavor
    unmodified_since: str = ""  # the last second in which a Space may have changed, such as 2026-02-01T00:00:00


@dataclass(frozen=True, slots=True)
class Filters:
    """What a chosen Space must be. Several values of one filter mean any of them; an empty one lets all pass."""

    search: tuple[str, ...] = ()
    sdks: frozenset[str] = frozenset()
    stages: frozenset[str] = frozenset()
    hardware: frozenset[str] = frozenset()  # names and patterns of flavors
    costs: frozenset[str] = frozenset()  # PAID, FREE
    sleep_time: int | None = None  # NEVER, or seconds at least
    unmodified_for: float | None = None  # seconds
    exclude: tuple[str, ...] = ()  # ids and patterns
    exclude_tags: frozenset[str] = frozenset()
    sort: str = "name"
    limit: int | None = None
    facts: Facts = Facts()

    @property
    def by_name(self) -> bool:
        """Whether Spaces are chosen by what they are called alone, about which no listing can be late."""
        return self == Filters(
            search=self.search, exclude=self.exclude, sort=self.sort, limit=self.limit, facts=self.facts
        )

    @property
    def without_sleep_time(self) -> "Filters":
        """The same filters, but for what a listing may not tell."""
        return replace(self, sleep_time=None, limit=None)


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
    return not left_out_by(space, filters)


def left_out_by(space: SpaceInfo, filters: Filters) -> str:
    """Return the input that leaves a Space out; nothing where none does.

    Where what an input asks for is not known, the Space is left out, and the label says so.
    """
    return next((label for judge in _JUDGES if (label := judge(space, filters))), "")


def flavors(space: SpaceInfo) -> list[str]:
    """Return the hardware that a Space has or asks for, in lower case."""
    named = (space.runtime.hardware, space.runtime.requested_hardware)
    return list(dict.fromkeys(flavor.lower() for flavor in named if flavor))


def _by_name(space: SpaceInfo, filters: Filters) -> str:
    return "exclude" if any(matches(space.id, pattern) for pattern in filters.exclude) else ""


def _by_tag(space: SpaceInfo, filters: Filters) -> str:
    return "exclude-tag" if any(tag.lower() in filters.exclude_tags for tag in space.tags) else ""


def _by_sdk(space: SpaceInfo, filters: Filters) -> str:
    return "with-sdk" if filters.sdks and (space.sdk or "").lower() not in filters.sdks else ""


def _by_stage(space: SpaceInfo, filters: Filters) -> str:
    return "with-stage" if filters.stages and space.runtime.stage not in filters.stages else ""


def _by_hardware(space: SpaceInfo, filters: Filters) -> str:
    """Paid is a Space that has or asks for a flavor with a price; free is one that has and asks for none with one."""
    if not filters.hardware and not filters.costs:
        return ""
    named = flavors(space)
    prices = [filters.facts.prices.get(flavor) for flavor in named]
    paid = any(price for price in prices)
    free = bool(prices) and all(price == 0 for price in prices)
    if any(fits(flavor, pattern) for flavor in named for pattern in filters.hardware):
        return ""
    if (paid and PAID in filters.costs) or (free and FREE in filters.costs):
        return ""
    return NO_PRICE if filters.costs and not paid and None in prices else "with-hardware"


def _by_sleep_time(space: SpaceInfo, filters: Filters) -> str:
    wanted, known = filters.sleep_time, space.runtime.sleep_time
    if wanted is None:
        return ""
    if wanted == NEVER and flavors(space) == [FREE_FLAVOR]:  # it is put to sleep, whatever the Hub says or does not say
        return "with-sleep-time"
    if known == NEVER:
        return ""
    if known is None:  # a static Space has no hardware that could sleep
        return "with-sleep-time" if space.sdk == "static" else NO_SLEEP_TIME
    return "" if wanted != NEVER and known >= wanted else "with-sleep-time"


def _by_age(space: SpaceInfo, filters: Filters) -> str:
    if filters.unmodified_for is None:
        return ""
    date = _DATE.match(space.last_modified or "")
    if not date:
        return NO_DATE
    return "" if date[1] <= filters.facts.unmodified_since else "unmodified-for"


_JUDGES: tuple[Callable[[SpaceInfo, Filters], str], ...] = (
    *(_by_name, _by_tag, _by_sdk, _by_stage),
    *(_by_hardware, _by_age, _by_sleep_time),  # the last asks for what a listing may not tell
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
