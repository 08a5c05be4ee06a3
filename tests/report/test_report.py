"""What is shown: harmless text, outputs in a workflow's words, and a summary that nothing from outside can bend."""

import json
import re
from dataclasses import replace
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hf_action.report.gantt import Lane, draw
from hf_action.report.outputs import DOTENV, annotation, bill, document, dotenv, heading, level, outputs
from hf_action.report.summary import ICONS, MAX_SUMMARY_BYTES, escape, summary
from hf_action.rules.models import SpaceInfo, SpaceRuntime
from hf_action.rules.outcomes import SEVERITY, Outcome, worst
from hf_action.rules.results import Moment, Result, Step, conclude, duration, page
from hf_action.rules.sanitize import one_line, plain, redact, spellings
from tests.conftest import read_dotenv

COMMIT = "3d2e3a67dc686c9c3abc3aaede5f66cd1fa7434c"
RUNTIME = SpaceRuntime(stage="RUNNING", commit=COMMIT, hardware="t4-small", requested_hardware="t4-small", sleep_time=3600)
SEEN = SpaceInfo(
    id="acme/demo", runtime=RUNTIME, head=COMMIT, sdk="gradio", sdk_version="5.0", private=False, likes=7
)


def result(**about) -> Result:
    usual = {
        "space": "acme/demo", "outcome": Outcome.OK, "message": "RUNNING", "elapsed": 12.345,
        "url": "https://huggingface.co/spaces/acme/demo", "before": SEEN, "after": SEEN,
        "timeline": (Moment(0.0, "BUILDING"), Moment(9.0, "RUNNING")),
    }  # fmt: skip
    return Result(**(usual | about))


def dotted(found: dict[str, str]) -> str:
    return "".join(dotenv(found).values())


def step(*results: Result) -> Step:
    return conclude(results, cancelled=False, operation="restart", elapsed=13.0, requests=5, prices={"t4-small": 0.4})


@pytest.mark.parametrize("commit", ["main", "g" * 40])
def test_what_is_no_commit_is_shown_without_a_link(commit):
    """A page of it there would not be."""
    seen = replace(SEEN, runtime=replace(RUNTIME, commit=commit))
    assert f"| RUNNING | {commit} | t4-small" in summary(step(result(before=seen, after=seen)))


@pytest.mark.parametrize(
    ("before", "after", "changed", "cell"),
    [
        (("cpu-basic", "cpu-basic"), ("t4-small", "t4-small"), True, "cpu-basic → t4-small ($0.40/h)"),
        # What was on its way before the step is what the step has changed; else what ran is.
        (("cpu-basic", "cpu-upgrade"), ("cpu-basic", "t4-small"), True, "cpu-upgrade → t4-small ($0.40/h)"),
        (("cpu-basic", "t4-small"), ("cpu-basic", "t4-small"), False, "cpu-basic → t4-small ($0.40/h)"),
        ((None, "t4-small"), (None, "t4-small"), False, "t4-small ($0.40/h)"),
        (("t4-small", None), ("t4-small", None), True, "t4-small ($0.40/h)"),
    ],
)
def test_hardware_is_shown_with_its_price_before_and_after(before, after, changed, cell):
    """One flavor where nothing changes, two where something does or is about to."""
    seen = [replace(SEEN, runtime=replace(RUNTIME, hardware=has, requested_hardware=asks)) for has, asks in (before, after)]
    assert f"| {cell} |" in summary(step(result(before=seen[0], after=seen[1], changed=changed)))


# ---- harmless text ----

hostile = st.one_of(
    st.text(),
    st.lists(
        st.sampled_from(
            ["::set-output name=stage::RUNNING", "::error::x", "##[command]", "##[", "::stop-commands::x", "\r", "\n", "\u2028",
             "\x1b[31m", "\x1b]0;x\x07", "<img src=x>", "```", "|", "![x](y)", "@everyone", "</details>", "#", "  ", "\x00"]
        ),
        max_size=8,
    ).map("".join),
)  # fmt: skip


@given(hostile)
def test_a_plain_line_is_one_line_and_no_command(text):
    """The runner obeys `::` at a line's start and `##[` anywhere; neither survives, nor does any control character."""
    line = one_line(text)
    assert not line.lstrip().startswith("::")
    assert "##[" not in line
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", line)


@given(hostile)
def test_escaped_text_has_no_punctuation_of_markdown_or_html(text):
    """All that is left of Markdown's marks are entities, but for underscores inside a word."""
    shown = escape(text)
    assert not re.search(r"[`*\[\]<>|@~\\$]|www\.|:\S|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])", shown, re.IGNORECASE)
    assert re.fullmatch(r"(?:[^&#]|&#\d+;)*", shown)


@pytest.mark.parametrize("text", ["RUNNING_BUILDING", "t4-small: a sentence, with a comma (and more).", "日本語"])
def test_harmless_text_stays_as_it_is(text):
    """Defusing is not mangling."""
    assert one_line(text) == text == escape(text)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("::error::x", ": error::x"),
        ("  :: :error::x", ": error::x"),
        ("::X", ": X"),
        ("##[group]x", "# #[group]x"),
        ("a ##[b ##[c", "a # #[b # #[c"),
        ("two\r\nlines", "two lines"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07shell", "shell"),
        ("zero\u200bwidth", "zerowidth"),
        ("  indented  ", "  indented"),
        ("a::b", "a::b"),
        ("X::error::", "X::error::"),
    ],
)
def test_what_becomes_of_a_command(text, line):
    """It can still be read, and is nothing but text."""
    assert one_line(text) == line


def test_a_very_long_line_is_cut():
    """A line of a megabyte is not for reading."""
    assert one_line("x" * 1_000_000) == "x" * 1_999 + "…"
    assert one_line("x" * 2_000) == "x" * 2_000
    assert one_line("x" * 2_001) == "x" * 1_999 + "…"


def test_control_characters_at_the_beginning_do_not_count_as_length():
    """A line that begins with as much colour as text is still shown; beyond that, it is cut before it is searched."""
    assert one_line("\x1b[31m" * 400 + "x") == "x"
    assert one_line("\x1b[31m" * 800 + "x") == ""


@pytest.mark.parametrize(
    ("text", "shown"),
    [("a|b", "a&#124;b"), ("<b>", "&#60;b&#62;"), ("`x`", "&#96;x&#96;"), ("_x_", "&#95;x&#95;"), ("www.x.org", "www&#46;x.org"),
     ("a: b", "a: b"), ("a:b", "a&#58;b"), ("@you #5", "&#64;you &#35;5")],
)  # fmt: skip
def test_a_mark_becomes_an_entity(text, shown):
    """The reader sees the mark, and Markdown does not."""
    assert escape(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "hf_abcdefghijklmnop",
        "x hf_jwt_eyJhbGciOi.J9-x y",
        "api_org_abcdefghij",
        "Bearer hf_ABCDEFGH1234",
        "se$cret",
        "x=hf_ABCDEFGH1234.",
        "https://x/hf_" + "Ab1" * 11,
    ],
)
def test_tokens_are_redacted(text):
    """The token of the step, whatever its form, and whatever looks like a token of the Hub."""
    shown = redact(text, ["se$cret"])
    assert "***" in shown and not re.search(r"hf_\w{8}|api_org_\w|se\$cret", shown)


def test_colours_do_not_hide_a_token():
    """Once they are gone it would be whole again."""
    assert "Secret" not in one_line(redact("hf_\x1b[31mSecretSecret1\x1b[0m", ["hf_SecretSecret1"]))
    assert redact("a se\x1b[31mcret b", ["secret"]) == "a *** b"
    assert redact("a se\x1bcret b", ["secret"]) == "a se\0cret b"  # what is left of a colour holds the halves apart


def test_what_is_redacted_is_starred():
    """Nothing else of the text changes, and every occurrence goes."""
    assert redact("a se$cret b se$cret, hf_abcdefghijklmnop c", ["se$cret"]) == "a *** b ***, *** c"


def test_ordinary_names_are_not_redacted():
    """A word beginning with hf_ is not a token yet."""
    names = "hf_space acme/hf_leaderboard2 hf_benchmarks/demo hf_open_llm_leaderboard hf_leaderboard-app"
    assert redact(names, []) == names


def test_every_text_for_people_is_freed_of_the_token():
    """Also where Markdown would spell it with entities later, or JSON with escapes."""
    token = "hf_SecretSecret1"
    told = step(result(outcome=Outcome.FAILED, message=f"saw {token} https://user:{token}@host", log=(f"a {token}", f"PASSWORD={token}")))
    runner_plain = partial(plain, secrets=spellings(token))
    shown = summary(told, runner_plain) + json.dumps(outputs(told, runner_plain)) + dotted(outputs(told, runner_plain))
    assert token not in shown and "Secret" not in shown


# ---- outputs ----


def test_every_output_is_there_for_every_kind_of_step():
    """Names never come and go; what does not apply is empty."""
    empty = Step(operation="step", outcome=Outcome.INVALID_INPUT, message="x", elapsed=0.0, requests=0, prices={})
    assert (
        outputs(empty).keys() == outputs(step(result())).keys() == outputs(step(result(), result(space="a/b"))).keys()
    )


def test_the_outputs_of_one_space():
    """All of them, in the words of a workflow."""
    found = outputs(step(result(changed=True, message="a\nb", elapsed=12.345)))
    found.pop("spaces")
    assert found == {
        "result": "ok",
        "space-id": "acme/demo",
        "stage": "RUNNING",
        "previous-stage": "RUNNING",
        "changed": "true",
        "url": "https://huggingface.co/spaces/acme/demo",
        "host": "",
        "commit": COMMIT,
        "hardware": "t4-small",
        "requested-hardware": "t4-small",
        "sleep-time": "3600",
        "sdk": "gradio",
        "sdk-version": "5.0",
        "private": "false",
        "likes": "7",
        "last-modified": "",
        "elapsed": "13.0",
        "requests": "5",
        "count": "1",
        "failed": "0",
        "hourly-cost": "0.40",
        "hourly-saved": "0.00",
        "matrix": '{"include": [{"space-id": "acme/demo"}]}',
        "message": "acme/demo: a b",
        "cause": "",
        "evidence": "",
        "blame": "",
        "rolled-back-to": "",
    }


def test_the_outputs_as_a_document():
    """The same with types of their own: numbers, booleans, a list, an object, and None for what does not apply."""
    one = step(result(changed=True))
    found = document(one)
    assert list(found) == list(outputs(one))
    assert {name: found[name] for name in ("result", "changed", "private", "likes", "sleep-time", "elapsed", "requests", "count", "failed")} == {
        "result": "ok", "changed": True, "private": False, "likes": 7, "sleep-time": 3600, "elapsed": 13.0, "requests": 5, "count": 1, "failed": 0,
    }  # fmt: skip
    assert (found["host"], found["last-modified"], found["hourly-cost"], found["hourly-saved"]) == (None, None, 0.4, 0.0)
    assert (found["spaces"], found["matrix"]) == (json.loads(outputs(one)["spaces"]), {"include": [{"space-id": "acme/demo"}]})
    unpriced = document(conclude([result()], cancelled=False, operation="info", elapsed=0.0, requests=0, prices={}))
    assert (unpriced["hourly-cost"], unpriced["hourly-saved"]) == (None, None)


def test_the_outputs_of_several_spaces():
    """What all have in common is told, what differs is empty, and the matrix and the array have them all."""
    broken = result(space="acme/broken", outcome=Outcome.FAILED, after=SEEN.now(SpaceRuntime(stage="BUILD_ERROR")))
    lost = result(space="acme/lost", outcome=Outcome.NOT_FOUND, before=None, after=None)
    found = outputs(step(result(), broken, lost))
    assert {name: found[name] for name in ("result", "space-id", "stage", "sdk", "count", "failed", "hourly-cost", "message")} == {
        "result": "not-found", "space-id": "", "stage": "", "sdk": "", "count": "3", "failed": "2", "hourly-cost": "0.40",
        "message": "3 Spaces: 1 ok, 1 failed, 1 not-found",
    }  # fmt: skip
    assert json.loads(found["matrix"]) == {
        "include": [{"space-id": name} for name in ("acme/demo", "acme/broken", "acme/lost")]
    }
    assert [(entry["stage"], entry["previous_stage"]) for entry in json.loads(found["spaces"])] == [
        ("RUNNING", "RUNNING"), ("BUILD_ERROR", "RUNNING"), (None, None),
    ]  # fmt: skip


def test_several_spaces_share_an_entry_of_a_full_matrix():
    """Their ids stand in one input, separated by blanks."""
    many = step(*(result(space=f"a/{n}") for n in range(257)))
    assert json.loads(outputs(many)["matrix"])["include"][0] == {"space-id": "a/0 a/256"}


def test_times_are_rounded_to_tenths():
    """As fine as anybody can use."""
    (entry,) = json.loads(outputs(step(result(elapsed=12.345, timeline=(Moment(1.26, "BUILDING"),))))["spaces"])
    assert (entry["elapsed"], entry["timeline"]) == (12.3, [{"at": 1.3, "stage": "BUILDING"}])


def test_without_prices_nothing_is_known_of_costs():
    """No price list is not the same as no costs."""
    found = outputs(conclude([result()], cancelled=False, operation="info", elapsed=0.0, requests=0, prices={}))
    assert (found["hourly-cost"], found["hourly-saved"]) == ("", "")


def in_stage(stage: str, hardware: str | None = "t4-small", requested: str | None = None) -> SpaceInfo:
    return SpaceInfo(id="a/b", runtime=SpaceRuntime(stage=stage, hardware=hardware, requested_hardware=requested))


@pytest.mark.parametrize(
    ("before", "after", "changed", "cost", "saved"),
    [
        (in_stage("RUNNING"), in_stage("PAUSED"), True, "0.00", "0.40"),
        (in_stage("RUNNING"), in_stage("PAUSED"), False, "0.00", "0.00"),  # somebody else has paused it
        (in_stage("PAUSED"), in_stage("RUNNING"), True, "0.40", "0.00"),  # what is spent is not saved
        (in_stage("RUNNING", "a100-large"), in_stage("RUNNING"), True, "0.40", "2.10"),
        (in_stage("RUNNING"), in_stage("RUNNING", "cpu-basic"), True, "0.00", "0.40"),
        (in_stage("BUILDING"), in_stage("BUILD_ERROR"), False, "0.00", "0.00"),
        (None, in_stage("APP_STARTING", None, "t4-small"), False, "0.40", "0.00"),
        (None, in_stage("RUNNING", "t4-small", "a100-large"), False, "0.40", "0.00"),
        (None, in_stage("RUNNING", None), False, "0.00", "0.00"),
        (None, None, False, "0.00", "0.00"),
    ],
)
def test_what_it_costs_and_saves(before, after, changed, cost, saved):
    """Only what runs is billed, by the hardware it has; only what this step has stopped is saved."""
    prices = {"t4-small": 0.4, "a100-large": 2.5}
    one = result(before=before, after=after, changed=changed)
    found = outputs(conclude([one], cancelled=False, operation="pause", elapsed=0.0, requests=0, prices=prices))
    assert (found["hourly-cost"], found["hourly-saved"]) == (cost, saved)


def test_outputs_speak_as_workflows_do():
    """Booleans are lower case, absent values empty, numbers plain."""
    found = outputs(step(result(changed=True)))
    assert {name: found[name] for name in ("changed", "private", "likes", "host", "sleep-time", "elapsed", "count")} == {
        "changed": "true", "private": "false", "likes": "7", "host": "", "sleep-time": "3600", "elapsed": "13.0", "count": "1",
    }  # fmt: skip


def test_the_array_has_every_key_of_the_contract():
    """One object a Space, with its timeline."""
    (entry,) = json.loads(outputs(step(result()))["spaces"])
    assert list(entry) == [
        "id",
        "result",
        "stage",
        "previous_stage",
        "changed",
        "commit",
        "head",
        "hardware",
        "requested_hardware",
        "sleep_time",
        "sdk",
        "sdk_version",
        "private",
        "likes",
        "last_modified",
        "url",
        "host",
        "elapsed",
        "cause",
        "evidence",
        "blame",
        "message",
        "timeline",
    ]
    assert entry["timeline"] == [{"at": 0.0, "stage": "BUILDING"}, {"at": 9.0, "stage": "RUNNING"}]


@pytest.mark.parametrize(
    ("outcomes", "worst_of_them"),
    [
        ([Outcome.TIMED_OUT, Outcome.UNREACHABLE, Outcome.OK], Outcome.UNREACHABLE),
        ([Outcome.SUPERSEDED, Outcome.UNREACHABLE], Outcome.SUPERSEDED),
        ([Outcome.FAILED, Outcome.SUPERSEDED], Outcome.FAILED),
        ([Outcome.NOT_FOUND, Outcome.FAILED], Outcome.NOT_FOUND),
        ([Outcome.CANCELLED, Outcome.DENIED], Outcome.CANCELLED),
        ([Outcome.UNCHANGED, Outcome.OK], Outcome.OK),
    ],
)
def test_the_worst_result_decides(outcomes, worst_of_them):
    """In the order 130 3 1 6 5 4."""
    assert worst(outcomes) is worst_of_them


def test_every_outcome_has_its_place_and_its_icon():
    """A new outcome cannot be forgotten."""
    assert set(SEVERITY) == set(Outcome) == set(ICONS)


def test_a_signal_decides_over_results_that_are_in():
    """A step cancelled while its report was written is cancelled."""
    ended = conclude([result()], cancelled=True, operation="info", elapsed=0.0, requests=0, prices={})
    assert ended.outcome is Outcome.CANCELLED
    assert step(result()).outcome is Outcome.OK


# ---- the outputs for GitLab ----


@given(st.dictionaries(st.sampled_from(DOTENV), hostile | st.just("é$" * 900)))
def test_any_outputs_make_a_report_that_gitlab_takes(given):
    """Few enough variables, small enough, with legal names, one a line, whatever the values are."""
    found = read_dotenv(dotted(dict.fromkeys(DOTENV, "") | given), **{"$": "$"})
    assert list(found) == [f"HF_SPACE_{name.upper().replace('-', '_')}" for name in DOTENV]
    assert found["HF_SPACE_STAGE"] in (one_line(given.get("stage", "")).strip(), "")
    assert one_line(given.get("message", "")).strip().startswith(found["HF_SPACE_MESSAGE"])


def test_the_report_for_gitlab_of_one_space():
    """What a later job may decide by, in the words of the outputs."""
    found = read_dotenv(dotted(outputs(step(result()))))
    assert found == {
        "HF_SPACE_RESULT": "ok", "HF_SPACE_SPACE_ID": "acme/demo", "HF_SPACE_STAGE": "RUNNING",
        "HF_SPACE_PREVIOUS_STAGE": "RUNNING", "HF_SPACE_CHANGED": "false", "HF_SPACE_HOST": "",
        "HF_SPACE_URL": "https://huggingface.co/spaces/acme/demo", "HF_SPACE_COMMIT": COMMIT,
        "HF_SPACE_HARDWARE": "t4-small", "HF_SPACE_REQUESTED_HARDWARE": "t4-small", "HF_SPACE_ELAPSED": "13.0",
        "HF_SPACE_COUNT": "1", "HF_SPACE_FAILED": "0", "HF_SPACE_HOURLY_COST": "0.40", "HF_SPACE_HOURLY_SAVED": "0.00",
        "HF_SPACE_MESSAGE": "acme/demo: RUNNING",
    }  # fmt: skip


def test_a_message_for_gitlab_takes_no_variable_of_the_job():
    """A Space that says $HF_TOKEN gets no token to show; a dollar stays a dollar."""
    given = dict.fromkeys(DOTENV, "") | {"message": "spent $5, $HF_TOKEN and ${HF_TOKEN}"}
    found = read_dotenv(dotted(given), **{"HF_TOKEN": "secret", "$": "$"})
    assert found["HF_SPACE_MESSAGE"] == given["message"]


@pytest.mark.parametrize(
    ("name", "value", "left"),
    [
        ("url", "x" * 250, "x" * 250),
        ("url", "x" * 251, ""),
        ("host", "é" * 125, "é" * 125),
        ("host", "é" * 126, ""),
        ("message", "x" * 901, "x" * 900),
        ("message", "x" + "é" * 450, "x" + "é" * 449),
        ("message", "x" * 899 + "$", "x" * 899),
        ("message", "x" * 898 + "$", "x" * 898 + "$"),
    ],
)
def test_what_is_too_long_for_gitlab(name, value, left):
    """A value is left out whole, a message is cut where a character ends."""
    found = read_dotenv(dotted(dict.fromkeys(DOTENV, "") | {name: value}), **{"$": "$"})
    assert found[f"HF_SPACE_{name.upper()}"] == left


# ---- summary ----


@given(hostile, hostile, hostile)
def test_hostile_text_cannot_bend_the_summary(stage, message, error):
    """Every row has its six cells, blocks open and close once, whatever the Space says."""
    runtime = SpaceRuntime(stage=stage or "X", commit=message or None, hardware=error or None)
    bad = result(
        outcome=Outcome.FAILED, message=message, after=SpaceInfo(id="x", runtime=runtime), before=None,
        timeline=(Moment(0.0, stage or "X"), Moment(1.0, "RUNNING")),
    )  # fmt: skip
    text = summary(step(bad, result(space="acme/fine")))
    rows = [line for line in text.splitlines() if line.startswith("| [")]
    assert [row.count("|") for row in rows] == [7, 7]
    assert (text.count("```"), text.count("<details>"), text.count("</details>")) == (2, 1, 1)
    assert not re.search(r"<(?!/?(?:details|summary|sub|br)>)", text)


def test_a_summary_of_very_many_spaces_fits_and_says_that_it_was_cut():
    """The runner drops a summary over 1 MiB whole, so a shorter one is written."""
    many = [result(space=f"acme/space-{n:05}", message=f"{n}" + "x" * 900, outcome=Outcome.FAILED) for n in range(3000)]
    text = summary(step(*many))
    assert MAX_SUMMARY_BYTES * 0.9 < len(text.encode()) <= MAX_SUMMARY_BYTES
    assert "Cut here" in text and "requests to the Hub" in text


def test_the_summary_links_space_and_commit_and_tells_the_price():
    """What a reader wants to click and to know."""
    text = summary(step(result()))
    assert f"https://huggingface.co/spaces/acme/demo/commit/{COMMIT}" in text
    assert "$0.40/h" in text and "RUNNING" in text


def test_failures_stand_first():
    """In a table of many, what went wrong is on top."""
    text = summary(step(result(space="a/fine"), result(space="a/broken", outcome=Outcome.FAILED)))
    assert text.index("a/broken") < text.index("a/fine")


def test_the_summary_of_one_space():
    """A heading, what happened, one row, the timeline as a picture and as a table, the bill, and what it took."""
    ended = result(
        outcome=Outcome.FAILED,
        message="BUILD_ERROR instead of RUNNING",
        before=SEEN,
        after=SEEN.now(SpaceRuntime(stage="BUILD_ERROR", requested_hardware="a10g-small")),
        timeline=(Moment(0.0, "RUNNING"), Moment(1.0, "BUILDING"), Moment(12.0, "BUILD_ERROR"), Moment(12.2, "PAUSED")),
        log=("line 1", "uses ``` here"),
    )
    picture = draw([Lane(space="acme/demo", moments=ended.timeline, end=12.345)])
    assert (
        summary(step(ended))
        == f"""\
## ❌ Restart of acme/demo: failed

**failed** BUILD_ERROR instead of RUNNING

| Space | Result | Stage | Commit | Hardware | Elapsed |
|---|---|---|---|---|---|
| [acme/demo](https://huggingface.co/spaces/acme/demo) | ❌ failed · [build log](https://huggingface.co/spaces/acme/demo?logs=build) | RUNNING → BUILD_ERROR (broken) | [{COMMIT[:7]}](https://huggingface.co/spaces/acme/demo/commit/{COMMIT}) | t4-small ($0.40/h) → a10g-small | 12s |

```mermaid
{picture}```

<details><summary>Timeline</summary>

| Space | At | Stage |
|---|---|---|
| acme/demo | 0.0s | RUNNING |
| acme/demo | 1.0s | BUILDING |
| acme/demo | 12s | BUILD_ERROR |
| acme/demo | 12s | PAUSED |

</details>

<details><summary>Log of acme/demo, last 2 lines</summary>

````text
line 1
uses ``` here
````

</details>

Estimate from the Hub's price list: $0.00 an hour, before $0.40

<sub>13s, 5 requests to the Hub</sub>
"""
    )


def test_the_summary_of_several_spaces():
    """What became of them is counted on top, and each failure told once; one that succeeded needs no words."""
    fine = result(space="acme/fine", timeline=())
    lost = result(
        space="acme/lost",
        outcome=Outcome.NOT_FOUND,
        message="no such Space",
        before=None,
        after=None,
        timeline=(Moment(0.0, "X"),),
    )
    assert (
        summary(step(fine, lost))
        == f"""\
## 🔍 Restart of 2 Spaces: not-found

2 Spaces: 1 ok, 1 not-found

- 🔍 **acme/lost:** no such Space

| Space | Result | Stage | Commit | Hardware | Elapsed |
|---|---|---|---|---|---|
| [acme/lost](https://huggingface.co/spaces/acme/demo) | 🔍 not-found |  |  |  | 12s |
| [acme/fine](https://huggingface.co/spaces/acme/demo) | ✅ ok | RUNNING | [3d2e3a6](https://huggingface.co/spaces/acme/demo/commit/{COMMIT}) | t4-small ($0.40/h) | 12s |

Estimate from the Hub's price list: $0.40 an hour

<sub>13s, 5 requests to the Hub</sub>
"""
    )


def test_the_summary_of_a_step_without_a_space():
    """A step that never came to a Space says why."""
    empty = Step(
        operation="step",
        outcome=Outcome.INVALID_INPUT,
        message="space-id: is missing",
        elapsed=0.0,
        requests=0,
        prices={},
    )
    assert (
        summary(empty)
        == """\
## ❌ Step: invalid-input

**invalid-input** space-id: is missing


<sub>0.0s, 0 requests to the Hub</sub>
"""
    )


def test_a_stage_that_was_not_seen_before_stands_alone():
    """Without a first look there is no stage to come from."""
    assert "| ✅ ok | RUNNING |" in summary(step(result(before=None)))


def test_a_log_is_fenced_off():
    """With three backticks, or one more than the log itself has in a row."""
    for log, fence in ((("x",), "```"), (("a `b` c",), "```"), (("````", "`"), "`````")):
        assert f"\n\n{fence}text\n" + "\n".join(log) + f"\n{fence}\n\n</details>\n" in summary(step(result(log=log)))


def test_a_failure_that_spaces_share_is_told_once():
    """With the first five of them by name; another outcome is another failure, whatever its words."""
    lost = [result(space=f"acme/s{n}", message="no such Space", outcome=Outcome.NOT_FOUND) for n in range(6)]
    other = [result(space=f"acme/o{n}", message="no such Space", outcome=Outcome.FAILED) for n in range(5)]
    assert (
        "\n\n- 🔍 **acme/s0, acme/s1, acme/s2, acme/s3, acme/s4 and 1 more:** no such Space\n"
        "- ❌ **acme/o0, acme/o1, acme/o2, acme/o3, acme/o4:** no such Space\n\n| Space |"
    ) in summary(step(*other, *lost))


@pytest.mark.parametrize("count", [1, 2])
def test_the_pages_that_a_remedy_names_can_be_clicked(count):
    """Those of the Hub's documents and settings alone; whatever else looks like a link is text."""
    url = "https://huggingface.co/docs/hub/spaces-config_reference"
    bad = [result(space=f"a/{n}", outcome=Outcome.FAILED, message=f"x; see {url}. https://huggingface.co/evil") for n in range(count)]
    assert f"see [https&#58;//huggingface.co/docs/hub/spaces-config_reference]({url}). https&#58;//huggingface.co/evil\n" in summary(step(*bad))


def test_what_took_no_time_is_not_drawn():
    """The times are in the table all the same."""
    text = summary(step(result(elapsed=0.4, timeline=(Moment(0.0, "RUNNING"), Moment(0.3, "PAUSED")))))
    assert "mermaid" not in text and "| acme/demo | 0.3s | PAUSED |" in text


def test_the_summary_ends_where_there_is_no_more_room():
    """Whole rows only; what was cut is said, and the time it took still stands below."""
    many = [
        result(space=f"acme/space-{n:05}", message="x", outcome=Outcome.FAILED, timeline=()) for n in range(9000)
    ]
    assert summary(step(*many)).endswith(
        "| 12s |\n\n\n_Cut here: the whole would not fit into a job summary. The output `spaces` has it all._\n"
        "\n<sub>13s, 5 requests to the Hub</sub>\n"
    )


def test_the_summary_is_cut_at_the_last_byte_that_leaves_room_to_say_so():
    """A log that just fits is whole; one byte more, and what follows it is left out."""
    said = "\n\n_Cut here: the whole would not fit into a job summary. The output `spaces` has it all._\n"
    least = len(summary(step(result(log=("x",))), str).encode())
    most = "x" * (MAX_SUMMARY_BYTES - len(said) - least + 1)
    assert said not in summary(step(result(log=(most,))), str)
    assert len(summary(step(result(log=(most,))), str).encode()) == MAX_SUMMARY_BYTES - len(said)
    cut = summary(step(result(log=(most + "x",))), str)
    assert said in cut and "Estimate" not in cut


@pytest.mark.parametrize(
    ("before", "after", "changed", "text"),
    [
        ("RUNNING", "RUNNING", False, "Estimate from the Hub's price list: $0.40 an hour"),
        ("PAUSED", "RUNNING", True, "Estimate from the Hub's price list: $0.40 an hour, before $0.00"),
        (
            "RUNNING",
            "PAUSED",
            True,
            "Estimate from the Hub's price list: $0.00 an hour, before $0.40; $0.40 an hour no longer runs, which is $4.80 "
            "a night of 12 hours or $292 a month of 730 hours",
        ),
    ],
)
def test_the_bill(before, after, changed, text):
    """What runs now, what ran before where that differs, and what was saved."""
    assert bill(step(result(before=in_stage(before), after=in_stage(after), changed=changed))) == text


def test_the_bill_looks_at_cents():
    """A price that differs by less is the same, and one that differs by more is not."""
    prices = {"t4-small": 0.401, "cpu-basic": 0.404, "a10g-small": 0.41}

    def between(before: str, after: str) -> str:
        moved = result(before=in_stage("RUNNING", before), after=in_stage("RUNNING", after))
        return bill(conclude([moved], cancelled=False, operation="info", elapsed=0.0, requests=0, prices=prices))

    assert "before" not in between("t4-small", "cpu-basic")
    assert "before" not in between("cpu-basic", "t4-small")
    assert "before $0.40" in between("t4-small", "a10g-small")


def test_the_heading_says_how_long_it_took():
    """One line for the log."""
    assert heading(step(result())) == "restart ok after 13s: acme/demo: RUNNING"


@pytest.mark.parametrize("outcome", Outcome)
def test_what_fails_the_step_is_an_error(outcome):
    """And nothing else is."""
    assert level(outcome.status) == ("error" if outcome.status else "notice")


def test_the_page_of_a_space():
    """An id is quoted, whatever is in it."""
    assert page("https://huggingface.co", "acme/de mo?") == "https://huggingface.co/spaces/acme/de%20mo%3F"


def test_an_annotation_names_space_result_and_message():
    """One line a Space."""
    assert annotation(result(outcome=Outcome.FAILED, message="it\nbroke")) == "acme/demo: failed: it\nbroke"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0.0s"), (9.94, "9.9s"), (48.4, "48s"), (59.7, "1m00s"), (10, "10s"), (59.4, "59s"), (60, "1m00s"), (65, "1m05s"), (3599, "59m59s"),
     (3600, "1h00m"), (7380, "2h03m"), (36000, "10h00m"), (360000, "100h00m"), (12_960_000, "3600h00m")],
)  # fmt: skip
def test_durations_are_written_for_people(seconds, text):
    """As fine as it matters."""
    assert duration(seconds) == text
