"""What a Space's own program answers to its visitors: a Space may be given one that is slow, broken or private."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import inf


@dataclass(frozen=True, slots=True, kw_only=True)
class AppRequest:
    """A request that the edge lets through to the app, at world second `at`.

    `since` is for how many seconds the app has been live, `commit` what it was built from.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    at: float
    since: float
    commit: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AppAnswer:
    """An answer of the app. As a row of `Space.app`, it is given to the requests that it matches.

    `path` is a regular expression for the whole path; `after` and `until` are seconds since the app went live; with
    `commit`, only the app that was built from it answers so. A `body` that is not text is sent as JSON.
    """

    path: str = ".*"
    after: float = 0.0
    until: float = inf
    commit: str | None = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: object = "<!doctype html><title>app</title>"

    @property
    def content(self) -> tuple[str, bytes]:
        """Return the media type and the bytes of the body."""
        if isinstance(self.body, bytes):
            return "application/octet-stream", self.body
        if isinstance(self.body, str):
            return "text/html; charset=utf-8", self.body.encode()
        return "application/json", json.dumps(self.body).encode()

    def matches(self, request: AppRequest) -> bool:
        """Tell whether this is the answer to `request`."""
        timely = self.after <= request.since < self.until
        return timely and self.commit in (None, request.commit) and re.fullmatch(self.path, request.path) is not None


# Rows, the first that matches counts; or a function. Where there is no answer, the app answers as is usual for its SDK.
App = tuple[AppAnswer, ...] | Callable[[AppRequest], AppAnswer | None]


def answer(app: App, request: AppRequest, sdk: str, version: str, page: str) -> AppAnswer:
    """Return what the app of a Space answers; `page` is its usual page."""
    scripted = app(request) if callable(app) else next((row for row in app if row.matches(request)), None)
    return scripted or usual(request, sdk=sdk, version=version, page=page)


def usual(request: AppRequest, sdk: str, version: str, page: str) -> AppAnswer:
    """Return what an app answers that was given no answers: gradio and streamlit have a path of their own for it."""
    match sdk, request.path:
        case "gradio", "/config":
            return AppAnswer(body={"version": version, "mode": "blocks", "components": [], "dependencies": []})
        case "streamlit", "/_stcore/health":
            return AppAnswer(body="ok", headers={"Content-Type": "text/plain; charset=utf-8"})
    return AppAnswer(body=page)
