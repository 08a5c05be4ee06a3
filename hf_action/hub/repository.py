"""The repository of a Space: its newest commits, the files of two of them, and a commit that makes one the other.

All is done by huggingface_hub's own calls. What is copied from another commit travels only where it is small: of a
large file (Git LFS, Xet) the commit holds the pointer, and the Hub has the content. A commit bears its parent, which
the Hub compares with the head, so the same one is never made twice, whatever becomes of its answer.

Source: docs/contract.md, "Rollback"; huggingface_hub, hf_api.py (create_commit) and _commit_api.py.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Protocol, TypeVar

from huggingface_hub import CommitOperationAdd, CommitOperationCopy, CommitOperationDelete, HfApi
from huggingface_hub.hf_api import RepoFile, RepoFolder
from huggingface_hub.utils._pagination import paginate

from hf_action.hub.transport import ErrorAnswer
from hf_action.rules.models import MalformedAnswer
from hf_action.rules.outcomes import ActionError, Refused, Unreachable
from hf_action.rules.rollback import Change, Message, NotTheHeadError

# Files of one commit, folders included, and commits that are looked through for one; the largest real ones are smaller.
MAX_FILES = 100_000
MAX_COMMITS = 1_000
# The branch that a Space is built from.
MAIN = "main"

_COMMIT = re.compile("[0-9a-f]{40}")

CommitOperation = CommitOperationAdd | CommitOperationCopy | CommitOperationDelete
Answer = TypeVar("Answer")


class Ask(Protocol):
    """Makes a call about a subject, once or patiently, and turns whatever goes wrong into an ActionError."""

    def __call__(self, call: Callable[[], Answer], subject: str, /) -> Answer: ...  # noqa: D102 - see above


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit of the main branch, and the one before it."""

    id: str
    title: str
    parent: str | None = None


@dataclass(frozen=True, slots=True)
class Repository:
    """The repository of one Space. `api` and `headers` are those of who asks now.

    Every method raises ActionError; `once` is for the commit, and `patiently` for questions.
    """

    space: str
    api: Callable[[], HfApi]
    headers: Callable[[], dict[str, str]]
    once: Ask
    patiently: Ask

    def head(self) -> Commit:
        """Return the newest commit."""
        return self.patiently(lambda: next(self._commits(), None) or _nothing(), self.space)

    def find(self, commit: str) -> tuple[Commit, str | None]:
        """Return the newest commit, and the whole id of the one that begins so, None where there is none."""

        def read() -> tuple[Commit, str | None]:
            commits = islice(self._commits(), MAX_COMMITS)
            head = next(commits, None) or _nothing()
            found = (one.id for one in (head, *commits) if one.id.startswith(commit))
            return head, next(found, None)

        return self.patiently(read, self.space)

    def files(self, commit: str) -> dict[str, str]:
        """Return what each file of a commit holds, as an id of its content, by path."""

        def read() -> dict[str, str]:
            tree = self.api().list_repo_tree(self.space, repo_type="space", revision=commit, recursive=True)
            return _contents(tree)

        return self.patiently(read, self.space)

    def commit(self, change: Change, *, good: str, parent: str, message: Message) -> str:
        """Make the commit that takes files from the `good` one and deletes others; return its id. Asked once.

        Raises:
            NotTheHeadError: `parent` is not the head, maybe because this very commit was made before.
            ActionError: another reason. Where it is Unreachable, it is not known whether the commit was made.
        """
        operations: list[CommitOperation] = [
            *(CommitOperationDelete(path, is_folder=False) for path in change.deleted),
            *(CommitOperationCopy(path, path, src_revision=good) for path in change.restored),
        ]

        def send() -> str:
            made = self.api().create_commit(
                self.space,
                operations,
                commit_message=message.title,
                commit_description=message.description,
                repo_type="space",
                revision=MAIN,
                parent_commit=parent,
            )
            return _id(made.oid)

        try:
            return self.once(send, self.space)
        except ActionError as error:
            raise _refusal(error) from error.__cause__

    def _commits(self) -> Iterator[Commit]:
        """Yield the commits, newest first; a page is asked for when it is needed."""
        address = f"{self.api().endpoint}/api/spaces/{self.space}/commits/{MAIN}"
        later: Commit | None = None
        # As `list_repo_commits` of huggingface_hub, which asks for all pages before it returns the first commit.
        for raw in paginate(address, params={}, headers=self.headers()):
            commit = Commit(id=_id(raw["id"]), title=str(raw["title"]))
            if later:
                yield Commit(id=later.id, title=later.title, parent=commit.id)
            later = commit
        if later:
            yield later


def _refusal(error: ActionError) -> ActionError:
    """Return what it means that a commit was refused; a conflict with another one may pass."""
    cause = error.__cause__
    match cause.response.status_code if isinstance(cause, ErrorAnswer) else None:
        case 409:
            return Unreachable(str(error.args[0]))
        case 412:
            return NotTheHeadError(str(error.args[0]))
    return error


def _contents(tree: Iterable[RepoFile | RepoFolder]) -> dict[str, str]:
    """Return an id of the content of each file: of a large one what its pointer names, else git's own."""
    contents = {}
    for number, entry in enumerate(tree):
        if number >= MAX_FILES:
            raise Refused(f"the repository has more than {MAX_FILES:,} files.")
        if isinstance(entry, RepoFile):
            contents[entry.path] = f"lfs {entry.lfs.sha256}" if entry.lfs else f"git {entry.blob_id}"
    return contents


def _nothing() -> Commit:
    raise MalformedAnswer("there is no commit")


def _id(text: object) -> str:
    if not isinstance(text, str) or not _COMMIT.fullmatch(text):
        raise MalformedAnswer("it names no commit")
    return text
