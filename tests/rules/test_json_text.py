"""Values of JSON are changed in its text, and nothing else of it is."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hf_action.rules.json_text import change_values, is_json


def changed(text: str) -> tuple[str, list[tuple[str, str, str]]]:
    """Return the text with stars for `x`, and which values were met."""
    met = []

    def value(around: str, name: str, text: str) -> str:
        met.append((around, name, text))
        return "*" if text == "x" else text

    return change_values(text, value=value, name=lambda name: "N" if name == "n" else name), met


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ('{"a": "x", "b" :\n"y"}', '{"a": "*", "b" :\n"y"}'),
        ('{"n": {"n": ["x", ["x"]]}, "c": "x"}', '{"N": {"N": ["*", ["*"]]}, "c": "*"}'),
        ('"x"', '"*"'),
        ('{"a":1}\n{"a":"x"}\n', '{"a":1}\n{"a":"*"}\n'),  # several documents
        (r'{"a": "\u0078", "b": "\u0079"}', r'{"a": "*", "b": "\u0079"}'),  # an escape is what it stands for
        ('{"a": 1e999, "a": -0.0, "b": 123456789012345678901234567890}', '{"a": 1e999, "a": -0.0, "b": 123456789012345678901234567890}'),
        ('{"a": "x', '{"a": "x'),  # cut off: the rest is one value
        ("[2026-11-26] x", "[2026-11-26] x"),
        ('}}{"a": "x"}', '}}{"a": "*"}'),
        ("", ""),
    ],
)
def test_only_values_change(text, made):
    """Blanks, numbers and names that come twice stay as they are."""
    assert changed(text)[0] == made


@pytest.mark.parametrize(
    ("text", "met"),
    [
        ('{"a": {"b": "1", "c": ["2", {"d": 3}], "e": true}, "f": null}', [("a", "b", "1"), ("c", "c", "2"), ("c", "d", "3"), ("a", "e", "true"), ("", "f", "null")]),
        ('{"a": "x" y}', [("", "a", "x"), ("", "a", "y}")]),
        ('{"token": "secret that is cut o', [("", "token", '"secret that is cut o')]),
        ("[1.2.3]", [("", "", "1.2.3]")]),
    ],
)
def test_a_value_is_met_with_its_name_and_what_it_is_in(text, met):
    """What is in a list has the name of the list; what is no JSON any more is a value of the last name."""
    assert changed(text)[1] == met


def test_a_number_that_changes_becomes_a_string():
    """The document stays JSON."""
    assert change_values('{"pin": 12345678}', value=lambda *_: "***", name=str) == '{"pin": "***"}'


@given(st.recursive(st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_any_document_stays_itself_where_nothing_changes(document):
    """To the last character."""
    for text in (json.dumps(document), json.dumps(document, ensure_ascii=False, indent=1)):
        assert change_values(text, value=lambda around, name, value: value, name=str) == text


@pytest.mark.parametrize("text", ["[" * 300_000, '{"a":' * 100_000, '"' + "a" * 1_000_000, '"\\' * 300_000, "]" * 300_000, "1" * 1_000_000], ids=lambda text: text[:5])
def test_the_work_grows_with_the_text_only(text):
    """However deep it is, or broken."""
    began = time.process_time()
    change_values(text, value=lambda around, name, value: value, name=str)
    assert time.process_time() - began < 5


@pytest.mark.parametrize(("text", "may_be"), [(' {"a"', True), ("[]", True), ('"', True), ("<html>", False), ("1", False), ("", False)])
def test_json_is_told_by_its_first_character(text, may_be):
    """A log or a page is no JSON."""
    assert is_json(text) == may_be
