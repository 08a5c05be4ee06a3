"""The health check: RUNNING is not enough, the app must answer, and its address gets no more than it may."""

import gzip
import http.server
import json
import re
import socket
import ssl
import tracemalloc
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
import trustme

from hf_action.clock import Budget
from hf_action.hub import bounds, transport
from hf_action.hub.app import may_see_token
from hf_action.hub.client import Hub
from hf_action.rules.models import SpaceInfo, SpaceRuntime
from simhub.clock import FakeClock
from simhub.faults import Fault, Kind
from simhub.server import Certificates, serve
from simhub.world import HEAD, Phase, Space
from tests.conftest import NEW, OLD, TOKEN
from tests.fuzz.targets import saying
from tests.support.network import nobody, stalls_at_once
from tests.support.rawserver import answering, forever, raw_server
from tests.support.serving import serving

STALE = (Phase(10, "RUNNING_BUILDING"), Phase(60, "RUNNING_APP_STARTING"), Phase(70, "RUNNING", commit=HEAD))


@pytest.fixture(autouse=True)
def quick(hub):
    """Visits that stall cost no time; return the ports of other servers that do."""
    with stalls_at_once(hub) as dripping:
        yield dripping


def space(world, **about) -> str:
    world.add(Space(**({"id": "acme/other", "commit": NEW, "head": NEW} | about)))
    return about.get("id", "acme/other")


def paths(hub) -> list[str]:
    """What was visited outside the API."""
    return [visit.path for visit in hub.visits]


class App(http.server.BaseHTTPRequestHandler):
    """An app that answers as its `answers` say: path -> (status, headers), and remembers what it was sent."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else a body waits 40 ms behind its head

    def do_GET(self) -> None:
        assert "authorization" not in self.headers
        self.server.asked.append((self.path, self.headers.get("x-hf-authorization")))
        status, headers = self.server.answers.get(self.path.partition("?")[0], (404, {}))
        self.send_response(status)
        for name, value in (headers | {"content-length": "0"}).items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *text) -> None:
        """Say nothing."""


@contextmanager
def app(tls: Certificates | None = None, **answers: tuple[int, dict[str, str]]):
    """Serve an app of its own, elsewhere than the Hub; answers by path, `_` standing for `/`."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), App)
    server.answers = {path.replace("_", "/"): answer for path, answer in answers.items()}
    server.asked = []
    if tls:
        server.socket = tls.context.wrap_socket(server.socket, server_side=True)
    server.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}"
    with serving(server):
        yield server


class Rewritten:
    """The Hub, but with other values in what it says of a Space."""

    def __init__(self, api, *, runtime: dict | None = None, **fields: object) -> None:
        self.api = api
        self.fields = fields
        self.runtime = runtime or {}

    async def __call__(self, scope, receive, send) -> None:
        started: list[dict] = []
        body = b""

        async def hold(message) -> None:
            nonlocal body
            if message["type"] == "http.response.start":
                started.append(message)
            else:
                body += message.get("body", b"")

        if scope["method"] != "GET" or not scope["path"].startswith("/api/spaces/") or scope["path"].endswith(("/events", "/build", "/run")):
            return await self.api(scope, receive, send)
        await self.api(scope, receive, hold)
        answer = json.loads(body)
        if "id" in answer:
            answer |= self.fields
            answer["runtime"] = answer.get("runtime", {}) | self.runtime
        else:
            answer |= self.runtime
        body = json.dumps(answer).encode()
        headers = [(name, value) for name, value in started[0]["headers"] if name != b"content-length"]
        await send(started[0] | {"headers": [*headers, (b"content-length", str(len(body)).encode())]})
        await send({"type": "http.response.body", "body": body})


class RewrittenFor(Rewritten):
    """The Hub, but with another host in what it says of one Space."""

    def __init__(self, api, space: str, host: str) -> None:
        super().__init__(api, host=host)
        self.space = space

    async def __call__(self, scope, receive, send) -> None:
        if not scope["path"].endswith(f"/{self.space}"):
            return await self.api(scope, receive, send)
        await super().__call__(scope, receive, send)


def certify(name: str, folder: Path) -> Certificates:
    """Return certificates for a name other than this machine's own."""
    made = Certificates(folder)
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(made.ca_file))
    made.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(made.context)
    return made


# ---- what is visited, and when ----


@pytest.mark.parametrize(
    ("health_check", "visited"),
    [("/", "/_apps/acme/other/"), ("/healthz", "/_apps/acme/other/healthz"), ("/api/v1?deep=1", "/_apps/acme/other/api/v1")],
)
def test_a_path_is_looked_for_on_the_host_the_hub_reports(run, world, hub, health_check, visited):
    """The host is read from the answer, never made up from the name of the Space."""
    ended = run("wait", space(world), health_check=health_check)
    assert (ended.result, paths(hub)) == ("ok", [visited])


def test_an_address_is_visited_as_it_is(run, world, hub, certificates):
    """A custom domain in front of the Space, over https."""
    with app(certificates, _ready=(204, {})) as front:
        ended = run("wait", space(world), health_check=f"{front.url}/ready")
    assert (ended.result, front.asked, paths(hub)) == ("ok", [("/ready", None)], [])


def test_the_host_of_a_private_space_elsewhere_is_used(run, world, hub):
    """The app's own address need not lie below the Hub's."""
    with app(_live=(200, {})) as elsewhere:
        hub.api = Rewritten(hub.api, host=elsewhere.url)
        ended = run("wait", space(world), health_check="/live")
    assert (ended.result, elsewhere.asked, ended.outputs["host"]) == ("ok", [("/live", None)], elsewhere.url)


def test_a_space_without_an_address_cannot_be_healthy(run, world, hub):
    """Where the Hub reports no host, that is what the message says."""
    hub.api = Rewritten(hub.api, host=None, subdomain=None, runtime={"domains": []})
    ended = run("wait", space(world), health_check="/", timeout="20s")
    assert (ended.result, "the Hub reports no address of the app" in ended.outputs["message"]) == ("timed-out", True)


@pytest.mark.parametrize("stages", ["RUNNING_BUILDING", "PAUSED", "RUNTIME_ERROR"])
def test_an_app_is_visited_only_once_its_stage_is_reached(run, world, hub, stages):
    """A visit would wake or disturb a Space that is not ready anyhow."""
    run("wait", space(world, stage=stages), health_check="/", timeout="90s")
    assert paths(hub) == []


def test_the_old_build_is_not_asked(run, world, hub):
    """While the old commit still serves, its health says nothing about the new one."""
    ended = run("restart", space(world, commit=OLD, scripts={"restart": STALE}), health_check="/")
    first = min(visit.at for visit in hub.visits)
    assert (ended.result, 70 <= first <= 75) == ("ok", True)


# ---- not yet ----


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault(kind=Kind.STATUS, status=500), "500 from "),
        (Fault(kind=Kind.STATUS, status=502), "502 from "),
        (Fault(kind=Kind.STATUS, status=503), "503 from "),
        (Fault(kind=Kind.STATUS, status=404), "404 from "),
        (Fault(kind=Kind.STATUS, status=429, headers={"RateLimit": '"api";r=0;t=300'}), "429 from "),
        (Fault(kind=Kind.RESET_BEFORE), "the answer was lost"),
        (Fault(kind=Kind.STALL_HEADERS), "no complete answer from "),
    ],
    ids=lambda value: value.replace(" ", "-") if isinstance(value, str) else None,
)
def test_an_app_that_does_not_answer_yet_is_waited_for(run, world, hub, fault, said):
    """Not once but until it answers; and where it never does, until the budget ends, saying what was seen."""
    fields = ("kind", "status", "headers", "location")
    about = {name: getattr(fault, name) for name in fields} | {"path": "/_apps/"}
    hub.inject(Fault(**about, times=3))
    ended = run("wait", space(world), health_check="/")
    assert (ended.result, len(paths(hub)), 2 <= ended.elapsed <= 30) == ("ok", 4, True)
    hub.inject(Fault(**about, times=None))
    ended = run("wait", "acme/other", health_check="/", timeout="20s", poll_interval="8")
    assert (ended.status, ended.result, round(ended.elapsed)) == (4, "timed-out", 20)
    assert f"when the budget ended, but the app does not answer ({said}" in ended.outputs["message"]


def test_a_refused_connection_is_not_yet(run, world, hub):
    """The app's host is up only after a while."""
    with nobody() as port:
        hub.api = Rewritten(hub.api, host=f"http://127.0.0.1:{port}")
        ended = run("wait", space(world), health_check="/", timeout="20s")
    assert (ended.result, "the app does not answer (no connection to 127.0.0.1" in ended.outputs["message"]) == ("timed-out", True)


def test_a_name_that_does_not_resolve_is_not_yet(run, world, hub):
    """The host's name may take a while to be known."""
    hub.api = Rewritten(hub.api, host="http://acme-other.invalid")
    ended = run("wait", space(world), health_check="/", timeout="20s")
    assert (ended.result, "no connection to acme-other.invalid" in ended.outputs["message"]) == ("timed-out", True)


@pytest.mark.parametrize("host", ["", "no address", "javascript:alert(1)", "ftp://x.hf.space", "http://", "https://\udcff", "http://[::1", "//x", 5])
def test_a_host_that_is_no_address_is_no_crash(run, world, hub, host):
    """Whatever stands in the field, the step ends as for an app that does not answer."""
    hub.api = Rewritten(hub.api, host=host, subdomain=None, runtime={"domains": []})
    ended = run("wait", space(world), health_check="/", timeout="20s")
    assert (ended.result, "internal error" in ended.log, "the app does not answer" in ended.outputs["message"]) == ("timed-out", False, True)


def test_running_but_not_answering_reads_differently_from_not_running(run, world, hub):
    """The one names RUNNING and what the app answers, the other the stage it is stuck in."""
    hub.inject(Fault(kind=Kind.STATUS, status=503, path="/_apps/", times=None))
    running = run("wait", space(world), health_check="/", timeout="90s")
    building = run("wait", space(world, id="acme/slow", stage="BUILDING", commit=None), health_check="/", timeout="90s")
    crashed = run("wait", space(world, id="acme/bad", stage="RUNTIME_ERROR", commit=None), health_check="/", timeout="90s")
    assert f"RUNNING on commit {NEW[:7]} when the budget ended, but the app does not answer (503 from " in running.outputs["message"]
    assert "BUILDING when the budget ended, not RUNNING" in building.outputs["message"]
    assert "RUNTIME_ERROR instead of RUNNING" in crashed.outputs["message"]
    assert ["does not answer" in ended.outputs["message"] for ended in (running, building, crashed)] == [True, False, False]
    assert [ended.status for ended in (running, building, crashed)] == [4, 4, 1]


@pytest.mark.parametrize("status", [200, 204, 399])
def test_below_400_is_healthy(run, world, hub, status):
    """The contract's line; what the body says does not matter."""
    hub.inject(Fault(kind=Kind.STATUS, status=status, path="/_apps/"))
    assert run("wait", space(world), health_check="/").result == "ok"


def test_only_the_status_of_the_app_counts(run, world, hub):
    """A page of 50 MB, or one that never ends, is healthy all the same."""
    for kind in (Kind.HUGE, Kind.STALL_BODY, Kind.TRUNCATED, Kind.DRIP, Kind.HTML):
        hub.inject(Fault(kind=kind, path="/_apps/"))
        assert run("wait", space(world), health_check="/").result == "ok"


@pytest.mark.parametrize("status", [200, 503])
def test_an_app_cannot_fill_the_memory(clock, status):
    """Sixty megabytes fit into sixty kilobytes; an app that sends them packed is not unpacked."""
    packed = gzip.compress(b"A" * 60_000_000, mtime=0)
    with saying() as elsewhere:
        elsewhere.answer = (status, {"content-encoding": "gzip"}, packed)
        url = f"http://127.0.0.1:{elsewhere.server_port}/"
        hub = Hub(endpoint=url, token=None, clock=clock, budget=Budget(60.0), request_timeout=60.0)
        tracemalloc.start()
        try:
            said = hub.probe(url, SpaceInfo(id="acme/demo", runtime=SpaceRuntime(stage="RUNNING")))
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < 20_000_000
    assert (said == "") == (status == 200)


def test_an_answer_must_hold_for_stable_for(run, world, hub):
    """An app that answers once and then falls over with RUNTIME_ERROR within stable-for is not a success."""
    script = (Phase(1, "BUILDING"), Phase(30, "RUNNING", commit=HEAD), Phase(45, "RUNTIME_ERROR"))
    ended = run("restart", space(world, commit=OLD, scripts={"restart": script}), health_check="/", stable_for="30s")
    assert (ended.result, ended.outputs["stage"], len(paths(hub)) > 3) == ("failed", "RUNTIME_ERROR", True)


def test_an_app_that_stops_answering_within_stable_for_is_not_through(run, world, hub):
    """RUNNING holds, the app does not: the last visit before the end decides."""
    hub.inject(Fault(kind=Kind.STATUS, status=503, path="/_apps/", skip=2, times=None))
    ended = run("wait", space(world), health_check="/", stable_for="30s", timeout="60s")
    assert (ended.result, "the app does not answer" in ended.outputs["message"]) == ("timed-out", True)


def test_a_stumble_within_stable_for_is_looked_past(run, world, hub):
    """One bad answer of a visit does not end the step, and the next good one does."""
    hub.inject(Fault(kind=Kind.STATUS, status=503, path="/_apps/", skip=2, times=1))
    ended = run("wait", space(world), health_check="/", stable_for="30s")
    assert (ended.result, 30 <= ended.elapsed <= 40) == ("ok", True)


def test_each_space_is_asked_for_itself(run, world, hub):
    """One healthy app does not speak for another."""
    hub.inject(Fault(kind=Kind.STATUS, status=503, path="/_apps/acme/sick/", times=None))
    ended = run("wait", space(world), space(world, id="acme/sick"), health_check="/", timeout="60s")
    assert [one["result"] for one in ended.spaces] == ["ok", "timed-out"]


# ---- redirects ----


def test_redirects_on_the_same_host_are_followed(run, world, hub):
    """From the root to the login page and on; the last answer decides."""
    with app(_=(302, {"location": "/a"}), _a=(307, {"location": "b?x=1"}), _b=(200, {})) as elsewhere:
        hub.api = Rewritten(hub.api, host=elsewhere.url)
        ended = run("wait", space(world), health_check="/")
    assert (ended.result, [path for path, _ in elsewhere.asked]) == ("ok", ["/", "/a", "/b?x=1"])


def test_the_end_of_the_redirects_decides(run, world, hub):
    """A redirect to a page that is not there is no health."""
    with app(_=(302, {"location": "/gone"})) as elsewhere:
        hub.api = Rewritten(hub.api, host=elsewhere.url)
        ended = run("wait", space(world), health_check="/", timeout="20s")
    assert (ended.result, f"404 from {elsewhere.url}/gone" in ended.outputs["message"]) == ("timed-out", True)


@pytest.mark.parametrize("location", ["http://localhost:{port}/login", "https://127.0.0.1:{port}/", "//localhost:{port}/", "http://127.0.0.1:1/", "ftp://127.0.0.1/", "http://[::1", "http://[not-an-address/"])
def test_a_redirect_elsewhere_is_an_answer_and_not_followed(run, world, hub, location):
    """The app sends its visitors to a login: it answers. Nobody else is asked, whatever the app says."""
    with app(_=(200, {})) as other, app(_=(302, {"location": location.format(port=other.server_port)})) as elsewhere:
        hub.api = Rewritten(hub.api, host=elsewhere.url)
        ended = run("wait", space(world), health_check="/", timeout="20s")
    assert (ended.result, other.asked, len(elsewhere.asked)) == ("ok", [], 1)


def test_redirects_in_a_circle_end(run, world, hub):
    """A handful are followed, then the app counts as not answering."""
    with app(_=(302, {"location": "/"})) as elsewhere:
        hub.api = Rewritten(hub.api, host=elsewhere.url)
        ended = run("wait", space(world), health_check="/", timeout="5s", poll_interval="10")
    assert (ended.result, "more than 5 redirects" in ended.outputs["message"]) == ("timed-out", True)
    assert len(elsewhere.asked) <= 5 * 3


# ---- who answers ----

PAGE = "<!doctype html><title>Space</title><h2>Preparing Space</h2>"
PROXIED = {"x-proxied-host": "http://10.0.0.1", "x-proxied-replica": "abcd1234-e5f6g", "x-proxied-path": "/"}


def answer_of(app: str, **about) -> str:
    """Return what a visit says of the answer `app` at the host that the Hub reports, or as `about` has it."""
    with saying() as server:
        server.answer = (about.get("status", 200), about.get("headers", {}), app.encode() if isinstance(app, str) else app)
        url = f"http://{about.get('asked', '127.0.0.1')}:{server.server_port}"
        reported = SpaceRuntime(stage="RUNNING", domains=about.get("domains", ()))
        space = SpaceInfo(id="acme/demo", runtime=reported, host=about.get("host", url))
        hub = Hub(endpoint=url, token=TOKEN, clock=FakeClock(), budget=Budget(60.0), request_timeout=60.0)
        return hub.probe(f"{url}/", space, contains=about.get("contains", ""))


@pytest.mark.parametrize(
    ("page", "about", "well"),
    [
        (PAGE, {}, False),
        (PAGE.upper(), {}, False),
        ("Preparing\n  Space", {}, False),
        ("x" * 1_000_000 + PAGE, {}, False),
        (PAGE, {"headers": {"content-type": "text/html", "x-proxied": "no"}}, False),
        (PAGE, {"host": None}, True),  # elsewhere, such words are anybody's
        (PAGE, {"host": "https://acme-demo.hf.space"}, True),
        (PAGE, {"host": "https://acme-demo.hf.space", "domains": ("127.0.0.1",)}, False),  # a domain of its own leads to the edge, too
        (PAGE, {"headers": PROXIED}, True),  # an app may say what it likes
        (PAGE, {"headers": {"X-Proxied-Replica": "a"}}, True),
        ("x" * 1_100_000 + PAGE, {}, True),
        ("Preparing a Space", {}, True),
        ("", {}, True),
        ("", {"headers": PROXIED}, True),
        (gzip.compress(PAGE.encode(), mtime=0), {"headers": {"content-encoding": "gzip"}}, False),
        (gzip.compress(b"fine", mtime=0), {"headers": {"content-encoding": "gzip"}}, True),
    ],
)
def test_the_holding_page_of_the_edge_is_not_the_app(page, about, well):
    """It has status 200: its words tell it, and that no header says an app was asked."""
    said = answer_of(page, **about)
    assert said == "" if well else re.fullmatch(r"the Hub's page 'Preparing Space' from http://127.0.0.1:\d+/; the app has not started", said)


@pytest.mark.parametrize("host", ["acme-demo.hf.space", "acme-demo.static.hf.space", "x.hf.space"])
def test_any_host_of_the_hub_may_hold(monkeypatch, host):
    """Whatever the Hub reports of this Space."""
    resolve = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda name, *rest, **more: resolve("127.0.0.1" if name == host else name, *rest, **more))
    assert "Preparing Space" in answer_of(PAGE, asked=host, host=None)


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (503, "The space is paused, ask a maintainer to restart it", ": The space is paused, ask a maintainer to restart it"),
        (503, "Your space is in error, check its status on hf.co", ": Your space is in error, check its status on hf.co"),
        (502, "<html><h1>500</h1></html>", ""),
        (500, '{"detail": "secret"}', ""),
        (404, "", ""),
        (500, "word " * 1000, ": " + "word " * 25),
        (500, b"\xff\xfe", ": \ufffd\ufffd"),
    ],
)
def test_what_the_edge_says_is_told(status, body, told):
    """Its plain words, and no page."""
    said = answer_of(body, status=status)
    assert said.startswith(f"{status} from http://127.0.0.1:") and len(said) < 400
    assert said.partition("/:")[2].startswith(told[1:]) if told else said.endswith("/")


def test_the_holding_page_is_waited_for(run, world, hub):
    """RUNNING is reported, and the page is still there for twenty seconds."""
    script = (Phase(2, "BUILDING"), Phase(10, "RUNNING", commit=HEAD, holding=20.0))
    name = space(world, commit=OLD, scripts={"restart": script})
    ended = run("restart", name, health_check="/")
    assert (ended.result, 30 <= ended.elapsed <= 40) == ("ok", True)
    world.add(Space(id="acme/held", commit=NEW, head=NEW, holding=float("inf")))
    ended = run("wait", "acme/held", health_check="/", timeout="30s")
    assert (ended.result, "the Hub's page 'Preparing Space'" in ended.outputs["message"]) == ("timed-out", True)


def test_a_visit_has_thrice_the_time_of_a_request(clock, monkeypatch):
    """Thirty seconds of an app that wakes, and no more than what is left of the budget."""
    moving = FakeClock()
    for module in (bounds, transport):
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=moving.now))

    def slowly(connection, asked) -> None:
        moving.advance(25.0)
        answering("", b"-" * 200_000 + b"fine")(connection, asked)  # more than one read takes

    with raw_server(slowly) as server:
        url = f"http://127.0.0.1:{server.port}"
        about = SpaceInfo(id="acme/demo", runtime=SpaceRuntime(stage="RUNNING"), host=url)
        said = [Hub(endpoint=url, token=None, clock=clock, budget=Budget(deadline), request_timeout=10.0).probe(url, about, contains="fine") for deadline in (60.0, 20.0)]
    assert said == ["", f"no complete answer from {url} within 20 s"]


def test_what_a_visit_may_take_is_told(clock):
    """Whether nothing comes in that time, or an answer that does not end."""
    with raw_server(forever(b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\n", b"x", pause=0.02)) as server:
        url = f"http://127.0.0.1:{server.port}"
        about = SpaceInfo(id="acme/demo", runtime=SpaceRuntime(stage="RUNNING"), host=url)
        hub = Hub(endpoint=url, token=None, clock=clock, budget=Budget(60.0), request_timeout=0.1)
        assert hub.probe(url, about, contains="here") == f"no complete answer from {url} within 0.3 s"


def test_a_text_counts_once_it_is_there(clock):
    """An answer may go on for ever, and its text may come in two parts; headers say that it is the app's."""
    head = "\r\n".join(["HTTP/1.1 200 OK", *(f"{name}: {value}" for name, value in PROXIED.items()), "", "Wel"]).encode()
    with raw_server(forever(head, b"come", pause=0.02)) as server:
        url = f"http://127.0.0.1:{server.port}"
        about = SpaceInfo(id="acme/demo", runtime=SpaceRuntime(stage="RUNNING"), host=url)
        hub = Hub(endpoint=url, token=None, clock=clock, budget=Budget(60.0), request_timeout=1.0)
        assert hub.probe(url, about, contains="Welcome") == ""


@pytest.mark.parametrize(
    ("kind", "body", "text", "well"),
    [
        ("text/html; charset=utf-8", "Grüße".encode(), "Grüße", True),
        ("text/html", "Grüße".encode(), "Grüße", True),
        ("text/html; charset=iso-8859-1", "Grüße".encode("latin-1"), "Grüße", True),
        ("text/html; charset=iso-8859-1", "Grüße".encode(), "Grüße", True),  # many an app names what it does not use
        ("text/html; charset=shift_jis", "ようこそ".encode("shift_jis"), "ようこそ", True),
        ("text/html; charset=ascii", b"Welcome", "Grüße", False),
        ("text/html; charset=nonsense", b"Welcome", "Welcome", True),
        ("text/html; charset=hex", b"Welcome", "Grüße", False),
    ],
)
def test_a_text_is_found_in_the_encoding_of_the_answer(kind, body, text, well):
    """And in UTF-8, whatever the answer says of itself."""
    said = answer_of(body, headers={"content-type": kind}, contains=text)
    assert (said == "") == well and (well or "without the text" in said)


def test_a_visit_after_the_budget_is_none(clock):
    about = SpaceInfo(id="acme/demo", runtime=SpaceRuntime(stage="RUNNING"))
    assert "budget was spent" in Hub(endpoint="http://127.0.0.1:1", token=None, clock=clock, budget=Budget(0.0)).probe("http://127.0.0.1:1", about)


def test_one_app_that_dribbles_costs_no_other_its_health_check(run, world, hub, quick):
    """Each is visited for itself, and a visit ends with its time."""
    with raw_server(forever(b"HTTP/1.1 200 OK\r\nx: ", b"x", pause=0.02)) as slow:
        quick.add(slow.port)
        hub.api = RewrittenFor(hub.api, "acme/slow", f"http://127.0.0.1:{slow.port}")
        names = [space(world, id=f"acme/{name}") for name in ("slow", "a", "b", "c")]
        ended = run("wait", *names, health_check="/", timeout="20s", poll_interval="10")
    assert {one["id"]: one["result"] for one in ended.spaces} == {"acme/slow": "timed-out", "acme/a": "ok", "acme/b": "ok", "acme/c": "ok"}


# ---- the token ----

OWN = "https://acme-demo.hf.space"


@pytest.mark.parametrize(
    ("url", "host", "private", "token", "may"),
    [
        (f"{OWN}/healthz", OWN, True, TOKEN, True),
        (f"{OWN}/", f"{OWN}/", True, TOKEN, True),
        (f"{OWN}/a/../b?c=d", OWN, True, TOKEN, True),
        (f"{OWN}/healthz", OWN, False, TOKEN, False),  # a public Space needs none
        (f"{OWN}/healthz", OWN, None, TOKEN, False),  # nor one of which the Hub does not say
        (f"{OWN}/healthz", OWN, True, None, False),
        (f"{OWN}/healthz", None, True, TOKEN, False),
        (f"{OWN}/healthz", "", True, TOKEN, False),
        ("http://acme-demo.hf.space/healthz", OWN, True, TOKEN, False),  # anybody could listen
        ("http://acme-demo.hf.space/", "http://acme-demo.hf.space", True, TOKEN, False),
        ("https://other.hf.space/healthz", OWN, True, TOKEN, False),  # somebody else's Space
        ("https://app.acme.example/healthz", OWN, True, TOKEN, False),
        ("https://app.acme.example/", "https://app.acme.example", True, TOKEN, False),  # a custom domain is not hf.space
        ("https://acme-demo.hf.space.evil.example/", OWN, True, TOKEN, False),
        ("https://acme-demo.hf.space.evil.example/", "https://acme-demo.hf.space.evil.example", True, TOKEN, False),
        ("https://evilhf.space/", "https://evilhf.space", True, TOKEN, False),
        ("https://hf.space/", "https://hf.space", True, TOKEN, False),
        ("https://acme-demo.hf.space:8443/", OWN, True, TOKEN, False),
        ("https://acme-demo.hf.space@evil.example/", OWN, True, TOKEN, False),
        ("https://acme-demo.hf.space@evil.example/", "https://acme-demo.hf.space@evil.example", True, TOKEN, False),
        ("https://evil.example/#.hf.space", "https://evil.example", True, TOKEN, False),
        ("https://evil.example/acme-demo.hf.space", OWN, True, TOKEN, False),
        ("https://evil.example?acme-demo.hf.space", OWN, True, TOKEN, False),
        ("https://evil.example\\acme-demo.hf.space/", "https://evil.example\\acme-demo.hf.space", True, TOKEN, False),
        ("https://evil.example\\.hf.space/", "https://evil.example\\.hf.space", True, TOKEN, False),
        ("//acme-demo.hf.space/", OWN, True, TOKEN, False),
        ("https://acme-demo.static.hf.space/", "https://acme-demo.static.hf.space", True, TOKEN, True),
        ("https://acme-demo.static.hf.space/", OWN, True, TOKEN, False),
        ("https://a.b.hf.space/", "https://a.b.hf.space", True, TOKEN, False),
        ("https://user@acme-demo.hf.space/", OWN, True, TOKEN, False),
        ("https://ACME-DEMO.hf.space/", OWN, True, TOKEN, True),
        ("https://acme-demo.hf.space./", OWN, True, TOKEN, False),
    ],
)
def test_the_token_goes_only_to_a_private_spaces_own_host_over_https(clock, url, host, private, token, may):
    """Every other address, however much alike, gets none."""
    space = SpaceInfo(id="acme/demo", runtime=SpaceRuntime(stage="RUNNING"), private=private, host=host)
    assert (may_see_token(url, space) and token is not None) is may


def test_no_app_elsewhere_ever_gets_the_token(run, world, hub, certificates):
    """Neither a private Space's app that is not on hf.space, over http or https, nor where it redirects to."""
    name = space(world, private=True)
    with app(_=(302, {"location": "/b"}), _b=(200, {})) as plain, app(certificates, _=(200, {})) as secure:
        hub.api = Rewritten(hub.api, host=plain.url)
        assert run("wait", name, health_check="/").result == "ok"
        assert run("wait", name, health_check=f"{secure.url}/").result == "ok"
    assert plain.asked + secure.asked == [("/", None), ("/b", None), ("/", None)]


def test_a_private_spaces_own_host_gets_the_token(run, world, hub, tmp_path, monkeypatch):
    """Over https, on hf.space, as the Hub reports it: the name is resolved to this machine for the test."""
    trusted = certify("acme-other.hf.space", tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted.ca_file))
    resolve = socket.getaddrinfo
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, *rest, **more: resolve("127.0.0.1" if host == "acme-other.hf.space" else host, *rest, **more)
    )
    with app(trusted, _=(302, {"location": "/b"}), _b=(302, {"location": "http://acme-other.hf.space:1/"})) as own:
        hub.api = Rewritten(hub.api, host=f"https://acme-other.hf.space:{own.server_port}")
        run("wait", space(world, private=True), health_check="/", timeout="5s", poll_interval="10")
    assert set(own.asked) == {("/", f"Bearer {TOKEN}"), ("/b", f"Bearer {TOKEN}")}


def test_an_operation_without_a_health_check_ignores_it(run, hub):
    """Pausing waits for no app: the input is warned about, and nobody is visited."""
    ended = run("pause", "acme/demo", health_check="/", timeout="20s")
    assert "health-check: is not used by operation pause" in ended.log
    assert ended.result == "ok" and paths(hub) == []


def test_a_health_check_over_tls(run, world, certificates):
    """The Hub and the app below it over TLS: 503 at first, then well."""
    with serve(world, tls=certificates) as secure:
        secure.inject(Fault(kind=Kind.STATUS, status=503, path="/_apps/", times=2))
        ended = run("wait", space(world), health_check="/", env={"HF_ENDPOINT": secure.url})
        assert (ended.result, len(secure.visits), [visit.authenticated for visit in secure.visits]) == ("ok", 3, [False] * 3)
