"""The machine the step runs on: its environment, its log, and the files it reads results from.

This is the only module that imports actions_toolkit and the only one that reads os.environ. Outside GitHub
Actions the same calls print plain lines, and write only the files that are named: GITHUB_OUTPUT and its kin, and
HF_SPACE_DOTENV.

Of actions_toolkit only the two halves are imported that write commands. Its `core` adds names to them, and brings an
HTTP client of its own, which would double the time in which a mistake is told.
"""

import json
import os
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from actions_toolkit.command import issue, issue_command
from actions_toolkit.file_command import issue_file_command, prepare_key_value_message

from hf_action.report.outputs import dotenv
from hf_action.rules.results import Step
from hf_action.rules.sanitize import hidden, one_line, redact

# Bytes of a fleet file.
MAX_FILE_BYTES = 1024 * 1024


class Runner:
    """Where inputs come from and results go to. Everything printed is made plain and freed of the token first.

    With `answers_json`, stdout is kept for the outputs as one JSON document, and all else goes to stderr.
    """

    def __init__(self, *, answers_json: bool = False) -> None:
        self._secrets: list[str] = []
        self._answers = sys.stdout if answers_json else None
        self._document: Mapping[str, object] = {}
        if answers_json:
            sys.stdout = sys.stderr  # so nothing that prints can get it wrong
        # Either is enough: other runners that understand the files do not always set GITHUB_ACTIONS.
        self._commands = os.environ.get("GITHUB_ACTIONS") == "true" or bool(os.environ.get("GITHUB_OUTPUT"))
        files = ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_STATE", "HF_SPACE_DOTENV")
        self._sizes = {name: _size(name) for name in files}
        if hasattr(sys.stdout, "reconfigure"):
            sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)

    @property
    def environ(self) -> Mapping[str, str]:
        """The environment the step was started with."""
        return os.environ

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

    def mask(self, secret: str | None) -> None:
        """Keep a secret out of everything printed here, and have the runner keep it out of every later log."""
        if secret:
            self._secrets.append(secret)
            if os.environ.get("GITHUB_ACTIONS") == "true":
                with suppress(OSError):
                    issue_command("add-mask", {}, secret)

    def hidden(self, step: Step) -> Step:
        """Return the step without tokens in any text."""
        return hidden(step, self.redact)

    def redact(self, text: str) -> str:
        """Take tokens out of `text`."""
        return redact(text, self._secrets)

    def one_line(self, text: str) -> str:
        """Make `text` one line without tokens that commands neither a runner nor a terminal."""
        return one_line(self.redact(text))

    def info(self, text: str) -> None:
        """Print one line."""
        with suppress(OSError):  # whoever read the log has gone; the work goes on
            sys.stdout.write(f"{self.one_line(text)}\n")

    def group(self, title: str, lines: Sequence[str]) -> None:
        """Print lines that GitHub folds away under a title."""
        if self._commands:
            issue("group", self.one_line(title))
        else:
            self.info(title)
        for line in lines:
            self.info(f"  {line}")
        if self._commands:
            issue("endgroup")

    def debug_traceback(self, error: BaseException) -> None:
        """Print where an error came from, for runs with debug logging only."""
        for line in traceback.format_exception(error):
            self.debug(line)

    def debug(self, text: str) -> None:
        """Print one line for runs with debug logging only."""
        if os.environ.get("RUNNER_DEBUG") == "1":
            self.info(f"debug: {text}")

    def annotate(self, level: str, text: str) -> None:
        """Print one line that GitHub also shows on the run's page; `level` is error, warning or notice."""
        if not self._commands:
            self.info(f"{level}: {text}")
            return
        with suppress(OSError):
            issue_command(level, {}, self.one_line(text))

    def write_outputs(self, outputs: Mapping[str, str]) -> None:
        """Write all outputs, in place of those written before; HF_SPACE_DOTENV may name a file for GitLab, too."""

        def write() -> None:
            for name, value in outputs.items():
                issue_file_command("OUTPUT", prepare_key_value_message(name, self.redact(value)))

        def write_dotenv() -> None:
            Path(os.environ["HF_SPACE_DOTENV"]).write_text(self.redact(dotenv(outputs)), encoding="utf-8")

        self._write("GITHUB_OUTPUT", write)
        self._write("HF_SPACE_DOTENV", write_dotenv)

    def keep_document(self, document: Mapping[str, object]) -> None:
        """Keep the outputs for `close`, since what is printed cannot be written anew."""
        self._document = document

    def write_summary(self, markdown: str) -> None:
        """Write the job summary, in place of one written before. actions_toolkit has no call for it."""

        def write() -> None:
            with Path(os.environ["GITHUB_STEP_SUMMARY"]).open("a", encoding="utf-8") as file:
                file.write(self.redact(markdown))

        self._write("GITHUB_STEP_SUMMARY", write)

    def save_state(self, text: str) -> None:
        """Keep a text for the post step; the last one counts."""

        def write() -> None:
            issue_file_command("STATE", prepare_key_value_message("restore", self.redact(text)))

        self._write("GITHUB_STATE", write)

    def saved_state(self) -> str:
        """Return the text that the step kept; nothing where it kept none."""
        return os.environ.get("STATE_restore", "")  # noqa: SIM112 - as GitHub spells what save_state has named

    def read_file(self, name: str) -> str:
        """Read a text file of the workspace.

        Raises:
            ValueError: it is not there, is not text, or lies outside of the workspace.
        """
        try:
            workspace = Path(os.environ.get("GITHUB_WORKSPACE") or Path.cwd()).resolve()
            path = (workspace / name).resolve()
        except (OSError, RuntimeError, ValueError):  # a link to itself, a name that no file can have
            raise ValueError("is not a path that can be followed; check the name and its links") from None
        if not path.is_relative_to(workspace):
            raise ValueError("lies outside of the workspace; give a path below it")
        try:
            if path.exists() and not path.is_file():
                raise ValueError("is not a file")
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

    def _write(self, name: str, write: Callable[[], None]) -> None:
        """Write a file of the runner; where that fails the step goes on, since the log has the result too."""
        path = os.environ.get(name)
        if not path:
            return
        try:
            self._start_over(name)
            write()
        except Exception as error:  # noqa: BLE001 - actions_toolkit raises just that for a missing file
            self.annotate("warning", f"{name} could not be written: {error}")
            with suppress(OSError):
                self._start_over(name)  # the runner fails a step whose file breaks off in the middle

    def _start_over(self, name: str) -> None:
        size = self._sizes[name]
        if size is not None:
            os.truncate(os.environ[name], size)

    def close(self) -> None:
        """Print the document that was asked for, and flush; a reader that has gone is no failure of the step."""
        if self._answers and self._document:
            _finish(self._answers, self.redact(json.dumps(self._document, indent=2)) + "\n")
        _finish(sys.stdout, "")


def _finish(stream: TextIO, text: str) -> None:
    try:
        stream.write(text)
        stream.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _size(name: str) -> int | None:
    """Return the size of the file a variable names, to be able to start over; None where there is none yet."""
    try:
        return os.stat(os.environ.get(name, "")).st_size  # noqa: PTH116 - no name is no file; to Path it is this folder
    except OSError:
        return None
