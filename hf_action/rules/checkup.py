"""Judges what an examination has seen: from answers and facts of the machine to findings, each with what to do.

A judgement is `warning` where operations still work, or some of them; `problem` where the one in question fails. Where
nobody says which operation that is, one that changes nothing is meant.
"""

from collections.abc import Sequence
from typing import Any

from hf_action.rules.answers import Answer, QuotaSeen
from hf_action.rules.findings import Finding, ok, problem, unknown, warning
from hf_action.rules.identity import Identity, Organization, Right, judge_write
from hf_action.rules.models import SpaceInfo
from hf_action.rules.results import duration

TOKENS_PAGE = "https://huggingface.co/settings/tokens"
MAKE_TOKEN = (
    f"Make a token at {TOKENS_PAGE} and set it as HF_TOKEN; a fine-grained one needs 'Write access to "
    "contents/settings of selected repos' for the owner of the Space, or for the Space."
)
CHECK_WAY = "Check HF_ENDPOINT, HTTPS_PROXY and NO_PROXY, and the network and the name service of this machine."
# Seconds by which a clock may be wrong: dates of the Hub are whole seconds, and an answer takes its time.
CLOCK_SLACK = 30.0
# Seconds after which an answer is slow: an operation gives each request ten.
SLOW = 3.0
# Requests that are left for an operation: a restart with a build of twenty minutes takes about as many.
FEW_REQUESTS = 60
# Organizations that one line names.
MAX_NAMED = 10

# Beginnings of tokens, and what they are. Sources: huggingface_hub, _oidc.py and utils/_oauth_device.py; GitHub's own.
SHAPES = (
    ("hf_jwt_", "a token of a keyless exchange or of a job, which expires soon"),
    ("hf_oauth_", "a token of a login in the browser, which expires"),
    ("hf_", "an access token of the Hub"),
    ("api_org_", "an old token of an organization"),
)


# ---- the token, before anybody is asked ----


def judge_token(
    sources: Sequence[tuple[str, str]], *, mistake: str, padded: bool, writes: bool, keyless: bool, stored: bool
) -> Finding:
    """Judge which token is used: `sources` are all that were found with their values, the first of them counts."""
    if keyless:
        more = f"; the token in {sources[0][0]} is not used" if sources else ""
        return ok("token", f"none is needed: HF_OIDC_RESOURCE asks for keyless access{more}")
    if not sources:
        hint = "; that of 'hf auth login' is used in a terminal only" if stored else ""
        judge = problem if writes else warning
        return judge(
            "token", f"none was found{hint}; without one nothing can be changed, and no log be read", MAKE_TOKEN
        )
    source, value = sources[0]
    if mistake:
        return problem("token", f"the one in {source} {mistake}", "Copy the token again, without anything around it.")
    kind = _shape(value)
    found = f"from {source}, {kind or 'which does not look like a token of the Hub'}"
    doubts = [] if kind else ["Tokens of the Hub begin with hf_; check what was pasted."]
    if padded:
        found += "; blanks or a line break around it are left out here"
        doubts.append(f"Store {source} without them: other programs may send them.")
    others = [name for name, other in sources[1:] if other != value]
    if others:
        found += f"; {' and '.join(others)} holds another token, which is not used"
        doubts.append(f"Unset all but one: {source} comes first.")
    return warning("token", found, " ".join(doubts)) if doubts else ok("token", found)


def _shape(value: str) -> str:
    return next((kind for beginning, kind in SHAPES if value.startswith(beginning)), "")


# ---- the way to the Hub ----


def judge_endpoint(address: str, *, source: str, mistake: str) -> Finding:
    """Judge the address of the Hub."""
    if mistake:
        return problem("endpoint", f"that of {source}: {mistake}", "Write it as https://huggingface.co is written.")
    return ok("endpoint", f"{address} ({source})")


def judge_proxies(shown: Sequence[str], *, exceptions: str, wrong: str, remedy: str) -> Finding:
    """Judge the proxies that the environment names; their addresses are shown without names and passwords."""
    but = f"; not for {exceptions} (NO_PROXY)" if exceptions and shown else ""
    if wrong:
        return problem("proxy", wrong, remedy)
    return ok("proxy", f"{', '.join(shown)}{but}" if shown else "none is set")


def judge_trust(*, variable: str, path: str, wrong: str, unread: Sequence[str]) -> Finding:
    """Judge which certificates are trusted."""
    found = f"those of {variable}={path}" if variable else "those of this machine"
    if wrong:
        return problem(
            "certificates",
            f"{found} cannot be used: {wrong}",
            f"Let {variable} name PEM certificates that this process can read, or unset it.",
        )
    if unread and not variable:
        names = " and ".join(unread)
        return warning(
            "certificates", f"{found}; {names} is set, but not read here", f"Set SSL_CERT_FILE as {names} is set."
        )
    return ok("certificates", found)


def judge_connection(seen: Answer[int], *, endpoint: str) -> Finding:
    """Judge whether the Hub answers; what it refuses is another matter."""
    quick = f"{endpoint} answers"
    if seen.value is not None and seen.took > SLOW:
        return warning("connection", f"{quick}, but only after {seen.took:.1f} s", CHECK_WAY)
    if seen.value is not None:
        return ok("connection", f"{quick}, in {seen.took:.1f} s")
    if seen.out_of_time:
        return _late("connection")
    if seen.status in (401, 403, 429) and not seen.is_page:
        return ok("connection", f"{quick} ({seen.status})")
    if seen.status == 404:
        return problem("connection", f"there is no Hub at {endpoint} (404)", "Check endpoint (HF_ENDPOINT).")
    if seen.status is not None and seen.status >= 500:
        return warning("connection", seen.wrong, "It may pass; try again later, and see https://status.huggingface.co.")
    return problem("connection", seen.wrong, seen.remedy or CHECK_WAY)


def judge_clock(ahead: float | None) -> Finding:
    """Judge the clock of this machine by the date of an answer."""
    if ahead is None:
        return unknown("clock", "no answer of the Hub tells the time")
    if abs(ahead) <= CLOCK_SLACK:
        return ok("clock", "right, compared with the Hub's")
    way = "ahead of" if ahead > 0 else "behind"
    return warning(
        "clock",
        f"{duration(abs(ahead))} {way} the Hub's",
        "Set the clock of this machine: certificates and short-lived tokens are judged by it.",
    )


def judge_quota(quotas: Sequence[QuotaSeen | None], *, with_token: bool) -> Finding:
    """Judge how many requests are left, by the last answer that tells."""
    quota = next((one for one in reversed(quotas) if one), None)
    if quota is None:
        return unknown("quota", "no answer of the Hub tells how many requests are left")
    who = "this token's user" if with_token else "this address, which has no token"
    of = f" of {quota.limit}" if quota.limit else ""
    found = f"{quota.left} requests{of} left for {who}; renewed in {duration(quota.renewed_in)}"
    if quota.left >= FEW_REQUESTS:
        return ok("quota", found)
    more = "Run fewer steps at once with it." if with_token else "Set HF_TOKEN: a user has more, and does not share it."
    return warning("quota", found, f"An operation waits until they are renewed. {more}")


# ---- who asks, and what for ----


def judge_identity(seen: Answer[Identity], *, source: str) -> Finding:
    """Judge whom the token speaks for."""
    if seen.value:
        return ok("identity", describe(seen.value))
    if seen.status == 401:
        login = " 'hf auth login' makes a new one." if "login" in source else ""
        return problem(
            "identity",
            f"the Hub does not accept the token from {source} (401)",
            f"It may be expired, revoked or cut short; make a new one at {TOKENS_PAGE}.{login}",
        )
    if seen.status == 429:
        return unknown(
            "identity", "the Hub answers this question only now and then (429)", "Try again in five minutes."
        )
    return _not_asked("identity", seen)


def describe(who: Identity) -> str:
    """Say who it is: name, token, organizations."""
    named = f" {who.token_name!r}" if who.token_name else ""
    parts = [f"{who.kind} {who.name}", f"a token{named} {_kind(who)}"]
    if who.expires:
        parts.append(f"expires {who.expires}")
    names = [_member(one) for one in who.organizations]
    more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
    parts.append(f"organizations: {', '.join(names[:MAX_NAMED])}{more}" if names else "no organization")
    return "; ".join(parts)


def _kind(who: Identity) -> str:
    if who.auth == "oauth":
        return "of a browser login"
    if who.role:
        return f"with the role {'fine-grained' if who.role == 'fineGrained' else who.role}"
    return f"of the kind {who.auth}" if who.auth else "of an unknown kind"


def _member(one: Organization) -> str:
    return f"{one.name} ({one.role})" if one.role else one.name


def judge_space(seen: Answer[SpaceInfo], *, space: str, keyless: bool, is_wrong_token: bool, changes: bool) -> Finding:
    """Judge whether the Space can be seen; that is the right to read it."""
    found = seen.value
    if found is None:
        if is_wrong_token:
            return unknown("space", f"{space} is not shown to a token that is not accepted")
        if keyless and seen.status in (401, 404):
            return unknown("space", f"{space} is private or does not exist; what the keyless token sees is not known")
        if seen.status in (401, 403, 404, 410) and not seen.is_page:
            return problem("space", seen.wrong, seen.remedy)
        return _not_asked("space", seen)
    if found.id.lower() != space.lower():
        return warning("space", f"{space} is called {found.id} now", f"Write {found.id} in its place.")
    if changes and found.sdk == "static":
        return problem("space", f"{space} is static, so there is no runtime to act on", "Take it off the list.")
    visible = {True: "private", False: "public", None: "of an unknown visibility"}[found.private]
    return ok("space", f"{found.id}: {found.runtime.stage}, {visible}, can be read")


def judge_right(who: Answer[Identity] | None, *, space: str, writes: bool, keyless: str) -> Finding:
    """Judge whether the Space can be changed, without trying it."""
    if keyless:
        return unknown("write", f"the token that is made for {keyless} tells only when it is used")
    if who is None:
        judge = problem if writes else warning
        return judge("write", "nothing can be changed without a token", "See token.")
    if who.value is None:
        return unknown("write", "it is not known whom the token speaks for; see identity")
    right, why = judge_write(who.value, space)
    if right is Right.UNKNOWN:
        return unknown("write", why, "If a change is refused, use an access token with the role write.")
    if right is Right.YES:
        return ok("write", f"allowed: {why}")
    return (problem if writes else warning)("write", f"not allowed: {why}", MAKE_TOKEN)


def judge_payment(who: Identity, *, owner: str, operation: str | None) -> Finding:
    """Judge whether paid hardware can be had for the Spaces of an owner."""
    organization = who.organization(owner)
    can_pay = who.can_pay if who.is_owner(owner) else organization.can_pay if organization else None
    if can_pay is None:
        return unknown("payment", f"the Hub does not say whether {owner} can pay for hardware")
    if can_pay:
        return ok("payment", f"{owner} can pay for hardware")
    found = f"{owner} has no way to pay, so there is free hardware only"
    if operation == "hardware":
        return warning("payment", found, f"Add a payment method or credits to {owner}, or ask for free hardware.")
    return ok("payment", found)


def judge_events(seen: Answer[bool]) -> Finding:
    """Judge whether changes of the Space are told as they happen."""
    if seen.value:
        return ok("events", "status events can be heard")
    if seen.status in (401, 403, 404):
        return warning(
            "events", f"status events are refused ({seen.status})", "Nothing: the Space is asked for instead."
        )
    return _not_asked("events", seen)


def judge_logs(seen: Answer[bool], *, with_token: bool) -> Finding:
    """Judge whether logs can be read, which tell why a Space failed."""
    if seen.value:
        return ok("logs", "can be read")
    if seen.status in (401, 403):
        if not with_token:
            return warning("logs", f"cannot be read without a token ({seen.status})", "Set HF_TOKEN.")
        return warning(
            "logs",
            f"the token may not read them ({seen.status}), so a failure is told without its cause",
            f"Use a token that may read the Space, made at {TOKENS_PAGE}.",
        )
    if seen.status == 404:
        return warning("logs", "there are none (404)", "Nothing: a Space that never ran has none.")
    return _not_asked("logs", seen)


def _not_asked(check: str, seen: Answer[Any]) -> Finding:
    """Say why there is no answer to judge by."""
    return _late(check) if seen.out_of_time else unknown(check, seen.wrong, seen.remedy)


def _late(check: str) -> Finding:
    return unknown(check, "the time was over", "Give it more: --timeout 2m.")
