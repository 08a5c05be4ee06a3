"""Makes text from elsewhere harmless: without secrets, on one line, and never a command.

All of it runs on bounded text and in linear time: a regular expression holds the interpreter, and no signal is heard
meanwhile. It is for text that people read. What a machine reads (ids, commits, hosts) is never rewritten: it is refused
where it does not fit (docs/contract.md, Outputs).
"""

import base64
import json
import re
from collections.abc import Container, Iterator, Sequence
from html import escape as html_escape
from itertools import pairwise
from urllib.parse import quote

# Characters of a message that a reader still takes in.
MAX_LINE = 2_000
# Characters of a text that are looked at, before colours and the like are taken out of it.
MAX_TEXT = 4_000
# Characters that a token has at least. What is shorter is not one, and to hide it would hide ordinary words.
MIN_TOKEN = 8
# Characters at the start or end of a token of this step that give it away where the rest was cut off.
FRAGMENT = 8
# What stands in the place of a secret.
STARS = "***"

# Most lines need few of these patterns, which take long to compile: `re` does that on first use, and keeps it.

# Control characters, separators of lines, and halves of surrogate pairs, which no file can hold.
_CONTROL = r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+"
# Characters that nobody sees: of no width, and marks of direction.
_INVISIBLE = r"[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff]+"
_ANSI = r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])|\x9b[0-?]*[ -/]*[@-~]"

# What problem matchers look for: a word, and the number of a line (gcc: `:10:5:`, tsc: `(10,5)`, eslint, Python).
_SEVERITY = re.compile(r"error|warning|info|note|fatal", re.IGNORECASE)
_PLACE = re.compile(r"(?<=[:(,])(?=[0-9]{1,9}[:,)\s])|(?<=line )(?=[0-9]{1,9}, col)")


# ---- plain text ----


def plain(text: str, secrets: Sequence[str], known: Container[str] = ()) -> str:
    """Return `text` as it may be shown: without secrets, one line, and no command.

    Secrets go first. What is cut, or made of entities, would be one all the same, but no longer look like it.
    """
    return one_line(redact(text[:MAX_TEXT], secrets, known))


def one_line(text: str) -> str:
    """Make `text` one line that the runner cannot take for a command.

    It obeys `::command::` at the start of a line and `##[command]` anywhere
    (https://github.com/actions/runner, src/Runner.Common/ActionCommand.cs).
    """
    text = visible(text[:MAX_TEXT]).replace("##[", "# #[").rstrip()
    if not text.isprintable():
        text = re.sub(_CONTROL, " ", text).rstrip()
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


def unmatched(line: str) -> str:
    """Return a line of the log that no problem matcher of an earlier step takes for its own.

    They look for a place in a file beside a word such as `error`; a mark that nobody sees is put before the numbers of
    that place.
    """
    return _PLACE.sub("\u2060", line) if _SEVERITY.search(line) else line


def visible(text: str) -> str:
    """Return what a reader sees: whatever cuts a secret in two without being seen is gone."""
    if text.isascii() and "\x1b" not in text:
        return text
    return re.sub(_INVISIBLE, "", re.sub(_ANSI, "", text))


# ---- secrets ----


def is_token(value: object) -> bool:
    """Whether a value may be a token at all; one that came in an answer and is not must be refused, not hidden."""
    return isinstance(value, str) and len(value) >= MIN_TOKEN and not re.search(r"[^\x21-\x7e]", value)


def spellings(secret: str) -> tuple[str, ...]:
    """Return the forms in which a secret is the same secret: as it is, in addresses, JSON, HTML, base64 and hex.

    What base64 makes of it depends on where it stands in groups of three bytes; only what is always the same counts.
    """
    raw = secret.encode(errors="replace")
    forms = [secret, quote(secret, safe=""), json.dumps(secret)[1:-1], html_escape(secret), raw.hex(), secret[::-1]]
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for before in range(3):
            coded = encode(b"\0" * before + raw).decode().rstrip("=")
            forms.append(coded[(before * 8 + 5) // 6 : (before + len(raw)) * 8 // 6])
    return tuple(dict.fromkeys(form.lower() for form in forms if len(form) >= min(FRAGMENT, len(secret))))


def holds_secret(value: str, secrets: Sequence[str]) -> bool:
    """Whether a value that a machine reads has a secret of this step in it; `secrets` are spellings."""
    lowered = value.lower()
    return any(secret in lowered for secret in secrets if len(secret) >= MIN_TOKEN)


def redact(text: str, secrets: Sequence[str], known: Container[str] = ()) -> str:
    """Take the secrets of this step, and whatever looks like one, out of `text`.

    `secrets` are spellings; of a cut one what is left of it goes, too. `known` are ids and hosts that this step deals
    with, in lower case: they stay as they are.
    """
    if "\x1b" in text or "\x9b" in text:  # the letter that ends a colour may be the first one of a secret
        text = _hidden(text, secrets, known)
    return _hidden(visible(text).replace("\x1b", "\0"), secrets, known)


def _hidden(text: str, secrets: Sequence[str], known: Container[str]) -> str:
    """Take secrets out of `text` as it stands there."""
    lowered = _lowered(text)
    for secret in secrets:
        if secret[:FRAGMENT] in lowered or secret[-FRAGMENT:] in lowered:
            text = _without(text, secret)
            lowered = _lowered(text)
    for pattern, beginnings in _PATTERNS:
        shown = _replace(text, lowered, pattern, beginnings, known)
        if shown is not text:
            text, lowered = shown, _lowered(shown)
    return text


def is_secret(name: str, value: str) -> bool:
    """Whether a value is a secret by its name, as that of `access_token` is."""
    return bool(re.search(_SECRET_NAME, name)) and not re.fullmatch(_INNOCENT, value)


def fragments(secrets: Sequence[str]) -> frozenset[str]:
    """Return the parts of secrets by which `without_fragments` knows them; `secrets` are spellings."""
    return frozenset(
        secret[at : at + FRAGMENT] for secret in secrets for at in range(max(len(secret) - FRAGMENT + 1, 0))
    )


def without_fragments(text: str, parts: frozenset[str]) -> str:
    """Take out of `text` every part of a secret, also one from its middle; `parts` are those of `fragments`."""
    lowered = _lowered(text) if parts else ""
    spans: list[tuple[int, int]] = []
    for start in range(len(lowered) - FRAGMENT + 1):
        if lowered[start : start + FRAGMENT] in parts:
            begun = spans.pop()[0] if spans and start <= spans[-1][1] else start
            spans.append((begun, start + FRAGMENT))
    kept, at = [], 0
    for start, end in spans:
        kept += [text[at:start], STARS]
        at = end
    return "".join([*kept, text[at:]]) if spans else text


def _without(text: str, secret: str) -> str:
    """Take one spelling out of `text`, or what is left of it where it was cut."""
    lowered = _lowered(text)
    spans = sorted({*_starts(lowered, secret), *_ends(lowered, secret)}, key=lambda span: (span[0], -span[1]))
    parts, at = [], 0
    for start, end in spans:
        if end > at:
            parts += [text[at:start], STARS]
            at = end
    return "".join([*parts, text[at:]])


def _lowered(text: str) -> str:
    """Return `text` in lower case, each character in its place: in some languages one becomes two."""
    lowered = text.lower()
    return lowered if len(lowered) == len(text) else "".join(mark.lower()[0] for mark in text)


def _starts(text: str, secret: str) -> Iterator[tuple[int, int]]:
    """Yield where `text` has the secret, or its first characters and no more of it."""
    head = secret[:FRAGMENT]
    at = text.find(head)
    while at >= 0:
        length = len(head)
        while length < len(secret) and text[at + length : at + length + 1] == secret[length]:
            length += 1
        yield at, at + length
        at = text.find(head, at + length)


def _ends(text: str, secret: str) -> Iterator[tuple[int, int]]:
    """Yield where `text` has the last characters of the secret, with as many before them as it has."""
    tail = secret[-FRAGMENT:]
    at = text.find(tail)
    while at >= 0:
        length = len(tail)
        while length < len(secret) and at + len(tail) - length > 0:
            if text[at + len(tail) - length - 1] != secret[-length - 1]:
                break
            length += 1
        yield at + len(tail) - length, at + len(tail)
        at = text.find(tail, at + len(tail))


# ---- what looks like a secret ----

# Where a word begins: also behind an escape such as `\n`, `%3D`, `\x3d` or `=`, whose last character is a letter.
_WORD = (
    r"(?:(?<![A-Za-z0-9])|(?<=\\[abfnrtv])|(?<=%[0-9A-Fa-f][0-9A-Fa-f])"
    r"|(?<=\\x[0-9A-Fa-f][0-9A-Fa-f])|(?<=\\u00[0-9A-Fa-f][0-9A-Fa-f]))"
)
# An underscore, as it is or escaped.
_BAR = r"(?:_|%5[Ff]|\\u005[Ff]|&\#95;)"
# Tokens of the Hub, and the commonest other ones that an app may have printed. A library or a Space may be named
# hf_something: what is short, has no capitals and is part of a longer name is not taken for a token.
_TOKEN = rf"""(?x)(?:
      (?:hf|api_org){_BAR}(?=[a-z0-9]{{0,64}}+[A-Z])(?:(?!hf_)[A-Za-z0-9]){{8,}}
    | (?:hf|api_org){_BAR}(?:(?!hf_)[A-Za-z0-9]){{30,}}
    | (?<!/)(?:hf|api_org){_BAR}[A-Za-z0-9]{{8,}}+(?![\w/-])
    | hf{_BAR}(?:jwt|oauth){_BAR}[\w.\-]{{8,}}
    | gh[pousr]{_BAR}[A-Za-z0-9]{{20,}} | github{_BAR}pat{_BAR}\w{{20,}}
    | {_WORD}sk-[A-Za-z0-9_\-]{{20,}} | sk-(?=[a-z0-9_\-]{{0,64}}+[A-Z])[A-Za-z0-9_\-]{{20,}}
    | A[KS]IA[A-Z0-9]{{16}} | AIza[A-Za-z0-9_\-]{{30,}} | xox[a-z]-[A-Za-z0-9\-]{{10,}} | glpat-[\w\-]{{15,}}
    | npm_[A-Za-z0-9]{{30,}} | pypi-[A-Za-z0-9_\-]{{40,}} | eyJ[\w\-]{{8,400}}+\.[\w\-]{{8,}}(?:\.[\w\-]*)?
    )"""
# `https://user:password@host`, and `https://token@host`. A plain `git@` is not a secret.
_ADDRESS = r"(?P<keep>://)(?:[^\s/?#\"'<>@]{0,256}(?::|%3[Aa])[^\s/?#\"'<>]{0,512}|[\w.~%-]{16,512})(?=@)"
# `Authorization: Bearer …` and its like, and a scheme with its credentials alone. Credentials of `Basic` have capitals.
_SCHEME = r"""(?x)(?P<keep>
      (?i:authorization|api-key|cookie)\\{0,4}["']?\s{0,3}[:=]\s{0,3}\\{0,4}["']?
        (?:(?i:bearer|basic|token|digest|negotiate)\s{1,3})?
    | (?<![A-Za-z0-9])(?i:bearer)(?:\s{1,3}|%20|\+)
        (?!(?i:auth|token|credential|scheme|format|or|and|is|header|must)\w*\b)
    | (?<![A-Za-z0-9])(?i:basic)\s{1,3}(?=[A-Za-z0-9+/]{0,64}[a-z0-9][A-Z])(?=\S{8})
    )(?P<value>[^\s"',;\\<>]{6,})"""
# The end of a name whose value is a secret.
_SECRET_WORD = (
    r"(?i:token|secret|password|passwd|passphrase|credentials?|apikey|accesskey|(?<=[_.-])(?:key|pwd|pass))"
    r"|(?<=[a-z])Key"
)
_SECRET_NAME = rf"(?:{_SECRET_WORD})(?:_?[0-9]{{1,2}})?\Z"
# `NAME=value`, `"name": "value"`, `name: value` of names that end in a word for secrets. A key alone
# (`key=…`) may be any key, so it needs to be the key to something; `tokens` are counted and not kept secret.
_NAMED = (
    rf"(?x)(?P<keep>(?P<name>{_SECRET_WORD})"
    r"""(?:_?[0-9]{1,2})?
      (?: \\{0,4}["'\]]{0,2}\s{0,3}(?:=>|:=|==?|:|%3[AaDd]|\\u003[AaDd])\s{0,3}))
    (?: \\{0,4}(?P<quote>["'])(?P<quoted>[^"']{1,2048}) | (?P<value>[^\s"'`,;&<>(){}\[\]|]{1,2048}) )"""
)
# `--name value` of a command line.
_FLAG = (
    r"(?P<keep>--(?P<name>[a-z0-9-]{0,40}(?:token|secret|password|passphrase|key))\s{1,3})"
    r"(?P<value>[^\s\"'-]\S{0,2048})"
)
# Values that are not secrets: nothing, a placeholder, the name of a variable, a word of a sentence.
_INNOCENT = r"""(?xi)
      (?:none|null|nil|true|false|undefined|unset|empty|missing|required|invalid|expired|found|set|expected|unexpected
      |denied|refused|wrong|ok|error|failed|timed-out|unreachable|unchanged|skipped|planned|cancelled|superseded|lambda
      |str|int|bytes|optional|an?|the|this|that|has|have|had|is|are|was|were|will|would|should|can|cannot|could|may|might
      |must|does|do|did|not|no|of|in|on|at|to|from|for|with|by|as|be|been|it|its|your|you|or|and|but|if|when|where|which
      |what|how|than|then|there|read|write|\W*)[.:!?]?
      | \$(?-i:[A-Z_]*) | \$\{[^}]*\} | %[sdr]? | \*+ | <[^>]*> | [0-9]{1,7} | os\.\S+ | self\.\S+
      | (?-i:[A-Z][A-Z0-9]*_(?:[A-Z0-9]+_)*(?:TOKEN|KEY|SECRET|PASSWORD|ID|NAME|URL))[.:!?]?"""
# Each pattern with what it begins with, in lower case: to look for that first is many times as fast.
_PATTERNS = tuple(
    (pattern, tuple(beginnings.split()))
    for pattern, beginnings in (
        (_ADDRESS, "://"),
        (_SCHEME, "authorization api-key cookie bearer basic"),
        (_NAMED, "token secret pass credential apikey accesskey key pwd"),
        (_FLAG, "--"),
        (
            _TOKEN,
            "hf_ hf%5f hf\\u005f hf&#95; api_org ghp gho ghu ghs ghr github_pat github%5fpat sk- akia asia aiza xox "
            "glpat- npm_ pypi- eyj",
        ),
    )
)


def _replace(text: str, lowered: str, pattern: str, beginnings: Sequence[str], known: Container[str]) -> str:
    """Return `text` with stars in the place of what the pattern finds; the same object where it finds nothing."""
    # Most beginnings are not there, and to see that costs less than to go through their places.
    places = sorted({place for word in beginnings if word in lowered for place in _places(lowered, word)})
    if not places:
        return text
    parts, at, look = [], 0, re.compile(pattern).match
    for start in places:
        match = look(text, start) if start >= at else None
        if match:
            parts += [text[at:start], _starred(match, known)]
            at = match.end()
    return "".join([*parts, text[at:]]) if parts else text


def _places(text: str, word: str) -> Iterator[int]:
    at = text.find(word)
    while at >= 0:
        yield at
        at = text.find(word, at + 1)


def _starred(match: re.Match[str], known: Container[str]) -> str:
    """Return what stands in the place of a match: stars, unless it is part of an id or host that is dealt with."""
    found = match.groupdict()
    value = found.get("quoted") or found.get("value")
    if "name" in found and value is not None and re.fullmatch(_INNOCENT, value):
        return match[0]
    if _is_known(match.string, *match.span("name" if "name" in found else 0), known):
        return match[0]
    return (found.get("keep") or "") + (found.get("quote") or "") + STARS


def _is_known(text: str, start: int, end: int, known: Container[str]) -> bool:
    """Whether all of `text[start:end]` is part of a word that is known."""
    first, last = start, end
    while first > 0 and start - first < 200 and (text[first - 1].isalnum() or text[first - 1] in "-_./"):
        first -= 1
    while last < len(text) and last - end < 200 and (text[last].isalnum() or text[last] in "-_./"):
        last += 1
    at, parts = first, []
    for part in text[first:last].split("/"):
        parts.append((at, at + len(part), part.rstrip(".").lower()))
        at += len(part) + 1
    pairs = [(one[0], two[1], f"{one[2]}/{two[2]}") for one, two in pairwise(parts)]
    return any(begin <= start and end <= finish and word in known for begin, finish, word in (*parts, *pairs))
