"""Which Spaces are chosen: patterns, filters, order, number, and the entries of a matrix."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hf_action.rules.models import SpaceInfo, SpaceRuntime
from hf_action.rules.selection import Filters, Query, choose, matches, queries, shares


def space(name: str, stage: str = "RUNNING", hardware: str | None = "cpu-basic", **about) -> SpaceInfo:
    runtime = SpaceRuntime(stage=stage, hardware=hardware, requested_hardware=hardware)
    return SpaceInfo(id=name, runtime=runtime, **({"sdk": "gradio"} | about))


LISTED = [
    space("acme/demo-b", likes=5, last_modified="2026-01-02"),
    space("acme/Demo-a", likes=9, last_modified="2026-01-01"),
    space("acme/paused", stage="PAUSED", hardware="t4-small", likes=1, last_modified="2026-01-03"),
    space("acme/web", sdk="static", hardware=None),
]


@pytest.mark.parametrize(
    ("patterns", "filters", "names"),
    [
        (["acme/*"], Filters(), ["Demo-a", "demo-b", "paused", "web"]),
        (["acme/demo-*"], Filters(), ["Demo-a", "demo-b"]),
        (["ACME/demo-?"], Filters(), ["Demo-a", "demo-b"]),
        (["acme/demo-*", "acme/web"], Filters(), ["Demo-a", "demo-b", "web"]),
        (["acme/*"], Filters(sdks=frozenset({"static"})), ["web"]),
        (["acme/*"], Filters(stages=frozenset({"PAUSED", "SLEEPING"})), ["paused"]),
        (["acme/*"], Filters(hardware=frozenset({"t4-*"})), ["paused"]),
        (["acme/*"], Filters(exclude=("acme/paused", "*demo*")), ["web"]),
        (["acme/*"], Filters(sort="likes", limit=2), ["Demo-a", "demo-b"]),
        (["acme/*"], Filters(sort="last-modified", limit=1), ["paused"]),
        (["acme/*"], Filters(sort="likes", exclude=("acme/demo-a",), limit=1), ["demo-b"]),
        ([], Filters(search=("x",)), ["Demo-a", "demo-b", "paused", "web"]),
        (["acme/*"], Filters(sdks=frozenset({"gradio"})), ["Demo-a", "demo-b", "paused"]),
        (["acme/*"], Filters(sort="name", limit=2), ["Demo-a", "demo-b"]),
    ],
)
def test_choosing(patterns, filters, names):
    """Patterns and filters choose; then comes the order, and the limit last."""
    assert [chosen.id.partition("/")[2] for chosen in choose(LISTED, patterns, filters)] == names


def test_sorting():
    """By name without regard to case, the most liked first, or the last changed first; ties by name, unknown last."""
    listed = [
        space("a/under_score", likes=1, last_modified="2026-01-01"),
        space("a/Upper", likes=0, last_modified="2026-01-03"),
        space("a/under-score"),
        space("a/underz", likes=1, last_modified="2026-01-02"),
    ]
    names = {sort: [chosen.id for chosen in choose(listed, [], Filters(sort=sort))] for sort in ("name", "likes", "last-modified")}
    assert names == {
        "name": ["a/under-score", "a/under_score", "a/underz", "a/Upper"],
        "likes": ["a/under_score", "a/underz", "a/under-score", "a/Upper"],
        "last-modified": ["a/Upper", "a/underz", "a/under_score", "a/under-score"],
    }


def test_a_space_without_an_sdk_is_of_none():
    """An answer that does not say which SDK it is passes no filter for one."""
    assert choose([space("a/b", sdk=None)], [], Filters(sdks=frozenset({"gradio", "xxxx"}))) == []
    assert choose([space("a/b", sdk=None)], [], Filters()) != []


def test_a_space_listed_twice_is_chosen_once():
    """Two searches may find the same Space; the first finding stays."""
    assert choose([space("a/b", likes=1), space("A/B", likes=2)], [], Filters()) == [space("a/b", likes=1)]


@pytest.mark.parametrize(
    ("pattern", "expected"), [("acme/*", True), ("acme/d*", True), ("d*", True), ("*", True), ("other/*", False), ("x", False)]
)
def test_a_pattern_with_an_owner_is_of_the_id_and_one_without_of_the_name(pattern, expected):
    """`exclude: tmp-*` leaves out such names whoever owns them."""
    assert matches("acme/demo", pattern) is expected


def test_one_listing_an_owner():
    """Two patterns of one owner ask once; words to search for ask once each."""
    assert queries(["acme/a*", "Acme/b*", "other/*"], Filters()) == [Query("acme", None), Query("other", None)]
    assert queries([], Filters(search=("x", "y"))) == [Query(None, "x"), Query(None, "y")]
    assert queries(["acme/*"], Filters(search=("x",))) == [Query("acme", "x")]
    assert queries([], Filters()) == []
    assert queries(["a/x", "b/y"], Filters(search=("p", "q"))) == [
        Query("a", "p"), Query("a", "q"), Query("b", "p"), Query("b", "q"),
    ]  # fmt: skip


@given(st.lists(st.integers(), unique=True, max_size=2000))
def test_a_matrix_has_at_most_256_entries_and_loses_no_space(numbers):
    """GitHub refuses a larger matrix; further Spaces share entries, evenly."""
    names = [f"acme/{number}" for number in numbers]
    entries = shares(names)
    assert len(entries) == min(len(names), 256)
    assert all(entries)
    assert sorted(name for entry in entries for name in entry) == sorted(names)
    assert not entries or max(map(len, entries)) - min(map(len, entries)) <= 1


def test_a_matrix_is_json_for_a_workflow():
    """`strategy.matrix: ${{ fromJSON(...) }}` takes it as it is."""
    assert json.loads(json.dumps({"include": [{"space-id": " ".join(entry)} for entry in shares(["a/b"])]})) == {
        "include": [{"space-id": "a/b"}]
    }


@pytest.mark.parametrize(("count", "entries"), [(0, 0), (1, 1), (256, 256), (257, 256), (1000, 256)])
def test_a_matrix_has_an_entry_a_space_while_there_is_room(count, entries):
    """GitHub generates at most 256 jobs."""
    assert len(shares([f"acme/{number}" for number in range(count)])) == entries
