"""What a cell is made of: a situation, a call, and what is right."""

import shlex
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import inf

import pytest

from simhub.faults import Fault, Kind
from simhub.server import Server
from simhub.world import HEAD, REQUESTED, Phase, Space, Token, World
from tests.conftest import NEW, TOKEN, Ended

# docs/contract.md, "Exit status"
STATUS = {
    "ok": 0, "unchanged": 0, "planned": 0, "skipped": 0, "failed": 1, "invalid-input": 2, "denied": 3, "not-found": 3,
    "timed-out": 4, "unreachable": 5, "superseded": 6,
}  # fmt: skip
NAMES = {"sleeptime": "sleep-time"}

Fact = Callable[[World, Server], None]


@dataclass(frozen=True)
class Cell:
    """One situation and call, and what is right.

    `sent` are the writes in the order of their requests, refused ones too; `within` are the seconds that the step may
    take; `says` must be in the message (or `log`, which has it all), `never` in neither. `state` are fields of the
    Space's state at the end. `each` has the results of several Spaces by name.
    """

    name: str
    call: str
    result: str
    given: tuple[Fact, ...] = ()
    sent: tuple[str, ...] = ()
    says: tuple[str, ...] = ()
    log: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    within: tuple[float, float] = (0, inf)
    state: dict[str, object] | None = None
    each: dict[str, str] | None = None
    token: str | None = TOKEN
    reads: int | None = None  # at most so many


def cell(name: str, call: str, result: str, *given: Fact, **about: object) -> Cell:
    """Return a cell; one text stands for a tuple of one."""
    tuples = {key: (value,) if isinstance(value, str) and key != "token" else value for key, value in about.items()}
    return Cell(name=name, call=call, result=result, given=given, **tuples)


def table(cells: Iterable[Cell]) -> pytest.MarkDecorator:
    """Return what runs a test once for each cell."""
    return pytest.mark.parametrize("cell", [pytest.param(one, id=one.name) for one in cells])


def given(cell: Cell, world: World, hub: Server) -> None:
    """Let the situation of a cell be."""
    world.add(Space(id="acme/demo", head=NEW))
    for fact in cell.given:
        fact(world, hub)


def inputs(cell: Cell) -> tuple[list[str], dict[str, str]]:
    """Return the words and the inputs of a call: `restart acme/demo timeout=5m`."""
    words = shlex.split(cell.call)
    named = dict(word.split("=", 1) for word in words if "=" in word)
    return [word for word in words if "=" not in word], {"timeout": "10m", "logs": "never", "summary": "false"} | {
        name.replace("-", "_"): value for name, value in named.items()
    }


def writes(hub: Server, beyond: int = 0) -> tuple[str, ...]:
    """Return the requests that were not reads, in words, `beyond` so many of them."""
    found = []
    for request in hub.requests:
        if request.method != "GET":
            name = request.path.rpartition("/")[2]
            found.append("factory" if "factory" in request.query else NAMES.get(name, name))
    return tuple(found[beyond:])


def is_right(cell: Cell, ended: Ended, world: World, hub: Server) -> None:
    """Compare what a step left behind with what is right."""
    told = f"{ended.outputs['message']} {' '.join(str(one['message']) for one in ended.spaces)}"
    seen = (ended.result, ended.status, writes(hub))
    assert seen == (cell.result, STATUS[cell.result], cell.sent), f"{told}\n{ended.log}"
    for text in cell.says:
        assert text in told, told
    for text in cell.log:
        assert text in ended.log, ended.log
    for text in cell.never:
        assert text not in told + ended.log, ended.log
    assert cell.within[0] <= ended.elapsed <= cell.within[1], f"{ended.elapsed}\n{ended.log}"
    if cell.each is not None:
        assert {one["id"].partition("/")[2]: one["result"] for one in ended.spaces} == cell.each, ended.log
    if cell.state is not None:
        state = world.state("acme/demo")
        assert {name: getattr(state, name) for name in cell.state} == cell.state, ended.log
    if cell.reads is not None:
        assert sum(request.method == "GET" for request in hub.requests) <= cell.reads, ended.log


# ---- facts ----


def space(id: str = "demo", **about: object) -> Fact:
    """There is a Space of this kind."""
    return lambda world, _: world.add(Space(**({"id": f"acme/{id}", "head": NEW} | about)))  # type: ignore[arg-type]


def spaces(*ids: str, **about: object) -> Fact:
    """There are some of the same kind."""

    def fact(world: World, hub: Server) -> None:
        for id in ids:
            space(id, **about)(world, hub)

    return fact


def fault(kind: Kind = Kind.STATUS, path: str = "", **about: object) -> Fact:
    """Something goes wrong."""
    return lambda _, hub: hub.inject(Fault(kind=kind, path=path, **about))  # type: ignore[arg-type]


def again(count: int, fact: Callable[[int], Fact]) -> Fact:
    """Several times, numbered."""

    def facts(world: World, hub: Server) -> None:
        for number in range(count):
            fact(number)(world, hub)

    return facts


def lag(seconds: float, **about: object) -> Fact:
    """Listings lag."""

    def fact(world: World, _: Server) -> None:
        world.listing_lag = seconds
        for name, value in about.items():
            setattr(world, name, value)

    return fact


def world_has(**about: object) -> Fact:
    """The world has these fields."""
    return lag(0.0, **about)


def gone(after: float, id: str = "demo") -> Fact:
    """Somebody deletes a Space."""
    return lambda world, _: world.delete(f"acme/{id}", after=after)


def renamed(after: float, to: str, id: str = "demo") -> Fact:
    """Somebody renames a Space."""
    return lambda world, _: world.rename(f"acme/{id}", to=to, after=after)


def token_for(seconds: float) -> Fact:
    """The token ends after so long."""

    def fact(world: World, _: Server) -> None:
        owners = frozenset({"acme"})
        world.tokens = dict(world.tokens) | {TOKEN: Token(name="writer", owners=owners, writes=owners, expires=seconds)}

    return fact


def quota(left: int) -> Fact:
    """The Hub has so many requests left for this token, until second 300."""

    def fact(world: World, _: Server) -> None:
        world.meter._spent[TOKEN] = (0, world.meter.quota - left)

    return fact


# ---- scripts ----

LIVE = Phase(40, "RUNNING", commit=HEAD, hardware=REQUESTED)


def build(stale: float = 0, *, live: bool = True, end: Phase | None = None) -> tuple[Phase, ...]:
    """Return a build of 20 s after so long of the stage before."""
    word = "RUNNING_BUILDING" if live else "BUILDING"
    last = end or Phase(stale + 20, "RUNNING", commit=HEAD, hardware=REQUESTED)
    return Phase(stale, word), last


def broken(stage: str, after: float = 20, stale: float = 0) -> tuple[Phase, ...]:
    """Return a build that fails."""
    return Phase(stale, "BUILDING"), Phase(stale + after, stage, commit=None)
