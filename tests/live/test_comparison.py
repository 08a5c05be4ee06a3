"""What counts as a difference, and what does not."""

import pytest

from live.comparison import compare, unseen
from live.findings import Answer, Exchange, Fact, Journal, Rule, Skip, Span
from live.headers import form, watched
from live.shapes import differences, shape_of, shape_of_all


def shapes(found, *simulated):
    return [" ".join(row) for row in differences(shape_of(found), shape_of_all(simulated))]


@pytest.mark.parametrize(
    ("found", "simulated", "told"),
    [
        ({"a": 1}, [{"a": 2.5}], []),
        ({"a": 1}, [{"a": True}], ["a true or false a number"]),
        ({"a": None}, [{"a": "b"}], ["a a text null"]),
        ({"a": None}, [{"a": "b"}, {"a": None}], []),
        ({}, [{"a": "b"}], ["a there missing"]),
        ({}, [{"a": "b"}, {}], []),
        ({"a": 1, "b": []}, [{"a": 1}], ["b not there a list"]),
        ({"a": [{"b": 1}, {}]}, [{"a": [{"b": 2}]}], ["a[].b there missing in some answers"]),
        ({"a": []}, [{"a": [{"b": 2}]}], []),
        ({"a": [1]}, [{"a": []}], []),
        ([{"a": {"b": "2026-07-21T13:20:06Z"}}], [[{"a": {"b": "2026-07-21T13:20:06.000Z"}}]], ["[].a.b a date a date in whole seconds"]),
        ("text", [{}], ["the answer an object a text"]),
        ({"errorMessage": "boom"}, [{}], []),
        ({"errorMessage": None}, [{"errorMessage": "boom"}], []),
        ({"errorMessage": 1}, [{"errorMessage": "boom"}], ["errorMessage a text a number"]),
        ({"cardData": {"license": "mit"}}, [{"cardData": {"title": "x"}}], []),
    ],
)
def test_shapes_are_compared_and_values_are_not(found, simulated, told):
    """Keys, types and nulls at every depth; what one Space has and another lacks is no difference."""
    assert shapes(found, *simulated) == told


@pytest.mark.parametrize(
    ("name", "one", "other", "same"),
    [
        ("content-type", "application/json; charset=utf-8", "application/json", True),
        ("content-type", "text/html", "text/plain", False),
        ("ratelimit", '"api";r=1;t=299', '"api";r=999;t=3', True),
        ("ratelimit", '"api";r=1;t=299', '"pages";r=1;t=299', False),
        ("link", '<https://huggingface.co/api/spaces?author=a&cursor=eyJ>; rel="next"', '<http://127.0.0.1/api/spaces?cursor=1&author=b>; rel="next"', True),
        ("link", '</api/spaces?page=2>; rel="next"', '</api/spaces?cursor=1>; rel="next"', False),
        ("location", "/api/spaces/a/b/runtime", "https://huggingface.co/api/spaces/a/b/runtime", False),
        ("x-request-id", "Root=1-6a000001-356a192b7913b04c54574d18", "Root=1-66f1c0de-0123456789abcdef01234567", True),
        ("x-repo-commit", "0" * 40, "f" * 40, True),
        ("x-proxied-host", "http://10.0.0.1", "http://10.27.113.4", True),
        ("x-error-code", "RepoNotFound", "EntryNotFound", False),
    ],
)
def test_headers_are_compared_by_their_form(name, one, other, same):
    """Numbers, cursors and hosts differ from answer to answer."""
    assert (form(name, one) == form(name, other)) is same


def test_other_headers_are_nobodys_business():
    """A real Hub sends many that no client reads."""
    assert watched({"Set-Cookie": "a=b", "RateLimit": "1"}) == {"ratelimit": "1"}


@pytest.mark.parametrize(
    ("kind", "found", "simulated", "agree"),
    [
        (Rule.SAME, 1, 1, True),
        (Rule.SAME, 1, 2, False),
        (Rule.ORDER, ["A", "C"], ["A", "B", "C"], True),
        (Rule.ORDER, ["C", "A"], ["A", "B", "C"], False),
        (Rule.ORDER, ["A", "X"], ["A", "B"], False),
        (Rule.AMONG, frozenset("a"), frozenset("ab"), True),
        (Rule.AMONG, frozenset("ac"), frozenset("ab"), False),
        (Rule.AT_MOST, Span(1.0, 9.0), Span(0.0, 1.0), True),
        (Rule.AT_MOST, Span(2.1, 2.2), Span(0.0, 1.0), False),
    ],
)
def test_facts_agree_as_their_kind_says(kind, found, simulated, agree):
    """A stage that was overlooked is no difference; a time counts only as far as it is proven."""
    journals = [Journal(facts=[Fact("step", "what", kind, value)]) for value in (found, simulated)]
    assert (compare(*journals) == []) is agree


def test_what_is_not_seen_is_listed():
    """Unless its step was left out."""
    answer = Answer(method="GET", path="/", status=200, headers={}, body=None, sent=0.0, answered=0.0)
    simulated = Journal(exchanges=[Exchange("a", "one", answer), Exchange("b", "two", answer)], facts=[Fact("a", "three", Rule.SAME, 1)])
    assert unseen(Journal(skips=[Skip("b", "why")]), simulated) == [("a", "one"), ("a", "three")]
    assert unseen(simulated, simulated) == []


def test_a_difference_is_told_once():
    """However many answers show it."""
    def journal(status, times):
        answer = Answer(method="GET", path="/", status=status, headers={}, body=None, sent=0.0, answered=0.0)
        return Journal(exchanges=[Exchange("a", "one", answer)] * times)

    assert [row.found for row in compare(journal(500, 9), journal(200, 3))] == ["500"]
