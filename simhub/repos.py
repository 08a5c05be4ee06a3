"""Requests about the files of a Space: what huggingface_hub 2.4.0 asks when it lists, downloads and commits.

Paths, parameters and fields are those of its hf_api.py, _commit_api.py, lfs.py and file_download.py.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatch
from hashlib import sha1
from math import inf
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from simhub import access, answers, asked, changes
from simhub.access import Refusal, Token
from simhub.files import Tree
from simhub.life import Life
from simhub.repository import Commit
from simhub.shapes import Json
from simhub.world import World

MAX_PATHS = 1000  # in one request for path infos: huggingface_hub, FETCH_LFS_BATCH_SIZE
EXPANDED_PAGE = 50  # entries of a tree with `expand`, 1,000 without: huggingface_hub, _iter_repo_tree_pages
COMMITS_PAGE = 50
LARGE = 10_000_000  # bytes from which on a file is a large one


@dataclass(frozen=True, slots=True)
class Repos:
    """Answers about the repositories of `world`; a tree's pages hold `page_size` entries."""

    world: World
    page_size: int = 1000

    def look(self, request: Request, id: str, rest: list[str], endpoint: str) -> Response:
        """Answer a GET of /api/spaces/{id}/tree, revision or commits; raises Refusal."""
        match rest:
            case ["tree", revision, *folder]:
                return self._tree(request, id=id, revision=revision, folder="/".join(folder), endpoint=endpoint)
            case ["revision", revision]:
                expand = request.query_params.getlist("expand")
                return JSONResponse(self.revision(id, revision=revision, endpoint=endpoint, expand=expand))
            case ["commits", revision]:
                past = [self._shown(commit) for commit in reversed(self.history(id, revision))]
                return _page(request, past, size=COMMITS_PAGE, endpoint=endpoint)
            case ["xet-read-token", _]:
                raise Refusal(404, "There is no Xet storage here")
        raise access.no_route()

    def history(self, id: str, revision: str) -> list[Commit]:
        """Return the commits of a revision as the Hub tells them now, oldest first; raises Refusal."""
        return history(self.world.life(id), revision=revision, t=self.world.now())

    def revision(self, id: str, revision: str, endpoint: str, expand: Iterable[str] = ()) -> Json:
        """Return the whole Space as of a revision; raises Refusal."""
        commit = self.history(id, revision)[-1]
        shown = self.world.describe(id, endpoint=endpoint)
        shown |= {"sha": commit.sha, "siblings": [{"rfilename": path} for path in sorted(commit.tree.blobs)]}
        return answers.expanded(shown, expand=tuple(expand))

    async def paths(self, request: Request, id: str, revision: str) -> list[Json]:
        """Return what is at some paths; what is not there is left out. Raises Refusal."""
        past = self.history(id, revision)
        given = await asked.form(request)
        if len(given.get("paths", [])) > MAX_PATHS:
            raise Refusal(413, "too many parameters")
        expand = given.get("expand") == ["true"]
        found = [past[-1].tree.entry(path.strip("/")) for path in given.get("paths", [])]
        return self._expanded([entry for entry in found if entry is not None], past=past, expand=expand)

    async def preupload(self, request: Request, id: str, revision: str) -> Json:
        """Return how each file is to be sent: as a part of the commit, or beforehand as a large one. Raises Refusal."""
        tree = self.history(id, revision)[-1].tree
        given = await asked.rows(request, name="files", path=str, size=int)
        return {"files": [_upload_mode(tree, path=file["path"], size=file["size"]) for file in given]}

    async def commit(self, request: Request, id: str, revision: str, token: Token) -> Json:
        """Make a commit, which is a push, and return where it is; raises Refusal."""
        if revision != "main":
            raise access.no_revision(revision)
        if request.query_params.get("create_pr"):
            raise access.bad_request("There are no pull requests here")
        body = await request.body()  # nothing is awaited from here on: nobody else commits meanwhile
        hot_reload, now = request.query_params.get("hot_reload") == "1", self.world.now()
        life = self.world.life(id)
        made = _commit(life, body=body, now=now, author=token.name)
        life.repository.made[made.sha] = made
        self.world.push(id, sha=made.sha, hot_reload=hot_reload)
        url = f"https://huggingface.co/spaces/{id}/commit/{made.sha}"
        return {"success": True, "commitOid": made.sha, "commitUrl": url, "hookOutput": ""}

    def _tree(self, request: Request, id: str, revision: str, folder: str, endpoint: str) -> Response:
        past = self.history(id, revision)
        wanted = {name: request.query_params.get(name, "").lower() in ("true", "1") for name in ("recursive", "expand")}
        paths = past[-1].tree.entries(folder, recursive=wanted["recursive"])
        if paths is None:
            raise access.no_entry(commit=past[-1].sha)

        def shown(paths: list[str]) -> list[Json]:
            entries = [entry for path in paths if (entry := past[-1].tree.entry(path)) is not None]
            return self._expanded(entries, past=past, expand=wanted["expand"])

        size = EXPANDED_PAGE if wanted["expand"] else self.page_size
        return _page(request, paths, size=min(size, self.page_size), endpoint=endpoint, shown=shown)

    def _expanded(self, entries: list[Json], past: list[Commit], *, expand: bool) -> list[Json]:
        if expand:
            for entry in entries:
                last = _last_change(entry["path"], past=past)
                date = self._date(last)
                entry["lastCommit"] = {"id": last.sha, "title": last.title, "date": date}
                if entry["type"] == "file":
                    safe = {"status": "safe", "avScan": None, "pickleImportScan": None}
                    entry["securityFileStatus"] = safe
        return entries

    def _shown(self, commit: Commit) -> Json:
        authors = [{"user": commit.author, "avatar": f"/avatars/{commit.author}.svg"}]
        about = {"title": commit.title, "message": commit.message, "authors": authors}
        return {"id": commit.sha, "date": self._date(commit), **about}

    def _date(self, commit: Commit) -> str:
        return answers.iso(self.world.date(0.0 if commit.at == -inf else commit.at))


def history(life: Life, revision: str, t: float) -> list[Commit]:
    """Return the commits of a revision as the Hub tells them at `t`, oldest first; raises Refusal."""
    past = life.repository.history(life.heads(t, lag=life.space.head_lag))
    shas = [commit.sha for commit in past]
    if revision == "main":
        return past
    if revision not in shas:
        raise access.no_revision(revision)
    return past[: shas.index(revision) + 1]


def _commit(life: Life, body: bytes, now: float, author: str) -> Commit:
    """Return the commit that the lines of `body` make of the head; raises Refusal."""
    past = life.repository.history(life.heads(now, lag=0.0))
    header, operations = changes.parse(body)
    head = past[-1]
    if header.get("parentCommit") not in (None, head.sha):
        raise access.parent_moved()
    return Commit(
        sha=sha1(f"{head.sha} {now} {len(past)}".encode() + body, usedforsecurity=False).hexdigest(),
        title=str(header["summary"]),
        at=now,
        author=author,
        tree=changes.apply(operations, tree=head.tree, large=life.repository.large_files(past)),
        message=str(header.get("description", "")),
    )


def _page(
    request: Request, items: list[str] | list[Json], size: int, endpoint: str, shown: Callable[..., list[Json]] = list
) -> Response:
    """Return the page that is asked for, with the address of the next one; raises Refusal."""
    start = asked.number(request, name="cursor", lowest=0) or 0
    size = min(asked.number(request, name="limit", lowest=1) or size, size)
    headers = {"X-Total-Count": str(len(items))}
    if start + size < len(items):
        same = [(name, value) for name, value in request.query_params.multi_items() if name != "cursor"]
        more = f"{endpoint}{request.url.path}?{urlencode([*same, ('cursor', start + size)])}"
        headers["Link"] = f'<{more}>; rel="next"'
    return JSONResponse(shown(items[start : start + size]), headers=headers)


def _last_change(path: str, past: list[Commit]) -> Commit:
    """Return the commit that changed what is at `path` last."""
    last = past[-1]
    for commit in reversed(past[:-1]):
        if commit.tree.entry(path) != past[-1].tree.entry(path):
            break
        last = commit
    return last


def _upload_mode(tree: Tree, path: str, size: int) -> Json:
    attributes = tree.blobs.get(".gitattributes")
    lines = attributes.content.decode("utf-8", "replace").splitlines() if attributes else []
    patterns = [line.split()[0] for line in lines if "filter=lfs" in line]
    large = size >= LARGE or any(fnmatch(path.rpartition("/")[2], pattern) for pattern in patterns)
    shown: Json = {"path": path, "uploadMode": "lfs" if large else "regular", "shouldIgnore": False}
    if (known := tree.blobs.get(path)) is not None:
        shown["oid"] = known.sha256 or known.oid
    return shown
