"""Who asks, as the Hub's answer to whoami-v2 says it, and what that tells of the right to change a Space.

Nothing is guessed: where the answer does not say it, the right is not known.

Source: simhub/DIFFERENCES.md, "What public reports tell", whoami-v2; huggingface.js, whoami.ts, for `expiration`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from hf_action.rules.models import MalformedAnswer

# Organizations and scopes that are read, and characters of one word.
MAX_ITEMS = 1_000
MAX_WORD = 100
# What a fine-grained token needs on a Space or its owner: the checkbox 'Write access to contents/settings'.
REPO_WRITE = "repo.write"
# Roles in an organization with which its Spaces may be changed; a contributor may change only what is their own.
WRITING_ROLES = ("admin", "write")
# What a browser login's token was seen not to do; huggingface_hub, issue 4972.
LOGIN_TOKEN = (
    "the Hub does not say what a token of a browser login may do; such tokens were seen to read and to pause, but to "
    "be refused restarts, hardware and sleep times"
)


class Right(Enum):
    """Whether something is allowed."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "not known"


@dataclass(frozen=True, slots=True)
class Organization:
    """One that the user belongs to; what the Hub does not say is None."""

    name: str
    role: str | None
    can_pay: bool | None


@dataclass(frozen=True, slots=True)
class Scope:
    """What a fine-grained token may do to one thing: a user, an organization, a repository."""

    kind: str
    name: str
    permissions: frozenset[str]


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom a token speaks for. `role` is the token's own: read, write or fineGrained; None where it has none."""

    name: str
    kind: str  # user or org
    organizations: tuple[Organization, ...]
    can_pay: bool | None
    auth: str | None  # access_token, oauth
    role: str | None
    token_name: str | None
    expires: str | None
    scopes: tuple[Scope, ...] | None  # None: the Hub does not show them

    def organization(self, owner: str) -> Organization | None:
        """Return the organization of that name, if the Hub names it."""
        return next((one for one in self.organizations if one.name.lower() == owner.lower()), None)

    def is_owner(self, owner: str) -> bool:
        """Whether the account itself has that name."""
        return self.name.lower() == owner.lower()


def read_identity(raw: object) -> Identity:
    """Read the answer of whoami-v2; raises MalformedAnswer where it names nobody."""
    fields = _mapping(raw)
    name = _word(fields.get("name"))
    if not name:
        raise MalformedAnswer("it names nobody")
    auth = _mapping(fields.get("auth"))
    token = _mapping(auth.get("accessToken"))
    return Identity(
        name=name,
        kind=_word(fields.get("type")) or "user",
        organizations=tuple(
            Organization(found, _word(one.get("roleInOrg")), _truth(one.get("canPay")))
            for one in _mappings(fields.get("orgs"))
            if (found := _word(one.get("name")))
        ),
        can_pay=_truth(fields.get("canPay")),
        auth=_word(auth.get("type")),
        role=_word(token.get("role")),
        token_name=_word(token.get("displayName")),
        expires=_word(token.get("expiration")) or _word(auth.get("expiresAt")),
        scopes=_scopes(token.get("fineGrained")),
    )


def judge_write(who: Identity, space: str) -> tuple[Right, str]:
    """Return whether the Space may be changed by this token, and why it is so.

    The token and the person each need the right: a token never has more of it than its owner.
    """
    by_token, why = _token_right(who, space)
    if by_token is Right.NO:
        return by_token, why
    by_person, because = _person_right(who, space.partition("/")[0])
    if by_person is Right.YES:
        return by_token, f"{why}; {because}"
    if by_person is Right.NO or by_token is Right.YES:
        return by_person, because
    return Right.UNKNOWN, f"{why}; {because}"


def _token_right(who: Identity, space: str) -> tuple[Right, str]:
    match who.role:
        case "write":
            return Right.YES, "the token may write"
        case "read":
            return Right.NO, "the token may only read"
        case "fineGrained":
            return _fine_grained(who.scopes, space)
    if who.auth == "oauth":
        return Right.UNKNOWN, LOGIN_TOKEN
    return Right.UNKNOWN, "the Hub does not say what this token may do"


def _fine_grained(scopes: tuple[Scope, ...] | None, space: str) -> tuple[Right, str]:
    """Look for the right in the scopes of the Space and of its owner."""
    if scopes is None:
        return Right.UNKNOWN, "the Hub does not show what this fine-grained token may do"
    owner = space.partition("/")[0].lower()
    meant = {"space": space.lower(), "user": owner, "org": owner}
    for scope in scopes:
        if meant.get(scope.kind) == scope.name.lower() and REPO_WRITE in scope.permissions:
            return Right.YES, f"the fine-grained token has {REPO_WRITE} for {scope.name}"
    named = ", ".join(dict.fromkeys(scope.name for scope in scopes if REPO_WRITE in scope.permissions))
    having = f"it has that for {named[:MAX_WORD]}" if named else "it has that for nothing"
    return Right.NO, f"the fine-grained token has no {REPO_WRITE} for {space} or {owner}; {having}"


def _person_right(who: Identity, owner: str) -> tuple[Right, str]:
    if who.is_owner(owner):
        return Right.YES, f"the Space belongs to {who.name}"
    organization = who.organization(owner)
    if organization is None:
        if who.role not in ("read", "write"):  # such a token may be for some organizations only
            return Right.UNKNOWN, f"the Hub does not name {owner} among the organizations of {who.name}"
        return Right.NO, f"{who.name} is neither {owner} nor a member of it, as far as the Hub says"
    match organization.role:
        case None:
            return Right.UNKNOWN, f"the Hub does not say which role {who.name} has in {owner}"
        case role if role in WRITING_ROLES:
            return Right.YES, f"the role of {who.name} in {owner} is {role}"
        case "read":
            return Right.NO, f"the role of {who.name} in {owner} is read"
        case role:
            return Right.UNKNOWN, f"the role of {who.name} in {owner} is {role}, which allows it for some Spaces only"


def _scopes(raw: object) -> tuple[Scope, ...] | None:
    """Read the scopes of a fine-grained token; None where they are not shown, or not in a form that is known."""
    listed = _mapping(raw).get("scoped")
    if not isinstance(listed, list):
        return None
    scopes = []
    for one in _mappings(listed):
        entity, permissions = _mapping(one.get("entity")), one.get("permissions")
        kind, name = _word(entity.get("type")), _word(entity.get("name"))
        if not kind or not name or not isinstance(permissions, list):
            return None  # it cannot be told what this one is for
        words = frozenset(word for word in permissions[:MAX_ITEMS] if isinstance(word, str))
        scopes.append(Scope(kind, name, words))
    return tuple(scopes)


def _mapping(raw: object) -> Mapping[str, object]:
    return raw if isinstance(raw, dict) else {}


def _mappings(raw: object) -> Sequence[Mapping[str, object]]:
    return [one for one in raw[:MAX_ITEMS] if isinstance(one, dict)] if isinstance(raw, list) else []


def _truth(raw: object) -> bool | None:
    return raw if isinstance(raw, bool) else None


def _word(raw: object) -> str | None:
    return raw[:MAX_WORD] if isinstance(raw, str) and raw else None
