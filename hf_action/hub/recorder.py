"""Notes every exchange while it takes place: what was asked, what came, when, and how it ended.

It listens where every request and answer passes, and hands on each byte as it comes: nothing waits for it, and what
it cannot note is left out. What is written is made by rules/recording.py, which lets no secret through.

Source: docs/contract.md, "Beside the operations".
"""

import re
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from itertools import count
from typing import Protocol, TypeAlias

import httpx2

from hf_action import VERSION
from hf_action.rules.recording import FORM, LOGIN, MAX_BODY, Redaction

# Takes a line of the recording.
Write: TypeAlias = Callable[[Mapping[str, object]], None]
# How a body is unpacked: gzip, and deflate with a header or without (zlib, decompressobj).
_WINDOWS = {"gzip": (31,), "deflate": (15, -15)}
# What stands between two events (https://html.spec.whatwg.org/multipage/server-sent-events.html).
_BETWEEN = re.compile(rb"(\r\n\r\n|\n\n|\r\r)")
# What the service is called that gives a job of GitHub its identity; its address names the job.
TOKEN_SERVICE = "token-service"


class Recorder:
    """Writes a line about each exchange, and one about each event of a stream.

    Args:
        write: takes the lines; it may be called by several threads.
        now: the seconds since the step began.
        endpoint: the Hub's address.
        redaction: what may be written of it.
    """

    def __init__(self, *, write: Write, now: Callable[[], float], endpoint: str, redaction: Redaction) -> None:
        self.redaction = redaction
        self.now = now
        self.write = write
        self._endpoint = httpx2.URL(endpoint)
        self._numbers = count(1)
        self._lock = threading.RLock()  # names are learned in the order of the lines

    def start(self, *, operation: str, wall: float, access: str, inputs: Mapping[str, str]) -> None:
        """Write the first line: what the step was asked for. `wall` is the time of day at which it began."""
        self.line(
            lambda: {
                "recording": FORM,
                "program": f"hf-space {VERSION}",
                "began": datetime.fromtimestamp(wall, UTC).isoformat(timespec="seconds"),
                "operation": operation,
                "access": access,
                "anonymous": bool(self.redaction.names),
                "inputs": self.redaction.inputs(inputs),
                "endpoint": self.redaction.text(str(self._endpoint)),
            },
            at=0.0,
        )

    def finish(self, *, status: int, outputs: Callable[[], Mapping[str, str]]) -> None:
        """Write how the step ended."""
        self.line(lambda: {"ended": status, "outputs": self.redaction.outputs(outputs())}, at=self.now())

    def begin(self, request: httpx2.Request) -> None:
        """Note that a request is about to be sent."""
        request.extensions["exchange"] = Exchange(self, request, began=self.now())

    def answered(self, response: httpx2.Response) -> None:
        """Note that an answer has begun, and listen to its body."""
        exchange: Exchange = response.request.extensions["exchange"]
        response.stream = exchange.listen(response)

    def line(self, make: Callable[[], Mapping[str, object]], *, at: float) -> None:
        """Write a line; where it cannot be made, one that says so: a bug here is not one of the step."""
        with self._lock:
            try:
                made = make()
            except Exception as error:  # noqa: BLE001 - see above
                made = {"not recorded": type(error).__name__}
            self.write({"time": round(at, 3), **made})

    def stream_number(self) -> int:
        """Return a number for a stream, by which its lines are known."""
        return next(self._numbers)

    def where(self, url: httpx2.URL, *, is_app: bool) -> dict[str, str]:
        """Return the place that was asked: the path at the Hub, with the host for others."""
        query = url.query.decode("ascii", "replace")
        if url.origin == self._endpoint.origin:
            return {"path": self.redaction.path(url.path, query)}
        if not is_app and LOGIN.search(url.path):
            return {"host": TOKEN_SERVICE, "path": "/idtoken"}
        if self.redaction.names:
            self.redaction.names.learn_host(url.host)
        path = self.redaction.path(url.path, query)
        return {"host": self.redaction.text(f"{url.scheme}://{url.netloc.decode('ascii', 'replace')}"), "path": path}


class Exchange:
    """One request, and what became of it."""

    def __init__(self, recorder: Recorder, request: httpx2.Request, *, began: float) -> None:
        self.path = request.url.path  # tells what a body is about
        self._recorder = recorder
        self._request = request
        self._began = began
        self._ended = False

    def listen(self, response: httpx2.Response) -> "Listened":
        """Return the body of an answer, which is noted on its way."""
        assert isinstance(response.stream, httpx2.SyncByteStream)  # as all streams of a synchronous client
        if response.headers.get("content-type", "").startswith("text/event-stream"):
            return Listened(response.stream, Events(self, response))
        return Listened(response.stream, Body(self, response))

    def fail(self, error: Exception) -> None:
        """Note that no answer came, unless one did."""
        if not self._ended:
            self.note(lambda: {"failure": self.failure(error)})

    def note(self, answer: Callable[[], Mapping[str, object]]) -> None:
        """Write the line of the exchange."""
        self._ended = True
        took = round(self._recorder.now() - self._began, 3)
        self._recorder.line(lambda: {**self._asked(), **answer(), "took": took}, at=self._began)

    def later(self, make: Callable[[], Mapping[str, object]]) -> None:
        """Write another line, about what comes now."""
        self._recorder.line(make, at=self._recorder.now())

    @property
    def redaction(self) -> Redaction:
        """What may be written."""
        return self._recorder.redaction

    def stream_number(self) -> int:
        """Return a number for a stream, by which its lines are known."""
        return self._recorder.stream_number()

    def failure(self, error: Exception) -> dict[str, str]:
        """Return what went wrong, by its name in httpx2 and in words."""
        return {"kind": type(error).__name__, "text": self.redaction.text(str(error))}

    def _asked(self) -> dict[str, object]:
        request = self._request
        place = self._recorder.where(request.url, is_app="app" in request.extensions)
        asked: dict[str, object] = {"method": request.method, **place}
        if any(name in request.headers for name in ("authorization", "x-hf-authorization")):
            asked["token"] = True
        with suppress(httpx2.RequestNotRead):  # what is sent piece by piece is not kept
            if request.content:
                asked["sent"] = self.redaction.sent(request.content[:MAX_BODY], path=self.path)
        return asked


class Listener(Protocol):
    """Hears an answer."""

    def hear(self, chunk: bytes) -> None:
        """Take in what has come."""

    def end(self, failure: Exception | None, *, complete: bool) -> None:
        """Take in that no more will come: all has, something went wrong, or nobody wants the rest."""


class Listened(httpx2.SyncByteStream):
    """The body of an answer, on its way to whoever asked."""

    def __init__(self, stream: httpx2.SyncByteStream, listener: Listener) -> None:
        self._stream = stream
        self._listener = listener
        self._failure: Exception | None = None
        self._complete = False

    def __iter__(self) -> Iterator[bytes]:
        try:
            for chunk in self._stream:
                self._listener.hear(chunk)
                yield chunk
            self._complete = True
        except Exception as error:
            self._failure = error
            raise

    def close(self) -> None:
        """Give the connection back, and note how it ended; an answer closes its body once."""
        self._stream.close()
        self._listener.end(self._failure, complete=self._complete)


class Body:
    """Hears a body, and notes it as a whole."""

    def __init__(self, exchange: Exchange, response: httpx2.Response) -> None:
        self._exchange = exchange
        self._response = response
        self._heard = bytearray()
        self._size = 0

    def hear(self, chunk: bytes) -> None:
        """Keep what is not too much."""
        self._size += len(chunk)
        self._heard += chunk[: MAX_BODY - len(self._heard)]

    def end(self, failure: Exception | None, *, complete: bool) -> None:  # noqa: ARG002 - as every listener
        """Write the line of the exchange."""
        self._exchange.note(lambda: self._answer(failure))

    def _answer(self, failure: Exception | None) -> dict[str, object]:
        redaction, status = self._exchange.redaction, self._response.status_code
        answer: dict[str, object] = {"status": status, "headers": redaction.headers(self._headers())}
        content = unpacked(bytes(self._heard), self._packing)
        if content:
            answer["body"] = redaction.body(content, path=self._exchange.path, status=status)
        if self._size > MAX_BODY:
            answer["size"] = self._size
        if failure:
            answer["failure"] = self._exchange.failure(failure)
        return answer

    @property
    def _packing(self) -> str:
        return self._response.headers.get("content-encoding", "").lower()

    def _headers(self) -> list[tuple[str, str]]:
        """Return the headers; what is kept of a body that was unpacked is not packed any more."""
        headers = self._response.headers.multi_items()
        return [(name, value) for name, value in headers if name != "content-encoding" or self._packing not in _WINDOWS]


class Events:
    """Hears a stream of events, and notes each of them when it comes."""

    def __init__(self, exchange: Exchange, response: httpx2.Response) -> None:
        self._exchange = exchange
        self._number = exchange.stream_number()
        self._rest = b""
        headers = response.headers.multi_items()
        exchange.note(
            lambda: {
                "stream": self._number,
                "status": response.status_code,
                "headers": exchange.redaction.headers(headers),
            }
        )

    def hear(self, chunk: bytes) -> None:
        """Write each event that is whole by now: a secret may come in two pieces."""
        *events, rest = _BETWEEN.split(self._rest + chunk)
        self._rest = rest[:MAX_BODY]
        for event, between in zip(events[::2], events[1::2], strict=True):
            self._note(event + between)

    def end(self, failure: Exception | None, *, complete: bool) -> None:
        """Write how it ended: all came, something went wrong, or nobody listened any more."""
        if self._rest:
            self._note(self._rest)
        end = {"failure": self._exchange.failure(failure)} if failure else {}
        self._exchange.later(lambda: {"stream": self._number, "end": "complete" if complete else "left", **end})

    def _note(self, event: bytes) -> None:
        text = event.decode("utf-8", "replace")
        shown = partial(self._exchange.redaction.event, text, path=self._exchange.path)
        self._exchange.later(lambda: {"stream": self._number, "event": shown()})


def unpacked(content: bytes, packing: str) -> bytes:
    """Return a body as it was before it was packed, up to the most that is kept; nothing where that cannot be told.

    What is packed must not be kept: no secret could be found in it.
    """
    if packing in ("", "identity"):
        return content
    if packing not in _WINDOWS:
        return b""
    for window in _WINDOWS[packing]:
        with suppress(zlib.error):
            return zlib.decompressobj(window).decompress(content, MAX_BODY)
    return b""
