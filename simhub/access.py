"""Who may see and do what, and how often; kept apart so that every refusal of the Hub can be read in one place.

Status, headers and wording: samples/errors.json, evidence.json; the exceptions are marked "wording not seen".
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil, inf
from urllib.parse import quote

WINDOW = 300  # seconds; hub-docs rate-limits.md


class Refusal(Exception):
    """The Hub answers `status` with {"error": `message`} and these `headers`."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{status} {message}")
        self.status = status
        self.message = message
        self.headers = dict(headers or {})


@dataclass(frozen=True, slots=True)
class Token:
    """A user's access token.

    `kind` is write, read, fine-grained, or oauth for that of a login in the browser. `owners` are those whose private
    Spaces it may see, `writes` those whose Spaces it may change (never with a read token); both may also name single
    Spaces, as a fine-grained token does. `roles` are the user's roles in organizations (absent: write). Without
    `can_pay` there is no payment method. Nobody knows it from world second `expires` on.
    """

    name: str
    kind: str = "write"
    owners: frozenset[str] = frozenset()
    writes: frozenset[str] = frozenset()
    can_pay: bool = True
    expires: float = inf
    roles: Mapping[str, str] = field(default_factory=dict)

    def may_read(self, id: str) -> bool:
        """Tell whether a private Space may be seen with this token."""
        return bool({id, id.partition("/")[0]} & self.owners)

    def may_write(self, id: str) -> bool:
        """Tell whether a Space may be changed with this token."""
        return self.kind != "read" and bool({id, id.partition("/")[0]} & self.writes)


def bad_request(message: str) -> Refusal:
    """Return the refusal of a request that makes no sense (wording not seen, except for sleep times)."""
    return Refusal(400, message)


def login_wanted() -> Refusal:
    """Return the refusal of an anonymous caller: of any write, and where a Space is private or absent."""
    return _explained(401, "Invalid username or password.")


def bad_credentials() -> Refusal:
    """Return the refusal of a token that is not known."""
    return _explained(401, "Invalid credentials in Authorization header")


def not_found() -> Refusal:
    """Return the refusal for a Space that is absent or out of the token's sight."""
    return _explained(404, "Repository not found", code="RepoNotFound")


def forbidden() -> Refusal:
    """Return the refusal of a write without the right to it."""
    return _explained(403, "You don't have the required permissions to complete this action")


def payment_wanted() -> Refusal:
    """Return the refusal of paid hardware to somebody who cannot pay (wording not seen)."""
    return Refusal(403, "A payment method is required for this hardware")


def free_quota_reached(flavor: str) -> Refusal:
    """Return the refusal to start another Space on free hardware (wording sure, its JSON envelope assumed)."""
    remedy = "please upgrade your account, or pause your previous Spaces to restart this one"
    return Refusal(403, f"You've reached your {flavor} quota limit, {remedy}")


def moved(location: str) -> Refusal:
    """Return the redirect to the new name of a renamed Space (wording not seen)."""
    return Refusal(
        307, f"Temporary Redirect. Redirecting to {location}", headers={"Location": quote(location, safe="/?&=%")}
    )


def no_route() -> Refusal:
    """Return the refusal of a path that leads nowhere (wording not seen)."""
    return Refusal(404, "Sorry, we can't find the page you are looking for.")


def no_revision(revision: str) -> Refusal:
    """Return the refusal of a revision that the repository does not know."""
    return _explained(404, f"Invalid rev id: {revision}", code="RevisionNotFound")


def no_entry(commit: str) -> Refusal:
    """Return the refusal of a path that the commit does not have."""
    refusal = _explained(404, "Entry not found", code="EntryNotFound")
    refusal.headers["X-Repo-Commit"] = commit
    return refusal


def parent_moved() -> Refusal:
    """Return the refusal of a commit whose parent is not the head any more."""
    return Refusal(412, "A commit has happened since. Please refresh and try again.")


def nothing_to_delete() -> Refusal:
    """Return the refusal of a commit that deletes what is not there."""
    return _explained(404, "A file with this name doesn't exist", code="EntryNotFound")


def dangling_pointer(path: str) -> Refusal:
    """Return the refusal of a commit with a large file that was not uploaded."""
    rejected = "Your push was rejected because an LFS pointer pointed to a file that does not exist."
    return bad_request(f"{rejected} Offending file: - {path}")


def _explained(status: int, message: str, code: str | None = None) -> Refusal:
    shown = "".join(letter if letter.isascii() and letter.isprintable() else "?" for letter in message).strip()
    headers = {"X-Error-Message": shown} | ({"X-Error-Code": code} if code else {})
    return Refusal(status, message, headers=headers)


@dataclass(slots=True)
class Meter:
    """Counts requests in fixed windows of 300 s by the world's clock, for each token and for all anonymous."""

    quota: int = 1000
    anonymous_quota: int = 500
    kind: str = "api"
    _spent: dict[str | None, tuple[int, int]] = field(default_factory=dict)

    def spend(self, caller: str | None, now: float) -> dict[str, str]:
        """Count a request of `caller` (None: anonymous) and return the quota headers; raises Refusal 429."""
        quota = self.anonymous_quota if caller is None else self.quota
        window = int(now // WINDOW)
        counted_in, spent = self._spent.get(caller, (window, 0))
        spent = spent + 1 if counted_in == window else 1
        self._spent[caller] = window, spent
        headers = {
            "RateLimit": f'"{self.kind}";r={max(0, quota - spent)};t={ceil((window + 1) * WINDOW - now)}',
            "RateLimit-Policy": f'"fixed window";"{self.kind}";q={quota};w={WINDOW}',
        }
        if spent > quota:
            limit = f"you hit the quota of {quota} {self.kind} requests per 5 minutes period."
            raise Refusal(429, f"We had to rate limit you, {limit}", headers=headers)
        return headers
