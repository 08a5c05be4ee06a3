"""Requests to the world and back: the routes that the action and `hf spaces` use, with the Hub's status and headers.

Paths and parameters are those of huggingface_hub 2.4.0 (hf_api.py). Whatever is asked, the answer is HTTP.
"""

from dataclasses import dataclass, field
from email.utils import format_datetime
from html import escape
from itertools import count
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import Receive, Scope, Send

from simhub import access, answers, asked, edge, identity, listing
from simhub.access import Refusal, Token
from simhub.downloads import Downloads
from simhub.edge import NO_PAGE
from simhub.repos import Repos
from simhub.shapes import Json
from simhub.space import StatusEvents
from simhub.streams import EventStream, follow_log, follow_status
from simhub.world import World


@dataclass(slots=True)
class Api:
    """The ASGI application: the Hub's API and pages, and below /_apps/ and /_static/ the Spaces' own hosts.

    The apps are served by the names of their hosts as well (acme-demo.hf.space), to any client that comes here.
    A listing's pages hold `page_size`, or as many as are asked for, but never more than `page_cap`. `keep_alive` is
    real seconds between two signs of life of a stream, `chatter` between two events that mean nothing.
    """

    world: World
    page_size: int = 100
    keep_alive: float = 15.0
    page_cap: int = 1000
    chatter: float = 1.0
    stalled: set[int] = field(default_factory=set)  # ports of clients to whom nothing more can come now
    repos: Repos = field(init=False)
    downloads: Downloads = field(init=False)
    _answers: "count[int]" = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        self.repos, self.downloads = Repos(self.world), Downloads(self.world)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        named = edge.by_name(self.world, request.headers.get("host", ""))
        match scope["path"].split("/")[1:]:
            case path if named is not None:
                response = await edge.visit(
                    self.world, request, id=named[0], path=f"/{'/'.join(path)}", static=named[1]
                )
            case ["api", *path]:
                response = await self._api(request, path=path)
            case [("_apps" | "_static") as kind, owner, name, *path]:
                response = await edge.visit(
                    self.world, request, id=f"{owner}/{name}", path=f"/{'/'.join(path)}", static=kind == "_static"
                )
            case ["spaces", owner, name]:
                response = self._page(request, id=f"{owner}/{name}")
            case ["spaces", *path]:
                response = await self.downloads.answer(request, path=path)
            case ["_lfs", owner, name, *rest] if self.world.exists(f"{owner}/{name}"):
                response = await self.downloads.storage(request, id=f"{owner}/{name}", rest=rest)
            case _:
                response = HTMLResponse(NO_PAGE, status_code=404)
        response.headers["date"] = format_datetime(self.world.date(self.world.now()), usegmt=True)
        await response(scope, receive, send)

    async def _api(self, request: Request, path: list[str]) -> Response:
        quota: dict[str, str] = {}
        try:
            secret = asked.bearer(request)
            known = secret in self.world.tokens
            quota = self.world.meter.spend(secret if known else None, now=self.world.now())
            token = self.world.authenticate(secret)
            response = await self._route(request, path=path, token=token)
        except Refusal as refusal:
            response = JSONResponse({"error": refusal.message}, status_code=refusal.status, headers=refusal.headers)
        response.headers.update(quota)
        response.headers["x-request-id"] = answers.request_id(next(self._answers))
        return response

    async def _route(self, request: Request, path: list[str], token: Token | None) -> Response:
        match path:
            case ["spaces", owner, name, *rest] if (new := self.world.renamed(f"{owner}/{name}")) is not None:
                query = f"?{request.url.query}" if request.url.query else ""
                raise access.moved("/".join(["/api/spaces", new, *rest]) + query)
        match request.method, path:
            case "POST", ["validate-yaml"]:
                return JSONResponse({"errors": [], "warnings": []})
            case "GET", ["spaces"]:
                return self._listing(request, token=token)
            case "GET", ["spaces", "hardware"]:
                return JSONResponse(self.world.hardware)
            case "GET", ["whoami-v2"]:
                return JSONResponse(identity.whoami(token, date=self.world.date))
            case "POST", ["repos", "move"]:
                return await self._move(request, token=token)
            case "GET", ["spaces", owner, name, *rest]:
                return self._look(request, id=f"{owner}/{name}", rest=rest, token=token)
            case "POST", ["spaces", owner, name, ("paths-info" | "preupload" | "commit") as kind, revision]:
                return JSONResponse(
                    await self._repository(request, id=f"{owner}/{name}", kind=kind, revision=revision, token=token)
                )
            case (("POST" | "DELETE"), ["spaces", owner, name, *rest]):
                return JSONResponse(await self._write(request, id=f"{owner}/{name}", rest=rest, token=token))
        raise access.no_route()

    def _look(self, request: Request, id: str, rest: list[str], token: Token | None) -> Response:
        self.world.admit(id, token)
        match rest:
            case []:
                expand = request.query_params.getlist("expand")
                return JSONResponse(self.world.describe(id, endpoint=asked.endpoint(request), expand=expand))
            case ["runtime"]:
                return JSONResponse(self.world.runtime(id))
            case [("variables" | "secrets") as kind]:
                self.world.admit(id, token, write=kind == "secrets")
                return JSONResponse(self.world.life(id).settings(secret=kind == "secrets"))
            case ["logs", ("build" | "run") as kind]:
                if token is None:
                    raise access.login_wanted()
                tail = asked.number(request, name="tail", lowest=0)
                batches = follow_log(self.world, life=self.world.life(id), kind=kind, tail=tail)
                return EventStream(batches, keep_alive=self.keep_alive, pulse=self.world.pulse, stalled=self.stalled)
            case [("tree" | "revision" | "commits" | "xet-read-token"), *_]:
                return self.repos.look(request, id=id, rest=rest, endpoint=asked.endpoint(request))
            case ["events"] if self.world.life(id).space.status_events is not StatusEvents.MISSING:
                batches = follow_status(self.world, life=self.world.life(id), chatter=self.chatter)
            case _:
                raise access.no_route()
        return EventStream(batches, keep_alive=self.keep_alive, pulse=self.world.pulse)

    async def _repository(
        self, request: Request, id: str, kind: str, revision: str, token: Token | None
    ) -> Json | list[Json]:
        self.world.admit(id, token, write=kind != "paths-info")
        if kind == "paths-info":
            return await self.repos.paths(request, id=id, revision=revision)
        if kind == "preupload":
            return await self.repos.preupload(request, id=id, revision=revision)
        assert token is not None  # admitted to write
        return await self.repos.commit(request, id=id, revision=revision, token=token)

    async def _write(self, request: Request, id: str, rest: list[str], token: Token | None) -> Json:
        self.world.admit(id, token, write=True)
        match request.method, rest:
            case "POST", ["restart"]:
                return self.world.restart(id, factory=request.query_params.get("factory") == "true")
            case "POST", ["pause"]:
                return self.world.pause(id)
            case "POST", ["hardware"]:
                body = await asked.body(request, flavor=str, sleepTimeSeconds=int | None)
                flavor, sleep_time = body["flavor"], body["sleepTimeSeconds"]
                return self.world.request_hardware(
                    id, flavor=flavor, sleep_time_seconds=sleep_time, can_pay=token is not None and token.can_pay
                )
            case "POST", ["sleeptime"]:
                body = await asked.body(request, seconds=int)
                return self.world.set_sleep_time(id, seconds=body["seconds"])
            case "POST", [("variables" | "secrets") as kind]:
                body = await asked.body(request, key=str, value=str, description=str | None)
                updated_at = answers.iso(self.world.date(self.world.now()))
                self.world.life(id).set_variable(**body, updated_at=updated_at, secret=kind == "secrets")
            case "DELETE", [("variables" | "secrets") as kind]:
                body = await asked.body(request, key=str)
                self.world.life(id).settings(secret=kind == "secrets").pop(body["key"], None)
            case _:
                raise access.no_route()
        return {} if kind == "secrets" else self.world.life(id).variables

    async def _move(self, request: Request, token: Token | None) -> Response:
        """Rename a Space as `HfApi.move_repo` asks for it; the answer was not seen, and the client does not read it."""
        body = await asked.body(request, fromRepo=str, toRepo=str, type=str)
        self.world.admit(body["fromRepo"], token, write=True)
        owner, _, name = body["toRepo"].partition("/")
        if token is None or not token.may_write(owner):
            raise access.forbidden()
        if body["type"] != "space" or not name or self.world.exists(body["toRepo"]):
            raise access.bad_request("Invalid input: toRepo")  # wording not seen
        self.world.rename(body["fromRepo"], to=body["toRepo"])
        return Response("OK", media_type="text/plain")

    def _listing(self, request: Request, token: Token | None) -> Response:
        query = request.query_params
        limit = min(asked.number(request, name="limit", lowest=1) or self.page_size, self.page_cap)
        start = asked.number(request, name="cursor", lowest=0) or 0
        ids = listing.select(
            self.world,
            token=token,
            author=query.get("author"),
            search=query.get("search"),
            filters=query.getlist("filter"),
            sort=query.get("sort", "trendingScore"),
            ascending=query.get("direction") == "1",
        )
        full = query.get("full", "").lower() in ("true", "1")
        endpoint, expand = asked.endpoint(request), query.getlist("expand")
        shown = ids[start : start + limit]
        page: list[object] = [] if start else list(self.world.listing_odd)
        page += [listing.entry(self.world, id, endpoint=endpoint, expand=expand, full=full) for id in shown]
        if start + limit >= len(ids):
            return JSONResponse(page)
        same = [(name, value) for name, value in query.multi_items() if name != "cursor"]
        more = f"{endpoint}/api/spaces?{urlencode([*same, ('cursor', start + limit)])}"
        return JSONResponse(page, headers={"Link": f'<{more}>; rel="next"'})

    def _page(self, request: Request, id: str) -> Response:
        try:
            self.world.admit(id, self.world.authenticate(asked.bearer(request)))
        except Refusal:
            return HTMLResponse(NO_PAGE, status_code=404)
        return HTMLResponse(f"<!doctype html><title>{escape(id)}</title><p>{escape(self.world.state(id).stage)}")
