"""A log made to be slow to read costs no more than its length: no pattern goes back and forth in it."""

import re
from time import process_time

import pytest

from hf_action.diagnosis import conditions, diagnose, evidence, messages, text, tracebacks
from hf_action.diagnosis.causes import CAUSES

# What the patterns are made of, over and over, in the hope that one of them begins to count it all again.
WORDS = ["401 Client Error ", "a", "A_", "1.", "'a'", '"', "/", "a-b", "x: ", " ", "\t ", "Error: ", 'File "', "exec ", "npm error ", "No module named 'a.", "127.0.0.1:", "cannot create ", "http://", "\x1b[", "Traceback (most recent call last)", "requires ", "ERROR: process ", "\n"]
MODULES = (conditions, evidence, messages, text, tracebacks)
PATTERNS = [pytest.param(sign.pattern, id=f"{cause.word} {at}") for cause in CAUSES for at, sign in enumerate(cause.signs)] + [
    pytest.param(value, id=f"{module.__name__.rpartition('.')[2]}.{name}") for module in MODULES for name, value in vars(module).items() if isinstance(value, re.Pattern)
]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_pattern_is_quick_on_a_megabyte(pattern):
    """Also on one that is a single line, which nobody hands to it."""
    began = process_time()
    for word in WORDS:
        pattern.search(word * (1_000_000 // len(WORDS) // len(word)))
    assert process_time() - began < 4.0


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_pattern_takes_twice_as_long_for_twice_as_much(pattern):
    """A repetition without a bound may not stand behind another one."""
    assert len(re.findall(r"(?<!\\)(?:\.|\\[swSWd]|\])[*+]", pattern.pattern)) <= 1


@pytest.mark.parametrize("stage", ["BUILD_ERROR", "RUNTIME_ERROR"])
@pytest.mark.parametrize("word", WORDS, ids=repr)
def test_the_longest_log_is_read_in_seconds(stage, word):
    """As the Hub serves it: many lines, each as long as can be, with an end like that of a real one."""
    line = word * (3_000 // len(word))
    head, end = "Traceback (most recent call last):\n", '--> ERROR: process "/bin/sh -c x" did not complete successfully: exit code: 1\n'
    began = process_time()
    diagnose(stage=stage, message=line, log=[head, *[f"  {line}\n"] * 700, *[f"{line}\n"] * 700, end], log_kind=None)
    assert process_time() - began < 8.0
