"""What never quite ends: the logs and the status events of a Space, as Server-Sent Events."""

import asyncio
import json
import time
from collections.abc import Iterator

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from simhub import answers
from simhub.life import Life
from simhub.pulse import Pulse
from simhub.shapes import Json
from simhub.space import StatusEvents
from simhub.world import World

TICK = 0.01  # real seconds between two looks at the world's clock while a stream is open
ALIVE = "data:\n\n"  # an event that tells nothing

Batches = Iterator[list[str]]  # what is to be sent now, as often as somebody asks


class EventStream(Response):
    """Server-Sent Events: every batch as it comes, with an empty event as keep-alive, until the batches end."""

    media_type = "text/event-stream"

    def __init__(self, batches: Batches, keep_alive: float, pulse: Pulse, stalled: set[int] | None = None) -> None:
        super().__init__()
        del self.headers["content-length"]
        self.batches = batches
        self.keep_alive = keep_alive
        self.pulse = pulse
        self.stalled = set() if stalled is None else stalled

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send what there is, again and again, until the client has gone or there is no more.

        The client's port is in `stalled` while nothing more can come before time passes in the world.
        """
        port = (scope.get("client") or ("", 0))[1]
        try:
            await self._stream(receive, send, port=port)
        finally:
            self.stalled.discard(port)
            self.pulse.end(port)

    async def _stream(self, receive: Receive, send: Send, port: int) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        gone = asyncio.ensure_future(until_gone(receive))
        self.pulse.begin(port)
        clock = asyncio.get_running_loop().time
        silent_since = clock() - self.keep_alive
        looked = before = -1.0
        for batch in self.batches:
            (self.stalled.discard if batch else self.stalled.add)(port)
            is_due = not batch and clock() - silent_since >= self.keep_alive
            told = [ALIVE] if is_due else batch
            for event in told:
                await send(_chunk(event))
                silent_since = clock()
            # The second look at a moment tells whether there is more: a log ends after its last lines.
            self.pulse.beat(port, min(before, looked), told=len(told))
            if not batch:
                await asyncio.wait({gone}, timeout=TICK)
            if gone.done():
                break
            before, looked = looked, self.pulse.now()
        gone.cancel()
        await send({"type": "http.response.body", "body": b""})


async def until_gone(receive: Receive) -> None:
    """Return when the client has hung up, or the server is about to."""
    while (await receive())["type"] != "http.disconnect":
        pass


def follow_log(world: World, life: Life, kind: str, tail: int | None) -> Batches:
    """Yield the lines of a log as they are written, beginning with the last `tail` of those that are."""
    log = life.log(kind, now=world.now(), date=world.date)
    began, sent = log.began, 0 if tail is None else max(0, len(log.lines) - tail)
    while True:
        log = life.log(kind, now=world.now(), date=world.date)
        if log.began != began:  # a new build, a new log
            began, sent = log.began, 0
        lines = list(enumerate(log.lines))[sent:]
        yield [_line(world, kind, at=at, line=line, header=number == 0) for number, (at, line) in lines]
        sent = len(log.lines)
        if not log.open and (kind == "run" or life.space.log_closes):
            return


def _line(world: World, kind: str, at: float, line: str, *, header: bool) -> str:
    """Return the event of a line. What the app itself prints comes without a newline: tests/samples/evidence.json."""
    date, end = answers.iso(world.date(at)), "\n"
    if kind == "run" and header:
        date = world.date(at).strftime("%Y-%m-%dT%H:%M:%SZ")
    elif kind == "run":
        end = ""
    return _event(json.dumps({"data": line + end, "timestamp": date}, separators=(",", ":")))


def follow_status(world: World, life: Life, chatter: float) -> Batches:
    """Yield the status events of a Space: of its stage, of the rest of its runtime, and chatter every `chatter` s."""
    seen = _runtime(world, life)  # as the request finds it, not when the answer is under way
    mode = life.space.status_events

    def batches() -> Batches:
        nonlocal seen
        if mode is StatusEvents.ENDING:
            return
        yield _opening(seen, mode)
        talked, told = time.monotonic(), 0
        while True:
            runtime, batch = _runtime(world, life), []
            if mode in (StatusEvents.TRUE, StatusEvents.TERSE) and told < life.space.events_told:
                batch = _news(seen, runtime)
                told += bool(batch)
            seen = runtime
            if time.monotonic() - talked >= chatter:
                batch += _chatter(runtime, mode)
                talked = time.monotonic()
            yield batch

    return batches()


def _opening(runtime: Json, mode: StatusEvents) -> list[str]:
    match mode:
        case StatusEvents.TRUE:
            return [_stage(runtime["stage"]), _space(runtime)]
        case StatusEvents.LYING:
            return _chatter(runtime, mode)
    return []


def _news(seen: Json, runtime: Json) -> list[str]:
    news = [_stage(runtime["stage"])] if runtime["stage"] != seen["stage"] else []
    return news + ([_space(runtime)] if {**runtime, "stage": ""} != {**seen, "stage": ""} else [])


def _chatter(runtime: Json, mode: StatusEvents) -> list[str]:
    if mode is StatusEvents.LYING:
        return [_stage("BUILDING" if runtime["stage"] == "RUNNING" else "RUNNING")]
    if mode in (StatusEvents.TRUE, StatusEvents.TERSE) and runtime["hardware"]["requested"] == "zero-a10g":
        return [_event("0", name="zero-gpu-count")]
    return []


def _runtime(world: World, life: Life) -> Json:
    t = world.now() - life.space.events_lag
    return answers.runtime(space=life.space, state=life.at(t), sleep_time=life.sleep_time)


def _stage(stage: str) -> str:
    return _event(stage, name="stage")


def _space(runtime: Json) -> str:
    return _event(json.dumps({"runtime": runtime}, separators=(",", ":")), name="space")


def _event(data: str, name: str | None = None) -> str:
    named = "" if name is None else f"event: {name}\n"
    return f"{named}data: {data}\n\n"


def _chunk(text: str) -> Json:
    return {"type": "http.response.body", "body": text.encode(), "more_body": True}
