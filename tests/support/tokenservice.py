"""What a keyless job meets: GitHub's token service, and the exchange of the Hub, both simulated over real sockets.

The service gives a job an identity for an audience, as `permissions: id-token: write` allows it; the Hub gives a token
for the identity. Sources: huggingface_hub, _oidc.py; https://huggingface.co/docs/hub/trusted-publishers;
https://docs.github.com/en/actions/reference/security/oidc, "Methods for requesting the OIDC token".
"""

import http.server
import json
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from simhub.access import Token
from simhub.world import World
from tests.support.serving import serving

# What the runner hands to a job with id-token: write, to ask the service with.
REQUEST_TOKEN = "MarkedRequestTokenOfTheRunner"
IDENTITY = "eyJhbGciOiJSUzI1NiJ9.MarkedIdentityOfTheJob.MarkedSignature"
EXCHANGED = "hf_jwt_eyJhbGciOiJSUzI1NiJ9.MarkedTokenOfTheExchange.Sig"

# An answer gone wrong: a status, with a body and headers; or a connection that is reset.
Trouble = tuple[int, object, dict[str, str]] | None
RESET: Trouble = None


def trouble(status: int, body: object = None, **headers: str) -> Trouble:
    """Return an answer gone wrong; `body` is JSON, or text to be sent as it is."""
    return status, {"error": "simulated"} if body is None else body, headers


@dataclass(slots=True)
class Service:
    """The token service of GitHub. `troubles` come first, one a request; `events` are what happened, in order."""

    url: str
    events: list[str]
    troubles: list[Trouble] = field(default_factory=list)
    audiences: list[str] = field(default_factory=list)
    queries: list[dict[str, list[str]]] = field(default_factory=list)

    @property
    def environ(self) -> dict[str, str]:
        """Return what the runner sets in a job with id-token: write."""
        return {"ACTIONS_ID_TOKEN_REQUEST_URL": self.url, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": REQUEST_TOKEN}

    def answer(self, path: str, authorization: str | None) -> tuple[int, object, dict[str, str]]:
        """Answer one request that meets no trouble."""
        query = parse_qs(urlsplit(path).query)
        if authorization != f"Bearer {REQUEST_TOKEN}":
            return trouble(401, {"message": "Unauthorized"})
        self.queries.append(query)
        self.audiences += query.get("audience", [])
        return 200, {"count": len(IDENTITY), "value": IDENTITY}, {}


@contextmanager
def token_service(events: list[str] | None = None) -> Iterator[Service]:
    """Serve the token service of GitHub until the block ends."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # else a body waits 40 ms behind its head

        def do_GET(self) -> None:
            service.events.append("GitHub is asked for an identity")
            met = service.troubles.pop(0) if service.troubles else service.answer(self.path, self.headers["authorization"])
            if met is RESET:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.close_connection = True
                return self.connection.close()
            status, body, headers = met
            data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
            kind = "text/html" if isinstance(body, str) else "application/json"
            self.send_response(status)
            for name, value in ({"content-type": kind, "content-length": str(len(data))} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        def finish(self) -> None:
            if not self.wfile.closed and self.connection.fileno() != -1:
                super().finish()

        def log_message(self, *text: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    url = f"http://127.0.0.1:{server.server_port}/idtoken/job?api-version=2.0"
    service = Service(url=url, events=[] if events is None else events)
    with serving(server):
        yield service


@dataclass(slots=True)
class Exchange:
    """The Hub, with its exchange of identities for tokens in front.

    `publishers` maps a resource to the token that a job gets for it; `troubles` come first, one a request.
    """

    api: object
    world: World
    endpoint: str
    service: Service
    publishers: dict[str, Token] = field(default_factory=dict)
    troubles: list[Trouble] = field(default_factory=list)
    bodies: list[dict] = field(default_factory=list)

    async def __call__(self, scope, receive, send) -> None:
        if (scope["method"], scope["path"]) != ("POST", "/oauth/token"):
            return await self.api(scope, receive, send)
        self.service.events.append("the Hub is asked for a token")
        if dict(scope["headers"]).get(b"authorization"):
            self.service.events.append("with a token of another kind")
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        met = self.troubles.pop(0) if self.troubles else self.answer(json.loads(body))
        if met is RESET:
            return send.__self__.transport.abort()
        status, said, headers = met
        data = said.encode() if isinstance(said, str) else json.dumps(said).encode()
        kind = b"text/html" if isinstance(said, str) else b"application/json"
        sent = [(b"content-type", kind), (b"content-length", str(len(data)).encode())]
        sent += [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": sent})
        await send({"type": "http.response.body", "body": data})

    def answer(self, body: dict) -> tuple[int, object, dict[str, str]]:
        """Answer one request that meets no trouble, as RFC 8693 says."""
        self.bodies.append(body)
        good = {
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
            "subject_token_type": "urn:ietf:params:oauth:token-type:id_token",
            "subject_token": IDENTITY,
        }
        wrong = [name for name, value in good.items() if body.get(name) != value]
        if wrong or set(self.service.audiences) - {self.endpoint}:
            return trouble(400, {"error": "invalid_request", "error_description": f"wrong: {wrong or 'audience'}"})
        if body.get("resource") not in self.publishers:
            said = f"No trusted publisher of {body.get('resource')} matches this workflow"
            return trouble(400, {"error": "invalid_grant", "error_description": said})
        self.world.tokens[EXCHANGED] = self.publishers[body["resource"]]
        return 200, {"access_token": EXCHANGED, "token_type": "bearer", "expires_in": 3600}, {}
