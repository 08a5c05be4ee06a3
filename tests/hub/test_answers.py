"""An answer counts only for the Space that was asked about, and leads nowhere that the token may not go.

The Hub is the simulated one, or a server that says what a cache, a proxy or an attacker could.
"""

import json
import re

import pytest

from hf_action.clock import Budget
from hf_action.hub.client import Hub
from hf_action.rules.models import SpaceInfo, SpaceRuntime
from hf_action.rules.operations import pause, request_hardware, restart, set_sleep_time
from hf_action.rules.outcomes import ActionError, Denied, Refused, Unreachable
from hf_action.rules.selection import Query
from simhub.faults import Fault, Kind
from simhub.server import serve
from simhub.world import Phase, Space, StatusEvents, Token
from tests.conftest import NEW, OLD, TOKEN
from tests.support.rawserver import answering, raw_server

SPACES = Query(author="acme", search=None)


def caller(endpoint: str, clock, *, token: str | None = TOKEN, said: list[str] | None = None) -> Hub:
    return Hub(endpoint=endpoint, token=token, clock=clock, budget=Budget(clock.now() + 20), info=(said if said is not None else []).append, request_timeout=60.0)


def about(space: str) -> bytes:
    return json.dumps({"id": space, "sha": NEW, "stage": "RUNNING", "runtime": {"stage": "RUNNING"}}).encode()


def script(routes: dict[str, tuple[int, str, bytes]]):
    """Answer by path: a status, a line of headers and a body; anything else is not found."""

    def answer(connection, asked: bytes) -> None:
        path = asked.split(b" ")[1].decode().partition("?")[0]
        status, head, body = routes.get(path, (404, "", b"{}"))
        answering(f"content-type: application/json\r\n{head}", body, status=f"{status} x")(connection, asked)

    return answer


QUESTIONS = {
    "first look": lambda hub: hub.space_info("acme/demo", patient=False),
    "head": lambda hub: hub.head("acme/demo"),
}  # fmt: skip


# ---- about what was asked ----


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize(("told", "taken"), [("acme/demo", True), ("Acme/DEMO", True), ("acme/other", False), ("evil/demo", False), ("acme/demo2", False), ("acme", False), ("", False), ("a b/c", False)])
def test_an_answer_about_another_space_is_not_taken(clock, question, told, taken):
    """A cache that mixes up its keys; the case of letters does not matter."""
    with raw_server(script({"/api/spaces/acme/demo": (200, "", about(told))})) as server:
        hub = caller(f"http://127.0.0.1:{server.port}", clock)
        if taken:
            assert QUESTIONS[question](hub) in (NEW, SpaceInfo(id=told, runtime=SpaceRuntime(stage="RUNNING"), head=NEW))
        else:
            with pytest.raises(Unreachable, match="the answer made no sense"):
                QUESTIONS[question](hub)


@pytest.mark.parametrize("question", [*QUESTIONS, "look"])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    ("leads", "told", "taken"),
    [
        ("/api/spaces/acme/new", "acme/new", True),
        ("/api/spaces/Acme/New", "acme/new", True),
        ("/api/spaces/acme/Demo2", "acme/demo", True),  # the answer says what was asked
        ("/api/spaces/acme/new", "acme/other", False),
        ("/api/models/acme/new", "acme/new", False),
        ("/api/spaces/acme/new/tree", "acme/new", False),
        ("/login", "acme/new", False),
    ],
)
def test_a_redirect_leads_to_the_new_name_and_to_nothing_else(clock, question, status, leads, told, taken):
    """On the same origin, where the new path names the new id."""
    end = "/runtime" if question == "look" else ""
    routes = {f"/api/spaces/acme/demo{end}": (status, f"location: {leads}{end}\r\n", b""), f"{leads}{end}": (200, "", about(told))}
    with raw_server(script(routes)) as server:
        hub = caller(f"http://127.0.0.1:{server.port}", clock)
        if question == "look":  # its answer does not say of which Space it is
            taken = leads.startswith("/api/spaces/") and not leads.endswith("/tree")
            found = hub.runtime("acme/demo").moved_to if taken else None
            assert found == (leads.removeprefix("/api/spaces/") if taken else None)
        if taken and question != "look":
            assert QUESTIONS[question](hub) in (NEW, SpaceInfo(id=told, runtime=SpaceRuntime(stage="RUNNING"), head=NEW))
        if not taken:
            with pytest.raises(ActionError, match="made no sense"):
                hub.runtime("acme/demo") if question == "look" else QUESTIONS[question](hub)


def test_a_renamed_space_is_found_and_its_new_name_told(clock, world, hub):
    """Against the simulated Hub: every question, by the old name."""
    world.add(Space(id="acme/old", commit=OLD, head=NEW))
    world.rename("acme/old", "acme/new")
    asking = caller(hub.url, clock)
    assert asking.space_info("acme/old").id == "acme/new"
    assert (asking.runtime("acme/old").moved_to, asking.runtime("acme/new").moved_to) == ("acme/new", None)
    assert asking.runtime("acme/old") == asking.runtime("acme/new")  # it is the same news
    assert asking.head("acme/old") == NEW


# ---- writes ----

WRITES = {
    "restart": lambda hub, space: hub.send(restart(), space),
    "factory": lambda hub, space: hub.send(restart(factory_reboot=True), space),
    "pause": lambda hub, space: hub.send(pause(), space),
    "hardware": lambda hub, space: hub.send(request_hardware("t4-small"), space),
    "sleeptime": lambda hub, space: hub.send(set_sleep_time(900), space),
}


@pytest.mark.parametrize("write", WRITES)
def test_a_write_to_a_renamed_space_is_refused_with_the_new_name(clock, world, hub, write):
    """Nothing is sent to what was not named; the new name is known by the look before."""
    world.add(Space(id="acme/old", commit=OLD, head=NEW, hardware="t4-medium"))
    world.rename("acme/old", "acme/new")
    before = world.runtime("acme/new")
    with pytest.raises(Refused, match=r"acme/old is called acme/new now; nothing was sent to it\. Write acme/new in its place\."):
        WRITES[write](caller(hub.url, clock), "acme/old")
    assert (world.runtime("acme/new"), [request.path for request in hub.requests if "/new" in request.path]) == (before, [])


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize(
    ("status", "location", "kind"),
    [
        (307, "/api/spaces/acme/other/{route}", Refused),
        (308, "/api/spaces/acme/other/{route}", Refused),
        (301, "/api/spaces/acme/other/{route}", Refused),
        (302, "/api/spaces/acme/demo/{route}", Unreachable),
        (303, "/api/spaces/acme/demo/runtime", Unreachable),
        (307, "/api/spaces/acme/demo/pausing", Unreachable),
        (307, "/api/spaces/acme/demo/{route}?more=1", Unreachable),
        (307, "/api/models/acme/demo/{route}", Unreachable),
        (301, "/login", Unreachable),
        (302, "https://login.example/", Unreachable),
        (307, "http://localhost:{port}/api/spaces/acme/demo/{route}", Unreachable),
        (308, "//127.0.0.1:1/api/spaces/acme/demo/{route}", Unreachable),
        (307, "http://[::1", Unreachable),
    ],
)
def test_a_write_is_sent_nowhere_else(clock, write, status, location, kind):
    """Neither its method, nor its origin, nor its Space changes; and what it would have led to is not asked."""
    route = "restart" if write == "factory" else write
    with raw_server(script({})) as server:
        place = location.format(route=route, port=server.port)
        routes = {f"/api/spaces/acme/demo/{route}": (status, f"location: {place}\r\n", b"")}
        routes |= {f"/api/spaces/acme/other/{route}": (200, "", about("x/y")), "/login": (200, "", b"{}")}
        server.script = script(routes)
        with pytest.raises(kind) as refused:
            WRITES[write](caller(f"http://127.0.0.1:{server.port}", clock), "acme/demo")
    assert len(server.asked) == 1
    if kind is Unreachable:
        elsewhere = "//" in location and "[" not in location
        assert (refused.value.sent, refused.value.final) == (True, elsewhere)


@pytest.mark.parametrize("status", [307, 308])
def test_a_write_follows_the_spelling_of_a_name(clock, status):
    """The Space and the method are the same, and so is the body."""
    routes = {"/api/spaces/Acme/Demo/hardware": (status, "location: /api/spaces/acme/demo/hardware\r\n", b""), "/api/spaces/acme/demo/hardware": (200, "", b'{"stage": "BUILDING"}')}
    with raw_server(script(routes)) as server:
        assert WRITES["hardware"](caller(f"http://127.0.0.1:{server.port}", clock), "Acme/Demo") == SpaceRuntime(stage="BUILDING")
    assert [asked.split(b" ")[0] for asked in server.asked] == [b"POST", b"POST"]


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize(
    ("body", "taken"),
    [
        (b'{"stage": "BUILDING"}', True), (b"{}", True), (b"", True), (b'{"ok": true}', True),
        (b"[]", False), (b"5", False), (b"null", False), (b"<html>", False), (b'{"stage": null}', False), (b'{"stage": 5}', False), (b'{"error": "no"}', False),
        (b'{"errors": []}', False), (b'{"id": "acme/demo", "likes": 3}', False), (b'{"_id": "5dd96eb1"}', False), (b'{"sha": "x"}', False), (b'{"stage": "::error::"}', False),
    ],
)  # fmt: skip
def test_a_good_status_is_taken_only_with_an_answer_of_that_route(clock, write, body, taken):
    """A page, a list, a Space or an error comes from something else, so the effect has to be looked for."""
    with raw_server(answering("content-type: application/json\r\n", body)) as server:
        hub = caller(f"http://127.0.0.1:{server.port}", clock)
        if taken:
            assert WRITES[write](hub, "acme/demo") == (SpaceRuntime(stage="BUILDING") if b"BUILDING" in body else None)
        else:
            with pytest.raises(Unreachable) as lost:
                WRITES[write](hub, "acme/demo")
            assert lost.value.sent
    assert len(server.asked) == 1


# ---- the token stays at its origin ----


@pytest.mark.parametrize(
    "link",
    [
        "https://127.0.0.1:{port}/api/spaces?cursor=1", "http://127.0.0.1:{other}/api/spaces", "http://localhost:{port}/api/spaces", "//localhost:{port}/api/spaces",
        "http://user@127.0.0.1:{port}/api/spaces", "http://user:pw@127.0.0.1:{port}/api/spaces", "http://127.0.0.1:{port}@evil.example/", "http://evil.example\\@127.0.0.1/",
        "ftp://127.0.0.1:{port}/", "http://127.0.0.1./api/spaces", "http:\\\\evil.example", "/\\evil.example/x", "http://[::1]:{port}/", "http://127.0.0.1:{port}0/", "HTTP://LOCALHOST:{port}/",
    ],
)  # fmt: skip
def test_a_next_page_elsewhere_is_not_asked_for(clock, link):
    """Neither another scheme, host nor port, nor a name or password on the way; a trick of spelling stays here."""
    with raw_server(answering("", b"[]")) as other, raw_server(script({})) as server:
        head = f'link: <{link.format(port=server.port, other=other.port)}>; rel="next"\r\n'
        server.script = script({"/api/spaces": (200, head, json.dumps([{"id": "acme/demo", "runtime": {"stage": "RUNNING"}}]).encode())})
        with pytest.raises((Unreachable, ActionError)):
            caller(f"http://127.0.0.1:{server.port}", clock).list_spaces(SPACES, patient=False)
    assert other.asked == []
    assert all(asked.startswith(b"GET /") for asked in server.asked)


def test_a_next_page_here_is_asked_for_with_the_token(clock):
    """In whatever way the same origin is spelled."""
    with raw_server(script({})) as server:
        page = json.dumps([{"id": "acme/demo", "runtime": {"stage": "RUNNING"}}]).encode()
        routes = {"/api/spaces": (200, 'link: <api/../page>; rel="next"\r\n', page), "/api/page": (200, f'link: <HTTP://127.0.0.1:{server.port}/end>; rel="next"\r\n', b"[]"), "/end": (200, "", b"[]")}
        server.script = script(routes)
        assert len(caller(f"http://127.0.0.1:{server.port}", clock).list_spaces(SPACES)) == 1
    assert len(server.asked) >= 2 and all(f"authorization: Bearer {TOKEN}".encode() in asked for asked in server.asked)


@pytest.mark.parametrize("question", ["log", "events", "look", "prices"])
def test_no_stream_is_followed_elsewhere(clock, question):
    """A redirect of a log or of events would take the token along."""
    ask = {
        "log": lambda hub: hub.log_tail("acme/demo", build=True, lines=5),
        "events": lambda hub: hub.listen("acme/demo", lambda name, data: True),
        "look": lambda hub: hub.runtime("acme/demo"),
        "prices": lambda hub: hub.prices() or (_ for _ in ()).throw(Unreachable("redirects to another address")),
    }[question]
    with (
        raw_server(answering("", b"[]")) as other,
        raw_server(answering(f"location: http://127.0.0.1:{other.port}/\r\n", status="302 x")) as server,
        pytest.raises(Unreachable, match="to another address"),
    ):
        ask(caller(f"http://127.0.0.1:{server.port}", clock))
    assert other.asked == [] and len(server.asked) == 1


# ---- listings ----


@pytest.mark.parametrize("odd", [None, 5, "acme/one", [], {}, {"id": None}, {"id": 5}, {"id": ""}, {"id": "acme"}, {"id": "acme/a/b"}, {"id": "acme/*"}, {"id": "../.."}], ids=repr)
def test_an_odd_entry_is_left_out_and_the_others_stand(clock, world, hub, odd):
    """And told, once."""
    world.listing_odd += [odd, odd]
    said: list[str] = []
    asking = caller(hub.url, clock, said=said)
    for _ in range(2):
        assert [space.id for space in asking.list_spaces(SPACES)] == ["acme/demo"]
    assert said == ["Spaces of acme: 2 entries that name no Space are left out"]


@pytest.mark.parametrize("runtime", [{"stage": "RUNNING", "sha": "***"}, {"stage": "x y"}, {"stage": "RUNNING", "hardware": {"current": "::x"}}, None, 5], ids=repr)
@pytest.mark.parametrize(("alone", "left"), [(200, True), (404, False), (403, False), (410, False), ("odd", False)])
def test_an_entry_that_does_not_fit_is_asked_for_alone(clock, world, hub, runtime, alone, left):
    """Where the Space itself says it well it stands; else it alone is left out."""
    world.listing_odd.append({"id": "acme/other", "runtime": runtime})
    world.add(Space(id="acme/other", unknown_for=1000))
    said: list[str] = []
    body = {"id": "acme/other", "runtime": runtime if alone == "odd" else {"stage": "PAUSED"}} if alone in (200, "odd") else {"error": "x"}
    hub.inject(Fault(Kind.STATUS, status=200 if alone == "odd" else alone, body=body, path="/acme/other$", times=None))
    hub.inject(Fault(Kind.STATUS, status=200, body={"stage": 5}, path="/acme/other/runtime$", times=None))
    found = {space.id: space.runtime.stage for space in caller(hub.url, clock, said=said).list_spaces(SPACES)}
    assert found == {"acme/demo": "RUNNING"} | ({"acme/other": "PAUSED"} if left else {})
    assert [line.startswith("acme/other: left out, ") for line in said] == ([] if left else [True])


def test_an_impatient_listing_asks_for_nobody_alone(clock, world, hub):
    """A round of looks is pages, and no more."""
    world.listing_odd.append({"id": "acme/other"})
    assert [space.id for space in caller(hub.url, clock).list_spaces(SPACES, patient=False)] == ["acme/demo"]
    assert [request.path for request in hub.requests] == ["/api/spaces"]


def test_a_listing_tells_the_host_by_the_subdomain(clock, world, hub):
    """The first domain may be an older name, and a PAUSED Space has none; a static one lives elsewhere."""
    older = {"domains": [{"domain": "older-name.hf.space", "stage": "READY"}]}
    world.add(Space(id="acme/One_Two", runtime_extra=older))
    world.add(Space(id="acme/paused", stage="PAUSED", commit=None))
    world.add(Space(id="acme/static", sdk="static", hardware=None))
    found = {space.id: space for space in caller(hub.url, clock).list_spaces(SPACES)}
    assert [found[f"acme/{name}"].host for name in ("One_Two", "paused", "static")] == [
        "https://acme-one-two.hf.space", "https://acme-paused.hf.space", "https://acme-static.static.hf.space",
    ]  # fmt: skip
    assert found["acme/paused"].runtime.sleep_time is None
    assert found["acme/One_Two"].runtime.sleep_time is not None


def test_a_listing_takes_whatever_pages_come(clock, world, hub):
    """It asks for large ones."""
    for number in range(250):
        world.add(Space(id=f"acme/space-{number}"))
    asking = caller(hub.url, clock)
    assert len(asking.list_spaces(SPACES)) == 251
    assert [re.search(r"limit=(\d+)", request.query)[1] for request in hub.requests] == ["1000"]


@pytest.mark.parametrize(
    ("cap", "came", "counted"),
    [
        (100, 3, {0: 1, 100: 1, 101: 2, 1500: 15}),  # the Hub may give fewer entries of a page than it is asked for
        (1000, 1, {0: 1, 251: 1, 252: 2, 502: 2}),  # a single page tells no more than that it was one
    ],
)
def test_pages_are_counted_as_they_came(clock, world, cap, came, counted):
    """Before the first it is taken to have a hundred entries."""
    for number in range(250):
        world.add(Space(id=f"acme/space-{number}"))
    with serve(world, page_cap=cap) as hub:
        asking = caller(hub.url, clock)
        assert (asking.pages(250), len(asking.list_spaces(SPACES)), len(hub.requests)) == (3, 251, came)
    assert {entries: asking.pages(entries) for entries in counted} == counted


def test_a_hub_that_refuses_large_pages_is_asked_for_its_own(clock, world, hub):
    """Once; and another refusal is one."""
    hub.inject(Fault(Kind.STATUS, status=400, body={"error": "limit is too large"}, path="/api/spaces$", times=1))
    asking = caller(hub.url, clock)
    assert len(asking.list_spaces(SPACES)) == len(asking.list_spaces(SPACES)) == 1
    assert [re.findall(r"limit=(\d+)", request.query) for request in hub.requests] == [["1000"], [], []]
    hub.inject(Fault(Kind.STATUS, status=400, body={"error": "no"}, path="/api/spaces$", times=None))
    with pytest.raises(Refused):
        asking.list_spaces(SPACES)


# ---- who asks ----


def test_a_token_that_expires_is_exchanged_once_more(clock, world, hub, monkeypatch):
    """Only one that was taken before has expired; another that is refused at once is wrong."""
    exchanges: list[str] = []

    def exchange(*, subject_token, resource, endpoint) -> dict:
        exchanges.append(resource)
        name = f"hf_jwt_exchanged_number_{len(exchanges)}"
        if len(exchanges) <= 2:
            world.tokens = {**world.tokens, name: Token(name="p", owners=frozenset({"acme"}), writes=frozenset({"acme"}), expires=clock.now() + 60)}
        return {"access_token": name}

    monkeypatch.setattr("hf_action.hub.keyless.exchange_oidc_token", exchange)
    world.add(Space(id="acme/closed", private=True))
    asking, masked = Hub(endpoint=hub.url, token=None, clock=clock, budget=Budget(1000.0)), []
    assert not asking.renew()  # nobody has logged in
    asking.log_in("spaces/acme/closed", identity="an-identity-that-is-long-enough", mask=masked.append)
    assert asking.space_info("acme/closed").private and len(exchanges) == 1
    clock.sleep(61)
    assert asking.runtime("acme/closed").stage == "RUNNING" and len(exchanges) == 2
    clock.sleep(61)
    with pytest.raises(Denied, match="does not accept the token"):
        asking.runtime("acme/closed")  # the third is wrong from the beginning
    assert len(exchanges) == 3
    with pytest.raises(Denied):
        asking.runtime("acme/closed")
    assert len(exchanges) == 3 and masked[1:] == [f"hf_jwt_exchanged_number_{number}" for number in (1, 2, 3)]
    assert asking.renew() and len(exchanges) == 4
    assert "exchanged" not in repr(asking._access)


def test_an_exchange_that_fails_leaves_the_refusal(clock, world, hub, monkeypatch):
    """The identity at hand may have expired as well."""
    tokens = iter([{"access_token": TOKEN}, {}])
    monkeypatch.setattr("hf_action.hub.keyless.exchange_oidc_token", lambda **about: next(tokens))
    asking = Hub(endpoint=hub.url, token=None, clock=clock, budget=Budget(1000.0))
    asking.log_in("spaces/acme/demo", identity="an-identity-that-is-long-enough", mask=lambda secret: None)
    asking.runtime("acme/demo")
    world.tokens = {}
    with pytest.raises(Denied, match="does not accept the token"):
        asking.runtime("acme/demo")


def test_a_token_of_another_thread_is_used(clock, world, hub, monkeypatch):
    """Two that are refused at once exchange once."""
    monkeypatch.setattr("hf_action.hub.keyless.exchange_oidc_token", lambda **about: {"access_token": TOKEN})
    asking = Hub(endpoint=hub.url, token=None, clock=clock, budget=Budget(1000.0))
    asking.log_in("spaces/acme/demo", identity="an-identity-that-is-long-enough", mask=lambda secret: None)
    assert asking._access.renew("hf_the_one_before", taken=True)


@pytest.mark.parametrize("identity", ["x", "too-short", "with a blank in the middle", "é" * 30])
def test_what_is_no_identity_is_refused_and_not_masked(clock, identity):
    """A mask of one letter would garble the log."""
    masked: list[str] = []
    with pytest.raises(Denied, match="HF_OIDC_ID_TOKEN is not an identity"):
        Hub(endpoint="http://127.0.0.1:1", token=None, clock=clock, budget=Budget(9.0)).log_in("x", identity=identity, mask=masked.append)
    assert masked == []


@pytest.mark.parametrize("token", ["x", "hf_short", "with a blank in the middle of it", "", 5, None])
def test_what_is_no_token_is_refused_and_not_masked(clock, monkeypatch, token):
    """Likewise for what the exchange gives."""
    masked: list[str] = []
    monkeypatch.setattr("hf_action.hub.keyless.exchange_oidc_token", lambda **about: {"access_token": token})
    with pytest.raises(Unreachable, match="it holds no token"):
        Hub(endpoint="http://127.0.0.1:1", token=None, clock=clock, budget=Budget(9.0)).log_in("x", identity="i" * 20, mask=masked.append)
    assert masked == ["i" * 20]


# ---- streams ----


def test_events_are_told_by_name(clock, world, hub):
    """With the data of each, and without the signs of life."""
    world.add(Space(id="acme/zero", stage="APP_STARTING", commit=None, hardware="zero-a10g"))
    heard: list[tuple[str, str]] = []

    def notice(name: str, data: str) -> bool:
        if not heard:
            world.happen("acme/zero", event="push", script=(Phase(0, "RUNNING"),))
        heard.append((name, data))
        return len(heard) < 5

    caller(hub.url, clock, token=None).listen("acme/zero", notice)  # a public Space needs no token
    assert [heard[0], heard[1], heard[3]] == [("", ""), ("stage", "APP_STARTING"), ("stage", "RUNNING")]
    assert {name for name, _ in heard[2::2]} == {"space"} and all(len(data) <= 200 for _, data in heard)


def test_a_sign_of_life_is_told_without_a_name(clock, world, hub):
    """So who has stopped listening can hang up."""
    world.add(Space(id="acme/calm", stage="BUILDING", commit=None, status_events=StatusEvents.SILENT))
    heard: list[tuple[str, str]] = []

    def notice(name: str, data: str) -> bool:
        heard.append((name, data))
        return len(heard) < 2

    caller(hub.url, clock).listen("acme/calm", notice)
    assert heard == [("", ""), ("", "")]


def test_nobody_listens_who_does_not_want_to(clock, world, hub):
    heard: list[str] = []
    caller(hub.url, clock).listen("acme/demo", lambda name, data: heard.append(name))
    assert heard == [""]


@pytest.mark.parametrize("about", [{"status_events": StatusEvents.MISSING}, {"private": True}])
def test_where_there_are_no_events_it_is_said(clock, world, hub, about):
    world.add(Space(id="acme/mute", **about))
    with pytest.raises(ActionError):
        caller(hub.url, clock, token=None).listen("acme/mute", lambda name, data: True)


def test_the_log_of_a_build_is_followed_to_its_end(clock, world, hub):
    """It is asked for its last line alone, and each sign of life asks whether to go on."""
    world.add(Space(id="acme/built", stage="BUILD_ERROR", commit=None, build_log=((0, "one"), (1, "two"))))
    alive: list[bool] = []
    caller(hub.url, clock).follow_build("acme/built", lambda: not alive.append(True))
    assert (len(alive), hub.requests[-1].query) == (2, "tail=1")
    world.add(Space(id="acme/building", stage="BUILDING", commit=None, timeline=(Phase(0, "BUILDING"),)))
    caller(hub.url, clock).follow_build("acme/building", lambda: False)
    with pytest.raises(ActionError):
        caller(hub.url, clock, token=None).follow_build("acme/building", lambda: True)


def log_of(*events: bytes, date: str = "", end: bytes = b""):
    head = f"content-type: text/event-stream\r\n{f'date: {date}{chr(13)}{chr(10)}' if date else ''}"
    return answering(head, b"".join(b"data: " + event + b"\n\n" for event in events) + end)


def line(text: object, *, stamp: object = "2026-08-01T12:00:00.000Z") -> bytes:
    return json.dumps({"data": text, "timestamp": stamp}).encode()


DATE = "Sat, 01 Aug 2026 12:00:00 GMT"


@pytest.mark.parametrize(
    ("served", "read"),
    [
        (log_of(line("one\n"), line("two"), line("three")), ["one", "two", "three"]),
        (log_of(line("one\ntwo\n"), line("")), ["one", "two"]),
        (log_of(line(5), line(None), b"{}", b"text", b"", b"[]", line("one")), ["one"]),
        (log_of(line("old", stamp="2026-08-01T11:00:00Z"), line("now"), line("new", stamp="2026-08-01T12:00:05Z"), line("newer"), date=DATE), ["old", "now"]),
        (log_of(line("one", stamp="yesterday"), line("two", stamp=5), line("three", stamp="2030-01-01T00:00:00"), date=DATE), ["one", "two", "three"]),
        (log_of(line("new", stamp="2030-01-01T00:00:00Z"), date="soon"), ["new"]),
        (log_of(line("new", stamp="2030-01-01T00:00:00Z"), date="Sat, 01 Aug 2026 12:00:00 -0000"), ["new"]),
        (log_of(line("x" * 30_000 + " end")), [f"{''}…{'x' * 4796} end"]),
        (log_of(line("one"), end=b"data: half of a"), ["one"]),
    ],
    ids=["lines", "several in one", "odd", "new ones", "no times", "no date", "no zone", "long", "cut off"],
)  # fmt: skip
def test_a_log_is_what_there_is_now(clock, served, read):
    """One text an event, with a line break or without; what is odd is passed over, what is long is cut."""
    with raw_server(served) as server:
        lines = caller(f"http://127.0.0.1:{server.port}", clock).log_tail("acme/demo", build=False, lines=20)
    if "…" in read[0]:
        assert len(lines[0]) < 10_000 and lines[0].endswith(" end")
    else:
        assert lines == read
    assert b"/api/spaces/acme/demo/logs/run?tail=20 " in server.asked[0]
