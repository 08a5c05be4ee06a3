"""The runner's files of outputs, summary and state, which others write into, too.

They are only appended to (docs/contract.md, Outputs): to cut one back, or to start it over, would lose what a sibling
process has written meanwhile. So a text is written as a whole or not at all, as far as the machine lets us know before.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from actions_toolkit.file_command import prepare_key_value_message

from hf_action.report.outputs import dotenv
from hf_action.runner.streams import UNWRITABLE

# Bytes that are left to others on a disk that is nearly full.
SPARE = 4096


class Files:
    """The files that variables of the environment name; where one cannot be written the step goes on.

    What is written is harmless already: the code that makes outputs and summary sees to that.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._outputs: Mapping[str, str] = {}
        self._dotenv: Mapping[str, str] = {}
        self._troubles: dict[str, str] = {}
        self._told: set[str] = set()

    def write_outputs(self, outputs: Mapping[str, str]) -> None:
        """Write all outputs; HF_SPACE_DOTENV may name a file for GitLab, too.

        Of those written before only what differs is written again: the last value of a name counts.
        """
        entries = [_entry(name, value) for name, value in outputs.items() if self._outputs.get(name) != value]
        if self._append("GITHUB_OUTPUT", entries):
            self._outputs = outputs
        lines = dotenv(outputs)
        if self._append("HF_SPACE_DOTENV", [line for name, line in lines.items() if self._dotenv.get(name) != line]):
            self._dotenv = lines

    def write_summary(self, markdown: str) -> None:
        """Append to the job summary. actions_toolkit has no call for it."""
        self._append("GITHUB_STEP_SUMMARY", [markdown])

    def save_state(self, number: int, text: str) -> None:
        """Keep a text of a number, from 0, for the post step; the last one of a number counts."""
        self._append("GITHUB_STATE", [_entry(f"restore_{number}" if number else "restore", text)])

    def saved_states(self) -> list[str]:
        """Return the texts that the step kept, as GitHub spells what `save_state` has named."""
        states: list[str] = []
        while text := self._environ.get(f"STATE_restore_{len(states)}" if states else "STATE_restore"):
            states.append(text)
        return states

    def troubles(self) -> list[str]:
        """Return which files could not be written, each once."""
        untold = [trouble for name, trouble in self._troubles.items() if name not in self._told]
        self._told |= self._troubles.keys()
        return untold

    def _append(self, name: str, entries: Sequence[str]) -> bool:
        path = self._environ.get(name)
        if not path or not entries:
            return False
        try:
            append(path, entries)
        except UNWRITABLE as error:
            self._troubles[name] = f"{name} could not be written: {error}"
            return False
        return True

    def replace(self, path: Path, text: str) -> None:
        """Put a text in the place of a file, whole or not at all: nobody else writes into it.

        Raises:
            OSError: it could not be written.
        """
        part = path.with_name(f".{path.name[:200]}.{os.getpid()}.part")
        with suppress(FileNotFoundError):
            part.unlink()
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(text.encode("utf-8", errors="replace"))
            part.replace(path)
        except OSError:
            part.unlink()
            raise


def _entry(name: str, value: str) -> str:
    return f"{prepare_key_value_message(name, value)}{os.linesep}"


def append(path: str, entries: Sequence[str]) -> None:
    """Append whole entries, each with a last line that closes it, in one write where that is possible.

    Raises:
        OSError: not all of it could be written.
    """
    parts = [entry.encode("utf-8", errors="replace") for entry in entries]
    with suppress(*UNWRITABLE):
        sys.stdout.flush()  # the file may be the one that the log goes to
    descriptor, shared = _open(path)
    try:
        if not _ends_a_line(path):
            parts.insert(0, os.linesep.encode())
        _check_room(descriptor, sum(map(len, parts)))
        _write(descriptor, parts)
    finally:
        if not shared:
            os.close(descriptor)


def _open(path: str) -> tuple[int, bool]:
    """Return a descriptor that appends, and whether it is that of the log.

    What is written to `/dev/stdout` by another descriptor would be written over by the next line of the log.
    """
    for descriptor in (1, 2):
        with suppress(OSError):
            if os.path.samestat(os.fstat(descriptor), os.stat(path)):  # noqa: PTH116 - a path may be any text
                return descriptor, True
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644), False


def _ends_a_line(path: str) -> bool:
    """Whether what others wrote ends with a line; what cannot be read is taken to."""
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        try:
            size = os.lseek(descriptor, 0, os.SEEK_END)
            if size:
                os.lseek(descriptor, size - 1, os.SEEK_SET)
                return os.read(descriptor, 1) == b"\n"
        finally:
            os.close(descriptor)
    return True


def _check_room(descriptor: int, needed: int) -> None:
    """Refuse to begin what cannot be ended: the runner fails a step whose file breaks off in the middle.

    Raises:
        OSError: there is no room for so many bytes.
    """
    try:
        import resource

        disk, limit = os.fstatvfs(descriptor), resource.getrlimit(resource.RLIMIT_FSIZE)[0]
    except (ImportError, OSError):  # Windows knows neither
        return
    room = disk.f_bavail * disk.f_frsize - SPARE if disk.f_blocks else needed
    if limit != resource.RLIM_INFINITY:
        room = min(room, limit - os.fstat(descriptor).st_size)
    if room < needed:
        raise OSError(f"there is no room for its {needed} bytes")


def _write(descriptor: int, parts: list[bytes]) -> None:
    """Write all of it; where that fails in the middle of an entry, try to close that at least.

    Raises:
        OSError: not all of it could be written.
    """
    data, at = b"".join(parts), 0
    try:
        while at < len(data):
            at += os.write(descriptor, data[at:])
    except OSError:
        for part in parts:
            if 0 < at < len(part):
                with suppress(OSError):
                    os.write(descriptor, _closing(part, at))
            at -= len(part)
        raise


def _closing(entry: bytes, written: int) -> bytes:
    """Return what closes an entry that breaks off: the rest of its first line, which names its last one, and that."""
    opening = entry[written : entry.index(b"\n") + 1]
    return (opening or b"\n") + entry.rstrip().rpartition(b"\n")[2] + b"\n"
