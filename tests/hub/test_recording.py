"""A recording: every exchange as a line of JSON, without a secret, and without a trace in the step itself."""

import json
import os
import random
import subprocess
import sys
import time
import zlib
from itertools import islice

import httpx2
import pytest

from hf_action.hub.recorder import Recorder, unpacked
from hf_action.rules.anonymity import Pseudonyms
from hf_action.rules.recording import MAX_BODY, NOT_RECORDED, Redaction
from hf_action.rules.sanitize import redact, spellings
from hf_action.runner import recording as files
from hf_action.runner.github import Runner
from hf_action.runner.log import Log
from hf_action.runner.recording import RecordingFile
from hf_action.step import StepRun
from simhub.clock import FakeClock
from simhub.faults import Fault, Kind
from simhub.recording import read_recording
from simhub.server import serve
from simhub.space import StatusEvents
from simhub.world import Phase, Space, Token, World
from tests.conftest import NEW, TOKEN, clean_environ, read_outputs
from tests.step.test_leaks import Echo, pieces
from tests.support.processes import PATIENCE, PATIENT
from tests.support.tokenservice import EXCHANGED, IDENTITY, REQUEST_TOKEN, Exchange, token_service

pytestmark = pytest.mark.usefixtures("quick_replay")


def lines(workspace) -> list[dict]:
    return [json.loads(line) for line in (workspace / "run.jsonl").read_text().splitlines()]


def exchanges(workspace) -> list[dict]:
    return [line for line in lines(workspace) if "method" in line]


# ---- what is written ----


def test_every_exchange_is_a_line(run, hub, workspace):
    """With its time, what was asked and sent, and what came; the first line says what the step was, the last how it ended."""
    found = run("hardware", "acme/demo", hardware="t4-small", record="run.jsonl")
    first, *_, last = lines(workspace)
    assert (first["recording"], first["operation"], first["endpoint"], first["access"], first["anonymous"]) == (1, "hardware", hub.url, "token", False)
    assert first["inputs"] == {"operation": "hardware", "space-id": " acme/demo", "hardware": "t4-small"} and first["began"].startswith("20")
    assert (last["ended"], last["outputs"]) == (0, found.outputs)
    noted = exchanges(workspace)
    assert [(one["method"], one["path"].partition("?")[0], one["status"]) for one in noted] == [(one.method, one.path, one.status) for one in hub.requests]
    (write,) = (one for one in noted if one["method"] == "POST")
    assert json.loads(write["sent"]) == {"flavor": "t4-small"} and write["token"] and json.loads(write["body"])["stage"]
    assert [one["time"] for one in noted] == sorted(one["time"] for one in noted) and noted[-1]["time"] > 0


def test_an_anonymous_exchange_has_no_token(run, workspace):
    """The recording tells whether one was sent, and never which."""
    run("info", "acme/demo", token=None, record="run.jsonl")
    assert lines(workspace)[0]["access"] == "none" and not any("token" in one for one in exchanges(workspace))


def test_events_are_noted_as_they_come(run, workspace):
    """Each with its time, and how the stream ended."""
    run("restart", "acme/demo", record="run.jsonl", logs="always")
    (events, log) = (one["stream"] for one in exchanges(workspace) if "stream" in one)
    told = [(line["time"], line["event"]) for line in lines(workspace) if line.get("stream") == events and "event" in line]
    assert [event for _, event in told if "stage" in event.splitlines()[0]] == [f"event: stage\ndata: {stage}\n\n" for stage in ("RUNNING", "RUNNING_BUILDING", "RUNNING_APP_STARTING", "RUNNING")]
    assert len({at for at, _ in told}) > 1
    (end,) = (line for line in lines(workspace) if line.get("stream") == log and "end" in line)
    assert end["end"] == "left" and end["failure"]["kind"] == "ReadTimeout"


@pytest.mark.parametrize(
    ("fault", "failure", "has_body"),
    [
        (Fault(Kind.RESET_BEFORE), "ReadError", False),
        (Fault(Kind.STALL_HEADERS), "ReadTimeout", False),
        (Fault(Kind.STALL_BODY), "ReadTimeout", True),
        (Fault(Kind.TRUNCATED), "RemoteProtocolError", True),
    ],
)
def test_a_failure_is_noted_with_what_it_was(fault, failure, has_body, run, hub, workspace):
    """And with what came of the answer before."""
    hub.inject(fault)
    assert run("info", "acme/demo", record="run.jsonl").result == "ok"
    first = exchanges(workspace)[0]
    assert (first["failure"]["kind"], "body" in first, "status" in first) == (failure, has_body, has_body)


def test_no_connection_is_noted(run, workspace):
    """Nobody listens there."""
    run("info", "acme/demo", record="run.jsonl", env={"HF_ENDPOINT": "http://127.0.0.1:9"}, timeout="2s")
    assert {one["failure"]["kind"] for one in exchanges(workspace)} == {"ConnectError"}


def test_redirects_and_pages_are_exchanges_of_their_own(run, hub, workspace):
    """Each answer on the way has its line."""
    hub.world.add(Space(id="acme/old"))
    hub.world.rename("acme/old", "acme/new")
    run("info", "acme/old", record="run.jsonl")
    assert [(one["status"], one["path"]) for one in exchanges(workspace)][:2] == [(307, "/api/spaces/acme/old"), (200, "/api/spaces/acme/new")]


def test_a_body_that_is_too_long_is_cut(run, hub, workspace):
    """Its size is told."""
    hub.inject(Fault(Kind.HUGE))
    run("info", "acme/demo", record="run.jsonl")
    first = exchanges(workspace)[0]
    assert len(first["body"]) <= MAX_BODY < first["size"]


def test_the_post_step_is_recorded_by_the_variable(run, clock, workspace, tmp_path, monkeypatch):
    """What it puts back is a part of its own, in the same file."""
    state = tmp_path / "GITHUB_STATE"
    state.write_text("")
    monkeypatch.setenv("GITHUB_STATE", str(state))
    run("hardware", "acme/demo", hardware="t4-small", restore="true", env={"HF_SPACE_RECORD": "run.jsonl"})
    for name, value in read_outputs(state).items():
        monkeypatch.setenv(f"STATE_{name}", value)
    runner = Runner()
    post = StepRun([], runner=runner, log=Log(clock=clock, runner=runner, began=clock.now()), began=clock.now(), post=True)
    post.work()
    assert post.report(cancelled=False) == 0
    step, restored = (read_recording(workspace / "run.jsonl", part=part) for part in (1, 2))
    assert (step.head["operation"], restored.head["operation"], restored.inputs, restored.status) == ("hardware", "restore", {}, 0)
    assert [one.path for one in restored.exchanges if one.method == "POST"] == ["/api/spaces/acme/demo/hardware"]


# ---- secrets ----


def test_keyless_access_leaves_neither_identity_nor_token(run, hub, world, workspace):
    """The exchange is noted all the same."""
    writer = Token(name="publisher", owners=frozenset({"acme"}), writes=frozenset({"acme"}))
    with token_service() as service:
        hub.api = Exchange(hub.api, world=world, endpoint=hub.url, service=service, publishers={"spaces/acme/demo": writer})
        run("info", "acme/demo", token=None, env={"HF_OIDC_RESOURCE": "spaces/acme/demo"} | service.environ, record="run.jsonl")
    text = (workspace / "run.jsonl").read_text()
    assert not [secret[at : at + 10] for secret in (IDENTITY, EXCHANGED, REQUEST_TOKEN) for at in range(len(secret) - 9) if secret[at : at + 10] in text and secret[at : at + 10] not in "hf_jwt_eyJhbGciOiJSUzI1NiJ9"]
    asked, made, *_ = exchanges(workspace)
    assert (asked["host"], asked["path"], json.loads(asked["body"])["value"]) == ("token-service", "/idtoken", NOT_RECORDED)
    assert (made["path"], json.loads(made["sent"])["resource"], json.loads(made["body"])["access_token"]) == ("/oauth/token", "spaces/acme/demo", NOT_RECORDED)


@pytest.mark.parametrize("form", ["fields", "log", "headers", "401", "403", "503", "redirect", "page", "json"])
def test_a_hub_that_repeats_the_token_gets_it_into_no_recording(form, run, hub, world, workspace):
    """Wherever it puts it."""
    hub.api = Echo(hub.api)
    world.add(Space(id=f"acme/info-{form}-x", stage="RUNTIME_ERROR", run_log=((0.0, "it broke"),)))
    run("info", f"acme/info-{form}-x", logs="always", timeout="5s", record="run.jsonl")
    text = (workspace / "run.jsonl").read_text()
    assert [piece for piece in pieces(TOKEN) if piece in text] == [] and len(exchanges(workspace)) >= 1


def test_a_token_in_two_pieces_of_a_stream_is_found(workspace):
    """Events are noted whole, however they arrive; what comes in two events is known by its parts."""
    event = f'data: {{"data":"of {TOKEN} is"}}\n\n'.encode()
    halves = f'data: {{"data":"of {TOKEN[:14]}"}}\n\ndata: {{"data":"{TOKEN[14:]}"}}\r\n\r\n'.encode()
    written: list[dict] = []
    exchange = recorded(written, [event[:20], event[20:], halves, b"data: the rest"], content_type="text/event-stream")
    assert exchange == b"".join([event, halves, b"data: the rest"])
    assert [line["event"] for line in written if "event" in line] == ['data: {"data":"of *** is"}\n\n', 'data: {"data":"of ***"}\n\n', 'data: {"data":"***"}\r\n\r\n', "data: the rest"]
    assert written[-1] == {"time": 0.0, "stream": 1, "end": "complete"}


def recorded(written: list[dict], chunks: list[bytes], *, content_type: str = "text/plain", status: int = 200, path: str = "/x", names: Pseudonyms | None = None, **headers: str) -> bytes:
    """Have a recorder listen to an answer; return what its reader gets."""
    secrets = spellings(TOKEN)
    recorder = Recorder(write=written.append, now=lambda: 0.0, endpoint="https://hub.example", redaction=Redaction(redact=lambda text: redact(text, secrets), secrets=lambda: secrets, names=names))

    class Answer(httpx2.BaseTransport):
        def handle_request(self, request: httpx2.Request) -> httpx2.Response:
            return httpx2.Response(status, headers={"content-type": content_type} | headers, content=iter(chunks))

    hooks = {"request": [recorder.begin], "response": [recorder.answered]}
    with httpx2.Client(transport=Answer(), event_hooks=hooks) as client:
        return client.get(f"https://hub.example{path}").content


@pytest.mark.parametrize(
    ("packing", "body", "kept"),
    [
        ("gzip", zlib.compress(f"of {TOKEN}".encode(), wbits=31), b"of ***"),
        ("deflate", zlib.compress(f"of {TOKEN}".encode()), b"of ***"),
        ("deflate", zlib.compress(f"of {TOKEN}".encode(), wbits=-15), b"of ***"),
    ],
)
def test_what_comes_packed_is_unpacked_first(packing, body, kept):
    """No secret could be found in it."""
    written: list[dict] = []
    recorded(written, [body], **{"content-encoding": packing})
    assert (written[0]["body"].encode(), "content-encoding" in written[0]["headers"]) == (kept, False)


@pytest.mark.parametrize(("packing", "body"), [("br", b"abc"), ("gzip", b"not packed")])
def test_what_cannot_be_unpacked_is_not_kept(packing, body):
    """Nor is more made of a small body than is kept of any."""
    assert unpacked(body, packing) == b""
    assert len(unpacked(zlib.compress(bytes(3 * MAX_BODY)), "deflate")) == MAX_BODY
    assert unpacked(b"plain", "identity") == b"plain"


def test_other_names_stand_in_hosts_too():
    """Of what is asked elsewhere."""
    written: list[dict] = []
    names = Pseudonyms(endpoint="hub.example")
    recorder = Recorder(write=written.append, now=lambda: 0.0, endpoint="https://hub.example", redaction=Redaction(redact=str, secrets=tuple, names=names))
    names.learn_path("/api/spaces/acme/tool-9")
    assert recorder.where(httpx2.URL("https://acme-tool-9.hf.space/x"), is_app=True) == {"host": "https://owner1-space1.hf.space", "path": "/x"}
    assert recorder.where(httpx2.URL("https://www.acme.com/idtoken"), is_app=True)["host"] == "https://host2.example"
    assert recorder.where(httpx2.URL("https://vstoken.example/a/idtoken?x=1"), is_app=False) == {"host": "token-service", "path": "/idtoken"}


# ---- nothing else changes ----


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("words", [("restart", "acme/demo"), ("list", "acme/*", "--max-parallel=1"), ("wake", "acme/nap"), ("wait", "acme/none", "--timeout=20s")], ids=str)
def test_the_step_is_the_same_with_a_recording_and_without(words, tmp_path, monkeypatch, capsys):
    """The same requests at the same moments, the same outputs and the same log; without events, which come by chance."""
    outcomes = []
    for more in ((), ("--record", "run.jsonl"), ("--record", "anonymous.jsonl", "--record-anonymous")):
        monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
        outcomes.append(step(words + more, monkeypatch, capsys))
    assert outcomes[0] == outcomes[1] == outcomes[2]
    assert read_recording(tmp_path / "run.jsonl").status is not None


def step(words, monkeypatch, capsys):
    """Run a step in a world of its own; return its requests and what it left."""
    clock = FakeClock()
    world = World(now=clock.now, tokens={TOKEN: Token(name="writer", owners=frozenset({"acme"}), writes=frozenset({"acme"}))})
    world.add(Space(id="acme/demo", head=NEW, status_events=StatusEvents.MISSING))
    world.add(Space(id="acme/nap", stage="SLEEPING", status_events=StatusEvents.MISSING))
    random.seed(1)
    with serve(world) as hub:
        for name, value in {"GITHUB_ACTIONS": "true", "HF_ENDPOINT": hub.url, "HF_TOKEN": TOKEN}.items():
            monkeypatch.setenv(name, value)
        runner = Runner()
        ran = StepRun(words, runner=runner, log=Log(clock=clock, runner=runner, began=0.0), began=0.0)
        ran.work()
        status = ran.report(cancelled=False)
        asked = [(one.at, one.method, one.path, one.status) for one in hub.requests + hub.visits]
        return status, asked, capsys.readouterr().out.replace(hub.url, "")


def test_a_file_that_cannot_be_written_is_told_once(run, workspace):
    """The step goes on, and ends as it would."""
    (workspace / "out").write_text("")
    found = run("restart", "acme/demo", record="out/run.jsonl")
    assert found.result == "ok" and found.log.count("::warning::the recording could not be written") == 1


def test_a_disk_that_is_full_ends_the_recording_only(run, workspace, monkeypatch):
    """What was written stays."""
    write = os.write
    left = iter([True] * 3)

    def full(descriptor, data):
        if b'"time"' not in data or next(left, False):
            return write(descriptor, data)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("hf_action.runner.recording.os.write", full)
    found = run("restart", "acme/demo", record="run.jsonl")
    assert found.result == "ok" and found.log.count("No space left on device") == 1
    assert len(lines(workspace)) == 3


def test_a_recording_has_an_end(tmp_path, monkeypatch):
    """A step of hours does not fill the disk."""
    monkeypatch.setattr(files, "MAX_BYTES", 100)
    told: list[str] = []
    file = RecordingFile(tmp_path / "a", warn=told.append)
    for _ in range(9):
        file.write({"x": "y" * 40})
    assert (len((tmp_path / "a").read_text().splitlines()), len(told)) == (2, 1)


def test_a_line_that_broke_off_does_not_spoil_the_next(tmp_path):
    """A step that was killed may have left half of one."""
    (tmp_path / "a").write_text('{"half')
    RecordingFile(tmp_path / "a", warn=pytest.fail).write({"x": 1})
    file = RecordingFile(tmp_path / "a", warn=pytest.fail)
    file.write({"x": 2})
    assert (tmp_path / "a").read_text() == '{"half\n{"x":1}\n{"x":2}\n'


def test_what_cannot_be_noted_is_said_in_its_place():
    """A bug of the recorder is not one of the step."""

    class Broken(Redaction):
        def headers(self, headers):
            raise ZeroDivisionError

    written: list[dict] = []
    recorder = Recorder(write=written.append, now=lambda: 1.0, endpoint="https://hub.example", redaction=Broken(redact=str, secrets=tuple))
    transport = httpx2.MockTransport(lambda request: httpx2.Response(200, content=iter([b"x"])))
    with httpx2.Client(transport=transport, event_hooks={"request": [recorder.begin], "response": [recorder.answered]}) as client:
        assert client.get("https://hub.example/x").content == b"x"
    assert written == [{"time": 1.0, "not recorded": "ZeroDivisionError"}]


def test_a_step_that_is_killed_leaves_what_it_had(tmp_path):
    """Line by line, each of them whole."""
    world = World(now=time.monotonic, tokens={TOKEN: Token(name="writer", owners=frozenset({"acme"}), writes=frozenset({"acme"}))})
    world.add(Space(id="acme/slow", stage="BUILDING", commit=None, timeline=(Phase(0, "BUILDING"),)))
    with serve(world) as hub:
        command = [sys.executable, "-I", "entrypoint.py", "wait", "acme/slow", "--record", "run.jsonl"]
        environ = clean_environ() | {"HF_ENDPOINT": hub.url, "HF_TOKEN": TOKEN, "GITHUB_WORKSPACE": str(tmp_path), "COVERAGE_PROCESS_CONFIG": ""}
        process = subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            assert any("BUILDING" in line for line in islice(process.stderr, 20))
        finally:
            process.kill()
            process.communicate()
    recording = read_recording(tmp_path / "run.jsonl")
    assert recording.status is None and recording.exchanges[0].status == 200


def test_nothing_of_it_is_loaded_where_it_is_not_asked_for():
    """A step without a recording pays nothing for it."""
    script = PATIENT + "import sys; from hf_action.main import main; main(['info', 'acme/demo', '--timeout', '1s', '--endpoint', 'http://127.0.0.1:9']); print([name for name in sys.modules if name in ('hf_action.hub.recorder', 'hf_action.rules.recording', 'hf_action.rules.anonymity', 'hf_action.rules.json_text', 'hf_action.runner.recording')], file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", script], env=clean_environ(), capture_output=True, text=True, timeout=PATIENCE)
    assert done.stderr.splitlines()[-1] == "[]", done.stderr
