"""The edge in front of the apps: what a visitor of a Space's own host meets, which often is not the app.

Status and words: tests/samples/evidence.json, errors.json. An answer of the app bears headers that no page of the
edge bears, and a page of the edge may have status 200.
"""

from html import escape
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from simhub import answers, app
from simhub.app import AppRequest
from simhub.life import Life
from simhub.space import State
from simhub.world import World

IN_ERROR = "Your space is in error, check its status on hf.co"
PAUSED = "The space is paused, ask a maintainer to restart it"
NO_PAGE = "<!doctype html><title>404</title><h1>404</h1>"
PREPARING = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Preparing Space</title></head>
<body><h1>Preparing Space</h1><p>This Space is starting. The page reloads by itself.</p></body></html>
"""
BROKEN = frozenset({"BUILD_ERROR", "RUNTIME_ERROR", "CONFIG_ERROR", "NO_APP_FILE", "DELETING", "STOPPED"})
# Where a visitor's token may be: Hugging Face's own clients use the first, so that the app may use the second.
TOKEN_HEADERS = ("x-hf-authorization", "authorization")


async def visit(world: World, request: Request, id: str, path: str, *, static: bool) -> Response:
    """Return what the host of a Space answers at `path`; `static` is whether it is the kind that static Spaces have."""
    if not _may_enter(world, request, id=id) or (world.life(id).space.sdk == "static") != static:
        return HTMLResponse(NO_PAGE, status_code=404)
    state, life = world.visit(id), world.life(id)
    if state.stage == "PAUSED":
        return PlainTextResponse(PAUSED, status_code=503)
    if state.stage in BROKEN:
        return HTMLResponse(IN_ERROR, status_code=503)
    if not state.live or life.is_held(world.now()):
        return HTMLResponse(PREPARING)
    return _proxied(world, life, state=state, request=request, path=path)


def by_name(world: World, host: str) -> tuple[str, bool] | None:
    """Return the id of the Space whose host has that name in hf.space, and whether it is a host for static Spaces."""
    name, _, _ = host.lower().partition(":")
    if not name.endswith(".hf.space"):
        return None
    name = name.removesuffix(".hf.space")
    subdomain = name.removesuffix(".static")
    ids = [life.space.id for life in world.lives() if answers.subdomain(life.space.id) == subdomain]
    return (ids[0] if ids else "", name != subdomain)


def _may_enter(world: World, request: Request, id: str) -> bool:
    """Tell whether one of the tokens that came is good for the Space; any other is the app's own business."""
    secrets = [request.headers.get(name, "").removeprefix("Bearer ") for name in TOKEN_HEADERS]
    known = [world.tokens[secret] for secret in secrets if secret in world.tokens]
    valid = [token for token in known if token.expires > world.now()]
    return any(world.sees(id, token) for token in (None, *valid))


def _proxied(world: World, life: Life, state: State, request: Request, path: str) -> Response:
    """Return the answer of the app, with what the edge adds to it."""
    now, space = world.now(), life.space
    asked = AppRequest(
        method=request.method,
        path=path,
        query=request.url.query,
        headers=request.headers,
        at=now,
        since=now - life.live_since(now),
        commit=state.commit,
    )
    page = f"<!doctype html><title>{escape(space.id)}</title><p>{escape(state.stage)}"
    given = app.answer(space.app, asked, sdk=space.sdk, version=space.sdk_version, page=page)
    kind, content = given.content
    response = Response(content, status_code=given.status, headers={"Content-Type": kind} | dict(given.headers))
    if space.sdk != "static":
        response.headers["x-proxied-host"] = "http://10.0.0.1"
        response.headers["x-proxied-replica"] = "-".join(answers.replica(space.id, state.commit).split("-")[::2])
        response.headers["x-proxied-path"] = quote(path)
        response.headers["link"] = f'<https://huggingface.co/spaces/{space.id}>;rel="canonical"'
    return response
