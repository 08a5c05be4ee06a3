"""Changes the values of JSON, and leaves every other character of its text as it is.

To read a document and to write it again would change numbers, drop names that come twice, and fail on what is cut off
in the middle or nested too deep. This goes through the text once, whatever it is, in linear time.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field

# The name of what a value is in, its own, and the value; what is in a list has the name of the list.
Change = Callable[[str, str, str], str]

# A name or a string, a mark, a number or a word; the last is anything that is no part of JSON.
_PART = re.compile(
    r"""(?P<blank>[ \t\r\n]++)
    | (?P<string>"(?:[^"\\\x00-\x1f]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*+")(?P<colon>[ \t\r\n]*+:)?
    | (?P<mark>[{}\[\],])
    | (?P<scalar>-?[0-9]++(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?|true|false|null)(?![^ \t\r\n{}\[\],])
    | (?P<rest>.)""",
    re.VERBOSE | re.DOTALL,
)


def is_json(text: str) -> bool:
    """Whether a text may be JSON, by its first character that is not blank."""
    return text.lstrip()[:1] in ("{", "[", '"')


def change_values(text: str, *, value: Change, name: Callable[[str], str]) -> str:
    """Return JSON with other strings and names in it; what follows the first mistake in it is one value.

    A number is changed as a string is, and becomes one where it changes.
    """
    walk = _Walk(value=value, name=name)
    for found in _PART.finditer(text):
        if found["rest"]:
            walk.parts.append(walk.changed(text[found.start() :]))
            break
        walk.take(found)
    return "".join(walk.parts)


@dataclass(slots=True)
class _Walk:
    """Where in a document we are: the name of what comes next, and those of what is around it."""

    value: Change
    name: Callable[[str], str]
    named: str = ""
    around: list[str] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)

    def take(self, found: re.Match[str]) -> None:
        """Take one part of the text."""
        if found["string"]:
            self._string(found["string"], found["colon"])
        elif found["scalar"]:
            shown = self.changed(found[0])
            self.parts.append(found[0] if shown == found[0] else json.dumps(shown))
        else:
            self._mark(found[0])
            self.parts.append(found[0])

    def changed(self, text: str) -> str:
        """Return what a value becomes."""
        return self.value(self.around[-1] if self.around else "", self.named, text)

    def _string(self, quoted: str, colon: str | None) -> None:
        text = json.loads(quoted)
        if colon is None:
            shown = self.changed(text)
        else:
            self.named, shown = text, self.name(text)
        self.parts += [quoted if shown == text else json.dumps(shown), colon or ""]

    def _mark(self, mark: str) -> None:
        if mark in "{[":
            self.around.append(self.named)
        elif mark in "}]" and self.around:
            self.named = self.around.pop()
