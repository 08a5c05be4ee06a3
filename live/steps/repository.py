"""Steps that change the repository: its name, and its files."""

from dataclasses import replace
from datetime import UTC, datetime

from huggingface_hub import CommitOperationAdd, CommitOperationDelete

from live.connection import Operations
from live.findings import Answer, Rule, text_of
from live.tour import Impossible, Tour

FILE = "live-check.txt"
RENAMED = "-live-check"


def rename(tour: Tour) -> None:
    """Rename the Space, look at it by its old name, and rename it back."""
    new = tour.id + RENAMED
    tour.undo["name"] = lambda: _move(tour, new, tour.id)
    answer = tour.note("a rename", _move(tour, tour.id, new))
    if answer.status >= 400:
        del tour.undo["name"]
        raise Impossible(f"the Hub does not rename the Space ({answer.status}: {answer.words})")
    tour.clock.sleep(1.0)
    tour.get("/runtime", "a look by the old name")
    tour.get("", "the whole Space by its old name", params=(("expand", "sha"),))
    tour.note("a look by the new name", tour.connection.ask("GET", f"/api/spaces/{new}/runtime"))
    tour.note("a rename back", _move(tour, new, tour.id))
    del tour.undo["name"]
    tour.clock.sleep(1.0)
    tour.get("/runtime", "a look by the first name again")


def rollback(tour: Tour) -> None:
    """Make a commit, try another with the same parent, which must be refused, and undo the first."""
    tour.bring_to("RUNNING")
    first, before = _head(tour), _files(tour)
    tour.undo["file"] = lambda: _remove(tour)
    made = _commit(tour, "a commit", [_addition("one")], parent=first)
    if not made:
        _remove(tour)
        del tour.undo["file"]
        raise Impossible("the Hub has made no commit")
    stage = _deployed(tour, "a push", before="RUNNING", commit=made)
    commits = tour.get("/commits/main", "the commits")
    newest = commits.body[0] if isinstance(commits.body, list) and commits.body else None
    tour.fact("the newest commit is the one made", Rule.SAME, text_of(newest, "id") == made)
    _commit(tour, "a commit with a stale parent", [_addition("two")], parent=first)
    head = _head(tour)
    tour.fact("a commit with a stale parent changes nothing", Rule.SAME, head == made)
    back = _commit(tour, "a commit that undoes one", [CommitOperationDelete(path_in_repo=FILE)], parent=head)
    if back:
        del tour.undo["file"]
    _deployed(tour, "a rollback", before=stage, commit=back)
    tour.fact("the files are what they were before", Rule.SAME, _files(tour) == before)


def _move(tour: Tour, old: str, new: str) -> Answer:
    return tour.connection.ask("POST", "/api/repos/move", body={"fromRepo": old, "toRepo": new, "type": "space"})


def _addition(word: str) -> CommitOperationAdd:
    text = f"{word}: a check of the simulated Hub against this one, {datetime.now(UTC).isoformat()}\n"
    return CommitOperationAdd(path_in_repo=FILE, path_or_fileobj=text.encode())


def _commit(tour: Tour, what: str, operations: Operations, *, parent: str) -> str:
    """Make a commit, keep the answers, and return its id; empty if it was refused."""
    made = ""
    for answer in tour.connection.commit(tour.id, operations, parent=parent, message=f"Check: {what}"):
        request = answer.path.partition("?")[0].split("/")[-2]
        tour.note(f"{what}: {request}", replace(answer, request=None))
        made = text_of(answer.body, "commitOid") or made
    return made


def _head(tour: Tour) -> str:
    answer = tour.connection.ask("GET", tour.path(), params=(("expand", "sha"),))
    if not (head := text_of(answer.body, "sha")):
        raise Impossible("the Hub does not tell the head of the repository")
    return head


def _files(tour: Tour) -> dict[str, str]:
    """Return the id of each file at the head, and keep the tree."""
    tree = tour.get("/tree/main", "the tree", params=(("recursive", "true"),))
    rows = tree.body if isinstance(tree.body, list) else []
    return {text_of(row, "path"): text_of(row, "oid") for row in rows}


def _deployed(tour: Tour, what: str, *, before: str, commit: str) -> str:
    """Follow the Space after a commit, see whether it serves that one, and return its stage."""
    transition = tour.follow(before=before, written=tour.clock.now())
    tour.changed(what, transition)
    stage, answer = tour.look()
    if stage == "RUNNING":
        tour.fact(f"the commit is served after {what}", Rule.SAME, text_of(answer.body, "sha") == commit)
    return transition.last


def _remove(tour: Tour) -> None:
    """Remove the file, if it is there."""
    if FILE in _files(tour):
        tour.connection.commit(
            tour.id, [CommitOperationDelete(path_in_repo=FILE)], parent=_head(tour), message="Check: clean up"
        )
