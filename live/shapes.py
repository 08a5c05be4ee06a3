"""The shape of JSON: keys, types and nulls at every depth. Values are left out, as they differ from Space to Space."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import reduce

# Keys that may be missing or null because of the Space or the account, so that they tell nothing of the Hub.
OPTIONAL = frozenset(
    {
        "errorMessage",  # of a runtime: where something went wrong
        "hotReloading",  # of a runtime: after a hot reload
        "pySpacesVersion",  # of a runtime: where the app uses the package (tests/samples/runtimes.json)
        "isCustom",  # of a domain (tests/samples/runtimes.json)
        "resourceGroup",  # of a Space of an organization
        "email",  # of whoami: where the token may read it
        "emailVerified",
        "periodEnd",  # of whoami: where something is paid for
        "fineGrained",  # of a token: of that kind
    }
)
# Keys with contents that the user makes.
FREE = frozenset({"cardData"})

_FORMS = (
    ("a date", re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")),
    ("a date in whole seconds", re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")),
    ("a commit", re.compile(r"[0-9a-f]{40}")),
    ("an address", re.compile(r"https?://\S+")),
)


@dataclass(frozen=True, slots=True)
class Shape:
    """What the values of one place have: their types, keys of objects (`always`: in every object), items of lists."""

    kinds: frozenset[str] = frozenset()
    fields: Mapping[str, "Shape"] = field(default_factory=dict)
    always: frozenset[str] = frozenset()
    items: "Shape | None" = None


def shape_of(value: object) -> Shape:
    """Return the shape of a JSON value."""
    match value:
        case dict():
            fields = {str(key): shape_of(item) for key, item in value.items()}
            return Shape(kinds=frozenset({"an object"}), fields=fields, always=frozenset(fields))
        case list():
            return Shape(kinds=frozenset({"a list"}), items=shape_of_all(value) if value else None)
        case str():
            return Shape(kinds=frozenset({form_of(value)}))
        case bool():
            return Shape(kinds=frozenset({"true or false"}))
        case None:
            return Shape(kinds=frozenset({"null"}))
    return Shape(kinds=frozenset({"a number"}))


def shape_of_all(values: Iterable[object]) -> Shape:
    """Return the shape that covers all of the values."""
    return reduce(merge, map(shape_of, values), Shape())


def form_of(text: str) -> str:
    """Return what a text looks like."""
    return next((name for name, pattern in _FORMS if pattern.fullmatch(text)), "a text")


def merge(one: Shape, other: Shape) -> Shape:
    """Return the shape that covers both."""
    fields = {
        name: merge(one.fields.get(name, Shape()), other.fields.get(name, Shape()))
        for name in (*one.fields, *(name for name in other.fields if name not in one.fields))
    }
    objects = [each.always for each in (one, other) if "an object" in each.kinds]
    items = one.items if other.items is None else other.items if one.items is None else merge(one.items, other.items)
    always = reduce(frozenset.intersection, objects) if objects else frozenset()
    return Shape(kinds=one.kinds | other.kinds, fields=fields, always=always, items=items)


def differences(found: Shape, simulated: Shape, place: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield each place where the shape is another one, with that of the simulated Hub and the one found."""
    if foreign := found.kinds - simulated.kinds:
        yield place or "the answer", " or ".join(sorted(simulated.kinds)), " or ".join(sorted(foreign))
    if "an object" in found.kinds & simulated.kinds:
        yield from _fields(found, simulated, place=place)
    if found.items is not None and simulated.items is not None:
        yield from differences(found.items, simulated.items, place=f"{place}[]")


def _fields(found: Shape, simulated: Shape, place: str) -> Iterator[tuple[str, str, str]]:
    start = f"{place}." if place else ""
    for name in sorted(simulated.always - found.always - OPTIONAL):
        yield start + name, "there", "missing" if name not in found.fields else "missing in some answers"
    for name, inner in found.fields.items():
        if name not in simulated.fields:
            if name not in OPTIONAL:
                yield start + name, "not there", " or ".join(sorted(inner.kinds))
        elif name in OPTIONAL and inner.kinds == {"null"}:
            continue
        elif name not in FREE:
            yield from differences(inner, simulated.fields[name], place=start + name)
