"""Requests to the world and back: the routes that the action and `hf spaces` use, with the Hub's status and headers.

Paths and parameters are those of huggingface_hub 2.4.0 (hf_api.py). Whatever is asked, the answer is HTTP.
"""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import format_datetime
from html import escape
from types import UnionType
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import Receive, Scope, Send

from simhub import access, answers
from simhub.access import Refusal, Token
from simhub.answers import Json
from simhub.world import World

TICK = 0.02  # real seconds between two looks at the world's clock while a stream is open
OUT_OF_ORDER = "Your space is in error, check its status on hf.co"  # samples/errors.json
NO_PAGE = "<!doctype html><title>404</title><h1>404</h1>"
NO_ROUTE = "Sorry, we can't find the page you are looking for."


@dataclass(frozen=True, slots=True)
class Api:
    """The ASGI application: the Hub's API and pages, and below /_apps/ the Spaces' own hosts.

    A listing's pages hold at most `page_size`; `keep_alive` is real seconds between two signs of life of a stream.
    """

    world: World
    page_size: int = 100
    keep_alive: float = 15.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        match scope["path"].split("/")[1:]:
            case ["api", *path]:
                response = await self._api(request, path=path)
            case ["_apps", owner, name, *_]:
                response = self._page(request, id=f"{owner}/{name}", app=True)
            case ["spaces", owner, name]:
                response = self._page(request, id=f"{owner}/{name}", app=False)
            case _:
                response = HTMLResponse(NO_PAGE, status_code=404)
        response.headers["date"] = format_datetime(self.world.date(self.world.now()), usegmt=True)
        await response(scope, receive, send)

    async def _api(self, request: Request, path: list[str]) -> Response:
        quota: dict[str, str] = {}
        try:
            secret = _bearer(request)
            known = secret in self.world.tokens
            quota = self.world.meter.spend(secret if known else None, now=self.world.now())
            token = self.world.authenticate(secret)
            response = await self._route(request, path=path, token=token)
        except Refusal as refusal:
            response = JSONResponse({"error": refusal.message}, status_code=refusal.status, headers=refusal.headers)
        response.headers.update(quota)
        return response

    async def _route(self, request: Request, path: list[str], token: Token | None) -> Response:
        match request.method, path:
            case "GET", ["spaces"]:
                return self._listing(request, token=token)
            case "GET", ["spaces", "hardware"]:
                return JSONResponse(self.world.hardware)
            case "GET", ["whoami-v2"]:
                return JSONResponse(_whoami(token))
            case "GET", ["spaces", owner, name, *rest]:
                return self._look(request, id=f"{owner}/{name}", rest=rest, token=token)
            case (("POST" | "DELETE"), ["spaces", owner, name, *rest]):
                return JSONResponse(await self._write(request, id=f"{owner}/{name}", rest=rest, token=token))
        raise Refusal(404, NO_ROUTE)

    def _look(self, request: Request, id: str, rest: list[str], token: Token | None) -> Response:
        self.world.admit(id, token)
        match rest:
            case []:
                expand = request.query_params.getlist("expand")
                return JSONResponse(self.world.describe(id, endpoint=_endpoint(request), expand=expand))
            case ["runtime"]:
                return JSONResponse(self.world.runtime(id))
            case [("variables" | "secrets") as kind]:
                self.world.admit(id, token, write=kind == "secrets")
                return JSONResponse(self.world.variables(id, secret=kind == "secrets"))
            case ["logs", ("build" | "run") as kind]:
                tail = _number(request, name="tail", lowest=0)
                batches = _follow_log(self.world, id=id, kind=kind, tail=tail)
            case ["events"]:
                batches = _follow_runtime(self.world, id=id)
            case _:
                raise Refusal(404, NO_ROUTE)
        if token is None:
            raise access.login_wanted()
        return EventStream(batches, keep_alive=self.keep_alive)

    async def _write(self, request: Request, id: str, rest: list[str], token: Token | None) -> Json:
        self.world.admit(id, token, write=True)
        match request.method, rest:
            case "POST", ["restart"]:
                return self.world.restart(id, factory=request.query_params.get("factory") == "true")
            case "POST", ["pause"]:
                return self.world.pause(id)
            case "POST", ["hardware"]:
                body = await _body(request, flavor=str, sleepTimeSeconds=int | None)
                flavor, sleep_time = body["flavor"], body["sleepTimeSeconds"]
                return self.world.request_hardware(
                    id, flavor=flavor, sleep_time_seconds=sleep_time, can_pay=token is not None and token.can_pay
                )
            case "POST", ["sleeptime"]:
                body = await _body(request, seconds=int)
                return self.world.set_sleep_time(id, seconds=body["seconds"])
            case "POST", [("variables" | "secrets") as kind]:
                body = await _body(request, key=str, value=str, description=str | None)
                self.world.set_variable(id, **body, secret=kind == "secrets")
            case "DELETE", [("variables" | "secrets") as kind]:
                body = await _body(request, key=str)
                self.world.delete_variable(id, key=body["key"], secret=kind == "secrets")
            case _:
                raise Refusal(404, NO_ROUTE)
        return {} if kind == "secrets" else self.world.variables(id)

    def _listing(self, request: Request, token: Token | None) -> Response:
        query = request.query_params
        limit = min(_number(request, name="limit", lowest=1) or self.page_size, self.page_size)
        start = _number(request, name="cursor", lowest=0) or 0
        ids = self.world.select(
            token=token,
            author=query.get("author"),
            search=query.get("search"),
            filters=query.getlist("filter"),
            sort=query.get("sort", "trendingScore"),
            ascending=query.get("direction") == "1",
        )
        full = query.get("full", "").lower() in ("true", "1")
        endpoint, expand = _endpoint(request), query.getlist("expand")
        page = [self.world.entry(id, endpoint=endpoint, expand=expand, full=full) for id in ids[start : start + limit]]
        if start + limit >= len(ids):
            return JSONResponse(page)
        same = [(name, value) for name, value in query.multi_items() if name != "cursor"]
        more = f"{endpoint}/api/spaces?{urlencode([*same, ('cursor', start + limit)])}"
        return JSONResponse(page, headers={"Link": f'<{more}>; rel="next"'})

    def _page(self, request: Request, id: str, *, app: bool) -> Response:
        try:
            self.world.admit(id, self.world.authenticate(_bearer(request)))
        except Refusal:
            return HTMLResponse(NO_PAGE, status_code=404)
        state = self.world.visit(id) if app else self.world.state(id)
        if app and not state.live:
            return HTMLResponse(OUT_OF_ORDER, status_code=503)
        return HTMLResponse(f"<!doctype html><title>{escape(id)}</title><p>{escape(state.stage)}")


class EventStream(Response):
    """Server-Sent Events: every batch as it comes, with an empty event as keep-alive, until the batches end."""

    media_type = "text/event-stream"

    def __init__(self, batches: Iterator[list[Json]], keep_alive: float) -> None:
        super().__init__()
        del self.headers["content-length"]
        self.batches = batches
        self.keep_alive = keep_alive

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - as ASGI has it
        """Send what there is, again and again, until the client has gone or there is no more."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        gone = asyncio.ensure_future(until_gone(receive))
        clock = asyncio.get_running_loop().time
        silent_since = clock() - self.keep_alive
        for batch in self.batches:
            if not batch and clock() - silent_since >= self.keep_alive:
                await send(_chunk("data:\n\n"))
                silent_since = clock()
            for event in batch:
                await send(_chunk(f"data: {json.dumps(event, separators=(',', ':'))}\n\n"))
                silent_since = clock()
            await asyncio.wait({gone}, timeout=TICK)
            if gone.done():
                break
        gone.cancel()
        await send({"type": "http.response.body", "body": b""})


async def until_gone(receive: Receive) -> None:
    """Return when the client has hung up, or the server is about to."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _chunk(text: str) -> Json:
    return {"type": "http.response.body", "body": text.encode(), "more_body": True}


def _follow_log(world: World, id: str, kind: str, tail: int | None) -> Iterator[list[Json]]:
    log = world.logs(id, kind)
    began, sent = log.began, 0 if tail is None else max(0, len(log.lines) - tail)
    while True:
        log = world.logs(id, kind)
        if log.began != began:  # a new build, a new log
            began, sent = log.began, 0
        yield [{"data": f"{line}\n", "timestamp": answers.iso(world.date(at))} for at, line in log.lines[sent:]]
        sent = len(log.lines)
        if not log.open:
            return


def _follow_runtime(world: World, id: str) -> Iterator[list[Json]]:
    # What the real events carry is not documented, so these carry nothing to rely on.
    seen = world.runtime(id)  # as the request finds it, not when the answer is under way

    def changes() -> Iterator[list[Json]]:
        nonlocal seen
        while True:
            runtime = world.runtime(id)
            yield [] if runtime == seen else [{"simulated": True}]
            seen = runtime

    return changes()


def _endpoint(request: Request) -> str:
    # As the client reached it, which in a container may be another name than here.
    return f"{request.scope['scheme']}://{request.headers.get('host', '127.0.0.1')}"


def _bearer(request: Request) -> str | None:
    header = request.headers.get("authorization")
    return None if header is None else header.removeprefix("Bearer ")


def _number(request: Request, name: str, lowest: int) -> int | None:
    text = request.query_params.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) >= lowest):
        raise access.bad_request(f"Invalid {name} parameter")
    return int(text)


async def _body(request: Request, **wanted: type | UnionType) -> Json:
    """Return the wanted fields of the JSON body, None for an absent optional one; raises Refusal."""
    try:
        body = json.loads(await request.body())
    except (ValueError, RecursionError):
        raise access.bad_request("Invalid JSON body") from None
    fields = {name: body.get(name) if isinstance(body, dict) else None for name in wanted}
    for name, kind in wanted.items():
        if not isinstance(fields[name], kind) or isinstance(fields[name], bool):
            raise access.bad_request(f"Invalid input: {name}")
    return fields


def _whoami(token: Token | None) -> Json:
    if token is None:
        raise access.login_wanted()
    return {
        "type": "user",
        "id": "5dd96eb166059660ed1ee413",
        "name": token.name,
        "fullname": token.name,
        "isPro": False,
        "canPay": token.can_pay,
        "orgs": [{"type": "org", "name": owner} for owner in sorted(token.writes - {token.name})],
        "auth": {"type": "access_token", "accessToken": {"displayName": token.name, "role": token.kind}},
    }
