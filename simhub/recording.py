"""What `--record` of the action has written: exchanges with the Hub, in the order in which they began.

The form is described in docs/contract.md, "Beside the operations".
"""

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from simhub.shapes import Json

# The version of the form that is read.
FORM = 1
# What stands in the place of a secret, in a parameter of an address too.
STARS = "***"
READS = ("GET", "HEAD")
_SPACE = re.compile(r"/api/spaces/([^/]+/[^/]+)(?:/|$)")


class NotARecordingError(ValueError):
    """A file that holds no recording."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and what came, at second `time` of the step; `place` is empty for the Hub, else the host asked.

    `events` are those of a stream, each with its time; `end` tells how that ended. `failure` is an error of the client.
    """

    time: float
    method: str
    place: str
    path: str
    query: tuple[tuple[str, str], ...]
    took: float = 0.0
    status: int = 0
    headers: Json = field(default_factory=dict)
    body: str = ""
    size: int = 0
    failure: str = ""
    reason: str = ""
    stream: int = 0
    events: tuple[tuple[float, str], ...] = ()
    end: str = ""

    @property
    def is_read(self) -> bool:
        """Whether it changes nothing."""
        return self.method in READS

    @property
    def scope(self) -> str:
        """The Space that it is about; empty where it is about none, or many."""
        found = _SPACE.match(self.path)
        return found[1].lower() if found and not self.place else ""

    @property
    def said(self) -> tuple[int, str, str]:
        """What tells it from another answer of its route."""
        return self.status, self.body, self.failure

    @property
    def failed(self) -> bool:
        """Whether somebody who got this asks again."""
        return bool(self.failure) or self.status in (401, 404, 408, 410, 429) or self.status >= 500 or self.is_redirect

    @property
    def is_redirect(self) -> bool:
        """Whether it leads to another address."""
        return 300 <= self.status < 400


@dataclass(frozen=True, slots=True)
class Recording:
    """A step as it was recorded: what it was asked for, the exchanges, and how it ended."""

    head: Json
    exchanges: tuple[Exchange, ...]
    status: int | None = None
    outputs: Json = field(default_factory=dict)

    @property
    def endpoint(self) -> str:
        """The Hub's address."""
        return str(self.head.get("endpoint", ""))

    @property
    def places(self) -> frozenset[str]:
        """The other hosts that were asked."""
        return frozenset(each.place for each in self.exchanges if each.place)

    @property
    def inputs(self) -> dict[str, str]:
        """The inputs of the step, by name."""
        given = self.head.get("inputs")
        return {str(name): str(text) for name, text in given.items()} if isinstance(given, dict) else {}

    @property
    def command(self) -> str:
        """The step as a shell would run it."""
        flags = [f"--{name}={text.strip()}" for name, text in self.inputs.items() if name != "operation"]
        return shlex.join(["hf-space", str(self.head.get("operation", "")), *flags])


def read_recording(path: Path, part: int = 1) -> Recording:
    """Read one part of a file, which has one for each step that wrote into it.

    Raises:
        OSError: it cannot be read.
        NotARecordingError: it holds no such part.
    """
    parts: list[list[Json]] = []
    for line in _lines(path.read_text(encoding="utf-8", errors="replace")):
        if "recording" in line:
            parts.append([])
        if parts:
            parts[-1].append(line)
    if not 1 <= part <= len(parts):
        raise NotARecordingError(f"{path} holds {len(parts)} recordings, and none of number {part}")
    head, *lines = parts[part - 1]
    if head["recording"] != FORM:
        raise NotARecordingError(f"{path} has another form than {FORM}; use the simhub of the version that wrote it")
    ended: Json = next((line for line in reversed(lines) if "ended" in line), {})
    return Recording(
        head=head, exchanges=_exchanges(lines), status=ended.get("ended"), outputs=ended.get("outputs", {})
    )


def _lines(text: str) -> Iterator[Json]:
    """Yield the lines that are whole; a step that was killed may have left half of one."""
    for line in text.split("\n"):
        try:
            found = json.loads(line)
        except ValueError:
            continue
        if isinstance(found, dict):
            yield found


def _exchanges(lines: list[Json]) -> tuple[Exchange, ...]:
    found = sorted((_exchange(line) for line in lines if "method" in line), key=lambda exchange: exchange.time)
    of_streams: dict[int, list[Json]] = {}
    for line in lines:
        if "stream" in line and "method" not in line:
            of_streams.setdefault(line["stream"], []).append(line)
    return tuple(_with_events(each, of_streams.get(each.stream, [])) for each in found)


def _exchange(line: Json) -> Exchange:
    path, _, query = str(line.get("path", "/")).partition("?")
    failure: dict[str, Any] = line.get("failure", {})
    return Exchange(
        time=float(line["time"]),
        method=str(line["method"]),
        place=str(line.get("host", "")),
        path=path,
        query=pairs(query),
        took=float(line.get("took", 0.0)),
        status=int(line.get("status", 0)),
        headers=line.get("headers", {}),
        body=str(line.get("body", "")),
        size=int(line.get("size", 0)),
        failure=str(failure.get("kind", "")),
        reason=str(failure.get("text", "")),
        stream=int(line.get("stream", 0)),
    )


def _with_events(exchange: Exchange, lines: list[Json]) -> Exchange:
    if not exchange.stream:
        return exchange
    last: Json = next((line for line in lines if "end" in line), {})
    failure: dict[str, Any] = last.get("failure", {})
    return replace(
        exchange,
        events=tuple((float(line["time"]), str(line["event"])) for line in lines if "event" in line),
        end=str(last.get("end", "left")),
        failure=str(failure.get("kind", "")),
        reason=str(failure.get("text", "")),
    )


def pairs(query: str) -> tuple[tuple[str, str], ...]:
    """Return the parameters of a query, in an order that does not depend on who asked."""
    return tuple(sorted(parse_qsl(query, keep_blank_values=True)))
