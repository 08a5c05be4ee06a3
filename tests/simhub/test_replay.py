"""Which answer of a recording goes to whom, how a file is read, and the server by itself."""

import json
import subprocess
import sys
import time

import httpx2
import pytest

from simhub import __main__ as command
from simhub.clock import FakeClock
from simhub.player import Player
from simhub.recording import Exchange, NotARecordingError, Recording, read_recording
from simhub.replay import replay
from simhub.server import Certificates


def get(time: float, body: str = "", path: str = "/api/spaces/acme/demo/runtime", query: str = "", **more) -> Exchange:
    pairs = tuple(tuple(pair.split("=")) for pair in query.split("&")) if query else ()
    return Exchange(time=time, method="GET", place="", path=path, query=pairs, **({"status": 200, "body": body} | more))


def post(time: float, body: str = "", path: str = "/api/spaces/acme/demo/restart") -> Exchange:
    return Exchange(time=time, method="POST", place="", path=path, query=(), status=200, body=body)


def recording(*exchanges: Exchange) -> Recording:
    return Recording(head={"recording": 1, "endpoint": "https://hub.example", "inputs": {"operation": "info", "space-id": " acme/demo"}, "operation": "info"}, exchanges=exchanges)


class Asked:
    """A player with a clock of its own: `at(5).get()` is what a question gets at second 5."""

    def __init__(self, *exchanges: Exchange, speed: float = 1.0) -> None:
        self.clock = FakeClock()
        self.player = Player(recording(*exchanges), self.clock.now, speed=speed)

    def at(self, seconds: float) -> "Asked":
        self.clock.advance(seconds - self.clock.now())
        return self

    def get(self, path: str = "/api/spaces/acme/demo/runtime", query=()) -> str | None:
        found = self.player.answer("GET", "", path, query)
        return found and (found.body or str(found.status))

    def post(self, path: str = "/api/spaces/acme/demo/restart") -> str | None:
        found = self.player.answer("POST", "", path, ())
        return found and found.body


def test_answers_come_in_their_time():
    """Before, the last one again; the first one comes whenever it is asked for."""
    asked = Asked(get(0, "a"), get(10, "b"), get(20, "c"))
    assert [asked.at(at).get() for at in (0, 5, 9, 10, 12, 19, 20, 99)] == ["a", "a", "a", "b", "b", "b", "c", "c"]


def test_who_asks_rarely_gets_no_old_news():
    """What was due for long is passed over, and so is what says nothing new."""
    asked = Asked(get(0, "a"), get(10, "b"), get(20, "c"), get(30, "d"))
    assert [asked.at(at).get() for at in (0, 25, 30.1)] == ["a", "c", "d"]
    asked = Asked(get(0, "a"), get(1, "a"), get(2, "a"), get(3, "b"), get(3.5, "b"))
    assert [asked.at(at).get() for at in (0, 3, 3.6)] == ["a", "b", "b"]


def test_a_change_is_not_passed_over_for_a_moment():
    """Of two that are just due the first comes first."""
    asked = Asked(get(0, "a"), get(10, "b"), get(11, "c"))
    assert [asked.at(at).get() for at in (0, 11, 11.5)] == ["a", "b", "c"]


def test_it_may_be_faster():
    """A second of the clock is ten of the recording."""
    asked = Asked(get(0, "a"), get(10, "b"), get(20, "c"), speed=10)
    assert [asked.at(at).get() for at in (0, 0.5, 1, 2)] == ["a", "a", "b", "c"]


def test_a_write_moves_on_to_what_came_after_it():
    """Whenever it is made, and time goes on from there; before it nothing of that is told."""
    asked = Asked(get(0, "old"), get(5, "old still"), post(60, "sent"), get(61, "new"), get(70, "newer"), post(80, "again"), get(81, "newest"))
    assert [asked.at(at).get() for at in (100, 130, 200)] == ["old", "old still", "old still"]
    assert asked.post() == "sent"
    assert [asked.at(at).get() for at in (200, 205, 210)] == ["new", "new", "newer"]
    assert [asked.post(), asked.get(), asked.post(), asked.get()] == ["again", "newest", "again", "newest"]


def test_a_write_to_one_space_moves_no_other():
    """What is asked of many moves on with each."""
    other = "/api/spaces/acme/other/runtime"
    asked = Asked(get(0, "a"), get(0, "x", path=other), get(0, "l", path="/api/spaces"), post(9), get(10, "b"), get(10, "y", path=other), get(10, "m", path="/api/spaces"))
    assert [asked.get(), asked.get(other), asked.get("/api/spaces")] == ["a", "x", "l"]
    asked.post()
    assert [asked.get(), asked.get(other), asked.get("/api/spaces")] == ["b", "x", "m"]


@pytest.mark.parametrize("failure", [{"status": 503}, {"status": 429}, {"status": 0, "failure": "ReadError"}, {"status": 307}])
def test_a_failure_is_given_once(failure):
    """Whoever asks again gets what came next, however soon."""
    asked = Asked(get(0, "", **failure), get(30, "well"))
    assert [asked.get(), asked.at(0.5).get()] == [str(failure["status"]), "well"]


def test_parameters_decide_where_there_are_several():
    """The nearest one else; of a secret one only the name is known."""
    asked = Asked(get(0, "one", query="limit=5&author=a"), get(0, "two", query="limit=5&author=b"), get(0, "three", path="/x", query="key=***&v=1"), get(0, "four", path="/x", query="v=2"))
    path = "/api/spaces/acme/demo/runtime"
    assert [asked.get(path, (("author", "b"), ("limit", "5"))), asked.get(path, (("author", "a"), ("limit", "9")))] == ["two", "one"]
    assert [asked.get("/x", (("key", "abc"), ("v", "1"))), asked.get("/x", (("v", "2"),))] == ["three", "four"]
    assert asked.get("/nothing") is None


def test_a_clock_of_tests_is_told_of_coming_events():
    """Those of streams that somebody has opened."""
    stream = get(0, path="/api/spaces/acme/demo/events", stream=1, events=((4.0, "a"), (8.0, "b")))
    asked = Asked(stream, speed=2)
    assert asked.player.next_change() == float("inf")
    asked.get("/api/spaces/acme/demo/events")
    assert [asked.player.next_change(), asked.at(2).player.next_change(), asked.at(9).player.next_change()] == [2.0, 4.0, float("inf")]


# ---- files ----


def lines(*them: object) -> str:
    return "".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in them)


def test_a_file_is_read_by_its_parts(tmp_path):
    """What is no line of a recording is passed over: half of one, or what somebody wrote above it."""
    path = tmp_path / "a.jsonl"
    path.write_text(
        lines(
            "# from a report", "[1]", {"recording": 1, "endpoint": "https://hub.example", "inputs": {"space-id": "a/b"}}, {"time": 3, "method": "GET", "path": "/late?b=2&a=1", "status": 200},
            {"time": 1, "method": "GET", "path": "/events", "stream": 1, "status": 200}, {"time": 2, "stream": 1, "event": "x"}, {"time": 2, "not recorded": "Bug"}, '{"time": 9, "meth',
            {"recording": 1, "inputs": None}, {"time": 1, "method": "GET", "path": "/log", "stream": 1}, {"time": 4, "stream": 1, "end": "left", "failure": {"kind": "ReadTimeout", "text": "slow"}}, {"time": 5, "ended": 1, "outputs": {"result": "failed"}},
        )
    )  # fmt: skip
    first, second = read_recording(path), read_recording(path, part=2)
    assert [(one.path, one.query, one.events, one.end) for one in first.exchanges] == [("/events", (), ((2.0, "x"),), "left"), ("/late", (("a", "1"), ("b", "2")), (), "")]
    assert (first.status, first.outputs, first.inputs, first.places) == (None, {}, {"space-id": "a/b"}, frozenset())
    assert (second.status, second.outputs, second.inputs, second.exchanges[0].failure) == (1, {"result": "failed"}, {}, "ReadTimeout")


@pytest.mark.parametrize(("text", "part", "why"), [("", 1, "holds 0 recordings"), ('{"recording": 1}\n', 2, "none of number 2"), ('{"recording": 9}\n', 1, "another form")])
def test_what_is_no_recording_is_told(tmp_path, text, part, why):
    """With what is wrong."""
    (tmp_path / "a").write_text(text)
    with pytest.raises(NotARecordingError, match=why):
        read_recording(tmp_path / "a", part=part)


# ---- the server ----


def test_addresses_in_answers_lead_to_the_replay():
    """In JSON and in headers that lead somewhere; text is as it was."""
    app = Exchange(time=0, method="GET", place="https://acme-demo.hf.space", path="/q", query=(), status=200, body='see "https://hub.example/x"')
    body = '{"host": "https://acme-demo.hf.space", "url": "https://hub.example/spaces/a/b", "other": "https://hub.example.org/", "said": "at https://hub.example/x"}'
    listing = get(0, body, path="/api/spaces", headers={"link": '<https://hub.example/api/spaces?cursor=2>; rel="next"', "x-error-message": "https://hub.example/"})
    with replay(recording(listing, app), time.monotonic) as server:
        answer = httpx2.get(f"{server.url}/api/spaces")
        assert answer.json() == {"host": f"{server.url}/_hosts/https/acme-demo.hf.space", "url": f"{server.url}/spaces/a/b", "other": "https://hub.example.org/", "said": "at https://hub.example/x"}
        assert (answer.links["next"]["url"], answer.headers["x-error-message"]) == (f"{server.url}/api/spaces?cursor=2", "https://hub.example/")
        for address, headers in ((f"{answer.json()['host']}/q", {}), (f"{server.url}/q", {"Host": "acme-demo.hf.space"})):
            assert httpx2.get(address, headers=headers).text == 'see "https://hub.example/x"'
        assert server.as_recorded(f"{answer.json()['host']} {server.url}/spaces") == "https://acme-demo.hf.space https://hub.example/spaces"


def test_what_was_not_recorded_is_said():
    """With a status that no server gives by itself."""
    with replay(recording(get(0, "a")), time.monotonic) as server:
        answer = httpx2.post(f"{server.url}/api/spaces/acme/demo/pause", json={})
        assert (answer.status_code, answer.text) == (599, "The recording has no answer to POST /api/spaces/acme/demo/pause.")
        assert server.unknown == ["POST /api/spaces/acme/demo/pause"]


@pytest.mark.parametrize(
    ("exchange", "error"),
    [
        (get(0, status=0, failure="ReadError"), httpx2.ReadError),
        (get(0, status=0, failure="ConnectError"), httpx2.ReadError),
        (get(0, status=0, failure="RemoteProtocolError"), httpx2.RemoteProtocolError),
        (get(0, status=0, failure="ReadTimeout"), httpx2.ReadTimeout),
        (get(0, "half", failure="ReadTimeout"), httpx2.ReadTimeout),
        (get(0, "half", failure="RemoteProtocolError"), httpx2.RemoteProtocolError),
        (get(0, "half", failure="ReadError"), (httpx2.ReadError, httpx2.RemoteProtocolError)),
        (get(0, path="/api/spaces/acme/demo/runtime", stream=1, events=((0.0, "a\n\n"),), end="left", failure="ReadError"), (httpx2.ReadError, httpx2.RemoteProtocolError)),
        (get(0, path="/api/spaces/acme/demo/runtime", stream=1, events=((0.0, "a\n\n"),), end="left"), httpx2.ReadTimeout),
    ],
)
def test_failures_are_failures_again(exchange, error):
    """Of the same kind, as far as a server can cause it: one that could not be reached resets the connection."""
    with replay(recording(exchange), time.monotonic) as server, pytest.raises(error):
        httpx2.get(f"{server.url}/api/spaces/acme/demo/runtime", timeout=0.3)


def test_what_was_too_long_is_as_long_again():
    """Filled up with blanks."""
    with replay(recording(get(0, "[1, 2", size=3000)), time.monotonic) as server:
        assert len(httpx2.get(f"{server.url}/api/spaces/acme/demo/runtime").content) == 3000


def test_streams_are_played_in_time():
    """Events by the clock, lines of a log with the pauses between them, and the end as it was."""
    events = get(0, path="/api/spaces/acme/demo/events", stream=1, events=((0.0, "a\n\n"), (3.0, "b\n\n")), end="complete")
    log = get(0, path="/api/spaces/acme/demo/logs/run", stream=2, events=((0.1, "c\n\n"), (0.3, "d\n\n")), end="complete")
    with replay(recording(events, log), time.monotonic, speed=10, patience=0.5) as server:
        began = time.monotonic()
        assert httpx2.get(f"{server.url}{events.path}").text == "a\n\nb\n\n" and time.monotonic() - began >= 0.29
        began = time.monotonic()
        assert httpx2.get(f"{server.url}{log.path}").text == "c\n\nd\n\n" and time.monotonic() - began >= 0.14


# ---- the command ----


def test_the_command_plays_a_file(tmp_path):
    """It says how to meet it, and how the step ended."""
    path = tmp_path / "a.jsonl"
    path.write_text(
        lines(
            {"recording": 1, "endpoint": "https://hub.example", "operation": "info", "access": "token", "inputs": {"operation": "info", "space-id": " acme/demo"}},
            {"time": 0, "method": "GET", "path": "/api/spaces/acme/demo", "status": 200, "body": "{}"},
            {"time": 1, "ended": 0, "outputs": {"result": "ok"}},
        )
    )
    process = subprocess.Popen([sys.executable, "-m", "simhub", "--replay", path, "--port", "0"], stdout=subprocess.PIPE, text=True)
    try:
        said = [process.stdout.readline() for _ in range(6)]
        url = said[0].split()[4]
        assert f"HF_ENDPOINT={url} HF_TOKEN=" in said[2] and "hf-space info --space-id=acme/demo" in said[3] and "ended so: ok." in said[5]
        assert httpx2.get(f"{url}/api/spaces/acme/demo").text == "{}"
        assert "200  GET /api/spaces/acme/demo" in process.stdout.readline() + process.stdout.readline()
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(("words", "said"), [(["--replay", "none.jsonl"], "No such file"), (["--replay", "empty.jsonl"], "holds 0 recordings"), (["--replay", "good.jsonl", "--port", "{taken}"], "cannot listen")])
def test_what_cannot_be_played_is_told(words, said, tmp_path, capsys, monkeypatch):
    """With 2, as other mistakes."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.jsonl").write_text("")
    (tmp_path / "good.jsonl").write_text('{"recording": 1, "access": "none"}\n')
    with replay(recording(get(0)), time.monotonic) as server:
        assert command.main([word.format(taken=server.url.rpartition(":")[2]) for word in words]) == 2
    assert said in capsys.readouterr().err


def test_access_and_tls_are_part_of_what_to_set(tmp_path):
    """An anonymous step is anonymous again."""
    certificates = Certificates(tmp_path)
    plain = Recording(head={"recording": 1, "access": "none"}, exchanges=(get(0),))
    with replay(plain, time.monotonic, tls=certificates) as server:
        said = command.about(server, certificates)
    assert "HF_TOKEN" not in said and f"SSL_CERT_FILE={certificates.ca_file}" in said and "not known" in said
