"""Judges whether access without a token is possible: what is asked for, and who vouches for this job.

The exchange itself is not tried: it would make a token. Source: huggingface_hub, _oidc.py;
https://huggingface.co/docs/hub/trusted-publishers
"""

import base64
import json
from dataclasses import dataclass, field

from hf_action.rules.answers import Answer
from hf_action.rules.findings import Finding, ok, problem, unknown, warning

GRANT = "Add to the job: permissions: { id-token: write }."
UNTRIED = "whether the Hub gives a token for it is not tried here"
# Characters of an identity that are read; a real one has some two thousand.
MAX_IDENTITY = 16_384


@dataclass(frozen=True, slots=True)
class Claims:
    """What an identity says of itself: for whom it is meant, and the second since 1970 at which it expires."""

    audiences: frozenset[str] = frozenset()
    expires: float | None = None


@dataclass(frozen=True, slots=True)
class Keyless:
    """What the environment says of access without a token."""

    resource: str = ""
    identity: str = field(default="", repr=False)
    in_github: bool = False
    may_ask: bool = False  # whether the job has id-token: write
    overruled: bool = False  # by a token that is an input

    @property
    def is_used(self) -> bool:
        """Whether an operation would exchange an identity for a token."""
        return bool(self.resource) and not self.overruled

    @property
    def asks(self) -> bool:
        """Whether it would ask GitHub for that identity, and may."""
        return self.is_used and self.in_github and self.may_ask and not self.identity


def judge_keyless(
    facts: Keyless, seen: Answer[bool] | None, *, space: str | None, endpoint: str, now: float
) -> Finding:
    """Judge keyless access; `seen` is what came of asking GitHub, if it was asked.

    `now` is the time since 1970, by the Hub's clock where that is known.
    """
    if not facts.resource:
        return _unused(facts)
    if facts.overruled:
        return ok("keyless", "HF_OIDC_RESOURCE is set, but a token is given as an input, which comes first")
    wrong = _identity(facts, seen, endpoint=endpoint, now=now)
    if wrong is not None:
        return wrong
    who = "HF_OIDC_ID_TOKEN" if facts.identity else "GitHub"
    found = f"{who} vouches for this job; the token would be for {facts.resource}; {UNTRIED}"
    doubt = _doubt(facts.resource, space)
    return warning("keyless", found, doubt) if doubt else ok("keyless", found)


def read_claims(identity: str) -> Claims | None:
    """Read the claims of an identity, which is a JSON Web Token; None where it is not one."""
    parts = identity.split(".")
    if len(parts) != 3 or len(identity) > MAX_IDENTITY:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, RecursionError):
        return None
    if not isinstance(claims, dict):
        return None
    meant, expires = claims.get("aud"), claims.get("exp")
    audiences = meant if isinstance(meant, list) else [meant]
    return Claims(
        frozenset(one for one in audiences if isinstance(one, str)),
        expires if isinstance(expires, int | float) and not isinstance(expires, bool) else None,
    )


def _unused(facts: Keyless) -> Finding:
    if facts.identity:
        return warning(
            "keyless",
            "HF_OIDC_ID_TOKEN is set, but not HF_OIDC_RESOURCE, so it is not used",
            "Set HF_OIDC_RESOURCE, such as spaces/owner/name, or unset the other one.",
        )
    if facts.may_ask:
        return ok("keyless", "not used; this job has id-token: write, so HF_OIDC_RESOURCE would be enough")
    if facts.in_github:
        return ok("keyless", "not used; it would need HF_OIDC_RESOURCE, and id-token: write for this job")
    return ok("keyless", "not used (HF_OIDC_RESOURCE is not set)")


def _identity(facts: Keyless, seen: Answer[bool] | None, *, endpoint: str, now: float) -> Finding | None:
    """Return what is wrong with the identity of this job; None where nothing is known to be."""
    if facts.identity:
        return _given_identity(facts.identity, endpoint=endpoint, now=now)
    if not facts.in_github:
        return problem(
            "keyless",
            "HF_OIDC_RESOURCE is set, but nobody vouches for this job: it is not one of GitHub, and HF_OIDC_ID_TOKEN "
            "is not set",
            "Let the CI system put its identity token into HF_OIDC_ID_TOKEN, or unset HF_OIDC_RESOURCE.",
        )
    if not facts.may_ask:
        return problem("keyless", "HF_OIDC_RESOURCE is set, but GitHub gives this job no identity", GRANT)
    if seen is None or seen.out_of_time:
        return unknown("keyless", "GitHub was not asked for the identity of this job")
    if seen.status in (400, 401, 403, 404):
        return problem("keyless", f"GitHub refuses this job an identity ({seen.status})", GRANT)
    if not seen.value:
        return unknown("keyless", f"GitHub was asked for the identity of this job: {seen.wrong}")
    return None


def _given_identity(identity: str, *, endpoint: str, now: float) -> Finding | None:
    claims = read_claims(identity)
    if claims is None:
        return problem(
            "keyless", "HF_OIDC_ID_TOKEN is not an identity token", "Hand over the token that the CI system has made."
        )
    if claims.expires is not None and claims.expires <= now:
        return problem("keyless", "HF_OIDC_ID_TOKEN has expired", "Have the CI system make it in the job that uses it.")
    if claims.audiences and endpoint not in {one.rstrip("/") for one in claims.audiences}:
        meant = ", ".join(sorted(claims.audiences))[:200]
        return problem(
            "keyless", f"HF_OIDC_ID_TOKEN is meant for {meant}, not for {endpoint}", f"Set its audience to {endpoint}."
        )
    return None


def _doubt(resource: str, space: str | None) -> str:
    """Return what may be wrong with the resource that the token would be for."""
    parts = resource.split("/")
    if len(parts) == 1:
        return "For a user's name the Hub gives a token that only reads; write spaces/owner/name."
    if parts[0] != "spaces" or len(parts) != 3:
        return "This does not name a Space; write spaces/owner/name."
    if space and resource.lower() != f"spaces/{space.lower()}":
        return f"It is not the Space that was asked for; write spaces/{space}."
    return ""
