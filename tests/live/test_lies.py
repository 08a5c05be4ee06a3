"""Copies of the simulated Hub that lie, each in one way: the tour tells every lie."""

import json
import re

import pytest

from live.steps import STEPS
from simhub.scenarios import build, rebuild
from simhub.world import Phase, StatusEvents
from tests.live.conftest import ALL, IMPATIENT
from tests.live.lies import Lie, Reply

ROUTE_OF_SPACE = r"GET /api/spaces/acme/demo$"
RUNTIME = r"/api/spaces/acme/demo/runtime$"


def rename_key(body, old, new):
    if isinstance(body, dict) and old in body:
        body[new] = body.pop(old)


def change(pattern, **values):
    """Return a lie about the keys of an answer; None takes a key away."""

    def told(reply: Reply):
        if reply.asks(pattern) and isinstance(reply.body, dict):
            reply.body |= {name: value for name, value in values.items() if value is not None}
            for name in [name for name, value in values.items() if value is None]:
                reply.body.pop(name, None)

    return told


def refuse(pattern, status, message, was=None, **headers):
    """Return a lie that refuses, where the answer would have had another status."""

    def told(reply: Reply):
        if reply.asks(pattern) and was in (None, reply.status):
            reply.refuse(status, message, **headers)

    return told


def header(pattern, name, value=None, new=None):
    """Return a lie about a header: another value, another name, or none."""

    def told(reply: Reply):
        if reply.asks(pattern) and (name in reply.headers or value is not None):
            old = reply.headers.pop(name, "")
            if value is not None or new is not None:
                reply.headers[new or name] = old if value is None else value

    return told


def status(pattern, status, *, was=None, words=""):
    """Return a lie about the status alone."""

    def told(reply: Reply):
        if reply.asks(pattern) and was in (None, reply.status) and words in str(reply.body):
            reply.status = status

    return told


def stage(pattern, old, new):
    def told(reply: Reply):
        if reply.asks(pattern) and reply.runtime.get("stage") == old:
            reply.runtime["stage"] = new

    return told


def in_runtime(**values):
    return lambda reply: reply.runtime.update(values) if reply.asks(RUNTIME) else None


def page_of_two(reply: Reply):
    if reply.asks("GET /api/spaces$") and "limit=1000" in reply.query:
        reply.body = reply.body[:2]


def bare_entry(reply: Reply):
    if reply.asks("GET /api/spaces$") and "expand" in reply.query:
        for entry in reply.body:
            entry.pop("sha", None)


def granted(reply: Reply):
    if reply.asks("POST /api/spaces/acme/demo/hardware"):
        reply.status, reply.body = 200, reply.world.runtime("acme/demo")


def woken(reply: Reply):
    if reply.path.startswith("/_apps/") and reply.world.state("acme/demo").stage == "PAUSED":
        reply.world.restart("acme/demo")


def slow(reply: Reply):
    if reply.asks("POST .*/restart$"):
        reply.world.now.__self__.advance(25)


def silent_about_parents(scope, first_line):
    if first_line is not None and first_line["key"] == "header":
        first_line["value"].pop("parentCommit", None)


def whole_logs(scope, first_line):
    scope["query_string"] = re.sub(rb"tail=\d+", b"", scope["query_string"])


def one_page_for_all(scope, first_line):
    scope["query_string"] = re.sub(rb"limit=1\b", b"limit=2", scope["query_string"])


def counts_nothing(reply: Reply):
    if "ratelimit" in reply.headers:
        reply.headers["ratelimit"] = '"api";r=900;t=100'


def absolute(reply: Reply):
    if reply.status == 307:
        reply.headers["location"] = "https://huggingface.co" + reply.headers["location"]


def json_events(path, text):
    return re.sub(r"^event: stage\ndata: (\w+)", r'event: stage\ndata: {"stage":"\1"}', text) if path.endswith("/events") else text


def plain_lines(path, text):
    return f"data: {json.loads(text.removeprefix('data: '))['data'].strip()}\n\n" if "/logs/" in path else text


def log_says(old, new):
    return lambda path, text: text.replace(old, new) if "/logs/" in path else text


def proxied_as_nothing(reply: Reply):
    for name in [name for name in reply.headers if name.startswith("x-proxied")]:
        del reply.headers[name]


BUILD_FIRST = (Phase(0, "APP_STARTING"), Phase(10, "BUILDING"), Phase(14, "RUNNING"))
UNKNOWN_STAGE = (Phase(0, "BUILDING"), Phase(5, "WARMING_UP"), Phase(14, "RUNNING"))

LIES = {
    # the shape of answers
    "a renamed key": Lie(("look",), "runtime.gcTimeout: missing", told=lambda reply: rename_key(reply.runtime, "gcTimeout", "sleepTimeout")),
    "a key too many": Lie(("look",), "resources: a number", told=change(ROUTE_OF_SPACE, resources=1)),
    "a missing key": Lie(("look",), "siblings: missing", told=change(ROUTE_OF_SPACE, siblings=None)),
    "a key deep inside is missing": Lie(("look",), "hardware.current: missing", told=lambda reply: reply.runtime.get("hardware", {}).pop("current", None)),
    "another type": Lie(("look",), "likes: a list", told=change(ROUTE_OF_SPACE, likes=[])),
    "a number as text": Lie(("look",), "gcTimeout: a text", told=in_runtime(gcTimeout="172800")),
    "a truth as text": Lie(("look",), "private: a text", told=change(ROUTE_OF_SPACE, private="false")),
    "a null where none is": Lie(("look",), "subdomain: null", told=lambda reply: reply.body.update(subdomain=None) if reply.asks(ROUTE_OF_SPACE) else None),
    "a date without milliseconds": Lie(("look",), "lastModified: a date in whole seconds", told=change(ROUTE_OF_SPACE, lastModified="2026-07-21T13:20:06Z")),
    "a short commit": Lie(("look",), "sha: a text", told=change(ROUTE_OF_SPACE, sha="3d2e3a6")),
    "a list of other things": Lie(("look",), "siblings[]: a text", told=change(ROUTE_OF_SPACE, siblings=["app.py"])),
    "no JSON": Lie(("look",), "look: runtime: this situation: comes about", told=header(RUNTIME, "content-type", "text/plain")),
    "another whoami": Lie(("whoami",), "canPay: missing", told=change("whoami", canPay=None)),
    # status and words
    "200 for 403": Lie(("hardware",), "status: 200", told=granted),
    "402 for 403": Lie(("hardware",), "status: 402", told=status("/hardware", 402, was=403)),
    "200 for 400": Lie(("sleep-time",), "status: 200", told=status("/sleeptime", 200, was=400)),
    "404 for 401": Lie(("absent",), "status: 404", told=refuse("no-such-space", 404, "Repository not found", was=401)),
    "401 for 404": Lie(("absent",), "status: 401", told=refuse("no-such-space", 401, "Invalid username or password.", was=404)),
    "403 for a bad token": Lie(("bad-token",), "status: 403", told=refuse("demo/runtime", 403, "Forbidden", was=401)),
    "a bad token counts as none": Lie(("bad-token",), "status: 200", told=status("demo/runtime", 200, was=401)),
    "other words of a refusal": Lie(("absent",), "words: Not Found", told=refuse("no-such-space", 404, "Not Found", was=404)),
    "a write without a token": Lie(("absent",), "status: 200", told=status("/pause", 200, was=401)),
    # headers
    "no link to the next page": Lie(("listing",), "header link: missing", told=header("GET /api/spaces$", "link")),
    "a link in another form": Lie(("listing",), "header link", told=header("GET /api/spaces$", "link", "/api/spaces?page=2")),
    "no code of an error": Lie(("absent",), "header x-error-code: missing", told=header(".", "x-error-code")),
    "another message of an error": Lie(("bad-token",), "header x-error-message", told=header("demo/runtime", "x-error-message", "Unauthorized")),
    "quota headers renamed": Lie(("quota",), "header ratelimit: missing", told=header(".", "ratelimit", new="x-ratelimit")),
    "quota headers in another form": Lie(("quota",), "header ratelimit", told=header(".", "ratelimit", "limit=1000, remaining=999")),
    "a quota that does not count": Lie(("quota",), "each request counts: no", told=counts_nothing),
    "a quota of another window": Lie(("quota",), "seconds of a window: 3600", told=header(".", "ratelimit-policy", '"fixed window";"api";q=1000;w=3600')),
    "a Retry-After that is not expected": Lie(("hardware",), "header retry-after: N", told=header("/hardware", "retry-after", "60")),
    "no id of a request": Lie(("look",), "header x-request-id: missing", told=header(RUNTIME, "x-request-id")),
    # listings
    "another page size": Lie(("listing",), "entries of a listing: 4", told=page_of_two),
    "a page larger than asked for": Lie(("listing",), "entries of a listing with limit=1: 2", asked=one_page_for_all),
    "an entry with less": Lie(("listing",), "sha: missing", told=bare_entry),
    "a listing that lags": Lie(("listing", "pause"), "the listing lags after PAUSED", world={"listing_lag": 30.0}),
    # streams
    "no event is ever sent": Lie(("events",), "stages that no event told: PAUSED → BUILDING", space={"status_events": StatusEvents.SILENT}),
    "events with other names": Lie(("events",), "names of events: space, status", event=lambda path, text: text.replace("event: stage", "event: status")),
    "events whose data is JSON": Lie(("events",), "stages told by events", event=json_events),
    "events that lie": Lie(("events",), "stages told by events", event=lambda path, text: text.replace("data: APP_STARTING", "data: SLEEPING")),
    "an event is lost": Lie(("events",), "stages that no event told: BUILDING", event=lambda path, text: None if "data: BUILDING" in text else text),
    "the events end": Lie(("events",), "has ended by itself: yes", space={"status_events": StatusEvents.ENDING}),
    "there are no events": Lie(("events",), "the events stream: status: 404", space={"status_events": StatusEvents.MISSING}),
    "events as text": Lie(("events",), "header content-type: text/plain", told=header("/events", "content-type", "text/plain")),
    "tail is ignored": Lie(("logs",), "lines of a build log with tail=1: 10", asked=whole_logs),
    "a run log that closes": Lie(("logs",), "the run log?tail=100 ends while RUNNING: it closes", ends="/logs/run"),
    "a build log that stays open": Lie(("logs",), "the build log ends while RUNNING: it stays open", goes_on="/logs/build"),
    "lines that are no JSON": Lie(("logs",), "lines of the build log: []: a text", event=plain_lines),
    "lines with other keys": Lie(("logs",), "[].timestamp: missing", event=log_says('"timestamp"', '"time"')),
    "lines without a newline": Lie(("logs",), "how lines of the build log begin and end", event=log_says('\\n"', '"')),
    "another first line": Lie(("logs",), "how lines of the build log begin and end", event=log_says("Build Queued at", "Job started at")),
    "a log that is refused": Lie(("logs",), "status: 403", told=status("/logs/run", 403)),
    # stages and time
    "another order of stages": Lie(("restart-paused",), "APP_STARTING → BUILDING", space={"scripts": {"restart": BUILD_FIRST}}),
    "a stage in between": Lie(("restart-paused",), "WARMING_UP", space={"scripts": {"restart": UNKNOWN_STAGE}}),
    "a stage of another name": Lie(("restart",), "RUNNING_REBUILDING", told=stage(".", "RUNNING_BUILDING", "RUNNING_REBUILDING")),
    "a restart that ends badly": Lie(("restart",), "RUNTIME_ERROR", space={"scripts": {"restart": (*rebuild()[:2], Phase(15, "RUNTIME_ERROR"))}}),
    "a restart without effect": Lie(("restart-paused",), "stage in the end after a restart while PAUSED: PAUSED", space={"scripts": {"restart": ()}}, told=stage(RUNTIME, "RUNNING", "PAUSED")),
    "the old stage for longer": Lie(("restart",), "old stage still told after a restart while RUNNING", space={"scripts": {"restart": rebuild(stale=15)}}),
    "a pause that comes late": Lie(("pause",), "old stage still told after a pause", space={"scripts": {"pause": (Phase(10, "PAUSED"),)}}),
    "a write tells the old stage": Lie(("restart",), "stage in the answer to a restart while RUNNING: RUNNING", told=stage("POST .*/restart", "RUNNING_BUILDING", "RUNNING")),
    "a write tells the new stage at once": Lie(("restart-paused",), "stage in the answer to a restart while PAUSED: RUNNING", told=stage("POST .*/restart", "BUILDING", "RUNNING")),
    "a write tells nothing": Lie(("restart",), "stage: missing", told=lambda reply: reply.body.clear() if reply.asks("POST .*/restart") else None),
    "202 for 200": Lie(("pause",), "status: 202", told=status("/pause", 202)),
    "an answer that takes long": Lie(("restart",), "time until the answer: 25 s", told=slow),
    "a factory reboot that starts a paused Space": Lie(("factory",), "stages after a factory reboot of a paused Space: PAUSED → BUILDING", space={"scripts": {"factory": build(stale=1)}}),
    "a factory reboot that is refused": Lie(("factory",), "status: 409", told=lambda reply: reply.refuse(409, "Space is paused") if "factory" in reply.query else None),
    # the edge
    "a holding page with 503": Lie(("restart-paused", "health"), "status: 503", told=status("/_apps/", 503, words="Preparing Space")),
    "a holding page with other words": Lie(("restart-paused", "health"), "words: another page", told=lambda reply: setattr(reply, "body", reply.body.replace("Preparing Space", "Just a moment")) if reply.asks("/_apps/") else None),
    "a holding page after RUNNING": Lie(("restart-paused", "health"), "the app does not answer yet", space={"holding": 20.0}),
    "no headers of the proxy": Lie(("restart", "health"), "who answers: the Hub", told=proxied_as_nothing),
    "one header of the proxy less": Lie(("restart", "health"), "header x-proxied-replica: missing", told=header("/_apps/", "x-proxied-replica")),
    "a paused Space's page with 200": Lie(("wake",), "status: 200", told=status("/_apps/", 200, words="The space is paused")),
    "a visit that wakes a paused Space": Lie(("wake",), "stages after a visit of a paused Space: PAUSED → BUILDING", told=woken),
    # the repository
    "409 for 412": Lie(("rollback",), "status: 409", told=status("/commit/main", 409, was=412)),
    "a stale parent is taken": Lie(("rollback",), "a commit with a stale parent changes nothing: no", asked=silent_about_parents),
    "a commit under another key": Lie(("rollback",), "commitUrl: missing", told=lambda reply: rename_key(reply.body, "commitUrl", "url")),
    "a push that builds nothing": Lie(("rollback",), "the commit is served after a push: no", space={"scripts": {"push": ()}}),
    "commits in another order": Lie(("rollback",), "the newest commit is the one made: no", told=lambda reply: reply.body.reverse() if reply.asks("/commits/") else None),
    "301 for 307": Lie(("rename",), "status: 301", told=status(".", 301, was=307)),
    "a redirect to a host": Lie(("rename",), "header location: an address with", told=absolute),
    "no redirect at all": Lie(("rename",), "status: 404", told=refuse(".", 404, "Repository not found", was=307)),
}


def shown(differences):
    return "\n".join(f"{row.step}: {row.what}: {row.found}" for row in differences)


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_every_lie_is_told(place, lie):
    """In the words of what is different, although all the rest is true."""
    there = place(world=lie.world, **lie.space)
    there.lie(lie)
    differences = there.differences(lie.steps, patience=IMPATIENT)
    assert lie.shows in shown(differences)
    assert {row.step for row in differences} <= {*lie.steps, "listing", "health"}


@pytest.mark.parametrize("steps", sorted({lie.steps for lie in LIES.values()}), ids=" ".join)
def test_what_a_lie_is_told_by_is_not_an_accident(place, steps):
    """Without a lie, the same steps through the same layer show no difference."""
    there = place()
    there.lie(Lie((), ""))
    assert there.differences(steps) == []
    assert {step for step in steps if STEPS[step].run} <= {each.step for each in there.tour.journal.exchanges}


def test_there_are_lies_of_every_step():
    """Whatever a step is for, somebody has lied about it; and each is made alone, so that it needs no other."""
    assert {step for lie in LIES.values() for step in lie.steps} == ALL
    assert {(name,) for name, step in STEPS.items() if step.run} <= {lie.steps for lie in LIES.values()}
