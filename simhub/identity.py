"""Whom a token speaks for: what whoami-v2 answers for each kind (DIFFERENCES.md, "What public reports tell")."""

from collections.abc import Callable
from datetime import datetime
from math import isinf

from simhub import access, answers
from simhub.access import Token
from simhub.shapes import Json

USER = "5dd96eb166059660ed1ee413"


def whoami(token: Token | None, *, date: Callable[[float], datetime]) -> Json:
    """Return who holds the token; raises Refusal for the anonymous. `date` tells the date of a world second."""
    if token is None:
        raise access.login_wanted()
    return {
        "type": "user",
        "id": USER,
        "name": token.name,
        "fullname": token.name,
        "canPay": token.can_pay,
        "periodEnd": None,
        "isPro": False,
        "avatarUrl": "/avatars/simulated.svg",
        "orgs": [_organization(token, name) for name in _organizations(token)],
        "auth": _auth(token, date=date),
    }


def _organizations(token: Token) -> list[str]:
    """Return the owners that the token names, other than the user."""
    return sorted({name.partition("/")[0] for name in token.owners | token.writes | set(token.roles)} - {token.name})


def _organization(token: Token, name: str) -> Json:
    about = {"type": "org", "name": name, "fullname": name, "canPay": token.can_pay, "periodEnd": None}
    return about | {"isEnterprise": False, "roleInOrg": token.roles.get(name, "write")}


def _auth(token: Token, *, date: Callable[[float], datetime]) -> Json:
    expires = {} if isinf(token.expires) else {"expiresAt": answers.iso(date(token.expires))}
    if token.kind == "oauth":
        return {"type": "oauth"} | expires
    about: Json = {"displayName": token.name, "createdAt": "2026-07-23T10:27:03.276Z"}
    if token.kind != "fine-grained":
        return {"type": "access_token", "accessToken": about | {"role": token.kind}}
    scopes = [_scope(token, name) for name in sorted(token.owners | token.writes)]
    scoped = {"canReadGatedRepos": False, "global": [], "scoped": scopes}
    return {"type": "access_token", "accessToken": about | {"role": "fineGrained", "fineGrained": scoped}}


def _scope(token: Token, name: str) -> Json:
    kind = "space" if "/" in name else "user" if name == token.name else "org"
    permissions = [
        *(["repo.content.read"] if name in token.owners else []),
        *(["repo.write"] if name in token.writes else []),
    ]
    return {"entity": {"_id": USER, "type": kind, "name": name}, "permissions": permissions}
