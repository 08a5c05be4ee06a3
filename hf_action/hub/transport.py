"""How a request travels: with the rest of the budget, within bounds, at one origin, and again where that may help.

huggingface_hub's own calls for Spaces have no timeout and no retry, so both are added here: a timeout on the client,
and a retry around one call. Waiting for a Space is not a retry; see rules/waiting.py.
"""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.request import getproxies

import httpx2
from huggingface_hub.utils import RateLimitInfo, parse_ratelimit_headers, set_client_factory

from hf_action.clock import Budget, Clock
from hf_action.hub.bounds import Deadline, bound_body, bound_connections, check_values
from hf_action.hub.failures import check_proxies, failure_of, unusable_client
from hf_action.hub.redirects import MAX_REDIRECTS, check_direction
from hf_action.rules.models import MalformedAnswer
from hf_action.rules.outcomes import ActionError, OutOfTime, Refused, Unreachable
from hf_action.rules.pace import Quota

if TYPE_CHECKING:
    from hf_action.hub.recorder import Recorder

# Seconds one request may take, from its start to the last byte; the Hub answers in well under one.
REQUEST_TIMEOUT = 10.0
# Seconds after which the Hub's quota is certainly renewed, whatever a header says; it counts in five minutes.
MAX_QUOTA_WINDOW = 300.0
# Requests that are as good as no limit; a header may name more than any number that can be reckoned with.
MAX_QUOTA_LEFT = 1_000_000

# Failures of the network and of HTTP, as httpx2 raises them.
_NETWORK = (httpx2.HTTPError, httpx2.StreamError, httpx2.InvalidURL)
# What reading an answer raises when it is not what the route promises: no JSON, or JSON of another shape.
MISSHAPEN = (LookupError, TypeError, AttributeError, ValueError, ArithmeticError, RecursionError)

Answer = TypeVar("Answer")


# Looks at each answer that has been read, and raises what is wrong with it; a request for files sets another one.
CHECK: ContextVar[Callable[[httpx2.Response], None]] = ContextVar("CHECK", default=check_values)


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
        """Send a request; raises ErrorAnswer for a status of 400 or above, Unreachable where no answer comes.

        What an app answers is an answer, whatever its status.
        """
        try:
            response = super().send(request, stream=stream, **rest)
            if not response.has_redirect_location:
                self.cookies.clear()  # nobody needs them any more, and an app could fill the memory with them
            if response.status_code >= 400 and "app" not in request.extensions:
                response.close()  # of a stream, the status and the headers say enough
                raise ErrorAnswer(response)
            if not stream:
                CHECK.get()(response)
        except _NETWORK as error:
            _note_failure(error)
            raise failure_of(error) from error
        return response


class Session:
    """Requests within a budget on `clock`: counted, bounded, explained, and repeated where that may help.

    Args:
        endpoint: the Hub's address.
        clock: what time it is, and how to let it pass.
        budget: when the time of the step is over.
        info: told why nothing happens for long.
        request_timeout: seconds that one request may take.
        explain: says what an error answer about a subject means.
        renew: gets another token in place of one that is refused, and was taken before or not; whether there is one.
        recorder: notes each exchange, where that is asked for.
    """

    def __init__(
        self,
        *,
        endpoint: str,
        clock: Clock,
        budget: Budget,
        info: Callable[[str], None],
        request_timeout: float,
        explain: Callable[[httpx2.Response, str], ActionError],
        renew: Callable[[str, bool], bool],
        recorder: "Recorder | None" = None,
    ) -> None:
        self.requests = 0
        self._api = httpx2.URL(f"{endpoint}/api/")
        self._quota: tuple[int, float] | None = None  # requests left, and when they are renewed
        self._taken = ""  # the token that the Hub took last
        self._counting = threading.Lock()
        self._answers = threading.local()
        self._clock = clock
        self._budget = budget
        self._info = info
        self._request_timeout = request_timeout
        self._explain = explain
        self._renew = renew
        self._recorder = recorder
        set_client_factory(self._client)

    # ---- calls ----

    def ask(self, call: Callable[[], Answer], subject: str) -> Answer:
        """Make one call, and turn whatever goes wrong into one of the errors of the action."""
        if self.left() <= 0:
            raise OutOfTime("the budget was spent before the request", sent=False)
        try:
            return call()
        except ErrorAnswer as error:
            if self._expired(error.response):
                return self.ask(call, subject)
            raise self._explain(error.response, subject) from error
        except _NETWORK as error:
            raise failure_of(error) from error
        except MalformedAnswer as error:
            raise Unreachable(f"the answer made no sense: {error}") from error
        except MISSHAPEN as error:
            raise Unreachable(f"the answer made no sense ({type(error).__name__})") from error

    def patiently(
        self, call: Callable[[], Answer], subject: str, *, repeat: Callable[[BaseException], bool] | None = None
    ) -> Answer:
        """Ask until there is an answer, for five minutes or until the deadline, as the Hub's quota allows."""
        began, may_repeat = self._clock.now(), repeat or is_passing
        try:
            return self.ask(call, subject)
        except ActionError as error:
            if not may_repeat(error):
                raise
            failed = error
        from hf_action.hub.retrying import Patience  # most questions are answered at once

        patience = Patience(
            clock=self._clock,
            began=began,
            budget=self._budget,
            may_repeat=may_repeat,
            tell=lambda why: self._info(f"{subject}: no usable answer: {why} — asking again"),
        )
        return patience.ask(lambda: self.ask(call, subject), failed)

    def raw(self, call: Callable[[], object], subject: str, *, empty: object = None) -> tuple[httpx2.Response, object]:
        """Have huggingface_hub make a request; return the answer and its JSON as it came, `empty` if there is none.

        Its own types raise on any field of a type they do not expect; rules/models.py takes such a field for absent.
        """
        self._answers.last = None
        with suppress(*MISSHAPEN):
            call()
        answer: httpx2.Response | None = self._answers.last
        if answer is None:
            raise Refused(f"huggingface_hub makes no request about {subject}")
        return answer, answer.json() if answer.content else empty

    @property
    def last(self) -> httpx2.Response | None:
        """The last answer that came in this thread, whatever it was."""
        last: httpx2.Response | None = getattr(self._answers, "last", None)
        return last

    def forget(self) -> None:
        """Have no last answer, so that an older one is not taken for that of the next question."""
        self._answers.last = None

    def quota(self) -> Quota | None:
        """Return what the Hub said last of the requests that are left; None where it has not, or long ago."""
        if not self._quota or self._quota[1] <= self._clock.now():
            return None
        left, renewed = self._quota
        return Quota(left=left, renewed_in=renewed - self._clock.now())

    def _expired(self, response: httpx2.Response) -> bool:
        """Whether an answer means that the token has expired, and there is another one by now."""
        used = _token_of(response)
        return response.status_code == 401 and self._is_ours(response) and self._renew(used, used == self._taken)

    # ---- requests ----

    def left(self, patience: float = 1.0) -> float:
        """Return the seconds that a request may take, of one that may take so many times as long as usual."""
        return min(self._request_timeout * patience, self._budget.end - self._clock.now())

    def _client(self) -> httpx2.Client:
        """Make the client that huggingface_hub uses for every call."""
        check_proxies(getproxies())
        before: list[Callable[[httpx2.Request], None]] = [self._before_request]
        after: list[Callable[[httpx2.Response], None]] = [self._after_response]
        if self._recorder:  # what comes is noted before anything is bounded
            before, after = [*before, self._recorder.begin], [self._recorder.answered, *after]
        try:
            client = Client(
                follow_redirects=True,
                max_redirects=MAX_REDIRECTS,
                headers={"accept-encoding": "identity"},
                timeout=self._request_timeout,
                event_hooks={"request": before, "response": after},
            )
        except (ImportError, ValueError, OSError, httpx2.InvalidURL) as error:
            raise unusable_client(error) from error
        bound_connections(client)
        return client

    def _before_request(self, request: httpx2.Request) -> None:
        """Count the request, and give it no more time than is left of the budget; a redirect is part of it."""
        with self._counting:
            self.requests += 1
        extensions = request.extensions
        lasting, patience = "lasting" in extensions, extensions.get("app", 1.0)
        left = self._budget.end - self._clock.now() if lasting else self.left(patience=patience)
        end = extensions.setdefault("end", time.monotonic() + left)
        asked = extensions["timeout"]
        extensions["timeout"] = {part: Deadline((asked.get(part) or left) * patience, end=end) for part in asked}

    def _after_response(self, response: httpx2.Response) -> None:
        """Bound what is read, remember the quota, and follow only where the token may go."""
        self._answers.last = response
        bound_body(response)
        if "app" in response.request.extensions:
            return
        if self._is_ours(response):
            self._remember(quota_of(response))  # a service of another host may send such headers, too
            if response.status_code < 400:
                self._taken = _token_of(response)
        check_direction(response)

    def _is_ours(self, response: httpx2.Response) -> bool:
        """Whether an answer comes from the Hub's API."""
        return response.url.origin == self._api.origin and response.url.path.startswith(self._api.path)

    def _remember(self, quota: RateLimitInfo | None) -> None:
        if quota:
            reset = min(quota.reset_in_seconds, MAX_QUOTA_WINDOW) + 1.0
            self._quota = min(quota.remaining, MAX_QUOTA_LEFT), self._clock.now() + reset


def _note_failure(error: Exception) -> None:
    """Have a recording know that no answer came."""
    request = getattr(error, "_request", None)
    exchange = request.extensions.get("exchange") if isinstance(request, httpx2.Request) else None
    if exchange:
        exchange.fail(error)


def quota_of(response: httpx2.Response) -> RateLimitInfo | None:
    """Return what an answer says of the quota; None where it says nothing that can be read."""
    try:
        return parse_ratelimit_headers(response.headers)
    except ValueError:  # a number of thousands of digits
        return None


def _token_of(response: httpx2.Response) -> str:
    return response.request.headers.get("authorization", "").removeprefix("Bearer ")


def is_passing(error: BaseException) -> bool:
    """Whether the same question may have an answer a little later."""
    return isinstance(error, Unreachable) and not error.final
