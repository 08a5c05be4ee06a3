"""The repository of a Space: its newest commits, the files of two of them, and a commit that makes one the other.

All is done by huggingface_hub's own calls. What is copied from another commit travels only where it is small: of a
large file (Git LFS, Xet) the commit holds the pointer, and the Hub has the content. A commit names its parent, which
the Hub compares with the head, so the same one is never made twice, whatever becomes of its answer.

Source: docs/contract.md, "Rollback"; huggingface_hub, hf_api.py (create_commit) and _commit_api.py.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha1
from itertools import islice
from typing import Any, NoReturn, Protocol, TypeVar

import httpx2
from huggingface_hub import CommitOperationAdd, CommitOperationCopy, CommitOperationDelete, HfApi
from huggingface_hub.errors import EntryNotFoundError
from huggingface_hub.utils import get_session

from hf_action.hub.bounds import check_values
from hf_action.hub.transport import CHECK, ErrorAnswer
from hf_action.rules.models import MalformedAnswer
from hf_action.rules.outcomes import ActionError, Refused, Unreachable
from hf_action.rules.rollback import FOREIGN, MAX_COMMITS, Change, Message, NotTheHeadError

# Pages of files, 1,000 each, and of commits.
MAX_PAGES = 100
# The branch that a Space is built from.
MAIN = "main"

_COMMIT = re.compile("[0-9a-f]{40}")

CommitOperation = CommitOperationAdd | CommitOperationCopy | CommitOperationDelete
Answer = TypeVar("Answer")


class Ask(Protocol):
    """How a call is made: once, or patiently."""

    def __call__(self, call: Callable[[], Answer], subject: str, /) -> Answer:
        """Make a call about a subject, and turn whatever goes wrong into an ActionError."""


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
        return self.patiently(lambda: next(self._commits(), None) or _nothing("commit"), self.space)

    def find(self, commit: str) -> tuple[Commit, str | None]:
        """Return the newest commit, and the whole id of the one that begins so, None where there is none."""

        def read() -> tuple[Commit, str | None]:
            commits = islice(self._commits(), MAX_COMMITS)
            head = next(commits, None) or _nothing("commit")
            found = (one.id for one in (head, *commits) if one.id.startswith(commit))
            return head, next(found, None)

        return self.patiently(read, self.space)

    def files(self, commit: str) -> dict[str, str]:
        """Return what each file of a commit holds, as an id of its content, by path. A commit may have none."""

        def read() -> dict[str, str]:
            contents: dict[str, str] = {}
            entry = None
            for entry in self._pages(f"tree/{commit}", recursive="true"):
                if entry.get("type") != "directory":
                    path, content = _content(entry)
                    if contents.setdefault(path, content) != content:
                        raise MalformedAnswer("it tells two things of one file")
            return contents if contents or not entry else _nothing("file")

        return self.patiently(read, self.space)

    def commit(self, change: Change, *, good: str, parent: str, message: Message) -> str:
        """Make the commit that takes files from the `good` one and deletes others; return its id. Asked once.

        Raises:
            NotTheHeadError: `parent` is not the head, maybe because this very commit was made before.
            ActionError: another reason. Where it is Unreachable, it is not known whether the commit was made.
        """
        operations = _operations(change, good)
        asked: list[httpx2.Request] = []

        def send() -> str:
            with _checked(change, good, asked):
                made = self.api().create_commit(
                    self.space,
                    operations,
                    commit_message=message.title,
                    commit_description=message.description,
                    repo_type="space",
                    revision=MAIN,
                    parent_commit=parent,
                )
            return _id(made.oid) if made.oid != parent else _nothing("new commit")

        try:
            return self.once(send, self.space)
        except ActionError as error:
            raise _refusal(error, asked) from error.__cause__

    def _commits(self) -> Iterator[Commit]:
        """Yield the commits, newest first; a page is asked for when it is needed."""
        later: Commit | None = None
        for raw in self._pages(f"commits/{MAIN}"):
            commit = Commit(id=_id(raw["id"]), title=str(raw["title"]))
            if later:
                yield Commit(id=later.id, title=later.title, parent=commit.id)
            later = commit
        if later:
            yield later

    def _pages(self, route: str, **params: str) -> Iterator[dict[str, Any]]:
        """Yield the entries of all pages of a route.

        As `list_repo_commits` and `list_repo_tree` of huggingface_hub. But the former asks for all pages before it
        returns the first commit, and to the latter any JSON will do: an answer without files would be one more file
        to delete for each that there is.
        """
        address, asked = f"{self.api().endpoint}/api/spaces/{self.space}/{route}", params or None
        for _ in range(MAX_PAGES):
            answer = get_session().get(address, params=asked, headers=self.headers())
            page = answer.json()
            if not isinstance(page, list) or not all(isinstance(entry, dict) for entry in page):
                raise MalformedAnswer("it is not a list of what is there")
            yield from page
            following = answer.links.get("next", {}).get("url")
            if not following:
                return
            address, asked = str(answer.url.join(following)), None
        raise Refused(f"{route} of {self.space} has more than {MAX_PAGES} pages.")


def _operations(change: Change, good: str) -> list[CommitOperation]:
    """Return what huggingface_hub has to do; raises Refused for a path that it does not take, as below .cache."""
    try:
        return [
            *(CommitOperationDelete(path, is_folder=False) for path in change.deleted),
            *(CommitOperationCopy(path, path, src_revision=good) for path in change.restored),
        ]
    except ValueError as error:
        raise Refused(f"huggingface_hub refuses one of its paths: {error}") from error


@contextmanager
def _checked(change: Change, good: str, asked: list[httpx2.Request]) -> Iterator[None]:
    """Compare each small file that comes with what was committed: it goes into the new commit as it came.

    Each request that has an answer is added to `asked`.
    """

    def check(answer: httpx2.Response) -> None:
        first = (answer.history or [answer])[0].request
        asked.append(first)
        if first.method != "GET":
            check_values(answer)
        else:
            path = first.url.path.partition(f"/resolve/{good}/")[2]
            if change.restored.get(path) != f"git {_git_id(answer.content)}":
                raise MalformedAnswer(f"it is not the file {path} of {good[:7]}")

    token = CHECK.set(check)
    try:
        yield
    except (EntryNotFoundError, NotImplementedError) as error:  # as huggingface_hub finds files that are not there
        raise MalformedAnswer("it tells of other files than before") from error
    finally:
        CHECK.reset(token)


def _refusal(error: ActionError, answered: Sequence[httpx2.Request]) -> ActionError:
    """Return what it means that a commit was refused; a conflict with another one may pass.

    `answered` are the requests that had an answer, of which the last one may be what made no sense.
    """
    cause = error.__cause__
    match cause.response.status_code if isinstance(cause, ErrorAnswer) else None:
        case 409:
            return Unreachable(str(error.args[0]))
        case 412:
            return NotTheHeadError(str(error.args[0]))
    asked = cause.response.request if isinstance(cause, ErrorAnswer) else getattr(cause, "_request", None)
    asked = asked or (answered[-1] if answered else None)
    if isinstance(error, Unreachable) and asked and not asked.url.path.endswith(f"/commit/{MAIN}"):
        error.sent = False  # it was one of the questions that come before
    return error


def _content(entry: dict[str, Any]) -> tuple[str, str]:
    """Return a path and an id of its content: of a large file what its pointer names, else git's own."""
    large = entry.get("lfs")
    path, content = entry["path"], large["oid"] if large else entry["oid"]
    if not isinstance(path, str) or not isinstance(content, str):
        raise MalformedAnswer("it is not a list of files")
    if entry.get("type") != "file":
        return path, f"{FOREIGN}{content}"
    return path, f"{'lfs' if large else 'git'} {content}"


def _git_id(content: bytes) -> str:
    """Return the id that git gives to a file."""
    return sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _nothing(what: str) -> NoReturn:
    raise MalformedAnswer(f"there is no {what}")


def _id(text: object) -> str:
    if not isinstance(text, str) or not _COMMIT.fullmatch(text):
        raise MalformedAnswer("it names no commit")
    return text
