"""Who asks: an anonymous user, the owner of a token, or a job that GitHub vouches for.

Source: huggingface_hub, _oidc.py; https://huggingface.co/docs/hub/trusted-publishers
"""

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import httpx2
from huggingface_hub import HfApi
from huggingface_hub._oidc import exchange_oidc_token, get_oidc_token
from huggingface_hub.errors import OIDCError
from huggingface_hub.utils import build_hf_headers

from hf_action import VERSION
from hf_action.hub.refusals import reason_of
from hf_action.hub.transport import ErrorAnswer, Session
from hf_action.rules.models import MalformedAnswer
from hf_action.rules.outcomes import ActionError, Denied, Refused

SUBJECT = "keyless access"
GIVE_PERMISSION = "Add to the job: permissions: { id-token: write }; or unset HF_OIDC_RESOURCE and set HF_TOKEN."
# What a token and an identity are made of. Anything shorter is not one, and to mask it would garble the whole log.
_SECRET = re.compile(r"[\x21-\x7e]{16,}")

Answer = TypeVar("Answer")
# Makes a call about a subject: once, or patiently.
Ask = Callable[[Callable[[], Answer], str], Answer]


@dataclass(frozen=True, slots=True)
class Publisher:
    """What is exchanged for a token: `identity`, or one that GitHub is asked for. `mask` is told each secret first."""

    resource: str
    identity: str | None = field(repr=False)
    mask: Callable[[str], None]


@dataclass(slots=True)
class Access:
    """The token that the Hub is asked with, and how to get another one when it has expired."""

    session: Session
    endpoint: str
    token: str | None = field(repr=False)
    _publisher: Publisher | None = None
    _renewing: threading.Lock = field(default_factory=threading.Lock)

    @property
    def api(self) -> HfApi:
        """The functions of huggingface_hub, for who asks now."""
        # token=False: never huggingface_hub's own search, which would find a token file or log in by itself.
        token = self.token or False
        return HfApi(endpoint=self.endpoint, token=token, library_name="hf-space", library_version=VERSION)

    def headers(self) -> dict[str, str]:
        """Return the headers of huggingface_hub, for requests that it has no function for."""
        return build_hf_headers(token=self.token or False, library_name="hf-space", library_version=VERSION)

    def log_in(self, publisher: Publisher) -> None:
        """Exchange the identity that GitHub vouches for against a short-lived token, patiently."""
        if publisher.identity:
            try:
                masked(publisher.identity, publisher.mask)
            except MalformedAnswer:
                raise Denied(
                    "HF_OIDC_ID_TOKEN is not an identity.", remedy="Hand over the token that the CI system has made."
                ) from None
        self.token = self._exchange(publisher, self.session.patiently)
        self._publisher = publisher

    def renew(self, used: str | None, *, taken: bool) -> bool:
        """Get another token in place of one that was `used` and is refused now; return whether there is one.

        One that the Hub had not `taken` before has not expired, so it is not exchanged for another.
        """
        with self._renewing:
            if self._publisher is None:
                return False
            if used != self.token:  # another thread was faster
                return True
            if not taken:
                return False
            try:
                self.token = self._exchange(self._publisher, self.session.ask)
            except ActionError:
                return False
            return True

    def _exchange(self, publisher: Publisher, ask: "Ask[str]") -> str:
        proof = publisher.identity or self._identity(publisher, ask)

        def exchange() -> str:
            answer = exchange_oidc_token(subject_token=proof, resource=publisher.resource, endpoint=self.endpoint)
            return masked(answer["access_token"], publisher.mask)

        try:
            return ask(exchange, SUBJECT)
        except ActionError as error:
            if not (refused := _refusal(error)):
                raise
            said = reason_of(refused) or error.args[0]
            raise Denied(
                f"the Hub gives no token for HF_OIDC_RESOURCE={publisher.resource}: {said}.",
                remedy="Check that the resource's settings name this repository and workflow as a trusted publisher.",
            ) from error

    def _identity(self, publisher: Publisher, ask: "Ask[str]") -> str:
        try:
            return ask(lambda: masked(get_oidc_token(audience=self.endpoint), publisher.mask), SUBJECT)
        except OIDCError as error:
            message = "HF_OIDC_RESOURCE is set, but GitHub gives this job no identity."
            raise Denied(message, remedy=GIVE_PERMISSION) from error
        except ActionError as error:
            if not (refused := _refusal(error)):
                raise
            message = f"GitHub refuses this job an identity ({refused.status_code})."
            raise Denied(message, remedy=GIVE_PERMISSION) from error


def _refusal(error: ActionError) -> httpx2.Response | None:
    """Return the answer that refuses, whatever its status, where waiting would change nothing."""
    cause = error.__cause__
    refuses = isinstance(error, Denied | Refused) or error.outcome.word == "not-found"
    return cause.response if refuses and isinstance(cause, ErrorAnswer) else None


def masked(value: object, mask: Callable[[str], None]) -> str:
    """Return a secret that came in an answer, masked; raises MalformedAnswer where it is not one."""
    if not isinstance(value, str) or not _SECRET.fullmatch(value):
        raise MalformedAnswer("it holds no token")
    mask(value)
    return value
