"""What a Space, the Hub or an app may say, in any dress, at every door where text is shown or written.

A table of attacks: each text is put into every field that people read of a result, and everything that the step prints
and writes is searched. What a machine reads must go through as it is.
"""

import base64
import json
import re
from functools import cache
from html import unescape
from types import SimpleNamespace
from urllib.parse import quote

import pytest

from hf_action.report.outputs import document, dotenv, outputs
from hf_action.report.summary import summary
from hf_action.report.withheld import withhold
from hf_action.rules.models import SpaceInfo, SpaceRuntime
from hf_action.rules.outcomes import Outcome
from hf_action.rules.results import Moment, Result, conclude, page
from hf_action.rules.sanitize import MAX_LINE, is_token, plain, spellings, unmatched
from hf_action.runner.files import Files
from hf_action.runner.github import Runner
from hf_action.runner.log import Log
from simhub.clock import FakeClock
from simhub.world import Space

OWN = "hf_MarkedTokenOfTheTests123"
STRANGE = "Marked.Token-of_the~tests/17+x"
FOREIGN = "hf_QmZxWvUtSrQpOnMlKjIhGfEd"

# ---- dresses: how a secret may be put on; `{}` is the secret ----

DRESSES = {
    "alone": "{}", "in a sentence": "saw {} here", "after an equals sign": "x={}", "after a letter": "x{}", "after a line's escape": r"a\n{}",
    "after a tab's escape": r"a\t{}", "after a percent escape": "a%3D{}", "after a JSON escape": r"a\u003d{}", "after a byte's escape": r"a\x3d{}",
    "as an end of a name": "TOKEN_{}", "in quotes": '"{}"', "in JSON": '{{"a": "{}"}}', "in JSON in JSON": r'{{\"a\": \"{}\"}}', "in an address": "https://x.example/?a={}&b=1",
    "as a password": "https://user:{}@host.example/x", "as a user": "https://{}@host.example/x", "as a bearer": "Authorization: Bearer {}", "bearer alone": "bearer {}",
    "in a header": "X-Api-Key: {}", "in a fence": "```\n{}\n```", "after a command": "::error::{}", "behind a bell": "\x07{}", "between lines": "a\r\n{}\r\nb", "before a comma": "{}, and more",
    "before a stop": "It was {}.", "in parentheses": "({})", "in HTML": "<b>{}</b>", "many times": "{0} {0} {0}{0}", "after much": "x" * 300 + " {}", "after very much": "y " * 990 + "{}",
    "at the cut": "x" * (MAX_LINE - 8) + " {}",
}  # fmt: skip
# ---- disguises: what becomes of the secret itself ----
DISGUISES = {
    "plain": lambda secret: secret,
    "coloured": lambda secret: f"{secret[:7]}\x1b[7m{secret[7:12]}\x1b[0m{secret[12:]}",
    "coloured everywhere": lambda secret: "".join(f"\x1b[3{n % 8}m{mark}" for n, mark in enumerate(secret)),
    "with marks of no width": "\u200b".join,
    "with a link": lambda secret: f"\x1b]8;;x\x07{secret[:9]}\x1b]8;;\x07{secret[9:]}",
}
# Of the step's own tokens every spelling is known.
SPELLED = {
    "in capitals": str.upper,
    "percent-encoded": lambda secret: quote(secret, safe=""),
    "wholly percent-encoded": lambda secret: secret,
    "as JSON": lambda secret: json.dumps(secret)[1:-1],
    "in base64": lambda secret: base64.b64encode(secret.encode()).decode(),
    "in base64 after one": lambda secret: base64.b64encode(b"u" + secret.encode()).decode(),
    "in base64 after two": lambda secret: base64.b64encode(b"u:" + secret.encode()).decode(),
    "in base64 for addresses": lambda secret: base64.urlsafe_b64encode(b"usr:" + secret.encode()).decode(),
    "in hex": lambda secret: secret.encode().hex(),
    "backwards": lambda secret: secret[::-1],
    "without its end": lambda secret: secret[:-4],
    "without its beginning": lambda secret: secret[5:],
}

# ---- what else is a secret: what is shown, and the part that must not be ----
OTHERS = [
    ("https://user:s3cr3tpw@host/x", "s3cr3tpw"), ("postgres://app:p@ss%20w0rd@db:5432/x", "w0rd"), ("redis://:only-password@cache", "only-password"),
    ("git clone https://abcdefghij0123456789@git.example/x", "abcdefghij0123456789"), ("Bearer abcdefghijk", "abcdefghijk"), ("authorization: bearer zz9-zz9-zz9", "zz9"),
    ("Authorization: Basic dXNlcjpwYXNz", "dXNlcjpwYXNz"), ("Proxy-Authorization: Basic QWxhZGRpbjpv", "QWxhZGRpbjpv"), ("curl -H 'Authorization: Bearer abc.def'", "abc.def"),
    ("Cookie: session=abcdef123", "abcdef123"), ('{"authorization": "Bearer q1w2e3r4"}', "q1w2e3r4"), ("DB_PASSWORD=hunter2", "hunter2"), ("PGPASSWORD=hunter2 psql", "hunter2"),
    ('"password": "my secret pass"', "my secret pass"), ("password: hunter2", "hunter2"), ("password : hunter2", "hunter2"), ("Passwd=hunter2", "hunter2"), ("OPENAI_API_KEY=abc12", "abc12"),
    ("api_key: 'abc12'", "abc12"), ("apiKey = abc12", "abc12"), ("x-api-key: abc123", "abc123"), ("client_secret=abc12", "abc12"), ("clientSecret: abc12", "abc12"),
    ("AWS_SECRET_ACCESS_KEY=wJalr/XUtn", "wJalr"), ("?access_token=abc12&x=1", "abc12"), ("token%3Dabc12", "abc12"), (r"{\"token\": \"abc12\"}", "abc12"), ("ACCESS_TOKEN => 'abc12'", "abc12"),
    ("AccountKey=abc12==", "abc12"), ("--password hunter2", "hunter2"), ("--hf-token=abc12", "abc12"), ("--api-key abc12", "abc12"), ("MY_TOKEN_2=abc12", "abc12"), ("secret: abc12", "abc12"),
    ("environ({'HF_TOKEN': 'abc12'})", "abc12"), ("passphrase=abc12", "abc12"), ("password: my_secret_pass", "secret_pass"), ("PASSWORD=$ecret12", "ecret12"), ("token=%40abc12", "abc12"), ("PASSWORD=*abc12", "abc12"), ("DB_PASSWORD=ABC_DEF", "DEF"), ("credentials: abc12", "abc12"), ("AIzaSyA1234567890abcdefghijklmnopqrstuv", "AIzaSyA"), ("xoxb-1234567890-abcdef", "1234567890"),
    ("glpat-abcdefghij0123456789", "abcdefghij"), ("AKIAABCDEFGHIJKLMNOP", "ABCDEFGHIJ"), ("ASIAABCDEFGHIJKLMNOP", "ABCDEFGHIJ"), ("sk-abcdefghij0123456789ab", "abcdefghij"), (r"\nsk-proj-abcdefghij012345", "abcdefghij"),
    ("ghp_abcdefghij0123456789", "abcdefghij"), ("gho_abcdefghij0123456789", "abcdefghij"), ("github_pat_abcdefghij0123456789", "abcdefghij"), ("npm_abcdefghij0123456789abcdefghij", "abcdefghij"),
    ("pypi-AgEIcHlwaS5vcmcCJGFiY2RlZmdoaWprbG1ub3BxcnN0dXY", "AgEIcHlw"), ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc", "eyJzdWIi"), ("api_org_abcdefghijkl", "abcdefghijkl"),
    ("hf_jwt_eyJhbGciOi.J9-x", "eyJhbGciOi"), ("hf_oauth_abcd-efgh.ijkl", "abcd-efgh"), ("hf%5Fabcdefghijkl", "abcdefghijkl"), (r"hf\u005fabcdefghijkl", "abcdefghijkl"), ("llama-hf_finetuned", "finetuned"),
    ("sk-learn-classifier-comparison-demo", "classifier"),
]  # fmt: skip
INNOCENT = [
    "--hash=sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "commit 3d2e3a67dc686c9c3abc3aaede5f66cd1fa7434c", "tokenizer=AutoTokenizer.from_pretrained", "KEY ERROR",
    "KeyError: 'HF_TOKEN'", "max_new_tokens=50", "pad_token_id=50256", "token: 50256", "unexpected token: <", "sorted(key=lambda x: x)", "Missing secret: OPENAI_API_KEY", "Set HF_TOKEN (env: HF_TOKEN: ${{ secrets.HF_TOKEN }})",
    "token: has characters that no token has", "HF_TOKEN is needed", "git@github.com:acme/demo.git", "https://huggingface.co/spaces/acme/demo?logs=build", "disk-usage-of-this-machine-is-high", "bearer authentication failed",
    "basic understanding", "Invalid credentials in Authorization header", "hf_hub_download() failed", "eos_token='<|endoftext|>'", "python@sha256:aaaa", "monkey=1", "keyboard: qwerty", "password: missing", "ports 7860:7860, 10.0.0.1:80",
    "hf_space acme/hf_leaderboard2 hf_open_llm_leaderboard", "sha256:0123456789abcdef", "Installing the internet", "tokens: 17", "primary keys: 3", "the secret is out", "token=None", "permissions: { id-token: write }",
]  # fmt: skip


def held(text: str) -> dict[str, str]:
    """Return what each door lets through of a text that stands in every field for people; its own tokens are masked."""
    return dict(_held(text))


@cache
def _held(text: str) -> tuple[tuple[str, str], ...]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GITHUB_ACTIONS", "true")
        patch.setenv("RUNNER_DEBUG", "1")
        patch.delenv("GITHUB_OUTPUT", raising=False)
        printed: list[str] = []
        stream = SimpleNamespace(write=printed.append, flush=lambda: None, isatty=lambda: False)
        patch.setattr("sys.stdout", stream)
        runner = Runner()
        for secret in (OWN, STRANGE):
            runner.mask(secret)
        log = Log(clock=FakeClock(), runner=runner, began=0.0)
        shown = {}

        def door(name: str, call) -> None:
            printed.clear()
            call()
            shown[name] = "".join(printed)

        door("info", lambda: runner.info(f"acme/demo: {text}"))
        door("progress", lambda: log.progress(SimpleNamespace(space="acme/demo"), text))
        door("group's title", lambda: log.group(text, []))
        door("group's line", lambda: log.group("log", [text]))
        door("debug", lambda: log.debug(text))
        door("traceback", lambda: runner.debug_traceback(ValueError(text)))
        for level in ("error", "warning", "notice"):
            door(level, lambda level=level: log.annotate(level, text))
        log.set_status(text)
        door("heartbeat", lambda: log.sleep(60.0))
        result = Result(space="acme/demo", outcome=Outcome.FAILED, message=text, elapsed=1.0, url="https://hub/spaces/acme/demo", log=(text, f"a {text}"))
        step = conclude([result], cancelled=False, operation="wait", elapsed=1.0, requests=1, prices={})
        door("annotation of the result", lambda: log.conclude([result]))
        found = outputs(step, runner.plain)
        shown |= {"output message": found["message"], "output spaces": json.loads(found["spaces"])[0]["message"], "dotenv": "".join(dotenv(found).values())}
        shown |= {"document": document(step, runner.plain)["message"], "summary": unescape(summary(step, runner.plain))}
    return tuple(shown.items())


PLACES = sorted(held("nothing"))
ATTACKS = {
    f"{name}, {dress}, {disguise}": (form.format(make(secret)), secret)
    for name, secret in (("own", OWN), ("own, strange", STRANGE), ("foreign", FOREIGN))
    for dress, form in DRESSES.items()
    for disguise, make in DISGUISES.items()
    if disguise == "plain" or dress in ("alone", "after a letter", "in JSON", "as a bearer")
}
SPELLINGS = {f"{name}, {spelling}": make(secret) for name, secret in (("own", OWN), ("strange", STRANGE)) for spelling, make in SPELLED.items()}


def parts(secret: str, few: int) -> set[str]:
    return {secret[n : n + few].lower() for n in range(len(secret) - few + 1)}


@pytest.mark.parametrize("place", PLACES)
def test_no_secret_goes_through_a_door(place):
    """Whatever it wears, of a token of this step not even ten characters, of another one no more than its first twelve."""
    leaks = [name for name, (text, secret) in ATTACKS.items() if any(part in held(text)[place].lower() for part in parts(secret, 10))]
    assert leaks == []


@pytest.mark.parametrize("place", PLACES)
def test_no_spelling_of_the_token_goes_through_a_door(place):
    """Encoded, reversed or cut, it is the same secret."""
    leaks = [name for name, text in SPELLINGS.items() if any(part in held(text)[place].lower() for part in parts(text, 12))]
    assert leaks == []


@pytest.mark.parametrize("place", PLACES)
def test_no_credential_of_an_app_goes_through_a_door(place):
    """Passwords in addresses, bearers, values of names for secrets, keys of other services; at the start, inside, and at the end."""
    forms = ("{}", "a {} b", "INFO: {}", "x {}")
    leaks = [form.format(text) for text, secret in OTHERS for form in forms if secret in held(form.format(text))[place]]
    assert leaks == []


@pytest.mark.parametrize("text", INNOCENT)
def test_ordinary_text_goes_through_every_door(text):
    """Defusing is not mangling."""
    shown = {place: seen.replace("%25", "%").replace("\u2060", "") for place, seen in held(text).items()}
    assert [place for place, seen in shown.items() if text not in seen and place not in ("summary", "dotenv")] == []
    assert "***" not in shown["summary"] + shown["dotenv"]


# ---- what a machine reads ----

NAMES = ["acme/sk-learn-classifier-comparison-demo", "acme/llama-hf_finetuned", "acme/my_token", "acme/secret", "key/password", "hf_abcdefghij/hf_abcdefghijkl", "acme/AKIAABCDEFGHIJKLMNOP", "acme/xoxb-1234567890-abc"]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_like_a_secret_is_a_name(name, monkeypatch, capsys):
    """In outputs, matrix, links and messages about it; the same look inside a log line of another is not."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    runner = Runner()
    runner.recognize(name)
    host = f"https://{name.replace('/', '-').replace('_', '-')}.hf.space"
    seen = SpaceInfo(id=name, runtime=SpaceRuntime(stage="RUNNING", commit="a" * 40, hardware="sk-flavor-of-the-twenty-first"), host=host)
    result = Result(space=name, outcome=Outcome.FAILED, message=f"{name}: no, {name} is broken", elapsed=1.0, url=page("https://huggingface.co", name), before=seen, after=seen)
    step = conclude(withhold([result], runner.holds_secret), cancelled=False, operation="wait", elapsed=1.0, requests=1, prices={})
    found, text = outputs(step, runner.plain), summary(step, runner.plain)
    (one,) = json.loads(found["spaces"])
    assert (found["space-id"], one["id"], found["host"], one["hardware"]) == (name, name, host, "sk-flavor-of-the-twenty-first")
    assert json.loads(found["matrix"]) == {"include": [{"space-id": name}]}
    assert f"]({result.url})" in text and name in unescape(text) and result.url.endswith(name)
    assert found["message"] == f"{name}: {name}: no, {name} is broken" and "***" not in text
    Log(clock=FakeClock(), runner=runner, began=0.0).conclude([result])
    assert f"::error::{name}: failed: {name}: no, {name} is broken\n" in capsys.readouterr().out


@pytest.mark.parametrize("value", [OWN, OWN.lower(), f"x-{OWN}", base64.b64encode(OWN.encode()).decode(), "a\nb", "a\ud800", "a\u2028b", "a\x1b[0m"], ids=repr)
@pytest.mark.parametrize("field", ["space", "url", "id", "head", "sdk", "sdk_version", "last_modified", "host", "stage", "commit", "hardware", "requested_hardware", "timeline"])
def test_a_secret_never_stands_where_a_machine_reads(field, value):
    """The Space fails instead, and nothing of what was said of it is written; the others are as they were."""
    runtime = {"stage": "RUNNING"} | ({field: value} if field in ("stage", "commit", "hardware", "requested_hardware") else {})
    info = {"id": "acme/demo"} | ({field: value} if field in ("id", "head", "sdk", "sdk_version", "last_modified", "host") else {})
    seen = SpaceInfo(**info, runtime=SpaceRuntime(**runtime))
    usual = {"space": "acme/demo", "url": "https://hub/spaces/acme/demo", "outcome": Outcome.OK, "message": "", "elapsed": 1.0, "before": seen, "after": seen}
    usual |= {field: value} if field in ("space", "url") else {}
    usual |= {"timeline": (Moment(0.0, value),)} if field == "timeline" else {}
    other = Result(space="acme/other", url="", outcome=Outcome.OK, message="", elapsed=1.0)
    first, second = withhold([Result(**usual), other], lambda text: any(one in text.lower() for one in spellings(OWN)))
    assert (first.outcome, first.before, first.after, first.timeline, second) == (Outcome.FAILED, None, None, (), other)
    assert first.space == ("" if field in ("space", "url") else "acme/demo")
    assert value not in repr(first)


def test_what_has_failed_already_keeps_its_result():
    """A secret in its place makes a denied Space no less denied."""
    denied = Result(space="a/\ud800", url="", outcome=Outcome.DENIED, message="", elapsed=1.0)
    assert withhold([denied], lambda _: False)[0].outcome is Outcome.DENIED


@pytest.mark.parametrize(("value", "may"), [("hf_abcd1234", True), ("12345678", True), ("1234567", False), ("", False), (None, False), (12345678, False), ("hf_abc def", False), ("hf_abcdé123", False), ("hf_abc\n1234", False)])
def test_what_may_be_a_token(value, may):
    """What is shorter would hide ordinary words when it is masked; what no header can carry is not one."""
    assert is_token(value) is may


def test_a_short_secret_refuses_no_space():
    """It is taken out of text, where that costs little; an id may have such letters by chance."""
    runner = Runner()
    runner.mask("acme")
    assert (runner.plain("acme/demo"), runner.holds_secret("acme/demo")) == ("***/demo", False)


@pytest.mark.parametrize("mark", ["İ", "ẞ", "ﬁ"])
def test_letters_that_become_two_move_nothing(mark):
    """The right characters are taken out after letters whose lower case is longer."""
    assert plain(f"{mark * 5} {OWN} hf_abcdefghijkl end", spellings(OWN)) == f"{mark * 5} *** *** end"


def test_a_secret_that_repeats_itself_is_one():
    """Its end is also its beginning."""
    assert plain("a abcdefghabcdefgh b", spellings("abcdefghabcdefgh")) == "a *** b"


# ---- problem matchers ----

# As the actions that register them have them: setup-python, setup-node (tsc, eslint), setup-go, setup-dotnet, gcc.
MATCHERS = {
    "python": r'^\s*File\s"(.*)",\sline\s(\d+),\sin\s(.*)$',
    "tsc": r"^([^\s].*)[\(:](\d+)[,:](\d+)(?:\):\s+|\s+-\s+)(error|warning|info)\s+TS(\d+)\s*:\s*(.*)$",
    "eslint-compact": r"^(.+):\sline\s(\d+),\scol\s(\d+),\s(Error|Warning|Info)\s-\s(.+)\s\((.+)\)$",
    "eslint-stylish": r"^\s+(\d+):(\d+)\s+(error|warning|info)\s+(.*)\s\s+(.*)$",
    "go": r"^\s*(\.{0,2}[\/\\].+\.go):(?:(\d+):(\d+):)?(.*)",
    "csc": r"^([^\s].*)\((\d+)(?:,\d+|,\d+,\d+)?\):\s+(error|warning)\s+([a-zA-Z]+\d+):\s*(.*?)\s+\[(.*?)\]$",
    "gcc": r"^(.*?):(\d+):(\d*):?\s+(?:fatal\s+)?(warning|error):\s+(.*)$",
    "generic": r"^(.*):(\d+): (error|warning|note): (.*)$",
}
TAKEN = {
    "python": '  File "app.py", line 3, in <module>', "tsc": "src/a.ts(3,5): error TS2304: no name", "eslint-compact": "a.js: line 3, col 5, Error - no (semi)",
    "eslint-stylish": "  3:5  error  no semicolon  semi", "go": "./main.go:3:5: undefined: x", "csc": "a.cs(3,5): error CS1002: ; expected [a.csproj]", "gcc": "main.c:3:5: error: expected ;",
    "generic": "main.c:3: error: expected ;",
}  # fmt: skip


@pytest.mark.parametrize("place", ["info", "progress", "group's line", "debug", "traceback", "heartbeat"])
@pytest.mark.parametrize("matcher", MATCHERS)
def test_no_problem_matcher_takes_a_line_for_its_own(place, matcher):
    """An earlier step may have registered it; only the action's own commands make annotations."""
    pattern = re.compile(MATCHERS[matcher])
    assert pattern.search(TAKEN[matcher])
    lines = held(TAKEN[matcher])[place].splitlines()
    assert lines and not any(pattern.search(line) for line in lines)
    assert unmatched("12:30:45 ready on 10.0.0.1:7860") == "12:30:45 ready on 10.0.0.1:7860"


# ---- files that are only appended to ----


def test_half_a_character_cannot_break_a_file(tmp_path):
    """What no file can hold is written as what stands for it."""
    Files({"GITHUB_STEP_SUMMARY": str(tmp_path / "summary")}).write_summary("a\ud800b")
    assert (tmp_path / "summary").read_text() == "a?b"


# ---- through the whole step ----


@pytest.mark.parametrize("name", ["acme/sk-learn-classifier-comparison-demo", "acme/llama-hf_finetuned"])
def test_a_space_named_like_a_secret_is_operated_as_any_other(name, run, world):
    """What is listed is what is paused, and nothing else is."""
    world.add(Space(id=name))
    listed = run("list", author="acme", search=name.partition("/")[2])
    assert json.loads(listed.outputs["matrix"]) == {"include": [{"space-id": name}]} and listed.spaces[0]["id"] == name
    assert name in unescape(listed.summary) and f"{name}: ok" in listed.log
    paused = run("pause", name)
    assert (paused.result, paused.outputs["space-id"], paused.outputs["stage"]) == ("ok", name, "PAUSED")
    assert (world.state(name).stage, world.state("acme/demo").stage) == ("PAUSED", "RUNNING")


@pytest.mark.parametrize("colour", ["\x9b", "\x1b[", "\x1b[31", "\x9b0;"], ids=repr)
def test_a_secret_that_ends_a_colour_is_found(colour):
    """A terminal takes its first letter for the end of the colour; the rest of it would give it away."""
    for secret, known in ((OWN, spellings(OWN)), ("hf_AbCdEfGhIjKlMnOpQrStUvWxYz012345", ())):
        assert secret[1:] not in plain(f"{colour}{secret}", known)
