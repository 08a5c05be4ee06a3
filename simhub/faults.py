"""Answers gone wrong, as networks, gateways and future versions of the Hub make them.

A fault is drawn for a request it matches, and spoils the answer at the socket: nothing of the client is patched.
"""

import asyncio
import json
import re
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum

from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from simhub import answers
from simhub.streams import until_gone

HUGE = 50  # MB


class Kind(Enum):
    """How an answer goes wrong."""

    STATUS = "status"  # `status`, `headers` and `body` of the fault
    RESET_BEFORE = "reset-before"  # the connection is reset, the request has no effect
    RESET_AFTER = "reset-after"  # the request has its effect, then the connection is reset
    STALL_HEADERS = "stall-headers"  # nothing comes
    STALL_BODY = "stall-body"  # half of the body comes
    DRIP = "drip"  # the body comes a byte at a time, `pause` seconds between two
    TRUNCATED = "truncated"  # the connection ends before Content-Length is reached
    CUT_SHORT = "cut-short"  # well-formed HTTP, half of the JSON
    WRONG_TYPE = "wrong-type"  # JSON of another type: `body`, else a list
    MISSING_FIELDS = "missing-fields"  # {}
    UNKNOWN_FIELDS = "unknown-fields"  # the answer and more
    HTML = "html"  # a page, with status 200
    HUGE = "huge"  # 50 MB, streamed
    REDIRECT = "redirect"  # 307 to `location`


# These spoil the true answer, so the request always takes effect; for the others, `effect` tells.
SPOILS = frozenset(
    {
        Kind.RESET_AFTER,
        Kind.STALL_BODY,
        Kind.DRIP,
        Kind.TRUNCATED,
        Kind.CUT_SHORT,
        Kind.MISSING_FIELDS,
        Kind.UNKNOWN_FIELDS,
    }
)


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong, with the next `times` requests (None: with all) after the first `skip` of them.

    It counts requests of `method` (None: any) whose path has a match of the regular expression `path`. `body` is JSON,
    or text to be sent as HTML. With `effect`, a write takes effect although its answer is the fault.
    """

    kind: Kind
    method: str | None = None
    path: str = ""
    times: int | None = 1
    skip: int = 0
    status: int = 503
    headers: dict[str, str] = field(default_factory=dict)
    body: object = None
    location: str = ""
    pause: float = 0.01
    effect: bool = False


# As public reports have them: tests/samples/evidence.json.
SLOW_RESTART = Fault(
    Kind.STATUS,
    method="POST",
    path="/restart$",
    status=504,
    body={"error": "The request is taking longer than expected, please try again later."},
    effect=True,
)
EDGE_BLOCKS = Fault(
    Kind.STATUS,
    status=403,
    headers={"Server": "CloudFront"},
    body="<html><head><title>403 Forbidden</title></head><body><h1>403 Forbidden</h1></body></html>",
    times=None,
)
EDGE_IN_TROUBLE = Fault(Kind.STATUS, path="^/_(apps|static)/", status=502, body="<html><h1>500</h1></html>")
GONE = Fault(Kind.STATUS, path="^/api/", status=410, body={"error": "Gone"}, times=None)  # wording not seen


@dataclass(slots=True)
class _Pending:
    """A fault still to come, and how many requests it matched so far."""

    fault: Fault
    matches: int = 0


@dataclass(slots=True)
class Faults:
    """The faults still to come, in the order they were injected; the first that matches is drawn."""

    stalled: set[int] = field(default_factory=set)  # ports of clients that wait for what does not come, or hardly
    _waiting: list[_Pending] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def inject(self, fault: Fault) -> None:
        """Let `fault` happen; raises re.error for a bad path."""
        re.compile(fault.path)
        with self._lock:
            self._waiting.append(_Pending(fault))

    def clear(self) -> None:
        """Let nothing go wrong any more."""
        with self._lock:
            self._waiting.clear()

    def draw(self, method: str, path: str) -> Fault | None:
        """Return what goes wrong with this request, if anything."""
        with self._lock:
            for waiting in self._waiting:
                fault, matches = waiting.fault, waiting.matches
                if fault.method not in (None, method) or not re.search(fault.path, path):
                    continue
                if fault.times is not None and matches >= fault.skip + fault.times:
                    continue
                waiting.matches += 1
                if matches >= fault.skip:
                    return fault
        return None


@dataclass(slots=True)
class Answer:
    """An answer kept back: status, headers and body."""

    status: int = 200
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""

    async def hold(self, message: Message) -> None:
        """Take the place of ASGI's send."""
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], message["headers"]
        else:
            self.body += message.get("body", b"")

    def start(self, length: int | None = None) -> Message:
        """Return the message that begins it, with another Content-Length if one is given."""
        headers = self.headers
        if length is not None:
            headers = [(name, value) for name, value in headers if name != b"content-length"]
            headers = [*headers, (b"content-length", str(length).encode())]
        return {"type": "http.response.start", "status": self.status, "headers": headers}


async def spoil(
    fault: Fault,
    app: ASGIApp,
    scope: Scope,
    receive: Receive,
    send: Send,
    transport: asyncio.Transport,
    stalled: set[int],
) -> None:
    """Answer one request as `fault` says, in place of `app`; `transport` is the client's connection.

    The client's port is in `stalled` while there is nothing for it but to wait.
    """
    answer = Answer()
    if fault.effect or fault.kind in SPOILS:
        await app(scope, _gone_after_body(receive), answer.hold)
    match fault.kind:
        case Kind.RESET_BEFORE | Kind.RESET_AFTER:
            reset(transport)
        case Kind.STALL_HEADERS:
            pass
        case Kind.STALL_BODY:
            await send(answer.start())
            await send(_chunk(answer.body[: len(answer.body) // 2]))
        case Kind.TRUNCATED:
            await send(answer.start(length=len(answer.body) + 100))
            await send(_chunk(answer.body))
            transport.close()
        case Kind.DRIP:
            await send(answer.start())  # which there is no need to wait for
            with listed(transport, stalled if fault.pause else set()):
                return await _drip(answer.body, pause=fault.pause, receive=receive, send=send)
        case Kind.HUGE:
            return await _flood(send)
        case _:
            return await _replacement(fault, answer=answer)(scope, receive, send)
    with listed(transport, stalled):
        await until_gone(receive)


def port_of(transport: asyncio.Transport) -> int:
    """Return the port of the client at the other end of a connection; 0 where it has gone already."""
    port: int = (transport.get_extra_info("peername") or ("", 0))[1]
    return port


@contextmanager
def listed(transport: asyncio.Transport, stalled: set[int]) -> Iterator[None]:
    """Have the port of a client among those to whom nothing more comes, until the block ends."""
    port = port_of(transport)
    stalled.add(port)
    try:
        yield
    finally:
        stalled.discard(port)


def reset(transport: asyncio.Transport) -> None:
    """End a connection by RST instead of FIN: that is what closing does with nothing to linger for (socket(7))."""
    connection = transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


async def _drip(body: bytes, pause: float, receive: Receive, send: Send) -> None:
    gone = asyncio.ensure_future(until_gone(receive))
    for byte in body:
        await send(_chunk(bytes([byte])))
        await asyncio.wait({gone}, timeout=pause)  # without a pause once nobody listens
    gone.cancel()
    await send({"type": "http.response.body", "body": b""})


async def _flood(send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send(_chunk(b'{"stage": "'))
    for _ in range(HUGE):
        await send(_chunk(b"A" * 1_000_000))
    await send({"type": "http.response.body", "body": b'"}'})


def _replacement(fault: Fault, answer: Answer) -> Response:
    match fault.kind:
        case Kind.STATUS if isinstance(fault.body, str):
            return HTMLResponse(fault.body, status_code=fault.status, headers=fault.headers)
        case Kind.STATUS:
            body = {"error": "simulated"} if fault.body is None else fault.body
            headers = {"X-Request-Id": answers.request_id(0)} | fault.headers
            return JSONResponse(body, status_code=fault.status, headers=headers)
        case Kind.REDIRECT:
            return Response(status_code=307, headers=fault.headers | {"Location": fault.location})
        case Kind.HTML:
            return HTMLResponse("<!doctype html><title>Hugging Face</title><p>One moment, please.")
        case Kind.WRONG_TYPE:
            return JSONResponse(["not", "an", "object"] if fault.body is None else fault.body)
        case Kind.CUT_SHORT:
            return Response(answer.body[: len(answer.body) // 2], answer.status, media_type="application/json")
        case Kind.MISSING_FIELDS:
            return JSONResponse({}, status_code=answer.status)
        case Kind.UNKNOWN_FIELDS:
            return JSONResponse(_enriched(json.loads(answer.body)), status_code=answer.status)
    raise AssertionError(fault.kind)


def _enriched(value: object) -> object:
    match value:
        case dict():
            return {key: _enriched(item) for key, item in value.items()} | {"unheardOf": {"of": [1, None, "two"]}}
        case list():
            return [_enriched(item) for item in value]
    return value


def _gone_after_body(receive: Receive) -> Receive:
    """Tell the app that the client has gone once it has the request, so that a stream ends with what it has."""
    more = True

    async def told() -> Message:
        nonlocal more
        if not more:
            return {"type": "http.disconnect"}
        message = await receive()
        more = message.get("more_body", False)
        return message

    return told


def _chunk(data: bytes) -> Message:
    return {"type": "http.response.body", "body": data, "more_body": True}
