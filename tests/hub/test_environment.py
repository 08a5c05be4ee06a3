"""Trouble of this machine is told as such: it ends at once, and the message names the variable or setting to change.

Each row is a form of one kind; all of them are met by the real client over real sockets.
"""

import datetime as dt
import socket
import ssl
from threading import Event

import pytest
import trustme

from hf_action.clock import Budget
from hf_action.hub.client import Hub
from hf_action.hub.failures import failure_of
from hf_action.rules.models import SpaceInfo, SpaceRuntime
from hf_action.rules.outcomes import Unreachable
from simhub.clock import FakeClock
from tests.support.rawserver import answering, raw_server

PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy")
EXPIRED = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
LATER = dt.datetime(2100, 1, 1, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def environ(monkeypatch, tmp_path, authority):
    """An environment without proxies, where one authority is trusted; return a way to change it."""
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    return monkeypatch.setenv


def look(endpoint: str) -> tuple[Unreachable, float]:
    """Ask patiently, and return why there is no answer, with the seconds that went by until that was clear."""
    clock = FakeClock()
    hub = Hub(endpoint=endpoint, token="hf_token", clock=clock, budget=Budget(1000.0), request_timeout=60.0)
    with pytest.raises(Unreachable) as unreachable:
        hub.space_info("acme/demo")
    assert not isinstance(unreachable.value.__cause__, AssertionError)
    return unreachable.value, clock.now()


def is_final(endpoint: str, *words: str) -> None:
    """Whether a look ends at once, with a message that has `words`, names no bug and shows no password."""
    error, waited = look(endpoint)
    assert (error.final, waited) == (True, 0.0), str(error)
    assert [word for word in words if word not in str(error)] == [], str(error)
    assert error.remedy and "secret" not in str(error) and "bug" not in str(error)


# ---- what the environment names ----


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALL_PROXY", "socks5://proxy:1080"), ("ALL_PROXY", "socks5h://user:secret@proxy:1080"), ("ALL_PROXY", "SOCKS4://proxy"), ("HTTPS_PROXY", "socks://proxy"),
        ("HTTP_PROXY", "socks5://proxy"), ("HTTPS_PROXY", "ftp://proxy"), ("HTTPS_PROXY", "http://[::1"), ("HTTPS_PROXY", "http://proxy:99999"), ("HTTPS_PROXY", "http://proxy:0"),
        ("HTTPS_PROXY", "http://"), ("HTTPS_PROXY", "x y"), ("HTTPS_PROXY", "http://user:sec ret@proxy"), ("HTTP_PROXY", "nonsense://secret"), ("ALL_PROXY", "http://proxy:secret"),
        ("HTTPS_PROXY", "http://proxy\\"), ("ALL_PROXY", "http://" + "x" * 5000), ("HTTPS_PROXY", "http://ｈｕｂ:1"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("endpoint", ["https://127.0.0.1:1", "http://127.0.0.1:1"])
def test_a_proxy_that_cannot_be_used_is_named(environ, name, value, endpoint):
    """By its variable, never by its address, which may hold a password."""
    environ(name, value)
    is_final(endpoint, name)


@pytest.mark.parametrize("none", ["*", "a, *"])
def test_proxies_that_are_not_used_harm_nobody(environ, none):
    """NO_PROXY may say that none is."""
    environ("ALL_PROXY", "socks5://proxy")
    environ("NO_PROXY", none)
    with raw_server(answering("content-type: application/json\r\n", b'{"stage": "RUNNING"}')) as server:
        hub = Hub(endpoint=f"http://127.0.0.1:{server.port}", token=None, clock=FakeClock(), budget=Budget(9.0))
        assert hub.runtime("acme/demo").stage == "RUNNING"


@pytest.mark.parametrize("content", [None, b"", b"not a certificate", b"-----BEGIN CERTIFICATE-----\nnot base64\n-----END CERTIFICATE-----\n", "folder"])
@pytest.mark.parametrize("endpoint", ["https://127.0.0.1:1", "http://127.0.0.1:1"])
def test_certificates_that_cannot_be_read_are_named(environ, tmp_path, content, endpoint):
    """A file that is gone, is not PEM, or is a folder."""
    path = tmp_path / "company.pem"
    if content == "folder":
        path.mkdir()
    elif content is not None:
        path.write_bytes(content)
    environ("SSL_CERT_FILE", str(path))
    is_final(endpoint, "SSL_CERT_FILE", "the certificates to trust cannot be read")


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_variables_that_are_not_read_harm_nobody(environ, name):
    environ(name, "/nowhere.pem")
    error, _ = look("https://127.0.0.1:1")
    assert not error.final and "no connection" in str(error)


# ---- what the other side's TLS says ----


def certificate(authority: trustme.CA, what: str) -> ssl.SSLContext:
    """Return a server's TLS that is wrong in one way."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    stranger = trustme.CA()
    match what:
        case "expired":
            authority.issue_cert("127.0.0.1", not_after=EXPIRED, not_before=EXPIRED.replace(year=2019)).configure_cert(context)
        case "not valid yet":
            authority.issue_cert("127.0.0.1", not_before=LATER, not_after=LATER.replace(year=2101)).configure_cert(context)
        case "of another name":
            authority.issue_cert("hub.example").configure_cert(context)
        case "of another address":
            authority.issue_cert("127.0.0.2").configure_cert(context)
        case "of a company":
            stranger.issue_cert("127.0.0.1").configure_cert(context)
        case "of a company, with its authority":
            chain = trustme.CA(parent_cert=stranger).issue_cert("127.0.0.1")
            chain.configure_cert(context)
        case "self-signed":
            with stranger.private_key_pem.tempfile() as key, stranger.cert_pem.tempfile() as cert:
                context.load_cert_chain(cert, key)
        case "good, and wants one of ours":
            authority.issue_cert("127.0.0.1").configure_cert(context)
            context.verify_mode = ssl.CERT_REQUIRED
            authority.configure_trust(context)
    return context


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("expired", ("has expired", "clock")),
        ("not valid yet", ("not yet valid", "clock")),
        ("of another name", ("mismatch", "HF_ENDPOINT")),
        ("of another address", ("mismatch", "HF_ENDPOINT")),
        ("of a company", ("unable to get local issuer", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE is not read")),
        ("of a company, with its authority", ("certificate is not trusted", "SSL_CERT_FILE")),
        ("self-signed", ("self-signed", "SSL_CERT_FILE")),
        ("good, and wants one of ours", ("certificate required", "endpoint")),
    ],
)
def test_a_certificate_that_is_not_trusted_ends_at_once(environ, authority, what, words):
    """With what is wrong with it, and where to say otherwise."""
    with raw_server(answering("", b"{}"), tls=certificate(authority, what)) as server:
        is_final(f"https://127.0.0.1:{server.port}", "127.0.0.1", *words)


def test_a_folder_of_certificates_that_is_gone_trusts_nobody(environ, authority, monkeypatch):
    """OpenSSL says nothing about the folder, so the message does."""
    monkeypatch.delenv("SSL_CERT_FILE")
    environ("SSL_CERT_DIR", "/nowhere")
    good = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(good)
    with raw_server(answering("", b"{}"), tls=good) as server:
        is_final(f"https://127.0.0.1:{server.port}", "SSL_CERT_DIR")


def test_plain_http_at_a_port_of_tls(environ):
    """An endpoint with https:// where nobody speaks TLS."""
    with raw_server(answering("", b"", status="400 Bad Request")) as server:
        is_final(f"https://127.0.0.1:{server.port}", "TLS is not possible", "http://", "HTTPS_PROXY")


def test_tls_at_a_port_of_plain_http(environ):
    """An endpoint with http:// where TLS is spoken: the answer is an alert."""
    with raw_server(lambda connection, _: connection.sendall(b"\x15\x03\x01\x00\x02\x02\x46")) as server:
        is_final(f"http://127.0.0.1:{server.port}", "does not answer in plain HTTP", "https://")


@pytest.mark.parametrize("alert", [b"\x15\x03\x03\x00\x02\x02\x46", b"\x15\x03\x03\x00\x02\x02\x28"], ids=["protocol version", "handshake failure"])
def test_a_version_of_tls_that_is_not_spoken(environ, alert):
    with raw_server(lambda connection, _: connection.sendall(alert)) as server:
        is_final(f"https://127.0.0.1:{server.port}", "TLS is not possible", "TLS 1.2")


def test_a_break_of_the_handshake_may_pass(environ):
    """A balancer that restarts hangs up."""
    with raw_server(lambda connection, _: None) as server:
        error, waited = look(f"https://127.0.0.1:{server.port}")
    assert not error.final and waited > 250


# ---- proxies that answer ----


@pytest.mark.parametrize(
    ("status", "final", "words"),
    [
        ("407 Proxy Authentication Required", True, ("wants a login (407)", "HTTPS_PROXY", "NO_PROXY")),
        ("403 Forbidden", True, ("gives no connection", "NO_PROXY")),
        ("302 Found", True, ("gives no connection", "NO_PROXY")),
        ("400 Bad Request", True, ("gives no connection",)),
        ("429 Too Many", False, ("gives no connection",)),
        ("502 Bad Gateway", False, ("gives no connection",)),
        ("503 Unavailable", False, ("gives no connection",)),
        ("199 Odd", False, ()),
    ],
)
def test_a_proxy_that_gives_no_connection(environ, status, final, words):
    """What its settings forbid is final; that it cannot reach the Hub may pass."""
    with raw_server(answering("", status=status)) as proxy:
        environ("HTTPS_PROXY", f"http://user:secret@127.0.0.1:{proxy.port}")
        if final:
            is_final("https://hub.example", *words)
        else:
            error, waited = look("https://hub.example")
            assert not error.final and waited > 250 and all(word in str(error) for word in words)
    assert proxy.asked[0].startswith(b"CONNECT hub.example:443 ")


def test_a_proxy_of_plain_http_that_wants_a_login(environ):
    """It answers in place of the Hub."""
    with raw_server(answering("", status="407 Proxy Authentication Required")) as proxy:
        environ("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
        is_final("http://hub.example", "wants a login (407)", "HTTPS_PROXY")
    assert proxy.asked[0].startswith(b"GET http://hub.example/")


def test_a_proxy_whose_address_says_https_and_which_speaks_http(environ):
    with raw_server(answering("", status="400 Bad Request")) as proxy:
        environ("HTTPS_PROXY", f"https://127.0.0.1:{proxy.port}")
        is_final("https://hub.example", "TLS is not possible", "HTTPS_PROXY")


def test_what_the_proxy_sends_is_bounded_too(environ):
    """Its answers are read before the Hub's."""
    gone = Event()
    with raw_server(lambda connection, _: [connection.sendall(b"HTTP/1.1 2"), gone.wait()]) as proxy:
        environ("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
        hub = Hub(endpoint="https://hub.example", token=None, clock=FakeClock(), budget=Budget(9.0), request_timeout=0.2)
        with pytest.raises(Unreachable):
            hub.runtime("acme/demo")
        gone.set()


# ---- redirects ----


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("https://login.example/?next=secret", ("https://login.example", "HTTPS_PROXY", "HF_ENDPOINT")),
        ("http://localhost:{port}/api/spaces/acme/demo", ("http://localhost:{port}", "HF_ENDPOINT")),
        ("https://127.0.0.1:{port}/api/spaces/acme/demo", ("Write https://127.0.0.1:{port} in endpoint",)),
        ("http://127.0.0.1:1/api/spaces/acme/demo", ("http://127.0.0.1:1", "HTTPS_PROXY")),
        ("//hub.example/api/spaces/acme/demo", ("http://hub.example",)),
        ("ftp://127.0.0.1:{port}/", ("ftp://127.0.0.1",)),
        ("http://user:secret@127.0.0.1:{port}/api/spaces/acme/demo", ()),
        ("http://[::1]:{port}/", ("http://[::1]:{port}",)),
    ],
)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_another_origin_ends_at_once(environ, location, words, status):
    """Neither host, scheme nor port may change; what stands behind the host is not shown."""
    with raw_server(answering("")) as server:
        server.script = answering(f"location: {location.format(port=server.port)}\r\n", status=f"{status} x")
        is_final(f"http://127.0.0.1:{server.port}", *(word.format(port=server.port) for word in words))
    assert len(server.asked) == 1


# ---- what may pass ----


def test_a_name_that_does_not_exist_may_exist_later(environ, monkeypatch):
    """It is asked for during five minutes, and the message tells of the way to it."""

    def resolve(*words, **more):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    error, waited = look("https://hub.example")
    assert not error.final and not error.sent and 250 < waited < 360
    assert "no connection to hub.example: [Errno -2] Name or service not known" in str(error) and "HTTPS_PROXY" in str(error)


def test_a_failure_without_a_request_is_told_all_the_same():
    """As httpx2 raises one for an address that is none."""
    assert str(failure_of(ValueError(""))) == "the answer was lost: ValueError"


# ---- the whole step ----


@pytest.mark.parametrize(("name", "value"), [("ALL_PROXY", "socks5://proxy"), ("SSL_CERT_FILE", "/nowhere.pem"), ("HTTP_PROXY", "ftp://proxy")])
@pytest.mark.parametrize("words", [("info", "acme/demo"), ("pause", "acme/demo"), ("wait", "acme/demo"), ("list", "acme/*")], ids=lambda words: words[0])
def test_a_step_ends_at_once_and_not_as_a_bug(run, environ, name, value, words):
    environ(name, value)
    ended = run(*words)
    assert (ended.status, ended.result, ended.elapsed) == (5, "unreachable", 0.0)
    assert name in ended.outputs["message"] and "internal error" not in ended.log and "bug" not in ended.log


def test_an_app_behind_a_proxy_that_wants_a_login_is_not_healthy(environ):
    """A visit tells what was seen; it raises nothing."""
    with raw_server(answering("", status="407 Proxy Authentication Required")) as proxy:
        environ("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
        hub = Hub(endpoint="http://127.0.0.1:1", token=None, clock=FakeClock(), budget=Budget(9.0))
        said = hub.probe("https://app.example/", SpaceInfo(id="acme/demo", runtime=SpaceRuntime(stage="RUNNING")))
    assert said == "the proxy wants a login (407)."
