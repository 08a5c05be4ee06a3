"""A recording behind a real socket: answers as they were recorded, failures and streams included.

Other hosts than the Hub, those of apps, are served below /_hosts/, and by their names to whoever comes by them (a plain
HTTP proxy). What is rewritten of an answer are the addresses in it, so that they lead here.
"""

import asyncio
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from simhub.faults import listed, port_of, reset
from simhub.player import ROUNDING, Player
from simhub.recording import Exchange, Recording, pairs
from simhub.server import Certificates, Request, connection, listen, run
from simhub.streams import TICK, until_gone

# The status where the recording has no answer; no server gives it by itself.
NOT_RECORDED = 599
# Bytes by which an answer that breaks off is announced as longer than it is.
MISSING = 100


@dataclass(slots=True)
class Replay:
    """A served recording. `requests` are those that came, `unknown` those that the recording has no answer to.

    `patience` is how many real seconds a second of an answer's way takes: 0 gives all answers at once. `stalled` are
    the ports of clients to whom nothing more comes.
    """

    url: str
    player: Player
    patience: float = 0.0
    on_request: Callable[[Request], None] | None = None
    requests: list[Request] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    stalled: set[int] = field(default_factory=set)

    @property
    def recording(self) -> Recording:
        """What is played."""
        return self.player.recording

    def here(self, place: str) -> str:
        """Return the address at which another host is served."""
        return f"{self.url}/_hosts/{place.replace('://', '/')}"

    def leads_here(self, text: str) -> str:
        """Return an address of the recording, as one of this server."""
        for there, here in self._addresses():
            if re.match(rf"{re.escape(there)}(?![\w.:-])", text):
                return here + text.removeprefix(there)
        return text

    def as_recorded(self, text: str) -> str:
        """Return text in which addresses of this server are those of the recording again."""
        for there, here in sorted(self._addresses(), key=lambda pair: -len(pair[1])):
            text = text.replace(here, there)
        return text

    def _addresses(self) -> list[tuple[str, str]]:
        others = [(place, self.here(place)) for place in self.recording.places if "://" in place]
        return [(self.recording.endpoint, self.url), *others]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        place, path = self._asked(scope)
        query = scope["query_string"].decode("ascii", "replace")
        found = self.player.answer(scope["method"], place, path, pairs(query))
        self._note(scope, found.status if found else NOT_RECORDED)
        if found is None:
            asked = f"{scope['method']} {place}{path}"
            self.unknown.append(asked)
            response = PlainTextResponse(f"The recording has no answer to {asked}.", status_code=NOT_RECORDED)
            return await response(scope, receive, send)
        await asyncio.sleep(found.took * self.patience)
        transport = connection(send)
        if not found.status:
            return await self._lose(found, receive=receive, transport=transport)
        if found.stream:
            return await self._stream(found, receive=receive, send=send, transport=transport)
        body = found.body if place else self._led(found.body)
        data = body.encode("utf-8", "replace").ljust(found.size)
        announced = len(data) + MISSING * bool(found.failure)
        await send(self._start(found, length=announced))
        if not found.failure:
            return await send({"type": "http.response.body", "body": data})
        await send({"type": "http.response.body", "body": data, "more_body": True})
        await self._lose(found, receive=receive, transport=transport)

    async def _stream(self, found: Exchange, receive: Receive, send: Send, transport: asyncio.Transport) -> None:
        """Send the events of a stream: those of a Space by the clock, the lines of a log one after the other."""
        await send(self._start(found))
        gone = asyncio.ensure_future(until_gone(receive))
        port = port_of(transport)
        self.player.pulse.begin(port)
        try:
            await self._play(found, gone=gone, send=send, port=port)
        finally:
            self.player.pulse.end(port)
        if gone.done():
            return None
        if found.end == "complete":
            gone.cancel()
            return await send({"type": "http.response.body", "body": b""})
        if found.failure and "Timeout" not in found.failure:
            gone.cancel()
            return await self._lose(found, receive=receive, transport=transport)
        with listed(transport, self.stalled):
            await gone

    async def _play(self, found: Exchange, gone: "asyncio.Future[None]", send: Send, port: int) -> None:
        pulse, before = self.player.pulse, found.time
        for time, event in found.events:
            while found.path.endswith("/events") and not gone.done():
                looked = pulse.now()
                if self.player.moment(found.scope) >= time - ROUNDING:
                    break
                pulse.beat(port, looked)
                await asyncio.wait({gone}, timeout=TICK)
            if not found.path.endswith("/events"):
                await asyncio.wait({gone}, timeout=(time - before) * self.patience)
                before = time
            if gone.done():
                return
            await send({"type": "http.response.body", "body": event.encode("utf-8", "replace"), "more_body": True})
            pulse.beat(port, pulse.now(), told=1)

    async def _lose(self, found: Exchange, receive: Receive, transport: asyncio.Transport) -> None:
        """Let the connection end as it did: nothing more comes, it is closed, or it is reset."""
        if "Timeout" in found.failure:
            with listed(transport, self.stalled):
                return await until_gone(receive)
        if found.failure == "RemoteProtocolError":
            return transport.close()
        reset(transport)

    def _start(self, found: Exchange, length: int | None = None) -> dict[str, object]:
        headers = {str(name): self._led_header(str(name), str(value)) for name, value in found.headers.items()}
        if length is not None:
            headers["content-length"] = str(length)
        raw = [
            (name.encode("latin-1", "replace"), value.encode("latin-1", "replace")) for name, value in headers.items()
        ]
        return {"type": "http.response.start", "status": found.status, "headers": raw}

    def _led(self, body: str) -> str:
        """Return JSON whose addresses lead here; text for people is as it was."""
        return re.sub(r'(?<=")https?://[^"\s\\]*', lambda address: self.leads_here(address[0]), body)

    def _led_header(self, name: str, value: str) -> str:
        if name not in ("location", "link"):
            return value
        return re.sub(r"https?://[^>\s]*", lambda address: self.leads_here(address[0]), value)

    def _asked(self, scope: Scope) -> tuple[str, str]:
        """Return which host is asked for which path."""
        path = str(scope["path"])
        if path.startswith("http://"):  # as a proxy is asked (RFC 9112, 3.2.2); Host has the same name
            path = "/" + "/".join(path.split("/", 3)[3:])
        for place in self.recording.places:
            below = f"/_hosts/{place.replace('://', '/')}"
            if path == below or path.startswith(f"{below}/"):
                return place, path.removeprefix(below) or "/"
        host = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
        named = [place for place in self.recording.places if place.partition("://")[2] == host]
        return (named[0] if named else ""), path

    def _note(self, scope: Scope, status: int) -> None:
        request = Request.of(scope, at=self.player.now(), status=status)
        self.requests.append(request)
        if self.on_request is not None:
            self.on_request(request)


@contextmanager
def replay(
    recording: Recording,
    now: Callable[[], float],
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    tls: Certificates | None = None,
    speed: float = 1.0,
    patience: float = 0.0,
    on_request: Callable[[Request], None] | None = None,
) -> Iterator[Replay]:
    """Serve a recording until the block ends, by a clock that tells `now`; the rest is as for `serve` and `Replay`."""
    listener, url = listen(host, port, tls=tls)
    player = Player(recording, now, speed=speed)
    served = Replay(url=url, player=player, patience=patience, on_request=on_request)
    with run(served, listener=listener, tls=tls):
        yield served
