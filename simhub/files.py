"""Files of a repository, as git, Git LFS and the Hub count them: small ones by content, large ones by pointer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha1, sha256

from simhub.shapes import Json


@dataclass(frozen=True, slots=True)
class LargeFile:
    """A file that the repository has a pointer to. `xet`: kept in Xet storage; `size`: to be shown as larger."""

    content: bytes
    xet: bool = True
    size: int | None = None


Files = Mapping[str, str | bytes | LargeFile]  # by path


@dataclass(frozen=True, slots=True)
class Blob:
    """A file of a commit: `oid` is git's, of the content or of the pointer; `sha256` is of a large file's content."""

    oid: str
    size: int
    content: bytes
    sha256: str | None = None
    xet: bool = False

    def entry(self, path: str) -> Json:
        """Return the file as a tree shows it."""
        shown: Json = {"type": "file", "oid": self.oid, "size": self.size, "path": path}
        if self.sha256 is not None:
            shown["lfs"] = {"oid": self.sha256, "size": self.size, "pointerSize": len(pointer(self.sha256, self.size))}
        if self.sha256 is not None and self.xet:
            shown["xetHash"] = sha256(self.sha256.encode()).hexdigest()
        return shown


def blob(file: str | bytes | LargeFile) -> Blob:
    """Return the file as a commit has it."""
    if isinstance(file, LargeFile):
        return large(file.content, size=file.size, xet=file.xet)
    content = file.encode() if isinstance(file, str) else file
    return Blob(oid=git_oid("blob", content), size=len(content), content=content)


def large(content: bytes, size: int | None = None, *, xet: bool = True) -> Blob:
    """Return the blob of a large file."""
    size, oid = len(content) if size is None else size, sha256(content).hexdigest()
    return Blob(oid=git_oid("blob", pointer(oid, size)), size=size, content=content, sha256=oid, xet=xet)


def pointer(oid: str, size: int) -> bytes:
    """Return what the repository has in place of a large file: git-lfs, docs/spec.md."""
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {size}\n".encode()


def git_oid(kind: str, content: bytes) -> str:
    """Return the id that git gives to an object."""
    return sha1(f"{kind} {len(content)}\0".encode() + content, usedforsecurity=False).hexdigest()


@dataclass(slots=True)
class Tree:
    """All files of a commit by path, and its folders, whose ids follow from what is in them."""

    blobs: Mapping[str, Blob]
    folders: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        inside: dict[str, list[str]] = {}
        for path, blob in self.blobs.items():
            parts = path.split("/")
            for depth in range(1, len(parts)):
                inside.setdefault("/".join(parts[:depth]), []).append(f"{path} {blob.oid}")
        self.folders = {folder: git_oid("tree", "\n".join(sorted(lines)).encode()) for folder, lines in inside.items()}

    def entries(self, folder: str, *, recursive: bool) -> list[str] | None:
        """Return the paths below `folder` in their order, None where there is no such folder."""
        if folder and folder not in self.folders:
            return None
        start = f"{folder}/" if folder else ""
        paths = [path for path in (*self.folders, *self.blobs) if path.startswith(start)]
        return sorted(path for path in paths if recursive or "/" not in path[len(start) :])

    def entry(self, path: str) -> Json | None:
        """Return a file or a folder as a tree shows it, None where there is no such thing."""
        if path in self.blobs:
            return self.blobs[path].entry(path)
        if path in self.folders:
            return {"type": "directory", "oid": self.folders[path], "size": 0, "path": path}
        return None
