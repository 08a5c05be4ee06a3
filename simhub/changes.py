"""What a commit changes: the lines of JSON that huggingface_hub sends (_commit_api.py, _prepare_commit_payload)."""

import json
from base64 import b64decode
from collections.abc import Iterable, Mapping

from simhub import access
from simhub.access import Refusal
from simhub.files import Blob, Tree, blob
from simhub.shapes import Json

Operation = tuple[str, Json]  # (key, value) of a line


def parse(body: bytes) -> tuple[Json, list[Operation]]:
    """Return the header of a commit and its operations; raises Refusal."""
    try:
        lines = [json.loads(line) for line in body.splitlines() if line.strip()]
        header, *operations = [(str(line["key"]), dict(line["value"])) for line in lines]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise access.bad_request("Invalid JSON body") from None
    if header[0] != "header" or not header[1].get("summary"):
        raise access.bad_request("A commit begins with its header")  # wording not seen
    return header[1], operations


def apply(operations: Iterable[Operation], tree: Tree, large: Mapping[str, Blob]) -> Tree:
    """Return what `tree` becomes; `large` are the large files that the Hub has, by sha256. Raises Refusal."""
    blobs = dict(tree.blobs)
    for key, value in operations:
        try:
            _apply(key, value, blobs=blobs, large=large)
        except (KeyError, TypeError, ValueError):
            raise access.bad_request(f"Invalid input: {key}") from None
    return Tree(blobs)


def _apply(key: str, value: Json, blobs: dict[str, Blob], large: Mapping[str, Blob]) -> None:
    path = str(value["path"])
    match key:
        case "file":
            blobs[path] = blob(
                b64decode(value["content"], validate=True) if value.get("encoding") == "base64" else value["content"]
            )
        case "lfsFile":
            if value["oid"] not in large:
                raise access.dangling_pointer(path)
            blobs[path] = large[value["oid"]]
        case "deletedFile" if path in blobs:
            del blobs[path]
        case "deletedFolder" if any(other.startswith(f"{path.rstrip('/')}/") for other in blobs):
            for other in [other for other in blobs if other.startswith(f"{path.rstrip('/')}/")]:
                del blobs[other]
        case "deletedFile" | "deletedFolder":
            raise access.nothing_to_delete()
        case _:
            raise Refusal(400, f"Invalid input: {key}")
