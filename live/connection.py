"""Requests to a Hub whose whole answers are kept: status, headers and body, whatever they are.

The functions of huggingface_hub would hide what is to be compared. Only commits use them, as each is several requests.
The token is sent to the Hub, and for a private Space to the app's host if that is one of the Hub. It is kept nowhere.
"""

import json
import ssl
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from enum import Enum
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import httpx2
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.utils import build_hf_headers, get_session, parse_ratelimit_headers, set_client_factory
from huggingface_hub.utils._http import default_client_factory

from hf_action.clock import Clock
from live.findings import Answer
from live.headers import watched

# Seconds that one answer may take.
TIMEOUT = 60.0
# With fewer requests left of the quota, the tour waits until it is renewed: others need it, too.
SPARE = 20
# A token that no Hub knows. It is made of one letter, so that nobody takes it for a real one.
UNKNOWN_TOKEN = "hf_" + "x" * 34
# What the edge's own pages say (simhub/edge.py).
PAGES = ("Preparing Space", "The space is paused", "Your space is in error")

Operations = Sequence[CommitOperationAdd | CommitOperationDelete]


class Who(Enum):
    """Who a request comes from."""

    OWNER = "with the token"
    ANONYMOUS = "without a token"
    STRANGER = "with a token that no Hub knows"


class Connection:
    """A Hub, asked by its address with a token, at times that `clock` tells.

    `trusted` holds the certificates that the Hub's is checked against; those of this machine by default.
    `trust_env` is whether the environment may name proxies and certificates.
    """

    def __init__(
        self, *, endpoint: str, token: str, clock: Clock, trusted: ssl.SSLContext | None = None, trust_env: bool = True
    ) -> None:
        self.endpoint = endpoint
        self._token = token
        self._clock = clock
        self._sent = clock.now()
        self._answers: list[Answer] = []
        hooks: dict[str, list[Any]] = {"request": [self._note_request], "response": [self._note_answer]}
        trusted = trusted or httpx2.create_ssl_context(trust_env=trust_env)
        self._client = httpx2.Client(event_hooks=hooks, timeout=TIMEOUT, verify=trusted, trust_env=trust_env)
        self.streaming = httpx2.Client(timeout=TIMEOUT, verify=trusted, trust_env=trust_env)

    def __enter__(self) -> Self:
        set_client_factory(lambda: self._client)
        get_session()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give huggingface_hub its own client back, which closes this one."""
        set_client_factory(default_client_factory)
        self._client.close()
        self.streaming.close()

    def ask(
        self,
        method: str,
        path: str,
        *,
        who: Who = Who.OWNER,
        params: Sequence[tuple[str, str]] = (),
        body: object = None,
    ) -> Answer:
        """Ask the Hub and return its answer; raises httpx2.HTTPError where none comes."""
        address = path if path.startswith("http") else f"{self.endpoint}{path}"
        self._client.request(
            method,
            address,
            headers=self.headers(who),
            json=body,
            params=httpx2.QueryParams([*httpx2.URL(address).params.multi_items(), *params]),
        )
        answer = self._answers.pop()
        self._spare_quota(answer)
        return answer

    def visit(self, host: str, *, private: bool) -> Answer:
        """Visit the app's host; the answer has the words of a page of the edge, or says that it is from the app."""
        headers = {"X-HF-Authorization": f"Bearer {self._token}"} if private and self._is_hubs(host) else {}
        self._client.get(host, headers=headers)
        answer = self._answers.pop()
        from_app = "x-proxied-host" in answer.headers
        text = answer.body if isinstance(answer.body, str) else ""
        words = next((page for page in PAGES if page in text), "" if from_app else "another page")
        return replace(answer, body=None, words=words, from_app=from_app)

    def commit(self, id: str, operations: Operations, *, parent: str, message: str) -> list[Answer]:
        """Make a commit with huggingface_hub, and return the answers to all of its requests, refused or not."""
        api = HfApi(endpoint=self.endpoint, token=self._token, library_name="hf-space-live")
        self._answers.clear()
        with suppress(HfHubHTTPError, LookupError, TypeError, ValueError, AttributeError):
            api.create_commit(id, operations, commit_message=message, repo_type="space", parent_commit=parent)
        return [*self._answers]

    def headers(self, who: Who = Who.OWNER) -> dict[str, str]:
        """Return the headers of a request."""
        tokens: dict[Who, str | bool] = {Who.OWNER: self._token, Who.STRANGER: UNKNOWN_TOKEN, Who.ANONYMOUS: False}
        return build_hf_headers(token=tokens[who], library_name="hf-space-live")

    def _is_hubs(self, host: str) -> bool:
        parts = urlsplit(host)
        ours = urlsplit(self.endpoint)
        return (parts.scheme, parts.netloc) == (ours.scheme, ours.netloc) or (
            parts.scheme == "https" and (parts.hostname or "").endswith(".hf.space")
        )

    def _note_request(self, _request: httpx2.Request) -> None:
        self._sent = self._clock.now()

    def _note_answer(self, response: httpx2.Response) -> None:
        response.read()
        content = response.request.content
        body = read_body(response)
        self._answers.append(
            Answer(
                method=response.request.method,
                path=response.request.url.raw_path.decode("ascii", "replace"),
                status=response.status_code,
                headers=watched(response.headers),
                body=body,
                sent=self._sent,
                answered=self._clock.now(),
                request=_json(content.decode("utf-8", "replace")) if content else None,
                words=_refusal(body) if response.status_code >= 400 else "",
            )
        )

    def _spare_quota(self, answer: Answer) -> None:
        left = parse_ratelimit_headers(answer.headers)
        if left is not None and left.remaining < SPARE:
            self._clock.sleep(min(left.reset_in_seconds, 300) + 1)


def read_body(response: httpx2.Response) -> object:
    """Return the JSON of an answer; its text where it is not JSON."""
    if response.headers.get("content-type", "").startswith("application/json"):
        return _json(response.text)
    return response.text[:2000]


def _json(text: str) -> object:
    try:
        read: object = json.loads(text)
    except (ValueError, RecursionError):
        return text[:2000]
    return read


def _refusal(body: object) -> str:
    said = body.get("error") if isinstance(body, dict) else None
    return said if isinstance(said, str) else "no error in the answer"
