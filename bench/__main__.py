"""`make bench`: the action next to what people use today, on this machine, in one run, against the simulated Hub.

Prints tables in Markdown, then the goals; the exit status is 1 where one is missed. docs/performance.md says how each
figure comes about.
"""

import os
import platform
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from statistics import median
from typing import Any

from bench.container import AFTER, BEFORE, shown
from bench.figures import cell, figures, percentile, table, together
from bench.peers import Peer
from bench.streams import BEHAVIOURS, BOTH_CONCEAL

NONE = "–"
SECTIONS = ("start", "container", "live", "waits", "streams", "fleet")
READABLE = ("start", "container")  # by itself, each prints a table
# Requests of a twenty-minute build, restarted or under way: with events that name the stage, and without.
WITH_EVENTS, WITHOUT = 30, 150


@dataclass(frozen=True, slots=True)
class Goal:
    """What was promised, and what was measured."""

    promise: str
    measured: str
    reached: bool


def main() -> int:
    """Measure, print, and judge."""
    began = time.monotonic()
    print(machine(), flush=True)
    found = {}
    for section in SECTIONS:
        print(f"measuring: {section} ...", file=sys.stderr, flush=True)
        module = f"bench.{section}"
        # On a shared clock nothing depends on how busy the machine is, so there two run at a time.
        words = ["--json"] if section in READABLE else []
        shared: dict[str, Sequence[str]] = {"waits": list(Peer), "streams": list(BEHAVIOURS)}
        found[section] = together(module, shared[section]) if section in shared else figures(module, *words)
    for draw in (peers, streams, fleets, quota, container):
        print(f"\n{draw(found)}")
    reached = goals(found)
    print(
        "\n"
        + table(
            ["goal", "measured", ""], [[g.promise, g.measured, "reached" if g.reached else "MISSED"] for g in reached]
        )
    )
    print(f"\nIt took {time.monotonic() - began:.0f} s; the load was {os.getloadavg()[0]:.1f} at the end.")
    return 0 if all(goal.reached for goal in reached) else 1


def machine() -> str:
    """Say where and with what this was measured."""
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} processors ({platform.machine()}), "
        f"load {os.getloadavg()[0]:.1f}, Python {platform.python_version()}, "
        f"huggingface_hub {version('huggingface_hub')}"
    )


def peers(found: dict[str, Any]) -> str:
    """One column a peer, with ratios to `hf spaces wait`."""
    rows = [
        from_start(found["start"], name, key, unit)
        for name, key, unit in (
            ("process start to first request", "first request", "ms"),
            ("process start to end, Space already there", "end", "ms"),
            ("processor time of that", "processor", "ms"),
            ("peak memory", "memory", "MB"),
        )
    ]
    return table(["", *Peer], [*rows, *requests(found["waits"]), *delays(found), *verdicts(found["waits"])])


def requests(waits: dict[str, Any]) -> list[list[str]]:
    """Return rows about builds of twenty minutes; a peer that was fooled by the stage from before needs few."""
    base = waits[Peer.HF]["requests"]
    whole = {peer: waits[peer]["restart"] for peer in Peer}
    true = {peer: whole[peer]["verdict"] == "true success" for peer in Peer}
    return [
        [
            "requests of a twenty-minute build that is under way",
            *(cell([waits[peer]["requests"]], base=base, unit="", digits=0) for peer in Peer),
        ],
        [
            "requests of a restart and its twenty-minute build, seen after 5 s",
            *(str(whole[peer]["requests"]) if true[peer] else whole[peer]["verdict"].upper() for peer in Peer),
        ],
    ]


def delays(found: dict[str, Any]) -> list[list[str]]:
    """Return rows about how long after the last stage was reached a step ended."""
    kinds = {
        "real time, builds of seconds": found["live"],
        "shared clock, builds of minutes": {peer: found["waits"][peer]["delays"] for peer in Peer},
    }
    rows = []
    for kind, late in kinds.items():
        base = median(late[Peer.HF])
        rows.append([f"delay, {kind}: median", *(cell(late[peer], base=base) for peer in Peer)])
        rows.append([f"delay, {kind}: 95th percentile", *(f"{percentile(late[peer], 95):.2f} s" for peer in Peer)])
    return rows


def verdicts(waits: dict[str, Any]) -> list[list[str]]:
    """Return rows about deployments after which the Hub names the stage from before."""
    total = sum(waits[Peer.HF]["stale"].values())
    return [
        [f"{word} in {total} stale timelines", *(str(waits[peer]["stale"].get(word, 0)) for peer in Peer)]
        for word in ("false success", "false failure")
    ]


def from_start(start: dict[str, Any], name: str, key: str, unit: str) -> list[str]:
    """Return a row about processes; that of the action is the same with and without events."""
    base = median(start[Peer.HF][key])
    return [name, *(cell(start[p][key], base=base, unit=unit, digits=0) if p in start else NONE for p in Peer)]


def streams(found: dict[str, Any]) -> str:
    """One row a way in which the Hub's streams may behave."""
    head = ["the Hub's events", "restart, 20 min", "under way, 20 min", "24 builds", "delay, median", "longest"]
    rows = [
        [
            behaviour,
            *(str(figure[what]) for what in ("restart", "under way", "requests")),
            f"{median(figure['delays']):.1f} s",
            f"{max(figure['delays']):.1f} s",
        ]
        for behaviour, figure in found["streams"].items()
    ]
    return table(head, rows)


def stream_goals(streams: dict[str, Any]) -> Sequence[Goal]:
    """Compare with what was promised for streams that may not be relied on."""
    wrong = sum(figure["wrong"] for figure in streams.values())
    late = {name: max(figure["delays"]) for name, figure in streams.items()}
    one = max(late[name] for name in late if name not in BOTH_CONCEAL)
    both = max(late[name] for name in BOTH_CONCEAL)
    most = max(max(figure["restart"], figure["under way"]) for figure in streams.values())
    return (
        Goal("no false verdict, however the streams behave", f"{wrong}", wrong == 0),
        Goal("no delay above 50 s where one stream conceals a change", f"{one:.0f} s", one <= 50),
        Goal("nor above 99 s where both do", f"{both:.0f} s", both <= 99),
        Goal(f"at most {WITHOUT} requests of a twenty-minute build", f"{most}", most <= WITHOUT),
    )


def fleets(found: dict[str, Any]) -> str:
    """One row a fleet, waited for with the quota of an Enterprise organization."""
    rows = []
    for peer, sizes in found["fleet"]["sizes"].items():
        for size, figure in sizes.items():
            well = figure["exit"] == 0
            late = f"{figure['late']:.1f} s" if well else f"FAILED after {figure['seconds']:.0f} s: quota spent"
            rows.append([peer, size, str(figure["requests"]), late, f"{figure['memory']:.0f} MB"])
    return table(["fleet in real time", "Spaces", "requests", "end, after the last Space runs", "peak memory"], rows)


def quota(found: dict[str, Any]) -> str:
    """One row an operation on 500 Spaces, with the quota of a free account."""
    steps = found["fleet"]["quota"]
    return table(
        ["500 Spaces of a free account", *list(steps[0])[1:]], [list(map(str, step.values())) for step in steps]
    )


def container(found: dict[str, Any]) -> str:
    """Sizes and times of the image."""
    return shown(found["container"])


def goals(found: dict[str, Any]) -> Sequence[Goal]:
    """Compare with what was promised."""
    waits, live, start = found["waits"], found["live"], found["start"]
    wrong = [name for peer in (Peer.QUIET, Peer.ACTION) for name in waits[peer]["wrong"]]
    late = {p: max(median(live[p]), median(waits[p]["delays"])) for p in (Peer.QUIET, Peer.ACTION)}
    first = {p: median(start[p]["first request"]) for p in (Peer.HF, Peer.ACTION)}
    failed = [size for size, figure in found["fleet"]["sizes"][Peer.ACTION].items() if figure["exit"]]
    many = found["fleet"]["round"]
    refused = sum(row["429"] for row in found["fleet"]["quota"])
    quiet = max(waits[Peer.QUIET]["requests"], waits[Peer.QUIET]["restart"]["requests"])
    heard = max(waits[Peer.ACTION]["requests"], waits[Peer.ACTION]["restart"]["requests"])
    return (
        Goal("no false verdict", f"{len(wrong)}", not wrong),
        Goal("median delay under 0.5 s with events", f"{late[Peer.ACTION]:.2f} s", late[Peer.ACTION] < 0.5),
        Goal("median delay under 4 s without", f"{late[Peer.QUIET]:.2f} s", late[Peer.QUIET] < 4),
        Goal(f"at most {WITH_EVENTS} requests of a twenty-minute build with events", f"{heard}", heard <= WITH_EVENTS),
        Goal(f"at most {WITHOUT} without", f"{quiet}", quiet <= WITHOUT),
        *stream_goals(found["streams"]),
        Goal(
            "first request sooner than hf, by a twentieth",
            f"{first[Peer.ACTION]:.0f} ms, {first[Peer.HF]:.0f} ms",
            first[Peer.ACTION] <= first[Peer.HF] * 0.95,
        ),
        Goal("1,000 Spaces: a round costs the pages of a listing", f"{many} requests, 10 pages", many <= 10),
        Goal(
            "no fleet fails, none is refused for its quota",
            f"{len(failed)} failed, {refused} refused",
            not failed and not refused,
        ),
        *in_container(found["container"]),
    )


def in_container(found: dict[str, Any] | None) -> Sequence[Goal]:
    """Compare a step in a container with one that compiles the standard library; no goal where there is no Docker."""
    if found is None:
        return ()
    after, before = (median(found["milliseconds"][name]) for name in (AFTER, BEFORE))
    promise = "bytecode of the standard library saves a third of `info` in a container, or more"
    return (Goal(promise, f"{after:.0f} ms, {before:.0f} ms without", after <= before * 2 / 3),)


if __name__ == "__main__":
    sys.exit(main())
