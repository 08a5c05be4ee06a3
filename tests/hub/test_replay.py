"""A recording, replayed, ends as the recorded step did: whatever the Hub said, and whatever went wrong on the way."""

import random
import re
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx2
import pytest

from simhub.access import Meter, Token
from simhub.app import AppAnswer
from simhub.faults import EDGE_BLOCKS, GONE, SLOW_RESTART, Fault, Kind
from simhub.recording import read_recording
from simhub.scenarios import showcase
from simhub.server import serve
from simhub.space import StatusEvents
from simhub.world import Phase, Space
from tests.conftest import NEW, NEWER, OLD, READ_ONLY, TOKEN
from tests.hub.conftest import told
from tests.operations.test_rollback import BAD, FAILING, GOOD
from tests.support.tokenservice import REQUEST_TOKEN, Exchange, token_service

pytestmark = pytest.mark.usefixtures("quick_replay")


def nothing(hub) -> None:
    """Leave the Hub as it is."""


def faults(*them: Fault) -> Callable:
    return lambda hub: [hub.inject(fault) for fault in them]


def spaces(*them: Space) -> Callable:
    return lambda hub: [hub.world.add(space) for space in them]


def renamed(hub) -> None:
    hub.world.add(Space(id="acme/old", commit=OLD, head=NEW))
    hub.world.rename("acme/old", "acme/new")


def renamed_meanwhile(hub) -> None:
    hub.world.add(Space(id="acme/old", commit=OLD, head=NEW))
    hub.world.rename("acme/old", "acme/new", after=8)


def deleted_meanwhile(hub) -> None:
    hub.world.add(Space(id="acme/gone", stage="BUILDING", commit=None, timeline=(Phase(0, "BUILDING"),)))
    hub.world.delete("acme/gone", after=20)


def limited(hub) -> None:
    hub.world.meter = Meter(quota=12)


def failing(space: str = "acme/site") -> Callable:
    revisions = {OLD: GOOD, NEW: BAD}
    return spaces(Space(id=space, commit=OLD, head=NEW, revisions=revisions, timeline=FAILING, scripts={"restart": FAILING}))


def events(kind: StatusEvents) -> Callable:
    return spaces(Space(id="acme/told", commit=OLD, head=NEW, status_events=kind))


FLEET = [Space(id=f"acme/chat-{number}", stage=stage) for number, stage in enumerate(("RUNNING", "SLEEPING", "PAUSED", "BUILD_ERROR"))]
LOGS = Space(id="acme/noisy", stage="RUNTIME_ERROR", error="Exit code: 1", run_log=(*tuple((0.0, f"line {number}") for number in range(80)), (0.0, "ValueError: https://huggingface.co/x is not acme/noisy")))
GATED = Space(id="acme/web", app=(AppAnswer(until=20, status=500), AppAnswer(body="all is well")))
SLEEPY = Space(id="acme/nap", stage="SLEEPING")


@dataclass(frozen=True)
class Case:
    """A step, and the Hub that it meets."""

    words: tuple[str, ...]
    hub: Callable = nothing
    token: str | None = TOKEN
    inputs: dict[str, str] = field(default_factory=dict)


def case(*words: str, hub: Callable = nothing, token: str | None = TOKEN, **inputs: str) -> Case:
    return Case(words, hub=hub, token=token, inputs=inputs)


SHOWN = {
    f"{space.id}, {operation}": case(operation, space.id, logs="always", timeout="5m", **({"health_check": "auto"} if space.holding else {}))
    for space in showcase()
    for operation in ("restart", "wake")
    if operation == "restart" or space.stage in ("SLEEPING", "PAUSED")
}
CASES = SHOWN | {
    # what is asked
    "info": case("info", "acme/demo"),
    "info of many": case("info", "acme/demo", "acme/none", "acme/chat-1", hub=spaces(*FLEET)),
    "info, anonymous": case("info", "acme/demo", token=None),
    "info of a private one, anonymous": case("info", "demo/private", token=None),
    "a token that is not known": case("info", "acme/demo", token="hf_NobodyKnowsThisToken00"),
    "a token that may not write": case("restart", "acme/demo", token=READ_ONLY),
    "a write without a token": case("restart", "acme/demo", token=None),
    "a Space that is not there": case("wait", "acme/none", timeout="1m"),
    "list": case("list", author="acme", hub=spaces(*FLEET)),
    "list, chosen": case("list", "acme/chat-*", exclude="*-2", hub=spaces(*FLEET)),
    "list, searched": case("list", author="acme", search="chat", with_stage="RUNNING", hub=spaces(*FLEET)),
    "logs": case("info", "acme/noisy", logs="always", hub=spaces(LOGS)),
    "dry run": case("restart", "acme/chat-*", dry_run="true", hub=spaces(*FLEET)),
    # what is waited for
    "wait for a commit": case("wait", "acme/demo", commit=NEW, timeout="1m", hub=lambda hub: hub.world.push("acme/demo", sha=NEW)),
    "wait for another commit": case("wait", "acme/demo", commit=NEWER, timeout="1m"),
    "superseded": case("wait", "acme/demo", commit=OLD, timeout="2m", hub=lambda hub: hub.world.push("acme/demo", sha=NEWER)),
    "too slow": case("wait", "acme/slow", timeout="1m", hub=spaces(Space(id="acme/slow", stage="BUILDING", commit=None, timeline=(Phase(0, "BUILDING"),)))),
    "stable": case("restart", "acme/demo", stable_for="30s"),
    "healthy at last": case("wait", "acme/web", health_check="/healthz", health_check_contains="all is well", timeout="2m", hub=spaces(GATED)),
    "never healthy": case("wait", "acme/web", health_check="/", health_check_contains="nobody says this", timeout="40s", hub=spaces(GATED)),
    # what is changed
    "pause": case("pause", "acme/demo"),
    "pause many": case("pause", "acme/chat-*", hub=spaces(*FLEET)),
    "restart many": case("restart", "acme/chat-0", "acme/chat-3", "acme/demo", hub=spaces(*FLEET)),
    "restart many, one after the other": case("restart", "acme/*", max_parallel="1", hub=spaces(*FLEET)),
    "wake": case("wake", "acme/nap", hub=spaces(SLEEPY)),
    "hardware": case("hardware", "acme/demo", hardware="t4-small", sleep_time="1h"),
    "hardware that is current": case("hardware", "acme/demo", hardware="cpu-basic"),
    "hardware that nobody has": case("hardware", "acme/demo", hardware="moon-large"),
    "sleep time of free hardware": case("sleep-time", "acme/demo", sleep_time="1h"),
    "factory reboot of a paused one": case("restart", "acme/chat-2", factory_reboot="true", hub=spaces(*FLEET)),
    "renamed": case("restart", "acme/old", hub=renamed),
    "renamed meanwhile": case("restart", "acme/old", hub=renamed_meanwhile),
    "deleted meanwhile": case("wait", "acme/gone", timeout="5m", hub=deleted_meanwhile),
    "rolled back": case("wait", "acme/site", rollback="true", hub=failing()),
    "restarted, and rolled back": case("restart", "acme/site", rollback="true", hub=failing()),
    # what goes wrong
    "reset once": case("restart", "acme/demo", hub=faults(Fault(kind=Kind.RESET_BEFORE, path="/runtime", skip=1))),
    "write without an answer": case("restart", "acme/demo", hub=faults(Fault(kind=Kind.RESET_AFTER, method="POST"))),
    "write that was not sent": case("restart", "acme/demo", hub=faults(Fault(kind=Kind.RESET_BEFORE, method="POST"))),
    "slow restart": case("restart", "acme/demo", hub=faults(SLOW_RESTART)),
    "stalls": case("restart", "acme/demo", hub=faults(Fault(kind=Kind.STALL_HEADERS, path="/runtime"), Fault(kind=Kind.STALL_BODY, path="/runtime", skip=1))),
    "drips": case("info", "acme/demo", hub=faults(Fault(kind=Kind.DRIP, path="/acme/demo$"))),
    "breaks off": case("info", "acme/demo", hub=faults(Fault(kind=Kind.TRUNCATED), Fault(kind=Kind.CUT_SHORT))),
    "a page": case("info", "acme/demo", hub=faults(Fault(kind=Kind.HTML), Fault(kind=Kind.WRONG_TYPE), Fault(kind=Kind.MISSING_FIELDS))),
    "more than is read": case("info", "acme/demo", hub=faults(Fault(kind=Kind.HUGE))),
    "more fields": case("restart", "acme/demo", hub=faults(Fault(kind=Kind.UNKNOWN_FIELDS, times=None))),
    "only trouble": case("info", "acme/demo", timeout="1m", hub=faults(Fault(kind=Kind.STATUS, times=None))),
    "trouble for long": case("wait", "acme/demo", timeout="10m", commit=NEW, hub=faults(Fault(kind=Kind.STATUS, status=500, times=None, skip=2))),
    "rate limit": case("restart", "acme/demo", hub=limited),
    "asked to come back later": case("info", "acme/demo", hub=faults(Fault(kind=Kind.STATUS, status=429, headers={"Retry-After": "7"}, times=2))),
    "elsewhere": case("info", "acme/demo", hub=faults(Fault(kind=Kind.REDIRECT, location="https://login.example/", times=None))),
    "blocked": case("info", "acme/demo", hub=faults(EDGE_BLOCKS)),
    "gone": case("info", "acme/demo", hub=faults(GONE)),
    "no log": case("info", "acme/noisy", logs="always", hub=lambda hub: [spaces(LOGS)(hub), faults(Fault(kind=Kind.RESET_BEFORE, path="/logs/", times=None))(hub)]),
    # what the Hub tells by itself
    **{f"events that are {kind.name.lower()}": case("restart", "acme/told", hub=events(kind)) for kind in StatusEvents},
}


@pytest.fixture
def record(run, hub, workspace):
    """Run a step on the simulated Hub, and return how it ended and what was recorded."""
    world = hub.world
    for secret in (TOKEN, READ_ONLY):
        owners = frozenset({"acme", "demo"})
        world.tokens[secret] = Token(name="writer", owners=owners, writes=owners if secret == TOKEN else frozenset())
    for space in showcase():
        world.add(space)

    def record(step: Case, **more: str):
        step.hub(hub)
        random.seed(1)  # looks come at moments that differ by chance
        ended = run(*step.words, token=step.token, record="run.jsonl", **step.inputs, **more)
        return ended, read_recording(workspace / "run.jsonl")

    return record


@pytest.mark.parametrize("name", CASES)
def test_a_replay_ends_as_the_recorded_step(name, record, again):
    """With the same outputs and exit status, from the inputs that the recording has; and it is asked for nothing else."""
    step = CASES[name]
    first, recording = record(step)
    assert (recording.status, dict(recording.outputs)) == (first.status, first.outputs)
    with again(recording, token=step.token) as (second, server):
        assert server.unknown == []
        seen = {key: server.as_recorded(value) for key, value in second.outputs.items()}
        assert (second.status, told(seen)) == (first.status, told(first.outputs))


@pytest.mark.parametrize("name", [name for name in CASES if name not in SHOWN or "quota" in name or "crash" in name])
def test_an_anonymous_recording_ends_so_too(name, record, again, workspace):
    """With other names in all places, and none of the real ones anywhere in the file."""
    step = CASES[name]
    first, recording = record(step, record_anonymous="true")
    text = (workspace / "run.jsonl").read_text().lower()
    ids = {word for word in re.split(r"[\s,]+", " ".join(step.words[1:])) if "/" in word} | {space["id"] for space in first.spaces}
    for space in map(str.lower, ids):
        assert space not in text and space.replace("/", "-") not in text
    assert "acme" not in text
    with again(recording, token=step.token) as (second, server):
        assert server.unknown == []
        seen = {key: server.as_recorded(value) for key, value in second.outputs.items()}
        assert (second.status, told(seen)) == (first.status, told(recording.outputs))
    machine = ("result", "stage", "previous-stage", "changed", "commit", "hardware", "requested-hardware", "sleep-time", "sdk", "count", "failed", "rolled-back-to", "blame", "cause")
    assert {key: second.outputs[key] for key in machine} == {key: first.outputs[key] for key in machine}


@pytest.fixture
def own_host(world, certificates, monkeypatch):
    """An app on a host of its own, below hf.space, whose name leads here while the step is recorded."""
    resolve = socket.getaddrinfo
    with serve(world, tls=certificates) as secure, monkeypatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", lambda name, *rest, **more: resolve("127.0.0.1" if name.endswith(".hf.space") else name, *rest, **more))
        world.app_host = f"https://{{subdomain}}.hf.space:{secure.url.rpartition(':')[2]}"
        yield patch.undo


@pytest.mark.parametrize("anonymous", ["false", "true"])
@pytest.mark.parametrize("health_check", ["/healthz?v=1", "{host}/healthz?v=1"], ids=["path", "address"])
def test_apps_are_replayed_below_the_hub(health_check, anonymous, own_host, record, again, hub, certificates):
    """Their hosts cannot be asked any more; what the Hub says of them leads to the replay, over TLS where an input must."""
    host = hub.world.app_host.format(subdomain="acme-web-1")
    site = Space(id="acme/web-1", private=True, app=GATED.app)
    step = case("wait", "acme/web-1", hub=spaces(site), health_check=health_check.format(host=host))
    first, recording = record(step, record_anonymous=anonymous)
    own_host()
    (place,) = recording.places
    assert first.result == "ok" and (place == host) == (anonymous == "false")
    with again(recording, token=TOKEN, tls=certificates) as (second, server):
        assert server.unknown == [] and any("/healthz" in one.path for one in server.requests)
        assert told({key: server.as_recorded(value) for key, value in second.outputs.items()}) == told(recording.outputs)
        answer = httpx2.get(f"{server.url}/healthz?v=1", headers={"Host": place.partition("://")[2]}, verify=ssl.create_default_context(cafile=certificates.ca_file))
        assert answer.status_code == 200 and answer.headers["x-proxied-replica"]  # by its name, too; its body was not read


@pytest.fixture
def publisher(hub, world):
    """The exchange of the Hub, and GitHub's token service, which vouches for the job."""
    writer = Token(name="publisher", owners=frozenset({"acme"}), writes=frozenset({"acme"}))
    with token_service() as service:
        hub.api = Exchange(hub.api, world=world, endpoint=hub.url, service=service, publishers={"spaces/acme/demo": writer})
        yield service


def test_keyless_access_is_replayed_without_its_secrets(run, publisher, again, workspace):
    """Neither the identity nor the token is in the file; what stands in their place is taken for them."""
    keyless = {"HF_OIDC_RESOURCE": "spaces/acme/demo"}
    first = run("restart", "acme/demo", token=None, env=keyless | publisher.environ, record="run.jsonl")
    recording = read_recording(workspace / "run.jsonl")
    assert (first.result, recording.head["access"], recording.places) == ("ok", "keyless", {"token-service"})
    publisher.environ["ACTIONS_ID_TOKEN_REQUEST_URL"] = ""
    service = {"ACTIONS_ID_TOKEN_REQUEST_TOKEN": REQUEST_TOKEN, "ACTIONS_ID_TOKEN_REQUEST_URL": "{url}/_hosts/token-service/idtoken?job=1"}
    with again(recording, token=None, env=keyless | service) as (second, server):
        assert (server.unknown, told(first.outputs)) == ([], told({key: server.as_recorded(value) for key, value in second.outputs.items()}))


def test_the_post_step_adds_a_part_of_its_own(run, workspace):
    """A file has a part for each step that wrote into it, and each can be read."""
    run("info", "acme/demo", record="run.jsonl")
    with (workspace / "run.jsonl").open("a") as file:
        file.write('{"half of a li')
    run("pause", "acme/demo", record="run.jsonl")
    first, second = (read_recording(workspace / "run.jsonl", part=number) for number in (1, 2))
    assert (first.head["operation"], second.head["operation"], second.status) == ("info", "pause", 0)
