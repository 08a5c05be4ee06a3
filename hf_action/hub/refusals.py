"""What an error answer of the Hub means, and what to do about it.

The mapping of huggingface_hub is not used: it depends on the scheme. A page is not an answer of the Hub but of what
stands in front of it, and proves nothing about tokens and Spaces.
"""

import re
from dataclasses import dataclass

import httpx2

from hf_action.hub.failures import proxy_login
from hf_action.hub.transport import MAX_QUOTA_WINDOW, quota_of
from hf_action.rules.models import cut
from hf_action.rules.outcomes import ActionError, Denied, NotFound, Refused, Unreachable

# What the Hub says when the token itself is wrong; huggingface_hub, utils/_http.py, tells it apart by the same words.
WRONG_TOKEN = "Invalid credentials in Authorization header"
TOKENS_PAGE = "https://huggingface.co/settings/tokens"
# The checkbox of a fine-grained token that restart, pause and hardware need.
WRITE_ACCESS = "'Write access to contents/settings of selected repos' (repo.write)"
# Characters of what the Hub says that are kept; the doors to log and summary shorten further.
MAX_REASON = 2_000
# Bytes of an answer that are read for it.
MAX_REASON_BYTES = 64 * 1024
# Headers with the id that the Hub's support asks for, the best first; huggingface_hub, utils/_http.py.
_ID_HEADERS = ("x-request-id", "x-amzn-trace-id", "x-amz-cf-id")
_REQUEST_ID = re.compile(r"[\w=:;.,/+-]{4,120}", re.ASCII)
# Statuses of requests that may be asked again as they are.
_PASSING = (408, 425, 429)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an account is refused something: the words of the Hub, and what they mean for `{space}` and its `{owner}`."""

    words: re.Pattern[str]
    cause: str
    what: str
    remedy: str


# The first whose words are found. Sources: tests/samples/errors.json and evidence.json.
REASONS = (
    Reason(
        re.compile(r"spend(?:ing)? limit|resource group", re.IGNORECASE),
        "spend-limit",
        "the spend limit of the organization {owner} is reached",
        "Have an administrator of {owner} raise the limit of the resource group, or use cheaper hardware.",
    ),
    Reason(
        re.compile(r"quota.{0,40}(?:limit|exceeded|reached)|(?:limit|exceeded|reached).{0,40}quota", re.IGNORECASE),
        "quota-reached",
        "the account of {owner} has reached its quota",
        "Pause other Spaces of {owner}, or upgrade its account to a paid plan; a token changes nothing about it.",
    ),
    Reason(
        re.compile(r"payment|pre-?paid|billing|credits?\b", re.IGNORECASE),
        "payment-required",
        "the owner of {space} has to pay for this",
        "Add a payment method or credits to the owner's account, or ask for free hardware.",
    ),
    Reason(
        re.compile(r"abuse|\bbanned\b|\bblocked\b|suspended|access to this \w+ is disabled", re.IGNORECASE),
        "blocked",
        "the Hub has blocked this Space or the account of {owner}",
        "Write to the Hub's support.",
    ),
)
NO_HARDWARE = re.compile(
    r"\b(?:no|not enough|insufficient|out of)\b.{0,30}\b(?:hardware|capacity|gpus?)\b", re.IGNORECASE
)


def explain(response: httpx2.Response, *, subject: str, with_token: bool, said: str) -> ActionError:
    """Say what an error answer about `subject`, a Space or a list, means; `said` is the reason, without secrets."""
    status = response.status_code
    tail = _tail(response, said)
    if status == 407:
        return proxy_login()
    if status in _PASSING or status >= 500:
        return _passing(response, said=said, tail=tail)
    if "html" in response.headers.get("content-type", "").lower():
        return _page(response, tail=tail)
    owner = subject.partition("/")[0]
    if status in (400, 402, 403, 409):
        for reason in REASONS:
            if reason.words.search(said) or (status == 402 and reason.cause == "payment-required"):
                message = f"{reason.what.format(space=subject, owner=owner)} ({status}).{tail}"
                remedy = reason.remedy.format(owner=owner)
                return Denied(message, remedy=remedy, cause=reason.cause, blame="account")
    match status:
        case 401:
            return _unknown(subject, with_token=with_token, said=said, tail=tail)
        case 403:
            return _forbidden(response, subject=subject, with_token=with_token, tail=tail)
        case 404 | 410:
            hint = "or the token cannot see it" if with_token else "or it is private"
            return NotFound(
                f"there is no Space {subject}, {hint} ({status}).{_id(response)}",
                remedy="Check the spelling of owner and name, and which owners the token may read.",
            )
    cause, blame = ("no-hardware-free", "hub") if NO_HARDWARE.search(said) else ("", "")
    return Refused(f"the Hub refuses this for {subject} ({status}).{tail}", cause=cause, blame=blame)


def reason_of(response: httpx2.Response) -> str:
    """Return what the Hub says of a refusal: in a header, else in the body."""
    said = response.headers.get("x-error-message")
    if not said and "json" in response.headers.get("content-type", ""):
        try:
            body = response.json() if len(response.content) <= MAX_REASON_BYTES else None
        except (ValueError, RecursionError, httpx2.StreamError):
            body = None
        parts = [body.get("error"), body.get("error_description")] if isinstance(body, dict) else []
        said = ": ".join(part for part in parts if isinstance(part, str))
    return cut(said or "", MAX_REASON)


def asked_wait(response: httpx2.Response) -> float | None:
    """Return the seconds a 429 asks for: its RateLimit header first, then Retry-After.

    Source: https://huggingface.co/docs/hub/rate-limits; there is usually no Retry-After.
    """
    quota = quota_of(response)
    if response.status_code == 429 and quota and quota.remaining == 0:
        return min(quota.reset_in_seconds, MAX_QUOTA_WINDOW) + 1.0  # the header counts whole seconds
    asked = response.headers.get("retry-after", "").strip()
    return min(float(asked), MAX_QUOTA_WINDOW) if re.fullmatch("[0-9]{1,9}", asked) else None


def _passing(response: httpx2.Response, *, said: str, tail: str) -> Unreachable:
    """Say that the Hub cannot answer now."""
    status = response.status_code
    cause = ("no-hardware-free" if NO_HARDWARE.search(said) else "hub-fault") if status >= 500 else ""
    return Unreachable(
        f"the Hub answered {status}.{tail}",
        retry_after=asked_wait(response),
        sent=status != 429,
        cause=cause,
        blame="hub" if cause else "",
    )


def _page(response: httpx2.Response, *, tail: str) -> Unreachable:
    """Say that what answers is not the Hub; what it refuses says nothing about the token or the Space."""
    status = response.status_code
    if status == 403:
        return Unreachable(
            f"a page came in place of the Hub's answer (403): the edge in front of the Hub blocks this machine's "
            f"address.{tail}",
            remedy="Try again later or from another network; the Hub's support asks for the request id.",
        )
    return Unreachable(
        f"a page came in place of the Hub's answer ({status}).{tail}",
        remedy="Check the endpoint, and whether a proxy in between answers (HTTPS_PROXY, NO_PROXY).",
    )


def _unknown(subject: str, *, with_token: bool, said: str, tail: str) -> ActionError:
    """Say what 401 means: of nobody, of a wrong token, of one that may do less."""
    if not with_token:
        return NotFound(
            f"{subject} is private or does not exist (401 without a token).{tail}",
            remedy=f"Check the name; for a private Space set HF_TOKEN, made at {TOKENS_PAGE}.",
        )
    if said == WRONG_TOKEN:
        return Denied(
            f"the Hub does not accept the token (401).{tail}",
            remedy=f"It may be expired, revoked or cut short; make a new one at {TOKENS_PAGE}.",
        )
    # Seen with tokens of the browser login: reading and pausing work, restarting and hardware do not
    # (https://github.com/huggingface/huggingface_hub/issues/4972).
    return Denied(
        f"the Hub refuses this to the token (401).{tail}",
        remedy=f"A token of a login or of keyless access may do less; use one made at {TOKENS_PAGE}.",
    )


def _forbidden(response: httpx2.Response, *, subject: str, with_token: bool, tail: str) -> Denied:
    """Say what 403 means where the Hub gives no other reason: a lack of rights, or a spend limit that looks so."""
    if not with_token:
        return Denied(
            f"the Hub refuses this for {subject} without a token (403).{tail}",
            remedy=f"Set HF_TOKEN, made at {TOKENS_PAGE}.",
        )
    remedy = (
        f"Use a token with write access to the owner of the Space, made at {TOKENS_PAGE}; a fine-grained one needs "
        f"{WRITE_ACCESS}."
    )
    hardware = response.request.url.path.endswith("/hardware") and response.request.method == "POST"
    what = f"the token lacks the right to do this to {subject}"
    if hardware:
        what += ", or the spend limit of its organization is reached"
        remedy += " An administrator of the organization sees and raises the spend limit of its resource group."
    return Denied(f"{what} (403).{tail}", remedy=remedy)


def _tail(response: httpx2.Response, said: str) -> str:
    """Return what the Hub says, and the id of the request that its support asks for."""
    words = f" The Hub says: {' '.join(said.split()).removesuffix('.')}." if said else ""
    return words + _id(response)


def _id(response: httpx2.Response) -> str:
    for name in _ID_HEADERS:
        value = response.headers.get(name, "")
        if _REQUEST_ID.fullmatch(value):
            return f" Request id: {value}."
    return ""
