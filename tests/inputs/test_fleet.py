"""A fleet file is read into entries, or refused with every mistake, its line and what to write instead."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from hf_action.inputs.fleet import KNOWN, MAX_FILE_CHARS, MAX_MISTAKES, MAX_SPACES, Entry, FleetError, read_fleet
from hf_action.inputs.nodes import MAX_REPEATED
from hf_action.inputs.table import INPUTS, OPERATIONS

ROOT = Path(__file__).parent.parent.parent
EXAMPLE = (ROOT / "examples/fleet/acme.yml").read_text()
SCHEMA = json.loads((ROOT / "schemas/fleet.schema.json").read_text())


def read(text: str) -> list[tuple[str, dict[str, str]]]:
    return [(entry.space, dict(entry.inputs)) for entry in read_fleet(text, name="fleet.yml")]


def mistakes(text: str) -> list[str]:
    with pytest.raises(FleetError) as caught:
        read_fleet(text, name="fleet.yml")
    return caught.value.mistakes


def mistake(text: str) -> str:
    (found,) = mistakes(text)
    return found


def value(written: str, *, key: str = "settle") -> str:
    """Return the text that is read for `key: written`."""
    return read(f"spaces:\n- id: a/b\n  {key}: {written}")[0][1][key]


def accepted_by_schema(text: str) -> bool:
    return Draft202012Validator(SCHEMA).is_valid(yaml.safe_load(text))


# ---- what is read ----


def test_a_fleet_is_a_list_of_spaces():
    """The smallest fleet file is a list of ids."""
    assert read_fleet("spaces:\n- acme/demo\n- acme/other", name="x") == (Entry("acme/demo", {}), Entry("acme/other", {}))


def test_an_entry_goes_before_the_defaults():
    """Defaults hold for entries that say nothing else, plain ones too."""
    found = read("defaults: {settle: 90s, logs: never}\nspaces: [a/b, {id: a/c, settle: 5s, operation: pause}]")
    assert found == [
        ("a/b", {"settle": "90s", "logs": "never"}),
        ("a/c", {"settle": "5s", "logs": "never", "operation": "pause"}),
    ]


def test_an_entry_knows_its_line():
    """What is found wrong later, in how inputs go together, can still be pointed at."""
    assert [entry.line for entry in read_fleet("spaces:\n- a/b\n\n- settle: 5s\n  id: a/c", name="x")] == [2, 5]


def test_an_empty_input_of_an_entry_takes_the_default_away():
    """It is handed on empty, and an empty input counts as absent."""
    assert read("defaults: {health-check: /}\nspaces: [{id: a/b, health-check: ''}]") == [("a/b", {"health-check": ""})]


@pytest.mark.parametrize(
    ("written", "space"),
    [("acme/demo", "acme/demo"), ("spaces/acme/demo", "acme/demo"), ("https://hf.co/spaces/acme/demo?logs=build", "acme/demo"),
     ("acme/demo-*", "acme/demo-*"), ("spaces/acme/v?", "acme/v?"), ("acme/*", "acme/*")],
)  # fmt: skip
def test_forms_of_a_space(written, space):
    """An id, the address of its page and a pattern, alone or under id."""
    assert read(f"spaces:\n- {written}") == read(f"spaces:\n- id: {written}") == [(space, {})]


@pytest.mark.parametrize("written", ["90", "1.5", "0.50", "90s", "1h30m", "'1h30m'", "!!str 90", "|\n    90s"])
def test_a_value_is_its_text(written):
    """Strings and numbers are handed on as they are written, as `with:` does."""
    assert value(written) == written.removeprefix("!!str ").strip("'|\n ")


@pytest.mark.parametrize("commit", ["0123456", "1234567", "12345e7"])
def test_a_commit_of_digits_stays_what_it_is(commit):
    """YAML 1.1 would make the octal number 42798 of 0123456."""
    assert value(commit, key="commit") == commit


@pytest.mark.parametrize(("written", "text"), [("true", "true"), ("on", "true"), ("Yes", "true"), ("OFF", "false"), ("no", "false"), ("'True'", "True")])  # fmt: skip
def test_booleans_of_yaml_are_true_and_false(written, text):
    """YAML 1.1 has eleven spellings more than GitHub; quoted, they stay text."""
    assert value(written, key="factory-reboot") == text


@pytest.mark.parametrize("written", ["RUNNING,SLEEPING", "[RUNNING, SLEEPING]", "\n  - RUNNING\n  - SLEEPING"])
def test_stages_may_be_a_list(written):
    """What is separated by commas may be a YAML list."""
    assert value(written, key="wait-for-stage") == "RUNNING,SLEEPING"


def test_aliases_may_be_used():
    """A value named once may stand in several places."""
    found = read("spaces:\n- {id: a/b, wait-for-stage: &both [RUNNING, PAUSED]}\n- {id: a/c, wait-for-stage: *both}")
    assert [inputs["wait-for-stage"] for _, inputs in found] == ["RUNNING,PAUSED"] * 2


@pytest.mark.parametrize("text", ["\ufeffspaces: [a/b]", "spaces:\r\n- a/b\r\n", "%YAML 1.2\n---\nspaces: [a/b]\n...\n", '{"spaces": ["a/b"]}'])
def test_files_of_other_editors_are_read(text):
    """A byte order mark, Windows line ends, a directive, and JSON are YAML."""
    assert read(text) == [("a/b", {})]


def test_what_may_be_set_are_inputs():
    """Each row says whether a Space may have its own, and its reader whether it may be a list; a secret is never in a file."""
    assert sorted(name for name, row in INPUTS.items() if row.per_space) == sorted(KNOWN)
    assert [name for name, row in INPUTS.items() if row.reader.takes_list] == ["wait-for-stage"]
    assert not any(INPUTS[name].secret for name in KNOWN)
    assert all(bool(row.reader.schema) >= row.per_space for row in INPUTS.values())


@pytest.mark.parametrize("name", sorted(INPUTS.keys() - {"health-check-contains"}))  # which any text will do for
def test_every_input_is_allowed_or_refused_by_name(name):
    """Inputs of the whole step are told from typing errors."""
    found = mistakes(f"spaces:\n- id: a/b\n  {name}: '§'")
    assert len(found) == 1 and found[0].startswith(f"fleet.yml:3: {name}: ")
    assert ("§" in found[0]) == (name in KNOWN)
    if name not in KNOWN and name != "space-id":
        assert "give it to the step" in found[0]


# ---- mistakes ----


def test_all_mistakes_are_reported_in_order():
    """One run is enough to find everything that is wrong with a file, and each has its line."""
    found = mistakes(
        "defaults:\n  settle: soon\n  setle: 1\nspaces:\n- a/b/c\n- id: a/b\n  commit: main\n  token: hf_secret\n- A/B\n- a/d\nspacs: 1\n"
    )
    assert [line.split(" ")[0:2] for line in found] == [
        ["fleet.yml:2:", "settle:"], ["fleet.yml:3:", "setle:"], ["fleet.yml:5:", "id:"], ["fleet.yml:7:", "commit:"],
        ["fleet.yml:8:", "token:"], ["fleet.yml:9:", "A/B:"], ["fleet.yml:11:", "spacs:"],
    ]  # fmt: skip
    assert "1h30m" in found[0]
    assert "did you mean settle?" in found[1]
    assert "7 to 40 hex digits" in found[3]
    assert "first in line 6" in found[5]
    assert "did you mean spaces?" in found[6]
    assert "hf_secret" not in "".join(found)


@pytest.mark.parametrize(
    ("written", "about"),
    [("1:30", "base 60"), ("1:30.5", "base 60"), ("2024-01-01", "date"), ("", "has no value"), ("~", "has no value"),
     ("[1, 2]", "is a list"), ("{a: 1}", "is a mapping"), ("!!python/object:os.system x", "tag !!python/object"),
     ("!!python/object/apply:os.system [x]", "tag !!python"), ("!!set {a}", "tag !!set"), ("!mine 5", "tag !mine"),
     ("!!bool maybe", "tag !!bool"), (".inf", "is not a duration"), ("yes", "'true' is not a duration"),
     ("'1:30'", "is not a duration"), ("9" * 400, "longer than"), ("soon", "write seconds")],
)  # fmt: skip
def test_values_that_are_no_text(written, about):
    """What YAML takes for something else is a mistake that says so."""
    assert about in mistake(f"spaces:\n- id: a/b\n  settle: {written}\n")
    assert mistake(f"spaces:\n- id: a/b\n  settle: {written}\n").startswith("fleet.yml:3: settle: ")


@pytest.mark.parametrize("written", ["[]", "[none, RUNNING]", "[[RUNNING]]", "[~]", "{RUNNING}"])
def test_wrong_lists_are_mistakes(written):
    """A list has single values, and they are read together."""
    assert mistake(f"spaces: [{{id: a/b, wait-for-stage: {written}}}]").startswith("fleet.yml:1: wait-for-stage: ")


@pytest.mark.parametrize("written", ["a/b/c", "demo", "'*/demo'", "a*/b", "'a/[b]'", "'a/b, c/d'", "5", "~", "''", "[a/b]", "https://hf.co/a/b", "a/b c/*"])
def test_wrong_spaces_are_mistakes(written):
    """One entry is one Space, or one pattern of a named owner."""
    for entry in (written, f"{{id: {written}}}"):
        assert mistake(f"spaces:\n- {entry}").startswith("fleet.yml:2: id: ")


@pytest.mark.parametrize(
    ("text", "start", "about"),
    [
        ("", "1: ", "is empty"),
        ("# nothing\n", "1: ", "is empty"),
        ("---\n", "1: ", "is empty"),
        ("5", "1: ", "not a mapping"),
        ("- a/b", "1: ", "write 'spaces:'"),
        ("a/b", "1: ", "write 'spaces:'"),
        ("defaults: {}", "1: spaces: ", "is missing"),
        ("\nspaces:\n", "2: spaces: ", "has no value"),
        ("spaces: []", "1: spaces: ", "names no Space"),
        ("spaces: a/b", "1: spaces: ", "single value"),
        ("spaces: {a/b: {settle: 1}}", "1: spaces: ", "is a mapping"),
        ("spaces: !!omap [a/b]", "1: spaces: ", "tag !!omap"),
        ("!!set {spaces}", "1: ", "not a mapping"),
        ("spaces: [a/b]\ndefaults:\n", "2: defaults: ", "has no value"),
        ("spaces: [a/b]\ndefaults: [settle]", "2: defaults: ", "is a list"),
        ("spaces: [a/b]\nsettle: 90s", "2: settle: ", "go under 'defaults:'"),
        ("spaces: [a/b]\nspaces: [a/c]", "2: spaces: ", "twice, first in line 1"),
        ("spaces:\n- id: a/b\n  settle: 1\n  settle: 1", "4: settle: ", "twice, first in line 3"),
        ("spaces:\n- a/b\n- id: A/b", "3: A/b: ", "twice, first in line 2"),
        ("spaces:\n- settle: 5s", "2: id: ", "is missing"),
        ("spaces:\n- id: a/b\n  space-id: a/c", "3: space-id: ", "- id: owner/name"),
        ("spaces:\n- id: a/b\n  wait_for_stage: none", "3: wait_for_stage: ", "did you mean wait-for-stage?"),
        ("spaces:\n- id: a/b\n  on: 5", "3: on: ", "is not an input"),
        ("spaces:\n- id: a/b\n  ? [x]\n  : y", "3: a key ", "is a list"),
        ("spaces:\n- id: a/b\n  ?\n  : y", "3: a key ", "has no value"),
        ("spaces:\n- id: a/b\n  !!python/name:os.system settle: 5", "3: a key ", "tag !!python/name"),
        ("x: &x {settle: 1}\nspaces: [a/b]", "1: x: ", "neither defaults nor spaces"),
        ("spaces:\n- {<<: {settle: 1}, id: a/b}", "2: <<: ", "merge keys"),
        ("spaces: [a/b]\n---\nspaces: [a/c]", "2: ", "another document"),
        ("spaces:\n\t- a/b", "2: ", "not tabs"),
        ("spaces: [a/b", "1: ", "not one YAML document"),
        ("spaces: [*nobody]", "1: ", "undefined alias"),
        ("spaces:\n- a/b\n- '\x00'", "3: ", "U+0000"),
        ("spaces: [\ud800]", "1: ", "U+D800"),
        ('spaces:\n- "\\UFFFFFFFF"', "2: ", "invalid Unicode character escape code"),
        ('spaces:\n- "\\U00110000"', "2: ", "invalid Unicode character escape code"),
        (f"%YAML 1.{'9' * 5000}\n---\n", "1: ", "extremely long version number"),
        ("ï»¿spaces: [a/b]\nspaces: [a/b]", "1: ï»¿spaces: ", "did you mean spaces?"),
        ("#" * MAX_FILE_CHARS + "\n", "1: ", "larger than 1 MiB"),
        ("spaces:\n" + "[" * 1000, "2: ", "not one YAML document"),
        ("spaces: " + "[" * 1000, "1: ", "nested more than 20 levels deep"),
        ("spaces: [" + "[" * 1_000_000, "1: ", "nested more than 20 levels deep"),
        ("spaces: " + "{a: " * 19, "1: ", "not one YAML document"),
        ("spaces:\n" + "- " * 9999, "2: ", "nested more than 20 levels deep"),
    ],
)  # fmt: skip
def test_mistakes_of_the_whole(text, start, about):
    """Each way in which a file is not a fleet file has one mistake, with its line and what to do."""
    assert mistake(text).startswith(f"fleet.yml:{start}")
    assert about in mistake(text)


FORM = "write 'spaces:' and under it a list with '- owner/name' or '- id: owner/name' for each Space"
FOR_A_SPACE = ", ".join(sorted(KNOWN))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("#" * MAX_FILE_CHARS + "\n", "1: the file is larger than 1 MiB; use patterns, or split it."),
        ("", f"1: the file is empty; {FORM}."),
        ("5", f"1: is not a mapping; {FORM}."),
        ("\x00", "1: character U+0000 is not allowed; save the file as UTF-8 text."),
        ("\n\nspaces:\n- a/b\x01\n\n", "4: character U+0001 is not allowed; save the file as UTF-8 text."),
        ("spaces:\n\t- a/b", "2: is not one YAML document: while scanning for the next token, found character that cannot start any token; write blanks, not tabs."),
        ("spaces: [*nobody]", "1: is not one YAML document: found undefined alias 'nobody'."),
        ("spaces: " + "[" * 1000, "1: is nested more than 20 levels deep; a fleet file needs four."),
        ('spaces: ["\\UFFFFFFFF"]', "1: is not one YAML document: while parsing a quoted scalar, found invalid Unicode character escape code."),
        ('"https://user:secret@hub/x": 1\nspaces: [a/b]', "1: (not shown): is neither defaults nor spaces; inputs go under 'defaults:'."),
        ("spaces: ['https://user:secret@hf.co/spaces/a/b']", "1: id: (not shown) has a user name or a password in its address, which is not shown here; write it without."),
        ("spaces: [{id: a/b, health-check: 'https://user:secret@x/'}]", "1: health-check: (not shown) has a user name or a password in its address, which is not shown here; write it without."),
        ("spaces: ['a/b**']", "1: id: 'a/b**' has two '*' in a row; one stands for any number of characters already."),
        ("spaces: &a [*a]", "1: aliases repeat this, and other values, more than 10000 times; write fewer of them."),
        ("defaults: {}", f"1: spaces: is missing; {FORM}."),
        ("spaces: []", f"1: spaces: names no Space; {FORM}."),
        ("spaces: a/b", f"1: spaces: is the single value 'a/b'; {FORM}."),
        ("spaces: {}", f"1: spaces: is a mapping; {FORM}."),
        ("spaces:", f"1: spaces: has no value; {FORM}."),
        ("spaces: !!set {a/b}", f"1: spaces: has the tag !!set, which is not read; {FORM}."),
        ("spaces: !<tag:yaml.org,2002:tag:yaml.org,2002:x> [a/b]", f"1: spaces: has the tag !!tag:yaml.org,2002:x, which is not read; {FORM}."),
        ("spaces: [a/b]\ndefault: {settle: 5s}", "2: default: is neither defaults nor spaces (did you mean defaults?); inputs go under 'defaults:'."),
        ("spaces: [a/b]\nspace: 5", "2: space: is neither defaults nor spaces (did you mean spaces?); inputs go under 'defaults:'."),
        ("spaces: [a/b]\nzzzz: 5", "2: zzzz: is neither defaults nor spaces; inputs go under 'defaults:'."),
        ("spaces: [a/b]\ndefaults: [x]", "2: defaults: is a list; write inputs under it, such as 'settle: 90s', or leave it out."),
        ("spaces: [a/b, A/b]", "1: A/b: is here twice, first in line 1; keep one of them."),
        ("spaces:\n- settle: 5s", "2: id: is missing; write 'id: owner/name'."),
        ("spaces: [a]", "1: id: 'a' is not a Space; write owner/name with letters, digits, '-', '_' and '.' only, or a pattern such as owner/demo-*."),
        ("spaces: ['*/b']", "1: id: '*/b' is not a pattern; write owner/pattern with '*' or '?' after the slash only."),
        ("spaces: [[a/b]]", "1: id: is a list; write a single value."),
        ("spaces: [{id: a/b, settle: soon}]", "1: settle: 'soon' is not a duration; write seconds (90, 0.5) or 90s, 20m, 1.5m, 1h30m, 1d."),
        ("spaces: [{id: a/b, settle: '" + "x" * 301 + "'}]", "1: settle: is longer than 300 characters."),
        ("spaces: [{id: a/b, settle: '" + "x" * 300 + "'}]", "1: settle: '" + "x" * 99 + "…' is not a duration; write seconds (90, 0.5) or 90s, 20m, 1.5m, 1h30m, 1d."),
        ("spaces: [{id: a/b, settle: " + "x" * 101 + "}]", "1: settle: '" + "x" * 99 + "…' is not a duration; write seconds (90, 0.5) or 90s, 20m, 1.5m, 1h30m, 1d."),
        ("spaces: [{id: a/b, settle: " + "x" * 100 + "}]", "1: settle: '" + "x" * 100 + "' is not a duration; write seconds (90, 0.5) or 90s, 20m, 1.5m, 1h30m, 1d."),
        ("spaces: [{id: a/b, settle: 1:30}]", "1: settle: 1:30 is a number in base 60 to YAML; write a duration as 90s or 1h30m, or use quotes."),
        ("spaces: [{id: a/b, settle: 2024-01-01}]", "1: settle: '2024-01-01' is a date to YAML; if the text is meant, put it in quotes."),
        ("spaces: [{id: a/b, restore: !!bool maybe}]", "1: restore: 'maybe' is neither true nor false, as its tag !!bool says."),
        ("spaces: [{id: a/b, settle: ~}]", "1: settle: has no value; write a plain value."),
        ("spaces: [{id: a/b, settle: =}]", "1: settle: '=' is not a duration; write seconds (90, 0.5) or 90s, 20m, 1.5m, 1h30m, 1d."),
        ("spaces: [{id: a/b, settle: <<}]", "1: settle: '<<' is not a duration; write seconds (90, 0.5) or 90s, 20m, 1.5m, 1h30m, 1d."),
        ("spaces: [{id: a/b, wait-for-stage: [RUN!]}]", "1: wait-for-stage: 'RUN!' is not a list of stages; write names such as RUNNING or RUNNING,SLEEPING, or none alone."),
        ("spaces: [{id: a/b, [x]: y}]", "1: a key is a list; write a name followed by a colon."),
        ("spaces: [{id: a/b, max-parallel: 5}]", f"1: max-parallel: is for all Spaces alike; give it to the step under 'with:'. A Space may have {FOR_A_SPACE}."),
        ("spaces: [{id: a/b, Stable_for: 5s}]", f"1: Stable_for: is not an input of a Space (did you mean stable-for?); write one of {FOR_A_SPACE}."),
        ("spaces: [{id: a/b, log_l: 5}]", f"1: log_l: is not an input of a Space (did you mean log-lines?); write one of {FOR_A_SPACE}."),
        ("spaces: [{id: a/b, zzzz: 5s}]", f"1: zzzz: is not an input of a Space; write one of {FOR_A_SPACE}."),
        ("spaces: [{id: a/b, <<: {settle: 5s}}]", "1: <<: merge keys are not read here; put what Spaces share under 'defaults:'."),
        ("spaces: [{id: a/b, space-id: a/c}]", f"1: space-id: is not read here; {FORM}."),
    ],
)  # fmt: skip
def test_a_mistake_says_what_is_wrong_and_what_to_write(text, said):
    """File, line, key, what is wrong, and the accepted forms, in one sentence."""
    assert mistake(text) == f"fleet.yml:{said}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('spaces:\n- "\\UFFFFFFFF"', "2: has a number or an escape beyond what YAML can hold."),
        ('spaces:\n- "\\U00110000"', "2: has a number or an escape beyond what YAML can hold."),
        (f"%YAML 1.{'9' * 5000}\n---\n", "1: has a number or an escape beyond what YAML can hold."),
        ("spaces:\n\t- a/b", "2: is not one YAML document: while scanning for the next token, found character '\\t' that cannot start any token; write blanks, not tabs."),
        ("spaces: " + "[" * 1000, "1: is nested more than 20 levels deep; a fleet file needs four."),
        ("spaces: [a/b]\n---\nspaces: [a/c]", "2: is not one YAML document: found another document."),
        ("", f"1: the file is empty; {FORM}."),
    ],
)  # fmt: skip
def test_mistakes_where_pyyaml_has_no_libyaml(text, said, monkeypatch):
    """PyYAML's own parser finds them as well, if more slowly."""
    monkeypatch.delattr(yaml, "CSafeLoader")
    assert mistake(text) == f"fleet.yml:{said}"
    assert read(EXAMPLE)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("spaces: [" + "a," * 520_000 + "]", 10_001),
        ("spaces: [" + "{}," * 30_000 + "]", 10_001),
        ("spaces: [" + "a/b," * 30_000 + "]", 10_000),
        ("spaces: [" + ",".join(f"a/{number}" for number in range(30_000)) + "]", 1),
        ("defaults: {" + ",".join(f"k{number}: 1" for number in range(20_000)) + "}\nspaces: [a/b]", 20_000),
        ("".join(f"k{number}: 1\n" for number in range(20_000)) + "spaces: [a/b]", 20_000),
        ("spaces: [{id: a/b, wait-for-stage: [" + "[]," * 30_000 + "]}]", 1),
        ("spaces: [" + "https://u:p@h/," * 12_000 + "]", 10_001),
    ],
    ids=["no Spaces", "no ids", "twice", "too many", "unknown inputs", "unknown keys", "a list", "passwords"],
)
def test_many_mistakes_show_twenty_and_a_count(text, count):
    """And is read in two seconds or so: the bound has room for a machine that measures coverage."""
    began = time.thread_time()
    with pytest.raises(FleetError) as caught:
        read_fleet(text, name="f.yml")
    assert (len(caught.value.mistakes), len(caught.value.mistakes) + caught.value.more) == (min(count, MAX_MISTAKES), count)
    assert time.thread_time() - began < 60
    assert max(map(len, caught.value.mistakes)) < 1000


def test_a_fleet_has_at_most_ten_thousand_entries():
    """More are a mistake that counts them, and the others are not looked at."""
    lines = [f"- a/s{number}" for number in range(MAX_SPACES)]
    assert len(read("\n".join(["spaces:", *lines]))) == MAX_SPACES
    assert mistake("\n".join(["spaces:", *lines, "- a/b"])) == "fleet.yml:1: spaces: lists 10001 Spaces, more than 10000; use patterns, or split the file."


def test_a_file_as_large_as_allowed_is_read():
    """The bound is on what is more."""
    text = "spaces: [a/b]\n"
    assert read(text + "#" * (MAX_FILE_CHARS - len(text))) == [("a/b", {})]


def test_mistakes_after_one_another_are_all_found():
    """Neither a key that is not an input nor one written twice hides what follows; each is in the error's text, too."""
    text = "defaults: {zzzz: 1, settle: soon, settle: 5s}\nspaces: [{id: a/b, limit: 5, settle: x}]"
    with pytest.raises(FleetError) as caught:
        read_fleet(text, name="f")
    found = caught.value.mistakes
    assert [line.split(" ")[:2] for line in found] == [["f:1:", "settle:"], ["f:1:", "zzzz:"], ["f:1:", "settle:"], ["f:2:", "limit:"], ["f:2:", "settle:"]]
    assert str(caught.value) == "\n".join(found)


def test_aliases_that_explode_are_a_mistake():
    """Ten lines that stand for ten billion values are refused without unfolding them."""
    lines = ["a: &a [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"{new}: &{new} [{', '.join([f'*{old}'] * 10)}]" for old, new in zip("abcdefghi", "bcdefghij", strict=True)]
    assert "aliases" in mistake("\n".join(lines))


@pytest.mark.parametrize("text", ["spaces: &a [*a]", "&a {spaces: *a}", "spaces:\n- &a {id: a/b, settle: *a}"])
def test_aliases_of_themselves_are_a_mistake(text):
    """A file that contains itself is as much too large."""
    assert "aliases" in mistake(text)


def test_aliases_are_counted_together():
    """The bound is on all that they repeat, and generous."""
    stages = "[" + "A," * 99 + "]"
    for times, fits in ((MAX_REPEATED // 100, True), (MAX_REPEATED // 100 + 1, False)):
        text = f"defaults: {{wait-for-stage: &x {stages}}}\nspaces:\n"
        text += "".join(f"- {{id: a/b{number}, wait-for-stage: *x}}\n" for number in range(times))
        assert len(read(text)) == times if fits else "aliases" in mistake(text)


@pytest.mark.parametrize("text", ['"::error::x\\n": 1\nspaces: [a/b]', 'spaces: ["a\\n::error::x"]', 'spaces: [{id: a/b, "\\e[31m": 1}]'])
def test_a_mistake_is_one_printable_line(text):
    """Whatever a file says, it cannot begin a line of the log."""
    assert mistake(text).isprintable()


PIECES = ["spaces:", "defaults:", "- ", "id: ", "a/b", "settle: ", "1:30", "\n", "  ", "\t", "[", "]", "{", "}", ":", ",", "&x ", "*x", "!!set ",
          "!!python/object:x ", "<<: ", "|", ">", "'", '"', "\\", "\\UFFFFFFFF", "? ", "#", "%", "---\n", "...", "~", "=", "\x00", "\ufeff", "\u2028"]  # fmt: skip


@given(st.text(max_size=60) | st.lists(st.sampled_from(PIECES), max_size=25).map("".join))
def test_any_text_is_a_fleet_or_mistakes(text):
    """No text makes the reader fall over, and each mistake has file and line."""
    try:
        assert read(text)
    except FleetError as error:
        assert error.mistakes
        assert all(line.split(":")[0] == "fleet.yml" and int(line.split(":")[1]) > 0 for line in error.mistakes)


@given(st.integers(0, len(EXAMPLE)), st.integers(0, 9), st.sampled_from(["", *PIECES]))
def test_any_slip_in_a_good_file_is_a_fleet_or_mistakes(at, length, piece):
    """A file that was nearly right makes nothing fall over either."""
    try:
        assert read(EXAMPLE[:at] + piece + EXAMPLE[at + length :])
    except FleetError as error:
        assert all(line.isprintable() for line in error.mistakes)


def test_yaml_is_loaded_only_for_a_fleet():
    """A step without a fleet file does not pay for PyYAML."""
    code = "import sys, hf_action.inputs.fleet; sys.exit('yaml' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


# ---- the schema that editors use ----


def test_the_schema_is_a_schema():
    """It keeps the rules of JSON Schema 2020-12."""
    Draft202012Validator.check_schema(SCHEMA)


def test_the_schema_follows_the_table_of_inputs():
    """Each input that may be set is there in both places, with the description that the action has."""
    entry = SCHEMA["properties"]["spaces"]["items"]["anyOf"][1]["properties"]
    defaults = SCHEMA["properties"]["defaults"]["properties"]
    refs = {name: {"$ref": f"#/$defs/{name}"} for name in KNOWN}
    assert defaults == refs
    assert entry == refs | {"id": {"$ref": "#/$defs/id"}}
    assert {name: SCHEMA["$defs"][name]["description"] for name in KNOWN} == {name: INPUTS[name].about for name in KNOWN}
    assert SCHEMA["$defs"].keys() == set(KNOWN) | {"id"}
    assert SCHEMA["$defs"]["operation"]["enum"] == list(OPERATIONS)


def test_the_example_is_a_fleet():
    """It is read, and an editor finds nothing to say."""
    assert [entry.space for entry in read_fleet(EXAMPLE, name="x")][:2] == ["acme/landing-page", "acme/demo-*"]
    assert accepted_by_schema(EXAMPLE)
    named = EXAMPLE.splitlines()[0].partition("$schema=")[2]
    assert (ROOT / "examples/fleet" / named).resolve() == ROOT / "schemas/fleet.schema.json"


GOOD = {
    "operation": [*OPERATIONS],
    "wait-for-stage": ["none", "RUNNING", "running, SLEEPING", "[RUNNING]", "''"],
    "commit": ["auto", "head", "any", "abcdef1", "ABCDEF1", "1234567", "a" * 40],
    "settle": ["0", "90", "0.5", "90s", "1h30m", "1.5M", ".5", "1d12h"],
    "timeout": ["5", "0.5", "1h30m", "'20m'"],
    "stable-for": ["0s", "2m"],
    "health-check": ["/", "/healthz?x=1", "https://example.org", "https://example.org/up", "auto", "''"],
    "if-superseded": ["fail", "pass"],
    "health-check-contains": ["well", "'<h1>a b</h1>'"],
    "rollback": ["true", "false"],
    "rollback-to": ["abcdef1", "1234567", "''"],
    "retries": ["0", "20", "'3'"],
    "factory-reboot": ["true", "false", "yes", "'true'"],
    "hardware": ["t4-small", "cpu-basic", "''"],
    "sleep-time": ["never", "1h", "1d", "3600", "-1", "'-1'", "''"],
    "restore": ["true", "off"],
    "logs": ["on-failure", "always", "never"],
    "log-lines": ["1", "'50'", "10000"],
}
BAD = {
    "operation": ["restrat", "true", "[restart]"],
    "wait-for-stage": ["[]", "5", "RUN!", "[a b!]", "[[A]]", "','"],
    "commit": ["main", "abcdef", "a" * 41, "[head]", "1.5"],
    "settle": ["soon", "-1", "1 m", "30m1h", "36000000", "{}", "2024-01-01", "true"],
    "stable-for": ["1x", "~"],
    "timeout": ["0", "soon", "-1", "3024001"],
    "health-check": ["healthz", "//x", "http://example.org", "https://u@example.org", "https://", "5"],
    "if-superseded": ["passing", "true", "[fail]"],
    "health-check-contains": ['"a\\nb"', "[a]"],
    "rollback": ["always", "1"],
    "rollback-to": ["head", "abcdef", "5"],
    "retries": ["-1", "21", "1.5", "often"],
    "factory-reboot": ["maybe", "1", "~"],
    "hardware": ["t4 small", "[t4-small]", "-x"],
    "sleep-time": ["often", "0", "-2"],
    "restore": ["paused"],
    "logs": ["on", "sometimes"],
    "log-lines": ["0", "10001", "1.5", "many"],
}


@pytest.mark.parametrize(("key", "written"), [(key, written) for key, values in GOOD.items() for written in values])
def test_reader_and_schema_accept(key, written):
    """What is right is right in the editor and in the step."""
    text = f"spaces:\n- id: a/b\n  {key}: {written}"
    assert read(text) and accepted_by_schema(text)


@pytest.mark.parametrize(("key", "written"), [(key, written) for key, values in BAD.items() for written in values])
def test_reader_and_schema_refuse(key, written):
    """What is wrong is seen in the editor before the step refuses it."""
    text = f"defaults:\n  {key}: {written}\nspaces: [a/b]"
    assert mistakes(text) and not accepted_by_schema(text)


def test_good_and_bad_examples_are_of_every_input():
    """A new input needs examples, too."""
    assert GOOD.keys() == BAD.keys() == set(KNOWN)


@pytest.mark.parametrize(
    "text",
    ["{}", "[]", "spaces:", "spaces: []", "spaces: a/b", "spaces: [a/b, a/b]", "spaces: [a]", "spaces: [a/b/c]", "spaces: [5]",
     "spaces: ['*/b']", "spaces: [a/b--c]", "spaces: ['https://hf.co/a/b']", "spaces: [{}]", "spaces: [{settle: 5}]",
     "spaces: [{id: a/b, token: x}]", "spaces: [{id: a/b, limit: 5}]", "spaces: [{id: a/b, x: y}]", "spaces: [a/b]\nsettle: 5",
     "spaces: [a/b]\ndefaults:", "spaces: [a/b]\ndefaults: []", "spaces: [a/b]\ndefaults: {id: a/b}"],
)  # fmt: skip
def test_reader_and_schema_refuse_the_form(text):
    """Unknown keys, missing ids and things in the wrong place are seen by both."""
    assert mistakes(text) and not accepted_by_schema(text)


@pytest.mark.parametrize("space", ["a/b", "spaces/a/b", "a/b-*", "a/?", "https://huggingface.co/spaces/a/b/tree/main", "a.b-c/d_e"])
def test_reader_and_schema_accept_the_space(space):
    """All forms of a Space are right in both."""
    assert read(f"spaces: ['{space}']") and accepted_by_schema(f"spaces: ['{space}']")
