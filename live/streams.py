"""What a Hub streams: which events come, which lines a log has, and whether the stream closes."""

import json
import re
import socket
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from types import TracebackType
from typing import Self

import httpx2

from live.connection import Connection
from live.findings import Answer
from live.headers import watched

# Events of a log that are read; more would show nothing new.
MOST_EVENTS = 5000
# Bytes of one event.
MOST_BYTES = 1024 * 1024


class End(Enum):
    """How a stream ended, or was left."""

    CLOSED = "it closes after the last line"
    OPEN = "it stays open"
    BROKEN = "it breaks off"
    MANY = "it has more lines than are read"


@dataclass(frozen=True, slots=True)
class LogRead:
    """A log: its answer, the names of its events, its lines as JSON, and how it ended."""

    answer: Answer
    names: frozenset[str]
    lines: list[object]
    end: End


@dataclass(slots=True)
class _Received:
    names: set[str] = field(default_factory=set)
    lines: list[object] = field(default_factory=list)


def read_log(connection: Connection, path: str, *, now: float, quiet: float) -> LogRead:
    """Read a log until it closes, shows that it stays open, or says nothing for `quiet` seconds of this machine."""
    received = _Received()
    timeout = httpx2.Timeout(60.0, read=quiet)
    with connection.streaming.sse(
        connection.endpoint + path, headers=connection.headers(), timeout=timeout, max_event_size=MOST_BYTES
    ) as source:
        answer = _opened(source.response, path=path, now=now)
        end = _read(source, received) if answer.status < 400 else End.CLOSED
    return LogRead(answer=answer, names=frozenset(received.names), lines=received.lines, end=end)


def _read(source: httpx2.EventSource, received: _Received) -> End:
    try:
        for event in source:
            if event.data.strip():
                received.names.add(event.event)
                received.lines.append(_line(event.data))
            elif received.lines:  # a sign of life after all that there is
                return End.OPEN
            if len(received.lines) >= MOST_EVENTS:
                return End.MANY
    except httpx2.ReadTimeout:
        return End.OPEN
    except httpx2.HTTPError:
        return End.BROKEN
    return End.CLOSED


def _line(data: str) -> object:
    """Return a line of a log without its words, which may be private."""
    try:
        read = json.loads(data)
    except (ValueError, RecursionError):
        return "not JSON"
    if isinstance(read, dict) and isinstance(text := read.get("data"), str):
        read["data"] = _outline(text)
    return read


def _outline(text: str) -> str:
    """Return the header that the Hub puts at the start of a log; of other lines only whether they end in a newline."""
    newline = "\n" if text.endswith("\n") else ""
    if not text.startswith("====="):
        return f"…{newline}"
    return re.sub(r"\d+", "N", re.sub(r"\b[0-9a-f]{7,40}\b", "X", text.rstrip("\n"))) + newline


class Listener:
    """Listens to the status events of a Space in another thread, until the block ends."""

    def __init__(self, connection: Connection, path: str, *, now: float) -> None:
        self.heard: list[tuple[str, str]] = []
        self.ended = False
        self._taken = 0
        self._news = threading.Condition()
        self._stream = connection.streaming.sse(
            connection.endpoint + path, headers=connection.headers(), timeout=httpx2.Timeout(60.0, read=None)
        )
        self._source = self._stream.__enter__()
        self.answer = _opened(self._source.response, path=path, now=now)
        self._thread = threading.Thread(target=self._listen, name="live events", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Shut the connection down, which ends the thread even while it waits."""
        network = self._source.response.extensions.get("network_stream")
        connected = network.get_extra_info("socket") if network is not None else None
        if connected is not None:
            with suppress(OSError):  # the Hub has closed it already
                connected.shutdown(socket.SHUT_RDWR)
        self._thread.join(timeout=10)
        self._stream.__exit__(None, None, None)

    def wait(self, stage: str, seconds: float) -> bool:
        """Wait so many seconds of this machine for a new event that names the stage; return whether it came."""
        told = re.compile(rf"\b{re.escape(stage)}\b")

        def found() -> int | None:
            return next((at for at in range(self._taken, len(self.heard)) if told.search(self.heard[at][1])), None)

        with self._news:
            self._news.wait_for(lambda: self.ended or found() is not None, seconds)
            at = found()
            self._taken = self._taken if at is None else at + 1
        return at is not None

    def _listen(self) -> None:
        # An SSL socket that another thread has shut down raises AttributeError.
        with suppress(httpx2.HTTPError, httpx2.StreamError, OSError, ValueError, AttributeError):
            for event in self._source if self.answer.status < 400 else ():
                if event.data.strip():
                    with self._news:
                        self.heard.append((event.event, event.data[:200]))
                        self._news.notify_all()
        with self._news:
            self.ended = True
            self._news.notify_all()


def _opened(response: httpx2.Response, *, path: str, now: float) -> Answer:
    """Return the answer that a stream begins with."""
    refused = response.status_code >= 400
    return Answer(
        method="GET",
        path=path,
        status=response.status_code,
        headers=watched(response.headers),
        body=None,
        sent=now,
        answered=now,
        words=_said(response) if refused else "",
    )


def _said(response: httpx2.Response) -> str:
    """Return the words of a refusal. Only JSON is read: anything else might never end."""
    if not response.headers.get("content-type", "").startswith("application/json"):
        return ""
    try:
        body = json.loads(response.read())
    except (ValueError, RecursionError, httpx2.HTTPError):
        return ""
    return str(body.get("error", "")) if isinstance(body, dict) else ""
