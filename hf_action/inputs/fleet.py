"""Reads a fleet file: Spaces and patterns, each with its own inputs, or every mistake with its line.

Values are taken as they are written, not as YAML constructs them: to YAML 1.1 the commit 0123456 is the number
42798, and `1:30` is 90. So this reads nodes, which keep the text and the line, and no constructor runs.
The caller opens the file, and keeps within the workspace.

Source: docs/contract.md, "Inputs", `fleet-file`. Editors get the same rules from schemas/fleet.schema.json.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hf_action.inputs.names import nearest
from hf_action.inputs.nodes import Node, NotYaml, compose
from hf_action.inputs.readers import parse_space, shown
from hf_action.inputs.table import INPUTS
from hf_action.rules.addresses import has_credentials
from hf_action.rules.selection import is_pattern

# What one Space may have for itself; every other input belongs to the whole step.
KNOWN = tuple(name for name, row in INPUTS.items() if row.per_space)
_CHANGING = tuple(name for name in KNOWN if INPUTS[name].changes)

# Characters of a file; two thousand Spaces with a handful of inputs each are a quarter of it.
MAX_FILE_CHARS = 1 << 20
# Characters of one value; the readers of single values may take quadratic time.
MAX_VALUE = 300
# Entries of a file.
MAX_SPACES = 10_000
# Mistakes that are shown; the others are only counted.
MAX_MISTAKES = 20
# Characters of a text from the file in one mistake.
MAX_PLAIN = 100

SPACES_FORM = "write 'spaces:' and under it a list with '- owner/name' or '- id: owner/name' for each Space"

# Tags of plain texts, numbers and words, which are all read as text.
_TEXTS = frozenset({"!!str", "!!int", "!!float", "!!bool", "!!timestamp", "!!value", "!!merge"})
_BOOLEANS = {"true": "true", "yes": "true", "on": "true", "false": "false", "no": "false", "off": "false"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a fleet file, with the file's defaults filled in."""

    space: str  # owner/name, or a pattern with * or ? in the name
    # As text, the way `with:` would give them. Only what the file sets; an empty one counts as absent and so takes
    # away what the file's defaults, or the step, say.
    inputs: Mapping[str, str]
    line: int = field(default=1, compare=False)  # for mistakes found later, in how its inputs go together
    own: frozenset[str] = field(default=frozenset(), compare=False)  # the inputs that are not from the defaults


class FleetError(ValueError):
    """A fleet file with mistakes: each reads `file:line: key: what is wrong; accepted forms` and a full stop.

    The first ones are in `mistakes`, and `more` counts the others. `entries` are those without any, of which more can
    be said.
    """

    def __init__(self, mistakes: list[str], *, more: int, entries: tuple[Entry, ...]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes
        self.more = more
        self.entries = entries


class _Mistake(ValueError):
    """One mistake. Raised, it ends what is being read; noted, reading goes on."""

    def __init__(self, line: int, key: str, about: str) -> None:
        super().__init__(line, key, about)
        self.line, self.key, self.about = line, key, about


class _Mistakes:
    """All mistakes of a file: the first ones by line, and how many there are."""

    def __init__(self) -> None:
        self.count = 0
        self._kept: list[_Mistake] = []

    @property
    def are_many(self) -> bool:
        """Whether there are more than will be shown."""
        return self.count > 2 * MAX_MISTAKES

    def note(self, mistake: _Mistake) -> None:
        """Keep a mistake, or only count it."""
        self.count += 1
        self._kept.append(mistake)
        if len(self._kept) > 2 * MAX_MISTAKES:
            self._kept = self.first()

    def first(self) -> list[_Mistake]:
        """Return the mistakes to show, in the order of lines."""
        return sorted(self._kept, key=lambda mistake: mistake.line)[:MAX_MISTAKES]


def read_fleet(text: str, *, name: str) -> tuple[Entry, ...]:
    """Read the text of a fleet file; `name` is what its mistakes call it.

    Raises:
        FleetError: with its mistakes, in the order of lines.
    """
    mistakes = _Mistakes()
    entries: tuple[Entry, ...] = ()
    try:
        entries = _read_document(_compose(text), mistakes)
    except _Mistake as mistake:
        mistakes.note(mistake)
    if mistakes.count:
        first = [
            f"{name}:{each.line}: {_plain(each.key) + ': ' if each.key else ''}{each.about}."
            for each in mistakes.first()
        ]
        raise FleetError(first, more=mistakes.count - len(first), entries=entries)
    return entries


def _compose(text: str) -> Node:
    """Return the root of the one document in `text`."""
    if len(text) > MAX_FILE_CHARS:
        raise _Mistake(1, "", "the file is larger than 1 MiB; use patterns, or split it")
    try:
        root = compose(text)
    except NotYaml as error:
        raise _Mistake(error.line, "", _plain(str(error), longest=MAX_VALUE)) from None
    if root is None or root.tag == "!!null":
        raise _Mistake(1, "", f"the file is empty; {SPACES_FORM}")
    return root


# ---- nodes to entries ----


def _read_document(root: Node, mistakes: _Mistakes) -> tuple[Entry, ...]:
    """Read `defaults` and `spaces`."""
    if not _is(root, "mapping"):
        raise _Mistake(root.line, "", f"is not a mapping; {SPACES_FORM}")
    parts = _read_keys(root, mistakes)
    for key, (line, _) in parts.items():
        if key not in ("defaults", "spaces"):
            near = "" if mistakes.are_many else nearest(key, ("defaults", "spaces"))
            mistakes.note(_Mistake(line, key, f"is neither defaults nor spaces{near}; inputs go under 'defaults:'"))

    defaults: dict[str, str] = {}
    line, node = parts.get("defaults", (0, None))
    if node and _is(node, "mapping"):
        defaults = _read_inputs(_read_keys(node, mistakes), mistakes)
    elif node:
        about = f"{_kind(node)}; write inputs under it, such as 'settle: 90s', or leave it out"
        mistakes.note(_Mistake(line, "defaults", about))

    sound = not mistakes.count  # else what the entries have by default is not known
    line, node = parts.get("spaces", (root.line, None))
    if node is None:
        raise _Mistake(line, "spaces", f"is missing; {SPACES_FORM}")
    if not _is(node, "sequence"):
        raise _Mistake(line, "spaces", f"{_kind(node)}; {SPACES_FORM}")
    if not node.items:
        raise _Mistake(line, "spaces", f"names no Space; {SPACES_FORM}")
    if len(node.items) > MAX_SPACES:
        about = f"lists {len(node.items)} Spaces, more than {MAX_SPACES}; use patterns, or split the file"
        mistakes.note(_Mistake(line, "spaces", about))
        sound = False
    entries = _read_spaces(node.items[:MAX_SPACES], defaults, mistakes)
    return entries if sound else ()


def _read_spaces(nodes: Sequence[Node], defaults: Mapping[str, str], mistakes: _Mistakes) -> tuple[Entry, ...]:
    """Read the entries, and note each Space that comes twice; what has a mistake is none."""
    entries: list[Entry] = []
    lines: dict[str, int] = {}
    for node in nodes:
        found = mistakes.count
        try:
            line, space, own = _read_entry(node, mistakes)
        except _Mistake as mistake:
            mistakes.note(mistake)
            continue
        same = space.lower()  # the Hub tells ids apart without regard to case
        if same in lines:
            mistakes.note(_Mistake(line, space, f"is here twice, first in line {lines[same]}; keep one of them"))
        lines.setdefault(same, line)
        if mistakes.count == found:
            entries.append(Entry(space=space, inputs={**defaults, **own}, line=line, own=frozenset(own)))
    return tuple(entries)


def _read_entry(node: Node, mistakes: _Mistakes) -> tuple[int, str, dict[str, str]]:
    """Return the line, the Space and the own inputs of one entry."""
    own: dict[str, str] = {}
    if _is(node, "mapping"):
        parts = _read_keys(node, mistakes)
        where, named = parts.pop("id", (node.line, None))
        own = _read_inputs(parts, mistakes)
        if named is None:
            raise _Mistake(where, "id", "is missing; write 'id: owner/name'")
        node = named
    line = node.line
    try:
        return line, _read_space(_read_text(node)), own
    except ValueError as error:
        raise _Mistake(line, "id", str(error)) from None


def _read_space(text: str) -> str:
    """Read an id, the address of a Space's page, or a pattern."""
    try:
        return parse_space(text)
    except ValueError as error:
        more = "" if is_pattern(text) or has_credentials(text) else ", or a pattern such as owner/demo-*"
        raise ValueError(f"{_quoted(text)} {error}{more}") from None


def _read_inputs(parts: Mapping[str, tuple[int, Node]], mistakes: _Mistakes) -> dict[str, str]:
    """Return the inputs as text, and note what is wrong with each."""
    inputs: dict[str, str] = {}
    for key, (line, node) in parts.items():
        if key not in KNOWN:
            # The nearest name takes long to find, and nobody reads the five-hundredth one.
            about = "is not an input of a Space" if mistakes.are_many else _say_why_unknown(key)
            mistakes.note(_Mistake(line, key, about))
            continue
        try:
            inputs[key] = _read_input(key, node)
        except ValueError as error:
            mistakes.note(_Mistake(node.line, key, str(error)))
    return inputs


def _read_input(key: str, node: Node) -> str:
    """Return the text of one input that its reader accepts."""
    is_list = INPUTS[key].reader.takes_list and _is(node, "sequence")
    text = ",".join(map(_read_text, node.items)) if is_list else _read_text(node)
    if text or is_list:
        try:
            INPUTS[key].read(text)
        except ValueError as error:
            raise ValueError(f"{_quoted(text)} {error}") from None
    return text


def _say_why_unknown(key: str) -> str:
    """Return why an entry may not have `key`, and where it belongs."""
    if key == "<<":
        return "merge keys are not read here; put what Spaces share under 'defaults:'"
    if key in ("id", "space-id"):
        return f"is not read here; {SPACES_FORM}"
    known = ", ".join(sorted(KNOWN))
    if key in INPUTS:
        return f"is for all Spaces alike; give it to the step under 'with:'. A Space may have {known}"
    return f"is not an input of a Space{nearest(key, KNOWN, changing=_CHANGING)}; write one of {known}"


# ---- nodes to keys and text ----


def _read_keys(node: Node, mistakes: _Mistakes) -> dict[str, tuple[int, Node]]:
    """Return the line and the value of each key; PyYAML itself would keep the last of two silently."""
    parts: dict[str, tuple[int, Node]] = {}
    for key_node, value in node.pairs:
        key = key_node.text
        if key_node.kind != "scalar" or key_node.tag not in _TEXTS or not key:
            mistakes.note(_Mistake(key_node.line, "", f"a key {_kind(key_node)}; write a name followed by a colon"))
        elif key in parts:
            about = f"is here twice, first in line {parts[key][0]}; keep one of them"
            mistakes.note(_Mistake(key_node.line, key, about))
        else:
            parts[key] = (key_node.line, value)
    return parts


def _read_text(node: Node) -> str:
    """Return a single value as text, as it is written but for booleans.

    Raises:
        ValueError: it is something else, also where YAML only takes it for something else.
    """
    if node.kind != "scalar":
        raise ValueError(f"{_kind(node)}; write a single value")
    text = node.text.strip()
    if len(text) > MAX_VALUE:
        raise ValueError(f"is longer than {MAX_VALUE} characters")
    match node.tag:
        case "!!str" | "!!value" | "!!merge":  # a bare = and a bare << are words here
            return text
        case "!!int" | "!!float" if ":" not in text:
            return text
        case "!!int" | "!!float":
            raise ValueError(f"{text} is a number in base 60 to YAML; write a duration as 90s or 1h30m, or use quotes")
        case "!!bool" if text.lower() in _BOOLEANS:
            return _BOOLEANS[text.lower()]
        case "!!bool":
            raise ValueError(f"{_quoted(text)} is neither true nor false, as its tag !!bool says")
        case "!!timestamp":
            raise ValueError(f"{_quoted(text)} is a date to YAML; if the text is meant, put it in quotes")
    raise ValueError(f"{_kind(node)}; write a plain value")


def _is(node: Node, kind: str) -> bool:
    """Whether it is a plain mapping or sequence; a tag such as !!set or !!python/tuple makes another thing of it."""
    return node.kind == kind and node.tag == {"mapping": "!!map", "sequence": "!!seq"}[kind]


def _kind(node: Node) -> str:
    """Say what a node is that should be something else."""
    match node.kind, node.tag:
        case ("mapping", "!!map"):
            return "is a mapping"
        case ("sequence", "!!seq"):
            return "is a list"
        case ("scalar", "!!null"):
            return "has no value"
        case ("scalar", tag) if tag in _TEXTS:
            return f"is the single value {_quoted(node.text)}"
    return f"has the tag {_plain(node.tag)}, which is not read"


def _quoted(text: str) -> str:
    return shown(text, longest=MAX_PLAIN)


def _plain(text: str, *, longest: int = MAX_PLAIN) -> str:
    """Return `text` for a message of one line, quoted only where it could not be seen or would break the line."""
    if has_credentials(text) or not text.isprintable():
        return _quoted(text)
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
