"""The files of a Space and its commits: huggingface_hub's own functions against them, and a rollback by their means."""

import io
import json
from hashlib import sha256

import httpx2
import pytest
from huggingface_hub import CommitOperationAdd, CommitOperationCopy, CommitOperationDelete, HfApi
from huggingface_hub.errors import (
    BadRequestError,
    HfHubHTTPError,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.hf_api import RepoFile, RepoFolder
from huggingface_hub.utils.sha import git_hash

from simhub.access import Token
from simhub.faults import Fault, Kind
from simhub.files import LargeFile, blob
from simhub.scenarios import NEW, NEWER, OLD
from simhub.server import serve
from simhub.world import Phase, Space, World

ID = "demo/one"
GOOD = {
    ".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n",
    "README.md": "---\nsdk: gradio\n---\n",
    "app.py": "print('good')\n",
    "lib/a.py": "a = 1\n",
    "lib/deep/b.py": "b = 1\n",
    "model.bin": LargeFile(b"weights of the good one"),
    "old.bin": LargeFile(b"an older kind", xet=False),
}
BAD = {path: file for path, file in GOOD.items() if path != "lib/a.py"} | {
    "app.py": "print('bad'\n",
    "new/c.py": "c = 1\n",
    "model.bin": LargeFile(b"weights of the bad one"),
}


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))


@pytest.fixture
def api(hub):
    """One who may write, to a Space whose served commit is good and whose head is not."""
    hub.world.add(Space(id=ID, commit=OLD, head=NEW, revisions={OLD: GOOD, NEW: BAD}))
    return HfApi(endpoint=hub.url, token="hf_simulatedwrite")


def files(api, revision="main", **options):
    tree = api.list_repo_tree(ID, repo_type="space", revision=revision, recursive=True, **options)
    return {file.path: file for file in tree if isinstance(file, RepoFile)}


def commit(api, *operations, **options):
    return api.create_commit(ID, operations, repo_type="space", commit_message="Roll back", **options)


def rollback_of(api, good, bad):
    """Return the operations that make of `bad` what `good` was."""
    wanted, there = files(api, good), files(api, bad)
    changed = [path for path, file in wanted.items() if path not in there or there[path].blob_id != file.blob_id]
    return [
        *(CommitOperationCopy(src_path_in_repo=path, path_in_repo=path, src_revision=good) for path in changed),
        *(CommitOperationDelete(path_in_repo=path) for path in there if path not in wanted),
    ]


# Looking


def test_a_tree_lists_files_and_folders_of_a_revision(api):
    tree = list(api.list_repo_tree(ID, repo_type="space", revision=OLD))
    assert [entry.path for entry in tree] == [".gitattributes", "README.md", "app.py", "lib", "model.bin", "old.bin"]
    assert [entry.path for entry in tree if isinstance(entry, RepoFolder)] == ["lib"]
    assert [entry.path for entry in api.list_repo_tree(ID, "lib", repo_type="space", revision=OLD)] == ["lib/a.py", "lib/deep"]
    assert files(api, OLD).keys() == GOOD.keys()
    assert files(api).keys() == files(api, NEW).keys() == BAD.keys()
    assert set(api.list_repo_files(ID, repo_type="space")) == BAD.keys()
    assert {sibling.rfilename for sibling in api.space_info(ID).siblings} == BAD.keys()


def test_ids_of_files_are_those_of_git_and_git_lfs(api):
    """So that a client which computes them finds the same."""
    found = files(api, OLD)
    assert found["app.py"].blob_id == git_hash(b"print('good')\n")
    large = found["model.bin"]
    assert (large.lfs.sha256, large.lfs.size, large.size) == (sha256(b"weights of the good one").hexdigest(), 23, 23)
    assert (large.xet_hash is not None, found["old.bin"].xet_hash) == (True, None)


def test_a_tree_can_tell_the_last_commit_of_each_file(api):
    found = files(api, expand=True)
    assert (found["app.py"].last_commit.oid, found["old.bin"].last_commit.oid) == (NEW, OLD)
    assert found["app.py"].security.safe
    (folder,) = (entry for entry in api.list_repo_tree(ID, repo_type="space", expand=True) if entry.path == "lib")
    assert folder.last_commit.oid == NEW


def test_paths_tell_of_what_is_there(api):
    found = api.get_paths_info(ID, ["app.py", "lib", "nothing.py"], repo_type="space", revision=OLD, expand=True)
    assert [(type(entry), entry.path) for entry in found] == [(RepoFile, "app.py"), (RepoFolder, "lib")]
    assert found[0].last_commit.oid == OLD
    body = {"paths": ["app.py"], "expand": True}
    (entry,) = httpx2.post(f"{api.endpoint}/api/spaces/{ID}/paths-info/main", json=body).json()
    assert entry["lastCommit"]["id"] == NEW
    for odd in (b"[]", b"{", b"null"):
        answer = httpx2.post(f"{api.endpoint}/api/spaces/{ID}/paths-info/main", content=odd, headers={"Content-Type": "application/json"})
        assert answer.status_code == 400
    with pytest.raises(HfHubHTTPError, match="413"):
        api.get_paths_info(ID, [f"{number}.py" for number in range(1001)], repo_type="space")


def test_commits_are_told_from_the_newest_on(api, hub, clock):
    clock.sleep(60)
    hub.world.push(ID, sha=NEWER)
    found = api.list_repo_commits(ID, repo_type="space")
    assert [one.commit_id for one in found] == [NEWER, NEW, OLD]
    assert found[0].created_at.isoformat() == "2026-08-01T12:01:00+00:00"
    assert [one.commit_id for one in api.list_repo_commits(ID, repo_type="space", revision=NEW)] == [NEW, OLD]


def test_many_commits_come_in_pages(world):
    past = tuple(f"{number:040x}" for number in range(120))
    world.add(Space(id=ID, past=past))
    with serve(world) as hub:
        found = HfApi(endpoint=hub.url, token=False).list_repo_commits(ID, repo_type="space")
        assert [one.commit_id for one in found] == [NEW, *reversed(past)]
        assert len(hub.requests) == 3


def test_a_revision_tells_the_space_as_of_a_commit(api):
    info = api.space_info(ID, revision=OLD)
    assert (info.sha, {sibling.rfilename for sibling in info.siblings}) == (OLD, GOOD.keys())
    assert api.space_info(ID, revision="main").sha == NEW
    assert api.space_info(ID, revision=OLD, expand=["sha"]).sha == OLD


def test_files_can_be_downloaded(api, tmp_path):
    for path in ("app.py", "lib/deep/b.py", "model.bin", "old.bin"):
        where = api.hf_hub_download(ID, path, repo_type="space", revision=OLD, cache_dir=tmp_path)
        with open(where, "rb") as file:  # noqa: PTH123 - a name, as the client gives it
            content = GOOD[path].content if isinstance(GOOD[path], LargeFile) else GOOD[path].encode()
            assert file.read() == content
    with pytest.raises(RemoteEntryNotFoundError):
        api.hf_hub_download(ID, "nothing.py", repo_type="space", cache_dir=tmp_path)
    with pytest.raises(RevisionNotFoundError):
        api.hf_hub_download(ID, "app.py", repo_type="space", revision=NEWER, cache_dir=tmp_path)
    assert api.file_exists(ID, "app.py", repo_type="space")
    assert not api.file_exists(ID, "nothing.py", repo_type="space")


def test_what_is_not_there_is_refused_in_the_hubs_words(api):
    for ask in (
        lambda: list(api.list_repo_tree(ID, repo_type="space", revision=NEWER)),
        lambda: api.list_repo_commits(ID, repo_type="space", revision=NEWER),
        lambda: api.get_paths_info(ID, ["app.py"], repo_type="space", revision=NEWER),
        lambda: api.space_info(ID, revision=NEWER),
    ):
        with pytest.raises(RevisionNotFoundError, match="Invalid rev id"):
            ask()
    with pytest.raises(RemoteEntryNotFoundError):
        list(api.list_repo_tree(ID, "nothing", repo_type="space"))
    with pytest.raises(RepositoryNotFoundError):
        list(api.list_repo_tree("demo/none", repo_type="space"))


def test_who_may_look_and_commit(api, hub):
    hub.world.add(Space(id="demo/closed", private=True))
    for path in ("api/spaces/demo/closed/tree/main", "spaces/demo/closed/resolve/main/app.py"):
        assert httpx2.get(f"{hub.url}/{path}").status_code == 401
    anonymous, reader = (HfApi(endpoint=hub.url, token=token) for token in (False, "hf_simulatedread"))
    assert files(anonymous).keys() == BAD.keys()
    for nobody, status in ((anonymous, 401), (reader, 403)):
        for operation in (CommitOperationAdd("x.py", b"x"), CommitOperationDelete("app.py")):
            with pytest.raises(HfHubHTTPError) as refused:
                commit(nobody, operation)
            assert refused.value.response.status_code == status


def test_downloads_spend_a_quota_of_their_own(api, hub):
    """As they are not requests of the API."""
    answer = httpx2.get(f"{hub.url}/spaces/{ID}/resolve/main/app.py")
    assert answer.headers["RateLimit-Policy"] == '"fixed window";"resolvers";q=3000;w=300'
    assert httpx2.get(f"{hub.url}/api/spaces").headers["RateLimit"].startswith('"api";r=499')


# Committing


def test_a_commit_is_a_push(api, hub, clock):
    """With what it adds and deletes, and nothing else changed."""
    made = commit(
        api,
        CommitOperationAdd("app.py", b"print('better')\n"),
        CommitOperationAdd("extra/d.py", b"d = 1\n"),
        CommitOperationDelete("new/"),
        CommitOperationDelete("old.bin"),
        commit_description="as told",
        parent_commit=NEW,
    )
    assert api.space_info(ID).sha == made.oid
    assert files(api).keys() == BAD.keys() - {"new/c.py", "old.bin"} | {"extra/d.py"}
    assert files(api, NEW).keys() == BAD.keys()
    newest = api.list_repo_commits(ID, repo_type="space")[0]
    assert (newest.commit_id, newest.title, newest.message, newest.authors) == (made.oid, "Roll back", "as told", ["demo"])
    clock.sleep(1)
    assert api.get_space_runtime(ID).stage == "RUNNING_BUILDING"
    clock.sleep(30)
    assert api.get_space_runtime(ID).raw["sha"] == made.oid


def test_a_rollback_restores_the_files_and_only_small_ones_travel(api, hub):
    operations = rollback_of(api, good=OLD, bad=NEW)
    assert [operation.path_in_repo for operation in operations] == ["app.py", "lib/a.py", "model.bin", "new/c.py"]
    before = len(hub.visits)
    made = commit(api, *operations, parent_commit=NEW)
    assert {path: file.blob_id for path, file in files(api).items()} == {path: file.blob_id for path, file in files(api, OLD).items()}
    assert [visit.path.rpartition("/")[2] for visit in hub.visits[before:]] == ["app.py", "a.py"]
    assert [one.commit_id for one in api.list_repo_commits(ID, repo_type="space")] == [made.oid, NEW, OLD]


def test_a_commit_whose_parent_is_not_the_head_is_refused(api, hub):
    """And has no effect."""
    hub.world.push(ID, sha=NEWER)
    with pytest.raises(HfHubHTTPError, match="A commit has happened since") as refused:
        commit(api, CommitOperationDelete("app.py"), parent_commit=NEW)
    assert refused.value.response.status_code == 412
    assert api.space_info(ID).sha == NEWER


def test_a_head_that_is_told_late_is_no_parent(hub, clock):
    """A reader sees the old one, a commit on it is refused."""
    hub.world.add(Space(id=ID, head=OLD, head_lag=30))
    api = HfApi(endpoint=hub.url, token="hf_simulatedwrite")
    hub.world.push(ID, sha=NEW)
    assert api.list_repo_commits(ID, repo_type="space")[0].commit_id == OLD
    with pytest.raises(RevisionNotFoundError):
        files(api, NEW)
    with pytest.raises(HfHubHTTPError, match="412"):
        commit(api, CommitOperationDelete("app.py"), parent_commit=OLD)
    clock.sleep(30)
    assert api.list_repo_commits(ID, repo_type="space")[0].commit_id == NEW


@pytest.mark.parametrize("xet", [True, False])
def test_a_large_file_that_the_hub_has_is_committed_by_its_pointer(hub, xet):
    weights = LargeFile(b"weights", xet=xet, size=5_000_000_000)
    hub.world.add(Space(id=ID, commit=OLD, head=NEW, revisions={OLD: {"a.bin": weights}, NEW: {"app.py": ""}}))
    api = HfApi(endpoint=hub.url, token="hf_simulatedwrite")
    before = len(hub.visits)
    commit(api, CommitOperationCopy("a.bin", "a.bin", src_revision=OLD))
    assert len(hub.visits) == before
    assert files(api)["a.bin"].blob_id == files(api, OLD)["a.bin"].blob_id
    assert (files(api)["a.bin"].size, files(api)["a.bin"].xet_hash is not None) == (5_000_000_000, xet)


@pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")  # the client's own
def test_a_large_file_can_be_uploaded(api, hub):
    """The way of Git LFS, as there is no Xet storage here; a second time there is nothing to send."""
    for content in (b"first", b"second", b"first"):
        commit(api, CommitOperationAdd("model.bin", io.BytesIO(content)))
        assert files(api)["model.bin"].lfs.sha256 == sha256(content).hexdigest()
        where = files(api)["model.bin"]
        assert httpx2.get(f"{hub.url}/spaces/{ID}/resolve/main/{where.path}", follow_redirects=True).content == content
    assert [visit.method for visit in hub.visits].count("PUT") == 2


def test_a_pointer_to_nothing_is_refused(api, hub):
    lines = [
        {"key": "header", "value": {"summary": "x"}},
        {"key": "lfsFile", "value": {"path": "x.bin", "algo": "sha256", "oid": "0" * 64}},
    ]
    answer = post_commit(hub, "\n".join(map(json.dumps, lines)))
    assert (answer.status_code, "LFS pointer pointed to a file that does not exist" in answer.text) == (400, True)


def test_what_is_not_there_cannot_be_deleted(api):
    for path in ("nothing.py", "nothing/"):
        with pytest.raises(RemoteEntryNotFoundError, match="doesn't exist"):
            commit(api, CommitOperationDelete(path))


def test_a_commit_that_changes_nothing_is_none(api, hub):
    """The client finds out by the ids."""
    head = api.space_info(ID).sha
    commit(api, CommitOperationAdd("app.py", b"print('bad'\n"), CommitOperationCopy("old.bin", "old.bin", src_revision=OLD))
    assert api.space_info(ID).sha == head
    assert not [request for request in hub.requests if "/commit/" in request.path]


def post_commit(hub, body, revision="main"):
    headers = {"Authorization": "Bearer hf_simulatedwrite", "Content-Type": "application/x-ndjson"}
    return httpx2.post(f"{hub.url}/api/spaces/{ID}/commit/{revision}", headers=headers, content=body)


HEADER = '{"key": "header", "value": {"summary": "x"}}\n'


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "[]",
        '{"key": "file", "value": {"path": "x", "content": ""}}',
        '{"key": "header", "value": {}}',
        HEADER + "null",
        HEADER + '{"key": "file", "value": {}}',
        HEADER + '{"key": "file", "value": {"path": "x", "content": "%", "encoding": "base64"}}',
        HEADER + '{"key": "lfsFile", "value": {"path": "x", "oid": []}}',
        HEADER + '{"key": "explode", "value": {"path": "x"}}',
        "[" * 100_000,
    ],
    ids=lambda body: repr(body[-40:]),
)
def test_odd_commits_are_refused_and_have_no_effect(api, hub, body):
    answer = post_commit(hub, body)
    assert (answer.status_code, list(answer.json())) == (400, ["error"])
    assert api.space_info(ID).sha == NEW


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'{"files": [{}]}', b'{"files": 3}'])
@pytest.mark.parametrize("path", ["api/spaces/demo/one/preupload/main", "spaces/demo/one.git/info/lfs/objects/batch"])
def test_odd_bodies_are_refused(api, hub, path, body):
    answer = httpx2.post(f"{hub.url}/{path}", headers={"Authorization": "Bearer hf_simulatedwrite"}, content=body)
    assert (answer.status_code, list(answer.json())) == (400, ["error"])


def test_only_main_can_be_committed_to(api, hub):
    """Neither a revision nor a pull request."""
    with pytest.raises(RevisionNotFoundError):
        commit(api, CommitOperationDelete("app.py"), revision=OLD)
    with pytest.raises(BadRequestError):
        commit(api, CommitOperationDelete("app.py"), create_pr=True)


def test_a_hot_reload_commits_without_a_restart(api, clock):
    made = commit(api, CommitOperationAdd("app.py", b"print('hot')\n"), _hot_reload=True)
    runtime = api.get_space_runtime(ID)
    assert (runtime.stage, runtime.raw["sha"], runtime.hot_reloading.status) == ("RUNNING", made.oid, "created")
    clock.sleep(30)
    assert api.get_space_runtime(ID).stage == "RUNNING"


@pytest.mark.parametrize("status", [401, 403, 409, 429, 500, 502, 503])
def test_a_commit_may_fail_before_or_after_its_effect(api, hub, status):
    hub.inject(Fault(Kind.STATUS, method="POST", path="/commit/main$", status=status))
    with pytest.raises(HfHubHTTPError) as failed:
        commit(api, CommitOperationDelete("app.py"), parent_commit=NEW)
    assert (failed.value.response.status_code, api.space_info(ID).sha) == (status, NEW)
    hub.inject(Fault(Kind.STATUS, method="POST", path="/commit/main$", status=status, effect=True))
    with pytest.raises(HfHubHTTPError):
        commit(api, CommitOperationDelete("app.py"), parent_commit=NEW)
    assert api.list_repo_commits(ID, repo_type="space")[1].commit_id == NEW


@pytest.mark.parametrize(("kind", "effect"), [(Kind.RESET_BEFORE, False), (Kind.RESET_AFTER, True)])
def test_the_answer_to_a_commit_may_be_lost(api, hub, kind, effect):
    hub.inject(Fault(kind, method="POST", path="/commit/main$"))
    with pytest.raises(httpx2.TransportError):
        commit(api, CommitOperationDelete("app.py"), parent_commit=NEW)
    assert (api.space_info(ID).sha != NEW) == effect


# Made up, and large


def test_every_head_is_a_commit_with_an_app_of_its_own(hub, clock):
    """Also one that a script brought, so that there is always something to roll back to."""
    hub.world.add(Space(id=ID, commit=OLD, head=NEW, timeline=(Phase(5, "RUNNING_BUILDING", head=NEWER),)))
    api = HfApi(endpoint=hub.url, token=False)
    assert [one.commit_id for one in api.list_repo_commits(ID, repo_type="space")] == [NEW, OLD]
    clock.sleep(5)
    assert [one.commit_id for one in api.list_repo_commits(ID, repo_type="space")] == [NEWER, NEW, OLD]
    assert len({files(api, sha)["app.py"].blob_id for sha in (OLD, NEW, NEWER)}) == 3
    assert {tuple(files(api, sha)) for sha in (OLD, NEW, NEWER)} == {(".gitattributes", "README.md", "app.py")}


def test_a_head_of_before_takes_back_what_came_after(hub, api):
    """As a push by force does."""
    hub.world.push(ID, sha=NEWER)
    hub.world.push(ID, sha=OLD)
    assert [one.commit_id for one in api.list_repo_commits(ID, repo_type="space")] == [OLD]


def test_a_renamed_repository_is_found_under_its_old_name(hub, api, tmp_path):
    hub.world.rename(ID, "demo/two")
    assert files(api).keys() == BAD.keys()
    assert api.hf_hub_download(ID, "app.py", repo_type="space", cache_dir=tmp_path)


def test_three_thousand_files_are_rolled_back_in_no_time(clock):
    """With as many requests as there are pages, small files to copy, and one commit."""
    good = {f"data/{number % 50:02}/{number:04}.txt": f"{number}\n" for number in range(2900)}
    good |= {f"weights/{number:04}.bin": LargeFile(f"weights {number}".encode()) for number in range(100)}
    bad = {path: LargeFile(b"bad " + file.content) if isinstance(file, LargeFile) else file for path, file in good.items()}
    bad |= {f"data/00/{number:04}.txt": "bad" for number in range(0, 1000, 50)}
    token = Token(name="demo", owners=frozenset({"demo"}), writes=frozenset({"demo"}))
    world = World(now=clock.now, tokens={"hf_simulatedwrite": token})
    world.add(Space(id=ID, commit=OLD, head=NEW, revisions={OLD: good, NEW: bad}))
    with serve(world) as hub:
        api = HfApi(endpoint=hub.url, token="hf_simulatedwrite")
        operations = rollback_of(api, good=OLD, bad=NEW)
        listed = len(hub.requests)
        commit(api, *operations, parent_commit=NEW)
        assert (len(operations), listed, len(hub.visits)) == (120, 8, 20)
        assert len(hub.requests) - listed == 3
        wanted, there = files(api, OLD), files(api)
        assert {path: file.blob_id for path, file in wanted.items()} == {path: file.blob_id for path, file in there.items()}
        everything = [CommitOperationCopy(path, f"copy/{path}", src_revision=OLD) for path, file in wanted.items() if file.lfs]
        everything += [CommitOperationDelete(path) for path in there]
        commit(api, *everything)
        assert len(files(api)) == 100
        assert len(list(api.list_repo_tree(ID, repo_type="space", expand=True, recursive=True, revision=OLD))) == 3052


def test_the_ids_of_the_client_are_the_same():
    """For small files git's, for large ones the sha256."""
    operation = CommitOperationAdd("x", b"print('good')\n")
    operation._upload_mode = "regular"
    assert blob("print('good')\n").oid == operation._local_oid
    operation._upload_mode = "lfs"
    assert blob(LargeFile(b"print('good')\n")).sha256 == operation._local_oid
