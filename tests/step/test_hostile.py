"""Hostile text from the Hub commands nobody: not the runner that reads the log and the files, not the summary's reader.

The log and the files are read here as the runner reads them, so that what it would obey is what is compared.
"""

import contextlib
import io
import json
import os
import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hf_action.clock import Budget
from hf_action.inputs.settings import parse
from hf_action.operations.batch import Batch
from hf_action.report.outputs import outputs
from hf_action.report.summary import summary
from hf_action.rules.models import SpaceInfo, SpaceRuntime
from hf_action.rules.outcomes import Outcome, Refused, Unreachable
from hf_action.rules.results import conclude
from hf_action.rules.sanitize import plain
from hf_action.runner.github import Runner
from hf_action.runner.log import Log
from simhub.clock import FakeClock
from simhub.faults import Fault, Kind
from simhub.server import serve
from simhub.world import Space, Token, World
from tests.conftest import NEW, OLD, TOKEN, clean_environ
from tests.support import warm
from tests.support.obeying import obeyed, read_file_command
from tests.support.processes import PATIENCE

NAMES = ("result", "space-id", "stage", "previous-stage", "changed", "url", "host", "commit", "hardware",
         "requested-hardware", "sleep-time", "sdk", "sdk-version", "private", "likes", "last-modified", "elapsed",
         "requests", "count", "failed", "hourly-cost", "hourly-saved", "spaces", "matrix", "message", "cause", "evidence", "blame",
         "rolled-back-to")  # fmt: skip


# ---- the runner, as it reads a log ----


@pytest.mark.parametrize(
    ("log", "names"),
    [
        ("::error::x", ["error"]),
        ("  ::set-output name=a::b", ["set-output"]),
        ("text ::error::x", []),
        ("text ##[error]x", ["error"]),
        ("##[ERROR]x", ["error"]),
        ("::unknown::x", []),
        (":: error::x", []),
        ("::stop-commands::T\n::error::x\n::T::\n::warning::y", ["stop-commands", "warning"]),
        ("a\r::error::x", ["error"]),
        ("::error x", []),
    ],
)
def test_the_parser_of_these_tests_sees_what_the_runner_sees(log, names):
    """It has to find what must not be there."""
    assert [command.name for command in obeyed(log)] == names


# ---- hostile text ----

COMMANDS = (
    "::set-output name=stage::RUNNING", "::error::pwned", "::error file=app.py,line=1::pwned", "::stop-commands::token",
    "::add-mask::RUNNING", "::save-state name=isPost::true", "::set-env name=PATH::/tmp", "::add-path::/tmp", "::debug::x",
    "::group::g", "::endgroup::", "::notice::n", "::add-matcher::/tmp/m.json", "::echo::on",
    "##[error]pwned", "##[set-output name=stage]RUNNING", "##[add-path]/tmp", "##[stop-commands]t", "##[group]", "##[endgroup]",
)  # fmt: skip
PIECES = (
    *COMMANDS, "::", ":", "##[", "##", "#", "[", "]", "\r", "\n", "\r\n", "\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x00",
    "\x1b[31m", "\x1b[0m", "\x1b]0;t\x07", "\x1b", "\x9b31m", "\x1b]8;;x\x1b\\", "%0A", "%0D%0A", "%25", "%3A",
    "```", "````", "~~~", "|", "||", "\\|", "\\", "<img src=x onerror=y>", "</details>", "</summary>", "<details>", "<!--", "-->",
    "</sub>", "<script>", "&lt;", "&#124;", "![a](http://b/c.png)", "[a](javascript:b)", "https://x.example", "www.x.example",
    "a@b.example", "@everyone", "@octocat", "#1", "GH-1", ":tada:", "$x$", "$$", "**b**", "__c__", "_d_", "*", "`", "\t", "    ",
    "# h", "## h", "- [ ] x", "> q", "1. x", "---", "===", "\u200b", "\u202e", "\ufeff", "\u00ad", "\u2060", "\ud800", "\udfff", "é", "日本",
    "ghadelimiter_", "stage<<EOF", "EOF", "result=ok", "name=x", "${{ secrets.X }}", "$(id)", "`id`", "; rm -rf /", "'", '"', "{", "}", "\\u001b",
    "section x", "title y", "    :done, 0, 1", "%%{init}%%", "\x1b\x1b[0m[0m", "\x1b[", "::error", "set-output name=a::b",
)  # fmt: skip
hostile = st.one_of(
    st.lists(st.sampled_from(PIECES), min_size=1, max_size=6).map("".join),
    st.text(alphabet=st.characters(), min_size=1, max_size=20),
    st.sampled_from(COMMANDS),
)


@contextlib.contextmanager
def printed():
    """Collect what is printed, under a runner whose files are in a folder of its own: yields (folder, log so far)."""
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()) as log:
        files = {name: str(Path(folder) / name) for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
        for path in files.values():
            Path(path).write_text("")
        with mock.patch.dict(os.environ, {"GITHUB_ACTIONS": "true"} | files):
            yield Path(folder), log


@given(texts=st.lists(hostile, min_size=1, max_size=4))
@settings(max_examples=80)
@example(["\x1b\x1b[0m[0m::error::x"])
@example(["\u2060::error::x", "\u00ad##[error]x"])
@example(["x" * 3999 + "\x1b[31m::error::", "x" * 1999 + "##[error]"])
@example(["::stop-commands::token::set-output name=stage::RUNNING"])  # which looks as if it named a secret
def test_what_is_printed_is_never_a_command_unless_meant(texts):
    """Lines, groups and annotations: just the commands of the latter two, each with one line of data."""
    with printed() as (_, log):
        runner = Runner()
        for text in texts:
            runner.info(text)
            runner.info(f"[0.0s] acme/demo: {text}")
        runner.group(texts[0], texts)
        for level in ("error", "warning", "notice"):
            runner.annotate(level, texts[-1])
    found = obeyed(log.getvalue())
    assert [command.name for command in found] == ["group", "endgroup", "error", "warning", "notice"]
    assert all(command.properties == {} and "\n" not in command.data and "\r" not in command.data for command in found)
    assert found[0].data == plain(texts[0], ())
    assert log.getvalue().count("\n") == 3 * len(texts) + 5


# ---- a whole step, all of whose facts are hostile ----


@dataclass
class Liar:
    """A Hub that says what it is told to."""

    before: SpaceInfo
    after: SpaceRuntime
    lines: list[str]
    requests: int = 3
    fails: bool = False

    def space_info(self, space: str, *, patient: bool = True) -> SpaceInfo:
        return self.before

    def runtime(self, space: str) -> SpaceRuntime:
        if self.fails:
            self.fails = False
            raise Unreachable(f"the Hub answered 503. The Hub says: {self.lines[0]}")
        return self.after

    def head(self, space: str) -> str | None:
        return self.before.head

    def probe(self, url: str, space: SpaceInfo, *, contains: str) -> str:
        return f"503 from {url}"

    def quota_wait(self, reserve: int) -> float:
        return 0.0

    def pages(self, entries: int) -> int:
        return 1

    def quota(self) -> None:
        return None

    def listen(self, space: str, notice) -> None:
        raise Refused(f"the Hub refuses this. The Hub says: {self.lines[0]}")

    def log_tail(self, space: str, *, build: bool, lines: int) -> list[str]:
        return [line for text in self.lines for line in text.splitlines()][-lines:]


def step_through(text: list[str], lines: list[str]) -> tuple[str, str, str]:
    """Wait for a Space that says `text` of itself in every field; return log, outputs file and summary."""
    error = text[0]
    # What a machine reads is short and plain once it is read; see tests/rules/test_models.py.
    words = ["".join(filter(str.isprintable, word))[:64] or "x" for word in (text * 10)[1:10]]
    stage, commit, head, hardware, wanted, sdk, version, host, date = words
    # Made without the reader, which lets little of this through: the doors to log and files rely on nobody.
    about = {"commit": commit, "hardware": hardware, "requested_hardware": wanted, "error": error}
    runtime = SpaceRuntime(stage=stage, **about)
    before = SpaceInfo(id="acme/demo", runtime=runtime, head=head, sdk=sdk, sdk_version=version, host=host, last_modified=date)
    after = SpaceRuntime(stage="BUILD_ERROR", **about)
    with printed() as (folder, log):
        clock, runner = FakeClock(), Runner()
        tell = Log(clock=clock, runner=runner, began=0.0)
        chosen = parse(["wait", "acme/demo", "--health-check", "/"], {"HF_TOKEN": TOKEN})
        liar = Liar(before=before, after=after, lines=lines, fails=True)
        campaign = Batch(settings=chosen, hub=liar, clock=tell, log=tell, began=0.0, budget=Budget(chosen.timeout), today=1.8e9)
        campaign.run()
        rest = {"operation": "wait", "elapsed": 9.0, "requests": 3, "prices": {wanted: 0.4}}
        step = conclude(campaign.results(), cancelled=False, **rest)
        assert [result.outcome for result in step.results] == [Outcome.FAILED]
        runner.annotate("error", f"{step.message}")
        runner.files.write_outputs(outputs(step, runner.plain))
        runner.files.write_summary(summary(step, runner.plain))
        written = {name: (folder / name).read_text(encoding="utf-8") for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    return log.getvalue(), written["GITHUB_OUTPUT"], written["GITHUB_STEP_SUMMARY"]


CELL = re.compile(r"(?<!\\)[|]")
TAG = re.compile(r"<[^>]*>?|^#{1,6} |^[-*+>] |^\d+[.)] |^\s{4,}|^(?:---|===|~~~).*")


def structure(markdown: str) -> list[str]:
    """Return what each line is: the bones of a summary, without its flesh."""
    bones, fence = [], None
    for line in markdown.split("\n"):
        ticks = re.match(r"(`{3,})(.*)$", line)
        if fence:
            closes = ticks and len(ticks[1]) >= len(fence) and not ticks[2].strip()
            bones += ["fence ends"] if closes else ["code"]
            fence = None if closes else fence
        elif ticks:
            fence = ticks[1]
            bones.append(f"fence of {ticks[2]}")
        elif line.startswith("|"):
            bones.append(f"row of {len(CELL.findall(line))}")
        else:
            bones.append(" ".join(TAG.findall(line)) + (" text" if TAG.sub("", line).strip() else ""))
    return [bone for bone in bones if bone != "code"] + (["fence never ends"] if fence else [])


BENIGN = [f"word{number}" for number in range(10)]


@given(text=st.lists(hostile, min_size=1, max_size=10), lines=st.lists(hostile, min_size=1, max_size=4))
@settings(max_examples=60)
@example(text=["\ud800"], lines=["\udfff x"])
@example(text=["::set-output name=stage::RUNNING"], lines=list(COMMANDS))
@example(text=["`" * 50], lines=["`" * 50, "~~~", "</details>"])
@example(text=["x" * 1_000_000], lines=["y" * 1_000_000])
@example(text=["|" * 5000], lines=["\u2028" * 5000])
def test_a_space_that_lies_in_every_field_commands_nobody(text, lines):
    """The log has the commands of the action alone; the outputs are the known ones; the summary keeps its bones."""
    log, written, markdown = step_through(text, lines)
    found = obeyed(log)
    printed_lines = [line for text in lines for line in text.splitlines()]
    folds = ["group", "endgroup"] if printed_lines else []
    assert [command.name for command in found if command.name != "add-mask"] == [*folds, "error"]
    assert found[-1].data.startswith("acme/demo: ") and found[-1].properties == {}

    pairs = read_file_command(written)
    assert tuple(name for name, _ in pairs) == NAMES
    values = dict(pairs)
    assert not any(re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", value) for value in values.values())
    (one,) = json.loads(values["spaces"])
    assert (values["result"], values["stage"], one["result"], one["id"]) == ("failed", "BUILD_ERROR", "failed", "acme/demo")
    assert len(written.encode()) < 100_000
    assert len(markdown.encode()) < 100_000

    _, _, tame = step_through(BENIGN, ["benign"] if printed_lines else [""])
    assert structure(markdown) == structure(tame)


@pytest.mark.parametrize("piece", [piece for piece in PIECES if piece.strip()], ids=repr)
def test_each_piece_alone_leaves_the_summary_as_it_is(piece):
    """One by one, in every field and as a line of the log, so that a failure names the piece."""
    log, _, markdown = step_through([piece, f"a {piece}", f"{piece} b"], [piece, f"a {piece} b"])
    assert [command.name for command in obeyed(log)][-1:] == ["error"]
    assert structure(markdown) == structure(step_through(BENIGN, ["benign"])[2])


# ---- through the real socket ----


class Lying:
    """The Hub, with some fields of every Space, and some headers of every answer, replaced."""

    def __init__(self, api, *, runtime: dict[str, object], headers: dict[str, bytes], **fields: object) -> None:
        self.api = api
        self.runtime = runtime
        self.fields = fields
        self.headers = [(name.encode(), value) for name, value in headers.items()]

    async def __call__(self, scope, receive, send) -> None:
        start, body = {}, b""

        async def hold(message) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start":
                start = message | {"headers": [pair for pair in message["headers"] if pair[0] != b"content-length"] + self.headers}
            else:
                body += message.get("body", b"")

        if "/logs/" in scope["path"]:
            return await self.api(scope, receive, send)
        await self.api(scope, receive, hold)
        answer = json.loads(body)
        if "id" in answer:
            answer |= self.fields | {"runtime": answer["runtime"] | self.runtime}
        elif "stage" in answer:
            answer |= self.runtime
        body = json.dumps(answer).encode()
        await send(start | {"headers": [*start["headers"], (b"content-length", str(len(body)).encode())]})
        await send({"type": "http.response.body", "body": body})


def lie(text: str) -> dict[str, object]:
    """Return the fields of a Space that says `text` of itself, but for those that are acted on."""
    return {
        "author": text, "sdk": text, "host": text, "subdomain": text, "tags": [text], "title": text, "lastModified": text,
        "cardData": {"title": text, "sdk": text, "sdk_version": text, "emoji": text}, text: text,
    }  # fmt: skip


def environment(hub, folder: Path, **more: str) -> dict[str, str]:
    files = {name: str(folder / name) for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    for path in files.values():
        Path(path).write_text("")
    return clean_environ() | files | {"GITHUB_ACTIONS": "true", "HF_ENDPOINT": hub.url, "HF_TOKEN": TOKEN} | more


EVERYTHING = "\n".join(COMMANDS) + "\r::error::cr\u2028::error::ls\x1b[31m::error::ansi</details>|```<img>@everyone" + "\ud800"


@pytest.mark.parametrize("text", [EVERYTHING, "::stop-commands::x", "x" * 100_000, "##[error]" * 1000], ids=["all", "stop", "long", "many"])
def test_a_lying_hub_commands_nobody(text, tmp_path):
    """A real process against a real server, whose standard output and error the runner both reads."""
    world = World(now=FakeClock().now, tokens={TOKEN: Token(name="w", owners=frozenset({"acme"}), writes=frozenset({"acme"}))})
    world.add(Space(id="acme/demo", stage="RUNTIME_ERROR", commit=None, run_log=((0.0, text),)))
    header = re.sub(r"[\x00-\x1f]", " ", text)[:2000].encode("utf-8", "replace")
    with serve(world) as hub:
        headers = {"x-hf-warning": b"topic; " + header, "x-error-message": header, "ratelimit": header, "x-request-id": header}
        hub.api = Lying(hub.api, runtime={"errorMessage": text}, headers=headers, **lie(text))
        ended = warm.run(warm.command("info", "acme/demo", "--logs", "always", "--timeout", "9"), env=environment(hub, tmp_path), timeout=PATIENCE)
    everything = ended.stdout.decode() + "\n" + ended.stderr.decode()
    assert [command.name for command in obeyed(everything)] == ["add-mask", "group", "endgroup", "notice"], everything[-2000:]
    assert "Traceback" not in everything
    values = dict(read_file_command((tmp_path / "GITHUB_OUTPUT").read_text()))
    assert (ended.returncode, tuple(values), values["result"], values["stage"]) == (0, NAMES, "ok", "RUNTIME_ERROR")
    assert len((tmp_path / "GITHUB_OUTPUT").read_bytes()) < 100_000
    assert len((tmp_path / "GITHUB_STEP_SUMMARY").read_bytes()) < 100_000


@pytest.mark.parametrize(
    "header",
    [b"; ::set-output name=stage::RUNNING", b"x; ##[error]pwned", b"deprecated; ::stop-commands::x", b"::error::pwned"],
)
def test_a_header_for_people_is_no_command(header, tmp_path):
    """huggingface_hub prints what the Hub says in X-HF-Warning, on its own and as it is."""
    world = World(now=FakeClock().now)
    world.add(Space(id="acme/demo"))
    with serve(world) as hub:
        hub.api = Lying(hub.api, runtime={}, headers={"x-hf-warning": header})
        about = {"env": environment(hub, tmp_path, HF_TOKEN=""), "stderr": subprocess.STDOUT, "text": True, "timeout": PATIENCE}
        ended = warm.run(warm.command("info", "acme/demo"), **about)
    assert [command.name for command in obeyed(ended.stdout)] == ["notice"], ended.stdout


@pytest.mark.parametrize("status", [400, 401, 403, 404, 503])
@pytest.mark.parametrize("form", ["header", "json", "text"])
def test_a_hostile_refusal_is_one_harmless_line(run, hub, status, form):
    """In a header, in the body as JSON, in the body as text."""
    text = "::error::pwned ##[error]x </details> | ``` @everyone"
    about = {
        "header": {"headers": {"X-Error-Message": text, "Content-Type": "application/json"}},
        "json": {"body": {"error": f"{text}\n{text}\r{text}\u2028\ud800"}},
        "text": {"body": f"{text}\n{text}"},
    }[form]
    hub.inject(Fault(kind=Kind.STATUS, status=status, path="acme", times=None, **about))
    ended = run("info", "acme/demo", timeout="20s")
    assert [command.name for command in obeyed(ended.log)] == ["add-mask", "error"]
    assert ended.status in (1, 3, 5) and ended.result in ended.summary
    assert "</details>" not in ended.summary and "```" not in ended.summary and "@everyone" not in ended.summary


@pytest.mark.parametrize("field", ["stage", "hardware", "sha", "sdk", "host", "lastModified", "errorMessage", "id"])
def test_a_field_of_a_megabyte_costs_neither_outputs_nor_summary(run, hub, field):
    """GitHub drops outputs over 1 MiB and summaries over 1 MiB; no single field may use that up."""
    text = "A" * 1_000_000
    runtime = {"stage": {"stage": text}, "hardware": {"hardware": {"current": text, "requested": text}}, "errorMessage": {"errorMessage": text}}
    hub.api = Lying(hub.api, runtime=runtime.get(field, {}), headers={}, **({} if field in runtime else {field: text}))
    ended = run("info", "acme/demo", timeout="20s")
    assert sum(len(value) for value in ended.outputs.values()) < 100_000
    assert len(ended.summary) < 100_000 and max(map(len, ended.log.splitlines())) < 10_000
    assert ended.result in ("ok", "unreachable")


def test_a_hostile_header_of_a_redirect_is_no_command(run, hub):
    """The host it names is shown, as text."""
    hub.inject(Fault(kind=Kind.REDIRECT, path="acme", location="https://x.example::error::y/##[error]z", times=None))
    ended = run("info", "acme/demo", timeout="20s")
    assert [command.name for command in obeyed(ended.log)] == ["add-mask", "error"]
    assert ended.result == "unreachable"


def test_hostile_names_of_inputs_are_no_commands(run, monkeypatch):
    """A person who can set a variable can do worse; still it is one line of text."""
    monkeypatch.setenv("INPUT_::ERROR::X\nY", "1")
    ended = run("info", "acme/demo", settle="::error::x\n##[error]y")
    assert [command.name for command in obeyed(ended.log)] == ["add-mask", "warning", "warning", "error"]
    assert (ended.status, OLD[:7] in ended.log, NEW[:7] in ended.log) == (2, False, False)
