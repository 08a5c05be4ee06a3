"""How one request travels: bounded in time and size, on one host, with every failure turned into one of ours."""

import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

import httpx2
from huggingface_hub.utils import (
    RateLimitInfo,
    parse_ratelimit_headers,
)

from hf_action.rules.outcomes import Unreachable

# Seconds one request may take, from its start to the last byte; the Hub answers in well under one.
REQUEST_TIMEOUT = 10.0
# Bytes of one answer; the largest real ones, Spaces with thousands of files and pages of listings, are far smaller.
MAX_ANSWER_BYTES = 8 * 1024 * 1024
# Seconds after which the Hub's quota is certainly given anew, whatever a header says; it counts in five minutes.
MAX_QUOTA_WINDOW = 300.0
# Requests that are as good as no limit; a header may name more than any number that can be reckoned with.
MAX_QUOTA_LEFT = 1_000_000
# Bytes that gzip and deflate can make of one at most. Answers are asked for unpacked, but may come packed all the same.
MAX_INFLATION = 1032


# Looks at each answer to the calls that are made under it, and raises what it finds wrong; of this thread alone.
CHECK: ContextVar[Callable[[httpx2.Response], None]] = ContextVar("CHECK", default=lambda _: None)


class ErrorAnswer(Exception):
    """An answer of 400 or above."""

    def __init__(self, response: httpx2.Response) -> None:
        super().__init__(response.status_code)
        self.response = response


class Client(httpx2.Client):
    """A client that lets no failure reach huggingface_hub, which would ask again by itself.

    Its listings retry with `time.sleep`, for up to five minutes on a 429, whatever the budget of the step is
    (utils/_http.py, http_backoff). Errors of ours pass through it untouched.
    """

    def send(self, request: httpx2.Request, *, stream: bool = False, **rest: Any) -> httpx2.Response:  # noqa: ANN401 - passed on as it comes
        """Send a request; raises ErrorAnswer for a status of 400 or above, Unreachable where no answer comes."""
        try:
            response = super().send(request, stream=stream, **rest)
            if response.status_code >= 400:
                response.close()  # of a stream, the status and the headers say enough
                raise ErrorAnswer(response)
            if not stream:
                CHECK.get()(response)
        except (httpx2.HTTPError, httpx2.StreamError, httpx2.InvalidURL) as error:
            raise lost(error) from error
        return response


class BoundedStream(httpx2.SyncByteStream):
    """The body of an answer, cut off where it gets too late or too long: timeouts of httpx2 are for each read."""

    def __init__(self, stream: httpx2.SyncByteStream, *, end: float, most: int) -> None:
        self._stream = stream
        self._end = end
        self._most = most

    def __iter__(self) -> Iterator[bytes]:
        size = 0
        for chunk in self._stream:
            size += len(chunk)
            if size > self._most:
                raise httpx2.RemoteProtocolError(f"an answer of more than {MAX_ANSWER_BYTES >> 20} MiB")
            if time.monotonic() > self._end:
                raise httpx2.ReadTimeout("the answer was still coming when its time was over")
            yield chunk

    def close(self) -> None:
        """Give the connection back."""
        self._stream.close()


def lost(error: Exception) -> Unreachable:
    """Say what became of a request without a usable answer, and whether it may have arrived."""
    reason = str(error) or type(error).__name__
    if isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.PoolTimeout):
        remedy = "Check the endpoint, its name and the way of this machine to it."
        return Unreachable(f"no connection to {error.request.url.host}: {reason}.", remedy=remedy, sent=False)
    return Unreachable(f"the answer was lost: {reason}")


def quota_of(response: httpx2.Response) -> RateLimitInfo | None:
    """Return what an answer says of the quota; None where it says nothing that can be read."""
    try:
        return parse_ratelimit_headers(response.headers)
    except ValueError:  # a number of thousands of digits
        return None
