"""Rollbacks in situations that are not the usual ones: odd inputs, odd moments, and repositories with odd files in them."""

import pytest

from hf_action.hub.client import Hub
from simhub.app import AppAnswer
from simhub.faults import Fault, Kind
from simhub.files import LargeFile
from simhub.world import HEAD, Phase, Space
from tests.conftest import NEW, OLD
from tests.operations.test_rollback import BAD, BROKEN, FAILING, GOOD, ID, commits, deploy, files

SERVED = "Rolled back: it serves the files of 0000000 again"


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Requests that stall cost a few seconds at most."""
    monkeypatch.setitem(Hub.__init__.__kwdefaults__, "request_timeout", 3.0)


def left_alone(ended, world, because: str) -> None:
    """Check that nothing was put back, and that log, message and summary say why."""
    assert (ended.outputs["rolled-back-to"], commits(world)[:2], len(commits(world))) == ("", [OLD, NEW], 2)
    for text in (ended.log, ended.outputs["message"], ended.summary):
        assert f"Not rolled back: {because}" in text.replace("&#58;", ":"), text


# ---- how it ended ----


def test_an_app_that_came_up_as_the_budget_ended_is_left_alone(run, world):
    """It was still building; that its app does not answer in its first second shows nothing."""
    app = (AppAnswer(commit=NEW, status=503, until=60),)
    script = (Phase(0, "RUNNING_BUILDING"), Phase(119.5, "RUNNING", commit=HEAD))
    ended = run("wait", deploy(world, app=app, timeline=script), rollback="true", health_check="/", timeout="2m")
    left_alone(ended, world, "the budget ended before it was certain that the commit is bad; give more timeout")
    assert (ended.status, ended.result) == (4, "timed-out")


def test_a_deployment_that_ends_well_is_left_alone(run, world, hub):
    """Nothing of its repository is asked, beyond the head."""
    world.add(Space(id="acme/well", commit=OLD, head=NEW, timeline=(Phase(0, "RUNNING_BUILDING"), Phase(9, "RUNNING", commit=HEAD))))
    ended = run("wait", "acme/well", rollback="true")
    assert (ended.result, ended.outputs["rolled-back-to"]) == ("ok", "")
    assert not any("/tree/" in one.path or one.method == "POST" for one in hub.requests)


@pytest.mark.parametrize(
    "about",
    [
        {"stage": "BUILD_ERROR", "commit": None, "past": (OLD,), "timeline": ()},  # of the build before, as far as anybody knows
        {"timeline": (Phase(0, "RUNNING_BUILDING"), Phase(25, "BUILD_ERROR", commit=None))},  # it may be a moment's
    ],
)
def test_a_broken_stage_that_is_not_believed_yet_is_left_alone(run, world, about):
    """The budget ended first: the result is a timeout, and only a failure is rolled back."""
    ended = run("wait", deploy(world, **about), rollback="true", rollback_to=OLD, timeout="30s")
    left_alone(ended, world, "the budget ended before it was certain that the commit is bad")
    assert (ended.status, ended.result) == (4, "timed-out")


def test_a_commit_of_another_repository_is_told_from_a_push(run, world):
    """Nobody has pushed: the commit that was waited for never came."""
    ended = run("wait", deploy(world), rollback="true", commit="abcdef1")
    left_alone(ended, world, "its repository does not know the commit abcdef1, which was waited for")


# ---- inputs beside it ----


def test_spaces_that_are_selected_are_looked_at_first(run, world):
    """A listing does not say which commit is served."""
    names = [deploy(world), deploy(world, id="acme/site2")]
    ended = run("wait", "acme/site*", rollback="true")
    assert all(SERVED in row["message"] for row in ended.spaces)
    assert [len(commits(world, name)) for name in names] == [3, 3]
    assert ended.outputs["rolled-back-to"] == OLD  # all have the same


@pytest.mark.parametrize("stages", ["PAUSED", "RUNNING_APP_STARTING,APP_STARTING", "RUNNING,SLEEPING"])
def test_whatever_was_waited_for_a_rollback_is_waited_for_until_it_serves(run, world, stages):
    """It is the good commit that has to serve again."""
    ended = run("wait", deploy(world), rollback="true", wait_for_stage=stages)
    assert (ended.outputs["stage"], ended.outputs["rolled-back-to"]) == ("RUNNING", OLD)
    assert SERVED in ended.outputs["message"] and ended.elapsed < 120


@pytest.mark.parametrize("operation", ["restart", "wait"])
def test_a_rollback_needs_something_to_wait_for(run, world, hub, operation):
    """Or nobody would see that the deployment fails, although somebody relies on it."""
    ended = run(operation, deploy(world), rollback="true", wait_for_stage="none")
    assert (ended.status, hub.requests) == (2, [])
    assert ("rollback: needs a stage to wait for" if operation == "restart" else "nothing to wait for") in ended.outputs["message"]


def test_a_rollback_that_serves_for_less_than_stable_for_says_so(run, world):
    """There are five minutes for it; what it serves is known all the same."""
    script = (Phase(0, "RUNNING_BUILDING"), Phase(30, "RUNNING", commit=HEAD))
    space = deploy(world, app=(AppAnswer(commit=NEW, status=500),), timeline=script)
    ended = run("wait", space, rollback="true", health_check="/", timeout="390s", stable_for="6m")
    assert (ended.status, ended.outputs["rolled-back-to"]) == (1, OLD)
    assert f"{SERVED}, as commit {commits(world)[-1][:7]}, but not yet for 360 s" in ended.outputs["message"]


def test_a_dry_run_says_it_of_selected_spaces_too(run, world):
    """What would be put back depends on what is served now."""
    deploy(world)
    ended = run("wait", "acme/sit*", rollback="true", dry_run="true")
    left_alone(ended, world, "this is a dry run; otherwise 0000000 would be put back")


# ---- repositories ----


def test_a_path_that_huggingface_hub_does_not_take_is_told(run, world):
    """It changes nothing below .cache; git does."""
    ended = run("wait", deploy(world, revisions={OLD: GOOD | {".cache/a": "x"}, NEW: BAD}), rollback="true")
    left_alone(ended, world, "huggingface_hub refuses one of its paths: ")
    assert "'.cache/a'" in ended.outputs["message"]


@pytest.mark.parametrize("commit", [OLD, NEW])
def test_what_is_not_a_file_is_not_put_back(run, world, hub, commit):
    """A submodule can neither be copied nor deleted as a file; one that both commits have is no matter."""
    trees = {OLD: [entry("app.py", GOOD_APP)], NEW: [entry("app.py", BAD_APP)]}
    trees[commit].append(entry("vendor/lib", "f" * 40, kind="unknown"))
    for sha, tree in trees.items():
        hub.inject(Fault(Kind.STATUS, path=f"{ID}/tree/{sha}", status=200, body=tree, times=None))
    ended = run("wait", deploy(world, revisions={OLD: {"app.py": "good"}, NEW: {"app.py": "bad"}}), rollback="true")
    left_alone(ended, world, "vendor/lib is not a file in 0000000 or 1111111; put it back by hand")


def test_what_is_not_a_file_in_both_is_left_as_it_is(run, world, hub):
    """The commit says nothing of it."""
    for sha, content in ((OLD, GOOD_APP), (NEW, BAD_APP)):
        tree = [entry("app.py", content), entry("vendor/lib", "f" * 40, kind="unknown")]
        hub.inject(Fault(Kind.STATUS, path=f"{ID}/tree/{sha}", status=200, body=tree, times=None))
    ended = run("wait", deploy(world, revisions={OLD: {"app.py": "good"}, NEW: {"app.py": "bad"}}), rollback="true")
    assert ended.outputs["rolled-back-to"] == OLD
    assert "rolling back to 0000000: 1 file to restore, 0 to delete" in ended.log


# git's ids of "good" and "bad".
GOOD_APP, BAD_APP = "476e93d5714117cb50143dbe653f4b2b5a1d4b18", "44d6628cdc698707a875a1059f701f7c639845ad"


def entry(path: str, oid: str, kind: str = "file") -> dict:
    return {"type": kind, "oid": oid, "size": 4, "path": path}


def test_all_files_deleted_come_back(run, world, hub):
    """A commit may leave none."""
    hub.inject(Fault(Kind.STATUS, path=f"{ID}/tree/{NEW}", status=200, body=[], times=None))
    ended = run("wait", deploy(world, revisions={OLD: GOOD, NEW: {"README.md": GOOD["README.md"]}}), rollback="true")
    assert (ended.outputs["rolled-back-to"], files(world)) == (OLD, files(world, OLD))


def test_a_good_commit_without_files_is_not_put_back(run, world, hub):
    """All that there is would be deleted."""
    hub.inject(Fault(Kind.STATUS, path=f"{ID}/tree/{OLD}", status=200, body=[], times=None))
    left_alone(run("wait", deploy(world), rollback="true"), world, "0000000 has no files")


def test_a_small_file_of_ten_mebibytes_comes_back(run, world, monkeypatch):
    """The Hub takes larger ones as large files only, and those do not travel."""
    monkeypatch.setitem(Hub.__init__.__kwdefaults__, "request_timeout", 10.0)
    ended = run("wait", deploy(world, revisions={OLD: GOOD | {"words.txt": "x" * (10 << 20)}, NEW: BAD}), rollback="true")
    assert (ended.outputs["rolled-back-to"], files(world)) == (OLD, files(world, OLD))


ODD_PATHS = ("a b", "a#b?", "per%41cent", "ünï/çödé", "new\nline", "back\\slash", "x;y=z", "~t", "'q\"", "App.py", f"{'a' * 250}/{'b' * 250}", "..x/.y", "trail ", "e\u0301", "\u00e9", "\x7f", "-dash")  # fmt: skip


def test_paths_may_be_odd(run, world):
    """Those of both commits, those to restore and those to delete."""
    good = GOOD | dict.fromkeys(ODD_PATHS[::2], "x") | {"both %2F ?": "1"}
    bad = BAD | dict.fromkeys(ODD_PATHS[1::2], "x") | {"both %2F ?": "2"}
    ended = run("wait", deploy(world, revisions={OLD: good, NEW: bad}), rollback="true")
    assert (ended.outputs["rolled-back-to"], files(world)) == (OLD, files(world, OLD))


def test_a_file_may_have_become_a_large_one_and_the_other_way_round(run, world):
    """Also with the same content, and where .gitattributes says something else."""
    good = GOOD | {"x.bin": LargeFile(b"same"), "y.bin": "same", "z": LargeFile(b"1"), "w": "1"}
    bad = BAD | {"x.bin": "same", "y.bin": LargeFile(b"same"), "z": "2", "w": LargeFile(b"2"), ".gitattributes": ""}
    ended = run("wait", deploy(world, revisions={OLD: good, NEW: bad}), rollback="true")
    assert (ended.outputs["rolled-back-to"], files(world)) == (OLD, files(world, OLD))


def test_a_commit_long_ago_is_not_looked_for_without_an_end(run, world, hub, monkeypatch):
    """A thousand commits are twenty requests."""
    monkeypatch.setitem(Hub.__init__.__kwdefaults__, "request_timeout", 10.0)
    past = tuple(f"{number:040x}" for number in range(0xA000000000000000000000000000000000000000, 0xA000000000000000000000000000000000000000 + 1_100))
    ended = run("wait", deploy(world, past=(*past, OLD)), rollback="true", rollback_to=past[0])
    assert ended.outputs["rolled-back-to"] == ""
    assert f"Not rolled back: {past[0][:7]} is not one of the newest 1,000 commits of its repository" in ended.outputs["message"]
    assert sum(f"/{ID}/commits/" in request.path for request in hub.requests) <= 21


def test_what_goes_wrong_before_the_commit_is_told_as_such(run, world, hub):
    """A file that is not the one of the listing goes into no commit, so it is known that nothing was changed."""
    wrong = Fault(Kind.STATUS, path=f"{ID}/resolve/{OLD}/app.py", status=200, body="not the file", times=None)
    hub.inject(wrong)
    left_alone(run("wait", deploy(world), rollback="true"), world, "the answer made no sense: it is not the file app.py of 0000000")


def test_the_words_end_once(run, world, hub):
    """A reason that ends with a full stop gets no second one."""
    hub.inject(Fault(Kind.STATUS, method="POST", path="/commit/main$", status=403, times=None))
    ended = run("wait", deploy(world), rollback="true")
    assert "Not rolled back: the token lacks the right" in ended.outputs["message"] and ".." not in ended.outputs["message"]


# ---- with a restart ----


def test_after_a_retry_it_is_the_last_failure_that_counts(run, world):
    """The Hub was to blame first, and then the app."""
    lives = [(Phase(1, "BUILDING"), Phase(5, "RUNTIME_ERROR", commit=None, error="Scheduling failure: unable to schedule")), FAILING]

    class Lives(dict):
        def __getitem__(self, event):
            return lives.pop(0) if len(lives) > 1 else lives[0]

    ended = run("restart", deploy(world, timeline=(), scripts=Lives(restart=())), rollback="true")
    assert (ended.result, ended.outputs["rolled-back-to"], ended.outputs["blame"]) == ("failed", OLD, "app")
    assert "after 1 more try" in ended.outputs["message"] and SERVED in ended.outputs["message"]


def test_a_space_may_want_it_and_another_not(run, world, tmp_path):
    """Each entry of a fleet file says it for itself."""
    deploy(world)
    deploy(world, id="acme/other")
    (tmp_path / "fleet.yml").write_text(f"spaces:\n  - id: {ID}\n    rollback: true\n  - acme/other\n")
    ended = run("wait", fleet_file="fleet.yml", env={"GITHUB_WORKSPACE": str(tmp_path)})
    assert [SERVED in row["message"] for row in ended.spaces] == [True, False] and ended.outputs["rolled-back-to"] == ""
    assert (len(commits(world)), len(commits(world, "acme/other"))) == (3, 2)


def test_one_that_was_renamed_meanwhile_is_rolled_back_by_its_new_name(run, world, hub):
    """Between its failure and the rollback."""

    def rename(request) -> None:
        if "/logs/" in request.path and world.renamed(ID) is None:
            world.rename(ID, "acme/moved")

    hub.on_request = rename
    ended = run("wait", deploy(world, timeline=(*FAILING, Phase(6, "BUILD_ERROR", error=BROKEN))), rollback="true")
    assert (ended.outputs["space-id"], ended.outputs["rolled-back-to"]) == ("acme/moved", OLD)
