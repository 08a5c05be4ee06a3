"""The file of a recording: a line at a time, so that a step that is killed leaves what it had."""

import json
import os
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

# Bytes that one step writes; an hour of looks at one Space takes some hundred thousand.
MAX_BYTES = 64 * 1024 * 1024


class RecordingFile:
    """Appends lines of JSON to a file. It cannot fail: `warn` is told once why nothing more is written."""

    def __init__(self, path: Path, *, warn: Callable[[str], None]) -> None:
        self._warn = warn
        self._lock = threading.Lock()
        self._left = MAX_BYTES
        self._descriptor: int | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            new_line = _breaks_off(path)
            self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
            if new_line:
                os.write(self._descriptor, b"\n")
        except (OSError, ValueError) as error:
            self._end(f"{error}")

    def write(self, line: Mapping[str, object]) -> None:
        """Append one line."""
        data = f"{json.dumps(line, separators=(',', ':'))}\n".encode()
        with self._lock:
            if self._descriptor is None:
                return
            if len(data) > self._left:
                self._end(f"it has {MAX_BYTES >> 20} MiB, and ends here")
                return
            self._left -= len(data)
            try:
                while data:
                    data = data[os.write(self._descriptor, data) :]
            except OSError as error:
                self._end(f"{error}")

    def _end(self, why: str) -> None:
        """Write nothing more, and say why."""
        if self._descriptor is not None:
            with suppress(OSError):
                os.close(self._descriptor)
            self._descriptor = None
        self._warn(f"the recording could not be written: {why}")


def _breaks_off(path: Path) -> bool:
    """Whether the last line of what is there was not written to its end."""
    try:
        with path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) != b"\n"
    except OSError:  # it is not there, or empty
        return False
