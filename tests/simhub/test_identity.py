"""whoami-v2 of the simulated Hub, as huggingface_hub reads it: for each kind of token what public reports show of it."""

import pytest
from huggingface_hub import HfApi

from simhub.access import Token
from simhub.server import serve
from simhub.world import Space, World


@pytest.fixture
def whoami():
    """Ask whom a token speaks for."""
    def ask(token: Token) -> dict:
        world = World(now=lambda: 0.0, tokens={"hf_x": token})
        with serve(world) as server:
            return HfApi(endpoint=server.url, token="hf_x").whoami()

    return ask


@pytest.mark.parametrize("kind", ["read", "write"])
def test_a_classic_token_has_a_role(kind, whoami):
    """And no scopes."""
    told = whoami(Token(name="bob", kind=kind, owners=frozenset({"bob", "acme"})))
    assert (told["name"], told["canPay"], told["auth"]["type"], told["auth"]["accessToken"]["role"]) == ("bob", True, "access_token", kind)
    assert "fineGrained" not in told["auth"]["accessToken"]


def test_a_fine_grained_token_has_scopes(whoami):
    """Of a user, of organizations and of single Spaces."""
    told = whoami(Token(name="bob", kind="fine-grained", owners=frozenset({"bob", "acme"}), writes=frozenset({"bob", "lab/demo"})))
    about = told["auth"]["accessToken"]
    scopes = {(one["entity"]["type"], one["entity"]["name"]): one["permissions"] for one in about["fineGrained"]["scoped"]}
    assert about["role"] == "fineGrained"
    assert scopes == {("org", "acme"): ["repo.content.read"], ("user", "bob"): ["repo.content.read", "repo.write"], ("space", "lab/demo"): ["repo.write"]}
    assert [one["name"] for one in told["orgs"]] == ["acme", "lab"]


def test_a_login_has_neither(whoami):
    """But a date at which it expires, if it does."""
    assert whoami(Token(name="bob", kind="oauth", expires=60.0))["auth"] == {"type": "oauth", "expiresAt": "2026-08-01T12:01:00.000Z"}
    assert whoami(Token(name="bob", kind="oauth"))["auth"] == {"type": "oauth"}


def test_roles_in_organizations_are_told(whoami):
    """Write, unless another one is given; also of those that the token may not see."""
    told = whoami(Token(name="bob", owners=frozenset({"acme"}), can_pay=False, roles={"lab": "read"}))
    assert [(one["name"], one["roleInOrg"], one["canPay"]) for one in told["orgs"]] == [("acme", "write", False), ("lab", "read", False)]


def test_a_token_for_a_single_space_is_for_no_other():
    """Neither to be seen nor to be changed."""
    token = Token(name="bob", kind="fine-grained", owners=frozenset({"acme/one"}), writes=frozenset({"acme/one"}))
    world = World(now=lambda: 0.0, tokens={"hf_x": token})
    for name in ("acme/one", "acme/two"):
        world.add(Space(id=name, private=True))
    assert [world.sees(name, token) for name in ("acme/one", "acme/two")] == [True, False]
    assert [token.may_write(name) for name in ("acme/one", "acme/two")] == [True, False]
