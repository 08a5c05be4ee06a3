"""Where a step is recorded: flags and variables, with their mistakes among those of the other inputs."""

import pytest

from hf_action.inputs.recording import Recording, read_recording
from hf_action.inputs.settings import parse, parse_post
from hf_action.rules.outcomes import InvalidInput


def check(name: str) -> None:
    if name.startswith(".."):
        raise ValueError("lies outside of the workspace; give a path below it")


@pytest.mark.parametrize(
    ("words", "environ", "found"),
    [
        ("", {}, None),
        ("--record a.jsonl", {}, Recording("a.jsonl")),
        ("--record=a.jsonl --record-anonymous", {}, Recording("a.jsonl", anonymous=True)),
        ("--record-anonymous false --record a.jsonl", {}, Recording("a.jsonl")),
        ("--record-anonymous=TRUE --record a.jsonl", {}, Recording("a.jsonl", anonymous=True)),
        ("", {"HF_SPACE_RECORD": " b.jsonl "}, Recording("b.jsonl")),
        ("", {"HF_SPACE_RECORD": "b.jsonl", "HF_SPACE_RECORD_ANONYMOUS": "true"}, Recording("b.jsonl", anonymous=True)),
        ("--record a.jsonl", {"HF_SPACE_RECORD": "b.jsonl"}, Recording("a.jsonl")),
        ("", {"HF_SPACE_RECORD_ANONYMOUS": "true"}, None),  # of a job, in which another step is recorded
        ("", {"HF_SPACE_RECORD": " "}, None),
    ],
)
def test_a_flag_or_a_variable_asks_for_it(words, environ, found):
    """A flag wins over a variable; other words are left for others."""
    recording, rest, mistakes = read_recording(["info", *words.split(), "acme/demo"], environ, check)
    assert (recording, rest, mistakes) == (found, ["info", "acme/demo"], [])


@pytest.mark.parametrize(
    ("words", "environ", "mistakes"),
    [
        ("--record", {}, ["record: has no value; write --record FILE."]),
        ("--record --dry-run", {}, ["record: has no value; write --record FILE."]),
        ("--record ../a", {}, ["record: '../a' lies outside of the workspace; give a path below it."]),
        ("--record-anonymous", {}, ["record-anonymous: needs record; write --record FILE."]),
        ("--record a --record-anonymous=maybe", {}, ["record-anonymous: 'maybe' is neither true nor false."]),
        ("", {"HF_SPACE_RECORD": "../a"}, ["record: '../a' lies outside of the workspace; give a path below it."]),
    ],
)
def test_mistakes_are_told_with_the_others(words, environ, mistakes):
    """All at once, and nothing is asked of the Hub."""
    with pytest.raises(InvalidInput) as raised:
        parse(["info", "a/b/c", *words.split()], environ, check_file=check)
    assert [one for one in raised.value.mistakes if "record" in one] == mistakes and len(raised.value.mistakes) > 1


def test_the_inputs_are_kept_without_who_asked():
    """They are what a replay begins with."""
    settings = parse(["wait", "acme/demo", "--record", "a", "--token", "hf_x", "--endpoint", "https://hub.example", "--timeout=5m"], {})
    assert settings.recording.inputs == {"operation": "wait", "space-id": " acme/demo", "timeout": "5m"}
    assert "hf_x" not in repr(settings)


def test_the_post_step_records_by_the_variable_only():
    """It has no flags; a name that cannot be used was told by its step."""
    assert parse_post({"HF_SPACE_RECORD": "a"}).recording == Recording("a")
    assert parse_post({"HF_SPACE_RECORD": "../a"}, check).recording is None
