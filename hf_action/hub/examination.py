"""The questions of an examination. Each is asked once, changes nothing, and is answered whatever goes wrong.

The way is that of an operation: the same client with its bounds, the same token at the same origin.
"""

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TypeVar
from urllib.request import getproxies

import httpx2
import huggingface_hub
from huggingface_hub._oidc import get_oidc_token
from huggingface_hub.utils import get_session

from hf_action.clock import Clock
from hf_action.hub.facts import Facts
from hf_action.hub.failures import check_proxies
from hf_action.hub.keyless import SUBJECT, Access, masked
from hf_action.hub.refusals import WRONG_TOKEN, reason_of
from hf_action.hub.streams import open_stream
from hf_action.hub.transport import ErrorAnswer, Session, quota_of
from hf_action.rules.addresses import read_address
from hf_action.rules.answers import Answer, QuotaSeen
from hf_action.rules.identity import Identity, read_identity
from hf_action.rules.models import MalformedAnswer, SpaceInfo
from hf_action.rules.outcomes import ActionError, OutOfTime, Unreachable

# The variables of other clients, which are not read here (see `failures`).
OTHER_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
# Seconds of `Age` that are believed: a cache may say anything.
MAX_AGE = 86_400.0

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Examination:
    """What can be asked about a token, a Space, and the way to the Hub."""

    session: Session
    access: Access
    facts: Facts
    clock: Clock
    wall: Callable[[], float]

    def connection(self) -> Answer[int]:
        """Ask for the list of hardware, which everybody may see: how many flavors there are."""

        def read() -> int:
            listed = self._get("/api/spaces/hardware").json()
            if not isinstance(listed, list):
                raise MalformedAnswer("it is not the list of hardware")
            return len(listed)

        return self._ask(read, "the list of hardware")

    def whoami(self) -> Answer[Identity]:
        """Ask whom the token speaks for; the Hub counts these requests strictly (huggingface_hub, hf_api.py)."""
        return self._ask(lambda: read_identity(self._get("/api/whoami-v2").json()), "whoami")

    def space(self, space: str) -> Answer[SpaceInfo]:
        """Look at a Space."""
        return self._ask(lambda: self.facts.space_info(space), space)

    def events(self, space: str) -> Answer[bool]:
        """See whether the status events of a Space can be heard."""
        return self._ask(lambda: self._open(f"/api/spaces/{space}/events"), space)

    def logs(self, space: str) -> Answer[bool]:
        """See whether the log of a Space can be read."""
        return self._ask(lambda: self._open(f"/api/spaces/{space}/logs/run"), space)

    def job_identity(self, mask: Callable[[str], None]) -> Answer[bool]:
        """Ask GitHub for the identity of this job, which is a secret; it is not exchanged for a token.

        To be called only in a job that may ask.
        """

        def read() -> bool:
            masked(get_oidc_token(audience=self.access.endpoint), mask)
            return True

        return self._ask(read, SUBJECT)

    def _get(self, path: str) -> httpx2.Response:
        return get_session().get(f"{self.access.endpoint}{path}", headers=self.access.headers())

    def _open(self, path: str) -> bool:
        open_stream(f"{self.access.endpoint}{path}", headers=self.access.headers())
        return True

    def _ask(self, call: Callable[[], Value], subject: str) -> Answer[Value]:
        began = self.clock.now()
        self.session.forget()
        try:
            value, error = self.session.ask(call, subject), None
        except ActionError as failed:
            value, error = None, failed
        took = self.clock.now() - began
        response = self.session.last
        late = isinstance(error, OutOfTime)
        cause = error.__cause__ if error else None
        refused = cause.response if isinstance(cause, ErrorAnswer) else None
        return Answer(
            value=value,
            status=refused.status_code if refused is not None else 200 if error is None else None,
            wrong=str(error.args[0]) if error else "",
            remedy=error.remedy if error else "",
            is_wrong_token=refused is not None and refused.status_code == 401 and reason_of(refused) == WRONG_TOKEN,
            took=took,
            ahead=_ahead(response, self.wall() - took / 2) if response is not None else None,
            quota=_quota(response) if response is not None else None,
            is_page=refused is not None and "html" in refused.headers.get("content-type", "").lower(),
            cut_off=not late and isinstance(error, Unreachable) and (error.final or not error.sent) and refused is None,
            out_of_time=late,
        )


def _ahead(response: httpx2.Response, now: float) -> float | None:
    """Return the seconds by which `now` is ahead of the date of an answer, which may have lain in a cache."""
    try:
        date = parsedate_to_datetime(response.headers.get("date", "")).timestamp()
        age = float(response.headers.get("age", "0"))
    except (ValueError, OverflowError):
        return None
    return now - date - (age if 0 <= age <= MAX_AGE else 0.0)


def _quota(response: httpx2.Response) -> QuotaSeen | None:
    found = quota_of(response)
    return QuotaSeen(found.remaining, found.limit, found.reset_in_seconds) if found else None


# ---- the way of this machine ----


@dataclass(frozen=True, slots=True)
class Proxies:
    """The proxies that the environment names, by variable, without names and passwords; and what is wrong with one."""

    shown: Mapping[str, str]
    exceptions: str
    wrong: str = ""
    remedy: str = ""


def proxies() -> Proxies:
    """Return which proxies are in use."""
    found = getproxies()
    shown = {
        f"{scheme.upper()}_PROXY": _without_login(found[scheme])
        for scheme in ("https", "http", "all")
        if found.get(scheme)
    }
    try:
        check_proxies(found)
    except Unreachable as error:
        return Proxies(shown, found.get("no", ""), str(error.args[0]), error.remedy)
    return Proxies(shown, found.get("no", ""))


def _without_login(address: str) -> str:
    """Return the address of a proxy without its user and password; nothing of it where it is not an address."""
    _, is_address, _ = address.partition("://")
    try:
        read = read_address(address if is_address else f"http://{address}", login=True)
    except ValueError:
        return "an address that is not shown"
    login = " with a login" if "@" in address else ""
    return f"{read.scheme}://{read.host}:{read.origin[2]}{login}"


@dataclass(frozen=True, slots=True)
class Trust:
    """Which certificates are trusted: the variable and the path that name them, and what is wrong with those."""

    variable: str = ""
    path: str = ""
    wrong: str = ""
    unread: tuple[str, ...] = ()  # variables of other clients


def trust(environ: Mapping[str, str]) -> Trust:
    """Return where the certificates to trust come from, as httpx2 chooses them."""
    unread = tuple(name for name in OTHER_BUNDLES if environ.get(name))
    if file := environ.get("SSL_CERT_FILE"):
        return Trust("SSL_CERT_FILE", file, _wrong_file(file), unread)
    if folder := environ.get("SSL_CERT_DIR"):
        return Trust("SSL_CERT_DIR", folder, "" if Path(folder).is_dir() else "it is not a folder", unread)
    return Trust(unread=unread)


def _wrong_file(path: str) -> str:
    try:
        ssl.create_default_context(cafile=path)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        return str(error)
    return ""


def versions() -> str:
    """Return the versions of what talks to the Hub."""
    return f"huggingface_hub {huggingface_hub.__version__}, httpx2 {httpx2.__version__}, {ssl.OPENSSL_VERSION}"
