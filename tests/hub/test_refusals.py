"""What a refusal of the Hub means: who is to blame, in the contract's words, what to do, and the id to ask support with."""

import json
import re
from dataclasses import replace

import httpx2
import pytest

from hf_action.hub.refusals import explain, reason_of
from hf_action.operations.progress import verdict_of
from hf_action.rules.outcomes import ActionError, Denied, NotFound, Refused, Unreachable
from simhub import limits
from simhub.faults import EDGE_BLOCKS, EDGE_IN_TROUBLE, SLOW_RESTART
from simhub.world import Space
from tests.conftest import NEW

QUOTA = "You've reached your cpu-basic quota limit, please upgrade your account, or pause your previous Spaces to restart this one"
RIGHTS = "You don't have the required permissions to complete this action"
PAGE = {"content-type": "text/html"}
CLOUDFRONT = {"content-type": "text/html", "server": "CloudFront", "x-amz-cf-id": "nVvrTYsW-uN4_Q=="}


def answer(status: int, said: object = "", *, path: str = "", headers: dict[str, str] | None = None) -> ActionError:
    """Return what an answer to a write of a token means; a dictionary is a body as it comes."""
    request = httpx2.Request("POST", f"https://hub.example/api/spaces/acme/demo{path}")
    body = said if isinstance(said, (dict, list)) else {"error": said} if said else {}
    content = json.dumps(body).encode()
    response = httpx2.Response(status, headers={"content-type": "application/json"} | (headers or {}), content=content, request=request)
    return explain(response, subject="acme/demo", with_token=True, said=reason_of(response))


# Status, what the Hub says; the kind of error, its cause, what the message says, and what it must not say.
REFUSALS = [
    (403, QUOTA, Denied, "quota-reached", ("reached its quota", "paid plan", "Pause other Spaces"), ("free hardware", "lacks the right", "write access")),
    (403, "Quota exceeded for flavor cpu-basic (requested=1): current=0, limit=0", Denied, "quota-reached", ("paid plan",), ("free hardware", "lacks the right")),
    (400, "You have reached the limit of your ZeroGPU quota", Denied, "quota-reached", ("paid plan",), ("lacks the right",)),
    (403, "Resource group spend limit reached", Denied, "spend-limit", ("spend limit of the organization acme", "administrator"), ("lacks the right", "write access")),
    (402, "Spending limit reached for organization acme", Denied, "spend-limit", ("administrator",), ("payment method",)),
    (402, "", Denied, "payment-required", ("the owner of acme/demo has to pay for this (402)", "payment method"), ("lacks the right",)),
    (403, "A payment method is required for this hardware", Denied, "payment-required", ("payment method",), ("lacks the right",)),
    (402, "Your pre-paid credits are used up", Denied, "payment-required", ("payment method",), ()),
    (403, "Blocked by abuse-handler by rule: Cloudflare", Denied, "blocked", ("has blocked this Space", "support"), ("lacks the right",)),
    (403, "Access to this resource is disabled.", Denied, "blocked", ("has blocked this Space",), ("lacks the right",)),
    (403, RIGHTS, Denied, "", ("the token lacks the right", "'Write access to contents/settings of selected repos' (repo.write)"), ("spend limit", "quota")),
    (403, "", Denied, "", ("the token lacks the right",), ("spend limit",)),
    (401, "Invalid credentials in Authorization header", Denied, "", ("does not accept the token (401)", "expired"), ()),
    (401, "Invalid username or password.", Denied, "", ("refuses this to the token (401)",), ()),
    (404, "Repository not found", NotFound, "", ("there is no Space acme/demo, or the token cannot see it (404)",), ()),
    (410, "", NotFound, "", ("there is no Space acme/demo", "(410)"), ()),
    (400, "Static Spaces cannot be restarted or paused", Refused, "", ("refuses this for acme/demo (400)", "Static Spaces"), ()),
    (409, "No hardware available for a100-large", Refused, "no-hardware-free", ("No hardware available",), ()),
    (400, "Not enough GPU capacity", Refused, "no-hardware-free", (), ()),
    (423, "Not now", Refused, "", ("(423)",), ()),
    (500, "", Unreachable, "hub-fault", ("the Hub answered 500",), ()),
    (503, "Something went wrong when restarting this Space", Unreachable, "hub-fault", ("Something went wrong",), ()),
    (503, "Out of capacity", Unreachable, "no-hardware-free", (), ()),
    (504, "The request is taking longer than expected, please try again later.", Unreachable, "hub-fault", (), ()),
    (429, "We had to rate limit you, you hit the quota of 1000 api requests per 5 minutes period.", Unreachable, "", ("the Hub answered 429",), ("paid plan",)),
    (408, "", Unreachable, "", (), ()),
    (425, "", Unreachable, "", (), ()),
]  # fmt: skip


@pytest.mark.parametrize(("status", "said", "kind", "cause", "words", "never"), REFUSALS, ids=lambda value: str(value)[:40] if isinstance(value, (int, str)) else "")
def test_a_refusal_is_laid_at_the_right_door(status, said, kind, cause, words, never):
    """Neither the token nor the owner is blamed for what is another's doing."""
    error = answer(status, said)
    blame = {"": "", "hub-fault": "hub", "no-hardware-free": "hub"}.get(cause, "account")
    assert (type(error), error.cause, error.blame) == (kind, cause, blame)
    assert [word for word in words if word not in str(error)] == [], str(error)
    assert [word for word in never if word.lower() in str(error).lower().replace(said.lower().rstrip("."), "")] == [], str(error)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 410, 418])
@pytest.mark.parametrize("headers", [PAGE, {"content-type": "TEXT/HTML; charset=utf-8"}, CLOUDFRONT], ids=["page", "upper case", "edge"])
def test_a_page_is_no_answer_of_the_hub(status, headers):
    """It says nothing about the token or the Space, so it is looked past, and told as what it is."""
    error = answer(status, {"error": RIGHTS}, headers=headers)
    assert (type(error), error.final, error.cause) == (Unreachable, False, "")
    assert f"a page came in place of the Hub's answer ({status})" in str(error) and "the token" not in str(error)
    assert ("the edge in front of the Hub blocks this machine's address" in str(error)) == (status == 403)
    assert ("Request id: nVvrTYsW-uN4_Q==." in str(error)) == (headers is CLOUDFRONT)


@pytest.mark.parametrize(("path", "both"), [("/hardware", True), ("/restart", False), ("/pause", False), ("/sleeptime", False)])
def test_an_upgrade_that_is_refused_like_a_lack_of_rights_may_be_a_spend_limit(path, both):
    """An organization's limit refuses upgrades in the words of a lack of rights, so both are named, and no cause."""
    error = answer(403, RIGHTS, path=path)
    assert ("or the spend limit of its organization is reached" in str(error), error.cause) == (both, "")


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("x-request-id", "Root=1-6a000000-b6589fc6ab0dc82cf12099d1", True),
        ("X-Amzn-Trace-Id", "Root=1-67c0-ab", True),
        ("x-amz-cf-id", "abc==", True),
        ("x-request-id", "a b", False),
        ("x-request-id", "::error::x y", False),
        ("x-request-id", "x" * 121, False),
        ("x-request-id", "é", False),
        ("x-request-id", "<img>", False),
        ("x-request-id", "", False),
        ("x-other-id", "abcdef", False),
    ],
)
@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 409, 410, 429, 500, 503])
def test_every_refusal_shows_the_id_that_support_asks_for(name, value, shown, status):
    """Where it is short and plain."""
    said = str(answer(status, "No.", headers={name: value.encode()}))
    assert (f"Request id: {value}." in said) == shown and ("Request id" in said) == shown


def test_the_best_id_is_shown():
    """As huggingface_hub chooses it."""
    assert "Request id: first." in str(answer(404, headers={"x-amz-cf-id": "third-id", "x-request-id": "first", "x-amzn-trace-id": "second"}))


@pytest.mark.parametrize("body", [[], {"error": 5}, {"error": {"x": 1}}, {"message": "x"}, {}], ids=str)
def test_a_refusal_that_says_nothing_is_a_refusal(body):
    assert str(answer(409, body)) == "the Hub refuses this for acme/demo (409)."


def test_what_the_hub_says_is_bounded():
    """Pages of reasons are cut, and their words stay whole; of a megabyte nothing is read."""
    said = str(answer(409, "why not " * 8_000))
    assert len(said) < 2_200 and "…" in said
    assert str(answer(409, "why not " * 100_000)) == "the Hub refuses this for acme/demo (409)."


def test_without_a_token_no_token_is_blamed():
    """401, 403 and 404 mean that one is wanted."""
    request = httpx2.Request("GET", "https://hub.example/api/spaces/acme/demo")
    for status, kind, words in ((401, NotFound, "without a token"), (403, Denied, "without a token (403)"), (404, NotFound, "or it is private")):
        error = explain(httpx2.Response(status, request=request), subject="acme/demo", with_token=False, said="")
        assert (type(error), words in str(error), "the token" in str(error.args[0])) == (kind, True, False)


# ---- in a step ----


def test_the_quota_of_free_hardware_is_told(run, world, hub):
    """The Hub's own words, and what helps."""
    for name in ("one", "two"):
        world.add(Space(id=f"acme/{name}", head=NEW, stage="PAUSED", commit=None))
    world.add(Space(id="acme/runs", head=NEW))
    limits.limit_free(world, "acme", quota=1)
    ended = run("restart", "acme/one")
    assert (ended.status, ended.result) == (3, "denied")
    assert "reached its quota (403). The Hub says: You've reached your cpu-basic quota limit" in ended.outputs["message"]
    assert "paid plan" in ended.outputs["message"] and "lacks the right" not in ended.outputs["message"]


@pytest.mark.parametrize(("times", "result"), [(1, "ok"), (None, "unreachable")])
@pytest.mark.parametrize("token", ["hf_MarkedTokenOfTheTests123", None])
def test_the_edge_is_told_from_the_hub(run, hub, times, result, token):
    """It is asked again, and told as what it is where it stays so; a token has nothing to do with it."""
    hub.inject(replace(EDGE_BLOCKS, times=times))
    ended = run("info", "acme/demo", token=token)
    assert (ended.result, "blocks this machine's address" in ended.log) == (result, True)
    assert "lacks the right" not in ended.log and "private" not in ended.outputs["message"]


def test_trouble_of_the_edge_in_front_of_an_app_is_not_the_apps_answer(run, hub):
    """A page that says 500, with status 502."""
    hub.inject(replace(EDGE_IN_TROUBLE, times=None))
    ended = run("wait", "acme/demo", health_check="/", commit="any", timeout="30s")
    assert (ended.result, "502 from http" in ended.outputs["message"], "<h1>" in ended.log) == ("timed-out", True, False)


def test_a_slow_restart_may_have_had_its_effect(run, hub):
    """504 after the effect: the Space is looked at before anything is sent again."""
    hub.inject(SLOW_RESTART)
    ended = run("restart", "acme/demo")
    assert (ended.result, [request.method for request in hub.requests].count("POST")) == ("ok", 1)
    assert re.search(r"taking longer than expected.* Request id: Root=1-", ended.log)


# ---- whose fault it is ----

BLAMED = {
    (403, "You've reached your cpu-basic quota limit, please upgrade your account, or pause your previous Spaces to restart this one"): "quota-reached",
    (402, "Payment required"): "payment-required",
    (402, "No"): "payment-required",
    (403, "A payment method is required for this hardware"): "payment-required",
    (403, "Resource group spend limit reached"): "spend-limit",
    (503, "Something went wrong when restarting this Space"): "hub-fault",
    (500, "?"): "hub-fault",
    (503, "Scheduling failure: not enough hardware capacity"): "no-hardware-free",
    (403, "You don't have the required permissions to complete this action"): None,
    (400, "Cannot change the sleep time for cpu-basic Spaces"): None,
    (404, "Repository not found"): None,
    (400, "Missing configuration in README"): None,
}


@pytest.mark.parametrize(("refusal", "word"), BLAMED.items(), ids=lambda value: str(value)[:50])
def test_refused_writes_are_named_where_the_account_or_the_hub_is_the_cause(refusal, word):
    """The Hub's reason is the evidence."""
    status, reason = refusal
    found = verdict_of(answer(status, reason))
    assert (found.cause or None) == word
    evidence = found.evidence.partition("The Hub says: ")[2]
    assert not found.cause or (evidence == reason and found.blame in ("account", "hub"))
