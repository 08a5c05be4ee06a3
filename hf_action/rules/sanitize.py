"""Makes text from elsewhere harmless: no commands, no control characters, no secrets."""

import re
from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


Record = TypeVar("Record", bound="DataclassInstance")
# Characters of a message, and Spaces of which a failure names each, that a reader still takes in.
MAX_LINE = 2_000

# Control characters, separators of lines, marks of direction, and halves of surrogate pairs, which no file can hold.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]+")
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
# Tokens of the Hub, and the commonest other secrets that an app may have printed. A Space may be named hf_something, so
# what is shorter than a real token, or has other marks in it, is none where it stands in an id.
_TOKEN = re.compile(
    r"\b(?:(?<!/)(?:hf|api_org)_[A-Za-z0-9]{8,}+(?![\w/-])|(?:hf|api_org)_[A-Za-z0-9]{30,}|hf_(?:jwt|oauth)_[\w.\-]{8,}"
    r"|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|sk-[A-Za-z0-9_\-]{20,}|AKIA[A-Z0-9]{16})"
)


# ---- plain text ----


def redact(text: str, secrets: Sequence[str]) -> str:
    """Take the secrets of this step, and whatever looks like a token, out of `text`.

    Colours go first: a secret that they cut in two would be whole again once they are gone.
    """
    text = _ANSI.sub("", text).replace("\x1b", "\0")
    for secret in secrets:
        text = text.replace(secret, "***")
    return _TOKEN.sub("***", text)


def hidden(record: Record, redact: Callable[[str], str]) -> Record:
    """Return a copy of facts, a result or a step in which `redact` has been over every text.

    It has to happen before a text is cut or Markdown is made: a token that is cut, or spelled with entities, is a
    token all the same.
    """
    return replace(record, **{part.name: _hidden(getattr(record, part.name), redact) for part in fields(record)})


def _hidden(value: object, redact: Callable[[str], str]) -> object:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, tuple):
        return tuple(_hidden(part, redact) for part in value)
    return hidden(value, redact) if is_dataclass(value) and not isinstance(value, type) else value


def one_line(text: str) -> str:
    """Make `text` one line that the runner cannot take for a command.

    It obeys `::command::` at the start of a line and `##[command]` anywhere
    (https://github.com/actions/runner, src/Runner.Common/ActionCommand.cs).
    """
    text = _CONTROL.sub(" ", _ANSI.sub("", text[: 2 * MAX_LINE])).replace("##[", "# #[").rstrip()
    if text.lstrip().startswith("::"):
        text = ": " + text.lstrip(": ")
    return text if len(text) <= MAX_LINE else text[: MAX_LINE - 1] + "…"


def shorten(text: str, most: int, *, keep_end: bool = False) -> str:
    """Cut `text` to at most so many characters, between words: a secret in it stays whole, or goes as a whole.

    What is cut off is the end, or with `keep_end` the beginning. A last word that does not fit is left out.
    """
    if len(text) <= most:
        return text
    if keep_end:
        _, blank, kept = text[-most:].partition(" ")
        return f"… {kept}" if blank else "…"
    kept, blank, _ = text[:most].rpartition(" ")
    return f"{kept} …" if blank else "…"
