"""The headers that clients of the Hub rely on, each reduced to what is the same in all answers of a kind."""

import re
from collections.abc import Callable, Mapping
from urllib.parse import parse_qs, urlsplit

from live.shapes import form_of


def _numbers(value: str) -> str:
    return re.sub(r"\d+", "N", value)


def _media_type(value: str) -> str:
    return value.partition(";")[0].strip().lower()


def _link(value: str) -> str:
    """Return a link with only the names of its parameters, as cursors differ."""
    return re.sub(
        r"<([^>]*)>", lambda found: f"<address?{'&'.join(sorted(parse_qs(urlsplit(found[1]).query)))}>", value
    )


def _target(value: str) -> str:
    """Return where a redirect leads, and whether it names a host."""
    parts = urlsplit(value)
    return f"{'an address with ' if parts.netloc else ''}{parts.path}"


def _request_id(value: str) -> str:
    return re.sub(r"[0-9a-f]{8,}", "X", value)


def _there(value: str) -> str:
    return "there" if value else "empty"


def _as_it_is(value: str) -> str:
    return value


# How to reduce each header, by name. Other headers are not compared.
WATCHED: Mapping[str, Callable[[str], str]] = {
    "content-type": _media_type,
    "link": _link,
    "location": _target,
    "ratelimit": _numbers,
    "ratelimit-policy": _numbers,
    "retry-after": _numbers,
    "x-error-code": _as_it_is,
    "x-error-message": _as_it_is,
    "x-request-id": _request_id,
    "x-total-count": _numbers,
    "x-repo-commit": form_of,
    "x-proxied-host": _numbers,
    "x-proxied-replica": _there,
    "x-proxied-path": _as_it_is,
}
# Those that the edge adds to an answer of an app. All others are from the app.
OF_THE_EDGE = frozenset({"link", "x-proxied-host", "x-proxied-replica", "x-proxied-path"})


def watched(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers that matter, by their names in lower case."""
    return {name.lower(): value for name, value in headers.items() if name.lower() in WATCHED}


def form(name: str, value: str) -> str:
    """Return the form of a header that matters."""
    return WATCHED[name](value)
