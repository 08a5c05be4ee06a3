"""`hf-space doctor`: whatever is wrong is told on the line that it belongs to, with what to do; nothing is changed.

The real client asks the simulated Hub over a real socket; the clock is shared.
"""

import base64
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from hf_action import doctor, main
from hf_action.doctor import BUG, STUCK, DoctorRun
from hf_action.hub.examination import Examination
from hf_action.inputs.doors import read_own_flags
from hf_action.rules.answers import Answer
from hf_action.rules.checkup import judge_connection
from hf_action.rules.findings import Mark
from hf_action.runner import surroundings as places
from hf_action.runner.github import Runner
from simhub.access import Meter, Token
from simhub.faults import EDGE_BLOCKS, Fault, Kind
from simhub.server import Server, serve
from simhub.world import Space, StatusEvents, World
from tests.conftest import READ_ONLY, TOKEN
from tests.support.rawserver import answering, raw_server
from tests.support.tokenservice import IDENTITY, REQUEST_TOKEN, token_service, trouble

OAUTH, FINE, ELSEWHERE, MEMBER, POOR = (f"hf_{name}TokenOfTheDoctor12" for name in ("Oauth", "Fine", "Elsewhere", "Member", "Poor"))
NOON = "Sat, 01 Aug 2026 12:00:00 GMT"  # the first second of the simulated world
SECRET = "MarkedPasswordOfTheProxy"
VARIABLES = (
    "HF_TOKEN", "HUGGINGFACE_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_OIDC_RESOURCE", "HF_OIDC_ID_TOKEN", "HF_ENDPOINT", "ACTIONS_ID_TOKEN_REQUEST_URL",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "GITHUB_ACTIONS", "GITHUB_OUTPUT", "GITHUB_EVENT_NAME", "GITLAB_CI", "CI", "KUBERNETES_SERVICE_HOST", "FORCE_COLOR", "NO_COLOR",
    "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy",
    "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "HF_HUB_DISABLE_IMPLICIT_TOKEN",
)  # fmt: skip
ASKING = {"GITHUB_ACTIONS": "true", "HF_OIDC_RESOURCE": "spaces/acme/demo"}


@dataclass(frozen=True)
class Examined:
    """What an examination has printed."""

    status: int
    out: str
    err: str

    @property
    def lines(self) -> dict[str, tuple[str, str, str]]:
        """Mark, what was found and what to do, by what was looked at."""
        rows = [line.split("\t") for line in self.out.splitlines()]
        return {check: (mark, found, remedy) for mark, check, found, remedy in rows}


@pytest.fixture(autouse=True)
def clean(monkeypatch, tmp_path):
    """A machine without tokens, proxies and CI systems."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "no-token"))


@pytest.fixture
def world(world: World) -> World:
    """Spaces and tokens of all kinds."""
    acme = frozenset({"acme"})
    world.tokens |= {
        OAUTH: Token(name="writer", kind="oauth", owners=acme, writes=acme, expires=3600.0),
        FINE: Token(name="writer", kind="fine-grained", owners=acme, writes=acme),
        ELSEWHERE: Token(name="writer", kind="fine-grained", owners=acme, writes=frozenset({"acme/other"})),
        MEMBER: Token(name="member", owners=acme, roles={"acme": "read"}),
        POOR: Token(name="acme", owners=acme, writes=acme, can_pay=False),
    }
    world.add(Space(id="acme/private", private=True))
    world.add(Space(id="acme/page", sdk="static"))
    world.add(Space(id="acme/silent", status_events=StatusEvents.MISSING))
    world.add(Space(id="acme/new"))
    world.rename("acme/old", "acme/new")
    return world


@pytest.fixture
def examine(hub, world, clock, monkeypatch, capsys) -> Callable[..., Examined]:
    """Run the doctor as a shell would: `examine("acme/demo", HF_TOKEN=TOKEN)`; it changes nothing, whatever comes."""

    def examine(*words: str, ahead: float = 0.0, endpoint: str | None = hub.url, cancelled: bool = False, **environ: str) -> Examined:
        for name, value in ({"HF_ENDPOINT": endpoint} if endpoint else {}).items() | environ.items():
            monkeypatch.setenv(name, value)
        stdout, own = sys.stdout, read_own_flags(["doctor", *words])
        try:
            runner = Runner(answers_json=own.json, answers=True, quiet=own.quiet)
            run = DoctorRun(own.rest, runner=runner, clock=clock, began=clock.now(), wall=lambda: world.epoch.timestamp() + clock.now() + ahead)
            run.work()
            status = run.report(cancelled=cancelled)
            run.beat()
            run.close()
        finally:
            sys.stdout = stdout
        assert {request.method for request in hub.requests} <= {"GET", "HEAD"}
        printed = capsys.readouterr()
        return Examined(status, printed.out, printed.err)

    return examine


@dataclass(frozen=True)
class Case:
    """A situation, and the lines that tell of it: mark, a part of what was found, a part of what to do."""

    id: str
    lines: dict[str, tuple[str, str, str]]
    words: tuple[str, ...] = ("acme/demo",)
    env: dict[str, str] = field(default_factory=dict)
    status: int = 0
    ahead: float = 0.0
    before: Callable[[World, Server], object] = lambda world, hub: None


def refuse(path: str, status: int, body: object = None, **about) -> Callable[[World, Server], object]:
    """Let the Hub refuse all requests of a path."""
    return lambda _, hub: hub.inject(Fault(Kind.STATUS, path=path, status=status, body=body, times=None, **about))


def spoil(path: str, kind: Kind, **about) -> Callable[[World, Server], object]:
    return lambda _, hub: hub.inject(Fault(kind, path=path, times=None, **about))


def jwt(**claims: object) -> str:
    part = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"eyJhbGciOiJSUzI1NiJ9.{part}.MarkedSignatureOfTheJob"


def quota(left: int) -> Callable[[World, Server], object]:
    return lambda world, _: setattr(world, "meter", Meter(quota=left + 3, anonymous_quota=left + 2))


WHOAMI = {"name": "writer", "type": "user", "canPay": True, "orgs": [{"name": "acme", "roleInOrg": "write"}]}
READ_TOKEN, FINE_TOKEN = {"role": "read", "displayName": "ci"}, {"role": "fineGrained"}


def says(**changes: object) -> Callable[[World, Server], object]:
    """Let whoami say something else."""
    return spoil("whoami-v2", Kind.WRONG_TYPE, body=WHOAMI | changes)


def fine(*scoped: object) -> Callable[[World, Server], object]:
    return says(auth={"type": "access_token", "accessToken": FINE_TOKEN | {"fineGrained": {"scoped": list(scoped)}}})


HAVING = {"HF_TOKEN": TOKEN}
CASES = [
    # ---- the token ----
    Case("all is well", {"token": ("ok", "from HF_TOKEN, an access token of the Hub", ""), "identity": ("ok", "user writer; a token 'writer' with the role write; organizations: acme (write)", ""), "write": ("ok", "allowed: the token may write; the role of writer in acme is write", ""), "payment": ("ok", "acme can pay", ""), "space": ("ok", "acme/demo: RUNNING, public, can be read", ""), "events": ("ok", "heard", ""), "logs": ("ok", "can be read", ""), "quota": ("ok", "997 requests of 1000 left for this token's user", ""), "clock": ("ok", "right", ""), "proxy": ("ok", "none is set", ""), "certificates": ("ok", "SSL_CERT_FILE=", ""), "keyless": ("ok", "not used (HF_OIDC_RESOURCE is not set)", ""), "endpoint": ("ok", "(HF_ENDPOINT)", ""), "connection": ("ok", "answers, in 0.0 s", "")}, env=HAVING),
    Case("no token", {"token": ("warning", "none was found", "settings/tokens"), "write": ("warning", "nothing can be changed without a token", "See token"), "logs": ("warning", "without a token (401)", "HF_TOKEN"), "space": ("ok", "public", ""), "quota": ("ok", "for this address, which has no token", "")}),
    Case("no token, a restart wanted", {"token": ("problem", "none was found", "settings/tokens"), "write": ("problem", "nothing can be changed", "")}, words=("acme/demo", "--operation", "restart"), status=1),
    Case("a token that is refused", {"identity": ("problem", "does not accept the token from HF_TOKEN (401)", "expired, revoked"), "space": ("not known", "not accepted", ""), "write": ("not known", "see identity", ""), "connection": ("ok", "answers (401)", "")}, env={"HF_TOKEN": "hf_UnknownTokenOfTheTests12"}, status=1),
    Case("a token of a browser login that has expired", {"token": ("ok", "", ""), "identity": ("problem", "does not accept", "expired")}, env={"HF_TOKEN": OAUTH}, status=1, before=lambda world, _: world.tokens.update({OAUTH: Token(name="writer", kind="oauth", expires=0.0)})),
    Case("a token of a browser login", {"identity": ("ok", "of a browser login; expires 2026-08-01T13:00:00.000Z", ""), "write": ("not known", "refused restarts", "with the role write")}, env={"HF_TOKEN": OAUTH}),
    Case("a token that may only read", {"identity": ("ok", "with the role read", ""), "write": ("warning", "the token may only read", "settings/tokens")}, env={"HF_TOKEN": READ_ONLY}),
    Case("a token that may only read, a restart wanted", {"write": ("problem", "the token may only read", "settings/tokens")}, words=("acme/demo", "--operation=restart"), env={"HF_TOKEN": READ_ONLY}, status=1),
    Case("a fine-grained token", {"identity": ("ok", "with the role fine-grained", ""), "write": ("ok", "has repo.write for acme", "")}, env={"HF_TOKEN": FINE}),
    Case("a fine-grained token for another Space", {"write": ("problem", "no repo.write for acme/demo or acme; it has that for acme/other", "contents/settings")}, words=("acme/demo", "--operation", "pause"), env={"HF_TOKEN": ELSEWHERE}, status=1),
    Case("a fine-grained token for nothing", {"write": ("warning", "it has that for nothing", "")}, env=HAVING, before=fine()),
    Case("a fine-grained token whose scopes are not shown", {"write": ("not known", "does not show what this fine-grained token may do", "")}, env=HAVING, before=says(auth={"accessToken": FINE_TOKEN})),
    Case("a fine-grained token with a scope of an unknown form", {"write": ("not known", "does not show", "")}, env=HAVING, before=fine({"entity": "acme", "permissions": ["repo.write"]})),
    Case("a fine-grained token whose permissions are not words", {"write": ("warning", "no repo.write", "")}, env=HAVING, before=fine({"entity": {"type": "org", "name": "acme"}, "permissions": [1, None]})),
    Case("a token of a kind that is not known", {"identity": ("ok", "of an unknown kind", ""), "write": ("not known", "does not say what this token may do", "")}, env=HAVING, before=says(auth="?")),
    Case("a token of a kind that is new", {"identity": ("ok", "a token of the kind passkey", "")}, env=HAVING, before=says(auth={"type": "passkey"})),
    Case("a token of an unknown kind, of somebody else", {"write": ("not known", "does not name acme among the organizations", "")}, env=HAVING, before=says(orgs=[], auth={"type": "oauth"})),
    Case("a member of the organization who may only read", {"write": ("warning", "the role of member in acme is read", "")}, env={"HF_TOKEN": MEMBER}),
    Case("a contributor", {"write": ("not known", "is contributor, which allows it for some Spaces only", "role write")}, env=HAVING, before=says(orgs=[{"name": "acme", "roleInOrg": "contributor"}], auth={"accessToken": {"role": "write"}})),
    Case("an organization without a role", {"identity": ("ok", "organizations: acme", ""), "write": ("not known", "does not say which role", "")}, env=HAVING, before=says(orgs=[{"name": "acme"}], auth={"accessToken": {"role": "write"}})),
    Case("somebody else's Space", {"write": ("warning", "neither acme nor a member", "")}, env=HAVING, before=says(orgs=[], auth={"accessToken": {"role": "write"}})),
    Case("many organizations", {"identity": ("ok", "org9 and 2 more", "")}, env=HAVING, before=says(orgs=[{"name": f"org{n}"} for n in range(12)])),
    Case("one's own Space, without money", {"write": ("ok", "the Space belongs to acme", ""), "payment": ("ok", "no way to pay", ""), "identity": ("ok", "no organization", "")}, env={"HF_TOKEN": POOR}),
    Case("hardware wanted without money", {"payment": ("warning", "no way to pay", "Add a payment method")}, words=("acme/demo", "--operation", "hardware"), env={"HF_TOKEN": POOR}),
    Case("a payment that is not told", {"payment": ("not known", "whether acme can pay", "")}, env=HAVING, before=says(canPay="yes")),
    Case("whoami is garbage", {"identity": ("not known", "made no sense", ""), "write": ("not known", "see identity", "")}, env=HAVING, before=spoil("whoami-v2", Kind.HTML)),
    Case("whoami names nobody", {"identity": ("not known", "it names nobody", "")}, env=HAVING, before=spoil("whoami-v2", Kind.WRONG_TYPE)),
    Case("whoami was asked too often", {"identity": ("not known", "only now and then (429)", "five minutes")}, env=HAVING, before=refuse("whoami-v2", 429)),
    Case("blanks and a line break around the token", {"token": ("warning", "blanks or a line break", "Store HF_TOKEN without them"), "identity": ("ok", "user writer", "")}, env={"HF_TOKEN": f" {TOKEN}\n"}),
    Case("a token that no header can carry", {"token": ("problem", "the one in HF_TOKEN has a character", "Copy the token again"), "space": ("ok", "public", "")}, env={"HF_TOKEN": f"{TOKEN} {TOKEN}"}, status=1),
    Case("two variables with different tokens", {"token": ("warning", "HUGGING_FACE_HUB_TOKEN holds another token, which is not used", "HF_TOKEN comes first")}, env=HAVING | {"HUGGING_FACE_HUB_TOKEN": READ_ONLY, "HUGGINGFACE_TOKEN": TOKEN}),
    Case("a token of another service", {"token": ("warning", "does not look like a token of the Hub", "begin with hf_"), "identity": ("problem", "", "")}, env={"HF_TOKEN": "ghp_0123456789abcdefghij0123456789abcdef"}, status=1),
    Case("a token as a flag comes first", {"token": ("warning", "from --token, an access token of the Hub; HF_TOKEN holds another", "")}, words=("acme/demo", f"--token={READ_ONLY}"), env=HAVING),
    Case("a token as an input", {"token": ("ok", "from the input token", "")}, env={"INPUT_TOKEN": TOKEN}),
    Case("an exchanged token", {"token": ("ok", "of a keyless exchange", "")}, env={"HF_TOKEN": "hf_jwt_eyJhbGci.MarkedTokenOf.TheTests"}, status=1),
    # ---- the Space ----
    Case("a Space that is not there", {"space": ("problem", "there is no Space acme/none, or the token cannot see it (404)", "spelling"), "events": ("not known", "not asked", ""), "logs": ("not known", "not asked", "")}, words=("acme/none",), env=HAVING, status=1),
    Case("a private Space without a token", {"space": ("problem", "private or does not exist (401", "HF_TOKEN")}, words=("acme/private",), status=1),
    Case("a private Space", {"space": ("ok", "acme/private: RUNNING, private", "")}, words=("acme/private",), env=HAVING),
    Case("a private Space out of sight", {"space": ("problem", "cannot see it (404)", "")}, words=("acme/private",), env={"HF_TOKEN": MEMBER}, status=1, before=lambda world, _: world.tokens.update({MEMBER: Token(name="member")})),
    Case("a renamed Space", {"space": ("warning", "acme/old is called acme/new now", "Write acme/new"), "logs": ("ok", "can be read", ""), "write": ("ok", "allowed", "")}, words=("acme/old",), env=HAVING),
    Case("a static Space to restart", {"space": ("problem", "is static", "off the list")}, words=("acme/page", "--operation", "restart"), env=HAVING, status=1),
    Case("a static Space to look at", {"space": ("ok", "acme/page: RUNNING", "")}, words=("acme/page",), env=HAVING),
    Case("a Space that cannot be told", {"space": ("not known", "the Hub answered 503", "")}, env=HAVING, before=refuse("acme/demo$", 503)),
    Case("no Space", {"space": ("not known", "no Space was named", "doctor owner/name"), "identity": ("ok", "user writer", "")}, words=(), env=HAVING),
    Case("events that are refused", {"events": ("warning", "refused (403)", "asked for instead")}, env=HAVING, before=refuse("/events$", 403)),
    Case("no events", {"events": ("warning", "refused (404)", "")}, words=("acme/silent",), env=HAVING),
    Case("events that are a page", {"events": ("not known", "not a stream of events", "")}, env=HAVING, before=spoil("/events$", Kind.HTML)),
    Case("logs that are refused", {"logs": ("warning", "the token may not read them (403)", "may read the Space")}, env=HAVING, before=refuse("/logs/", 403)),
    Case("logs that want a login", {"logs": ("warning", "may not read them (401)", "")}, env=HAVING, before=refuse("/logs/", 401)),
    Case("no logs", {"logs": ("warning", "there are none (404)", "never ran")}, env=HAVING, before=refuse("/logs/", 404)),
    Case("logs that fail", {"logs": ("not known", "the Hub answered 500", "")}, env=HAVING, before=refuse("/logs/", 500)),
    # ---- quota, clock, connection ----
    Case("a quota that is nearly spent", {"quota": ("warning", "7 requests of 10 left", "Run fewer steps")}, env=HAVING, before=quota(7)),
    Case("a quota of the address that is nearly spent", {"quota": ("warning", "7 requests of 9 left for this address", "Set HF_TOKEN")}, before=quota(7)),
    Case("a quota that is spent", {"quota": ("warning", "0 requests left", "waits until they are renewed"), "connection": ("ok", "answers (429)", ""), "identity": ("not known", "429", ""), "space": ("not known", "429", "")}, env=HAVING, before=quota(-3)),
    Case("a clock that is an hour ahead", {"clock": ("warning", "1h00m ahead of the Hub's", "Set the clock")}, ahead=3600.0, env=HAVING),
    Case("a clock that is an hour behind", {"clock": ("warning", "1h00m behind the Hub's", "Set the clock")}, ahead=-3600.0, env=HAVING),
    Case("an answer from a cache", {"clock": ("ok", "right", "")}, ahead=600.0, before=refuse("/hardware$", 401, headers={"Age": "600", "Date": NOON})),
    Case("an age that makes no sense", {"clock": ("ok", "right", "")}, before=refuse("/hardware$", 401, headers={"Age": "-7", "Date": NOON})),
    Case("a Hub in trouble", {"connection": ("warning", "the Hub answered 503", "try again later")}, env=HAVING, before=refuse("/hardware$", 503)),
    Case("a Hub that is down", {"connection": ("problem", "no connection to 127.0.0.1", "Check the endpoint"), "identity": ("not known", "no connection", ""), "logs": ("not known", "no connection", "")}, env=HAVING | {"HF_ENDPOINT": "http://127.0.0.1:1"}, status=1),
    Case("another server", {"connection": ("problem", "there is no Hub at http://127.0.0.1", "HF_ENDPOINT")}, env=HAVING, status=1, before=refuse("/hardware$", 404)),
    Case("the edge blocks this machine", {"connection": ("problem", "blocks this machine's address", "another network"), "space": ("not known", "blocks", "")}, env=HAVING, status=1, before=lambda _, hub: hub.inject(EDGE_BLOCKS)),
    Case("garbage in place of the hardware", {"connection": ("problem", "made no sense", "HTTPS_PROXY"), "space": ("ok", "", "")}, env=HAVING, status=1, before=spoil("/hardware$", Kind.WRONG_TYPE, body={"a": 1})),
    Case("a login page", {"connection": ("problem", "made no sense", "HTTPS_PROXY")}, env=HAVING, status=1, before=spoil("^/api/", Kind.HTML)),
    Case("a redirect to another host", {"connection": ("problem", "redirects to another address", "login page"), "space": ("not known", "no connection", ""), "identity": ("not known", "no connection", "")}, env=HAVING, status=1, before=spoil("", Kind.REDIRECT, location="https://login.example/")),
    Case("connections that break", {"connection": ("problem", "the answer was lost", "name service"), "space": ("not known", "the answer was lost", "")}, env=HAVING, status=1, before=spoil("", Kind.RESET_BEFORE)),
    Case("answers that do not come", {"connection": ("problem", "the answer was lost", "HTTPS_PROXY"), "space": ("not known", "the answer was lost", ""), "identity": ("not known", "the answer was lost", "")}, words=("acme/demo", "--timeout", "0.6"), env=HAVING, status=1, before=spoil("", Kind.STALL_HEADERS)),
    # ---- this machine ----
    Case("a proxy with a password", {"proxy": ("ok", "HTTPS_PROXY=http://proxy:3128 with a login; not for a,127.0.0.1 (NO_PROXY)", "")}, env=HAVING | {"HTTPS_PROXY": f"http://me:{SECRET}@proxy:3128", "NO_PROXY": "a,127.0.0.1"}),
    Case("a proxy without a scheme", {"proxy": ("ok", "HTTPS_PROXY=http://proxy:3128", "")}, env=HAVING | {"HTTPS_PROXY": "proxy:3128"}),
    Case("a SOCKS proxy", {"proxy": ("problem", "ALL_PROXY names a SOCKS proxy", "Use an HTTP proxy"), "connection": ("problem", "SOCKS", ""), "space": ("not known", "no connection", ""), "quota": ("not known", "no connection", "")}, env=HAVING | {"ALL_PROXY": f"socks5://me:{SECRET}@proxy:1080"}, status=1),
    Case("a proxy that is not an address", {"proxy": ("problem", "HTTPS_PROXY is not an http(s) address", "http://proxy:3128")}, env=HAVING | {"HTTPS_PROXY": f"http://me:{SECRET} @proxy"}, status=1),
    Case("a proxy that is not there", {"connection": ("problem", "no connection to 127.0.0.1", "HTTPS_PROXY"), "clock": ("not known", "", ""), "quota": ("not known", "no connection", "")}, env=HAVING | {"HTTP_PROXY": "http://127.0.0.1:1"}, status=1),
    Case("certificates that are not there", {"certificates": ("problem", "SSL_CERT_FILE=/nowhere.pem cannot be used", "PEM"), "connection": ("problem", "cannot be read", "SSL_CERT_FILE")}, env=HAVING | {"SSL_CERT_FILE": "/nowhere.pem"}, status=1),
    Case("certificates for other clients beside our own", {"certificates": ("ok", "SSL_CERT_FILE=", "")}, env=HAVING | {"REQUESTS_CA_BUNDLE": "/company.pem"}),
    Case("an endpoint that is not one", {"endpoint": ("problem", "that of HF_ENDPOINT: 'the hub' is not an http(s) address", "https://huggingface.co"), "connection": ("not known", "no address to ask at", ""), "space": ("not known", "no connection", ""), "token": ("ok", "from HF_TOKEN", "")}, env=HAVING | {"HF_ENDPOINT": "the hub"}, status=1),
    Case("a password in the endpoint", {"endpoint": ("problem", "(not shown) has a user name or a password", "")}, env=HAVING | {"HF_ENDPOINT": f"https://me:{SECRET}@hub.example"}, status=1),
    # ---- keyless access ----
    Case("keyless is possible, but not used", {"keyless": ("ok", "id-token: write, so HF_OIDC_RESOURCE would be enough", "")}, env={"GITHUB_ACTIONS": "true", "ACTIONS_ID_TOKEN_REQUEST_URL": "http://127.0.0.1:1/", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": REQUEST_TOKEN}),
    Case("a job of GitHub that does not use it", {"keyless": ("ok", "it would need HF_OIDC_RESOURCE, and id-token: write", "")}, env={"GITHUB_ACTIONS": "true"}),
    Case("keyless outside of a job", {"keyless": ("problem", "nobody vouches for this job", "HF_OIDC_ID_TOKEN"), "token": ("ok", "none is needed", ""), "write": ("not known", "spaces/acme/demo tells only when it is used", "")}, env={"HF_OIDC_RESOURCE": "spaces/acme/demo"}, status=1),
    Case("keyless without the permission", {"keyless": ("problem", "GitHub gives this job no identity", "id-token: write"), "token": ("ok", "the token in HF_TOKEN is not used", "")}, env=ASKING | HAVING, status=1),
    Case("keyless beside a given token", {"keyless": ("ok", "comes first", ""), "token": ("ok", "from --token", "")}, words=("acme/demo", f"--token={TOKEN}"), env=ASKING),
    Case("keyless, for a private Space", {"space": ("not known", "what the keyless token sees is not known", "")}, words=("acme/private",), env={"HF_OIDC_RESOURCE": "spaces/acme/private", "HF_OIDC_ID_TOKEN": jwt(exp=9e9)}),
    Case("an identity that is used by nobody", {"keyless": ("warning", "not HF_OIDC_RESOURCE", "Set HF_OIDC_RESOURCE")}, env={"HF_OIDC_ID_TOKEN": jwt()}),
    Case("an identity at hand", {"keyless": ("ok", "HF_OIDC_ID_TOKEN vouches for this job; the token would be for spaces/acme/demo", "")}, env={"HF_OIDC_RESOURCE": "spaces/acme/demo", "HF_OIDC_ID_TOKEN": jwt(exp=9e9, aud=None)}),
    Case("an identity that has expired", {"keyless": ("problem", "has expired", "in the job that uses it")}, env={"HF_OIDC_RESOURCE": "spaces/acme/demo", "HF_OIDC_ID_TOKEN": jwt(exp=1.0)}, status=1),
    Case("an identity for somebody else", {"keyless": ("problem", "is meant for https://other.example/, not for http://127.0.0.1", "Set its audience to http://127.0.0.1")}, env={"HF_OIDC_RESOURCE": "spaces/acme/demo", "HF_OIDC_ID_TOKEN": jwt(exp=9e9, aud=["https://other.example/"])}, status=1),
    *(Case(f"an identity that is none: {number}", {"keyless": ("problem", "is not an identity token", "the CI system has made")}, env={"HF_OIDC_RESOURCE": "spaces/acme/demo", "HF_OIDC_ID_TOKEN": text}, status=1) for number, text in enumerate(("one.two.three", "MarkedNonsenseOfTheTests", "e.WzFd.s", f"e.{'A' * 20_000}.s"))),
    Case("keyless for a model", {"keyless": ("warning", "for acme/demo", "does not name a Space; write spaces/owner/name")}, env={"HF_OIDC_RESOURCE": "acme/demo", "HF_OIDC_ID_TOKEN": jwt()}),
    Case("keyless for a user", {"keyless": ("warning", "for acme", "a token that only reads")}, env={"HF_OIDC_RESOURCE": "acme", "HF_OIDC_ID_TOKEN": jwt()}),
    Case("keyless for another Space", {"keyless": ("warning", "for spaces/acme/other", "write spaces/acme/demo")}, env={"HF_OIDC_RESOURCE": "spaces/acme/other", "HF_OIDC_ID_TOKEN": jwt(exp=True)}),
    Case("keyless, when there is no way to GitHub", {"keyless": ("not known", "GitHub was asked for the identity of this job: no connection", "")}, env=ASKING | {"ACTIONS_ID_TOKEN_REQUEST_URL": "http://127.0.0.1:1/", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": REQUEST_TOKEN}),
    Case("keyless, without an endpoint", {"keyless": ("not known", "GitHub was not asked", "")}, env=ASKING | {"HF_ENDPOINT": "x", "ACTIONS_ID_TOKEN_REQUEST_URL": "http://127.0.0.1:1/", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": REQUEST_TOKEN}, status=1),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_each_situation_has_its_line(case, examine, world, hub):
    """With the right mark, what was found, and what to do; and no secret is shown."""
    case.before(world, hub)
    given = {name: value for name, value in case.env.items() if name != "HF_ENDPOINT"}
    endpoint = case.env.get("HF_ENDPOINT", hub.url)
    done = examine("--format", "json", *case.words, ahead=case.ahead, endpoint=endpoint, **given)
    checks = {one["check"]: (one["mark"], one["found"], one["remedy"]) for one in json.loads(done.out)["checks"]}
    for check, (mark, found, remedy) in case.lines.items():
        seen = checks[check]
        assert (seen[0], found in seen[1], remedy in seen[2]) == (mark, True, True), (check, seen)
    assert done.status == case.status, checks
    assert not [check for check, seen in checks.items() if seen[0] == "problem" and not seen[2]]
    shown = "\n".join(line for line in (done.out + done.err).splitlines() if not line.startswith("::add-mask::"))
    secrets = (TOKEN, READ_ONLY, OAUTH, FINE, ELSEWHERE, MEMBER, POOR, SECRET, REQUEST_TOKEN, case.env.get("HF_OIDC_ID_TOKEN") or "?!", case.env.get("HF_TOKEN", "").strip() or "?!")
    assert [secret for secret in secrets if secret in shown] == []


# ---- keyless, with GitHub's own service ----


@pytest.mark.parametrize(
    ("met", "mark", "found"),
    [
        (None, "ok", "GitHub vouches for this job; the token would be for spaces/acme/demo; whether the Hub gives a token for it is not tried here"),
        (trouble(403), "problem", "GitHub refuses this job an identity (403)"),
        (trouble(200, {"value": "short"}), "not known", "it holds no token"),
    ],
)
def test_github_is_asked_for_an_identity(met, mark, found, examine, hub):
    """Which is masked, shown nowhere, and exchanged for nothing."""
    with token_service() as service:
        service.troubles += [met] if met else []
        done = examine("acme/demo", "--json", **(ASKING | service.environ))
    keyless = next(one for one in json.loads(done.out)["checks"] if one["check"] == "keyless")
    assert (keyless["mark"], found in keyless["found"]) == (mark, True), keyless
    assert service.events == ["GitHub is asked for an identity"]
    masks = done.err.count(f"::add-mask::{IDENTITY}\n")
    assert (done.out + done.err).count(IDENTITY) == masks == (met is None)
    assert not any(request.authenticated for request in hub.requests)


# ---- the way ----


def test_a_certificate_that_is_not_trusted(examine, world, certificates, monkeypatch, clock):
    """Another client's variable may name the right one; it is not read."""
    monkeypatch.delenv("SSL_CERT_FILE")
    with serve(world, tls=certificates) as secure:
        done = examine("acme/demo", endpoint=secure.url, HF_TOKEN=TOKEN, REQUESTS_CA_BUNDLE=str(certificates.ca_file))
    assert (done.status, done.lines["connection"][0], "the certificate is not trusted" in done.lines["connection"][1]) == (1, "problem", True)
    assert "SSL_CERT_FILE" in done.lines["connection"][2]
    assert done.lines["certificates"] == ("warning", "those of this machine; REQUESTS_CA_BUNDLE is set, but not read here", "Set SSL_CERT_FILE as REQUESTS_CA_BUNDLE is set.")


def test_a_certificate_that_is_trusted(examine, world, certificates):
    """Over TLS all is asked as it is without."""
    with serve(world, tls=certificates) as secure:
        done = examine("acme/demo", endpoint=secure.url, HF_TOKEN=TOKEN)
    assert (done.status, {mark for mark, _, _ in done.lines.values()}) == (0, {"ok"})


@pytest.mark.parametrize(("there", "mark"), [(True, "ok"), (False, "problem")])
def test_a_folder_of_certificates(there, mark, examine, monkeypatch, tmp_path):
    """It must be there."""
    monkeypatch.delenv("SSL_CERT_FILE")
    done = examine(SSL_CERT_DIR=str(tmp_path / ("" if there else "gone")))
    assert done.lines["certificates"][0] == mark and "SSL_CERT_DIR=" in done.lines["certificates"][1]


def test_a_token_does_not_go_over_plain_http(examine, clock):
    """To a host that is far: the line says so, and it is not sent; the host is asked without."""
    done = examine("acme/demo", "--timeout", "0.3", endpoint="http://hub.example:1", HF_TOKEN=TOKEN)
    assert done.lines["endpoint"][:2] == ("problem", "that of HF_ENDPOINT: 'http://hub.example:1' would carry the token over plain http; write https:// instead")
    assert (done.status, "identity" in done.lines, done.lines["connection"][0]) == (1, False, "problem")


def test_a_proxy_that_wants_a_login(examine):
    """It is the proxy that refuses, not the Hub."""
    with raw_server(answering("", status="407 Proxy Authentication Required")) as proxy:
        done = examine("acme/demo", HF_TOKEN=TOKEN, HTTP_PROXY=f"http://127.0.0.1:{proxy.port}")
    assert done.status == 1 and done.lines["connection"][:2] == ("problem", "the proxy wants a login (407).")
    assert "Write user and password into HTTPS_PROXY" in done.lines["connection"][2] and done.lines["space"][0] == "not known"


def test_a_date_that_is_none(examine):
    """Then the clock is not known."""
    with raw_server(answering("content-type: application/json\r\ndate: yesterday\r\nratelimit: x\r\n", b"[]")) as server:
        done = examine(endpoint=f"http://127.0.0.1:{server.port}", HF_TOKEN=TOKEN)
    assert (done.lines["connection"][0], done.lines["clock"][0], done.lines["quota"][0]) == ("ok", "not known", "not known")
    assert (done.lines["identity"][:2], done.status) == (("not known", "the answer made no sense: it names nobody"), 0)


def test_the_time_may_be_over(examine, hub, clock):
    """What was not asked any more says how to give it more time."""
    hub.on_request = lambda _: clock.advance(31.0)
    done = examine("acme/demo", HF_TOKEN=TOKEN)
    late = {check for check, (mark, found, remedy) in done.lines.items() if (mark, found, remedy) == ("not known", "the time was over", "Give it more: --timeout 2m.")}
    assert (late, done.lines["connection"][0], done.status) == ({"identity", "space"}, "warning", 0)


def test_an_answer_may_be_slow():
    """Each look of an operation would take as long."""
    assert judge_connection(Answer(value=9, took=4.0), endpoint="https://hub").mark is Mark.WARNING


def test_no_time_at_all():
    """Not even for the first question."""
    late = judge_connection(Answer(wrong="too late", out_of_time=True), endpoint="https://hub")
    assert (late.mark, late.found) == (Mark.UNKNOWN, "the time was over")


def test_one_question_is_asked_however_short_the_time_is(examine, clock, monkeypatch):
    """Loading took all of it."""
    monkeypatch.setattr(doctor, "surroundings", lambda _: clock.advance(60.0) or "here")
    assert examine("acme/demo", HF_TOKEN=TOKEN).lines["connection"][0] == "ok"


# ---- the login ----


@pytest.fixture
def stored(tmp_path, monkeypatch):
    """Somebody who has logged in."""
    (tmp_path / "token").write_text(f"{OAUTH}\n")
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "token"))
    return monkeypatch


def test_the_token_of_the_login_is_used_in_a_terminal(stored, examine):
    """As in an operation; elsewhere the line says that it is there."""
    done = examine("acme/demo")
    assert done.lines["token"][:2] == ("warning", "none was found; that of 'hf auth login' is used in a terminal only; without one nothing can be changed, and no log be read")
    stored.setattr(Runner, "is_terminal", True)
    done = examine("acme/demo")
    assert done.lines["token"] == ("ok", "from 'hf auth login', an access token of the Hub", "")
    assert "of a browser login" in done.lines["identity"][1] and "in a terminal" in done.lines["place"][1].replace("not in a terminal", "")


def test_a_login_that_is_refused(stored, examine, world):
    """A new one is made by logging in again."""
    stored.setattr(Runner, "is_terminal", True)
    del world.tokens[OAUTH]
    assert "'hf auth login' makes a new one" in examine("acme/demo").lines["identity"][2]


def test_who_wants_no_login_to_be_found_gets_none(stored, examine):
    stored.setattr("huggingface_hub.constants.HF_HUB_DISABLE_IMPLICIT_TOKEN", True)
    stored.setattr(Runner, "is_terminal", True)
    assert examine("acme/demo").lines["token"][1].startswith("none was found; without one")


# ---- where it runs ----


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({}, "not in a terminal"),
        ({"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "push"}, "a job of GitHub Actions (push)"),
        ({"GITHUB_ACTIONS": "true"}, "a job of GitHub Actions, "),
        ({"GITLAB_CI": "true", "CI": "true"}, "a job of GitLab"),
        ({"CI": "1"}, "a job of a CI system"),
        ({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, "in a container"),
    ],
)
def test_the_place_is_told(env, said, examine, monkeypatch, tmp_path):
    """A job, a container, a terminal."""
    monkeypatch.setattr(places, "MARKS", (tmp_path / "none",))
    place = next(one for one in json.loads(examine("--json", **env).out)["checks"] if one["check"] == "place")
    assert said in place["found"] and ("container" in place["found"]) == ("KUBERNETES_SERVICE_HOST" in env)


# ---- how it is called, and how it ends ----


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("acme/demo", "acme/other"), "error: space-id: 'acme/demo, acme/other' is not one Space; the doctor looks at one, or at none."),
        (("acme/*",), "error: space-id: 'acme/*' is not one Space"),
        (("demo",), "error: space-id: 'demo' is not a Space; write owner/name"),
        (("--spce-id", "acme/demo"), "error: --spce-id: is not a flag (did you mean --space-id?)."),
        (("--timeout", "soon"), "error: timeout: 'soon' is not a duration"),
        (("--operation", "restrat"), "error: operation: 'restrat' is not an operation (did you mean restart?)"),
    ],
)
def test_a_wrong_call_is_told(words, said, examine, hub):
    """With exit status 2, before any request; the token is not shown."""
    done = examine(*words, HF_TOKEN=TOKEN)
    assert (done.status, said in done.err, done.out, hub.requests) == (2, True, "", [])
    assert examine(*words, cancelled=True).status == 130


def test_what_is_not_used_is_warned_about(examine):
    """An input of an operation harms nobody."""
    done = examine("acme/demo", "--dry-run", "--commit", "head", INPUT_FOO="1")
    assert [line for line in done.err.splitlines() if line.startswith("warning")] == [
        "warning: foo: is not an input of this action; it is ignored.",
        "warning: dry-run: is not used by doctor; it is ignored.",
        "warning: commit: is not used by doctor; it is ignored.",
    ]
    assert done.err.endswith("3 warnings\n")


def test_the_word_may_stand_behind_flags(hub, capfd, monkeypatch):
    """The first bare word is the command."""
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    stdout = sys.stdout
    try:
        _, run = main.open_run(read_own_flags(["--dry-run", "--timeout", "9s", "doctor", "acme/demo"]), main.SystemClock(), began=0.0, post=False)
    finally:
        sys.stdout = stdout
    assert isinstance(run, DoctorRun)


def test_one_that_is_stuck_tells_so(world, hub, clock, monkeypatch, capsys):
    """The watchdog reports in its place; a second report says how it ended in the end."""
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    stdout = sys.stdout
    try:
        run = DoctorRun(["doctor"], runner=Runner(answers=True), clock=clock, began=0.0)
        run.give_up()
        assert (run.report(cancelled=False), run.last_words(), run.deadline) == (1, "", None)
        assert run.report(cancelled=True) == 130
        run.close()
    finally:
        sys.stdout = stdout
    printed = capsys.readouterr()
    assert printed.out == f"problem\tconnection\t{STUCK}\tCheck the name service and the network of this machine\n"
    assert printed.err == "1 problem\ncancelled\n"


def test_a_bug_costs_nothing_that_was_found(examine, monkeypatch):
    """It is told, and harms no line before."""
    monkeypatch.setattr(Examination, "whoami", lambda _: {}["nothing"])
    done = examine("acme/demo", HF_TOKEN=TOKEN)
    assert done.lines["the rest"] == ("not known", "internal error: KeyError: 'nothing'", BUG)
    assert done.lines["connection"][0] == "ok"


def test_json_says_how_it_ended(examine):
    """In one word."""
    assert json.loads(examine("acme/demo", "--json", HF_TOKEN=TOKEN).out) | {"checks": []} == {"result": "ok", "space-id": "acme/demo", "checks": []}
    assert json.loads(examine("acme/none", "--json", HF_TOKEN=TOKEN).out)["result"] == "problem"
    assert json.loads(examine("--json", cancelled=True).out)["result"] == "cancelled"
    assert json.loads(examine("--json", "--timeout", "x").out or '{"result": "wrong"}')["result"] == "wrong"


# ---- what is shown ----


def test_the_log_of_github_gets_lines_for_people(examine, hub):
    """Which no problem matcher takes for its own, and which are no commands."""
    hub.inject(Fault(Kind.STATUS, path="/spaces/acme/demo$", status=409, times=None, headers={"X-Error-Message": "error: ::set-output:: app.py:10:5: it failed"}))
    done = examine("acme/demo", HF_TOKEN=TOKEN, GITHUB_ACTIONS="true")
    assert "✓ token         from HF_TOKEN" in done.out and "\t" not in done.out
    assert "app.py:\u206010:\u20605:" in done.out and not [line for line in done.out.splitlines() if line.lstrip().startswith("::")]


def test_colours_are_for_who_wants_them(examine):
    """The mark has them; lines fit the width, and what to do stands below what was found."""
    done = examine("acme/demo", FORCE_COLOR="1", COLUMNS="80", TERM="xterm")
    assert "\x1b[32m✓\x1b[0m place" in done.out and "\x1b[33m!\x1b[0m token" in done.out
    assert "\n                → Make a token at https://huggingface.co/settings/tokens" in done.out
    narrow = examine("acme/demo", FORCE_COLOR="1", COLUMNS="40", NO_COLOR="1", TERM="xterm").out
    assert "\x1b[3" not in narrow and "none was found; without one nothing can be changed, and no log be read\n" in narrow


def test_without_rich_there_are_no_colours(examine, monkeypatch):
    """As in the container."""
    monkeypatch.setitem(sys.modules, "hf_action.runner.terminal", None)
    assert "\n! token         none was found" in examine("acme/demo", FORCE_COLOR="1").out


def test_no_secret_is_shown(examine, hub, world):
    """Whatever the Hub says of it, in all forms."""
    said = f"no {TOKEN} for {READ_ONLY} at https://me:{SECRET}@hub.example, Bearer {OAUTH}"
    for path in ("whoami-v2", "acme/demo$"):
        hub.inject(Fault(Kind.STATUS, path=path, status=400, times=None, headers={"X-Error-Message": said}))
    environ = {"HF_TOKEN": TOKEN, "HUGGING_FACE_HUB_TOKEN": READ_ONLY, "HTTPS_PROXY": f"http://me:{SECRET}@proxy:1"}
    for words in ((), ("--json",), ("--quiet",)):
        done = examine("acme/demo", *words, **environ)
        assert [secret for secret in (TOKEN, READ_ONLY, OAUTH, SECRET) if secret in done.out + done.err] == []
    done = examine("acme/demo", "--tokn", TOKEN, **environ)
    assert (done.status, TOKEN in done.out + done.err) == (2, False)
