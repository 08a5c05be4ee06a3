"""Reading exceptions and crashes out of an app's log: Python's tracebacks, and what other languages print.

Python's own words decide here (the `traceback` module): frames are indented under `File "…", line …`, the exception
follows at the start of a line, and two fixed sentences connect it with the exception before it.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hf_action.diagnosis.text import MAX_LINE

_HEAD = "Traceback (most recent call last)"
_FRAME = re.compile(r'\s{0,40}File "[^"]{1,500}", line \d')
_CHAINED = ("During handling of the above exception", "The above exception was the direct cause")

# The name of an exception after its frames: any name, but not a level of a logger.
_EXCEPTION = re.compile(
    r"(?!(?:INFO|DEBUG|WARNING|ERROR|CRITICAL|NOTE)\b)(?:[A-Za-z_]\w{0,80}\.){0,12}[A-Za-z_]\w{0,80}(?:: |:?$)"
)
# The name of an exception without frames around it: a trimmed log, or another language.
BARE = re.compile(
    r"(?:[A-Za-z_]\w{0,80}[.:]{1,2}){0,12}(?:[A-Z]\w{0,60})?(?:Error|Exception|Exit|Interrupt|NotFound|Timeout)"
    r"(?:: |:?$| \[)"
)
_NAMED = re.compile(r"(?:Error|Exception): ")
# How other programs begin their last words.
_CRASH = re.compile(
    r"thread '[^']{0,80}' |panic: |fatal error: |The application panicked|Message:  |Exception in thread \"|Caused by: "
    r"|Error in |[Ee]rror: |ERROR:|F(?:ATAL|atal)\b|fatal: |nginx: \[emerg\]|(?:/bin/|/usr/bin/)?(?:ba|da|z)?sh: "
    r"|exec[: ]|env: |(?:/\S{1,80}/)?python[\d.]{0,5}: |Segmentation fault|Killed$|Illegal instruction|Aborted\b"
    r"|Bus error|npm (?:ERR!|error) |terminate called|Unhandled |Uncaught |OCI runtime|Address already in use"
    r"|/\S{1,200}: line \d{1,6}: |APPLICATION FAILED TO START"
)
# A line of a logger, or the beginning of something else: not the rest of an exception's message.
_LOGGED = re.compile(
    r"\[?\d{4}[-/]\d\d[-/]\d\d|\[?\d\d:\d\d:\d\d|(?:INFO|DEBUG|WARNING|ERROR|CRITICAL)\b|\* |=====|npm |Node\.js v"
)
# The server answered a request with this exception, and goes on.
_REQUEST = re.compile(
    r"Exception on /|Exception in ASGI application|Task exception was never retrieved|Error in request"
)
_REQUEST_FRAME = re.compile(r"gradio/queueing\.py|starlette/middleware/errors\.py|in full_dispatch_request|in wsgi_app")

_MAX_MESSAGE = 16  # lines of an exception's own text
_MAX_FRAMES = 400  # lines of a traceback
_KEPT_FRAMES = 60  # its last lines, which are looked at


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One exception or crash: its first line, all its lines, the calls that led to it, and what it came after."""

    start: int
    end: int
    lines: tuple[str, ...]
    frames: tuple[str, ...] = ()
    in_request: bool = False
    after: "Report | None" = None

    @property
    def line(self) -> str:
        """The line to show: the next one where the first only announces it, as Rust does."""
        first = self.lines[0]
        announces = first.endswith((":", "panicked (crashed).")) and len(self.lines) > 1
        return self.lines[1] if announces else first

    @property
    def text(self) -> str:
        """Its lines in one, for a message that was wrapped in the middle of a sentence."""
        return " ".join(line.strip() for line in self.lines)[:MAX_LINE] if len(self.lines) > 1 else ""


def read_reports(lines: Sequence[str]) -> Iterator[Report]:
    """Yield the exceptions and crashes of a log, in its order."""
    at, before = 0, None
    while at < len(lines):
        line = lines[at]
        report: Report | None
        if _is_folded(line):
            report, at = Report(start=at, end=at + 1, lines=(line,), after=before), at + 1
        elif _HEAD in line or _FRAME.match(line):
            report, at = _read_traceback(lines, at, before)
        elif BARE.match(line) or _CRASH.match(line):
            report = Report(start=at, end=(end := _message_end(lines, at)), lines=_texts(lines, at, end), after=before)
            at = end
        else:
            at += 1
            continue
        before = None
        if report:
            yield report
            if at < len(lines) and lines[at].startswith(_CHAINED):
                before, at = report, at + 1


def _is_folded(line: str) -> bool:
    """Whether a whole traceback stands in one line, as in a message that was copied from a page."""
    head = line.find(_HEAD)
    return head >= 0 and bool(_NAMED.search(line, head))


def _read_traceback(lines: Sequence[str], start: int, before: Report | None) -> tuple[Report | None, int]:
    """Return the traceback that begins here, if its exception is there, and where to read on."""
    at, strangers = start + 1, 0
    while at < min(len(lines), start + _MAX_FRAMES):
        line = lines[at]
        if line and not line[0].isspace() and not _FRAME.match(line) and _HEAD not in line:
            if _EXCEPTION.match(line):
                break
            strangers += 1  # other threads print into it
            if strangers > 3:
                return None, at
        at += 1
    else:
        return None, at
    end = _message_end(lines, at)
    frames = tuple(lines[max(start, at - _KEPT_FRAMES) : at])
    in_request = any(_REQUEST.search(line) for line in lines[max(0, start - 2) : start + 1]) or any(
        _REQUEST_FRAME.search(line) for line in frames
    )
    text = _texts(lines, at, end)
    return Report(start=start, end=end, lines=text, frames=frames, in_request=in_request, after=before), end


def _message_end(lines: Sequence[str], start: int) -> int:
    """Return where the text of an exception ends: at the next report, a logger's line, or after some lines."""
    for at in range(start + 1, min(len(lines), start + _MAX_MESSAGE)):
        line = lines[at]
        if (
            _HEAD in line
            or line.startswith(_CHAINED)
            or _FRAME.match(line)
            or BARE.match(line)
            or _CRASH.match(line)
            or _LOGGED.match(line)
        ):
            return at
    return min(len(lines), start + _MAX_MESSAGE)


def _texts(lines: Sequence[str], start: int, end: int) -> tuple[str, ...]:
    return tuple(line for line in lines[start:end] if line.strip())
