"""Nothing that the Hub or an app sends is unbounded: not in time, in size, or in number.

Real sockets and real time, as an answer that never ends cannot be told from one that comes.
"""

import gzip
import json
import re
import socket
import time
import tracemalloc
import zlib
from functools import cache

import httpcore2
import pytest
from huggingface_hub.utils import get_session

from hf_action.clock import Budget
from hf_action.hub import bounds, listing, transport
from hf_action.hub.bounds import BoundedBackend, Deadline
from hf_action.hub.client import Hub
from hf_action.rules.models import SpaceInfo, SpaceRuntime
from hf_action.rules.outcomes import Refused, Unreachable
from hf_action.rules.selection import Query
from simhub.clock import FakeClock
from tests.fuzz.targets import saying
from tests.support.rawserver import answering, forever, raw_server

TIMEOUT = 0.15
SLACK = 120.0  # for a machine that has more to do: what has no bound never ends
OK = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
CHUNKED = OK + b"transfer-encoding: chunked\r\n\r\n"
RUNNING = json.dumps({"stage": "RUNNING", "id": "acme/demo", "runtime": {"stage": "RUNNING"}}).encode()

# What is sent first, what is sent again and again, and the pause between.
ENDLESS = {
    "nothing": (b"", b"", 0.05),
    "a status line": (b"HTTP/1.1 200 ", b"O", 0.05),
    "one header": (OK + b"x: ", b"x", 0.05),
    "headers": (OK, b"x: y\r\n", 0.05),
    "headers at full speed": (OK, b"x: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n" * 100, 0.0),
    "answers before the answer": (b"", b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n", 0.05),
    "answers before the answer at full speed": (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000, 0.0),
    "a body": (OK + b"content-length: 1000000\r\n\r\n", b" ", 0.05),
    "a body without a length": (OK + b"connection: close\r\n\r\n", b" ", 0.05),
    "a chunk": (CHUNKED + b"ffff\r\n", b" ", 0.05),
    "chunks": (CHUNKED, b"1\r\n \r\n", 0.05),
    "the extension of a chunk": (CHUNKED + b"1;", b"x=y;", 0.05),
    "extensions of chunks at full speed": (CHUNKED, (b"1;" + b"x=y;" * 200 + b"\r\n \r\n") * 20, 0.0),
    "trailers": (CHUNKED + b"2\r\n{}\r\n0\r\n", b"x: y\r\n", 0.05),
    "trailers at full speed": (CHUNKED + b"2\r\n{}\r\n0\r\n", b"x: yyyyyyyyyyyyyyyyyyyyyyyyy\r\n" * 200, 0.0),
}  # fmt: skip


def asking(port: int, *, timeout: float = TIMEOUT, scheme: str = "http") -> Hub:
    return Hub(endpoint=f"{scheme}://127.0.0.1:{port}", token="hf_token", clock=FakeClock(), budget=Budget(1000.0), request_timeout=timeout)


QUESTIONS = {
    "look": (lambda hub: hub.runtime("acme/demo"), 1),
    "first look": (lambda hub: hub.space_info("acme/demo", patient=False), 1),
    "listing": (lambda hub: hub.list_spaces(Query(author="acme", search=None), patient=False), 1),
    "visit": (lambda hub: hub.probe(f"{hub.endpoint}/", SpaceInfo(id="acme/demo", runtime=SpaceRuntime(stage="RUNNING"), host=hub.endpoint)), 3),
}  # fmt: skip


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("what", ENDLESS)
def test_an_answer_without_end_ends_with_its_time(what, question):
    """From the first byte to the last, whatever part of the answer it is that does not end."""
    start, again, pause = ENDLESS[what]
    call, patience = QUESTIONS[question]
    with raw_server(forever(start, again, pause=pause)) as server:
        began = time.monotonic()
        try:
            said = call(asking(server.port))
        except Unreachable as error:
            said = str(error)
        took = time.monotonic() - began
    assert took < TIMEOUT * patience + SLACK
    assert isinstance(said, str)
    if question != "visit" or not re.search("body|chunk|trailers", what):
        assert "the answer was lost" in said or (question == "visit" and "no complete answer" in said)


@pytest.mark.parametrize("what", ["nothing", "one byte of a handshake"])
def test_a_handshake_without_end_ends_with_its_time(what):
    """TLS is part of the request."""
    with raw_server(forever(b"", b"" if what == "nothing" else b"\x16", pause=0.05)) as server:
        began = time.monotonic()
        with pytest.raises(Unreachable):
            asking(server.port, scheme="https").runtime("acme/demo")
    assert time.monotonic() - began < TIMEOUT + SLACK


class Moving:
    """The clock of the bounds, which moves only where a test says so."""

    seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def moving(monkeypatch):
    moving = Moving()
    for module in (bounds, transport):
        monkeypatch.setattr(module, "time", moving)
    return moving


def test_a_redirect_gets_no_more_time_than_what_led_to_it(moving):
    """Each is part of one request."""
    body = answering("location: /api/spaces/acme/demo/runtime\r\n", status="307 x")

    def slowly(connection, asked) -> None:
        moving.seconds += 20.0
        body(connection, asked)

    with raw_server(slowly) as server, pytest.raises(Unreachable, match="still coming when its time was over"):
        asking(server.port, timeout=50.0).runtime("acme/demo")
    assert len(server.asked) == 3


def test_all_addresses_of_a_name_share_the_time(monkeypatch, moving):
    """A name may have eight of them, none of which answers; the time is for all."""
    given = []

    def connect(self, host, port, timeout, *rest) -> None:
        given.append((host, timeout))
        moving.seconds += 20.0
        raise httpcore2.ConnectTimeout("timed out")

    monkeypatch.setattr(httpcore2.SyncBackend, "connect_tcp", connect)
    addresses = [(socket.AF_INET6, 1, 6, "", ("fe80::1", 443, 0, 2)), *((socket.AF_INET, 1, 6, "", (f"192.0.2.{n}", 443)) for n in range(8))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *words, **more: addresses)
    with pytest.raises(httpcore2.ConnectTimeout):
        BoundedBackend().connect_tcp("hub.example", 443, Deadline(50.0, end=50.0))
    assert given[0][0] == "fe80::1%2" and [timeout for _, timeout in given] == [50.0, 30.0, 10.0]


@pytest.mark.parametrize(("host", "port"), [("a" * 70 + ".example", 443), ("hub.example", 10**6), (".example", 80)])
def test_what_is_not_an_address_is_no_connection(host, port):
    """The C library's own words for it are an OverflowError and a UnicodeError."""
    with pytest.raises(httpcore2.ConnectError):
        BoundedBackend().connect_tcp(host, port, 0.1)


def test_a_name_without_addresses_is_no_connection(monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *words, **more: [])
    with pytest.raises(httpcore2.ConnectError, match=r"hub\.example has no address"):
        BoundedBackend().connect_tcp("hub.example", 443, 0.1)


def test_a_timeout_of_no_request_is_left_as_it_is():
    """A connection may be used by others, with seconds of the common kind."""
    with raw_server(answering("", b"{}")) as server:
        stream = BoundedBackend().connect_tcp("127.0.0.1", server.port, 1.0)
        stream.write(b"GET / HTTP/1.1\r\n\r\n", 1.0)
        assert stream.read(8, 1.0) == b"HTTP/1.1"
        stream.close()


# ---- size ----


def packed(body: bytes, *, ways: str) -> bytes:
    for way in ways.split(", "):
        body = {"gzip": gzip.compress, "deflate": zlib.compress}.get(way, bytes)(body)
    return body


@pytest.mark.parametrize(
    ("ways", "taken"),
    [
        ("identity", True), ("gzip", True), ("deflate", True), ("GZIP", True), ("identity, gzip", True), ("", True),
        ("gzip, gzip", False), ("gzip, deflate", False), ("gzip, gzip, gzip", False), ("br", False), ("zstd", False), ("x", False), ("gzip, br", False),
    ],
)  # fmt: skip
@pytest.mark.parametrize("form", ["one line", "two lines"])
def test_an_answer_is_packed_once_and_in_a_known_way(ways, taken, form):
    """Packed twice, a kilobyte is a gigabyte."""
    head = f"content-encoding: {ways}\r\n" if form == "one line" else "".join(f"content-encoding: {way}\r\n" for way in ways.split(", "))
    with raw_server(answering(head, packed(RUNNING, ways=ways.lower()))) as server:
        hub = asking(server.port, timeout=60.0)
        if taken:
            assert hub.runtime("acme/demo").stage == "RUNNING"
        else:
            with pytest.raises(Unreachable, match="packed more than once, or in an unknown way"):
                hub.runtime("acme/demo")


@pytest.fixture(scope="module")
def sixty_megabytes():
    """Return how an answer of that size comes; each way of packing it takes a while, and is for several tests."""
    return cache(lambda ways: packed(b'{"stage": "' + b"A" * 60_000_000 + b'"}', ways=ways))


@pytest.mark.parametrize("ways", ["", "gzip", "gzip, gzip", "deflate"])
@pytest.mark.parametrize("question", QUESTIONS)
def test_no_answer_fills_the_memory(question, ways, sixty_megabytes):
    """Sixty megabytes, packed or not."""
    with raw_server(answering(f"content-encoding: {ways}\r\n", sixty_megabytes(ways))) as server:
        tracemalloc.start()
        try:
            with pytest.raises(Unreachable):
                said = QUESTIONS[question][0](asking(server.port, timeout=60.0))
                assert isinstance(said, str)  # a visit, which reads no more than it needs
                raise Unreachable(said)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < 30_000_000


# Made when they are asked for: together they are 40 MB.
MANY = {
    "lists": lambda: b"[" + b"[]," * 2_000_000 + b"[]]",
    "objects": lambda: b"[" + b"{}," * 2_000_000 + b"{}]",
    "words": lambda: b"[" + b'"ab",' * 1_500_000 + b'"ab"]',
    "names": lambda: b"{" + b",".join(b'"%d":1' % n for n in range(600_000)) + b"}",
    "words in another encoding": lambda: ("[" + '"ab",' * 700_000 + '"ab"]').encode("utf-16-le"),
    "deep": lambda: b"[" * 8_000_000,
}  # fmt: skip


@pytest.fixture(scope="module")
def many():
    """Return how the values of a kind come, which several tests read."""
    return cache(lambda what: MANY[what]())


@pytest.mark.parametrize("question", ["look", "first look", "listing"])
@pytest.mark.parametrize("what", MANY)
def test_no_answer_fills_the_memory_when_it_is_read(question, what, many):
    """Eight megabytes of the shortest values would be hundreds."""
    with raw_server(answering("content-type: application/json\r\n", many(what))) as server:
        tracemalloc.start()
        try:
            with pytest.raises(Unreachable, match="more than 500,000 values"):
                QUESTIONS[question][0](asking(server.port, timeout=60.0))
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < 40_000_000


@pytest.mark.parametrize("about", ["log", "events"])
def test_a_line_of_a_stream_without_end_is_bounded(about):
    """Fifty megabytes without a line break."""
    head = b'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\ndata: {"data": "the first"}\n\ndata: '
    heard = []
    with raw_server(forever(head, b"A" * 500_000, pause=0.0)) as server:
        hub = asking(server.port, timeout=60.0)
        tracemalloc.start()
        try:
            if about == "log":
                heard = hub.log_tail("acme/demo", build=True, lines=20)
            else:
                with pytest.raises(Unreachable):
                    hub.listen("acme/demo", lambda name, data: not heard.append((name, data)))
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < 60_000_000
    assert heard[:2] == ["the first", heard[1]] if about == "log" else heard == [("", ""), ("message", '{"data": "the first"}')]


@pytest.mark.parametrize("what", ["answers before the answer at full speed", "extensions of chunks at full speed"])
def test_what_comes_around_an_answer_is_bounded(what, monkeypatch):
    """It is not part of the body, and still counts."""
    monkeypatch.setattr(bounds, "MAX_WIRE_BYTES", 1 << 20)
    start, again, pause = ENDLESS[what]
    with raw_server(forever(start, again, pause=pause)) as server, pytest.raises(Unreachable, match="more than 1 MiB came for one answer"):
        asking(server.port, timeout=60.0).runtime("acme/demo")


# ---- number ----


def entry(number: int) -> dict:
    return {"id": f"acme/space-{number}", "runtime": {"stage": "RUNNING"}}


def pages(*, size: int, cursor, number):
    """Answer each request for a page with `size` entries that `number` counts, and a next page that `cursor` names."""
    met = 0

    def script(connection, asked: bytes) -> None:
        nonlocal met
        met += 1
        body = json.dumps([entry(number(met) + place) for place in range(size)]).encode()
        link = f'link: </api/spaces?cursor={cursor(met)}>; rel="next"\r\n'
        answering(link, body)(connection, asked)

    return script


@pytest.mark.parametrize(
    ("what", "script", "most"),
    [
        ("it comes back to a page that was read", pages(size=2, cursor=lambda met: 1, number=lambda met: met * 2), 2),
        ("it comes back to a page that was read", pages(size=2, cursor=lambda met: met % 3, number=lambda met: met * 2), 4),
        ("it repeats what was read", pages(size=2, cursor=lambda met: met, number=lambda met: 0), 3),
        ("it has more than 7 pages", pages(size=1, cursor=lambda met: met, number=lambda met: met), 7),
        ("it has more than 7 pages", pages(size=0, cursor=lambda met: met, number=lambda met: met), 7),
        ("it has more than 20 Spaces", pages(size=10, cursor=lambda met: met, number=lambda met: met * 10), 3),
    ],
    ids=["the same page", "a circle of pages", "the same entries", "too many pages", "empty pages", "too many entries"],
)
def test_a_listing_without_end_ends(what, script, most, monkeypatch):
    """A page that comes again, pages that say the same, more of them than anybody has."""
    monkeypatch.setattr(listing, "MAX_PAGES", 7)
    monkeypatch.setattr(listing, "MAX_ENTRIES", 20)
    with raw_server(script) as server, pytest.raises(Refused, match=what) as refused:
        asking(server.port, timeout=60.0).list_spaces(Query(author="acme", search=None))
    assert (refused.value.cause, refused.value.blame, len(server.asked)) == ("hub-fault", "hub", most)


def test_a_page_may_repeat_the_one_before_it():
    """Where a Space is made while the pages are read, the last of one page is the first of the next."""
    met = []

    def script(connection, asked: bytes) -> None:
        met.append(asked)
        first = b"cursor" not in asked
        link = '</api/spaces?cursor=1>; rel="next"' if first else '</api/spaces?cursor=2>; rel="next"' if b"cursor=1" in asked else ""
        body = json.dumps([entry(1), entry(2)] if first else [entry(2)] if b"cursor=1" in asked else [entry(3)]).encode()
        answering(f"link: {link}\r\n", body)(connection, asked)

    with raw_server(script) as server:
        found = asking(server.port, timeout=60.0).list_spaces(Query(author="acme", search=None))
    assert [space.id for space in found] == ["acme/space-1", "acme/space-2", "acme/space-3"]


def test_an_app_leaves_no_cookies_behind(certificates):
    """A megabyte of them with every visit would fill the memory in an hour."""
    with saying() as app:
        hub = asking(app.server_port, timeout=60.0)
        space = SpaceInfo(id="acme/demo", runtime=SpaceRuntime(stage="RUNNING"))
        for number in range(5):
            app.answer = (200, {"set-cookie": f"name{number}={'x' * 1000}"}, b"{}")
            assert hub.probe(f"{hub.endpoint}/", space) == ""
        assert len(get_session().cookies) == 0
