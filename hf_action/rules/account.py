"""Tells how many Spaces each input chose, before anything is sent to them.

A selection must not be larger than its author believes, and an exclusion not smaller. So one line counts what was
chosen by what, and an input that matched nothing is warned about.

Source: docs/contract.md, "Inputs" (what is said before anything is sent) and "Operations" (what matches nothing).
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from hf_action.rules.models import SpaceInfo
from hf_action.rules.selection import (
    NO_PRICE,
    Choice,
    Filters,
    Query,
    choose,
    flavors,
    is_pattern,
    left_out_by,
    matches,
    queries,
)

# Exclusions that match nothing and for which the nearest id is looked for, which takes long among many ids.
MAX_COMPARED = 10
# Warnings of one kind.
MAX_WARNINGS = 20
# Patterns that the line counts one by one.
MAX_COUNTED = 8


@dataclass(frozen=True, slots=True)
class Account:
    """What was selected by what, in one line (empty if only named Spaces were), and what to warn about."""

    line: str
    warnings: tuple[str, ...] = ()


def account(step: Choice, fleet: Sequence[Choice], listings: Mapping[Query, Sequence[SpaceInfo]]) -> Account:
    """Return what the inputs of a step and the entries of its fleet file chose from the listings.

    Spaces that several choose count for the first: named ones before chosen ones, and the fleet file's entries before
    the step's own selection.
    """
    taken: dict[str, str] = {}  # the Spaces, each with what chose it
    _take(taken, step.spaces, "space-id")
    for entry in fleet:
        _take(taken, entry.spaces, "the fleet file")
    left_out: Counter[str] = Counter()
    warnings = []
    for choice in (*fleet, step):
        listed = _listed(choice, listings)
        label = "the fleet file" if choice is not step else ""
        _select(taken, left_out, choice, listed, label=label)
        warnings += _unmatched_patterns(choice, listed, label=label)
        warnings += _unpriced(choice, listed)
    ids = [space.id for spaces in listings.values() for space in spaces]
    # The filters are those of the step, for the entries of its fleet file as well.
    warnings += _unmatched_exclusions(step.filters, [*taken, *ids])
    if not listings and not fleet:
        return Account("", _first(warnings))
    chosen = Counter(taken.values())
    parts = [f"{count} by {label}" for label, count in chosen.most_common(MAX_COUNTED)]
    rest = sum(chosen.values()) - sum(count for _, count in chosen.most_common(MAX_COUNTED))
    parts += [f"{rest} by other patterns"] if rest else []
    lost = ", ".join(f"{count} by {label}" for label, count in sorted(left_out.items()))
    by = f": {', '.join(parts)}" if parts else ""
    without = f"; left out {lost}" if lost else ""
    return Account(f"selected {_spaces(len(taken))}{by}{without}", _first(warnings))


def _take(taken: dict[str, str], ids: Iterable[str], label: str) -> None:
    for space in ids:
        taken.setdefault(space.lower(), label)


def _listed(choice: Choice, listings: Mapping[Query, Sequence[SpaceInfo]]) -> dict[Query, Sequence[SpaceInfo]]:
    return {query: listings.get(query, ()) for query in queries(choice.patterns, choice.filters)}


def _select(
    taken: dict[str, str],
    left_out: Counter[str],
    choice: Choice,
    listed: Mapping[Query, Sequence[SpaceInfo]],
    *,
    label: str,
) -> None:
    """Count what one choice selects and leaves out."""
    every = [space for spaces in listed.values() for space in spaces]
    by_search = {space.id.lower(): f"search {query.search!r}" for query, spaces in listed.items() for space in spaces}
    wanted = choose(every, choice.patterns, Filters(sort=choice.filters.sort))
    labels = [left_out_by(space, choice.filters) for space in wanted]
    passing = [space for space, label in zip(wanted, labels, strict=True) if not label]
    left_out.update(filter(None, labels))
    kept = passing[: choice.filters.limit]
    if len(kept) < len(passing):
        left_out["limit"] += len(passing) - len(kept)
    for space in kept:
        pattern = next((each for each in choice.patterns if matches(space.id, each)), "")
        taken.setdefault(space.id.lower(), label or pattern or by_search[space.id.lower()])


def _unmatched_patterns(choice: Choice, listed: Mapping[Query, Sequence[SpaceInfo]], *, label: str) -> list[str]:
    """Warn about patterns, authors and searches that match nothing that was listed."""
    ids = [space.id for spaces in listed.values() for space in spaces]
    name = "fleet-file" if label else "space-id"
    warnings = []
    for pattern in choice.patterns:
        owner, _, rest = pattern.partition("/")
        if any(matches(space, pattern) for space in ids):
            continue
        if rest == "*":
            warnings.append(f"{owner} has no Space that can be seen here; check the name, and the rights of the token.")
        else:
            warnings.append(f"{name}: {pattern!r} matches none of the Spaces of {owner}.")
    if not choice.patterns:
        warnings += [f"search: {query.search!r} finds no Space." for query, spaces in listed.items() if not spaces]
    return warnings


def _unpriced(choice: Choice, listed: Mapping[Query, Sequence[SpaceInfo]]) -> list[str]:
    """Warn about flavors that the Hub's price list lacks, where their Spaces are left out for it."""
    every = [space for spaces in listed.values() for space in spaces]
    wanted = choose(every, choice.patterns, Filters())
    spaces = [space for space in wanted if left_out_by(space, choice.filters) == NO_PRICE]
    unknown = {flavor for space in spaces for flavor in flavors(space)} - choice.filters.facts.prices.keys()
    return [
        f"with-hardware: the Hub's price list does not have {flavor}, so its Spaces are neither paid nor free; "
        "add the name of the flavor to select them."
        for flavor in sorted(unknown)
    ]


def _unmatched_exclusions(filters: Filters, ids: Sequence[str]) -> list[str]:
    """Warn about exclusions that leave out nothing, since somebody relies on them."""
    warnings: list[str] = []
    known = {space.lower() for space in ids}
    for pattern in filters.exclude:
        exact = not is_pattern(pattern)
        if pattern.lower() in known or (not exact and any(matches(space, pattern) for space in known)):
            continue
        meant = _nearest(pattern, known) if exact and len(warnings) < MAX_COMPARED else ""
        warnings.append(f"exclude: {pattern!r} matches none of the Spaces{meant}, so it leaves out nothing.")
    return warnings


def _nearest(space: str, known: Iterable[str]) -> str:
    """Return ` (did you mean …?)` for the Space of the same owner with the nearest name."""
    from difflib import get_close_matches  # for a wrong name only

    owner, _, name = space.lower().partition("/")
    names = [each.partition("/")[2] for each in known if each.partition("/")[0] == owner]
    near = get_close_matches(name, names, n=1)
    return f" (did you mean {owner}/{near[0]}?)" if near else ""


def _first(warnings: Sequence[str]) -> tuple[str, ...]:
    found = list(dict.fromkeys(warnings))
    more = len(found) - MAX_WARNINGS
    return (*found[:MAX_WARNINGS], *([f"{more} more inputs match nothing."] if more > 0 else []))


def _spaces(count: int) -> str:
    return f"{count} Space{'' if count == 1 else 's'}"
