"""Which Spaces are chosen: patterns, filters, order, number, and the entries of a matrix."""

import json
import re
import time
from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hf_action.rules.account import account
from hf_action.rules.models import SpaceInfo, SpaceRuntime
from hf_action.rules.selection import Choice, Filters, Query, check_pattern, choose, fits, matches, queries, shares


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
    """`exclude: tmp-*` leaves out such names of every owner."""
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


# ---- patterns ----


@given(st.text(alphabet="ab/.[", max_size=9), st.text(alphabet="ab*?/.", max_size=8))
def test_a_pattern_matches_as_in_a_shell(text, pattern):
    """`*` is any characters and `?` is one; fnmatch agrees where nothing else has a meaning to it."""
    assert fits(text, pattern) is fnmatchcase(text, pattern)


def test_a_bracket_in_a_pattern_is_a_bracket():
    """It begins no set of characters, as it would in a shell."""
    assert fits("t4-[s]", "t4-[s]*") and not fits("t4-s", "t4-[s]") and not fits("t4-s", "t4-[s]*")


@pytest.mark.parametrize("pattern", ["*a*" + "?a*" * 60 + "b", "*" + "a*" * 95 + "b", "?" * 95 + "*b", "*" + "a?" * 90 + "*b"])
def test_a_pattern_takes_linear_time(pattern):
    """Also one that almost matches at every place: a text a hundred times as long takes no more than seconds."""
    began = time.thread_time()
    assert not fits("a" * 20_000, pattern)
    assert time.thread_time() - began < 5


@pytest.mark.parametrize(("pattern", "wrong"), [("a**", "has two '*' in a row"), ("***", "has two '*' in a row"), ("x" * 194, "is longer than 193"), ("x" * 193, ""), ("*a*?*", "")])
def test_what_a_pattern_may_be(pattern, wrong):
    """No longer than an id can be, and without two `*` in a row."""
    if wrong:
        with pytest.raises(ValueError, match=re.escape(wrong)):
            check_pattern(pattern)
    else:
        check_pattern(pattern)


# ---- what is said of a selection ----

ACME = Query("acme", None)
ALL = [space(f"acme/{name}") for name in ("always-on", "demo-a", "demo-b", "web-prod")] + [space("acme/rest", stage="PAUSED")]


@pytest.mark.parametrize(
    ("step", "fleet", "listings", "line", "warnings"),
    [
        (Choice(spaces=("acme/demo",)), [], {}, "", []),
        (Choice(spaces=("acme/demo",), filters=Filters(exclude=("acme/x",))), [], {}, "", ["exclude: 'acme/x' matches none of the Spaces, so it leaves out nothing."]),
        (Choice(patterns=("acme/*",)), [], {ACME: ALL}, "selected 5 Spaces: 5 by acme/*", []),
        (Choice(spaces=("acme/demo-a", "b/c"), patterns=("acme/demo-?",)), [], {ACME: ALL}, "selected 3 Spaces: 2 by space-id, 1 by acme/demo-?", []),
        (Choice(patterns=("acme/demo-*", "acme/web*")), [], {ACME: ALL}, "selected 3 Spaces: 2 by acme/demo-*, 1 by acme/web*", []),
        (Choice(patterns=("acme/dmo-*",)), [], {ACME: ALL}, "selected 0 Spaces", ["space-id: 'acme/dmo-*' matches none of the Spaces of acme."]),
        (Choice(patterns=("acme/*",)), [], {ACME: []}, "selected 0 Spaces", ["acme has no Space that can be seen here; check the name, and the rights of the token."]),
        (Choice(patterns=("acme/*",), filters=Filters(exclude=("acme/allways-on", "*-prod"))), [], {ACME: ALL},
         "selected 4 Spaces: 4 by acme/*; left out 1 by exclude", ["exclude: 'acme/allways-on' matches none of the Spaces (did you mean acme/always-on?), so it leaves out nothing."]),
        (Choice(patterns=("acme/*",), filters=Filters(exclude=("acme/Always-On", "tmp-*"))), [], {ACME: ALL},
         "selected 4 Spaces: 4 by acme/*; left out 1 by exclude", ["exclude: 'tmp-*' matches none of the Spaces, so it leaves out nothing."]),
        (Choice(patterns=("acme/*",), filters=Filters(exclude=("acme/*",))), [], {ACME: ALL}, "selected 0 Spaces; left out 5 by exclude", []),
        (Choice(patterns=("acme/*",), filters=Filters(stages=frozenset({"RUNNING"}), exclude=("*-prod",), limit=2)), [], {ACME: ALL},
         "selected 2 Spaces: 2 by acme/*; left out 1 by exclude, 1 by limit, 1 by with-stage", []),
        (Choice(filters=Filters(search=("tts", "zzz"))), [], {Query(None, "tts"): ALL[:1], Query(None, "zzz"): []}, "selected 1 Space: 1 by search 'tts'", ["search: 'zzz' finds no Space."]),
        (Choice(patterns=("acme/*",), filters=Filters(search=("tts",))), [], {Query("acme", "tts"): ALL[:2]}, "selected 2 Spaces: 2 by acme/*", []),
        (Choice(), [Choice(spaces=("acme/demo-a",)), Choice(patterns=("acme/web*",)), Choice(patterns=("acme/zzz*",))], {ACME: ALL},
         "selected 2 Spaces: 2 by the fleet file", ["fleet-file: 'acme/zzz*' matches none of the Spaces of acme."]),
        (Choice(spaces=("acme/web-prod",), patterns=("acme/*",)), [Choice(spaces=("acme/demo-a", "acme/web-prod")), Choice(patterns=("acme/demo-*",))], {ACME: ALL},
         "selected 5 Spaces: 2 by the fleet file, 2 by acme/*, 1 by space-id", []),
        (Choice(), [Choice(spaces=("acme/demo-a",))], {}, "selected 1 Space: 1 by the fleet file", []),
        (Choice(patterns=tuple(f"acme/{each.id[5:]}?*" for each in ALL) + tuple(f"acme/{n}*" for n in "abcdefghi")), [], {ACME: [space(f"acme/{n}x") for n in "aabbcdefghi"]},
         "selected 9 Spaces: 1 by acme/a*, 1 by acme/b*, 1 by acme/c*, 1 by acme/d*, 1 by acme/e*, 1 by acme/f*, 1 by acme/g*, 1 by acme/h*, 1 by other patterns",
         [f"space-id: 'acme/{each.id[5:]}?*' matches none of the Spaces of acme." for each in ALL]),
    ],
)  # fmt: skip
def test_what_was_selected_by_what(step, fleet, listings, line, warnings):
    """One line with how many each input chose and left out, and what matched nothing with the nearest name."""
    said = account(step, fleet, listings)
    assert (said.line, list(said.warnings)) == (line, warnings)


def test_many_exclusions_that_match_nothing_are_counted():
    """Each would be compared with thousands of ids: only the first ones are, and it takes a moment."""
    listed = [space(f"acme/space-{number}") for number in range(2_000)]
    filters = Filters(exclude=tuple(f"acme/spice-{number}" for number in range(100)))
    began = time.thread_time()
    said = account(Choice(patterns=("acme/*",), filters=filters), [], {ACME: listed})
    assert time.thread_time() - began < 60
    assert (said.line, len(said.warnings), said.warnings[-1]) == ("selected 2000 Spaces: 2000 by acme/*", 21, "80 more inputs match nothing.")
    assert [("did you mean" in warning) for warning in said.warnings] == [True] * 10 + [False] * 11
