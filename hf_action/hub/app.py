"""Visits to an app: only its own answer counts, and its address gets no more than it may (docs/contract.md, Health)."""

import re
from collections.abc import Iterable
from contextlib import suppress

import httpx2
from huggingface_hub.utils import get_session

from hf_action.hub.redirects import target_of
from hf_action.rules.models import SpaceInfo, cut

# Redirects that a health check follows on the app's own host.
MAX_REDIRECTS = 5
# How much longer than a request to the Hub a visit may take: 30 s of 10 s.
PATIENCE = 3.0
# Bytes of a page that are read, and characters of a plain answer that are told.
MAX_PAGE = 1024 * 1024
MAX_TOLD = 300

# The host of an app, as the Hub names it; the second form is that of static Spaces.
_APP_HOST = re.compile(r"[a-z0-9][a-z0-9-]*(?:\.static)?\.hf\.space")
# What the edge says on every path, with status 200, while an app starts; its status: tests/samples/evidence.json.
_HOLDING = re.compile(rb"Preparing\s+Space", re.IGNORECASE)
# What the answer of an app has when it comes by way of the edge; same source.
_PROXIED = "x-proxied-"
MISSING = "{status} from {url}, without the text {text!r}"
LATE = "no complete answer from {url} within {seconds:g} s"
HOLDING = "the Hub's page 'Preparing Space' from {url}; the app has not started"


def visit(url: str, space: SpaceInfo, *, token: str | None, contains: str = "") -> str:
    """Visit the app; return nothing when it answers well, else what was seen.

    A redirect is an answer. It is followed on the same origin only, where the last answer decides. The first MiB of it
    must contain a text, if one is given.
    """
    for _ in range(MAX_REDIRECTS):
        headers = {"x-hf-authorization": f"Bearer {token}"} if token and may_see_token(url, space) else {}
        with get_session().stream(
            "GET", url, headers=headers, follow_redirects=False, extensions={"app": PATIENCE}
        ) as response:
            if response.status_code >= 400:
                return f"{response.status_code} from {url}{_told(response)}"
            if not response.has_redirect_location:
                return _missing(response, url, space, contains)
            target = target_of(response)
            if target is None:
                return MISSING.format(status=response.status_code, url=url, text=contains) if contains else ""
            url = str(target)
    return f"more than {MAX_REDIRECTS} redirects, the last to {url}"


def may_see_token(url: str, space: SpaceInfo) -> bool:
    """Whether `url` is on the app's own host, of a private Space, where nobody can listen or pretend."""
    asked, own = httpx2.URL(url), httpx2.URL(space.host or "")
    same = (asked.scheme, asked.host, asked.port) == ("https", own.host, own.port)
    return bool(space.private and same and not asked.userinfo and _APP_HOST.fullmatch(asked.host))


def _missing(response: httpx2.Response, url: str, space: SpaceInfo, contains: str) -> str:
    """Return what an answer lacks: that it comes from the app, and the text; nothing where it lacks nothing."""
    by_edge, wanted = _may_be_edge(response, space), _encoded(contains, response)
    # What the edge says ends; of an app, whose answer may never end, no more is read than is needed.
    page = _page(response, until=() if by_edge else wanted) if by_edge or contains else b""
    if by_edge and _HOLDING.search(page):
        return HOLDING.format(url=url)
    if not any(text in page for text in wanted):
        return MISSING.format(status=response.status_code, url=url, text=contains)
    return ""


def _may_be_edge(response: httpx2.Response, space: SpaceInfo) -> bool:
    """Whether an answer may be the edge's own, which stands in for an app that has not started."""
    if any(name.startswith(_PROXIED) for name in response.headers):
        return False
    host = response.url.host
    ours = {httpx2.URL(space.host or "").host, *space.runtime.domains}
    return bool(_APP_HOST.fullmatch(host)) or host in ours


def _told(response: httpx2.Response) -> str:
    """Return what an answer of 400 or above says, where it is words and not a page of HTML."""
    said = b""
    with suppress(httpx2.HTTPError, httpx2.StreamError):  # the status says enough
        said = _page(response)
    text = " ".join(said.decode("utf-8", "replace").split())
    return f": {cut(text, MAX_TOLD)}" if text and "<" not in text and "{" not in text else ""


def _encoded(text: str, response: httpx2.Response) -> tuple[bytes, ...]:
    """Return a text as it may stand in an answer: in UTF-8, and in the encoding that the answer names."""
    encoded = [text.encode()]
    with suppress(LookupError, ValueError):  # it is not known, or has not all of the characters
        encoded.append(text.encode(response.charset_encoding or "utf-8"))
    return tuple(encoded)


def _page(response: httpx2.Response, *, until: Iterable[bytes] = ()) -> bytes:
    """Return the first MiB of an answer, or its beginning up to the first text of `until`."""
    page = bytearray()
    for chunk in response.iter_bytes():
        read = len(page)
        page += chunk
        if len(page) >= MAX_PAGE or any(page.find(text, max(read - len(text), 0)) >= 0 for text in until):
            break
    return bytes(page[:MAX_PAGE])
