"""What visitors of the apps' own hosts meet: pages of the edge, and the apps' answers."""

import ssl

import httpx2
import pytest

from simhub.scenarios import NEW, OLD, build
from simhub.server import Certificates, serve
from simhub.world import AppAnswer, Phase, Space, World

PROXIED = {"x-proxied-host", "x-proxied-replica", "x-proxied-path"}


def visit(hub, id="demo/one", path="/", **headers):
    kind = "_static" if headers.pop("static", False) else "_apps"
    return httpx2.get(f"{hub.url}/{kind}/{id}{path}", headers=headers)


def is_holding_page(answer):
    return (answer.status_code, "Preparing Space" in answer.text, PROXIED & answer.headers.keys()) == (200, True, set())


# Pages of the edge


@pytest.mark.parametrize("stage", ["BUILDING", "APP_STARTING", "SLEEPING", "NEVER_HEARD_OF"])
@pytest.mark.parametrize("path", ["/", "/config", "/_stcore/health", "/healthz?deep=1"])
def test_what_starts_is_held_behind_a_page_with_status_200(hub, stage, path):
    """On every path, so that its status proves nothing."""
    hub.world.add(Space(id="demo/one", stage=stage))
    answer = visit(hub, path=path)
    assert is_holding_page(answer)
    assert answer.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize("stage", ["BUILD_ERROR", "RUNTIME_ERROR", "CONFIG_ERROR", "NO_APP_FILE"])
def test_what_is_broken_answers_503(hub, stage):
    hub.world.add(Space(id="demo/one", stage=stage))
    answer = visit(hub, path="/healthz")
    assert (answer.status_code, answer.text) == (503, "Your space is in error, check its status on hf.co")
    assert not PROXIED & answer.headers.keys()


def test_what_is_paused_says_so_in_plain_text(hub):
    hub.world.add(Space(id="demo/one", stage="PAUSED"))
    answer = visit(hub)
    assert (answer.status_code, answer.text) == (503, "The space is paused, ask a maintainer to restart it")
    assert answer.headers["content-type"].startswith("text/plain")


def test_a_space_may_be_held_for_a_while_after_it_says_running(hub, clock):
    """From the start, and again after a restart."""
    hub.world.add(Space(id="demo/one", holding=30, scripts={"restart": build()}))
    assert hub.world.state("demo/one").stage == "RUNNING" and is_holding_page(visit(hub))
    clock.sleep(30)
    assert not is_holding_page(visit(hub))
    hub.world.restart("demo/one")
    clock.sleep(14)
    assert hub.world.state("demo/one").stage == "RUNNING" and is_holding_page(visit(hub))
    clock.sleep(29.9)
    assert is_holding_page(visit(hub))
    clock.sleep(0.2)
    assert not is_holding_page(visit(hub))


def test_a_phase_may_be_held_for_a_time_of_its_own(hub, clock):
    script = (Phase(1, "BUILDING"), Phase(5, "RUNNING", holding=10))
    hub.world.add(Space(id="demo/one", scripts={"restart": script}))
    assert not is_holding_page(visit(hub))
    hub.world.restart("demo/one")
    clock.sleep(6)
    assert is_holding_page(visit(hub))
    clock.sleep(10)
    assert not is_holding_page(visit(hub))


def test_the_old_app_answers_until_the_new_one_does(hub, clock):
    hub.world.add(Space(id="demo/one", commit=OLD, head=NEW))
    hub.world.restart("demo/one")
    replicas = []
    for _ in range(25):
        assert visit(hub).status_code == 200
        replicas.append(visit(hub).headers["x-proxied-replica"])
        clock.sleep(1)
    assert len(set(replicas)) == 2


def test_a_visit_wakes_and_is_held_until_the_app_is_there(hub, clock):
    hub.world.add(Space(id="demo/one", stage="SLEEPING"))
    for _ in range(9):
        assert is_holding_page(visit(hub))
        clock.sleep(1)
    clock.sleep(1)
    assert not is_holding_page(visit(hub))


# Answers of the app


def test_an_answer_of_the_app_bears_the_headers_of_the_edge(hub):
    """Whatever its status is."""
    hub.world.add(Space(id="demo/one", app=(AppAnswer(path="/broken", status=500, body={"detail": "x"}),)))
    for path, status in (("/broken", 500), ("/health", 200)):
        answer = visit(hub, path=path)
        assert answer.status_code == status
        assert answer.headers["x-proxied-path"] == path
        assert answer.headers["link"] == '<https://huggingface.co/spaces/demo/one>;rel="canonical"'
        assert answer.headers.keys() >= PROXIED


@pytest.mark.parametrize(
    ("sdk", "path", "kind", "text"),
    [
        ("gradio", "/config", "application/json", '"version": "5.29.0"'),
        ("streamlit", "/_stcore/health", "text/plain", "ok"),
        ("docker", "/config", "text/html", "demo/one"),
    ],
)
def test_an_app_answers_as_is_usual_for_its_sdk(hub, sdk, path, kind, text):
    hub.world.add(Space(id="demo/one", sdk=sdk))
    answer = visit(hub, path=path)
    assert (answer.status_code, text in answer.text) == (200, True)
    assert answer.headers["content-type"].startswith(kind)


def test_an_app_can_be_scripted_by_path_time_and_commit(hub, clock):
    """The first row that matches counts; the time begins when the app takes over."""
    rows = (
        AppAnswer(path="/login", status=302, headers={"Location": "https://login.example/"}, body=""),
        AppAnswer(path="/healthz", until=5, status=503),
        AppAnswer(path="/healthz", commit=NEW, status=500, body="broken by the push"),
        AppAnswer(path="/bytes", body=b"\xff"),
    )
    hub.world.add(Space(id="demo/one", head=OLD, app=rows))
    answer = visit(hub, path="/login")
    assert (answer.status_code, answer.headers["location"]) == (302, "https://login.example/")
    assert visit(hub, path="/bytes").content == b"\xff"
    assert visit(hub, path="/healthz").status_code == 503
    clock.sleep(5)
    assert visit(hub, path="/healthz").status_code == 200
    hub.world.push("demo/one", sha=NEW)
    clock.sleep(20)
    assert visit(hub, path="/healthz").status_code == 503
    clock.sleep(5)
    assert visit(hub, path="/healthz").text == "broken by the push"


def test_an_app_can_be_a_function(hub, clock):
    seen = []

    def app(request):
        seen.append((request.method, request.path, request.query, request.since, request.commit))
        return AppAnswer(status=418) if request.headers.get("x-tea") else None

    hub.world.add(Space(id="demo/one", app=app))
    clock.sleep(3)
    assert visit(hub, path="/a?b=c").status_code == 200
    assert visit(hub, **{"x-tea": "yes"}).status_code == 418
    assert seen == [("GET", "/a", "b=c", 3.0, NEW), ("GET", "/", "", 3.0, NEW)]


# Who may enter


@pytest.mark.parametrize("name", ["X-HF-Authorization", "Authorization"])
def test_a_private_app_takes_the_token_in_either_header(hub, name):
    """And the server notes in which one it came."""
    hub.world.add(Space(id="demo/one", private=True))
    assert visit(hub).status_code == 404
    assert visit(hub, **{name: "Bearer hf_nobodys"}).status_code == 404
    assert visit(hub, **{name: "Bearer hf_simulatedread"}).status_code == 200
    assert [visit.token_headers for visit in hub.visits] == [(), (name.lower(),), (name.lower(),)]


def test_what_an_app_takes_as_its_own_login_is_none_of_the_edges_business(hub):
    hub.world.add(Space(id="demo/one", private=True))
    both = {"X-HF-Authorization": "Bearer hf_simulatedread", "Authorization": "Bearer of-the-app"}
    assert visit(hub, **both).status_code == 200
    hub.world.add(Space(id="demo/open"))
    assert visit(hub, id="demo/open", Authorization="Bearer of-the-app").status_code == 200


# Hosts


def test_a_static_space_lives_at_a_host_of_another_kind(hub):
    """And the Hub names it; the plain one answers 404."""
    hub.world.add(Space(id="demo/one", sdk="static", hardware=None))
    assert visit(hub).status_code == 404
    assert visit(hub, static=True).status_code == 200
    assert httpx2.get(hub.world.describe("demo/one", endpoint=hub.url)["host"]).status_code == 200
    hub.world.add(Space(id="demo/two"))
    assert visit(hub, id="demo/two", static=True).status_code == 404


@pytest.mark.parametrize(
    ("host", "path", "status"),
    [
        ("demo-one.hf.space", "/healthz", 200),
        ("DEMO-one.hf.space:8088", "/api/spaces", 200),
        ("demo-page.static.hf.space", "/", 200),
        ("demo-page.hf.space", "/", 404),
        ("demo-one.static.hf.space", "/", 404),
        ("demo-none.hf.space", "/", 404),
    ],
)
def test_apps_are_served_by_the_names_of_their_hosts_too(hub, host, path, status):
    """Whatever the path is, as it is the app's own."""
    hub.world.add(Space(id="demo/one"))
    hub.world.add(Space(id="demo/page", sdk="static", hardware=None))
    answer = httpx2.get(hub.url + path, headers={"Host": host})
    assert answer.status_code == status
    assert ("demo/" in answer.text) == (status == 200)


def test_the_server_is_a_proxy_to_hosts_of_apps(hub):
    """So that a program whose plain requests go through it can ask for an app by its name."""
    hub.world.app_host = "http://{subdomain}.hf.space"
    hub.world.add(Space(id="demo/one"))
    hub.world.add(Space(id="demo/page", sdk="static", hardware=None))
    with httpx2.Client(proxy=hub.url) as client:
        for id, host in (("demo/one", "http://demo-one.hf.space"), ("demo/page", "http://demo-page.static.hf.space")):
            assert client.get(f"{hub.url}/api/spaces/{id}").json()["host"] == host
            assert client.get(f"{host}/healthz?x=1").status_code == 200
    assert next((visit.host, visit.path, visit.query) for visit in hub.visits) == ("demo-one.hf.space", "/healthz", "x=1")


def test_the_certificate_is_good_for_hosts_of_apps(tmp_path):
    """For tests that let these names lead here."""
    certificates = Certificates(tmp_path)
    world = World(now=lambda: 0.0)
    world.add(Space(id="demo/one"))
    with serve(world, tls=certificates) as hub, httpx2.Client(verify=ssl.create_default_context(cafile=certificates.ca_file)) as client:
        request = client.build_request("GET", hub.url, headers={"Host": "demo-one.hf.space"}, extensions={"sni_hostname": "demo-one.hf.space"})
        assert client.send(request).headers["x-proxied-path"] == "/"
