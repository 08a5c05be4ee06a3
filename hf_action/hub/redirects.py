"""Where an answer may lead: a question to the same origin, a write nowhere.

The token goes to the endpoint's own scheme, host and port only, next pages of listings included (docs/contract.md,
Waiting). httpx2 would keep it on the way from http to https, and would send a password in an address in its place.
"""

import re
from urllib.parse import unquote

import httpx2

from hf_action.rules.outcomes import Refused, Unreachable

# How often a question is sent on: the old name of a Space, its spelling.
MAX_REDIRECTS = 5
_SPACE = re.compile(r"/api/spaces/([^/]+/[^/]+)((?:/[^/]+)?)/?$")
# Methods of questions: asked elsewhere they change nothing.
_READS = ("GET", "HEAD")
# Answers that send a request elsewhere with the same method and body.
_SAME_METHOD = (307, 308)


def check_direction(response: httpx2.Response) -> None:
    """Check where an answer leads, and where its next page is.

    Raises:
        Unreachable: to another origin, which is final, or a write to another route.
        Refused: a write to another Space.
        httpx2.RemoteProtocolError: it is not an address.
    """
    if response.has_redirect_location:
        target = _joined(response, response.headers["location"])
        if not _stays(response.url, target):
            raise _strayed("redirects to", response.url, target)
        if response.request.method not in _READS:
            _check_write(response, target)
    following = response.links.get("next", {}).get("url")
    if following and not _stays(response.url, target := _joined(response, following)):
        raise _strayed("continues a listing at", response.url, target)


def target_of(response: httpx2.Response) -> httpx2.URL | None:
    """Return where an answer redirects to on the same origin; None where that is elsewhere, or not an address."""
    try:
        target = response.url.join(response.headers["location"])
    except httpx2.InvalidURL:
        return None
    return target if _stays(response.url, target) else None


def space_of(url: httpx2.URL) -> tuple[str, str]:
    """Return the Space that an address of the API is about, and the rest of the route; nothing where there is none."""
    found = _SPACE.search(unquote(url.path))
    return (found[1], found[2]) if found else ("", "")


def _check_write(response: httpx2.Response, target: httpx2.URL) -> None:
    """Let a write be sent on only where nothing changes but the spelling of the Space's name."""
    (space, route), (new, other) = space_of(response.url), space_of(target)
    same = response.url.query == target.query and response.status_code in _SAME_METHOD
    if space and new and route == other and new.lower() != space.lower():
        raise Refused(f"{space} is called {new} now; nothing was sent to it.", remedy=f"Write {new} in its place.")
    if not (space and new and route == other and same):
        raise Unreachable(f"the answer to a write leads to {target.path[:100]}", sent=True)


def _joined(response: httpx2.Response, target: str) -> httpx2.URL:
    try:
        return response.url.join(target)
    except httpx2.InvalidURL as error:
        raise httpx2.RemoteProtocolError(f"it leads to what is not an address: {error}") from error


def _stays(url: httpx2.URL, target: httpx2.URL) -> bool:
    """Whether an address has the same origin, and nobody's name or password in it."""
    if target.scheme not in ("http", "https") or not target.host or target.userinfo:
        return False
    return target.origin == url.origin


def _strayed(how: str, url: httpx2.URL, target: httpx2.URL) -> Unreachable:
    host = f"[{target.host}]" if ":" in target.host else target.host
    place = f"{target.scheme}://{host}{f':{target.port}' if target.port else ''}"
    remedy = "A login page or a proxy may stand in the way: check HTTPS_PROXY and NO_PROXY."
    if target.host == url.host and target.scheme == "https":
        remedy = f"Write {place} in endpoint (HF_ENDPOINT)."
    elif target.host != url.host:
        remedy += " If the Hub has moved, write its new address in endpoint (HF_ENDPOINT)."
    return Unreachable(f"{url.host} {how} another address, {place[:200]}", remedy=remedy, final=True)
