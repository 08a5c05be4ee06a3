"""The machine the step runs on: its environment, its log, and the files it reads results from.

This is the only module that imports actions_toolkit and the only one that reads os.environ. Outside GitHub
Actions the same calls print plain lines, and write only the files that are named: GITHUB_OUTPUT and its kin, and
HF_SPACE_DOTENV.

Of actions_toolkit only the two halves are imported that write commands. Its `core` adds names to them, and brings an
HTTP client of its own, which would double the time in which a mistake is told.
"""

import os
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

from actions_toolkit.command import issue_command

from hf_action.rules.sanitize import holds_secret, plain, redact, spellings, unmatched
from hf_action.runner.files import Files
from hf_action.runner.streams import UNWRITABLE, finish

# Bytes of a fleet file.
MAX_FILE_BYTES = 1024 * 1024


def workspace_file(name: str) -> Path:
    """Return where a file of the workspace lies, or would; its links are followed.

    Raises:
        ValueError: that is outside of the workspace, or something that is not a file.
    """
    try:
        workspace = Path(os.environ.get("GITHUB_WORKSPACE") or Path.cwd()).resolve()
        path = (workspace / name).resolve()
    except (OSError, RuntimeError, ValueError):  # a link to itself, a name that no file can have, a folder that is gone
        raise ValueError("is not a path that can be followed; check the name and its links") from None
    if not path.is_relative_to(workspace):
        raise ValueError("lies outside of the workspace; give a path below it")
    try:
        if path.exists() and not path.is_file():
            raise ValueError("is not a file")
    except OSError as error:
        raise ValueError(f"cannot be used ({error.strerror})") from None
    return path


def _take_all(stream: TextIO, **how: Any) -> None:  # noqa: ANN401 - as reconfigure has them
    """Have a stream take every character; what somebody puts in the place of stdout may have no such way."""
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="backslashreplace", **how)


class Runner:
    """Where inputs come from and results go to. Every text printed is made plain and freed of secrets first.

    Outside of GitHub stdout is kept for what was asked for, and all else goes to stderr; with `answers_json`, which
    asks for the outputs as one JSON document, everywhere, and so with `answers`. `quiet` leaves warnings and errors of
    the rest.
    """

    def __init__(self, *, answers_json: bool = False, answers: bool = False, quiet: bool = False) -> None:
        self._secrets: tuple[str, ...] = ()
        self._known: set[str] = set()
        # Either is enough: other runners that understand the files do not always set GITHUB_ACTIONS.
        self._commands = os.environ.get("GITHUB_ACTIONS") == "true" or bool(os.environ.get("GITHUB_OUTPUT"))
        self._answers = sys.stdout if answers_json or answers or not self._commands else None
        self._document = ""
        self._printer: Callable[[str], None] | None = None
        self.answers_json = answers_json
        self.is_quiet = quiet
        self.files = Files(os.environ)
        if self._answers:
            _take_all(self._answers)
            sys.stdout = sys.stderr  # so nothing that prints can get it wrong
        _take_all(sys.stdout, encoding="utf-8", line_buffering=True)

    # ---- what is known of the machine ----

    @property
    def environ(self) -> Mapping[str, str]:
        """The environment the step was started with."""
        return os.environ

    @property
    def obeys_commands(self) -> bool:
        """Whether what is printed goes to a runner that obeys commands and keeps annotations."""
        return self._commands

    @property
    def answers(self) -> bool:
        """Whether stdout is kept for what was asked for."""
        return self._answers is not None

    @property
    def answers_person(self) -> bool:
        """Whether a person reads what was asked for as it comes."""
        return self._answers is not None and self._answers.isatty()

    @property
    def is_shell(self) -> bool:
        """Whether all that is wanted stands in the words of the command, as nobody but a shell calls it."""
        return not self._commands and not any(name.startswith("INPUT_") for name in os.environ)

    @property
    def is_terminal(self) -> bool:
        """Whether a person watches, rather than a file, a pipe or the log of a runner."""
        return sys.stdout.isatty() and not self._commands

    @property
    def wants_colours(self) -> bool:
        """Whether somebody wants colours where there is no terminal, see force-color.org."""
        return bool(os.environ.get("FORCE_COLOR")) and not self._commands

    # ---- secrets ----

    def mask(self, secret: str | None) -> None:
        """Keep a secret out of everything printed here, and have the runner keep it out of every later log."""
        if secret:
            self._secrets += spellings(secret)
            if os.environ.get("GITHUB_ACTIONS") == "true":
                self._command("add-mask", secret)

    def recognize(self, *names: str) -> None:
        """Let ids and hosts stay as they are in messages: the step deals with them, whatever they look like."""
        self._known.update(name.lower() for name in names)

    def redact(self, text: str) -> str:
        """Take secrets out of `text`."""
        return redact(text, self._secrets, self._known)

    def plain(self, text: str) -> str:
        """Make `text` one line without secrets that commands neither a runner nor a terminal."""
        return plain(text, self._secrets, self._known)

    def holds_secret(self, value: str) -> bool:
        """Whether what a machine would read has a secret of this step in it; then it must not be written."""
        return holds_secret(value, self._secrets)

    @property
    def secrets(self) -> tuple[str, ...]:
        """The spellings of the secrets of this step that are known by now."""
        return self._secrets

    # ---- the log ----

    def info(self, text: str) -> None:
        """Print one line."""
        if not self.is_quiet:
            self._print(f"{self._line(text)}\n")

    def group(self, title: str, lines: Sequence[str]) -> None:
        """Print lines that GitHub folds away under a title.

        Each has a mark in front, which keeps those problem matchers away that look at the start of a line.
        """
        if self.is_quiet:
            return
        if self._commands:
            self._command("group", self.plain(title))
        else:
            self.info(title)
        self._print("".join(f" | {self._line(line)}\n" for line in lines))
        if self._commands:
            self._command("endgroup", "")

    def debug_traceback(self, error: BaseException) -> None:
        """Print where an error came from, for runs with debug logging only."""
        for part in traceback.format_exception(error):
            for line in part.splitlines():
                self.debug(line)

    def debug(self, text: str) -> None:
        """Print one line for runs with debug logging only."""
        if os.environ.get("RUNNER_DEBUG") == "1":
            self.info(f"debug: {text}")

    def annotate(self, level: str, text: str) -> None:
        """Print one line that GitHub also shows on the run's page; `level` is error, warning or notice."""
        if self.is_quiet and level == "notice":
            return
        if self._commands:
            self._command(level, self.plain(text))
        else:
            self._print(f"{self._line(f'{level}: {text}')}\n")

    def _line(self, text: str) -> str:
        return unmatched(self.plain(text)) if self._commands else self.plain(text)

    def _command(self, name: str, text: str) -> None:
        with suppress(*UNWRITABLE):
            issue_command(name, {}, text)

    def _print(self, text: str) -> None:
        with suppress(*UNWRITABLE):  # the reader of the log has gone; the work goes on
            if self._printer:
                self._printer(text)
            else:
                sys.stdout.write(text)

    def print_with(self, printer: Callable[[str], None]) -> None:
        """Have all that is printed from now on go through what draws on the same terminal."""
        self._printer = printer

    # ---- files ----

    def keep_answer(self, document: str) -> None:
        """Keep what was asked for until `close`, since what is printed cannot be written again."""
        self._document = document

    def read_file(self, name: str) -> str:
        """Read a text file of the workspace.

        Raises:
            ValueError: it is not there, is not text, or lies outside of the workspace.
        """
        path = workspace_file(name)
        try:
            with path.open("rb") as file:
                content = file.read(MAX_FILE_BYTES + 1)
            if len(content) > MAX_FILE_BYTES:
                raise ValueError("is larger than 1 MiB; use patterns, or split it")
            return content.decode()
        except FileNotFoundError:
            raise ValueError("is not there; check out the repository before this step") from None
        except OSError as error:
            raise ValueError(f"cannot be read ({error.strerror})") from None
        except UnicodeDecodeError:
            raise ValueError("cannot be read; save it as UTF-8 text") from None

    def write_report(self, name: str, document: str) -> None:
        """Write a file of the workspace in the place of what is there; a failure is told, and ends nothing."""
        try:
            path = workspace_file(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            self.files.replace(path, f"{document}\n")
        except UNWRITABLE as error:
            self.annotate("warning", f"report-file could not be written: {error}")

    def tell_troubles(self) -> None:
        """Warn of the files that could not be written, of each once; results come before."""
        for trouble in self.files.troubles():
            self.annotate("warning", trouble)

    def close(self) -> None:
        """Print the document that was asked for, and flush; a reader that has gone does not fail the step."""
        self.tell_troubles()
        if self._answers and self._document:
            finish(self._answers, f"{self._document}\n")
        finish(sys.stdout, "")
