"""The Hub, as the action sees it: a few questions and one way to change a Space, each with facts or one error."""

import logging
import warnings
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import httpx2
from huggingface_hub import constants

from hf_action.clock import Budget, Clock
from hf_action.hub import app, streams
from hf_action.hub.facts import Facts
from hf_action.hub.keyless import Access, Publisher
from hf_action.hub.refusals import explain, reason_of
from hf_action.hub.transport import REQUEST_TIMEOUT, Session
from hf_action.rules.models import MAX_TEXT, SpaceInfo, SpaceRuntime, cut, read_prices
from hf_action.rules.operations import Write
from hf_action.rules.outcomes import ActionError, Unreachable
from hf_action.rules.pace import Quota
from hf_action.rules.selection import Query

if TYPE_CHECKING:
    from hf_action.hub.examination import Examination
    from hf_action.hub.recorder import Recorder
    from hf_action.hub.repository import Repository


class Hub:
    """A Hub at an endpoint, asked with a token or without, within a budget on `clock`.

    Every method raises `Denied`, `NotFound`, `Refused` or `Unreachable`; nothing else of the network gets out.
    `Unreachable.final` tells that asking again will not help.
    """

    def __init__(
        self,
        *,
        endpoint: str,
        token: str | None,
        clock: Clock,
        budget: Budget,
        info: Callable[[str], None] = lambda _: None,
        redact: Callable[[str], str] = lambda text: text,
        request_timeout: float = REQUEST_TIMEOUT,
        recorder: "Recorder | None" = None,
    ) -> None:
        self.endpoint = endpoint
        self._redact = redact  # takes secrets out of text for people, before anybody cuts it
        self._request_timeout = request_timeout
        _silence_library()
        self._session = Session(
            endpoint=endpoint,
            clock=clock,
            budget=budget,
            info=info,
            request_timeout=request_timeout,
            explain=self._explain,
            renew=lambda used, taken: self._access.renew(used, taken=taken),
            recorder=recorder,
        )
        self._access = Access(session=self._session, endpoint=endpoint, token=token)
        self._facts = Facts(session=self._session, access=self._access, info=info, redact=redact)

    @property
    def requests(self) -> int:
        """How many requests were made."""
        return self._session.requests

    def log_in(self, resource: str, *, identity: str | None, mask: Callable[[str], None]) -> None:
        """Ask from now on with a short-lived token for `resource`, in exchange for an identity that GitHub vouches for.

        `identity` is used instead of asking GitHub for one. Each secret is handed to `mask` before anything else.
        """
        self._access.log_in(Publisher(resource=resource, identity=identity, mask=mask))

    def renew(self) -> bool:
        """Exchange the identity again, where access is keyless; return whether there is a new token to ask with.

        A question that is answered with 401 does this by itself, once for each token that was taken before.
        """
        return self._access.renew(self._access.token, taken=True)

    # ---- questions ----

    def space_info(self, space: str, *, patient: bool = True) -> SpaceInfo:
        """Look at a Space for the first time; `patient` asks again after passing failures, for up to five minutes.

        The answer has the new name of a Space that was renamed.
        """
        ask = self._session.patiently if patient else self._session.ask
        return ask(lambda: self._facts.space_info(space), space)

    def list_spaces(self, query: Query, *, patient: bool = True) -> list[SpaceInfo]:
        """List Spaces, all pages, with just the fields that are needed; `patient` asks again after passing failures."""
        ask = self._session.patiently if patient else self._session.ask
        subject = f"Spaces of {query.author or 'anybody'}"
        return ask(lambda: self._facts.list_spaces(query, subject, thorough=patient), subject)

    def pages(self, entries: int) -> int:
        """Return how many requests a listing of so many Spaces takes, by the pages that came so far."""
        return self._facts.page_size.pages(entries)

    def runtime(self, space: str) -> SpaceRuntime:
        """Look at the runtime of a Space once, without asking again; `moved_to` is its new name, if it has one."""
        return self._session.ask(lambda: self._facts.runtime(space), space)

    def head(self, space: str) -> str | None:
        """Return the head of the Space's repository, asked once."""
        return self._session.ask(lambda: self._facts.head(space), space)

    def history(self, space: str) -> list[str]:
        """Return the commits of the Space's repository, the newest first; asked once."""
        return self._session.ask(lambda: self._facts.history(space), space)

    def prices(self) -> dict[str, float]:
        """Return US dollars an hour by flavor; empty where the Hub does not tell. Asked once."""
        subject = "the hardware list"
        try:
            return self._session.ask(
                lambda: read_prices(self._session.raw(self._access.api.list_spaces_hardware, subject)[1]), subject
            )
        except ActionError:
            return {}

    def log_tail(self, space: str, *, build: bool, lines: int) -> list[str]:
        """Return the last lines of the build or run log, as far as they come within one request's time and size.

        The stream of a running Space never closes, and a failure on the way leaves what came before it.
        """
        tail: deque[str] = deque(maxlen=lines)
        url = f"{self.endpoint}/api/spaces/{space}/logs/{'build' if build else 'run'}"

        def read() -> None:
            for text in streams.read_log(url, headers=self._access.headers(), lines=lines):
                tail.extend(text.splitlines())

        try:
            self._session.ask(read, space)
        except ActionError as error:
            if not tail:
                raise
            tail.append(f"[the log ends here: {error}]")
        return [self._redact(cut(line, MAX_TEXT)) for line in tail]

    def probe(self, url: str, space: SpaceInfo, *, contains: str = "") -> str:
        """Visit the app; return nothing when it answers below 400 by itself, with a text, else what was seen instead.

        The token goes nowhere but to a private Space's own host.
        """
        seconds = self._session.left(app.PATIENCE)
        try:
            return self._session.ask(
                lambda: app.visit(url, space, token=self._access.token, contains=contains), space.id
            )
        except Unreachable as error:
            late = isinstance(error.__cause__, httpx2.TimeoutException)
            return app.LATE.format(url=url, seconds=round(seconds, 1)) if late else str(error.args[0])

    def repository(self, space: str) -> "Repository":
        """Return the repository of a Space, whose files can be put back."""
        from hf_action.hub.repository import Repository  # what makes commits is slow to load, and rarely needed

        return Repository(
            space=space,
            api=lambda: self._access.api,
            headers=self._access.headers,
            once=self._session.ask,
            patiently=self._session.patiently,
        )

    def examination(self, clock: Clock, wall: Callable[[], float]) -> "Examination":
        """Return the questions of an examination; `wall` tells the seconds since 1970 by the clock of this machine."""
        from hf_action.hub.examination import Examination  # only the doctor asks these

        return Examination(session=self._session, access=self._access, facts=self._facts, clock=clock, wall=wall)

    def listen(self, space: str, notice: streams.Notice) -> None:
        """Hear the status events of a Space: `notice` is called with their name and data, until it returns False.

        It is called with nothing once they may come, and at each sign of life. Returns where the Hub ends the stream;
        raises where there is none, or nothing at all came for a minute and more.
        """
        url = f"{self.endpoint}/api/spaces/{space}/events"
        follow = partial(streams.follow_events, url, headers=self._access.headers(), connect=self._request_timeout)
        self._session.ask(lambda: follow(notice=notice), space)

    def follow_build(self, space: str, alive: Callable[[], bool]) -> None:
        """Return when the log of a build ends; `alive` is called as it opens, and now and then, until it is False."""
        url, headers = f"{self.endpoint}/api/spaces/{space}/logs/build", self._access.headers()
        connect = self._request_timeout
        self._session.ask(lambda: streams.follow_log(url, headers=headers, connect=connect, alive=alive), space)

    def quota(self) -> Quota | None:
        """Return what the Hub said last of the requests that are left; None where it has not, or long ago."""
        return self._session.quota()

    def quota_wait(self, reserve: int) -> float:
        """Return the seconds until requests are renewed, where no more than `reserve` are left; else 0.

        Source: https://huggingface.co/docs/hub/rate-limits
        """
        quota = self.quota()
        return quota.renewed_in if quota and quota.left <= reserve else 0.0

    # ---- requests that change something; see operations.writes for when they are sent again ----

    def send(self, write: Write, space: str) -> SpaceRuntime | None:
        """Send a write once; the answer proves nothing yet, and is None where the Hub says nothing of the runtime.

        `Unreachable.sent` tells whether a request without an answer of that route may have had an effect.
        """
        request = partial(getattr(self._access.api, write.function), space, **write.arguments)
        return self._session.ask(lambda: self._facts.answered(request, space), space)

    def _explain(self, response: httpx2.Response, subject: str) -> ActionError:
        said = self._redact(reason_of(response))
        return explain(response, subject=subject, with_token=bool(self._access.token), said=said)


def _silence_library() -> None:
    """Let huggingface_hub neither ask nor say anything by itself."""
    # Otherwise it asks the public Hub for a list of coding agents before its first request, whatever the endpoint is
    # (utils/_detect_agent.py).
    constants.HF_HUB_DISABLE_TELEMETRY = True
    # It logs what headers and errors of the Hub say, on a stream that the runner takes commands from.
    library = logging.getLogger("huggingface_hub")
    library.handlers = [logging.NullHandler()]
    library.propagate = False
    warnings.filterwarnings("ignore", module="huggingface_hub")
