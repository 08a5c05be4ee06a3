"""A terminal for tests: a process of its own session, and the screen as a person would see it."""

import os
import pty
import re
import termios
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pyte

from tests.conftest import clean_environ
from tests.support.processes import PATIENCE
from tests.support.warm import Warm, command

SANE = {"TERM": "xterm-256color", "HF_HUB_DISABLE_TELEMETRY": "1"}


class Terminal:
    """The command, or a script that ends in `sys.exit(main())`, in a terminal of so many columns and lines.

    `stdout` and `stderr` may lead elsewhere; `raw` is all that the terminal was sent.
    """

    def __init__(
        self, *words: str, columns: int = 100, lines: int = 30, script: str | None = None, stdout=None, stderr=None,
        program: list[str] | None = None, **environ: str,
    ) -> None:  # fmt: skip
        self.raw = b""
        self._shown: list[str] | None = None
        self.columns = columns
        self.screen = pyte.HistoryScreen(columns, lines, history=10_000)
        self._stream = pyte.ByteStream(self.screen)
        self._lock = threading.Lock()
        self._end, inside = pty.openpty()
        termios.tcsetwinsize(inside, (lines, columns))
        self.process = Warm(
            [*program, *words] if program else command(*words, script=script),
            terminal=True,
            stdin=inside,
            stdout=inside if stdout is None else stdout,
            stderr=inside if stderr is None else stderr,
            env=clean_environ() | SANE | environ,
        )
        os.close(inside)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        while True:
            try:
                some = os.read(self._end, 65536)
            except OSError:  # as Linux tells that the last process has closed its side
                return
            with self._lock:
                self.raw += some
                self._stream.feed(some)
                self._shown = None

    @property
    def shown(self) -> list[str]:
        """The lines on the screen now."""
        with self._lock:
            if self._shown is None:  # to draw it takes 3 ms, and a test that waits looks a hundred times a second
                self._shown = [line.rstrip() for line in self.screen.display]
            return self._shown

    @property
    def scrolled(self) -> list[str]:
        """The lines that have left the screen at its top."""
        with self._lock:
            lines = list(self.screen.history.top)
        return ["".join(line[column].data for column in range(self.columns)).rstrip() for line in lines]

    @property
    def text(self) -> str:
        """Everything that can be read, from the first line to the last."""
        return "\n".join([*self.scrolled, *self.shown]).rstrip()

    def until(self, condition: str | Callable[[], bool]) -> None:
        """Wait until the screen shows a text, or a condition is met."""
        met = (lambda: condition in "\n".join(self.shown)) if isinstance(condition, str) else condition
        end = time.monotonic() + PATIENCE
        while not met():
            assert time.monotonic() < end, f"it did not come to {condition!r}:\n{self.text}"
            time.sleep(0.01)

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self._end, keys.encode())

    def end(self, *, echo: str = "") -> int:
        """Wait for the end, and check that the terminal was left as it was found; return the exit status.

        Where the line of the prompt to come is not empty, it has what was typed last: `echo`.
        """
        status = self.process.wait(timeout=PATIENCE)
        self._reader.join(timeout=PATIENCE)
        assert not self.screen.cursor.hidden and b"\x1b[?1049" not in self.raw  # nor another screen
        assert self.shown[self.screen.cursor.y] == echo, self.text
        return status

    def close(self) -> None:
        """End the process if it has not ended, and let go of the terminal."""
        self.process.kill()
        self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()
        self._reader.join(timeout=PATIENCE)
        os.close(self._end)


def colours(raw: bytes) -> set[bytes]:
    """Return the sequences that set a colour; bold and dim are none."""
    parts = (part for found in re.findall(rb"\x1b\[([\d;]*)m", raw) for part in found.split(b";"))
    return {part for part in parts if re.fullmatch(rb"[34]8|[39][0-7]|4[0-7]|10[0-7]", part)}


@contextmanager
def terminals(**environ: str) -> Iterator[Callable[..., Terminal]]:
    """Give what starts the command in a terminal: `start("info", "acme/demo")`; all of them are closed at the end."""
    started: list[Terminal] = []

    def start(*words: str, **about) -> Terminal:
        started.append(Terminal(*words, **(environ | about)))
        return started[-1]

    yield start
    for one in started:
        one.close()
