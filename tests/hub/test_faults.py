"""The fault matrix: every way an answer goes wrong, at every place, once and for ever, over plain HTTP and TLS.

The tables below are the specification. A request that stalls ends at once (tests/support/network.py); all other time is
the fake clock's. Faults of the way to the Hub are made by a name service that sends connections elsewhere.
"""

import gzip
import re
import socket
import time
import tracemalloc
from dataclasses import dataclass, field
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hf_action.clock import Budget
from hf_action.hub.client import Hub
from simhub.access import Meter
from simhub.clock import FakeClock
from simhub.faults import Fault, Kind
from simhub.server import Certificates, serve
from simhub.world import HEAD, Phase, Space, StatusEvents, Token, World
from tests import conftest
from tests.conftest import NEW, OLD, TOKEN
from tests.fuzz.targets import asked, calls, check_answer, check_reader, check_settings, documents, spaces
from tests.fuzz.targets import saying as fuzzed
from tests.step.test_hostile import NAMES
from tests.support.network import nobody, stalls_at_once

ELSEWHERE = "https://elsewhere.example/"
QUOTA = {"RateLimit": '"api";r=0;t=20'}


@dataclass(frozen=True)
class Detour:
    """A connection that is sent elsewhere: to a port where nobody listens, nowhere, or to a stranger's server."""

    to: str


# What goes wrong, and what is expected of it: once, then for ever. The columns:
#   first look   the result
#   waiting      the result
#   write        the result, and how many times the write was sent; it takes effect once at most, whatever is written here
#   log          shown: some of it; line: a line says why not; none: nothing came and nothing is said
#   health       the result; where no connection can be made, none can be made to the Hub either
#   events       the result; what comes of the stream of status events decides nothing
# A dash: the fault cannot be there.
MATRIX = {
    "connection refused":        (Detour("refused"),                                   "ok ok ok/1 line ok ok",  "unreachable unreachable unreachable/0 line unreachable unreachable"),
    "name does not resolve":     (Detour("dns"),                                       "ok ok ok/1 line ok ok",  "unreachable unreachable unreachable/0 line unreachable unreachable"),
    "TLS of a stranger":         (Detour("tls"),                                       "unreachable unreachable unreachable/0 line ok ok",  "unreachable unreachable unreachable/0 line unreachable unreachable"),
    "reset before":              (Fault(Kind.RESET_BEFORE),                            "ok ok ok/2 line ok ok",  "unreachable unreachable unreachable/n line timed-out ok"),
    "reset after":               (Fault(Kind.RESET_AFTER),                             "ok ok ok/1 line ok ok",  "unreachable unreachable ok/1 line timed-out ok"),
    "stall before headers":      (Fault(Kind.STALL_HEADERS),                           "ok ok ok/2 line ok ok",  "unreachable unreachable unreachable/n line timed-out ok"),
    "stall after the effect":    (Fault(Kind.STALL_HEADERS, effect=True),              "ok ok ok/1 line ok ok",  "unreachable unreachable ok/1 line timed-out ok"),
    "stall in the body":         (Fault(Kind.STALL_BODY),                              "ok ok ok/1 shown ok ok", "unreachable unreachable ok/1 shown ok ok"),
    "a byte at a time":          (Fault(Kind.DRIP, pause=0.0),                         "ok ok ok/1 shown ok ok", "ok ok ok/1 shown ok ok"),
    "a byte now and then":       (Fault(Kind.DRIP, pause=0.05),                        "ok ok ok/1 none ok ok",  "unreachable unreachable ok/1 none ok ok"),
    "ends before its length":    (Fault(Kind.TRUNCATED),                               "ok ok ok/1 shown ok ok", "unreachable unreachable ok/1 shown ok ok"),
    "half of the JSON":          (Fault(Kind.CUT_SHORT),                               "ok ok ok/1 line ok ok", "unreachable unreachable ok/1 line ok ok"),
    "a list":                    (Fault(Kind.WRONG_TYPE),                              "ok ok ok/2 line ok ok",  "unreachable unreachable unreachable/n line ok ok"),
    "a number":                  (Fault(Kind.WRONG_TYPE, body=5),                      "ok ok ok/2 line ok ok",  "unreachable unreachable unreachable/n line ok ok"),
    "null":                      (Fault(Kind.STATUS, status=200, body={"stage": None}), "ok ok ok/2 line ok ok", "unreachable unreachable unreachable/n line ok ok"),
    "a list after the effect":   (Fault(Kind.WRONG_TYPE, effect=True),                 "ok ok ok/1 line ok ok",  "unreachable unreachable ok/1 line ok ok"),
    "missing fields":            (Fault(Kind.MISSING_FIELDS),                          "ok ok ok/1 line ok ok",  "unreachable unreachable ok/1 line ok ok"),
    "unknown fields":            (Fault(Kind.UNKNOWN_FIELDS),                          "ok ok ok/1 - - ok",      "ok ok ok/1 - - ok"),
    "a page with status 200":    (Fault(Kind.HTML),                                    "ok ok ok/2 line ok ok",  "unreachable unreachable unreachable/n line ok ok"),
    "50 MB":                     (Fault(Kind.HUGE),                                    "ok ok ok/2 line ok ok",  "unreachable unreachable unreachable/n line ok ok"),
    "408":                       (Fault(Kind.STATUS, status=408),                      "ok ok ok/2 line ok ok",  "unreachable unreachable unreachable/n line timed-out ok"),
    "429 that says how long":    (Fault(Kind.STATUS, status=429, headers=QUOTA),       "ok ok ok/2 line ok ok",  "unreachable unreachable unreachable/n line timed-out ok"),
    "429 that does not":         (Fault(Kind.STATUS, status=429),                      "ok ok ok/2 line ok ok",  "unreachable unreachable unreachable/n line timed-out ok"),
    "500":                       (Fault(Kind.STATUS, status=500),                      "ok ok ok/2 line ok ok",  "unreachable unreachable unreachable/n line timed-out ok"),
    "502":                       (Fault(Kind.STATUS, status=502, body="<h1>Bad"),      "ok ok ok/2 line ok ok",  "unreachable unreachable unreachable/n line timed-out ok"),
    "502 after the effect":      (Fault(Kind.STATUS, status=502, effect=True),         "ok ok ok/1 line ok ok",  "unreachable unreachable ok/1 line timed-out ok"),
    "503":                       (Fault(Kind.STATUS, status=503),                      "ok ok ok/2 line ok ok",  "unreachable unreachable unreachable/n line timed-out ok"),
    "504":                       (Fault(Kind.STATUS, status=504),                      "ok ok ok/2 line ok ok",  "unreachable unreachable unreachable/n line timed-out ok"),
    "redirect to another host":  (Fault(Kind.REDIRECT, location=ELSEWHERE),            "unreachable unreachable unreachable/1 line ok ok",  "unreachable unreachable unreachable/1 line ok ok"),
}  # fmt: skip

BUILD = (Phase(2, "RUNNING_BUILDING"), Phase(6, "RUNNING", commit=HEAD))


@dataclass(frozen=True)
class Place:
    """Where a fault happens: which request of which step, and what that step waits for."""

    operation: str
    path: str
    method: str = "GET"
    skip: int = 0  # matching requests that are well
    before: int = 0  # requests of any kind that are well
    space: dict = field(default_factory=dict)
    inputs: dict = field(default_factory=dict)


PLACES = {
    "first look": Place("wait", r"/api/spaces/acme/[\w-]+$", space={"commit": NEW}),
    "waiting": Place("wait", "/runtime$", skip=1, before=2, space={"timeline": BUILD}),
    "write": Place("restart", "/restart$", method="POST", before=1, space={"scripts": {"restart": BUILD}}),
    "log": Place("wait", "/logs/build$", before=4, space={"stage": "BUILDING", "commit": None, "timeline": (Phase(3, "BUILD_ERROR"),), "build_log": ((0.0, "it builds"), (1.0, "it broke"))}, inputs={"settle": "0s"}),
    "health": Place("wait", "^/_apps/", before=1, space={"commit": NEW}, inputs={"health_check": "/", "timeout": "60s", "poll_interval": "15", "logs": "never"}),
    "events": Place("wait", "/events$", before=1, space={"timeline": BUILD}),
}  # fmt: skip

# What waiting will not change ends at once, wherever it is met.
FINAL = {(fault, place) for fault in ("TLS of a stranger", "redirect to another host") for place in PLACES}


@pytest.fixture(scope="module")
def clock():
    return FakeClock()


@pytest.fixture(scope="module")
def world(clock):
    writer = Token(name="writer", owners=frozenset({"acme"}), writes=frozenset({"acme"}))
    return World(now=clock.now, tokens={TOKEN: writer}, meter=Meter(quota=1_000_000))


@pytest.fixture(scope="module")
def stranger(world, tmp_path_factory):
    """Another server at the end of a detour, whose certificate nobody trusts."""
    with serve(world, tls=Certificates(tmp_path_factory.mktemp("stranger"))) as server:
        yield int(server.url.rpartition(":")[2])


class Counting:
    """The Hub, which counts the writes that take effect, and closes each connection after its answer if it is to."""

    def __init__(self, api) -> None:
        self.api = api
        self.effects = 0
        self.closes = False

    async def __call__(self, scope, receive, send) -> None:
        self.effects += scope["method"] == "POST"

        async def closing(message) -> None:
            if self.closes and message["type"] == "http.response.start":
                message = message | {"headers": [*message["headers"], (b"connection", b"close")]}
            await send(message)

        await self.api(scope, receive, closing)


@pytest.fixture(scope="module")
def hub(request, world, certificates):
    """The Hub over plain HTTP, or over TLS where a test says so."""
    with serve(world, tls=certificates if getattr(request, "param", "http") == "https" else None) as server:
        server.api = Counting(server.api)
        server.url = server.url.replace("127.0.0.1", "localhost")  # a name, so that there is something to resolve
        yield server


@pytest.fixture
def quick(hub):
    """Requests that stall cost no time, and no fault is left over."""
    hub.faults.clear()
    hub.requests.clear()
    hub.visits.clear()
    hub.api.effects, hub.api.closes = 0, False
    with stalls_at_once(hub):
        yield


@pytest.fixture
def misdirect(hub, stranger, monkeypatch):
    """Return a function that sends connections elsewhere, after so many requests, so many times."""
    resolve = socket.getaddrinfo

    def misdirect(detour: Detour, before: int, times: int | None) -> None:
        met = 0
        hub.api.closes = True  # so that every request makes a connection of its own

        def answer(host, port, *rest, **more):
            nonlocal met
            away = len(hub.requests) + len(hub.visits) >= before and (times is None or met < times)
            met += away
            if away and detour.to == "dns":
                raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
            return resolve("127.0.0.1", {"refused": closed, "tls": stranger}[detour.to] if away else port, *rest, **more)

        monkeypatch.setattr(socket, "getaddrinfo", answer)

    with nobody() as closed:
        yield misdirect


@dataclass(frozen=True)
class Cell:
    """One cell of the matrix."""

    fault: str
    place: str
    lasting: bool
    scheme: str

    def __str__(self) -> str:
        return f"{self.fault} {'always' if self.lasting else 'once'}, {self.place}"

    @property
    def expected(self) -> str:
        return MATRIX[self.fault][2 if self.lasting else 1].split()[list(PLACES).index(self.place)]

    @property
    def exists(self) -> bool:
        """Whether there is such a cell: what lasts is told apart by TLS only on the way to the Hub."""
        if MATRIX[self.fault][0] == Detour("tls") and self.scheme == "http":
            return False
        if self.lasting and self.scheme == "https" and self.fault not in ("TLS of a stranger", "connection refused", "503"):
            return False
        return self.expected != "-"


CELLS = [Cell(*cell) for cell in product(MATRIX, PLACES, (False, True), ("http", "https"))]


@pytest.mark.parametrize(("hub", "cell"), [pytest.param(cell.scheme, cell, id=f"{cell.scheme}, {cell}") for cell in CELLS if cell.exists], indirect=["hub"])
def test_the_fault_matrix(cell, run, hub, world, quick, misdirect, monkeypatch):
    """The wait goes on, or ends with the right result; no write takes effect twice; everything is written; no traceback."""
    place, trouble, times = PLACES[cell.place], MATRIX[cell.fault][0], None if cell.lasting else 1
    name = f"acme/{'-'.join(re.findall('[a-z0-9]+', cell.fault.lower()))}-{len(world._lives)}"
    # This clock does not wait for streams, many of which never say anything here. Elsewhere than there, none is to be quick.
    heard = StatusEvents.TRUE if cell.place == "events" else StatusEvents.MISSING
    world.add(Space(**({"id": name, "commit": OLD, "head": NEW, "status_events": heard} | place.space)))
    if isinstance(trouble, Detour):
        misdirect(trouble, before=place.before, times=times)
    else:
        about = {slot: getattr(trouble, slot) for slot in trouble.__slots__}
        hub.inject(Fault(**(about | {"method": place.method, "path": place.path, "skip": place.skip, "times": times})))
    ended = run(place.operation, name, **place.inputs)

    result, _, sent = cell.expected.partition("/")
    posts = sum(request.method == "POST" for request in hub.requests)
    assert hub.api.effects == (1 if cell.place == "write" and result == "ok" else 0)
    if cell.place == "log":
        lines = "it broke" in ended.log or "Build Queued" in ended.log
        said = "the build log could not be read: " in ended.log
        assert ("shown" if lines else "line" if said else "none") == result
        result = "failed"
    assert ended.result == result, ended.log
    assert posts > 1 if sent == "n" else posts == int(sent or 0)

    assert tuple(ended.outputs) == NAMES and ended.result in ended.summary
    assert "Traceback" not in ended.log and "internal error" not in ended.log
    limits = {"ok": 120, "failed": 120, "timed-out": 60, "unreachable": 360}
    assert round(ended.elapsed, 6) <= limits[ended.result]
    if ended.result == "unreachable":
        final = (cell.fault, cell.place) in FINAL
        assert ended.status == 5 and (ended.elapsed < 20 if final else round(ended.elapsed, 6) >= (60 if "timeout" in place.inputs else 300))


def test_the_matrix_has_every_fault_and_every_place():
    """Of the simulated Hub's kinds of faults none is missing, and each row has an expectation for each place."""
    assert {fault.kind for fault, _, _ in MATRIX.values() if isinstance(fault, Fault)} == set(Kind)
    assert all(len(row.split()) == len(PLACES) for _, *rows in MATRIX.values() for row in rows)


# ---- the deadline, in real time ----


class RealClock:
    """Time as it is."""

    now = staticmethod(time.monotonic)
    sleep = staticmethod(time.sleep)


@pytest.mark.parametrize(
    ("trouble", "place"),
    [*((Fault(Kind.STALL_HEADERS), place) for place in PLACES), *((Fault(Kind.DRIP, pause=0.1), place) for place in ("waiting", "log"))],
    ids=lambda value: value if isinstance(value, str) else value.kind.value,
)
def test_no_stall_outlasts_the_deadline(trouble, place, tmp_path, monkeypatch, capsys):
    """A budget of a third of a second does not wait for a request that would take two minutes, wherever the Hub stalls."""
    clock, where = RealClock(), PLACES[place]
    began = clock.now()
    world = World(now=lambda: (clock.now() - began) * 20, tokens={TOKEN: Token(name="w", owners=frozenset({"acme"}), writes=frozenset({"acme"}))})
    world.add(Space(**({"id": "acme/other", "commit": OLD, "head": NEW} | where.space)))
    monkeypatch.setitem(Hub.__init__.__kwdefaults__, "request_timeout", 120.0)
    with serve(world) as hub:
        about = {slot: getattr(trouble, slot) for slot in trouble.__slots__}
        hub.inject(Fault(**(about | {"method": where.method, "path": where.path, "skip": where.skip, "times": None})))
        run = conftest.run.__wrapped__(hub, clock, None, tmp_path, monkeypatch, capsys)  # with no more patience than users get
        ended = run(where.operation, "acme/other", **(where.inputs | {"timeout": "0.3", "poll_interval": "0.1"}))
    assert ended.elapsed < 60
    assert ended.result in ("unreachable", "timed-out", "failed", "ok")
    assert tuple(ended.outputs) == NAMES and ended.result in ended.summary and "Traceback" not in ended.log


# ---- more ways to be wrong ----


class Saying:
    """The Hub, but for some answers, which are this."""

    def __init__(self, api, *, path: str, body: bytes, status: int = 200, headers: dict[str, str] | None = None, times: int = 10**9) -> None:
        self.api = api
        self.path = re.compile(path)
        self.body = body
        self.status = status
        self.headers = {"content-type": "application/json", "content-length": str(len(body))} | (headers or {})
        self.left = times
        self.effects = 0

    async def __call__(self, scope, receive, send) -> None:
        if not self.left or not self.path.search(scope["path"]):
            return await self.api(scope, receive, send)
        self.left -= 1
        headers = [(name.encode(), value.encode()) for name, value in self.headers.items()]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


@pytest.fixture
def saying(hub, quick):
    """Put some words into the Hub's mouth until the test ends."""
    api = hub.api

    def saying(**about) -> None:
        hub.api = Saying(api, **about)

    yield saying
    hub.api = api


NONSENSE = {
    "very deep JSON": {"body": b"[" * 200_000},
    "not UTF-8": {"body": b'{"stage": "\xff\xfe"'},
    "UTF-16": {"body": '{"stage": 5}'.encode("utf-16")},
    "nothing": {"body": b""},
    "a number too long": {"body": b'{"id": "a/b", "likes": ' + b"9" * 5000 + b"}"},
    "no compression after all": {"body": b"{}", "headers": {"content-encoding": "gzip"}},
    "a stage that is empty": {"body": b'{"id": "a/b", "stage": "", "runtime": {"stage": ""}}'},
    "a stage of another type": {"body": b'{"id": "a/b", "stage": ["RUNNING"], "runtime": {"stage": {"x": 1}}}'},
    "429 for a googol of seconds": {"body": b"{}", "status": 429, "headers": {"ratelimit": '"api";r=0;t=' + "9" * 400}},
    "429 for more digits than Python reads": {"body": b"{}", "status": 429, "headers": {"ratelimit": '"api";r=0;t=' + "9" * 5000}},
    "503 until a day": {"body": b"{}", "status": 503, "headers": {"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}},
    "503 for two hours": {"body": b"{}", "status": 503, "headers": {"retry-after": "7200"}},
    "429 for two hours": {"body": b"{}", "status": 429, "headers": {"ratelimit": '"api";r=0;t=7200'}},
    "503 for no number": {"body": b"{}", "status": 503, "headers": {"retry-after": "\u00b2"}},
    "503 with very deep JSON": {"body": b"[" * 200_000, "status": 503},
    "redirect to no address": {"body": b"", "status": 302, "headers": {"location": "http://[::1"}},
    "redirect in a circle": {"body": b"", "status": 302, "headers": {"location": "?again"}},
    "redirect without an address": {"body": b"", "status": 302},
    "a status nobody knows": {"body": b"{}", "status": 599},
    "an early hint of success": {"body": b"", "status": 204},
}  # fmt: skip


@pytest.mark.parametrize("place", ["first look", "waiting"])
@pytest.mark.parametrize("what", NONSENSE)
def test_any_nonsense_is_looked_past(what, place, run, hub, world, saying):
    """One such answer is asked again; it never ends the step as a bug."""
    where = PLACES[place]
    name = f"acme/nonsense-{len(world._lives)}"
    world.add(Space(**({"id": name, "commit": OLD, "head": NEW} | where.space)))
    saying(path=where.path, times=1, **NONSENSE[what])
    ended = run("wait", name, timeout="20m")
    assert "internal error" not in ended.log and "Traceback" not in ended.log
    assert (ended.status, ended.result) == (0, "ok"), ended.log


@pytest.mark.parametrize("header", ['"api";r=0;t=' + "9" * 400, '"api";r=0;t=' + "9" * 5000, '"api";r=' + "9" * 400 + ";t=1", "x", '"api";r=0;t=5'])
def test_a_good_answer_with_a_strange_quota_is_a_good_answer(header, run, hub, world, saying):
    """What is said of the quota is help, not part of the answer."""
    name = f"acme/quota-{len(world._lives)}"
    world.add(Space(id=name, commit=OLD, head=NEW, timeline=BUILD))
    api = hub.api

    class Stamped:
        effects = 0

        async def __call__(self, scope, receive, send) -> None:
            async def stamp(message) -> None:
                if message["type"] == "http.response.start":
                    kept = [pair for pair in message["headers"] if pair[0].lower() != b"ratelimit"]
                    message = message | {"headers": [*kept, (b"ratelimit", header.encode())]}
                await send(message)

            await api(scope, receive, stamp)

    hub.api = Stamped()
    ended = run("wait", name, timeout="20m")
    assert (ended.status, ended.result, "internal error" in ended.log) == (0, "ok", False), ended.log


def test_an_answer_that_unpacks_to_much_more_is_bounded(run, hub, world, saying):
    """Twenty megabytes fit into a hundred kilobytes; nobody is to read them either."""
    packed = gzip.compress(b'{"stage": "' + b"A" * 20_000_000 + b'"}', compresslevel=1)
    name = f"acme/packed-{len(world._lives)}"
    world.add(Space(id=name, commit=OLD, head=NEW, timeline=BUILD))
    saying(path="/runtime$", body=packed, headers={"content-encoding": "gzip"}, times=1)
    tracemalloc.start()
    try:
        ended = run("wait", name)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (ended.result, peak < 15_000_000) == ("ok", True)
    assert max(map(len, ended.log.splitlines())) < 3_000 and len(ended.outputs["spaces"]) < 10_000


FIELDS = ("likes", "lastModified", "createdAt", "siblings", "cardData", "sdk", "private", "host", "sha")


@pytest.mark.parametrize(("field", "value"), [pair for pair in product(FIELDS, (b"5", b'"x"', b'[{"a": 1}]')) if pair != ("sha", b'"x"')])
def test_a_field_of_another_type_counts_as_absent(field, value, run, hub, world, saying):
    """Only the stage is indispensable: what else the Hub says differently one day does not end the step."""
    body = b'{"id": "acme/any", "runtime": {"stage": "RUNNING"}, "' + field.encode() + b'": ' + value + b"}"
    saying(path="/api/spaces/acme/any$", body=body)
    ended = run("info", "acme/any", timeout="20s")
    assert (ended.status, ended.result, ended.outputs["stage"]) == (0, "ok", "RUNNING"), ended.log


@pytest.mark.parametrize("extra", [b'"hardware": null', b'"hardware": "x"', b'"hardware": {"current": {}}', b'"gcTimeout": "x"', b'"domains": 5',
                                   b'"domains": [5, {"domain": 1}]', b'"volumes": [5]', b'"volumes": {}', b'"hotReloading": {"status": "new"}',
                                   b'"hotReloading": []', b'"storage": []', b'"replicas": "many"', b'"sha": 5', b'"errorMessage": {}'])  # fmt: skip
def test_a_part_of_the_runtime_of_another_type_counts_as_absent(extra, run, hub, world, saying):
    """Likewise for what a look reads."""
    runtime = b'{"stage": "RUNNING", ' + extra + b"}"
    saying(path="/api/spaces/acme/any$", body=b'{"id": "acme/any", "runtime": ' + runtime + b"}")
    ended = run("info", "acme/any", timeout="20s")
    assert (ended.status, ended.result, ended.outputs["stage"]) == (0, "ok", "RUNNING"), ended.log


@pytest.mark.parametrize(
    "prices",
    [b"[]", b"{}", b"5", b'[{"name": "t4-small"}]', b"[" * 100_000, b'[{"name":"t4-small","prettyName":"","cpu":"","ram":"","unitCostMicroUSD":1,"unitCostUSD":"x","unitLabel":"hour"}]',
     b'[{"name":"t4-small","prettyName":"","cpu":"","ram":"","unitCostMicroUSD":1,"unitCostUSD":1,"unitLabel":["hour"]}]',
     b'[{"name":"t4-small","prettyName":"","cpu":"","ram":"","unitCostMicroUSD":1,"unitCostUSD":1' + b"0" * 400 + b',"unitLabel":"hour"}]',
     b'[{"name":["t4-small"],"prettyName":"","cpu":"","ram":"","unitCostMicroUSD":1,"unitCostUSD":NaN,"unitLabel":"hour"}]'],
    ids=["none", "object", "number", "no price", "deep", "text", "unit", "too much", "no number"],
)  # fmt: skip
def test_prices_that_make_no_sense_cost_only_the_prices(prices, run, hub, world, saying):
    """The result is known before; the summary does without a price."""
    name = f"acme/paid-{len(world._lives)}"
    world.add(Space(id=name, hardware="t4-small"))
    saying(path="/api/spaces/hardware$", body=prices)
    ended = run("info", name)
    assert (ended.status, ended.result, "t4-small" in ended.summary) == (0, "ok", True)
    assert "internal error" not in ended.log and "nan" not in ended.summary.lower()


# ---- fuzzed for a moment; for longer by python -m tests.fuzz ----


@given(calls)
@settings(max_examples=200)
def test_any_call_is_settings_or_its_mistakes(call):
    """Whatever stands in flags, variables and the fleet file."""
    check_settings(call)


@given(st.one_of(documents, spaces()))
@settings(max_examples=200)
def test_any_payload_is_facts_or_garbage(raw):
    """Whatever JSON the Hub sends."""
    check_reader(raw)


def test_any_answer_is_facts_or_an_error_of_the_action(clock):
    """Whatever status, headers and bytes the Hub sends."""
    with fuzzed() as server:
        caller = Hub(endpoint=f"http://127.0.0.1:{server.server_port}", token="hf_fuzz", clock=clock, budget=Budget(clock.now() + 0.5), request_timeout=5.0)

        @given(asked)
        @settings(max_examples=150, database=None)
        def ask(case):
            check_answer(case, server=server, hub=caller)

        ask()
