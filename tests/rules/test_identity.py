"""What whoami-v2 tells of the right to change a Space: allowed, not allowed, or not known; never guessed."""

import random

import pytest

from hf_action.rules.identity import Right, judge_write, read_identity
from hf_action.rules.models import MalformedAnswer
from hf_action.rules.trusted import read_claims

YES, NO, UNKNOWN = Right


def token(role: str, *scopes: tuple[str, str, list], **about: object) -> dict:
    fine = {"scoped": [{"entity": {"_id": "6a", "type": kind, "name": name}, "permissions": words} for kind, name, words in scopes]}
    return {"type": "access_token", "accessToken": {"role": role} | ({"fineGrained": fine} if role == "fineGrained" else {}) | about}


WRITE, READ, LOGIN = token("write"), token("read"), {"type": "oauth", "expiresAt": "2026-12-01T00:00:00.000Z"}
MAY = ["repo.content.read", "repo.write"]


@pytest.mark.parametrize(
    ("name", "orgs", "auth", "right", "why"),
    [
        ("acme", {}, WRITE, YES, "the Space belongs to acme"),
        ("ACME", {}, WRITE, YES, "the Space belongs to ACME"),
        ("acme", {}, READ, NO, "only read"),
        ("bob", {"acme": "admin"}, WRITE, YES, "is admin"),
        ("bob", {"Acme": "write"}, WRITE, YES, "is write"),
        ("bob", {"acme": "contributor"}, WRITE, UNKNOWN, "some Spaces only"),
        ("bob", {"acme": "read"}, WRITE, NO, "is read"),
        ("bob", {"acme": None}, WRITE, UNKNOWN, "which role"),
        ("bob", {"other": "admin"}, WRITE, NO, "neither acme nor a member"),
        ("bob", {"acme": "admin"}, READ, NO, "only read"),
        ("acme", {}, token("fineGrained", ("user", "acme", MAY)), YES, "has repo.write for acme"),
        ("acme", {}, token("fineGrained", ("space", "acme/demo", MAY)), YES, "has repo.write for acme/demo"),
        ("acme", {}, token("fineGrained", ("space", "acme/Demo", MAY)), YES, "has repo.write for acme/Demo"),
        ("acme", {}, token("fineGrained", ("model", "acme/demo", MAY)), NO, "for acme/demo or acme; it has that for acme/demo"),
        ("acme", {}, token("fineGrained", ("space", "acme/demo", ["repo.content.read"])), NO, "for nothing"),
        ("acme", {}, token("fineGrained", ("user", "acme", ["repo.write.some"])), NO, "for nothing"),
        ("bob", {"acme": "admin"}, token("fineGrained", ("user", "bob", MAY)), NO, "it has that for bob"),
        ("bob", {"acme": "admin"}, token("fineGrained", ("org", "acme", MAY)), YES, "is admin"),
        ("bob", {"acme": "read"}, token("fineGrained", ("org", "acme", MAY)), NO, "is read"),
        ("bob", {}, token("fineGrained", ("org", "acme", MAY)), UNKNOWN, "does not name acme"),
        ("bob", {"acme": "admin"}, token("fineGrained", fineGrained=None), UNKNOWN, "does not show"),
        ("acme", {}, LOGIN, UNKNOWN, "refused restarts"),
        ("bob", {"acme": "admin"}, LOGIN, UNKNOWN, "refused restarts"),
        ("bob", {"acme": "read"}, LOGIN, NO, "is read"),
        ("bob", {}, LOGIN, UNKNOWN, "does not name acme"),
        ("acme", {}, {}, UNKNOWN, "does not say what this token may do"),
    ],
)
def test_the_right_follows_from_the_token_and_the_person(name, orgs, auth, right, why):
    """Both must have it. Where either is not told, it is not known."""
    who = read_identity({"name": name, "auth": auth, "orgs": [{"name": org, "roleInOrg": role} for org, role in orgs.items()]})
    judged, because = judge_write(who, "acme/demo")
    assert (judged, why in because) == (right, True), because


@pytest.mark.parametrize("raw", [None, [], "", 7, {}, {"name": ""}, {"name": ["x"]}])
def test_an_answer_that_names_nobody_is_refused(raw):
    with pytest.raises(MalformedAnswer):
        read_identity(raw)


def anything(chance: random.Random, depth: int = 4) -> object:
    """Return JSON of any shape, with the names that are looked for more often than not."""
    names = ["name", "orgs", "auth", "accessToken", "fineGrained", "scoped", "entity", "permissions", "type", "role", "roleInOrg", "canPay"]
    match chance.randrange(8 if depth else 5):
        case 0:
            return None
        case 1:
            return chance.choice([True, False, 0, -1.5, 10**400])
        case 2:
            return "x" * chance.choice([0, 1, 10_000])
        case 3 | 4:
            return chance.choice(["acme", "fineGrained", "write", "org", "repo.write", "oauth"])
        case 5:
            return [anything(chance, depth - 1) for _ in range(chance.randrange(4))]
        case _:
            return {chance.choice(names): anything(chance, depth - 1) for _ in range(6)}


def test_whatever_comes_is_read_or_refused():
    """An answer of any shape is an identity, or malformed; and the judgement of it is one of three."""
    chance, read = random.Random(15), 0
    for _ in range(3_000):
        fields = {"name": "acme", "auth": {"accessToken": anything(chance)}, "orgs": anything(chance)} if chance.random() < 0.7 else anything(chance)
        try:
            right, why = judge_write(read_identity(fields), "acme/demo")
        except MalformedAnswer:
            continue
        read += 1
        assert right in Right and len(why) < 1_000
    assert read > 2_000


@pytest.mark.parametrize("claims", ["e30", "bnVsbA", "MQ", "eyJleHAiOiAxZTk5OX0", "!!", "", "é"])
def test_whatever_is_an_identity_is_read_without_an_error(claims):
    """Of no claims, of another shape, with a number without end."""
    found = read_claims(f"a.{claims}.b")
    assert found is None or not found.audiences
