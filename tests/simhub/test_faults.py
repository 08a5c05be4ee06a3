"""Every way an answer can go wrong, as a plain client sees it, over plain HTTP and TLS."""

import json
import re
import socket
import ssl
import time

import httpx2
import pytest

from simhub.faults import Fault, Kind
from simhub.server import serve
from simhub.world import Space
from tests.support.network import PATIENCE, stalls_at_once

PATH = "/api/spaces/demo/one/restart"
AUTHORIZED = {"Authorization": "Bearer hf_simulatedwrite"}


@pytest.fixture(params=["http", "https"])
def hub(request, world, certificates):
    world.add(Space(id="demo/one", stage="PAUSED"))
    with serve(world, tls=certificates if request.param == "https" else None) as server:
        yield server


@pytest.fixture
def client(hub, certificates):
    trust = ssl.create_default_context(cafile=certificates.ca_file)
    with httpx2.Client(base_url=hub.url, headers=AUTHORIZED, verify=trust, timeout=PATIENCE) as client:
        yield client


def took_effect(hub):
    return hub.world.state("demo/one").stage == "BUILDING"


@pytest.mark.parametrize("effect", [True, False])
def test_a_status_comes_with_its_headers_and_body_and_maybe_an_effect(hub, client, effect):
    hub.inject(Fault(Kind.STATUS, status=504, headers={"Retry-After": "7"}, body="<h1>Gateway</h1>", effect=effect))
    answer = client.post(PATH)
    assert (answer.status_code, answer.headers["retry-after"], answer.text) == (504, "7", "<h1>Gateway</h1>")
    assert took_effect(hub) == effect
    assert [request.status for request in hub.requests] == [504]


@pytest.mark.parametrize(("kind", "effect"), [(Kind.RESET_BEFORE, False), (Kind.RESET_AFTER, True)])
def test_a_reset_ends_the_connection_before_or_after_the_effect(hub, client, kind, effect):
    hub.inject(Fault(kind))
    with pytest.raises((httpx2.ReadError, httpx2.RemoteProtocolError)):
        client.post(PATH)
    assert took_effect(hub) == effect
    assert [request.status for request in hub.requests] == [0]


def test_a_reset_is_a_real_one(world, certificates):
    """RST, not FIN: seen below TLS, too."""
    for tls in (None, certificates):
        with serve(world, tls=tls) as hub:
            hub.inject(Fault(Kind.RESET_BEFORE))
            with socket.create_connection(("127.0.0.1", int(hub.url.rpartition(":")[2])), timeout=PATIENCE) as connection:
                say_hello(connection, tls=tls)
                with pytest.raises(ConnectionResetError):
                    while connection.recv(65536):
                        pass


def say_hello(connection, tls):
    """Send a request over the connection, by hand where there is TLS, as Python's ssl takes a RST for an end."""
    request = b"GET /api/spaces HTTP/1.1\r\nHost: hub\r\n\r\n"
    if tls is None:
        return connection.sendall(request)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    layer = ssl.create_default_context(cafile=tls.ca_file).wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
    while True:
        try:
            layer.do_handshake()
            layer.write(request)
            return connection.sendall(outgoing.read())
        except ssl.SSLWantReadError:
            connection.sendall(outgoing.read())
            incoming.write(connection.recv(65536))


def test_stalled_headers_never_come(hub, client):
    hub.inject(Fault(Kind.STALL_HEADERS))
    with stalls_at_once(hub), pytest.raises(httpx2.ReadTimeout):
        client.post(PATH)
    assert not took_effect(hub)
    assert [request.status for request in hub.requests] == [0]


def test_a_stalled_body_stops_halfway(hub, client):
    hub.inject(Fault(Kind.STALL_BODY))
    with client.stream("POST", PATH) as answer:
        chunks = answer.iter_raw()
        assert next(chunks).startswith(b'{"stage"')
        with stalls_at_once(hub), pytest.raises(httpx2.ReadTimeout):
            next(chunks)
    assert took_effect(hub)


def test_a_dripping_body_comes_whole_a_byte_at_a_time(hub, client):
    hub.inject(Fault(Kind.DRIP, pause=0.001))
    began = time.monotonic()
    answer = client.post(PATH)
    assert time.monotonic() - began > 0.001 * len(answer.content)
    assert answer.json() == hub.world.runtime("demo/one")


def test_a_truncated_body_ends_before_its_length(hub, client):
    hub.inject(Fault(Kind.TRUNCATED))
    with pytest.raises(httpx2.RemoteProtocolError, match=r"incomplete|without sending complete"):
        client.post(PATH)
    assert took_effect(hub)


def test_json_cut_short_is_good_http(hub, client):
    hub.inject(Fault(Kind.CUT_SHORT))
    answer = client.post(PATH)
    assert answer.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        answer.json()


@pytest.mark.parametrize(("body", "value"), [(None, ["not", "an", "object"]), ("text", "text"), (7, 7), ([], [])])
def test_json_of_another_type(hub, client, body, value):
    hub.inject(Fault(Kind.WRONG_TYPE, body=body))
    assert client.post(PATH).json() == value


def test_missing_and_unknown_fields(hub, client):
    hub.inject(Fault(Kind.MISSING_FIELDS))
    hub.inject(Fault(Kind.UNKNOWN_FIELDS))
    assert client.post(PATH).json() == {}
    answer, truth = client.post(PATH).json(), hub.world.runtime("demo/one")
    assert truth.keys() < answer.keys()
    assert truth["hardware"].items() < answer["hardware"].items()


def test_a_page_instead_of_json(hub, client):
    hub.inject(Fault(Kind.HTML))
    answer = client.post(PATH)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert not took_effect(hub)


def test_a_huge_answer_is_streamed(hub, client):
    hub.inject(Fault(Kind.HUGE))
    with client.stream("GET", PATH) as answer:
        assert "content-length" not in answer.headers
        assert sum(len(chunk) for chunk in answer.iter_raw()) > 50_000_000


def test_a_redirect_leads_elsewhere(hub, client):
    hub.inject(Fault(Kind.REDIRECT, location="http://elsewhere.example/x"))
    answer = client.post(PATH)
    assert (answer.status_code, answer.headers["location"]) == (307, "http://elsewhere.example/x")


def test_a_fault_waits_for_its_method_path_and_turn(hub, client):
    """And the first that matches is drawn, as often as it says."""
    hub.inject(Fault(Kind.STATUS, method="GET", path=r"/runtime$", skip=1, times=2, status=502))
    hub.inject(Fault(Kind.STATUS, path=r"/runtime$", times=None, status=503))
    statuses = [client.get("/api/spaces/demo/one/runtime").status_code for _ in range(5)]
    assert statuses == [503, 502, 502, 503, 503]
    assert client.get("/api/spaces/demo/one").status_code == 200
    hub.faults.clear()
    assert client.get("/api/spaces/demo/one/runtime").status_code == 200
    with pytest.raises(re.error):
        hub.inject(Fault(Kind.HTML, path="("))


@pytest.mark.parametrize("kind", [Kind.STALL_HEADERS, Kind.STALL_BODY, Kind.DRIP, Kind.HUGE])
def test_no_fault_holds_up_the_servers_stop(world, kind):
    world.add(Space(id="demo/one"))
    with serve(world) as hub:
        hub.inject(Fault(kind, pause=3600))
        connection = socket.create_connection(("127.0.0.1", int(hub.url.rpartition(":")[2])))
        connection.sendall(b"GET /api/spaces/demo/one HTTP/1.1\r\nHost: hub\r\n\r\n")
        while not hub.requests:
            time.sleep(0.001)
    connection.close()
