"""The server itself: odd requests, streams, the apps' own hosts, what is noted, start and stop."""

import json
import re
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from urllib.parse import quote

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simhub.scenarios import NEWER
from simhub.server import serve
from simhub.world import Phase, Space
from tests.support.network import PATIENCE, stalls_at_once

ROOT = Path(__file__).parents[2]
AUTHORIZED = {"Authorization": "Bearer hf_simulatedwrite"}


@pytest.fixture
def client(hub):
    hub.world.add(Space(id="demo/one", hardware="t4-small", build_log=((0, "zero"), (1, "one"), (2, "two"))))
    hub.world.add(Space(id="demo/closed", private=True))
    with httpx2.Client(base_url=hub.url, headers=AUTHORIZED, timeout=PATIENCE) as client:
        yield client


# Odd requests


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/models", 404),
        ("GET", "/api/spaces/", 404),
        ("GET", "/api/spaces/demo/one/logs/other", 404),
        ("PUT", "/api/spaces/demo/one/restart", 404),
        ("POST", "/api/spaces/demo/one/explode", 404),
        ("GET", "/nowhere", 404),
        ("GET", "/", 404),
        ("GET", "/api/spaces?limit=x", 400),
        ("GET", "/api/spaces?limit=0", 400),
        ("GET", "/api/spaces?cursor=-1", 400),
        ("GET", "/api/spaces?sort=beauty", 400),
        ("GET", "/api/spaces/demo/one?expand=beauty", 400),
        ("GET", "/api/spaces/demo/one/logs/build?tail=some", 400),
        ("GET", "/api/spaces/demo/%00%ff/runtime", 404),
    ],
)
def test_odd_requests_are_answered(client, method, path, status):
    answer = client.request(method, path)
    assert answer.status_code == status
    if path.startswith("/api/"):
        assert answer.json()["error"]


BODIES = [
    b"",
    b"{",
    b"[]",
    b"null",
    b'"text"',
    b"\xff",
    b"{}",
    b"[" * 100_000,
    b'{"flavor": 7, "seconds": "x", "key": []}',
]
BODIES += [
    b'{"flavor": "t4-medium", "sleepTimeSeconds": true, "seconds": 1.5, "key": "k", "value": {}}',
    b'{"seconds": true}',
]


@pytest.mark.parametrize("body", BODIES, ids=lambda body: repr(body[:20]))
def test_odd_bodies_are_refused_and_have_no_effect(client, hub, body):
    before = hub.world.runtime("demo/one")
    for path in ("hardware", "sleeptime", "variables", "secrets"):
        answer = client.post(f"/api/spaces/demo/one/{path}", content=body)
        assert (answer.status_code, list(answer.json())) == (400, ["error"])
    assert hub.world.runtime("demo/one") == before
    assert hub.world.life("demo/one").variables == {}


def test_storage_keeps_nothing_by_another_name_than_a_hash(client):
    """Such as one that no header can have."""
    path = f"/_lfs/demo/one/{quote('Ⱦ')}"
    assert [client.request(method, path, content=content).status_code for method, content in (("PUT", b"x"), ("GET", None))] == [404, 404]


PREFIXES = ["", "_apps/", "_apps/demo/one/", "_static/", "_lfs/", "_lfs/demo/", "_lfs/demo/one/", "spaces/demo/one/resolve/"]
PREFIXES += ["spaces/", "spaces/demo/one/", "api/", "api/spaces/demo/one/", "api/spaces/demo/one/tree/main/"]
PREFIXES += ["api/spaces/demo/one/commits/", "api/spaces/demo/one/revision/"]


@given(prefix=st.sampled_from(PREFIXES), target=st.text(max_size=30), method=st.sampled_from(["GET", "HEAD", "PUT", "POST"]))
@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
def test_no_request_makes_the_server_fail(client, prefix, target, method):
    """Whatever it is for."""
    assert client.request(method, "/" + prefix + quote(target, safe="/?&=", errors="replace")).status_code < 500


@given(target=st.text(max_size=30))
@settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
def test_no_path_makes_the_server_fail(client, target):
    assert client.get("/api/spaces/" + quote(target, safe="/?&=", errors="replace")).status_code < 500


@pytest.mark.parametrize("host", ["[", "a b", "<script>", ""])
def test_an_odd_host_header_does_no_harm(client, host):
    for path in ("/api/spaces?limit=1", "/api/spaces/demo/one", "/_apps/demo/one"):
        assert client.get(path, headers={"Host": host}).status_code == 200


def test_what_is_not_http_is_refused(hub):
    with socket.create_connection(("127.0.0.1", int(hub.url.rpartition(":")[2]))) as connection:
        connection.sendall(b"\x16\x03\x01 nonsense\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 400")


# Streams


def events(answer):
    return [json.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: {")]


def test_a_finished_build_log_closes_and_can_be_cut_to_its_tail(client):
    whole = events(client.get("/api/spaces/demo/one/logs/build"))
    assert [event["data"] for event in whole][1:] == ["zero\n", "one\n", "two\n"]
    assert events(client.get("/api/spaces/demo/one/logs/build?tail=2")) == whole[-2:]
    assert events(client.get("/api/spaces/demo/one/logs/build?tail=0")) == []


def test_a_new_build_starts_the_log_anew_for_those_who_follow_it(client, hub, clock):
    hub.world.restart("demo/one")
    clock.sleep(1.5)
    with client.stream("GET", "/api/spaces/demo/one/logs/build") as answer:
        lines = (json.loads(line[6:])["data"] for line in answer.iter_lines() if line.startswith("data: {"))
        assert [next(lines) for _ in range(3)][1:] == ["zero\n", "one\n"]
        hub.world.push("demo/one", sha=NEWER)
        assert next(lines).endswith(f"Commit SHA: {NEWER[:7]} =====\n")


def test_the_run_log_of_a_live_space_stays_open(client, hub):
    with (
        stalls_at_once(hub),
        client.stream("GET", "/api/spaces/demo/one/logs/run") as answer,
        pytest.raises(httpx2.ReadTimeout),
    ):
        answer.read()


def test_events_have_names_and_tell_the_stage(client, hub, clock):
    with client.stream("GET", "/api/spaces/demo/one/events") as answer:
        lines = (line for line in answer.iter_lines() if line)
        assert [next(lines) for _ in range(3)] == ["event: stage", "data: RUNNING", "event: space"]
        assert next(lines).startswith('data: {"runtime":')
        hub.world.pause("demo/one")
        assert [next(lines) for _ in range(3)][:2] == ["event: stage", "data: PAUSED"]
        assert next(lines).startswith('data: {"runtime":')
        hub.world.request_hardware("demo/one", flavor="cpu-basic")
        assert [next(lines), next(lines)[:9]] == ["event: space", 'data: {"r']


@pytest.mark.parametrize("stream", ["logs/build", "logs/run"])
def test_logs_want_a_token(hub, client, stream):
    assert httpx2.get(f"{hub.url}/api/spaces/demo/one/{stream}").status_code == 401


def test_every_answer_of_the_api_carries_the_quota_and_the_worlds_date(client, clock):
    clock.sleep(61)
    for path in ("/api/spaces", "/api/nowhere", "/api/spaces/demo/absent", "/api/spaces/demo/one/logs/build"):
        answer = client.get(path)
        assert re.fullmatch(r'"api";r=99\d;t=239', answer.headers["RateLimit"])
        assert answer.headers["RateLimit-Policy"] == '"fixed window";"api";q=1000;w=300'
        assert answer.headers["Date"] == "Sat, 01 Aug 2026 12:01:01 GMT"


def test_an_unknown_token_spends_the_quota_of_the_anonymous(hub):
    answer = httpx2.get(f"{hub.url}/api/spaces", headers={"Authorization": "Bearer hf_unknown"})
    assert (answer.status_code, answer.headers["RateLimit"]) == (401, '"api";r=499;t=300')


# Pages and the apps' own hosts


def test_the_host_a_space_tells_leads_to_its_app(client):
    host = client.get("/api/spaces/demo/one").json()["host"]
    assert httpx2.get(host).status_code == 200
    assert httpx2.get(host + "/healthz?deep=1").status_code == 200


def test_the_host_is_where_the_hub_was_reached(client, hub):
    """So that a container which reaches it by another name can follow."""
    answer = client.get("/api/spaces/demo/one", headers={"Host": "172.17.0.1:8088"})
    assert answer.json()["host"] == "http://172.17.0.1:8088/_apps/demo/one"


def test_a_visit_wakes_a_sleeping_app(hub, clock):
    hub.world.add(Space(id="demo/asleep", stage="SLEEPING"))
    httpx2.get(f"{hub.url}/_apps/demo/asleep")
    clock.sleep(30)
    assert httpx2.get(f"{hub.url}/_apps/demo/asleep").status_code == 200


def test_a_private_app_and_page_want_the_token(client, hub):
    for path in ("/_apps/demo/closed/", "/spaces/demo/closed"):
        assert httpx2.get(hub.url + path).status_code == 404
        assert client.get(path).status_code == 200


# What is noted, and the control routes


def test_requests_are_noted_in_order_and_visits_apart(client, hub, clock):
    clock.sleep(5)
    client.get("/api/spaces?author=demo&limit=3", headers={"User-Agent": "me/1"})
    client.get("/spaces/demo/one")
    httpx2.post(f"{hub.url}/api/spaces/demo/one/pause")
    listing, pause = hub.requests
    assert (listing.at, listing.method, listing.path, listing.query) == (
        5.0,
        "GET",
        "/api/spaces",
        "author=demo&limit=3",
    )
    assert (listing.status, listing.authenticated, listing.user_agent) == (200, True, "me/1")
    assert (pause.method, pause.status, pause.authenticated) == ("POST", 401, False)
    assert [visit.path for visit in hub.visits] == ["/spaces/demo/one"]


def test_another_process_can_push_inject_and_read_what_came(client, hub):
    assert client.post("/_sim/spaces/demo/one/push", json={"sha": NEWER}).json()["stage"] == "RUNNING"
    assert hub.world.describe("demo/one")["sha"] == NEWER
    assert client.post("/_sim/faults", json={"kind": "status", "status": 502, "path": "runtime"}).status_code == 200
    assert client.get("/api/spaces/demo/one/runtime").status_code == 502
    assert [request["path"] for request in client.get("/_sim/requests").json()] == ["/api/spaces/demo/one/runtime"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("faults", {"kind": "flood"}),
        ("faults", {}),
        ("faults", []),
        ("faults", {"kind": "html", "x": 1}),
        ("faults", {"kind": "html", "path": "("}),
        ("spaces/demo/absent/push", {"sha": NEWER}),
        ("spaces/demo/one/push", {}),
        ("nothing", {}),
    ],
)
def test_a_mistaken_control_request_is_told_so(client, path, body):
    answer = client.post(f"/_sim/{path}", json=body)
    assert (answer.status_code, list(answer.json())) == (400, ["error"])


# Size, start and stop


def test_two_thousand_spaces_are_listed(world):
    for number in range(2000):
        world.add(Space(id=f"demo/{number}", timeline=(Phase(1, "BUILDING"),)))
    with serve(world) as hub, httpx2.Client(base_url=hub.url) as client:
        url, seen = "/api/spaces?author=demo&expand=runtime&expand=sha", []
        while url:
            answer = client.get(url)
            seen += [space["id"] for space in answer.json()]
            url = answer.links.get("next", {}).get("url")
            assert url is None or url.count("cursor=") == 1
    assert seen == [f"demo/{number}" for number in range(2000)]


def test_many_clients_at_once_are_all_counted(world):
    world.add(Space(id="demo/one", stage="SLEEPING"))

    def visit(url):
        with httpx2.Client(base_url=url) as client:
            for _ in range(50):
                client.get("/_apps/demo/one")
                client.get("/api/spaces/demo/one/runtime")

    with serve(world) as hub:
        visitors = [threading.Thread(target=visit, args=(hub.url,)) for _ in range(8)]
        for visitor in visitors:
            visitor.start()
        for visitor in visitors:
            visitor.join()
    assert (len(hub.requests), len(hub.visits)) == (400, 400)


def test_starting_and_stopping_leaves_no_thread_even_with_open_connections(world):
    world.add(Space(id="demo/one"))
    threads = threading.active_count()
    for _ in range(20):
        with serve(world) as hub:
            client = httpx2.Client(base_url=hub.url, headers=AUTHORIZED)
            client.get("/api/spaces")
            open_stream = client.send(client.build_request("GET", "/api/spaces/demo/one/logs/run"), stream=True)
            next(open_stream.iter_raw())
    assert threading.active_count() == threads


def test_a_port_in_use_is_an_os_error(world):
    with serve(world) as hub, pytest.raises(OSError), serve(world, port=int(hub.url.rpartition(":")[2])):
        pass


# python -m simhub


@pytest.fixture
def simhub():
    started = []

    def start(*arguments):
        command = [sys.executable, "-m", "simhub", *arguments]
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(("sent", "tls"), [(signal.SIGINT, False), (signal.SIGTERM, True)])
def test_the_command_says_how_to_use_it_shows_requests_and_ends_cleanly(simhub, sent, tls):
    process = simhub("--port", "0", "--speed", "10", *(["--tls"] if tls else []))
    lines = []
    while not any("demo/static" in line for line in lines):
        lines.append(process.stdout.readline())
        assert lines[-1], process.stderr.read()
    (url,) = re.findall(r"export HF_ENDPOINT=(\S+) HF_TOKEN=hf_simulatedwrite", "".join(lines))
    if not tls:
        assert httpx2.get(f"{url}/api/spaces/demo/running/runtime").json()["stage"] == "RUNNING"
    process.send_signal(sent)
    shown, errors = process.communicate(timeout=PATIENCE)
    assert (process.returncode, errors) == (0, "")
    assert ("GET /api/spaces/demo/running/runtime" in shown) != tls


def test_the_command_tells_of_a_port_in_use(simhub, hub):
    process = simhub("--port", hub.url.rpartition(":")[2])
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 2
    assert "cannot listen on 127.0.0.1" in errors and "Traceback" not in errors


@pytest.mark.parametrize("arguments", [["--port", "70000"], ["--speed", "0"], ["--speed", "x"], ["--quota", "-1"]])
def test_the_command_refuses_what_makes_no_sense(simhub, arguments):
    process = simhub(*arguments)
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 2
    assert "usage:" in errors and "Traceback" not in errors
