"""When a deployment fails, the last good commit is put back: once, whole, or not at all, and the step says which."""

import re
import signal
import threading
import time
from dataclasses import replace
from itertools import product

import pytest

from hf_action.rules.outcomes import Cancelled
from simhub.access import Token
from simhub.app import AppAnswer
from simhub.faults import Fault, Kind
from simhub.files import LargeFile
from simhub.world import HEAD, Phase, Space
from tests.conftest import NEW, NEWER, OLD, TOKEN
from tests.support.asking import reads_log
from tests.support.network import stalls_at_once

ID = "acme/site"
GOOD = {
    ".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n",
    "README.md": "---\nsdk: gradio\n---\n",
    "app.py": "print('good')\n",
    "lib/a.py": "a = 1\n",
    "model.bin": LargeFile(b"weights of the good one"),
    "old.bin": LargeFile(b"an older kind", xet=False),
    "thing": "a file that becomes a folder\n",
}
BAD = {path: file for path, file in GOOD.items() if path not in ("lib/a.py", "thing")} | {
    "app.py": "print('bad'\n",
    "new/c.py": "c = 1\n",
    "thing/inside.py": "",
    "model.bin": LargeFile(b"weights of the bad one"),
}
BROKEN = "ModuleNotFoundError: No module named 'gradoi'"
# As after a push: the old commit is served while the new one builds, which then fails.
FAILING = (Phase(0, "RUNNING_BUILDING"), Phase(5, "BUILD_ERROR", commit=None, error=BROKEN))
# The same where nothing is tried while the builds are waited for: both are over soon.
SOON = {"timeline": (Phase(0, "RUNNING_BUILDING"), Phase(1, "BUILD_ERROR", commit=None, error=BROKEN)), "scripts": {"push": (Phase(0.5, "BUILDING"), Phase(1, "RUNNING", commit=HEAD))}}
NO_MACHINE = "Scheduling failure: unable to schedule"


@pytest.fixture(autouse=True)
def quick(hub):
    """Requests that stall cost no time."""
    with stalls_at_once(hub):
        yield


def deploy(world, **about) -> str:
    """Add a Space to which a bad commit was pushed."""
    usual = {"id": ID, "commit": OLD, "head": NEW, "revisions": {OLD: GOOD, NEW: BAD}, "timeline": FAILING}
    world.add(Space(**(usual | about)))
    return about.get("id", ID)


def commits(world, space: str = ID) -> list[str]:
    """Return the commits of a repository, oldest first."""
    life = world.life(space)
    return [commit.sha for commit in life.repository.history(life.heads(world.now(), lag=0.0))]


def files(world, commit: str | None = None, space: str = ID) -> dict[str, str]:
    """Return the ids of the files of a commit, or of the head."""
    life = world.life(space)
    past = life.repository.history(life.heads(world.now(), lag=0.0))
    tree = next(one.tree for one in past if one.sha == commit) if commit else past[-1].tree
    return {path: blob.oid for path, blob in tree.blobs.items()}


def sent(hub) -> list[str]:
    """Return which routes of the repository were asked, in their order."""
    return [f"{one.method} {part}" for one in hub.requests for part in ("commits", "tree", "paths-info", "commit") if f"/{ID}/{part}/" in one.path]


# ---- what it does ----


@pytest.mark.parametrize("operation", ["wait", "restart"])
def test_the_last_good_commit_is_put_back_and_served(run, world, operation):
    """By one commit with exactly its files, on top of the one that failed. The step still fails."""
    scripts = {"restart": FAILING}
    ended = run(operation, deploy(world, scripts=scripts, timeline=FAILING if operation == "wait" else ()), rollback="true")
    made = commits(world)[-1]
    assert commits(world) == [OLD, NEW, made]
    assert files(world) == files(world, OLD) != files(world, NEW)
    assert (ended.status, ended.result, ended.outputs["rolled-back-to"]) == (1, "failed", OLD)
    assert (ended.outputs["stage"], ended.outputs["commit"], ended.outputs["changed"]) == ("RUNNING", made, "true")
    said = f"Rolled back: it serves the files of 0000000 again, as commit {made[:7]}"
    assert all(said in text for text in (ended.log, ended.outputs["message"], ended.summary))
    assert any(said in line for line in ended.log.splitlines() if line.startswith("::error"))
    assert "module-not-installed" in ended.outputs["message"]


def test_the_commit_names_both_and_bears_the_failed_one_as_its_parent(run, world):
    """History is kept, and tells what happened."""
    run("wait", deploy(world), rollback="true")
    life = world.life(ID)
    made = life.repository.made[commits(world)[-1]]
    assert made.title == "Roll back to 0000000: 1111111 failed"
    assert OLD in made.message and NEW in made.message


def test_without_the_input_nothing_is_put_back(run, world):
    """A wait changes nothing, and nobody is told of a rollback."""
    ended = run("wait", deploy(world))
    assert (ended.result, commits(world), ended.outputs["rolled-back-to"]) == ("failed", [OLD, NEW], "")
    assert "olled back" not in ended.log


def test_a_commit_that_was_named_is_put_back_instead(run, world):
    """Also by its beginning, and where nothing was being served."""
    first = "f" * 40
    space = deploy(world, past=(first, OLD), commit=None, revisions={first: {"app.py": "first"}, OLD: GOOD, NEW: BAD})
    ended = run("wait", space, rollback="true", rollback_to="fffffff")
    assert (ended.outputs["rolled-back-to"], files(world)) == (first, files(world, first))


@pytest.mark.parametrize("way", ["timed-out", "failed"])
def test_an_app_that_does_not_answer_is_rolled_back(run, world, way):
    """RUNNING was reached, but nothing answered until the budget ended; there is time for the rollback all the same."""
    bad = (AppAnswer(commit=NEW, status=500),)
    space = deploy(world, app=bad, timeline=(Phase(0, "RUNNING_BUILDING"), Phase(3, "RUNNING", commit=HEAD)))
    ended = run("wait", space, rollback="true" if way == "failed" else "false", health_check="auto", timeout="30s")
    if way == "timed-out":
        assert (ended.status, ended.result, commits(world)) == (4, "timed-out", [OLD, NEW])
        return
    assert (ended.status, ended.result, ended.outputs["rolled-back-to"]) == (1, "failed", OLD)
    assert "the app does not answer (500 from" in ended.outputs["message"]
    assert ended.elapsed < 90


def test_the_rollback_is_waited_for_with_all_that_was_asked_for(run, world):
    """A good commit whose app does not answer any more is not served again."""
    bad = (AppAnswer(status=500),)
    space = deploy(world, app=bad, timeline=(Phase(0, "RUNNING_BUILDING"), Phase(3, "RUNNING", commit=HEAD)))
    ended = run("wait", space, rollback="true", health_check="/", timeout="30s")
    assert (ended.status, ended.outputs["rolled-back-to"], files(world)) == (1, "", files(world, OLD))
    assert "but it does not serve them (timed-out: RUNNING on commit" in ended.outputs["message"]
    assert 30 + 300 <= ended.elapsed < 30 + 320  # five minutes at least


def test_a_rollback_whose_build_fails_says_so(run, world):
    """It is not tried again."""
    again = {"push": (Phase(1, "BUILDING"), Phase(20, "BUILD_ERROR", error="again"))}
    ended = run("wait", deploy(world, scripts=again), rollback="true")
    assert (ended.status, ended.outputs["rolled-back-to"], len(commits(world)), files(world)) == (1, "", 3, files(world, OLD))
    for text in (ended.log, ended.outputs["message"], ended.summary):
        assert f"Rolled back to the files of 0000000 as commit {commits(world)[-1][:7]}, but it does not serve them" in text
        assert "failed: BUILD_ERROR instead of RUNNING" in text.replace("&#58;", ":")


def test_a_push_during_the_rollback_is_told(run, world, clock):
    """Another commit that goes live meanwhile is what is served."""
    space = deploy(world, scripts={"push": (Phase(1, "BUILDING"), Phase(9, "RUNNING", head=NEWER, commit=NEWER))})
    ended = run("wait", space, rollback="true")
    assert (ended.status, ended.outputs["rolled-back-to"]) == (1, "")
    assert "superseded: RUNNING on commit 2222222" in ended.outputs["message"]


def test_each_space_of_a_fleet_is_rolled_back_for_itself(run, world):
    """One is, one has nothing to go back to, one does well."""
    deploy(world)
    deploy(world, id="acme/first", commit=None)
    world.add(Space(id="acme/well", commit=OLD, head=NEW, timeline=(Phase(0, "RUNNING_BUILDING"), Phase(90, "RUNNING", commit=HEAD))))
    ended = run("wait", "acme/site", "acme/first", "acme/well", rollback="true")
    rows = {space["id"]: space for space in ended.spaces}
    assert {name: row["result"] for name, row in rows.items()} == {"acme/site": "failed", "acme/first": "failed", "acme/well": "ok"}
    assert "Rolled back: it serves" in rows["acme/site"]["message"]
    assert "Not rolled back: no good commit is known" in rows["acme/first"]["message"]
    assert len(commits(world, "acme/first")) == 1 and commits(world, "acme/well") == [OLD, NEW]


# ---- what it does not do ----


def not_rolled_back(ended, world, because: str, *, past=(OLD, NEW)) -> None:
    assert ended.outputs["rolled-back-to"] == ""
    assert commits(world) == list(past)
    for text in (ended.log, ended.outputs["message"], ended.summary):
        assert f"Not rolled back: {because}" in text.replace("&#58;", ":"), text


def test_where_no_good_commit_is_known(run, world):
    """Nothing was being served at the first look."""
    ended = run("wait", deploy(world, commit=None, past=(OLD,)), rollback="true")
    not_rolled_back(ended, world, "no good commit is known, as none was being served at the first look")


def test_where_the_head_has_moved(run, world):
    """Somebody has pushed meanwhile: what they did is not undone."""
    script = (*FAILING, Phase(10, "BUILD_ERROR", head=NEWER))
    ended = run("wait", deploy(world, timeline=script), rollback="true")
    not_rolled_back(ended, world, "the head is 2222222 by now, not 1111111, which failed", past=(OLD, NEW, NEWER))


def test_where_the_head_moves_at_the_last_moment(run, world, hub):
    """The commit bears its parent, so the Hub refuses it."""

    def push(request) -> None:
        if "/paths-info/" in request.path and len(commits(world)) == 2:
            world.push(ID, sha=NEWER)

    hub.on_request = push
    ended = run("wait", deploy(world), rollback="true")
    not_rolled_back(ended, world, "the head is 2222222 by now: somebody has pushed meanwhile", past=(OLD, NEW, NEWER))


def test_where_the_head_moves_and_is_told_late(run, world, hub):
    """The Hub says so, and does not say where to."""

    def push(request) -> None:
        if "/paths-info/" in request.path and len(commits(world)) == 2:
            world.push(ID, sha=NEWER)

    hub.on_request = push
    ended = run("wait", deploy(world, head_lag=120), rollback="true")
    not_rolled_back(ended, world, "somebody has pushed meanwhile: the Hub refuses this for acme/site (412)", past=(OLD, NEW, NEWER))


def test_where_the_token_may_not_write(run, world):
    """The message says which right is missing."""
    world.tokens[TOKEN] = Token(name="reader", kind="read", owners=frozenset({"acme"}))
    ended = run("wait", deploy(world), rollback="true")
    not_rolled_back(ended, world, "the token lacks the right to do this to acme/site (403)")


def test_without_a_token_it_is_denied_at_once(run, world, hub):
    """As any step that may have to write."""
    ended = run("wait", deploy(world), rollback="true", token=None)
    assert (ended.status, ended.result, hub.requests) == (3, "denied", [])


def test_where_the_hub_is_to_blame(run, world):
    """Another commit would fare no better."""
    failing = (Phase(0, "RUNNING_BUILDING"), Phase(30, "RUNTIME_ERROR", commit=None, error=NO_MACHINE))
    ended = run("wait", deploy(world, timeline=failing), rollback="true")
    assert ended.outputs["blame"] == "hub"
    not_rolled_back(ended, world, "the Hub is to blame, not the commit")


def test_in_a_dry_run(run, world, hub):
    """It is said what would be put back."""
    ended = run("wait", deploy(world), rollback="true", dry_run="true")
    not_rolled_back(ended, world, "this is a dry run; otherwise 0000000 would be put back")


@pytest.mark.parametrize(("stage", "script"), [("PAUSED", Phase(30, "PAUSED", commit=None)), ("BUILDING", Phase(30, "BUILDING", commit=None))])
def test_where_the_commit_did_not_fail(run, world, stage, script):
    """Somebody has paused the Space, or the build takes longer than the budget."""
    ended = run("wait", deploy(world, timeline=(Phase(0, "RUNNING_BUILDING"), script)), rollback="true", timeout="3m")
    not_rolled_back(ended, world, f"it is {stage}, which does not show that the commit is bad")


def test_where_the_good_commit_itself_fails(run, world):
    """A restart of what was served is not a deployment."""
    ended = run("restart", deploy(world, head=OLD, timeline=(), scripts={"restart": FAILING}), rollback="true")
    not_rolled_back(ended, world, "as far as the Hub says, 0000000 is both the last good commit and the one that failed", past=(OLD,))


def test_where_the_files_are_the_same(run, world):
    """Something else has broken the Space."""
    ended = run("wait", deploy(world, revisions={OLD: GOOD, NEW: GOOD}), rollback="true")
    not_rolled_back(ended, world, "0000000 and 1111111 have the same files")


def test_where_the_repository_does_not_know_the_commit(run, world):
    """A slip, or the commit of another repository."""
    ended = run("wait", deploy(world), rollback="true", rollback_to="abcdef1")
    not_rolled_back(ended, world, "abcdef1 is not one of the newest 1,000 commits of its repository")


def test_where_it_has_come_up_meanwhile(run, world):
    """While another Space of the fleet was waited for: a look of now decides, not the old verdict."""
    deploy(world, timeline=(*FAILING, Phase(40, "BUILDING"), Phase(50, "RUNNING", commit=HEAD)))
    world.add(Space(id="acme/slow", commit=OLD, head=NEW, timeline=(Phase(0, "RUNNING_BUILDING"), Phase(80, "RUNNING", commit=HEAD))))
    ended = run("wait", ID, "acme/slow", rollback="true")
    assert "Not rolled back: it is RUNNING" in ended.spaces[0]["message"]
    assert commits(world) == [OLD, NEW]


# ---- requests ----


def test_requests_are_few(run, world, hub):
    """Small files travel, of large ones the pointers."""
    run("wait", deploy(world), rollback="true")
    assert sent(hub) == ["GET commits", "GET tree", "GET tree", "POST paths-info", "POST paths-info", "POST commit"]
    assert sorted(visit.path.rpartition("/")[2] for visit in hub.visits if "/resolve/" in visit.path) == ["a.py", "app.py", "thing"]


@pytest.mark.parametrize(("count", "changed"), [(30, 20), (300, 20), (3000, 20), (3000, 200)])
def test_requests_grow_with_pages_and_changed_small_files_only(run, world, hub, count, changed):
    """Of 3,000 files a handful of requests, and one for each small file that changed."""
    good = {f"data/{number % 50:02}/{number:04}.txt": f"{number}\n" for number in range(count - 10)}
    good |= {f"weights/{number}.bin": LargeFile(f"weights {number}".encode()) for number in range(10)}
    bad = {path: LargeFile(b"bad " + file.content) if isinstance(file, LargeFile) else file for path, file in good.items()}
    bad |= dict.fromkeys(list(good)[:changed], "bad")
    began = time.monotonic()
    ended = run("wait", deploy(world, revisions={OLD: good, NEW: bad}), rollback="true")
    took = time.monotonic() - began
    assert ended.outputs["rolled-back-to"] == OLD and files(world) == files(world, OLD)
    pages = -(-(count + 52) // 1000)
    downloads = sum("/resolve/" in visit.path for visit in hub.visits)
    print(f"{count} files, {changed} small ones changed: {len(sent(hub))} requests and {downloads} downloads, {took:.1f} s in all")
    assert (len(sent(hub)), downloads) == (1 + 2 * pages + 2 + 1, changed)


# ---- faults ----

QUOTA = {"RateLimit": '"api";r=0;t=20'}
FAULTS = {
    "reset before": Fault(Kind.RESET_BEFORE),
    "reset after": Fault(Kind.RESET_AFTER),
    "stall": Fault(Kind.STALL_HEADERS),
    "stall after the effect": Fault(Kind.STALL_HEADERS, effect=True),
    "stall in the body": Fault(Kind.STALL_BODY),
    "ends before its length": Fault(Kind.TRUNCATED),
    "half of the JSON": Fault(Kind.CUT_SHORT),
    "a list": Fault(Kind.WRONG_TYPE),
    "a list after the effect": Fault(Kind.WRONG_TYPE, effect=True),
    "missing fields": Fault(Kind.MISSING_FIELDS),
    "a page": Fault(Kind.HTML),
    "redirect to another host": Fault(Kind.REDIRECT, location="https://elsewhere.example/"),
    "429 that says how long": Fault(Kind.STATUS, status=429, headers=QUOTA),
    **{str(status): Fault(Kind.STATUS, status=status) for status in (401, 403, 404, 409, 412, 429, 500, 502, 503, 504)},
    **{f"{status} after the effect": Fault(Kind.STATUS, status=status, effect=True) for status in (401, 403, 409, 412, 429, 500, 502, 503, 504)},
}  # fmt: skip
# Each request that a rollback makes: its method, and its path, once the deployment has failed.
REQUESTS = {
    "look": ("GET", f"{ID}/runtime$"),
    "commits": ("GET", f"{ID}/commits/main"),
    "good files": ("GET", f"{ID}/tree/{OLD}"),
    "bad files": ("GET", f"{ID}/tree/{NEW}"),
    "ids of what is there": ("POST", f"{ID}/paths-info/main"),
    "ids of what was there": ("POST", f"{ID}/paths-info/{OLD}"),
    "small file": ("GET", f"{ID}/resolve/{OLD}/app.py"),
    "commit": ("POST", f"{ID}/commit/main"),
}
# For the commit all of it, once and for ever. A question has no effect, and most that goes wrong with it is the same.
LASTING = ("reset before", "stall", "a page", "missing fields", "403", "500")
CELLS = [(request, fault, times) for request, fault, times in product(REQUESTS, FAULTS, (1, None)) if request == "commit" or ("after" not in fault and (times or fault in LASTING))]


def is_whole(world) -> bool:
    """Whether there is one commit more at most, and the head has exactly the files of one of the two."""
    past = commits(world)
    return past[:2] == [OLD, NEW] and len(past) <= 3 and files(world) == files(world, NEW if len(past) == 2 else OLD)




class Armed:
    """Puts a fault in the way of one kind of requests, once the deployment has failed and its log was read."""

    def __init__(self, hub, request: str, fault: Fault, times: int | None = 1) -> None:
        method, path = REQUESTS[request]
        self.hub, self.armed = hub, False
        self.fault = replace(fault, method=method, path=path, times=times)
        hub.on_request = self

    def __call__(self, request) -> None:
        if reads_log(request) and not self.armed:
            self.armed = True
            self.hub.inject(self.fault)


class Signalled(Armed):
    """Sends a signal while such a request is under way: before it has its effect, or after."""

    def __call__(self, request) -> None:
        was_armed = self.armed
        super().__call__(request)
        if was_armed and request.method == self.fault.method and re.search(self.fault.path, request.path):
            signal.pthread_kill(threading.main_thread().ident, signal.SIGUSR1)


@pytest.mark.parametrize(("request_", "fault", "times"), CELLS, ids=["-".join([request, fault, "once" if times else "always"]) for request, fault, times in CELLS])
def test_whatever_goes_wrong_it_is_done_once_and_whole_or_not_at_all(run, world, hub, request_, fault, times):
    """And the step says which, and ends as the deployment did."""
    armed = Armed(hub, request_, FAULTS[fault], times)
    ended = run("wait", deploy(world, **SOON), rollback="true", timeout="10m")
    assert armed.armed
    assert is_whole(world)
    assert (ended.status, ended.result) == (1, "failed")
    message = ended.outputs["message"]
    done = len(commits(world)) == 3
    if "Not rolled back" in message:
        assert not done
    elif "It is not known whether it was rolled back" in message:
        assert not times or done
    else:
        assert done and "Rolled back" in message
        assert (ended.outputs["rolled-back-to"] == OLD) == ("Rolled back: it serves" in message)
    assert "Traceback" not in ended.log and "internal error" not in message
    if times and "40" not in fault and "41" not in fault and "redirect" not in fault:
        assert ended.outputs["rolled-back-to"] == OLD, message  # what passes is looked past


@pytest.mark.parametrize(("request_", "fault"), [("commit", "reset before"), ("commit", "stall after the effect"), ("commit", "429 that says how long"), ("good files", "stall")])
@pytest.mark.parametrize("times", [1, None], ids=["once", "always"])
def test_a_spent_budget_leaves_five_minutes(run, world, hub, request_, fault, times):
    """And no more, where all of it goes wrong: what timed out for its health check has no time left of its own."""
    Armed(hub, request_, FAULTS[fault], times)
    bad = (AppAnswer(commit=NEW, status=500),)
    space = deploy(world, app=bad, timeline=(Phase(0, "RUNNING_BUILDING"), Phase(3, "RUNNING", commit=HEAD)), scripts=SOON["scripts"])
    ended = run("wait", space, rollback="true", health_check="/", timeout="30s")
    assert is_whole(world)
    assert (ended.outputs["rolled-back-to"] == OLD) == (times == 1 or "after" in fault)
    assert (ended.result == "failed") == (len(commits(world)) == 3)
    assert ended.elapsed < 30 + 300 + 60


@pytest.fixture
def interrupted():
    """A signal is what main makes of it: it ends the work, not the report."""

    def cancel(*_) -> None:
        raise Cancelled

    before = signal.signal(signal.SIGUSR1, cancel)
    yield
    signal.signal(signal.SIGUSR1, before)


@pytest.mark.parametrize("fault", [Fault(Kind.STALL_HEADERS), Fault(Kind.UNKNOWN_FIELDS)], ids=["before the effect", "after it"])
@pytest.mark.parametrize("request_", REQUESTS)
def test_a_cancel_in_the_middle_leaves_one_of_the_two(run, world, hub, interrupted, request_, fault):
    """And the step says how far it came."""
    Signalled(hub, request_, fault)
    ended = run("wait", deploy(world), rollback="true")
    assert is_whole(world)
    assert (ended.status, ended.result, ended.outputs["rolled-back-to"]) == (130, "cancelled", "")
    uncertain = request_ in ("commit", "small file") or request_.startswith("ids")
    said = "It is not known whether it was rolled back; its head is 1111111, or one commit more with all the files of 0000000"
    assert (said if uncertain else "Not rolled back: the step ended before") in ended.outputs["message"]
    assert (len(commits(world)) == 3) == (request_ == "commit" and fault.kind is Kind.UNKNOWN_FIELDS)


def test_a_cancel_while_it_is_waited_for_says_so(run, world, hub, interrupted):
    """The commit is there, and nobody has seen it serve."""

    def cancel(request) -> None:
        if len(commits(world)) == 3 and request.path.endswith("/runtime"):
            signal.pthread_kill(threading.main_thread().ident, signal.SIGUSR1)

    hub.on_request = cancel
    ended = run("wait", deploy(world), rollback="true")
    assert (ended.status, ended.outputs["rolled-back-to"]) == (130, "")
    assert "Rolled back to the files of 0000000 as commit" in ended.outputs["message"]
    assert "it is not known whether it serves them" in ended.outputs["message"]


# ---- answers that are none ----

FILE = {"type": "file", "oid": "0" * 40, "size": 1, "path": "app.py"}
ODD = {
    "no file": ("tree", [{"type": "directory", "oid": "0" * 40, "size": 0, "path": "lib"}]),
    "a file twice": ("tree", [FILE, FILE | {"oid": "1" * 40}]),
    "a path that is a number": ("tree", [FILE | {"path": 5}]),
    "a file without an id": ("tree", [FILE | {"oid": None}]),
    "a large file without an id": ("tree", [FILE | {"lfs": {"oid": 5}}]),
    "text": ("tree", ["app.py"]),
    "no commit": ("commits", []),
    "a commit without an id": ("commits", [{"id": None, "title": "x"}]),
    "a commit without a title": ("commits", [{"id": "0" * 40}]),
    "an id that is none": ("commits", [{"id": "../..", "title": "x"}]),
    "the id of the parent": ("commit", {"success": True, "commitOid": NEW, "commitUrl": f"https://huggingface.co/spaces/{ID}/commit/{NEW}"}),
    "no id of a commit": ("commit", {"success": True, "commitOid": "x", "commitUrl": f"https://huggingface.co/spaces/{ID}/commit/x"}),
}  # fmt: skip


@pytest.mark.parametrize("odd", ODD)
def test_an_odd_answer_is_asked_for_again(run, world, hub, odd):
    """Not even half of a tree is believed, and no file is deleted because an answer lacks it."""
    route, body = ODD[odd]
    hub.inject(Fault(Kind.STATUS, path=f"{ID}/{route}/", status=200, body=body))
    ended = run("wait", deploy(world), rollback="true")
    assert (ended.outputs["rolled-back-to"], files(world)) == (OLD, files(world, OLD))


@pytest.mark.parametrize("route", ["tree", "commits"])
def test_a_listing_without_end_is_left(run, world, hub, route):
    """And nothing is put back by half of it."""
    body = [FILE] if route == "tree" else [{"id": NEW, "title": "x"}]
    again = {"Link": f'<{hub.url}/api/spaces/{ID}/{route}/main?cursor=1>; rel="next"'}
    hub.inject(Fault(Kind.STATUS, path=f"{ID}/{route}/", status=200, body=body, headers=again, times=None))
    ended = run("wait", deploy(world), rollback="true")
    assert commits(world) == [OLD, NEW]
    assert "Not rolled back" in ended.outputs["message"]
    assert len([request for request in hub.requests if f"{ID}/{route}/" in request.path]) <= 100


def test_a_space_that_is_gone_is_not_rolled_back(run, world, hub):
    """The look before says so."""

    def delete(request) -> None:
        if reads_log(request) and world.life(ID).known(world.now()):
            world.delete(ID)

    hub.on_request = delete
    ended = run("wait", deploy(world), rollback="true")
    assert "Not rolled back: there is no Space acme/site" in ended.outputs["message"]


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault(Kind.RESET_BEFORE), "It is not known whether it was rolled back; its head is 1111111, or one commit more"),
        (Fault(Kind.STATUS, status=403), "Not rolled back: the token lacks the right"),
    ],
    ids=["lost", "refused"],
)
def test_a_head_that_cannot_be_read_leaves_what_is_known(run, world, hub, fault, said):
    """A commit without an answer may be there; one that was refused is not."""
    hub.inject(Fault(Kind.STATUS, path=f"{ID}/commits/", status=500, skip=1, times=None))
    hub.inject(replace(fault, method="POST", path="/commit/main$", times=None))
    ended = run("wait", deploy(world), rollback="true")
    assert commits(world) == [OLD, NEW]
    assert said in ended.outputs["message"]
