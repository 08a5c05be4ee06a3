"""Both front doors lead to the same settings, or to every mistake at once."""

import contextlib
import time

import httpx2
import pytest
from huggingface_hub.utils import HFValidationError, validate_repo_id
from hypothesis import given
from hypothesis import strategies as st

from hf_action.inputs.readers import parse_duration, parse_pattern, parse_space_id, parse_space_ids
from hf_action.inputs.settings import PostSettings, Settings, describe, parse, parse_post
from hf_action.inputs.table import INPUTS, OPERATIONS
from hf_action.rules import operations as rules
from hf_action.rules.addresses import PORTS, is_near, read_address
from hf_action.rules.outcomes import InvalidInput
from hf_action.rules.selection import Choice, Filters

SPACE = {"INPUT_SPACE-ID": "acme/demo"}


def from_inputs(**inputs: str) -> Settings:
    """Parse inputs as GitHub hands them over; underscores stand for hyphens."""
    return parse([], SPACE | {f"INPUT_{name.upper().replace('_', '-')}": value for name, value in inputs.items()})


def mistakes(*argv: str, **environ: str) -> list[str]:
    with pytest.raises(InvalidInput) as caught:
        parse(argv, environ)
    return caught.value.mistakes


def test_both_doors_give_the_same_settings():
    """The same names mean the same, as variables and as flags."""
    variables = from_inputs(operation="restart", wait_for_stage="running,sleeping", timeout="1h30m", factory_reboot="TRUE")
    flags = parse(
        ["restart", "acme/demo", "--wait-for-stage", "running,sleeping", "--timeout=1h30m", "--factory-reboot"], {}
    )
    assert variables == flags
    assert (flags.timeout, flags.factory_reboot, flags.stages) == (5400.0, True, {"RUNNING", "SLEEPING"})


def test_every_input_has_its_place():
    """Whatever is given, it arrives under its own name, read."""
    given = {
        "space-id": "acme/demo, third/x-*", "operation": "hardware", "wait-for-stage": "running", "timeout": "1h", "commit": "HEAD",
        "settle": "5s", "stable-for": "6s", "health-check": "/up", "health-check-contains": "well", "if-superseded": "pass", "rollback": "true", "rollback-to": "ABCDEF1", "retries": "4",
        "poll-interval": "7", "factory-reboot": "false",
        "hardware": "T4-small", "sleep-time": "15m", "restore": "true", "logs": "always", "log-lines": "9",
        "author": "other,fourth", "search": "big model, tts", "with-sdk": "Gradio", "with-stage": "paused", "with-hardware": "T4-*,Paid",
        "with-sleep-time": "never", "unmodified-for": "90d", "exclude-tag": "Keep-Alive, always on", "report-file": "out/report.json",
        "exclude": "tmp-* acme/y", "sort": "likes", "limit": "3", "max-parallel": "2", "dry-run": "true", "token": "hf_x",
        "endpoint": "https://hub.example//", "summary": "false",
    }  # fmt: skip
    unused = [row.name for row in INPUTS.values() if "hardware" not in row.used_by and given.get(row.name, "false") != "false"]
    assert "rollback" in unused
    expected = Settings(
        operation="hardware",
        spaces=("acme/demo",),
        patterns=("third/x-*", "other/*", "fourth/*"),
        filters=Filters(
            search=("big model", "tts"),
            sdks=frozenset({"gradio"}),
            stages=frozenset({"PAUSED"}),
            hardware=frozenset({"t4-*"}),
            costs=frozenset({"paid"}),
            sleep_time=-1,
            unmodified_for=90 * 86_400.0,
            exclude=("tmp-*", "acme/y"),
            exclude_tags=frozenset({"keep-alive", "always on"}),
            sort="likes",
            limit=3,
        ),
        stages=frozenset({"RUNNING"}),
        timeout=3600.0,
        commit="head",
        if_superseded="pass",
        settle=5.0,
        stable_for=6.0,
        health_check="/up",
        health_check_contains="well",
        rollback=True,
        rollback_to="abcdef1",
        retries=4,
        poll_interval=7.0,
        factory_reboot=False,
        hardware="t4-small",
        sleep_time=900,
        restore=True,
        logs="always",
        log_lines=9,
        max_parallel=2,
        dry_run=True,
        endpoint="https://hub.example",
        report_file="out/report.json",
        summary=False,
        token="hf_x",
        warnings=tuple(f"{name}: is not used by operation hardware; it is ignored." for name in unused),
    )
    assert given.keys() == INPUTS.keys() - {"fleet-file"}
    post = {"GITHUB_STATE": "/a/file"}  # as where there is a post step
    assert parse([], post | {f"INPUT_{name.upper()}": text for name, text in given.items()}) == expected
    assert parse([f"--{name}={text}" for name, text in given.items()], post) == expected


def test_a_flag_wins_over_a_variable():
    """The command line is nearer to the user than the environment."""
    assert parse(["--timeout", "5s"], SPACE | {"INPUT_TIMEOUT": "9s"}).timeout == 5.0


def test_defaults_are_those_of_the_contract():
    """With nothing but a Space, it is one look with the documented defaults."""
    found = parse([], SPACE)
    assert (found.operation, found.stages, found.timeout, found.commit) == ("info", frozenset(), 1800.0, "auto")
    assert (found.settle, found.stable_for, found.poll_interval, found.summary) == (60.0, 0.0, None, True)
    assert (found.endpoint, found.token, found.warnings) == ("https://huggingface.co", None, ())


@pytest.mark.parametrize(("operation", "stages"), [("wait", {"RUNNING"}), ("restart", {"RUNNING"}), ("pause", {"PAUSED"})])
def test_the_stage_waited_for_follows_the_operation(operation, stages):
    """Without wait-for-stage each operation has its own target."""
    assert from_inputs(operation=operation).stages == stages


def test_an_empty_input_counts_as_absent():
    """GitHub hands over an empty string for an input that was not given."""
    assert from_inputs(operation="", timeout="  ", summary="", wait_for_stage="") == parse([], SPACE)


def test_all_mistakes_are_reported_together():
    """One run is enough to find everything that is wrong with a call."""
    found = mistakes(
        "restrat", "a/b/c", "--timeout=soon", "--dry-run=yes", "--comit", "x", INPUT_ENDPOINT="ftp://x", INPUT_SETTLE="-"
    )
    assert [line.partition(":")[0] for line in found] == [
        "--comit", "space-id", "operation", "timeout", "settle", "dry-run", "endpoint",
    ]  # fmt: skip
    assert "did you mean restart?" in found[2]
    assert "did you mean --commit?" in found[0]
    assert "1h30m" in found[3]


LONG_LIST = ", ".join(OPERATIONS)


@pytest.mark.parametrize(
    ("name", "text", "mistake"),
    [
        ("space-id", "a/b/c", "space-id: 'a/b/c' is not a Space; write owner/name with letters, digits, '-', '_' and '.' only."),
        ("space-id", "a/b--c", "space-id: 'a/b--c' is not a Space; a name has no '--' and no '..' in it, and does not end in .git."),
        ("space-id", "https://x.org/a/b", "space-id: 'https://x.org/a/b' is not the address of a Space's page; write https://huggingface.co/spaces/owner/name."),
        ("space-id", "https://x.org/datasets/a/b", "space-id: 'https://x.org/datasets/a/b' is not the address of a Space's page; write https://huggingface.co/spaces/owner/name."),
        ("space-id", "https://x.org/spaces/a", "space-id: 'https://x.org/spaces/a' is not the address of a Space's page; write https://huggingface.co/spaces/owner/name."),
        ("space-id", "*/b", "space-id: '*/b' is not a pattern; write owner/pattern with '*' or '?' after the slash only."),
        ("space-id", "a b", "space-id: 'a' is not a Space; write owner/name with letters, digits, '-', '_' and '.' only; 'b' is not a Space; write owner/name with letters, digits, '-', '_' and '.' only."),
        ("space-id", ",", "space-id: names no Space; write owner/name."),
        ("space-id", "a/b@main", "space-id: 'a/b@main' is not a Space; write owner/name with letters, digits, '-', '_' and '.' only."),
        ("operation", "restrat", f"operation: 'restrat' is not an operation (did you mean restart?); write one of {LONG_LIST}."),
        ("operation", "zzz", f"operation: 'zzz' is not an operation; write one of {LONG_LIST}."),
        ("wait-for-stage", "5", "wait-for-stage: '5' is not a list of stages; write names such as RUNNING or RUNNING,SLEEPING, or none alone."),
        ("timeout", "soon", "timeout: 'soon' is not a duration; write seconds (90, 0.5) or 90s, 20m, 1.5m, 1h30m, 1d."),
        ("timeout", "0", "timeout: '0' must be longer than 0."),
        ("timeout", "841h", "timeout: '841h' is longer than 35 days, the longest duration that is taken."),
        ("commit", "main", "commit: 'main' is not a commit; write auto, head, any, or 7 to 40 hex digits of a commit."),
        ("poll-interval", "often", "poll-interval: 'often' is not a duration; write seconds (90, 0.5) or 90s, 20m, 1.5m, 1h30m, 1d."),
        ("health-check", "up", "health-check: 'up' is not auto, a path such as /healthz on the app's own host, or an https address."),
        ("restore", "yes", "restore: 'yes' is neither true nor false."),
        ("hardware", "t4 small", "hardware: 't4 small' is not a name of hardware; write one such as cpu-basic or t4-small (hf spaces hardware lists them)."),
        ("logs", "often", "logs: 'often' is not one of on-failure, always, never."),
        ("log-lines", "0", "log-lines: '0' is not a whole number from 1 to 10000."),
        ("log-lines", "10001", "log-lines: '10001' is not a whole number from 1 to 10000."),
        ("author", "a/b", "author: 'a/b' is not a list of users or organizations; write names separated by commas."),
        ("author", ",", "author: ',' is not a list of users or organizations; write names separated by commas."),
        ("with-stage", "none", "with-stage: 'none' is not a stage of a Space; leave it out to select Spaces in every stage."),
        ("with-hardware", ",", "with-hardware: ',' names nothing; write names separated by commas, or leave it out."),
        ("with-sdk", ", ,", "with-sdk: ', ,' names nothing; write names separated by commas, or leave it out."),
        ("search", ",", "search: ',' names nothing to search for; write words separated by commas."),
        ("sleep-time", "0.4", "sleep-time: '0.4' must be at least 1 second."),
        ("exclude", "a/b/c", "exclude: 'a/b/c' is not a list of ids and patterns; write owner/name, owner/pattern, or a pattern of the name."),
        ("exclude", "é", "exclude: 'é' is not a list of ids and patterns; write owner/name, owner/pattern, or a pattern of the name."),
        ("exclude", "*/b", "exclude: '*/b' is not a list of ids and patterns; write owner/name, owner/pattern, or a pattern of the name."),
        ("sort", "size", "sort: 'size' is not an order; write one of name, likes, last-modified."),
        ("endpoint", "ftp://x", "endpoint: 'ftp://x' is not an http(s) address; write https://huggingface.co or another http(s) address."),
        ("token", "a b", "token: has a character that a token cannot have; check how the secret was pasted."),
    ],
)  # fmt: skip
def test_a_mistake_says_what_is_wrong_and_what_to_write(name, text, mistake):
    """The name of the input, what was given (but for a token), and the accepted forms, in one sentence."""
    given = {"INPUT_SPACE-ID": "acme/demo", "INPUT_OPERATION": "wait", f"INPUT_{name.upper()}": text}
    assert mistakes(**given) == [mistake]


@pytest.mark.parametrize(
    ("name", "text"),
    [("timeout", "840h"), ("timeout", "0.5"), ("log-lines", "1"), ("log-lines", "10000"), ("hardware", "A100-x2.large"),
     ("hardware", "x" * 64), ("health-check", "/~"), ("health-check", "https://x.org/~"), ("token", "~!"), ("endpoint", "http://h")],
)  # fmt: skip
def test_what_is_just_right(name, text):
    """The ends of what is accepted."""
    given = {"INPUT_SPACE-ID": "acme/demo", "INPUT_OPERATION": "wait", f"INPUT_{name.upper()}": text}
    assert parse([], given)


@pytest.mark.parametrize(
    ("argv", "found"),
    [
        (["restart"], ["space-id: is missing; write owner/name."]),
        (["pause", "--with-hardware", "paid"], ["author: is missing; filters choose from the Spaces of an author, or from a pattern in space-id."]),
        (["restart", "--search", "x"], []),
        (["restart", "--author", "acme"], []),
        (["restart", "--fleet-file", "fleet.yml"], []),
        (["list", "--search", "x"], []),
        (["list", "--author", "acme"], []),
        (["list", "acme/*"], []),
        (["list", "--fleet-file", "fleet.yml"], []),
        (["list"], ["author: is missing; operation list needs author, search, a pattern in space-id, or a fleet-file."]),
        (["list", "acme/demo"], ["author: is missing; operation list needs author, search, a pattern in space-id, or a fleet-file."]),
        (["hardware", "a/b"], ["hardware: is missing; operation hardware needs it."]),
        (["hardware", "a/b", "--hardware", "t4-small"], []),
        (["sleep-time", "a/b"], ["sleep-time: is missing; operation sleep-time needs it."]),
        (["sleep-time", "a/b", "--sleep-time", "never"], []),
        (["wait", "a/b", "--wait-for-stage", "none"], ["wait-for-stage: 'none' leaves operation wait nothing to wait for; name a stage."]),
        (["info", "a/b", "--dry-runn"], ["--dry-runn: is not a flag (did you mean --dry-run?)."]),
        (["info", "a/b", "--wait_for_stage", "none"], ["--wait_for_stage: is not a flag (did you mean --wait-for-stage?)."]),
        (["info", "a/b", "-timeout", "5"], ["-timeout: is not a flag (did you mean --timeout?)."]),
        (["info", "a/b", "--tim", "5"], ["--tim: is not a flag (did you mean --timeout?)."]),
        (["info", "a/b", "--d_r"], ["--d_r: is not a flag (did you mean --dry-run?)."]),
        (["info", "a/b", "--poll", "x"], ["--poll: is not a flag (did you mean --poll-interval?)."]),
        (["info", "a/b", "--§§§§"], ["--§§§§: is not a flag."]),
        (["info", "a/b", "--restart"], ["--restart: is not a flag; restart is an operation, so write it without the dashes."]),
        (["info", "a/b", "--store"], ["--store: is not a flag (did you mean --sort?)."]),
        (["info", "a/b", "--pause-interval=5"], ["--pause-interval: is not a flag (did you mean --poll-interval?)."]),
        (["info", "a/b", "--timeout"], ["timeout: has no value; write --timeout VALUE."]),
    ],
)  # fmt: skip
def test_what_a_call_must_say(argv, found):
    """Each operation says what it cannot do without; a flag that does not exist has its nearest name."""
    try:
        assert parse(argv, {}, read_file=lambda path: "spaces: [a/b]") and not found
    except InvalidInput as error:
        assert error.mistakes == found


@pytest.mark.parametrize("text", ["a/" + "x*" * 49, "*", "a/é*", "a/x y*", "a/b/c*", "a/b*/c", "-/x*"])
def test_what_is_no_pattern(text):
    """It has an owner, and a name of at most 96 characters that an id may have, or * and ?."""
    with pytest.raises(ValueError, match=r"^is not a pattern; "):
        parse_pattern(text)


@pytest.mark.parametrize(("text", "pattern"), [("a/" + "x*" * 48, "a/" + "x*" * 48), ("spaces/a/*", "a/*"), ("A.b/?-c_d.*", "A.b/?-c_d.*")])
def test_what_is_a_pattern(text, pattern):
    """Case stays as it is written."""
    assert parse_pattern(text) == pattern


@pytest.mark.parametrize(("flag", "value"), [("true", True), ("FALSE", False), ("False", False), ("TRUE", True)])
def test_a_boolean_flag_takes_a_following_boolean(flag, value):
    """In either case; anything else that follows is a word."""
    found = parse(["restart", "--dry-run", flag, "acme/demo"], {})
    assert (found.dry_run, found.spaces) == (value, ("acme/demo",))


def test_words_add_to_flags():
    """A Space named by the flag and one named by a word are two; an operation named by a flag leaves all words to Spaces."""
    assert parse(["--space-id", "a/b", "info", "c/d", "e/f"], {}).spaces == ("a/b", "c/d", "e/f")
    found = parse(["--operation", "pause", "c/d"], {})
    assert (found.operation, found.spaces) == ("pause", ("c/d",))


def test_mistakes_come_with_warnings_and_the_token():
    """They are printed beside each other, and without the token."""
    with pytest.raises(InvalidInput) as caught:
        parse(["restart"], {"INPUT_TIMOUT": "5", "INPUT_TOKEN": "hf_x"})
    assert caught.value.warnings == ["timout: is not an input of this action (did you mean timeout?); it is ignored."]
    assert caught.value.token == "hf_x"


@pytest.mark.parametrize("word", ["acme/demo", "spaces/acme/demo", "https://huggingface.co/spaces/acme/demo"])
def test_a_space_alone_is_looked_at(word):
    """Where the first word is not an operation but a Space, the operation is the default one, or that of the variable."""
    found = parse([word, "acme/other"], {})
    assert (found.operation, found.spaces) == ("info", ("acme/demo", "acme/other"))
    assert parse([word], {"INPUT_OPERATION": "wait"}).operation == "wait"
    assert parse(["acme/*"], {}).patterns == ("acme/*",)


def test_a_missing_space_is_a_mistake():
    """There is not an operation without a Space."""
    assert mistakes("restart") == ["space-id: is missing; write owner/name."]


@pytest.mark.parametrize("flag", ["--timeout", "--space-id"])
def test_a_flag_without_its_value_is_a_mistake(flag):
    """The next flag is not taken for the value."""
    assert any(line.startswith(f"{flag[2:]}: has no value") for line in mistakes("info", "a/b", flag, "--dry-run"))


def test_a_bare_boolean_flag_does_not_swallow_the_space():
    """`--dry-run owner/name` names a Space."""
    found = parse(["restart", "--dry-run", "acme/demo", "--summary", "false"], {})
    assert (found.dry_run, found.spaces, found.summary) == (True, ("acme/demo",), False)


def test_an_unknown_variable_is_warned_about_with_the_nearest_name():
    """A typo in a workflow is not silent, and does not stop it."""
    found = parse([], SPACE | {"INPUT_TIMOUT": "5", "INPUT_WAIT_FOR_STAGE": "RUNNING", "INPUT_ZZZZ": "1"})
    assert [("did you mean" in line, line.split(":")[0]) for line in found.warnings] == [
        (True, "timout"), (True, "wait_for_stage"), (False, "zzzz"),
    ]  # fmt: skip


def test_warnings_in_full():
    """What is ignored, and what to write instead."""
    found = parse([], SPACE | {"INPUT_WAIT_FOR_STAGE": "x", "INPUT_ZZZZ": "1", "INPUT_SETTLE": "9s", "INPUT_WITH-STAGE": "RUNING,ZZZZ,N_A_F"})
    assert found.warnings == (
        "wait_for_stage: is not an input of this action (did you mean wait-for-stage?); it is ignored.",
        "zzzz: is not an input of this action; it is ignored.",
        "settle: is not used by operation info; it is ignored.",
        "with-stage: 'N_A_F' is not a stage known today (did you mean NO_APP_FILE?); Spaces in it are selected all the same.",
        "with-stage: 'RUNING' is not a stage known today (did you mean RUNNING?); Spaces in it are selected all the same.",
        "with-stage: 'ZZZZ' is not a stage known today; Spaces in it are selected all the same.",
    )


def test_a_hold_longer_than_the_budget_is_warned_about():
    """It ends as timed-out whatever the Space does."""
    assert parse(["wait", "a/b", "--timeout=1m", "--stable-for=60s"], {}).warnings == ("stable-for: 60 s do not fit into a timeout of 60 s.",)
    assert parse(["wait", "a/b", "--timeout=1m", "--stable-for=59s"], {}).warnings == ()
    assert len(mistakes("wait", "a/b", "--timeout=x", "--stable-for=y")) == 2


def test_an_unused_input_is_warned_about_unless_it_says_the_default():
    """action.yml hands every default over; only what a user chose is worth a warning."""
    defaults = {name: row.default for name, row in INPUTS.items() if row.default and name != "operation"}
    assert from_inputs(operation="info", **{name.replace("-", "_"): value for name, value in defaults.items()}).warnings == ()
    assert "settle: is not used by operation info" in from_inputs(operation="info", settle="9s").warnings[0]
    assert "commit: is not used by operation pause" in from_inputs(operation="pause", commit="head").warnings[0]
    assert [line.partition(":")[0] for line in parse(["list", "a/*", "--logs=always", "--log-lines=9"], {}).warnings] == ["logs", "log-lines"]


def test_an_unfamiliar_stage_is_allowed_and_warned_about():
    """The Hub may add stages; a misspelt one is told from a new one by the warning."""
    found = from_inputs(operation="wait", wait_for_stage="RUNING")
    assert (found.stages, found.warnings) == (
        {"RUNING"},
        ("wait-for-stage: 'RUNING' is not a stage known today (did you mean RUNNING?); the step waits for it all the same.",),
    )


@pytest.mark.parametrize("text", ["none,RUNNING", "RUN NING!", ",", "5"])
def test_wrong_stages_are_mistakes(text):
    """`none` stands alone, and a stage is a name."""
    assert any(line.startswith("wait-for-stage") for line in mistakes("restart", "a/b", "--wait-for-stage", text))


def test_waiting_for_nothing_is_a_mistake_only_for_wait():
    """A restart need not be waited for, but a wait must wait for something."""
    assert from_inputs(operation="restart", wait_for_stage="none").stages == frozenset()
    assert mistakes("wait", "a/b", "--wait-for-stage", "none")


# ---- fleet files ----


def from_file(*argv: str, text: str) -> Settings:
    return parse([*argv, "--fleet-file", "f.yml"], {}, lambda name: text)


def wrong_with(*argv: str, text: str) -> list[str]:
    with pytest.raises(InvalidInput) as caught:
        from_file(*argv, text=text)
    return caught.value.mistakes


def test_mistakes_of_a_fleet_file_are_found_together():
    """A wrong key in one entry hides none of what is wrong with another; what is not known for sure is not said."""
    text = "spaces:\n- { id: a/b, setle: 1 }\n- { id: a/c, operation: hardware }\n- { id: a/d, hardware: [1], operation: hardware }"
    found = wrong_with("restart", "--timeout=soon", text=text)
    assert [line.partition("; ")[0].partition(" (")[0] for line in found] == [
        "timeout: 'soon' is not a duration", "f.yml:2: setle: is not an input of a Space", "f.yml:4: hardware: is a list",
        "f.yml:3: a/c: hardware: is missing",
    ]  # fmt: skip
    assert wrong_with("restart", text="defaults: { hardware: [1] }\nspaces: [{ id: a/c, operation: hardware }]") == [
        "f.yml:1: hardware: is a list; write a single value."
    ]


def test_what_a_step_gets_wrong_for_all_spaces_is_said_once():
    """Its inputs are the defaults of every entry."""
    assert len(wrong_with("restart", "--settle=soon", text="spaces: [a/b, a/c]")) == 1


def test_an_operation_may_have_what_it_needs_from_the_file():
    """The step needs it only for Spaces of its own."""
    text = "spaces:\n- { id: a/b, hardware: t4-small }\n- { id: a/c, hardware: l4x1 }"
    assert [each.hardware for each in from_file("hardware", text=text).fleet] == ["t4-small", "l4x1"]
    assert wrong_with("hardware", "a/z", text=text) == ["hardware: is missing; operation hardware needs it."]


@pytest.mark.parametrize("more", [["acme/other"], ["--author", "acme"], ["--search", "demo"]])
def test_what_a_fleet_file_says_of_its_spaces_is_not_said_of_others(more):
    """A flavor for each of its Spaces is none for those that the step names or selects beside them."""
    text = "spaces:\n- { id: acme/demo, hardware: t4-small }\n"
    with pytest.raises(InvalidInput) as caught:
        from_file("hardware", *more, text=text)
    assert caught.value.mistakes == ["hardware: is missing; operation hardware needs it."]


def test_an_operation_that_a_flag_names_is_no_word():
    """What else is written is a Space, or a mistake that says so."""
    assert mistakes("--operation", "restart", "demo") == [
        "space-id: 'demo' is not a Space; write owner/name with letters, digits, '-', '_' and '.' only."
    ]


def test_warnings_with_a_fleet_file():
    """An input that some entry uses is used; one that an entry has for itself, or the file for all, is told by its place."""
    text = """
defaults: { settle: 3s, wait-for-stage: RUNING }
spaces:
- { id: a/b, operation: restart }
- { id: a/c, operation: restart, stable-for: 3s }
- { id: a/d, operation: info, commit: head }
"""
    assert from_file("--dry-run", "--health-check=/", "--sleep-time=1h", text=text).warnings == (
        "sleep-time: is not used by operation info or restart; it is ignored.",
        "f.yml: defaults: wait-for-stage: 'RUNING' is not a stage known today (did you mean RUNNING?); the step waits for it all the same.",
        "f.yml:6: a/d: commit: is not used by operation info; it is ignored.",
    )
    assert from_file("restart", "--wait-for-stage=RUNING", text="spaces: [a/b, a/c]").warnings == (
        "wait-for-stage: 'RUNING' is not a stage known today (did you mean RUNNING?); the step waits for it all the same.",
    )


# ---- durations ----


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("0.5", 0.5), (".5", 0.5), ("90s", 90), ("20m", 1200), ("1h30m", 5400), ("1.5m", 90), ("1H", 3600),
     ("1h0.5m1s", 3631), ("0", 0), ("1d", 86400), ("1d12h", 129600), ("0.5D", 43200), ("1d1h1m1s", 90061), ("35d", 3024000)],
)  # fmt: skip
def test_durations(text, seconds):
    """Seconds, or hours, minutes and seconds in this order, with decimals."""
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "s", "1x", "30m1h", "-1", "1e3", "1,5m", "1 m", "inf", "nan", "1..5", "9" * 400, "36d", "1h1d", "1w", "d", "٣"])
def test_wrong_durations_are_mistakes(text):
    """Anything else is refused, also numbers that Python would take."""
    with pytest.raises(ValueError):
        parse_duration(text)


@given(st.integers(0, 99), st.integers(0, 59), st.integers(0, 59))
def test_a_written_duration_reads_back(hours, minutes, seconds):
    """Each part counts with its own weight."""
    assert parse_duration(f"{hours}h{minutes}m{seconds}s") == hours * 3600 + minutes * 60 + seconds


def test_a_budget_of_nothing_is_a_mistake():
    """A step with no time at all cannot have been meant, nor can looks without a pause."""
    assert len(mistakes("wait", "a/b", "--timeout", "0", "--poll-interval", "0s")) == 2


# ---- Spaces ----


@pytest.mark.parametrize(
    "text",
    ["acme/demo", "spaces/acme/demo", "https://huggingface.co/spaces/acme/demo", "https://hf.co/spaces/acme/demo/",
     "https://huggingface.co/spaces/acme/demo/tree/main?x=1#y", "HTTPS://huggingface.co/spaces/acme/demo"],
)  # fmt: skip
def test_forms_of_a_space(text):
    """An id, an id with its kind, and the address of the page are the same Space."""
    assert parse_space_id(text) == "acme/demo"


@pytest.mark.parametrize(
    "text",
    ["../x", "a/..", "/x", "x/", "//", "a//b", "a/b/c", "demo", "spaces/demo", "a/b.git", "a/b--c", "a..b/c", "a/b?c", "a/-b",
     "a/b%2f", "a/é", "https://acme-demo.hf.space", "https://huggingface.co/acme/demo", "a/" + "x" * 97, "spaces/", "a\\b"],
)  # fmt: skip
def test_what_is_no_space(text):
    """A path, an empty part, a third part and whatever huggingface_hub refuses are mistakes, not requests."""
    with pytest.raises(ValueError):
        parse_space_id(text)


@given(st.text(alphabet="ab1-_./ é", max_size=12))
def test_space_ids_follow_the_rules_of_huggingface_hub(text):
    """What is accepted here is accepted there; what has an owner and is accepted there is accepted here."""
    try:
        accepted = parse_space_id(text)
    except ValueError:
        accepted = None
    try:
        validate_repo_id(text)
        valid = text.count("/") == 1
    except HFValidationError:
        valid = False
    assert (accepted == text) == valid


@given(st.text(max_size=40))
def test_any_text_is_spaces_or_a_mistake(text):
    """No text makes the parser fall over."""
    try:
        assert parse_space_ids(text)
    except ValueError as error:
        assert str(error)


def test_many_spaces_and_duplicates():
    """Newlines, commas and blanks separate; the same Space counts once, as the Hub does not tell case apart."""
    found = parse_space_ids("acme/one,\n acme/two\tacme/one\nhttps://hf.co/spaces/Acme/Two, ")
    assert found == ("acme/one", "acme/two")


def test_an_address_is_no_pattern():
    """A ? begins its query, and case is that of the name."""
    assert parse_space_ids("https://hf.co/spaces/acme/X?logs=*") == ("acme/X",)
    assert parse_space_id("https://hf.co/spaces/acme/X") == "acme/X"


# ---- token and endpoint ----


def test_the_token_is_looked_for_in_order():
    """The input wins, then the variables in huggingface_hub's order."""
    variables = {"HF_TOKEN": "hf_b", "HUGGINGFACE_TOKEN": "hf_c", "HUGGING_FACE_HUB_TOKEN": "hf_d"}
    assert parse([], SPACE | variables | {"INPUT_TOKEN": "hf_a"}).token == "hf_a"
    for expected in ("hf_b", "hf_c", "hf_d", None):
        assert parse([], SPACE | variables).token == expected
        if variables:
            variables.pop(min(variables, key=lambda name: variables[name]))


def test_keyless_comes_between_the_input_and_the_variables():
    """An explicit token wins; HF_OIDC_RESOURCE wins over the variables that huggingface_hub reads."""
    environ = SPACE | {"HF_OIDC_RESOURCE": " acme/demo ", "HF_OIDC_ID_TOKEN": "eyJ", "HF_TOKEN": "hf_b"}
    found = parse([], environ)
    assert (found.keyless, found.identity, found.token, found.has_credentials) == ("acme/demo", "eyJ", None, True)
    found = parse([], environ | {"INPUT_TOKEN": "hf_a"})
    assert (found.keyless, found.token, found.has_credentials) == (None, "hf_a", True)
    found = parse([], SPACE | {"HF_OIDC_RESOURCE": " ", "HF_OIDC_ID_TOKEN": ""})
    assert (found.keyless, found.identity, found.token, found.has_credentials) == (None, None, None, False)
    assert "eyJ" not in repr(parse([], environ))


def test_keyless_access_needs_https_as_a_token_does():
    """The token that comes of it would cross the same wire."""
    assert mistakes("info", "a/b", HF_OIDC_RESOURCE="acme/demo", HF_ENDPOINT="http://huggingface.co") == [
        "endpoint: 'http://huggingface.co' would carry the token over plain http; write https:// instead."
    ]


def test_a_token_is_in_no_repr_and_no_mistake():
    """Settings can be printed, and a malformed token is named without being shown."""
    assert "hf_secret" not in repr(parse([], SPACE | {"HF_TOKEN": "hf_secret"}))
    assert "se cret" not in " ".join(mistakes("info", "a/b", HF_TOKEN="hf_se cret\r\nX: y"))


def test_the_endpoint_comes_from_the_input_then_the_variable():
    """HF_ENDPOINT is what huggingface_hub reads, too."""
    assert parse([], SPACE | {"HF_ENDPOINT": "https://hub.example/"}).endpoint == "https://hub.example"
    assert parse(["--endpoint", "https://a.b/X/"], SPACE).endpoint == "https://a.b/X"
    assert parse(["--endpoint", "https://a.b"], SPACE | {"HF_ENDPOINT": "https://x"}).endpoint == "https://a.b"


@pytest.mark.parametrize(
    "endpoint", ["http://127.0.0.1:8088", "http://localhost:1", "http://hub:80", "http://10.1.2.3", "http://192.168.0.9",
                 "http://172.17.0.1:8088", "http://[::1]:80", "http://[fd00::1]", "http://0.0.0.0:8088", "https://hub.example"]
)  # fmt: skip
def test_a_token_may_go_to(endpoint):
    """Over https anywhere; over plain http only where nobody else listens."""
    assert parse([], SPACE | {"HF_TOKEN": "hf_x", "HF_ENDPOINT": endpoint}).endpoint == endpoint


@pytest.mark.parametrize("endpoint", ["http://huggingface.co", "http://8.8.8.8", "http://hub.internal:80", "http://[2001:4860::8]", "http://203.0.113.5",
                                      "http://134744072", "http://0x8080808"])  # fmt: skip
def test_a_token_may_not_go_to(endpoint):
    """Plain http to anybody else's host is a mistake with a token, and allowed without one; a number is an address."""
    assert "plain http" in mistakes("info", "a/b", HF_TOKEN="hf_x", HF_ENDPOINT=endpoint)[0]
    canonical = {"http://134744072": "http://8.8.8.8", "http://0x8080808": "http://8.8.8.8"}.get(endpoint, endpoint)
    assert parse([], SPACE | {"HF_ENDPOINT": endpoint}).endpoint == canonical


@pytest.mark.parametrize("endpoint", ["huggingface.co", "http://", "https://u:p@h", "https://h:x", "https://h/?q", "https://[", "x y"])
def test_wrong_endpoints_are_mistakes(endpoint):
    """An endpoint is an http(s) address without user, query or fragment."""
    assert "endpoint" in mistakes("info", "a/b", HF_ENDPOINT=endpoint)[0]


@pytest.mark.parametrize("commit", ["auto", "HEAD", "any", "abcdef1", "A" * 40])
def test_commits(commit):
    """Words and hex digits count in either case."""
    assert from_inputs(operation="wait", commit=commit).commit == commit.lower()


@pytest.mark.parametrize("commit", ["main", "abcdef", "a" * 41, "xyz1234"])
def test_wrong_commits_are_mistakes(commit):
    """A branch and too few or too many digits are refused."""
    assert "7 to 40 hex digits" in mistakes("wait", "a/b", "--commit", commit)[0]


@given(
    st.lists(st.sampled_from([*OPERATIONS, "--dry-run", "--timeout", "a/b", "--x=y", "", "-", "--", "=", "::error::x", "--token"])),
    st.dictionaries(st.sampled_from(["INPUT_TIMEOUT", "INPUT_X", "HF_TOKEN", "HF_ENDPOINT"]), st.text(max_size=9)),
)
def test_no_call_makes_the_parser_fall_over(argv, environ):
    """Whatever is given, it is settings or the declared error."""
    try:
        assert parse(argv, environ).spaces
    except InvalidInput as error:
        assert error.mistakes


# ---- addresses ----

PASSWORDS = ["https://user:pa55word@hub.example", "https://pa55word@hub.example/", "http://user:pa55word@127.0.0.1:8088", "HTTPS://user:pa55word@hub.example",
             "https://user:pa55word%40hub.example", "https://user:pa55word%2540hub.example", "https://user：pa55word＠hub.example", "//user:pa55word@hub.example",
             "user:pa55word@hub.example", "https:\\\\user:pa55word@hub.example", "https:/user:pa55word@hub.example", "https://user:pa55word@hub.example/spaces/a/b",
             "https://user:pa/pa55word@hub.example", "https://user:#pa55word@hub.example", "https://user:x?pa55word@hub.example", "https://user:pa55word@[::1", "https://user:pa55word@hub.example:port"]  # fmt: skip


@pytest.mark.parametrize("address", PASSWORDS)
@pytest.mark.parametrize("place", ["endpoint", "HF_ENDPOINT", "health-check", "space-id", "timeout", "operation", "search", "fleet-file", "flag", "fleet"])
def test_a_password_in_an_address_is_a_mistake_and_never_shown(place, address):
    """Wherever an address may stand, and where it stands by a slip."""
    space = {"INPUT_SPACE-ID": "acme/demo", "INPUT_OPERATION": "restart"}
    given = {"flag": {}, "fleet": {"INPUT_FLEET-FILE": "f.yml"}, "HF_ENDPOINT": {"HF_ENDPOINT": address}}.get(place, {f"INPUT_{place.upper()}": address})
    def read(path: str) -> str:
        if place == "fleet-file":
            raise ValueError("is not there")
        return f"spaces:\n- id: '{address}'\n- id: a/b\n  health-check: '{address}'\n  '{address}': 5\n'{address}': 1"

    with contextlib.suppress(InvalidInput) if place == "search" else pytest.raises(InvalidInput) as caught:
        parse([f"-{address}=x", f"--{address}"] if place == "flag" else [], space | given, read)
    if place != "search":  # words to search for may be anything
        said = "\n".join([*caught.value.mistakes, *caught.value.warnings])
        assert "pa55word" not in said and said


@pytest.mark.parametrize(
    ("text", "canonical", "safe"),
    [
        ("http://hub", "http://hub", True),
        ("http://HUB:8088/x", "http://hub:8088/x", True),
        ("http://hub_1", "http://hub_1", True),
        ("http://localhost", "http://localhost", True),
        ("http://127.1", "http://127.0.0.1", True),
        ("http://0x7f.1", "http://127.0.0.1", True),
        ("http://0x7F.0.0.0x1", "http://127.0.0.1", True),
        ("http://2130706433", "http://127.0.0.1", True),
        ("http://017700000001", "http://127.0.0.1", True),
        ("http://0", "http://0.0.0.0", True),
        ("http://0x", "http://0.0.0.0", True),
        ("http://%31%32%37.1", "http://127.0.0.1", True),
        ("http://１２７.0.0.1", "http://127.0.0.1", True),
        ("http://10.258", "http://10.0.1.2", True),
        ("http://[::1]:80", "http://[::1]:80", True),
        ("http://[fe80::1%25eth0]:80", "http://[fe80::1%eth0]:80", True),
        ("http://[FD00::1]", "http://[fd00::1]", True),
        ("http://[::ffff:10.0.0.1]", "http://[::ffff:a00:1]", True),
        ("HTTPS://Hub.Example/X?y#z", "https://hub.example/X?y#z", True),
        ("https://bücher.example", "https://xn--bcher-kva.example", True),
        ("http://hub。example", "http://hub.example", False),
        ("http://hub．example", "http://hub.example", False),
        ("http://hub%2eexample", "http://hub.example", False),
        ("http://hub%2Eexample:80", "http://hub.example:80", False),
        ("http://hub.", "http://hub.", False),
        ("http://hub%2e", "http://hub.", False),
        ("http://localhost.", "http://localhost.", False),
        ("http://localhost.example", "http://localhost.example", False),
        ("http://127.0.0.1.example", "http://127.0.0.1.example", False),
        ("http://134744072", "http://8.8.8.8", False),
        ("http://0x8080808", "http://8.8.8.8", False),
        ("http://010.0.0.1", "http://8.0.0.1", False),
        ("http://8.2056", "http://8.0.8.8", False),
        ("http://172.32.0.1", "http://172.32.0.1", False),
        ("http://203.0.113.5", "http://203.0.113.5", False),
        ("http://[::ffff:8.8.8.8]", "http://[::ffff:808:808]", False),
        ("http://[2001:db8::1%eth0]", "http://[2001:db8::1%eth0]", False),
        ("http://[64:ff9b::a00:1]", "http://[64:ff9b::a00:1]", False),
    ],
)
def test_an_address_is_judged_as_the_client_will_see_it(text, canonical, safe):
    """In one form, which is what the client is given; plain http is for loopback, private addresses and names without dots."""
    address = read_address(text)
    assert (str(address), address.is_safe_for_token) == (canonical, safe)
    assert read_address(canonical) == address
    client = httpx2.URL(canonical)
    assert (client.scheme, client.raw_host.decode(), client.port or PORTS[client.scheme]) == address.origin
    found = mistakes("info", "a/b", HF_TOKEN="hf_x", HF_ENDPOINT=text.partition("?")[0]) if not safe else []
    assert [line.startswith("endpoint:") and "plain http" in line for line in found] == [True] * (not safe)


@pytest.mark.parametrize(
    "text",
    ["", "hub", "ftp://hub", "http://", "http:///x", "https://[", "https://[::1", "https://[::g]", "https://h:x", "https://h:65536", "https://h h", "https://h\t", "https://h\\x",
     "https://-h", "https://h-", "https://a..b", "https://.a", "https://a_%00", "https://%zz", "https://%ff", "http://08", "http://1.2.3.4.5", "http://256.1.1.1", "http://1.2.65536",
     "http://4294967296", "http://0x100000000", "http://1..2", "https://a.0x1", "https://" + "a" * 64, "https://" + ".".join(["a" * 60] * 5), "https://\ud800", "https://\u200b",
     "https://" + "ü" * 100, "https://h/" + "x" * 2048, "\x00https://h"],
)  # fmt: skip
def test_what_is_no_address(text):
    """Whatever no client could ask for is a mistake, and no other error."""
    with pytest.raises(ValueError, match=r"^(is not an http\(s\) address|is longer than 2048 characters)$"):
        read_address(text)


@given(st.text(alphabet="http://[]@:%.0127xX。ab-_ \\?#\ud800é", max_size=30))
def test_any_text_is_an_address_or_a_mistake(text):
    """And an address is what the client makes of it."""
    try:
        address = read_address(f"http://{text}")
    except ValueError:
        return
    assert httpx2.URL(str(address)).raw_host.decode() == address.host
    assert read_address(str(address)) == address


def test_a_host_that_no_client_could_ask_for_is_not_near():
    """Nor is one that is empty."""
    assert [is_near(host) for host in ("", "a b", "256.1.1.1", "hub", "::1")] == [False, False, False, True, True]


@pytest.mark.parametrize("path", ["/@user", "/x?mail=a@b", "/%40x"])
def test_an_at_sign_in_a_path_is_no_password(path):
    """A health check may ask for such a path, on the app's own host and elsewhere."""
    assert from_inputs(operation="wait", health_check=path).health_check == path
    assert from_inputs(operation="wait", health_check=f"https://x.org{path}").health_check == f"https://x.org{path}"


# ---- what widens a selection unseen ----


@pytest.mark.parametrize(
    ("given", "mistake"),
    [
        ({"space-id": "acme/demo-*", "author": "acme"}, "author: 'acme' selects all Spaces of acme, but space-id asks for acme/demo-*; write one of them only."),
        ({"space-id": "acme/demo-*", "author": "other, ACME"}, "author: 'ACME' selects all Spaces of ACME, but space-id asks for acme/demo-*; write one of them only."),
        ({"space-id": "acme/demo", "author": "acme"}, "author: 'acme' selects all Spaces of acme, but space-id asks for acme/demo; write one of them only."),
        ({"space-id": "acme/a acme/b acme/c acme/d", "author": "acme,acme"}, "author: 'acme' selects all Spaces of acme, but space-id asks for acme/a, acme/b, acme/c and 1 more; write one of them only."),
        ({"space-id": "acme/demo", "search": "tts"}, "search: selects Spaces of all owners, but space-id asks for acme/demo; write one of them only."),
        ({"author": "acme", "exclude": "acme"}, "exclude: 'acme' would leave out nothing: write acme/* for all Spaces of an owner, or owner/acme for one."),
        ({"author": "acme", "exclude": "acme/x-*,demo"}, "exclude: 'acme/x-*,demo' would leave out nothing: write demo/* for all Spaces of an owner, or owner/demo for one."),
        ({"space-id": "acme/**"}, "space-id: 'acme/**' has two '*' in a row; one stands for any number of characters already."),
        ({"author": "acme", "exclude": "a**"}, "exclude: 'a**' has two '*' in a row; one stands for any number of characters already."),
        ({"author": "acme", "with-hardware": "t4**"}, "with-hardware: 't4**' has two '*' in a row; one stands for any number of characters already."),
        ({"author": "acme", "exclude": "x" * 193 + "*"}, "exclude: '" + "x" * 193 + "*' is longer than 193 characters, and so than any id."),
        ({"space-id": " ".join(f"a/{n}*" for n in range(101))}, "space-id: has 101 patterns; write at most 100, or use a fleet-file."),
        ({"author": "acme", "exclude": " ".join(f"{n}*" for n in range(101))}, "patterns; write at most 100, or use a fleet-file."),
        ({"author": "acme", "with-hardware": " ".join(f"{n}*" for n in range(101))}, "patterns; write at most 100, or use a fleet-file."),
    ],
)  # fmt: skip
def test_what_widens_a_selection_unseen_is_a_mistake(given, mistake):
    """Two inputs that say different things, and one that says less than it seems to."""
    (found,) = mistakes(**{f"INPUT_{name.upper()}": text for name, text in given.items()})
    assert found.endswith(mistake)


@pytest.mark.parametrize(
    ("given", "patterns"),
    [
        ({"space-id": "acme/*", "author": "Acme"}, ("acme/*",)),
        ({"space-id": "acme/demo-*", "author": "other"}, ("acme/demo-*", "other/*")),
        ({"space-id": "acme/demo-*", "search": "tts"}, ("acme/demo-*",)),
        ({"author": "acme", "search": "tts"}, ("acme/*",)),
        ({"space-id": "acme/demo", "author": "other", "search": "tts"}, ("other/*",)),
        ({"author": "acme", "exclude": "acme/x, *-prod, acme/y-*"}, ("acme/*",)),
    ],
)
def test_what_a_selection_may_combine(given, patterns):
    """What says the same, or speaks of different owners."""
    assert parse([], {f"INPUT_{name.upper()}": text for name, text in given.items()}).patterns == patterns


def test_wrong_spaces_are_counted():
    """A long list of mistakes is cut short, and so is a long text."""
    (found,) = mistakes(**{"INPUT_SPACE-ID": " ".join(["x" * 300] * 25)})
    assert found.endswith("only; and 5 more.") and found.count("is not a Space") == 20 and len(found) < 6500


# ---- the nearest name ----


@pytest.mark.parametrize(
    ("word", "meant"),
    [(word, name) for name, row in rules.OPERATIONS.items() for word in row.synonyms.split() if word != "ls"]  # which is taken
    + [("Restart", "restart"), ("restrat", "restart"), ("resatrt", "restart"), ("pasue", "pause"), ("wiat", "wait"), ("lst", "list"), ("inf", "info"), ("hardwear", "hardware"),
       ("sleeptime", "sleep-time"), ("sleep_time", "sleep-time"), ("cause", ""), ("report", ""), ("make", ""), ("rest", ""), ("use", ""), ("zzz", "")],
)  # fmt: skip
def test_the_nearest_operation_is_no_change_for_a_question(word, meant):
    """Other words for it, and slips of the keyboard; what is only like an operation that changes a Space is not taken for it."""
    (found,) = mistakes(word, "a/b")
    assert (f"did you mean {meant}?" in found) if meant else ("did you mean" not in found)


@pytest.mark.parametrize(
    ("name", "meant"),
    [("timout", "timeout"), ("with-hardwear", "with-hardware"), ("hardwear", "hardware"), ("pause-interval", "poll-interval"), ("restart", ""), ("sleep", "sleep-time"),
     ("restor", "restore"), ("storage", ""), ("rest", ""), ("dryrun", "dry-run"), ("FACTORY_REBOOT", "factory-reboot"), ("factory", "factory-reboot"), ("to", ""), ("x" * 5000, "")],
)  # fmt: skip
def test_the_nearest_input_is_no_change_for_another(name, meant):
    """A flag is refused, a variable ignored; both name the same."""
    (flag,) = mistakes("info", "a/b", f"--{name}=5")
    (variable,) = parse([], SPACE | {f"INPUT_{name.upper()}": "5"}).warnings
    assert ((f"did you mean --{meant}?" in flag), (f"did you mean {meant}?" in variable)) == ((True, True) if meant else (False, False))
    assert meant or "did you mean" not in flag + variable


def test_many_unknown_variables_are_counted():
    """Somebody else's INPUT_ variables do not fill the log."""
    found = parse([], SPACE | {f"INPUT_§{number}": "x" for number in range(50)}).warnings
    assert (len(found), found[-1]) == (21, "30 more variables INPUT_… are not inputs of this action.")


@pytest.mark.parametrize("words", [["--sleep-time", "-1"], ["--sleep-time=-1"], ["--sleep-time", "never"], ["--sleep-time", "NEVER"]])
def test_forms_of_never(words):
    """-1 is how the Hub writes it, and is a value, not a flag."""
    assert parse(["sleep-time", "a/b", *words], {}).sleep_time == -1


# ---- restore and the post step ----


@pytest.mark.parametrize("text", ["spaces: [{id: a/c, restore: true, operation: restart}]", ""])
def test_restore_needs_a_post_step(text):
    """In a shell nothing would be undone; that is said before anything is changed."""
    words = ["restart", *(["--fleet-file=f"] if text else ["a/b", "--restore"])]
    said = ["restore: needs a post step, which only the container action has; undo in a step of its own with if: always()."]
    with pytest.raises(InvalidInput) as caught:
        parse(words, {"GITHUB_STATE": ""}, lambda path: text)
    assert caught.value.mistakes == said
    assert parse(words, {"GITHUB_STATE": "/a/file"}, lambda path: text)


def test_restore_is_refused_where_nothing_would_be_undone():
    """A pause is not undone: a restart would cost what nobody asked for."""
    with pytest.raises(InvalidInput) as caught:
        parse(["pause", "a/b", "--restore"], {"GITHUB_STATE": "/a/file"})
    assert caught.value.mistakes == ["restore: operation pause is not undone; leave restore out, and use another step for it."]


def test_the_post_step_needs_little():
    """Endpoint, token, budget; what else is wrong, or stands in a fleet file only, cannot stop it."""
    environ = {"INPUT_OPERATION": "hardware", "INPUT_FLEET-FILE": "gone.yml", "INPUT_SETTLE": "x", "INPUT_TIMEOUT": "5m", "INPUT_MAX-PARALLEL": "many", "INPUT_SUMMARY": "false",
               "INPUT_TOKEN": "hf_a", "HF_ENDPOINT": "https://Hub.example/", "HF_OIDC_RESOURCE": "acme/demo", "INPUT_ZZZ": "1"}  # fmt: skip
    assert parse_post(environ) == PostSettings(endpoint="https://hub.example", timeout=300.0, summary=False, max_parallel=8, token="hf_a")
    assert parse_post({}) == PostSettings(endpoint="https://huggingface.co", timeout=1800.0, summary=True, max_parallel=8, token=None)


def test_the_post_step_has_the_access_of_its_step():
    """Keyless where the step was, and the token in no text."""
    found = parse_post({"HF_OIDC_RESOURCE": "acme/demo", "HF_OIDC_ID_TOKEN": "eyJ", "HF_TOKEN": "hf_b"})
    assert (found.keyless, found.identity, found.token, found.has_credentials) == ("acme/demo", "eyJ", None, True)
    assert "eyJ" not in repr(found) and "hf_b" not in repr(parse_post({"HF_TOKEN": "hf_b"}))
    assert not parse_post({}).has_credentials and parse_post({"HF_TOKEN": "hf_b"}).has_credentials


@pytest.mark.parametrize("endpoint", ["http://huggingface.co", "ftp://x", "https://u:p@h"])
def test_the_post_step_sends_no_token_to_a_wrong_place(endpoint):
    """The one mistake that stops it."""
    with pytest.raises(InvalidInput) as caught:
        parse_post({"HF_ENDPOINT": endpoint, "HF_TOKEN": "hf_x"})
    assert len(caught.value.mistakes) == 1 and caught.value.token == "hf_x"


# ---- the fleet file ----

FLEET = """\
defaults: {settle: 5s}
spaces:
- acme/one
- {id: acme/two-*, operation: pause, settle: 9s}
"""


def test_entries_of_the_fleet_file_are_calls_of_their_own():
    """What the step gives is the default of the file, and the file's defaults are those of its entries."""
    asked = []
    environ = {"INPUT_OPERATION": "restart", "INPUT_COMMIT": "head", "INPUT_TIMEOUT": "1h", "INPUT_FLEET-FILE": "fleet.yml",
               "INPUT_ENDPOINT": "https://hub.example", "INPUT_TOKEN": "hf_x", "INPUT_WITH-SDK": "gradio"}  # fmt: skip
    found = parse([], environ, read_file=lambda path: asked.append(path) or FLEET)
    one, two = found.fleet
    assert asked == ["fleet.yml"]
    assert (one.operation, one.spaces, one.patterns, one.settle, one.commit) == ("restart", ("acme/one",), (), 5.0, "head")
    assert (two.operation, two.spaces, two.patterns, two.settle, two.stages) == ("pause", (), ("acme/two-*",), 9.0, {"PAUSED"})
    for entry in found.fleet:
        assert (entry.timeout, entry.endpoint, entry.token) == (3600.0, "https://hub.example", "hf_x")
        assert entry.filters == found.filters == Filters(sdks=frozenset({"gradio"}))


def test_entries_of_the_fleet_file_share_the_keyless_access():
    """There is one identity for the whole step."""
    environ = {"INPUT_FLEET-FILE": "f", "HF_OIDC_RESOURCE": "acme/demo", "HF_OIDC_ID_TOKEN": "eyJ"}
    found = parse([], environ, read_file=lambda path: FLEET)
    assert [(entry.keyless, entry.identity) for entry in found.fleet] == [("acme/demo", "eyJ")] * 2


def test_mistakes_of_the_fleet_file_stand_beside_those_of_the_call():
    """Of its form, and of how its inputs go together; one that cannot be read is one, too."""
    def found(text: str, *argv: str) -> list[str]:
        with pytest.raises(InvalidInput) as caught:
            parse(["info", "--fleet-file", "f.yml", "--settle=x", *argv], {}, read_file=lambda path: text)
        return caught.value.mistakes[1:]

    assert found("") == ["f.yml:1: the file is empty; write 'spaces:' and under it a list with '- owner/name' or '- id: owner/name' for each Space."]
    assert found("spaces:\n- {id: a/b, operation: hardware, settle: 5s}\n- {id: a/c, operation: sleep-time, settle: 5s}") == [
        "f.yml:2: a/b: hardware: is missing; operation hardware needs it.",
        "f.yml:3: a/c: sleep-time: is missing; operation sleep-time needs it.",
    ]

    def missing(path: str) -> str:
        raise ValueError("is not there")

    with pytest.raises(InvalidInput) as caught:
        parse(["info", "--fleet-file", "f.yml"], {}, read_file=missing)
    assert caught.value.mistakes == ["fleet-file: 'f.yml' is not there."]


@pytest.mark.parametrize("form", ["mistakes", "warnings", "both"])
def test_ten_thousand_entries_are_quick_and_say_little(form):
    """What many entries get wrong is shown for the first ones, and counted."""
    text = {"mistakes": "operation: hardware", "warnings": "operation: info, commit: head", "both": "operation: hardware, settle: '{}'"}[form]
    fleet = "spaces:\n" + "".join(f"- {{id: a/s{number}, {text}}}\n" for number in range(5000))
    began = time.thread_time()
    try:
        said = parse(["info", "--fleet-file=f.yml"], {}, lambda path: fleet).warnings
    except InvalidInput as error:
        said = error.mistakes
    last = {"mistakes": "f.yml: 4980 more mistakes are not shown.", "warnings": "f.yml: 4980 more warnings are not shown.", "both": "f.yml: 4980 more mistakes are not shown."}
    assert (len(said), said[-1]) == (21, last[form])
    assert time.thread_time() - began < 20


def test_each_call_knows_what_chooses_its_spaces():
    """For what is said of the selection."""
    found = parse(["acme/one", "b/c-*", "--exclude=x-*", "--fleet-file=f"], {}, lambda path: FLEET)
    filters = Filters(exclude=("x-*",))
    assert found.choice == Choice(("acme/one",), ("b/c-*",), filters)
    assert [entry.choice for entry in found.fleet] == [Choice(("acme/one",), (), filters), Choice((), ("acme/two-*",), filters)]


def test_without_a_fleet_file_none_is_read():
    """And there are no entries."""
    assert parse([], SPACE, read_file=lambda path: 1 / 0).fleet == ()


# ---- what is said ----


@pytest.mark.parametrize(
    ("operation", "more", "ignored"),
    [
        ("restart", {"health_check": "/", "commit": "head", "retries": "3"}, ["commit", "health-check", "retries"]),
        ("pause", {"stable_for": "5s", "settle": "5s"}, ["stable-for"]),
        ("restart", {"health_check": "", "retries": "1", "factory_reboot": "true"}, []),
        ("wake", {"health_check": "/"}, []),  # which decides whether it is restarted
        ("restart", {"wait_for_stage": "RUNNING", "health_check": "/"}, []),
    ],
)
def test_a_step_that_does_not_wait_says_what_it_leaves_out(operation, more, ignored):
    """Somebody may rely on it; the step goes on."""
    settings = from_inputs(**{"operation": operation, "wait_for_stage": "none"} | more)
    said = [warning for warning in settings.warnings if "since wait-for-stage: none" in warning]
    assert [warning.partition(":")[0] for warning in said] == ignored


@pytest.mark.parametrize(
    ("argv", "environ", "text"),
    [
        (["info", "a/b"], {}, "info a/b on https://huggingface.co without a token, at most 1800 s"),
        (
            ["restart", "a/b", "c/d", "--dry-run", "--wait-for-stage=SLEEPING,RUNNING"],
            {"HF_TOKEN": "hf_x"},
            "restart (dry run) a/b, c/d on https://huggingface.co with a token, waiting for RUNNING or SLEEPING, at most 1800 s",
        ),
        (
            ["list", "a/x-*", "--search=big model", "--timeout=0.5"],
            {"HF_OIDC_RESOURCE": "a/b"},
            "list a/x-*, search 'big model' on https://huggingface.co keyless, at most 0.5 s",
        ),
        (["info", "a/b", "c/d", "e/f"], {}, "info a/b, c/d, e/f on https://huggingface.co without a token, at most 1800 s"),
        (["info", "a/b", "c/d", "e/f", "g/h"], {}, "info 4 Spaces on https://huggingface.co without a token, at most 1800 s"),
        (["info", "--fleet-file=f"], {}, "info 2 entries of the fleet file on https://huggingface.co without a token, at most 1800 s"),
    ],
)  # fmt: skip
def test_what_the_step_is_about_to_do(argv, environ, text):
    """One line for the log, without the token."""
    assert describe(parse(argv, environ, read_file=lambda path: FLEET)) == text
