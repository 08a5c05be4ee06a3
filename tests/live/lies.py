"""A simulated Hub that lies: a layer around its application, which changes requests on their way in and answers out."""

import asyncio
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.types import Message, Receive, Scope, Send

from simhub.world import World


@dataclass
class Reply:
    """An answer on its way out, which a lie may change, and the request that it is to."""

    method: str
    path: str
    query: str
    status: int
    headers: dict[str, str]
    body: Any
    world: World

    @property
    def runtime(self) -> dict[str, Any]:
        """The runtime in an answer, wherever it is; what is not there takes changes and forgets them."""
        body = self.body[0] if isinstance(self.body, list) and self.body else self.body
        body = body if isinstance(body, dict) else {}
        return body if "stage" in body else body.get("runtime", {})

    def asks(self, pattern: str) -> bool:
        return re.search(pattern, f"{self.method} {self.path}") is not None

    def refuse(self, status: int, message: str, **headers: str) -> None:
        self.status, self.body = status, {"error": message}
        self.headers |= {name.replace("_", "-"): value for name, value in headers.items()}


@dataclass
class Lie:
    """What a Hub says in place of the truth.

    `asked` changes a request, `told` an answer, `event` an event of a stream (None: it is not sent). `ends` names
    streams that end after what they have said, `goes_on` those that do not end. `space` and `world` make the truth
    itself another one. `steps` are those in which the lie is to be found, `shows` what the difference has to say.
    """

    steps: tuple[str, ...]
    shows: str
    asked: Callable[[Scope, dict[str, Any] | None], None] | None = None
    told: Callable[[Reply], None] | None = None
    event: Callable[[str, str], str | None] | None = None
    ends: str = "^$"
    goes_on: str = "^$"
    space: dict[str, Any] = field(default_factory=dict)
    world: dict[str, Any] = field(default_factory=dict)


@dataclass
class Liar:
    """The application of a simulated Hub, with a lie around it."""

    app: Any
    world: World
    lie: Lie

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.lie.asked is not None:
            receive = await self._changed(scope, receive)
        await self.app(scope, receive, _Out(scope=scope, send=send, world=self.world, lie=self.lie))

    async def _changed(self, scope: Scope, receive: Receive) -> Receive:
        """Read the whole request, let the lie change it, and hand it on."""
        content, more = b"", True
        while more:
            message = await receive()
            content, more = content + message.get("body", b""), message.get("more_body", False)
        lines = [json.loads(line) for line in content.splitlines()] if content.startswith(b'{"key"') else []
        self.lie.asked(scope, lines[0] if lines else None)
        content = b"\n".join(json.dumps(line).encode() for line in lines) or content
        first: list[Message] = [{"type": "http.request", "body": content, "more_body": False}]

        async def again() -> Message:
            return first.pop() if first else await receive()

        return again


@dataclass
class _Out:
    """Sends an answer on: a stream event by event, anything else as a whole."""

    scope: Scope
    send: Send
    world: World
    lie: Lie
    start: Message | None = None
    content: bytes = b""
    said: bool = False
    over: bool = False

    @property
    def path(self) -> str:
        return str(self.scope["path"])

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.start = message
            if self._streams():
                await self._begin(self._reply(None))
        elif self.over:
            return
        elif self._streams():
            await self._event(message)
        else:
            self.content += message.get("body", b"")
            if not message.get("more_body"):
                await self._whole()

    def _streams(self) -> bool:
        return any(value.startswith(b"text/event-stream") for name, value in self.start["headers"] if name == b"content-type")

    def _reply(self, body: Any) -> Reply:
        headers = {name.decode(): value.decode("latin-1") for name, value in self.start["headers"]}
        query = self.scope["query_string"].decode()
        reply = Reply(self.scope["method"], self.path, query, self.start["status"], headers, body, self.world)
        if self.lie.told is not None:
            self.lie.told(reply)
        return reply

    async def _begin(self, reply: Reply) -> None:
        headers = [(name.encode(), value.encode("latin-1")) for name, value in reply.headers.items()]
        await self.send({"type": "http.response.start", "status": reply.status, "headers": headers})

    async def _event(self, message: Message) -> None:
        text = message.get("body", b"").decode()
        if not message.get("more_body"):
            while re.search(self.lie.goes_on, self.path):  # with signs of life, until the client has gone
                await self.send({"type": "http.response.body", "body": b"data:\n\n", "more_body": True})
                await asyncio.sleep(0.1)
            await self.send(message)
            return
        if self.lie.event is not None and text.strip() != "data:":
            text = self.lie.event(self.path, text) or ""
        if re.search(self.lie.ends, self.path) and text.strip() == "data:" and self.said:
            self.over = True
            await self.send({"type": "http.response.body", "body": b""})
            return
        self.said |= text.strip() != "data:"
        if text:
            await self.send({"type": "http.response.body", "body": text.encode(), "more_body": True})

    async def _whole(self) -> None:
        kind = next((value for name, value in self.start["headers"] if name == b"content-type"), b"")
        is_json = kind.startswith(b"application/json")
        reply = self._reply(json.loads(self.content) if is_json else self.content.decode("utf-8", "replace"))
        content = json.dumps(reply.body).encode() if not isinstance(reply.body, str) else reply.body.encode()
        reply.headers["content-length"] = str(len(content))
        await self._begin(reply)
        await self.send({"type": "http.response.body", "body": content})
