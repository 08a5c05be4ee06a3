"""The commits of a Space and the files of each, made up where nobody said what they are.

Every head that the Space ever had is a commit here, with the one before it as its parent.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from math import inf

from simhub.files import Blob, Files, LargeFile, Tree, blob
from simhub.space import Space


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit: what it is called, when and by whom it was made (-inf: before the world), and its files."""

    sha: str
    title: str
    at: float
    author: str
    tree: Tree
    message: str = ""


@dataclass(slots=True)
class Repository:
    """What is known of commits: `made` are those made through the Hub, `uploads` are large files by sha256."""

    space: Space
    made: dict[str, Commit] = field(default_factory=dict)
    uploads: dict[str, bytes] = field(default_factory=dict)
    _imagined: dict[str, Commit] = field(default_factory=dict)

    def history(self, heads: Iterable[tuple[float, str]]) -> list[Commit]:
        """Return the commits up to the last of the `heads` (when, sha), oldest first; a head of before cuts back."""
        first = [sha for sha in (*self.space.past, self.space.first_state().commit) if sha is not None]
        chain: dict[str, float] = dict.fromkeys(first, -inf)
        for at, sha in heads:
            if sha in chain:
                kept = list(chain)[: list(chain).index(sha)]
                chain = {older: chain[older] for older in kept} | {sha: chain[sha]}
            chain.setdefault(sha, at)
        return [self.commit(sha, at) for sha, at in chain.items()]

    def commit(self, sha: str, at: float) -> Commit:
        """Return the commit of that name, made up if nobody made it."""
        if sha in self.made:
            return self.made[sha]
        if sha not in self._imagined:
            title = "initial commit" if at == -inf else f"Update app.py to {sha[:7]}"
            self._imagined[sha] = Commit(sha=sha, title=title, at=at, author=self.space.owner, tree=self.tree(sha))
        return replace(self._imagined[sha], at=at)

    def tree(self, sha: str) -> Tree:
        """Return the files of a commit that nobody made through the Hub."""
        return Tree(blobs(self.space.revisions.get(sha) or imagined(self.space, sha)))

    def large_files(self, commits: Iterable[Commit]) -> dict[str, Blob]:
        """Return the large files that the Hub has, by sha256: those of the commits, and those uploaded for the next."""
        blobs = (blob for commit in commits for blob in commit.tree.blobs.values())
        uploaded = {oid: blob(LargeFile(content, xet=False)) for oid, content in self.uploads.items()}
        return uploaded | {blob.sha256: blob for blob in blobs if blob.sha256 is not None}


def blobs(files: Files) -> Mapping[str, Blob]:
    """Return the files as a commit has them."""
    return {path: blob(file) for path, file in files.items()}


def imagined(space: Space, sha: str) -> Files:
    """Return the files of a commit of which nothing is known: the Space's, and an app that is another in each."""
    card = f"---\ntitle: {space.title or space.id}\nemoji: 🚀\nsdk: {space.sdk}\n---\n"
    usual: Files = {".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n", "README.md": card}
    return {**(usual if space.files is None else space.files), "app.py": f"# as of commit {sha}\n"}
