"""A world behind a real socket, plain or TLS, in a thread of its own: start and stop take milliseconds.

uvicorn's HTTP protocol is used without uvicorn's server, whose start and stop wait in steps of a tenth of a second.
"""

import asyncio
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import trustme
import uvicorn
from starlette.requests import Request as Incoming
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from simhub.api import Api
from simhub.edge import TOKEN_HEADERS
from simhub.faults import Fault, Faults, Kind, spoil
from simhub.shapes import Json
from simhub.world import World


@dataclass(frozen=True, slots=True)
class Request:
    """A request that came, at world second `at`. `status` is 0 where no answer began.

    `token_headers` are the names of the headers that a token came in.
    """

    at: float
    method: str
    path: str
    query: str
    status: int
    authenticated: bool
    user_agent: str
    host: str = ""
    token_headers: tuple[str, ...] = ()

    @classmethod
    def of(cls, scope: Scope, at: float, status: int) -> "Request":
        """Return what is noted of a request."""
        headers = dict(scope["headers"])
        return cls(
            at=at,
            method=scope["method"],
            path=scope["path"],
            query=scope["query_string"].decode("ascii", "replace"),
            status=status,
            authenticated=b"authorization" in headers,
            user_agent=headers.get(b"user-agent", b"").decode("latin-1"),
            host=headers.get(b"host", b"").decode("latin-1"),
            token_headers=tuple(name for name in TOKEN_HEADERS if name.encode() in headers),
        )


class Certificates:
    """A certificate for 127.0.0.1, localhost and the names of apps, and its authority's in a file of `folder`.

    `ca_file` is for clients that obey SSL_CERT_FILE; `context` is the server's.
    """

    def __init__(self, folder: Path) -> None:
        authority = trustme.CA()
        self.ca_file = folder / "simhub-ca.pem"
        authority.cert_pem.write_to_path(str(self.ca_file))
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        names = ("127.0.0.1", "localhost", "*.hf.space", "*.static.hf.space")
        authority.issue_cert(*names).configure_cert(self.context)


@dataclass(slots=True)
class Server:
    """A served world. `requests` are those below /api/, `visits` all others, in the order of their answers."""

    url: str
    world: World
    api: Api
    faults: Faults = field(default_factory=Faults)
    requests: list[Request] = field(default_factory=list)
    visits: list[Request] = field(default_factory=list)
    on_request: Callable[[Request], None] | None = None

    @property
    def stalled(self) -> set[int]:
        """The ports of clients to whom nothing more comes, or hardly."""
        return self.faults.stalled

    def inject(self, fault: Fault) -> None:
        """Let a coming answer go wrong."""
        self.faults.inject(fault)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request of any kind."""
        if scope["path"].startswith("http://"):  # as a proxy is asked (RFC 9112, 3.2.2); Host has the same name
            scope["path"] = "/" + scope["path"].split("/", 3)[-1]
        if scope["path"].startswith("/_sim/"):
            return await self._control(scope, receive, send)
        noted = _Noted(scope=scope, send=send, note=self._note)
        fault = self.faults.draw(method=scope["method"], path=scope["path"])
        if fault is None:
            return await self.api(scope, receive, noted)
        if fault.kind in (Kind.RESET_BEFORE, Kind.RESET_AFTER, Kind.STALL_HEADERS):
            noted.tell(status=0)
        await spoil(
            fault,
            app=self.api,
            scope=scope,
            receive=receive,
            send=noted,
            transport=connection(send),
            stalled=self.stalled,
        )

    def _note(self, scope: Scope, status: int) -> None:
        request = Request.of(scope, at=self.world.now(), status=status)
        (self.requests if request.path.startswith("/api/") else self.visits).append(request)
        if self.on_request is not None:
            self.on_request(request)

    async def _control(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Incoming(scope, receive)
        answer: Json | list[Json]
        try:
            match request.method, scope["path"].split("/")[2:]:
                case "GET", ["requests"]:
                    answer = [asdict(one) for one in self.requests]
                case "POST", ["faults"]:
                    body = await request.json()
                    answer = {}
                    self.inject(Fault(**(body | {"kind": Kind(body["kind"])})))
                case "POST", ["spaces", owner, name, "push"]:
                    answer = self.world.push(f"{owner}/{name}", sha=str((await request.json())["sha"]))
                case _:
                    raise LookupError(scope["path"])
            response = JSONResponse(answer)
        except (ValueError, TypeError, LookupError, RecursionError, re.error) as error:
            response = JSONResponse({"error": f"{type(error).__name__}: {error}"}, status_code=400)
        await response(scope, receive, send)


@dataclass(slots=True)
class _Noted:
    """Sends an answer on, and notes the request just before the answer begins."""

    scope: Scope
    send: Send
    note: Callable[[Scope, int], None]

    def tell(self, status: int) -> None:
        self.note(self.scope, status)

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.tell(status=message["status"])
        await self.send(message)


def connection(send: Send) -> asyncio.Transport:
    """Return the connection that an answer goes to: `send` belongs to the request cycle of uvicorn's protocol."""
    transport: asyncio.Transport = send.__self__.transport  # type: ignore[attr-defined]
    return transport


Started = tuple[asyncio.AbstractEventLoop, asyncio.Event]


@contextmanager
def serve(
    world: World,
    host: str = "127.0.0.1",
    port: int = 0,
    tls: Certificates | None = None,
    page_size: int = 100,
    keep_alive: float = 15.0,
    on_request: Callable[[Request], None] | None = None,
    page_cap: int = 1000,
    chatter: float = 1.0,
) -> Iterator[Server]:
    """Serve `world` until the block ends; port 0 is any free one.

    `page_size`, `keep_alive`, `page_cap` and `chatter` are as for Api; `on_request` is called in the server's thread.
    Raises OSError when the address cannot be listened on.
    """
    listener, url = listen(host, port, tls=tls)
    api = Api(world, page_size=page_size, keep_alive=keep_alive, page_cap=page_cap, chatter=chatter)
    faults = Faults(stalled=api.stalled)
    server = Server(url=url, world=world, api=api, faults=faults, on_request=on_request)
    with run(server, listener=listener, tls=tls):
        yield server


def listen(host: str, port: int, tls: Certificates | None) -> tuple[socket.socket, str]:
    """Return a socket that listens, and its address; raises OSError where that is not possible."""
    listener = socket.create_server((host, port), backlog=1024)
    # A head and a body are two writes; Nagle would make every answer wait 40 ms for the client's ACK.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    shown = "127.0.0.1" if host in ("0.0.0.0", "") else host
    return listener, f"{'https' if tls else 'http'}://{shown}:{listener.getsockname()[1]}"


@contextmanager
def run(app: ASGIApp, listener: socket.socket, tls: Certificates | None) -> Iterator[None]:
    """Have a thread answer what comes to a socket, until the block ends."""
    started: Future[Started] = Future()
    running = _run(app, listener=listener, context=tls.context if tls else None, started=started)
    thread = threading.Thread(target=asyncio.run, args=(running,), name="simhub", daemon=True)
    thread.start()
    loop, stop = started.result(timeout=10)
    try:
        yield
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(timeout=10)


async def _run(
    app: ASGIApp, listener: socket.socket, context: ssl.SSLContext | None, started: "Future[Started]"
) -> None:
    config = uvicorn.Config(
        app,
        interface="asgi3",
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        proxy_headers=False,  # a stream is known by the port of its reader, whatever a proxy says of him
    )
    config.load()
    state = ServerState()

    def protocol() -> HttpToolsProtocol:
        return HttpToolsProtocol(config=config, server_state=state, app_state={})

    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    serving = await loop.create_server(protocol, sock=listener, ssl=context, backlog=1024)
    started.set_result((loop, stop))
    await stop.wait()
    serving.close()
    for connection in list(state.connections):
        connection.transport.abort()
    if state.tasks:  # stalls and streams end as their clients are gone now
        await asyncio.wait(state.tasks, timeout=1)
