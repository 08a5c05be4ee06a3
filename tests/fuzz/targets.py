"""What is fuzzed: the settings parser, the payload reader, recordings, and the Hub's answers through a real socket.

A target is a strategy and a check that fails by any exception but the declared ones.
"""

import http.server
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from hypothesis import strategies as st

from hf_action.clock import Budget
from hf_action.hub.client import Hub
from hf_action.inputs.settings import Settings, describe, parse
from hf_action.inputs.table import INPUTS, OPERATIONS
from hf_action.rules.anonymity import Pseudonyms
from hf_action.rules.json_text import is_json
from hf_action.rules.models import MalformedAnswer, SpaceInfo, SpaceRuntime, read_runtime, read_space_info
from hf_action.rules.operations import pause, restart
from hf_action.rules.outcomes import ActionError, InvalidInput
from hf_action.rules.recording import Redaction
from hf_action.rules.sanitize import redact, spellings
from hf_action.rules.selection import Query
from simhub.clock import FakeClock
from tests.support.serving import serving

# ---- the settings parser ----

VALUES = (
    "", " ", "a/b", "acme/demo, acme/other", "acme/*", "spaces/a/b", "https://huggingface.co/spaces/a/b", "a/b/c", "a--b/c", "0", "1", "90s", "1h30m",
    "1.5m", ".5", "-1", "1e9", "9" * 400, "inf", "nan", "٣", "²", "²s", "never", "auto", "true", "TRUE", "yes", "none", "RUNNING", "running,paused", "NONE,RUNNING",
    "head", "any", "0123456", "0" * 41, "http://hub", "http://10.0.0.1:80", "https://x:y", "https://[::1", "http://[fe80::1%25eth0]/", "https://x/?q", "ftp://x",
    "/healthz", "//x", "https://u@x/", "https://\ud800", "on-failure", "always", "hf_x", "hf x", "é", "\x00", "\n", "\udcff", "fleet.yml", "gradio,docker", "likes", "t4-small",
)  # fmt: skip
SPACES = "\u00a0\u2003 \t\n"
values = st.one_of(
    st.sampled_from(VALUES),
    st.text(alphabet=st.characters(), max_size=20),
    st.text(alphabet="0123456789.hmsHMS-+eE_ ", max_size=12),
    st.text(alphabet="abcA0-_./*?:@%[]#\\ ,\n" + SPACES, max_size=24),
)
names = st.one_of(st.sampled_from([*INPUTS, "tokn", "space_id", "SPACE-ID", "", "-", "h"]), st.text(max_size=8))
flags = st.one_of(
    st.builds("--{}={}".format, names, values), names.map("--{}".format), values, st.sampled_from([*OPERATIONS, "--", "-", "-x", "--=", "=", "---"])
)
variables = st.one_of(
    names.map(lambda name: f"INPUT_{name.upper()}"),
    st.sampled_from(["HF_TOKEN", "HF_ENDPOINT", "HUGGINGFACE_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_OIDC_RESOURCE", "HF_OIDC_ID_TOKEN"]),
)
yaml_scraps = st.sampled_from(
    ["defaults:", "spaces:", "- ", "  - ", "id: ", "space-id: ", "a/b", "timeout: ", "5m", "\n", "\n  ", "{", "}", "[", "]", "&a ", "*a", "<<: ", "!!python/object:os ",
     "|\n  x", ">", "'", '"', "#", "? ", ": ", "---\n", "...\n", "!!set ", "\t", "~", "1", "0x1", "2020-01-01", "\x00", "\ud800", "é", "%YAML 9.9\n", "!<x> "]
)  # fmt: skip
fleets = st.one_of(st.lists(yaml_scraps, max_size=30).map("".join), st.text(alphabet=st.characters(), max_size=60))


def check_settings(call: tuple[list[str], dict[str, str], str]) -> None:
    """Whatever a call says, it is settings, or all its mistakes at once."""
    argv, environ, fleet = call
    try:
        settings = parse(argv, environ, lambda path: fleet)
    except InvalidInput as error:
        assert error.mistakes and all(isinstance(mistake, str) and mistake for mistake in error.mistakes)
        return
    assert isinstance(settings, Settings) and settings.operation in OPERATIONS
    assert 0 < settings.timeout <= 35 * 24 * 3600 and 0 <= settings.settle <= 35 * 24 * 3600
    token = settings.token
    elsewhere = repr((argv, {name: value for name, value in environ.items() if value.strip() != token}, parse(["info", "a/b"], {}, lambda path: fleet)))
    assert not token or len(token) < 4 or token not in repr(settings) or token in elsewhere  # a word that other inputs have, too
    describe(settings)


calls = st.tuples(st.lists(flags, max_size=6), st.dictionaries(variables, values, max_size=6), fleets)

# ---- the payload reader ----

FIELDS = (
    "id", "sha", "stage", "runtime", "hardware", "current", "requested", "gcTimeout", "errorMessage", "domains", "domain", "sdk", "private", "likes", "lastModified",
    "last_modified", "createdAt", "cardData", "card_data", "sdk_version", "host", "subdomain", "siblings", "tags", "replicas", "volumes", "hotReloading", "storage",
    "error", "error_description", "errors", "message", "__dict__", "self", "name", "unitCostUSD", "unitLabel", "prettyName", "cpu", "ram", "accelerator", "data", "timestamp",
)  # fmt: skip
leaves = st.one_of(
    st.none(), st.booleans(), st.integers(), st.integers(min_value=10**300, max_value=10**310), st.floats(), st.text(alphabet=st.characters(), max_size=12),
    st.sampled_from(["RUNNING", "READY", "2026-07-21T13:20:06.000Z", "9999-12-31T23:59:59.999999-23:59", "0001-01-01T00:00:00+23:59", "x" * 5000, "https://x", "1" * 40]),
)  # fmt: skip
keys = st.one_of(st.sampled_from(FIELDS), st.text(max_size=4))
documents = st.recursive(leaves, lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(keys, inner, max_size=6)), max_leaves=20)
GOOD = {
    "id": "acme/demo", "sha": "1" * 40, "sdk": "gradio", "private": False, "likes": 3, "lastModified": "2026-07-21T13:20:06.000Z", "host": "https://acme-demo.hf.space",
    "cardData": {"sdk_version": "5.0"}, "siblings": [{"rfilename": "app.py"}], "tags": ["gradio"],
    "runtime": {"stage": "RUNNING", "sha": "1" * 40, "hardware": {"current": "cpu-basic", "requested": "cpu-basic"}, "gcTimeout": 172800, "domains": [{"domain": "acme-demo.hf.space", "stage": "READY"}]},
}  # fmt: skip


@st.composite
def spaces(draw: st.DrawFn) -> object:
    """Return a Space as the Hub says it, with some parts replaced."""
    space = json.loads(json.dumps(GOOD))
    for _ in range(draw(st.integers(min_value=0, max_value=4))):
        where = space if draw(st.booleans()) or not isinstance(space.get("runtime"), dict) else space["runtime"]
        where[draw(keys)] = draw(documents)
    return space


def check_reader(raw: object) -> None:
    """Whatever JSON says, it is facts of the right types, or garbage."""
    for part in (raw, raw.get("runtime") if isinstance(raw, dict) else None):
        try:
            runtime = read_runtime(part)
            description = read_space_info(raw, runtime)
        except MalformedAnswer:
            continue
        check_facts(runtime)
        check_facts(description)


def check_facts(facts: SpaceRuntime | SpaceInfo) -> None:
    """Each field is absent or of its type."""
    kinds = {"stage": str, "sleep_time": int, "likes": int, "private": bool, "dev_mode": bool, "domains": tuple, "tags": tuple, "runtime": SpaceRuntime}
    for name in facts.__slots__:
        value = getattr(facts, name)
        assert value is None or isinstance(value, kinds.get(name, str)), (name, value)
        assert not (name in ("sleep_time", "likes") and isinstance(value, bool))


# ---- recordings ----

OWN, FOREIGN = "MarkedTokenOfTheTests.Of-Another_Form~17", "hf_AbCdEfGhIjKlMnOpQrStUvWxYz012345"
SPELLINGS = spellings(OWN)
secret_texts = st.one_of(
    st.sampled_from([OWN, FOREIGN, *SPELLINGS, OWN[4:24], f"{OWN[:12]}\x1b[0m{OWN[12:]}", f"https://u:{OWN}@x/", f"Bearer {FOREIGN}", f"https://x/?X-Amz-Signature={OWN}"]),
    st.tuples(st.text(max_size=6), st.sampled_from([OWN, FOREIGN]), st.text(alphabet=st.characters(exclude_categories=["L", "N"]), max_size=6)).map(" ".join),
)
secret_documents = st.recursive(
    st.one_of(secret_texts, leaves), lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.one_of(keys, secret_texts), inner, max_size=4)), max_leaves=15
)
recorded = st.tuples(secret_documents, st.integers(0, 300), st.sampled_from(["/api/spaces/acme/demo", "/oauth/token", "/api/spaces/a/b/logs/run", "/api/spaces/a/b/tree/main"]), st.booleans())


def check_recording(case: tuple[object, int, str, bool]) -> None:
    """Whatever comes, whole or cut off, no part of a secret is in a recording that could be known, and JSON stays JSON."""
    document, end, path, anonymous = case
    text = json.dumps(document)
    keep = Redaction(redact=lambda text: redact(text, SPELLINGS), secrets=lambda: SPELLINGS, names=Pseudonyms() if anonymous else None)
    whole = keep.body(text.encode(), path=path, status=200)
    if is_json(text) and not {"NaN", "Infinity"} & set(re.findall(r"[A-Z]\w+", text)):
        json.loads(whole)
    kept = [whole, keep.body(text[:end].encode(), path=path, status=200), keep.event(f"data: {text[:end]}\n\n", path=path), keep.text(text), keep.path(path, f"a={text[:end]}")]
    parts = [secret[at : at + size].lower() for secret, size in ((OWN, 10), (FOREIGN, 14)) for at in range(len(secret) - size + 1)]
    for shown in map(str.lower, kept):
        assert not [part for part in parts if part in shown], shown


# ---- the Hub's answers, through a socket ----

texts = st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126), max_size=30)
headers = st.dictionaries(
    st.sampled_from(["ratelimit", "retry-after", "location", "content-type", "content-encoding", "x-error-message", "x-error-code", "x-hf-warning", "link", "date", "set-cookie", "x-request-id", "server", "x-proxied-host"]),
    st.one_of(texts, st.sampled_from(['"api";r=0;t=' + "9" * 400, '"api";r=0;t=5', "²", "120", "gzip", "br", "deflate", "application/json", "text/html; charset=utf-16",
                                      "Fri, 31 Dec 9999 23:59:59 GMT", "http://[::1", "//x", "?a", '<http://127.0.0.1:1/x>; rel="next"', '</api/spaces?cursor=1>; rel="next"', '<//x>; rel="next"', "gzip, gzip", "text/event-stream", "/api/spaces/acme/new", "https://user:pw@x/",
                                      "RepoNotFound"])),
    max_size=3,
)  # fmt: skip
bodies = st.one_of(
    st.one_of(spaces(), documents, st.lists(spaces(), max_size=2)).map(lambda value: json.dumps(value).encode()),
    st.tuples(spaces().map(lambda value: json.dumps(value).encode()), st.integers(0, 400)).map(lambda pair: pair[0][: pair[1]]),
    st.lists(documents, max_size=3).map(lambda events: b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events)),
    st.binary(max_size=60),
    st.sampled_from([b"[" * 100_000, b'{"a":' * 50_000, b"9" * 5000, b"\xff\xfe{\x00}\x00", b"\x1f\x8b", b"NaN", b'"\\ud800"']),
)
answers = st.tuples(st.sampled_from([200, 200, 200, 200, 201, 204, 206, 301, 307, 400, 401, 403, 404, 408, 409, 410, 418, 429, 500, 503, 599]), headers, bodies)


class Said(http.server.BaseHTTPRequestHandler):
    """Answers every request with what its server was told to say."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else a body waits 40 ms behind its head

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        status, headers, body = self.server.answer
        self.send_response_only(status)
        for name, value in (headers | {"content-length": str(0 if status == 204 else len(body))}).items():
            self.send_header(name, value.encode("utf-8").decode("latin-1"))
        self.end_headers()
        self.wfile.write(b"" if status == 204 else body)

    do_POST = do_GET  # noqa: N815 - as http.server looks for it

    def log_message(self, *text: object) -> None:
        """Say nothing."""


@contextmanager
def saying() -> Iterator[http.server.ThreadingHTTPServer]:
    """Serve whatever is put into `answer` until the block ends."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Said)
    server.handle_error = lambda request, address: None  # a client that has gone is what happens here
    with serving(server):
        yield server


SPACES = Query(author="acme", search=None)
QUESTIONS: dict[str, Callable[[Hub], object]] = {
    "describe": lambda hub: hub.space_info("acme/demo"),
    "look": lambda hub: hub.runtime("acme/demo"),
    "head": lambda hub: hub.head("acme/demo"),
    "list": lambda hub: hub.list_spaces(SPACES, patient=False),
    "events": lambda hub: hub.listen("acme/demo", lambda name, data: True),
    "pause": lambda hub: hub.send(pause(), "acme/demo"),
    "prices": lambda hub: hub.prices(),
    "log": lambda hub: hub.log_tail("acme/demo", build=False, lines=5),
    "restart": lambda hub: hub.send(restart(), "acme/demo"),
    "probe": lambda hub: hub.probe(f"{hub.endpoint}/healthz", SpaceInfo(id="acme/demo", runtime=SpaceRuntime(stage="RUNNING"))),
}


def check_answer(case: tuple[str, tuple[int, dict[str, str], bytes]], *, server: http.server.ThreadingHTTPServer, hub: Hub) -> None:
    """Whatever the Hub answers, it is facts, or one of the errors of the action."""
    question, server.answer = case
    try:
        found = QUESTIONS[question](hub)
    except ActionError as error:
        assert str(error)
        return
    if isinstance(found, SpaceRuntime | SpaceInfo):
        check_facts(found)


asked = st.tuples(st.sampled_from([*QUESTIONS]), answers)


@dataclass(frozen=True)
class Target:
    """Something to fuzz: a name, what to feed it, and what must hold."""

    name: str
    feed: st.SearchStrategy
    check: Callable[[object], None]


@contextmanager
def targets() -> Iterator[list[Target]]:
    """Yield all targets; the last needs a server."""
    with saying() as server:
        # Half a second of a clock that stands still: one try of each question, and no waiting.
        hub = Hub(endpoint=f"http://127.0.0.1:{server.server_port}", token="hf_fuzz", clock=FakeClock(), budget=Budget(0.5), request_timeout=5.0)
        yield [
            Target("settings", calls, check_settings),
            Target("payloads", st.one_of(documents, spaces()), check_reader),
            Target("recordings", recorded, check_recording),
            Target("answers", asked, partial(check_answer, server=server, hub=hub)),
        ]
