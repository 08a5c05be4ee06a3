"""The token is nowhere: every operation, against a Hub that fails and one that repeats what it was sent, searched.

Real processes with debug logging on, side by side; the marked tokens do not look like tokens of the Hub, so that only
knowing them takes them out.
"""

import base64
import json
import os
import subprocess
import sys
import time
import traceback
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import cycle
from pathlib import Path
from urllib.parse import quote

import pytest

from hf_action.clock import Budget
from hf_action.hub.client import Hub
from hf_action.inputs.doors import TOKEN_VARIABLES
from hf_action.inputs.settings import parse
from hf_action.inputs.table import OPERATIONS
from hf_action.rules.operations import pause
from hf_action.rules.outcomes import ActionError, InvalidInput
from hf_action.runner.github import Runner
from simhub.clock import FakeClock
from simhub.faults import Fault, Kind
from simhub.server import serve
from simhub.world import Space, Token, World
from tests.conftest import clean_environ
from tests.support import warm
from tests.support.network import stalls_at_once
from tests.support.processes import PATIENCE, wait_for
from tests.support.tokenservice import EXCHANGED, IDENTITY, REQUEST_TOKEN, Exchange, token_service
from tests.support.warm import ROOT

SECRET = "MarkedTokenOfTheTests.Of-Another_Form~17"
LIKE_A_TOKEN = "hf_MarkedTokenOfTheLeakTests42"
# Characters of a token that may stand somewhere by chance.
FEW = 10

# How a token is given, as variables; keyless ones are given nothing but what the runner of GitHub gives.
FORMS = {"input": {"INPUT_TOKEN": SECRET}, **{name: {name: SECRET} for name in TOKEN_VARIABLES}, "like a token": {"HF_TOKEN": LIKE_A_TOKEN}, "keyless": {}}

# What goes wrong with every request about a Space: a fault, or what the Hub repeats the token in.
FAULTS: dict[str, Fault | str | None] = {
    "nothing": None,
    "repeated in every field": "fields",
    "repeated in the log of the app": "log",
    "repeated in headers for people": "headers",
    "401 that repeats": "401",
    "403 that repeats": "403",
    "503 that repeats": "503",
    "redirect to a host of that name": "redirect",
    "page that repeats": "page",
    "JSON that repeats": "json",
    "reset": Fault(kind=Kind.RESET_BEFORE),
    "stall": Fault(kind=Kind.STALL_HEADERS),
}


class Echo:
    """The Hub, which repeats the token of a request in its answer about a Space named for how it does so."""

    def __init__(self, api) -> None:
        self.api = api

    async def __call__(self, scope, receive, send) -> None:
        asked = f"{scope['path']}?{scope['query_string'].decode()}"
        form = next((form for form in FAULTS.values() if isinstance(form, str) and f"-{form}-" in asked), None)
        secret = dict(scope["headers"]).get(b"authorization", b"nothing").decode().removeprefix("Bearer ")
        if form is None or (form == "log") != ("/logs/" in scope["path"]):
            return await self.api(scope, receive, send)
        started, body = {}, b""

        async def hold(message) -> None:
            nonlocal started, body
            started, body = (message, body) if message["type"] == "http.response.start" else (started, body + message.get("body", b""))

        coloured = f"{secret[:7]}\x1b[0m{secret[7:]}"
        plainly = f"bad token {secret}, {'x' * 270} {secret}"
        said = f"{plainly} {coloured}"
        headers = [(b"content-type", b"application/json")]
        match form:
            case "fields":
                await self.api(scope, receive, hold)
                answer = json.loads(body)
                runtime = {"stage": secret, "errorMessage": said, "hardware": {"current": secret, "requested": coloured}, "sha": secret}
                shown = {"sha": secret, "sdk": secret, "host": f"https://{secret}.example", "cardData": {"sdk_version": secret}}
                spaces = [space | shown | {"runtime": runtime} for space in (answer if isinstance(answer, list) else [answer]) if "id" in space]
                answer = spaces if isinstance(answer, list) else (spaces or [runtime])[0]
                status, body = started["status"], json.dumps(answer).encode()
            case "log":
                event = json.dumps({"data": f"{'x' * 1980}{secret}\n{said}\n{coloured}\n"})
                status, body = 200, f"data: {event}\n\n".encode()
            case "headers":
                await self.api(scope, receive, hold)
                status, headers = started["status"], [*headers, (b"x-hf-warning", plainly.encode()), (b"x-request-id", secret.encode())]
            case "redirect":
                status, headers = 307, [(b"location", f"https://{secret}.example/{secret}".encode())]
            case "page":
                status, headers, body = 200, [(b"content-type", b"text/html")], f"<html>{secret}".encode()
            case "json":
                status, body = 200, json.dumps([secret, {secret: secret}]).encode()
            case _:
                status, body = int(form), json.dumps({"error": said}).encode()
                headers += [(b"x-error-message", plainly.encode())] if form == "401" else []
        await send({"type": "http.response.start", "status": status, "headers": [*headers, (b"content-length", str(len(body)).encode())]})
        await send({"type": "http.response.body", "body": body})


@dataclass(frozen=True)
class Left:
    """What a process left behind."""

    status: int
    out: str
    err: str
    files: dict[str, bytes]

    def search(self, *secrets: str) -> list[str]:
        """Return where a secret, or a part of it, stands but in its mask."""
        masks = {f"::add-mask::{secret}" for secret in secrets}
        out = "\n".join(line for line in self.out.splitlines() if line not in masks)
        places = {"stdout": out.encode(), "stderr": self.err.encode()} | self.files
        return [f"{name}: {part}" for name, data in places.items() for part in pieces(*secrets) if part.encode() in data]


def pieces(*secrets: str) -> set[str]:
    """Return all that gives a secret away: parts of it, and spellings of the whole."""
    parts = {secret[n : n + FEW] for secret in secrets for n in range(len(secret) - FEW + 1)}
    spelled = {base64.b64encode(secret.encode()).decode() for secret in secrets} | {quote(secret, safe="") for secret in secrets}
    return parts | spelled | {secret[::-1] for secret in secrets}


@dataclass
class Machine:
    """A Hub that fails and repeats, GitHub's token service, and processes that use them."""

    url: str
    keyless: dict[str, str]
    folder: Path
    authenticated: list[bool]
    ended: dict[tuple[str, str], Future["Left"]] = field(default_factory=dict)

    def begin(self, pool: ThreadPoolExecutor) -> None:
        """Run the cells of the matrix, side by side and beside the other tests of this module."""
        for operation, fault, form in sorted(CELLS, key=lasts, reverse=True):
            space = space_of(operation, fault).removeprefix("acme/" if operation == "list" else "")
            # A budget ends what fails for ever; an identity is exchanged before, so on a busy machine it gets more.
            words = (operation, *WORDS[operation], space, "--settle", "0.2", "--logs", "always", "--timeout", "15" if form == "keyless" else "6")
            given = self.keyless if form == "keyless" else FORMS[form]
            self.ended[operation, fault] = pool.submit(self.run, *words, name=f"{operation}-{fault}", **given)

    def run(self, *words: str, name: str, script: str | None = None, **environ: str) -> Left:
        """Run the action in a folder of its own, as on a runner with debug logging, and collect all it left."""
        home = self.folder / name
        (home / "work").mkdir(parents=True)
        runner_files = {name: home / name for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_STATE", "GITHUB_ENV", "GITHUB_PATH")}
        for path in runner_files.values():
            path.write_text("")
        given = {"HF_ENDPOINT": self.url, "HOME": str(home), "GITHUB_ACTIONS": "true", "RUNNER_DEBUG": "1", "HF_DEBUG": "1", "TMPDIR": str(home)}
        ended = warm.run(
            warm.command(*words, script=script),
            cwd=home / "work",
            env=clean_environ() | given | {name: str(path) for name, path in runner_files.items()} | environ,
            text=True,
            timeout=PATIENCE,
        )
        files = {str(path.relative_to(home)): path.read_bytes() for path in home.rglob("*") if path.is_file()}
        return Left(ended.returncode, ended.stdout, ended.stderr, files)


# What an operation needs besides a Space.
WORDS = {
    "info": (), "list": ("--search",), "wait": (), "restart": (), "pause": (), "wake": (),
    "hardware": ("--hardware", "t4-small"), "sleep-time": ("--sleep-time", "1h"),
}  # fmt: skip
# Every third pair of an operation and a fault, so that each operation and each fault has its turns; LEAKS=all runs them
# all. A listing asks for no Space by name, so only what the Hub repeats can be told apart there.
PAIRS = [
    (operation, fault)
    for row, fault in enumerate(FAULTS)
    for column, operation in enumerate(OPERATIONS)
    if ((row + column) % 3 == 0 or os.environ.get("LEAKS") == "all")
    if operation != "list" or not isinstance(FAULTS[fault], Fault)
]
CELLS = [(operation, fault, form) for (operation, fault), form in zip(PAIRS, cycle(FORMS), strict=False)]


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    """One Hub for all processes of this module."""
    folder = tmp_path_factory.mktemp("leaks")
    world = World(now=time.monotonic)
    writer = Token(name="writer", owners=frozenset({"acme"}), writes=frozenset({"acme"}))
    world.tokens = {SECRET: writer, LIKE_A_TOKEN: writer}
    world.add(Space(id="acme/demo"))
    with serve(world) as hub, token_service() as service:
        for operation, fault, _ in CELLS:
            kind = FAULTS[fault]
            space = space_of(operation, fault)
            world.add(Space(id=space, stage="RUNTIME_ERROR", commit=None, run_log=((0.0, "it broke"),)))
            if isinstance(kind, Fault):
                hub.inject(Fault(kind=kind.kind, path=space, times=None))
        hub.api = Exchange(Echo(hub.api), world=world, endpoint=hub.url, service=service, publishers={"acme": writer})
        sent = hub.requests
        keyless = {"HF_OIDC_RESOURCE": "acme"} | service.environ
        found = Machine(url=hub.url, keyless=keyless, folder=folder, authenticated=sent)
        with ThreadPoolExecutor(max_workers=8) as pool:
            found.begin(pool)
            yield found


def lasts(cell: tuple[str, str, str]) -> tuple[bool, bool]:
    """Tell which cells take longest: until their budgets end, and of those the longer budget."""
    _, fault, form = cell
    return isinstance(FAULTS[fault], Fault), form == "keyless"


def space_of(operation: str, fault: str) -> str:
    kind = FAULTS[fault]
    return f"acme/{operation}-{kind if isinstance(kind, str) else fault}-x"


def secrets_of(form: str) -> tuple[str, ...]:
    return (IDENTITY, EXCHANGED, REQUEST_TOKEN) if form == "keyless" else (LIKE_A_TOKEN,) if form == "like a token" else (SECRET,)


def test_every_operation_form_and_fault_had_its_turn():
    """The table above covers all of each."""
    assert {operation for operation, _, _ in CELLS} == set(OPERATIONS) <= set(WORDS)
    assert {fault for _, fault, _ in CELLS} == set(FAULTS)
    assert {form for _, _, form in CELLS} == set(FORMS)


def test_the_search_finds_what_it_looks_for():
    """A part, a spelling, in any place; but not the mask."""
    clean = {"status": 0, "out": f"::add-mask::{SECRET}\nfine", "err": "", "files": {}}
    assert Left(**clean).search(SECRET) == []
    for place in ({"out": SECRET[3:16]}, {"err": f"x{SECRET}"}, {"files": {"a": base64.b64encode(SECRET.encode())}}, {"out": f"x::add-mask::{SECRET}"}):
        assert Left(**(clean | place)).search(SECRET) != []


# ---- where it could be seen besides ----

BUG = """
from hf_action.hub import client as hub
from hf_action.main import main
def describe(self, space):
    token = self._access.token
    raise RuntimeError(f"{self!r} lost {token} in {vars(self)}")
hub.Hub.space_info = describe
sys.exit(main())
"""


def test_the_traceback_of_a_bug_has_no_token(machine):
    """With debug logging the place of an error is shown, its text freed of secrets."""
    left = machine.run("info", "acme/demo", name="bug", script=BUG, HF_TOKEN=SECRET)
    assert (left.status, "RuntimeError" in left.out) == (1, True)
    assert left.search(SECRET) == []


@pytest.mark.parametrize("words", [("info", "acme/demo", "--timeout", "soon"), ("restart", "a/b/c"), ("nonsense",), ()], ids=str)
def test_mistakes_do_not_show_the_token(machine, words):
    """It is masked although nothing can be done with it."""
    left = machine.run(*words, name=f"mistake-{'-'.join(words).replace('/', '-')}", HF_TOKEN=SECRET)
    assert (left.status, left.out.splitlines()[0], left.search(SECRET)) == (2, f"::add-mask::{SECRET}", [])


@pytest.mark.parametrize("broken", ["Marked Token OfTheTests", "MarkedTokenÖfTheTests1234", "MarkedToken\nOfTheTests12345", "MarkedToken\x1b[0mOfTheTests"])
def test_a_token_that_is_none_is_not_shown_either(machine, broken):
    """What was pasted wrongly is still most of a secret."""
    left = machine.run("info", "acme/demo", name=f"broken-{len(broken)}-{broken[:8].strip()}-{hash(broken)}", INPUT_TOKEN=broken)
    assert (left.status, "token: has a character that a token cannot have" in left.out) == (2, True)
    assert left.search(*broken.split()) == [] and left.search(broken) == []


@pytest.mark.parametrize("words", [("--token", SECRET, "--tokn", "x"), (f"--tokn={SECRET}",), ("--tokn", SECRET)], ids=["right", "wrong", "wrong, apart"])
def test_a_token_as_a_flag_is_not_shown(machine, words):
    """Not even where the flag is misspelt; only the list of processes has it, which the documents say."""
    left = machine.run("info", "acme/demo", *words, name=f"flag-{len(words)}-{len(words[0])}")
    assert (left.status, left.search(SECRET)) == (2, [])


def test_no_process_has_the_token_in_its_command_line(machine):
    """Given in a variable it stands in no list of processes, of this process and all it may start."""
    space, before = space_of("info", "stall"), len(machine.authenticated)
    process = subprocess.Popen(
        [sys.executable, "-I", ROOT / "entrypoint.py", "info", space],
        env=clean_environ() | {"HF_ENDPOINT": machine.url, "HF_TOKEN": SECRET},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        process.stdout.readline()
        wait_for(lambda: len(machine.authenticated) > before)
        lines = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if _is_or_descends(int(path.parent.name), process.pid)]
    finally:
        process.kill()
        process.stdout.close()
        process.wait()
    assert len(lines) >= 1 and not any(SECRET.encode() in line for line in lines)


def _is_or_descends(pid: int, ancestor: int) -> bool:
    while pid > 1:
        if pid == ancestor:
            return True
        try:
            pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, IndexError):
            return False
    return False


def test_a_token_lying_about_is_not_used(machine):
    """huggingface_hub would find one in the home; an anonymous step is anonymous."""
    home = machine.folder / "anonymous"
    for path in (home / ".cache" / "huggingface" / "token", home / ".huggingface" / "token", home / "hf" / "token"):
        path.parent.mkdir(parents=True)
        path.write_text(SECRET)
    before = len(machine.authenticated)
    left = machine.run("info", "acme/demo", name="anonymous/of", HOME=str(home), HF_HOME=str(home / "hf"))
    assert left.status == 0
    assert [request.authenticated for request in machine.authenticated[before:] if request.path.endswith("acme/demo")] == [False]


# ---- in the process ----


def test_nothing_prints_the_token_by_itself(monkeypatch, capsys):
    """Settings, the Hub, the runner and mistakes, however they are shown."""
    chosen = parse(["info", "acme/demo"], {"HF_TOKEN": SECRET, "HF_OIDC_ID_TOKEN": IDENTITY})
    hub = Hub(endpoint=chosen.endpoint, token=chosen.token, clock=FakeClock(), budget=Budget(1.0))
    runner = Runner()
    runner.mask(SECRET)
    capsys.readouterr()
    mistake = None
    try:
        parse(["info", "a/b/c"], {"HF_TOKEN": SECRET})
    except InvalidInput as error:
        mistake = error
    shown = [repr(thing) + str(thing) for thing in (chosen, hub, runner, mistake)] + traceback.format_exception(mistake)
    assert not [part for part in pieces(SECRET, IDENTITY) if any(part in text for text in shown)]


@pytest.mark.parametrize("kind", [Kind.STATUS, Kind.RESET_BEFORE, Kind.STALL_HEADERS, Kind.TRUNCATED, Kind.HTML, Kind.REDIRECT])
def test_no_error_of_a_request_has_the_token(kind, clock, world, hub):
    """Neither it, nor any error behind it, has the headers of the request in its text."""
    world.tokens[SECRET] = next(iter(world.tokens.values()))
    hub.inject(Fault(kind=kind, times=None, location="https://elsewhere.example/"))
    caller = Hub(endpoint=hub.url, token=SECRET, clock=clock, budget=Budget(60.0), request_timeout=60.0)
    for call in (caller.runtime, partial(caller.send, pause())):
        with stalls_at_once(hub), pytest.raises(ActionError) as raised:
            call("acme/demo")
        text = "".join(traceback.format_exception(raised.value))
        chain, error = "", raised.value
        while error:
            chain, error = chain + repr(error) + str(error) + repr(vars(error)), error.__cause__ or error.__context__
        assert not [part for part in pieces(SECRET) if part in text + chain]


# ---- every operation and every fault ----


@pytest.mark.parametrize(("operation", "fault", "form"), CELLS, ids=[" / ".join(cell) for cell in CELLS])
def test_the_token_is_nowhere_but_in_its_mask(machine, operation, fault, form):
    """Not in the log, the outputs, the summary, the state, nor in any file; and it was masked before anything was said."""
    left = machine.ended[operation, fault].result()
    secrets = secrets_of(form)
    assert left.search(*secrets) == [], left.out + left.err
    first = left.out.splitlines()[: 5 if form == "keyless" else 1]  # warnings, and what is about to be done, need no token
    assert all(f"::add-mask::{secret}" in first for secret in secrets if secret != REQUEST_TOKEN), left.out
    assert "Traceback" not in left.out + left.err and left.status in (0, 1, 3, 4, 5)
    assert b"result<<" in left.files["GITHUB_OUTPUT"] and left.files["GITHUB_STEP_SUMMARY"]
