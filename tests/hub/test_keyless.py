"""Keyless access: the identity of the job is exchanged for a token, and nothing of it is ever shown."""

import json
import re

import pytest
import yaml

from hf_action.clock import Budget
from hf_action.hub.client import Hub
from hf_action.runner.github import Runner
from hf_action.runner.log import Log
from hf_action.step import StepRun
from simhub.access import Token
from simhub.world import Space
from tests.conftest import TOKEN, read_outputs
from tests.support.tokenservice import EXCHANGED, IDENTITY, REQUEST_TOKEN, RESET, Exchange, token_service, trouble

RESOURCE = "spaces/acme/demo"


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """No request takes longer than its time; the machine's own job, if any, is none of ours."""
    monkeypatch.setitem(Hub.__init__.__kwdefaults__, "request_timeout", 60.0)
    for name in ("HF_OIDC_ID_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def service():
    """GitHub's token service."""
    with token_service() as service:
        yield service


@pytest.fixture
def exchange(hub, world, service):
    """The Hub's exchange, where the workflow is a trusted publisher of one Space."""
    writer = Token(name="publisher", owners=frozenset({"acme"}), writes=frozenset({"acme"}))
    hub.api = Exchange(hub.api, world=world, endpoint=hub.url, service=service, publishers={RESOURCE: writer})
    return hub.api


@pytest.fixture
def keyless(run, service, exchange):
    """Run a step in a job with id-token: write, and no token unless one is given."""

    def step(*words: str, env: dict[str, str] | None = None, token: str | None = None, **inputs: str):
        return run(*words, token=token, env={"HF_OIDC_RESOURCE": RESOURCE} | service.environ | (env or {}), **inputs)

    return step


def secrets_shown(ended) -> list[str]:
    """The secrets that stand anywhere but in their mask."""
    masks = {f"::add-mask::{secret}" for secret in (IDENTITY, EXCHANGED)}
    log = "\n".join(line for line in ended.log.splitlines() if line not in masks)
    everything = log + ended.summary + json.dumps(ended.outputs)
    return [secret for secret in (IDENTITY, EXCHANGED, REQUEST_TOKEN) if secret in everything]


# ---- the exchange ----


def test_a_write_works_without_any_token(keyless, service, exchange, hub):
    """The identity is asked for with the Hub as its audience, and exchanged for a token of the resource."""
    ended = keyless("restart", "acme/demo", wait_for_stage="none")
    assert (ended.status, ended.result, ended.outputs["changed"]) == (0, "ok", "true")
    assert service.events == ["GitHub is asked for an identity", "the Hub is asked for a token"]
    assert (service.audiences, [body["resource"] for body in exchange.bodies]) == ([hub.url], [RESOURCE])
    assert all(request.authenticated for request in hub.requests)
    assert "keyless" in ended.log.splitlines()[0]


def test_the_address_of_the_service_keeps_its_own_parameters(keyless, service, hub):
    """The audience is added to it, as GitHub documents; the version of the service's API stands there already."""
    keyless("info", "acme/demo")
    # huggingface_hub's request drops the api-version of GitHub's address: httpx2 puts `params` in place of a query.
    assert [query["audience"] for query in service.queries] == [[hub.url]]


def test_a_private_space_is_seen(keyless, world):
    """The token of the exchange is used for looks, too."""
    world.add(Space(id="acme/private", private=True))
    assert keyless("info", "acme/private").outputs["private"] == "true"


def test_an_identity_at_hand_is_not_asked_for(run, service, exchange):
    """HF_OIDC_ID_TOKEN is exchanged as it is, as huggingface_hub does on other CI systems."""
    ended = run("info", "acme/demo", token=None, env={"HF_OIDC_RESOURCE": RESOURCE, "HF_OIDC_ID_TOKEN": IDENTITY, "GITHUB_ACTIONS": ""})
    assert (ended.result, service.events) == ("ok", ["the Hub is asked for a token"])


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ({}, True),
        ({"HF_TOKEN": TOKEN}, True),
        ({"HUGGINGFACE_TOKEN": TOKEN, "HUGGING_FACE_HUB_TOKEN": TOKEN}, True),
        ({"INPUT_TOKEN": TOKEN}, False),
        ({"INPUT_TOKEN": TOKEN, "HF_TOKEN": TOKEN}, False),
        ({"INPUT_TOKEN": ""}, True),
        ({"HF_OIDC_RESOURCE": ""}, False),
        ({"HF_OIDC_RESOURCE": "  "}, False),
    ],
    ids=str,
)
def test_keyless_comes_after_an_explicit_token_and_before_variables(keyless, service, given, used):
    """The order of huggingface_hub; a resource that is empty counts as none."""
    ended = keyless("info", "acme/demo", env=given)
    assert (ended.result, bool(service.events)) == ("ok", used)


def test_an_explicit_flag_wins_too(keyless, service):
    """At the other front door."""
    assert keyless("info", "acme/demo", "--token", TOKEN).result == "ok"
    assert service.events == []


# ---- what is secret ----


def test_each_secret_is_masked_before_anything_else_happens_with_it(service, exchange, hub, clock, monkeypatch):
    """The identity before the Hub gets it, the token before anybody does."""
    for name, value in ({"GITHUB_ACTIONS": "true"} | service.environ).items():
        monkeypatch.setenv(name, value)
    caller = Hub(endpoint=hub.url, token=None, clock=clock, budget=Budget(60.0))
    names = {IDENTITY: "the identity", EXCHANGED: "the token"}
    caller.log_in(RESOURCE, identity=None, mask=lambda secret: service.events.append(f"{names[secret]} is masked"))
    assert caller.space_info("acme/demo").id == "acme/demo" and hub.requests[-1].authenticated
    assert service.events == [
        "GitHub is asked for an identity",
        "the identity is masked",
        "the Hub is asked for a token",
        "the token is masked",
    ]


@pytest.mark.parametrize("at_hand", [True, False])
def test_no_secret_is_shown(keyless, at_hand):
    """Identity and token stand in their masks and nowhere else."""
    ended = keyless("restart", "acme/demo", env={"HF_OIDC_ID_TOKEN": IDENTITY} if at_hand else None)
    assert ended.result == "ok"
    assert ended.log.count(f"::add-mask::{IDENTITY}\n") == ended.log.count(f"::add-mask::{EXCHANGED}\n") == 1
    assert secrets_shown(ended) == []


@pytest.mark.parametrize("where", ["service", "exchange"])
@pytest.mark.parametrize("status", [400, 401, 403, 500, 503])
def test_a_refusal_that_echoes_the_secrets_shows_none(keyless, service, exchange, where, status):
    """Whatever an answer repeats of what it was sent."""
    echo = {"error": "invalid_grant", "error_description": f"bad {IDENTITY} {EXCHANGED}", "message": IDENTITY}
    met = trouble(status, echo, **{"x-error-message": f"bad {IDENTITY}"})
    (service if where == "service" else exchange).troubles += [met] * 100
    ended = keyless("info", "acme/demo", timeout="20s")
    # The request token is masked by the runner that made it, and an identity that was never received cannot be known.
    assert where == "service" or secrets_shown(ended) == []
    assert "Traceback" not in ended.log


def test_nobody_else_is_asked_with_the_request_token(keyless, service):
    """A redirect of the service to another host is not followed."""
    with token_service() as other:
        service.troubles += [trouble(302, location=other.url.replace("127.0.0.1", "localhost"))] * 100
        ended = keyless("info", "acme/demo", timeout="20s")
    assert (ended.result, other.events) == ("unreachable", [])


# ---- it falters ----


@pytest.mark.parametrize("where", ["service", "exchange"])
@pytest.mark.parametrize(
    "met",
    [
        trouble(503), trouble(500), trouble(502, "<h1>Bad gateway</h1>"), trouble(408), trouble(429, ratelimit='"api";r=0;t=40'),
        trouble(200, "<html>One moment, please"), trouble(200, []), trouble(200, {}), RESET,
    ],
    ids=["503", "500", "502", "408", "429", "html", "list", "nothing", "reset"],
)  # fmt: skip
def test_a_passing_failure_is_looked_past(keyless, service, exchange, where, met):
    """At either place, twice on end."""
    (service if where == "service" else exchange).troubles += [met, met]
    ended = keyless("info", "acme/demo")
    assert (ended.status, ended.result, 0 < ended.elapsed < 120) == (0, "ok", True)
    assert secrets_shown(ended) == []


@pytest.mark.parametrize("where", ["service", "exchange"])
@pytest.mark.parametrize(
    "met",
    [
        trouble(503), RESET, trouble(200, "<html>"), trouble(200, {"value": None, "access_token": None}),
        trouble(200, {"value": 5, "access_token": 5}), trouble(200, {"value": "", "access_token": ""}),
        trouble(200, {"value": ["x"], "access_token": {"x": 1}}), trouble(200, {"value": "a\nb", "access_token": "a\nb"}),
        trouble(200, {"value": "é\u2028", "access_token": "é\u2028"}), trouble(200, {"value": "\ud800", "access_token": "\ud800"}),
        trouble(200, "[" * 100_000),
    ],
    ids=["503", "reset", "html", "null", "number", "empty", "other types", "two lines", "not ASCII", "lone surrogate", "deep"],
)  # fmt: skip
def test_a_lasting_failure_ends_with_a_result(keyless, service, exchange, where, met):
    """Not as a bug: no such answer is taken for a token, and outputs and summary are written."""
    (service if where == "service" else exchange).troubles += [met] * 1000
    ended = keyless("restart", "acme/demo", wait_for_stage="none", timeout="100s")
    assert (ended.status, ended.result) in ((5, "unreachable"), (3, "denied"))
    assert ended.elapsed <= 100
    assert "internal error" not in ended.log and ended.result in ended.summary
    assert secrets_shown(ended) == []


# ---- it is refused ----


def test_a_job_without_the_permission_is_told_what_to_add(run, hub, exchange):
    """The exact YAML, the result of every output, and no request at all."""
    ended = run("restart", "acme/demo", token=None, env={"HF_OIDC_RESOURCE": RESOURCE})
    assert (ended.status, ended.result, hub.requests) == (3, "denied", [])
    snippet = re.search(r"permissions: \{.*?\}", ended.outputs["message"])[0]
    assert yaml.safe_load(snippet) == {"permissions": {"id-token": "write"}}
    assert "HF_OIDC_RESOURCE" in ended.outputs["message"] and "denied" in ended.summary
    assert [one["result"] for one in ended.spaces] == ["denied"]


def test_outside_github_the_missing_identity_is_named(run, hub, exchange):
    """Elsewhere nobody vouches for the job, so there is nothing to exchange."""
    ended = run("restart", "acme/demo", token=None, env={"HF_OIDC_RESOURCE": RESOURCE, "GITHUB_ACTIONS": ""})
    assert (ended.status, ended.result, hub.requests) == (3, "denied", [])
    assert "HF_OIDC_RESOURCE" in ended.outputs["message"]


def test_a_refused_exchange_names_the_resource_and_the_reason(keyless, hub):
    """What was asked for, what the Hub says of it, where to look."""
    ended = keyless("restart", "acme/demo", "acme/second", env={"HF_OIDC_RESOURCE": "spaces/acme/unknown"})
    assert (ended.status, ended.result, hub.requests) == (3, "denied", [])
    for message in (one["message"] for one in ended.spaces):
        assert "HF_OIDC_RESOURCE=spaces/acme/unknown" in message
        assert "No trusted publisher of spaces/acme/unknown matches this workflow" in message
        assert "trusted publisher" in message
    assert [one["result"] for one in ended.spaces] == ["denied", "denied"]
    assert ended.summary.count("denied") >= 2


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 409, 410, 422])
def test_a_refusal_of_any_status_is_denied(keyless, exchange, status):
    """It is never taken for a Space that does not exist, and not asked again."""
    exchange.troubles += [trouble(status)] * 5
    ended = keyless("info", "acme/demo")
    assert (ended.status, ended.result, len(exchange.troubles)) == (3, "denied", 4)
    assert f"HF_OIDC_RESOURCE={RESOURCE}" in ended.outputs["message"]


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_a_refusal_of_github_is_not_laid_at_the_hubs_door(keyless, service, exchange, status):
    """The identity was refused, so the message names GitHub, and the permission that the job may lack."""
    service.troubles += [trouble(status)] * 5
    ended = keyless("info", "acme/demo")
    assert (ended.status, ended.result, exchange.bodies) == (3, "denied", [])
    assert "GitHub" in ended.outputs["message"] and "id-token: write" in ended.outputs["message"]
    assert "the Hub gives no token" not in ended.outputs["message"]


@pytest.mark.parametrize("resource", ["a b\tc", "x::error::y", "x##[error]y", "`|<img src=x>`", "é"])
def test_any_resource_is_shown_harmlessly(keyless, resource):
    """It is what somebody wrote into the workflow, so it is text."""
    ended = keyless("info", "acme/demo", env={"HF_OIDC_RESOURCE": resource})
    assert (ended.status, ended.result) == (3, "denied")
    assert "##[" not in ended.log and "<img" not in ended.summary


def test_a_token_without_the_right_says_so(keyless, world, exchange):
    """What such a token may do is the Hub's to say."""
    exchange.publishers[RESOURCE] = Token(name="reader", kind="read", owners=frozenset({"acme"}))
    ended = keyless("restart", "acme/demo")
    assert (ended.status, ended.result) == (3, "denied")
    assert "lacks the right" in ended.outputs["message"]


def test_plain_http_to_a_stranger_is_refused_before_any_request(keyless, service, exchange):
    """An identity is as good as a token, so it does not cross the net in the clear either."""
    ended = keyless("info", "acme/demo", endpoint="http://hub.example.com")
    assert (ended.status, ended.result, service.events) == (2, "invalid-input", [])
    assert "https://" in ended.log


def test_the_post_step_logs_in_for_itself(keyless, service, exchange, world, clock, tmp_path, monkeypatch):
    """The step's own token has a short life, and a container of its own does not know it."""
    state = tmp_path / "GITHUB_STATE"
    state.write_text("")
    monkeypatch.setenv("GITHUB_STATE", str(state))
    main = keyless("hardware", "acme/demo", hardware="t4-small", commit="any", restore="true")
    for name, value in read_outputs(state).items():
        monkeypatch.setenv(f"STATE_{name}", value)
    runner = Runner()
    log = Log(clock=clock, runner=runner, began=clock.now())
    post = StepRun([], runner=runner, log=log, began=clock.now(), post=True)
    post.work()
    assert (main.result, post.report(cancelled=False)) == ("ok", 0)
    assert world.state("acme/demo").requested_hardware == "cpu-basic"
    assert service.events == ["GitHub is asked for an identity", "the Hub is asked for a token"] * 2
