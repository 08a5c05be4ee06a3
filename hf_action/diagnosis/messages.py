"""Reading the Hub's own error message: its verdict, or the end of the log that it passes on.

Where a process ended by itself, the Hub fills the message with the end of what it printed. Where a build failed, it
lists the steps that were not cached, and statistics in JSON; both tell nothing of the reason.
"""

import re
from dataclasses import dataclass

from hf_action.diagnosis.evidence import Evidence, Source
from hf_action.diagnosis.text import read_lines

_ENDED = re.compile(
    r"(?:Space failed to start\. )?(?:Exit code|(?:Job|Build) failed with exit code): (?P<code>[\d?]{1,5})\.?"
    r"(?: Reason:)? ?"
)
# Codes with which a program ends by itself, so that what follows are its own words, not the Hub's.
OWN_CODES = frozenset({"1", "2", "3", "4", "5", "134", "139", "255"})
_CACHE_MISS = "cache miss: "
_STATISTICS = re.compile(r'\s{0,10}\{"\w{1,40}":')


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What the Hub says: its verdict, the exit code it names, the steps it lists, and the end of the log."""

    verdict: tuple[str, ...] = ()
    code: str = ""
    steps: tuple[str, ...] = ()
    log: tuple[str, ...] = ()

    def evidence(self, *, building: bool) -> list[Evidence]:
        """Return the Hub's own words as evidence, and the steps that it lists, each for its own signs."""
        found = []
        if self.verdict:
            source = Source.BUILD_MESSAGE if building else Source.RUN_MESSAGE
            found.append(Evidence(source=source, line=self.verdict[0], scopes=(self.verdict,), is_error=False))
        if self.steps:
            found.append(Evidence(source=Source.CACHE_LIST, line=self.steps[0], scopes=(self.steps,), is_error=False))
        return found


def read_message(text: str) -> Message:
    """Take the Hub's message apart."""
    lines = [line for line in read_lines([text]) if line.strip()]
    if not lines:
        return Message()
    ended = _ENDED.match(lines[0])
    body = [lines[0][ended.end() :], *lines[1:]] if ended else lines
    steps = tuple(line for line in body if line.startswith(_CACHE_MISS))
    words = tuple(line for line in body if line.strip() and line not in steps and not _STATISTICS.match(line))
    if not ended:
        return Message(verdict=words, steps=steps, log=words)
    if ended["code"] in OWN_CODES:
        return Message(
            verdict=(ended[0].removesuffix(" ").removesuffix(" Reason:"),), code=ended["code"], steps=steps, log=words
        )
    return Message(verdict=(lines[0], *words[1:]), code=ended["code"], steps=steps)
