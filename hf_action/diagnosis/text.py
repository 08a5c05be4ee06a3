"""The lines of a log as people read them: without colours, without the builder's prefixes, and bounded.

Everything here costs no more than the length of the text. A long line is cut between two words, so that a secret is
either whole, and can be recognized and removed before it is shown, or not there.
"""

import re
from collections.abc import Iterable

MAX_LINES = 2_000
MAX_LINE = 2_000  # characters

# Escape sequences of terminals: colours and cursor (ECMA-48), titles and links (OSC), and the two-character ones.
_ESCAPES = re.compile(r"\x1b(?:\[[0-9;?]{0,40}[ -/]{0,4}[@-~]|\][^\x07\x1b]{0,500}(?:\x07|\x1b\\)?|[@-Z\\^_])")

# What programs put before each line of another program: BuildKit (`#12 3.456 `), torchrun (`[rank0]: `), vLLM
# (`(EngineCore pid=7) `), Python around the lines of an exception group (`  | `), and Docker before a traceback.
_PREFIX = re.compile(
    r"#\d{1,4} \d{1,6}\.\d{1,4} |\[rank\d{1,4}\]:\s?|\(\w{1,40} pid=\d{1,10}\) |\s{0,20}\| "
    r"|\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?Z? "
    r'(?=Traceback|  File "|    |(?:\w{1,60}\.){0,9}\w{1,60}(?:Error|Exception): )'
)


def read_lines(texts: Iterable[str]) -> list[str]:
    """Return the last lines of a log, each as plain text; a text may hold several lines, or a line and its end."""
    lines = [line for text in texts for line in text.splitlines()]
    return [_plain(line) for line in lines[-MAX_LINES:]]


def _plain(line: str) -> str:
    if len(line) > MAX_LINE:
        line = line[:MAX_LINE].rpartition(" ")[0]
    line = _ESCAPES.sub("", line).rstrip()
    prefix = _PREFIX.match(line)
    return line[prefix.end() :] if prefix else line
