"""The Hub, as the action sees it: a few questions and two requests, each answered with facts or one error.

This is the only module that imports huggingface_hub and tenacity. huggingface_hub's own calls for Spaces have no
timeout and no retry, so both are added here: a timeout on the client, and a retry around one call. Waiting for a
Space is not a retry; see waiting.py.
"""

import logging
import random
import re
import threading
import time
import warnings
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TypeVar

import httpx2
from huggingface_hub import HfApi, constants
from huggingface_hub._oidc import exchange_oidc_token, get_oidc_token
from huggingface_hub.errors import OIDCError
from huggingface_hub.utils import (
    build_hf_headers,
    get_session,
    set_client_factory,
)
from huggingface_hub.utils._pagination import paginate
from tenacity import RetryCallState, Retrying, retry_if_exception

from hf_action import VERSION
from hf_action.clock import Clock
from hf_action.hub.refusals import TOKENS_PAGE, WRONG_TOKEN, asked_wait, reason_of
from hf_action.hub.transport import (
    MAX_ANSWER_BYTES,
    MAX_INFLATION,
    MAX_QUOTA_LEFT,
    MAX_QUOTA_WINDOW,
    REQUEST_TIMEOUT,
    BoundedStream,
    Client,
    ErrorAnswer,
    lost,
    quota_of,
)
from hf_action.rules.models import MalformedAnswer, SpaceInfo, SpaceRuntime, read_runtime, read_space_info
from hf_action.rules.operations import Write
from hf_action.rules.outcomes import ActionError, Denied, NotFound, OutOfTime, Refused, Unreachable
from hf_action.rules.pace import Quota
from hf_action.rules.selection import Query
from hf_action.rules.waiting import LAST_LOOK, UNREACHABLE_AFTER

# What a listing is asked for; `host` cannot be.
LISTED = ["cardData", "lastModified", "likes", "private", "runtime", "sdk", "sha", "tags"]
# The host of an app, as the Hub names it.
_APP_HOST = re.compile(r"[a-z0-9][a-z0-9-]*\.hf\.space")
# Seconds without a sign of life after which a stream of events is dead. Other streams of the Hub give one every half
# minute (huggingface_hub, hf_api.py, fetch_job_logs).
SILENCE = 90.0
# Redirects that a health check follows on the app's own host.
MAX_REDIRECTS = 5

# Raised by huggingface_hub when an answer is not what the route promises: no JSON, or JSON of another shape.
_MISSHAPEN = (LookupError, TypeError, AttributeError, ValueError, ArithmeticError, RecursionError)

Answer = TypeVar("Answer")


class Hub:
    """A Hub at an endpoint, asked with a token or without, until a deadline on `clock`.

    Every method raises `Denied`, `NotFound`, `Refused` or `Unreachable`; nothing else of the network gets out.
    """

    def __init__(
        self,
        *,
        endpoint: str,
        token: str | None,
        clock: Clock,
        deadline: float,
        info: Callable[[str], None] = lambda _: None,
        redact: Callable[[str], str] = lambda text: text,
        request_timeout: float = REQUEST_TIMEOUT,
    ) -> None:
        self.endpoint = endpoint
        self.requests = 0
        self._quota: tuple[int, float] | None = None  # requests left, and when they are given anew
        self._counting = threading.Lock()
        self._answers = threading.local()
        self._clock = clock
        self._deadline = deadline
        self._info = info
        self._redact = redact  # takes secrets out of text from elsewhere, before anybody cuts it
        self._request_timeout = request_timeout
        # Otherwise huggingface_hub asks the public Hub for a list of coding agents before its first request,
        # whatever the endpoint is (utils/_detect_agent.py).
        constants.HF_HUB_DISABLE_TELEMETRY = True
        # It logs what headers and errors of the Hub say, on a stream that the runner takes commands from.
        library = logging.getLogger("huggingface_hub")
        library.handlers = [logging.NullHandler()]
        library.propagate = False
        warnings.filterwarnings("ignore", module="huggingface_hub")
        set_client_factory(self._client)
        self.use_token(token)

    def use_token(self, token: str | None) -> None:
        """Ask with `token` from now on."""
        self._token = token
        # token=False: never huggingface_hub's own search, which would find a token file or log in by itself.
        self._api = HfApi(
            endpoint=self.endpoint, token=token or False, library_name="hf-space", library_version=VERSION
        )

    def exchange(self, resource: str, *, identity: str | None, mask: Callable[[str], None]) -> str:
        """Exchange the identity that GitHub vouches for against a short-lived token for `resource`.

        `identity` is used instead of asking GitHub for one. Each secret is handed to `mask` before anything else.

        Source: huggingface_hub, _oidc.py; https://huggingface.co/docs/hub/trusted-publishers
        """

        def exchange(proof: str) -> str:
            answer = exchange_oidc_token(subject_token=proof, resource=resource, endpoint=self.endpoint)
            return _secret(answer["access_token"], mask)

        if identity:
            mask(identity)
        proof = identity or self._identity(mask)
        try:
            return self._patiently(lambda: exchange(proof), "keyless access")
        except (Denied, NotFound, Refused) as error:
            said = reason_of(self._answer) or error.args[0]
            raise Denied(
                f"the Hub gives no token for HF_OIDC_RESOURCE={resource}: {said}.",
                remedy="Check that the resource's settings name this repository and workflow as a trusted publisher.",
            ) from error

    def _identity(self, mask: Callable[[str], None]) -> str:
        remedy = "Add to the job: permissions: { id-token: write }; or unset HF_OIDC_RESOURCE and set HF_TOKEN."
        try:
            return self._patiently(lambda: _secret(get_oidc_token(audience=self.endpoint), mask), "keyless access")
        except OIDCError as error:
            raise Denied("HF_OIDC_RESOURCE is set, but GitHub gives this job no identity.", remedy=remedy) from error
        except (Denied, NotFound, Refused) as error:
            status = self._answer.status_code
            raise Denied(f"GitHub refuses this job an identity ({status}).", remedy=remedy) from error

    # ---- questions ----

    def space_info(self, space: str, *, patient: bool = True) -> SpaceInfo:
        """Look at a Space for the first time; `patient` asks again after passing failures, for up to five minutes."""
        ask = self._patiently if patient else self._ask
        return ask(lambda: self._description(space), space)

    def list_spaces(self, query: Query, *, patient: bool = True) -> list[SpaceInfo]:
        """List Spaces, all pages, with just the fields that are needed; `patient` asks again after passing failures."""
        asked = {"author": query.author, "search": query.search, "expand": LISTED}
        params = {name: value for name, value in asked.items() if value}

        def read() -> list[SpaceInfo]:
            # As `list_spaces` of huggingface_hub, which gives up all for one entry with a field it does not expect.
            listed = list(paginate(f"{self.endpoint}/api/spaces", params=params, headers=self._headers()))
            return [space for raw in listed if (space := self._listed(raw, thorough=patient))]

        subject = f"Spaces of {query.author or 'anybody'}"
        return self._patiently(read, subject) if patient else self._ask(read, subject)

    def runtime(self, space: str) -> SpaceRuntime:
        """Look at the runtime of a Space once, without asking again."""
        return self._ask(lambda: self._runtime(self._api.get_space_runtime, space), space)

    def head(self, space: str) -> str | None:
        """Return the head of the Space's repository, asked once."""
        return self._ask(lambda: self._api.space_info(space, expand=["sha"]).sha, space)

    def knows_commit(self, space: str, commit: str) -> bool:
        """Return whether the repository has a commit that begins so; asked once."""
        commits = self._ask(lambda: self._api.list_repo_commits(space, repo_type="space"), space)
        return any(one.commit_id.startswith(commit) for one in commits)

    def prices(self) -> dict[str, float]:
        """Return US dollars an hour by flavor; empty where the Hub does not tell. Asked once."""
        minutes = {"second": 1 / 60, "minute": 1, "hour": 60}
        try:
            flavors = self._ask(self._api.list_spaces_hardware, "the hardware list")
        except ActionError:
            return {}
        return {
            flavor.name: flavor.unit_cost_usd * 60 / minutes[flavor.unit_label]
            for flavor in flavors
            if flavor.unit_label in minutes
        }

    def log_tail(self, space: str, *, build: bool, lines: int) -> list[str]:
        """Return the last lines of the build or run log, as far as they come within one request's time and size.

        The stream of a running Space never closes, and a failure on the way leaves what came before it.
        """
        tail: deque[str] = deque(maxlen=lines)

        def read() -> None:
            for text in self._api.fetch_space_logs(space, build=build):
                tail.extend(self._redact(text).splitlines())

        try:
            self._ask(read, space)
        except ActionError as error:
            if not tail:
                raise
            tail.append(f"[the log ends here: {error}]")
        return list(tail)

    def probe(self, url: str, space: SpaceInfo) -> str:
        """Visit the app; return nothing when it answers below 400, else what was seen instead.

        Redirects are followed on the same host only, and the token goes nowhere but to a private Space's own host.
        """
        try:
            return self._ask(lambda: self._visit(url, space), space.id)
        except Unreachable as error:
            return str(error.args[0])

    def listen(self, space: str, notice: Callable[[], bool]) -> None:
        """Hear the status events of a Space: call `notice` once they may come, and for each, until it returns False.

        Returns where the Hub ends the stream; raises where there is none, or nothing at all came for a minute and more.
        """
        self._ask(lambda: self._listen(space, notice), space)

    # ---- requests; asked again only while they certainly had no effect ----

    def send(self, write: Write, space: str) -> SpaceRuntime | None:
        """Send a write once; the answer proves nothing yet, and is None where the Hub says nothing of the runtime.

        `Unreachable.sent` tells whether a request without an answer may have had an effect.
        """
        call = partial(getattr(self._api, write.function), **write.arguments)

        def send() -> SpaceRuntime | None:
            try:
                return self._runtime(call, space)
            except _MISSHAPEN:
                if _is_taken(self._answers.last):
                    return None
                raise

        return self._ask(send, space)

    def quota_wait(self, reserve: int) -> float:
        """Return the seconds until requests are given anew, where no more than `reserve` are left; else 0.

        Source: https://huggingface.co/docs/hub/rate-limits
        """
        quota = self.quota()
        return quota.renewed_in if quota and quota.left <= reserve else 0.0

    def quota(self) -> Quota | None:
        """Return what the Hub said last of the requests that are left; None where it has not, or long ago."""
        if not self._quota or self._quota[1] <= self._clock.now():
            return None
        left, renewed = self._quota
        return Quota(left=left, renewed_in=renewed - self._clock.now())

    def _visit(self, url: str, space: SpaceInfo) -> str:
        for _ in range(MAX_REDIRECTS):
            headers = {"authorization": f"Bearer {self._token}"} if self._may_see_token(url, space) else {}
            try:
                with get_session().stream("GET", url, headers=headers, follow_redirects=False) as response:
                    if not response.has_redirect_location:
                        return ""
                    url = str(response.url.join(response.headers["location"]))
            except ErrorAnswer as error:
                return f"{error.response.status_code} from {url}"
        return f"more than {MAX_REDIRECTS} redirects, the last to {url}"

    def _listen(self, space: str, notice: Callable[[], bool]) -> None:
        with get_session().stream(
            "GET",
            f"{self.endpoint}/api/spaces/{space}/events",
            headers=self._headers(),
            timeout=httpx2.Timeout(self._request_timeout, read=SILENCE),
            extensions={"lasting": True},
        ) as response:
            if not response.headers.get("content-type", "").startswith("text/event-stream"):
                raise MalformedAnswer("it is no stream of events")
            heard = (line for line in response.iter_lines() if re.match(r"data:\s*\S", line))
            while notice() and next(heard, None) is not None:
                pass

    def _may_see_token(self, url: str, space: SpaceInfo) -> bool:
        """Whether `url` is on the app's own host, of a private Space, where nobody can listen or pretend."""
        asked, own = httpx2.URL(url), httpx2.URL(space.host or "")
        same = (asked.scheme, asked.host, asked.port) == ("https", own.host, own.port)
        ours = same and _APP_HOST.fullmatch(asked.host)
        return bool(self._token and space.private and ours)

    # ---- how one call is made ----

    def _raw(self, call: Callable[[str], object], space: str) -> object:
        """Have huggingface_hub make a request, and return the answer as it came.

        Its own types raise on any field of a type they do not expect; facts.py takes such a field for absent.
        """
        self._answers.last = None
        with suppress(*_MISSHAPEN):
            call(space)
        if self._answers.last is None:
            raise Refused(f"huggingface_hub makes no request about {space}")
        return self._answer.json()

    def _runtime(self, call: Callable[[str], object], space: str) -> SpaceRuntime:
        return read_runtime(self._raw(call, space))

    def _description(self, space: str) -> SpaceInfo:
        raw = self._raw(self._api.space_info, space)
        runtime = raw.get("runtime") if isinstance(raw, dict) else None
        if not runtime:
            runtime = self._raw(self._api.get_space_runtime, space)
        return read_space_info(raw, read_runtime(runtime))

    def _listed(self, raw: object, *, thorough: bool) -> SpaceInfo | None:
        """Return what a listing says of a Space; where it lacks the runtime, ask for it, or return None."""
        try:
            runtime = read_runtime(raw.get("runtime") if isinstance(raw, dict) else None)
        except MalformedAnswer:
            space = read_space_info(raw, SpaceRuntime(stage="")).id
            if not thorough:
                return None
            try:
                return self._description(space)
            except ErrorAnswer as error:
                if error.response.status_code not in (403, 404, 410):
                    raise
                self._info(f"{space}: left out, the Hub tells nothing of it ({error.response.status_code})")
                return None
        return read_space_info(raw, runtime)

    def _headers(self) -> dict[str, str]:
        return build_hf_headers(token=self._token or False, library_name="hf-space", library_version=VERSION)

    @property
    def _answer(self) -> httpx2.Response:
        """The last answer that came in this thread."""
        answer: httpx2.Response = self._answers.last
        return answer

    def _patiently(
        self, call: Callable[[], Answer], space: str, repeat: Callable[[BaseException], bool] | None = None
    ) -> Answer:
        """Ask until there is an answer, for five minutes or until the deadline, as the Hub's quota allows."""
        began = self._clock.now()

        def give_up(state: RetryCallState) -> bool:
            now = self._clock.now()
            return now + max(state.upcoming_sleep, LAST_LOOK) >= self._deadline or now - began >= UNREACHABLE_AFTER

        def pause(state: RetryCallState) -> float:
            """Wait no longer than until there is just time for one more request, unless the Hub asks for it."""
            seconds, left = _backoff(state), self._deadline - self._clock.now()
            return seconds if _asked_for(state) is not None else min(seconds, max(left - LAST_LOOK, 0.0))

        retrying = Retrying(
            retry=retry_if_exception(repeat or _is_passing),
            wait=pause,
            stop=give_up,
            before_sleep=lambda state: self._tell(state, space),
            sleep=self._clock.sleep,
            reraise=True,
        )
        return retrying(lambda: self._ask(call, space))

    def _tell(self, state: RetryCallState, space: str) -> None:
        if state.attempt_number == 1:  # the first failure says why nothing happens; the others would say the same
            self._info(f"{space}: no usable answer: {_failure(state)} — asking again")

    def _ask(self, call: Callable[[], Answer], space: str) -> Answer:
        """Make one call, and turn whatever goes wrong into one of the errors of the action."""
        if self._left() <= 0:
            raise OutOfTime("the budget was spent before the request", sent=False)
        try:
            return call()
        except ErrorAnswer as error:
            raise self._explain(error.response, space) from error
        except (httpx2.HTTPError, httpx2.StreamError, httpx2.InvalidURL) as error:
            raise lost(error) from error
        except MalformedAnswer as error:
            raise Unreachable(f"the answer made no sense: {error}") from error
        except _MISSHAPEN as error:
            raise Unreachable(f"the answer made no sense ({type(error).__name__})") from error

    def _left(self) -> float:
        return min(self._request_timeout, self._deadline - self._clock.now())

    def _client(self) -> httpx2.Client:
        """Make the client that huggingface_hub uses for every call."""
        return Client(
            follow_redirects=True,
            headers={"accept-encoding": "identity"},
            timeout=self._request_timeout,
            event_hooks={"request": [self._before_request], "response": [self._after_response]},
        )

    def _before_request(self, request: httpx2.Request) -> None:
        """Count the request, and give it no more time than is left of the budget."""
        with self._counting:
            self.requests += 1
        left = self._deadline - self._clock.now() if "lasting" in request.extensions else self._left()
        left = max(left, 0.001)
        asked = request.extensions["timeout"]
        request.extensions["timeout"] = {part: min(left, asked.get(part) or left) for part in asked}
        request.extensions["end"] = time.monotonic() + left

    def _after_response(self, response: httpx2.Response) -> None:
        """Bound what is read, and refuse to follow to another host, where the token would go, too.

        Renamed Spaces are redirected on the same host, and so are the next pages of a listing.
        """
        self._answers.last = response
        quota = quota_of(response)
        if quota and str(response.url).startswith(f"{self.endpoint}/api/"):  # an app may send such headers, too
            reset = min(quota.reset_in_seconds, MAX_QUOTA_WINDOW) + 1.0
            self._quota = min(quota.remaining, MAX_QUOTA_LEFT), self._clock.now() + reset
        most = MAX_ANSWER_BYTES // (MAX_INFLATION if "content-encoding" in response.headers else 1)
        assert isinstance(response.stream, httpx2.SyncByteStream)  # as all streams of a synchronous client
        response.stream = BoundedStream(response.stream, end=response.request.extensions["end"], most=most)
        location = response.headers["location"] if response.has_redirect_location else None
        for led, target in (("redirected to", location), ("continued on", response.links.get("next", {}).get("url"))):
            if target and (host := response.url.join(target).host) != response.url.host:
                raise httpx2.RemoteProtocolError(f"{led} another host, {host}")

    def _explain(self, response: httpx2.Response, space: str) -> ActionError:
        """Say what an error answer means. The mapping of huggingface_hub is not used: it depends on the scheme."""
        status, reason = response.status_code, self._redact(reason_of(response))
        said = f" The Hub says: {' '.join(reason.split()).removesuffix('.')}." if reason else ""
        if status in (408, 429) or status >= 500:
            wait = asked_wait(response)
            return Unreachable(f"the Hub answered {status}.{said}", retry_after=wait, sent=status != 429)
        match status:
            case 401 if self._token and reason != WRONG_TOKEN:
                # Seen with tokens of the browser login: reading and pausing work, restarting and hardware do not
                # (https://github.com/huggingface/huggingface_hub/issues/4972).
                return Denied(
                    f"the Hub refuses this to the token (401).{said}",
                    remedy=f"A token of a login or of keyless access may do less; use one made at {TOKENS_PAGE}.",
                )
            case 401 if self._token:
                return Denied(
                    f"the Hub does not accept the token (401).{said}",
                    remedy=f"It may be expired, revoked or cut short; make a new one at {TOKENS_PAGE}.",
                )
            case 401:
                return NotFound(
                    f"{space} is private or does not exist (401 without a token).",
                    remedy=f"Check the name; for a private Space set HF_TOKEN, made at {TOKENS_PAGE}.",
                )
            case 402 | 403 if status == 402 or "payment" in reason.lower():
                return Denied(
                    f"the owner of {space} has to pay for this ({status}).{said}",
                    remedy="Add a payment method or credits to the owner's account, or ask for free hardware.",
                )
            case 403:
                return Denied(
                    f"the token lacks the right to do this to {space} ({status}).{said}",
                    remedy=f"Use a token with write access to the owner of the Space, made at {TOKENS_PAGE}.",
                )
            case 404 | 410:
                hint = "or the token cannot see it" if self._token else "or it is private"
                return NotFound(
                    f"there is no Space {space}, {hint} ({status}).",
                    remedy="Check the spelling of owner and name, and which owners the token may read.",
                )
        return Refused(f"the Hub refuses this for {space} ({status}).{said}")


def _secret(value: object, mask: Callable[[str], None]) -> str:
    """Return a secret that came in an answer, masked; raises MalformedAnswer where it is none."""
    if not isinstance(value, str) or not re.fullmatch(r"[\x21-\x7e]+", value):
        raise MalformedAnswer("it holds no token")
    mask(value)
    return value


def _is_taken(answer: httpx2.Response | None) -> bool:
    """Whether the Hub took a request: its answer is good, if empty or an object that is about something else.

    A page or a list, or a stage that is none, comes from something between it and us, or tells of a failure.
    """
    try:
        body = answer.json() if answer and answer.content else {}
    except (ValueError, RecursionError):
        return False
    return answer is not None and isinstance(body, dict) and not {"stage", "error"} & body.keys()


def _is_passing(error: BaseException) -> bool:
    return isinstance(error, Unreachable)


def _never_arrived(error: BaseException) -> bool:
    return isinstance(error, Unreachable) and not error.sent


def _failure(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None


def _asked_for(state: RetryCallState) -> float | None:
    """Return the seconds that the Hub asked to be left alone."""
    return getattr(_failure(state), "retry_after", None)


def _backoff(state: RetryCallState) -> float:
    """Return what the Hub asked for, else 1, 2, 4 ... 30 seconds, up to a half more by chance."""
    asked = _asked_for(state)
    if asked is not None:
        return asked
    return min(2.0 ** (state.attempt_number - 1), 30.0) * random.uniform(1.0, 1.5)
