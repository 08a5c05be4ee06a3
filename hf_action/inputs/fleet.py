"""Reads a fleet file: Spaces and patterns, each with its own inputs, or every mistake with its line.

Values are taken as they are written, not as YAML constructs them: to YAML 1.1 the commit 0123456 is the number
42798, and `1:30` is 90. So this reads PyYAML's nodes, which keep the text and the line, and no constructor runs.

PyYAML is the one import of a pure module from outside the standard library. It only turns text into nodes, and to
write a second YAML parser would be worse; it is imported in `_compose`, so that a step without a fleet file never
loads it. Opening the file, and keeping within the workspace, is the caller's.

Source: shared/contract.md, "Inputs", `fleet-file`. Editors get the same rules from schemas/fleet.schema.json.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, cast

from hf_action.inputs.readers import nearest, parse_pattern, parse_space_id
from hf_action.inputs.table import INPUTS
from hf_action.rules.selection import is_pattern

if TYPE_CHECKING:
    from yaml.nodes import MappingNode, ScalarNode, SequenceNode

    Node = ScalarNode | SequenceNode | MappingNode


# What one Space may have for itself; every other input belongs to the step as a whole.
ALLOWED = frozenset(
    {
        "operation",
        "wait-for-stage",
        "commit",
        "settle",
        "stable-for",
        "if-superseded",
        "health-check",
        "health-check-contains",
        "rollback",
        "rollback-to",
        "retries",
        "factory-reboot",
        "hardware",
        "sleep-time",
        "restore",
        "logs",
        "log-lines",
    }
)
LISTS = frozenset({"wait-for-stage"})  # these may be YAML lists, too

MAX_FILE_BYTES = 1 << 20  # characters; two thousand Spaces with a handful of inputs each are a quarter of it
MAX_VALUE = 300  # characters; the readers of single values take quadratic time
MAX_REPEATED = 10_000  # nodes that aliases stand for, taken together

SPACES_FORM = "write 'spaces:' and under it a list with '- owner/name' or '- id: owner/name' for each Space"

_STANDARD = "tag:yaml.org,2002:"  # what YAML's own tags begin with, written !!
_WORDS = frozenset({"str", "int", "float", "bool", "timestamp", "value", "merge"})
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

    `entries` are those without any, of which more can be said.
    """

    def __init__(self, mistakes: list[str], *, entries: tuple[Entry, ...]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes
        self.entries = entries


class _Mistake(ValueError):
    """One mistake. Raised, it ends what is being read; noted in a list, reading goes on."""

    def __init__(self, line: int, key: str, about: str) -> None:
        super().__init__(line, key, about)
        self.line, self.key, self.about = line, key, about


def read_fleet(text: str, *, name: str) -> tuple[Entry, ...]:
    """Read the text of a fleet file; `name` is what its mistakes call it.

    Raises:
        FleetError: with every mistake, in the order of lines.
    """
    mistakes: list[_Mistake] = []
    entries: tuple[Entry, ...] = ()
    try:
        root = _compose(text)
        _check_aliases(root)
        entries = _read_document(root, mistakes)
    except _Mistake as mistake:
        mistakes.append(mistake)
    if mistakes:
        mistakes.sort(key=lambda mistake: mistake.line)
        raise FleetError(
            [f"{name}:{each.line}: {_plain(each.key) + ': ' if each.key else ''}{each.about}." for each in mistakes],
            entries=entries,
        )
    return entries


# ---- text to nodes ----


def _compose(text: str) -> "Node":
    """Return the root of the one document in `text`."""
    import yaml

    if len(text) > MAX_FILE_BYTES:
        raise _Mistake(1, "", "the file is larger than 1 MiB; use patterns, or split it")
    try:
        loader = yaml.SafeLoader(text)
        root = cast("Node | None", loader.get_single_node())  # typed as their base class, which has no `id`
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise _Mistake(
            line, "", f"character U+{error.character:04X} is not allowed; save the file as UTF-8 text"
        ) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        about = ", ".join(filter(None, (error.context, error.problem)))
        remedy = "; write blanks, not tabs" if r"'\t'" in about else ""
        line = mark.line + 1 if mark else 1
        raise _Mistake(line, "", f"is not one YAML document: {_plain(about)}{remedy}") from None
    except RecursionError:
        raise _Mistake(loader.line + 1, "", f"is nested too deep; {SPACES_FORM}") from None
    except (ValueError, OverflowError):  # PyYAML lets int() and chr() fail: %YAML with 5000 digits, "\UFFFFFFFF"
        raise _Mistake(loader.line + 1, "", "has a number or an escape beyond what YAML can hold") from None
    if root is None or _tag(root) == "null":
        raise _Mistake(1, "", f"the file is empty; {SPACES_FORM}")
    return root


def _check_aliases(root: "Node") -> None:
    """Raise where aliases unfold into more than anybody would write, or into themselves."""
    seen: set[int] = set()
    repeated = 0
    for node in _walk(root):
        repeated += id(node) in seen
        seen.add(id(node))
        if repeated > MAX_REPEATED:
            about = f"aliases repeat this beyond {MAX_REPEATED} values in all; put what Spaces share under 'defaults:'"
            raise _Mistake(_line(node), "", about)


def _walk(root: "Node") -> Iterator["Node"]:
    """Yield every node as often as it is reached, lazily: through aliases this may never end."""
    open_nodes = [iter((root,))]
    while open_nodes:
        node = next(open_nodes[-1], None)
        if node is None:
            open_nodes.pop()
            continue
        yield node
        if node.id == "mapping":
            open_nodes.append(part for pair in node.value for part in pair)
        elif node.id == "sequence":
            open_nodes.append(iter(node.value))


# ---- nodes to entries ----


def _read_document(root: "Node", mistakes: list[_Mistake]) -> tuple[Entry, ...]:
    """Read `defaults` and `spaces`."""
    if not _is(root, "mapping"):
        raise _Mistake(_line(root), "", f"is no mapping; {SPACES_FORM}")
    parts = _read_keys(root, mistakes)
    for key, (line, _) in parts.items():
        if key not in ("defaults", "spaces"):
            near = nearest(key, ("defaults", "spaces"))
            mistakes.append(_Mistake(line, key, f"is neither defaults nor spaces{near}; inputs go under 'defaults:'"))

    defaults: dict[str, str] = {}
    line, node = parts.get("defaults", (0, None))
    if node and _is(node, "mapping"):
        defaults = _read_inputs(_read_keys(node, mistakes), mistakes)
    elif node:
        about = f"{_kind(node)}; write inputs under it, such as 'settle: 90s', or leave it out"
        mistakes.append(_Mistake(line, "defaults", about))

    sound = not mistakes  # else what the entries have by default is not known
    line, node = parts.get("spaces", (_line(root), None))
    if node is None:
        raise _Mistake(line, "spaces", f"is missing; {SPACES_FORM}")
    if not _is(node, "sequence"):
        raise _Mistake(line, "spaces", f"{_kind(node)}; {SPACES_FORM}")
    if not node.value:
        raise _Mistake(line, "spaces", f"names no Space; {SPACES_FORM}")
    entries = _read_spaces(node.value, defaults, mistakes)
    return entries if sound else ()


def _read_spaces(nodes: "Iterable[Node]", defaults: Mapping[str, str], mistakes: list[_Mistake]) -> tuple[Entry, ...]:
    """Read the entries, and note each Space that comes twice; what has a mistake is none."""
    entries: list[Entry] = []
    lines: dict[str, int] = {}
    for node in nodes:
        found = len(mistakes)
        try:
            line, space, own = _read_entry(node, mistakes)
        except _Mistake as mistake:
            mistakes.append(mistake)
            continue
        same = space.lower()  # the Hub tells ids apart without regard to case
        if same in lines:
            mistakes.append(_Mistake(line, space, f"is here twice, first in line {lines[same]}; keep one of them"))
        lines.setdefault(same, line)
        if len(mistakes) == found:
            entries.append(Entry(space=space, inputs={**defaults, **own}, line=line, own=frozenset(own)))
    return tuple(entries)


def _read_entry(node: "Node", mistakes: list[_Mistake]) -> tuple[int, str, dict[str, str]]:
    """Return the line, the Space and the own inputs of one entry."""
    own: dict[str, str] = {}
    if _is(node, "mapping"):
        parts = _read_keys(node, mistakes)
        where, named = parts.pop("id", (_line(node), None))
        own = _read_inputs(parts, mistakes)
        if named is None:
            raise _Mistake(where, "id", "is missing; write 'id: owner/name'")
        node = named
    line = _line(node)
    try:
        return line, _read_space(_read_text(node)), own
    except ValueError as error:
        raise _Mistake(line, "id", str(error)) from None


def _read_space(text: str) -> str:
    """Read an id, the address of a Space's page, or a pattern."""
    pattern = is_pattern(text) and "://" not in text  # a ? in an address begins its query
    try:
        return parse_pattern(text) if pattern else parse_space_id(text)
    except ValueError as error:
        raise ValueError(f"{_quoted(text)} {error}{'' if pattern else ', or a pattern such as owner/demo-*'}") from None


def _read_inputs(parts: "Mapping[str, tuple[int, Node]]", mistakes: list[_Mistake]) -> dict[str, str]:
    """Return the inputs as text, and note what is wrong with each."""
    inputs: dict[str, str] = {}
    known = ALLOWED & INPUTS.keys()
    for key, (line, node) in parts.items():
        if key not in known:
            mistakes.append(_Mistake(line, key, _say_why_unknown(key)))
            continue
        try:
            inputs[key] = _read_input(key, node)
        except ValueError as error:
            mistakes.append(_Mistake(_line(node), key, str(error)))
    return inputs


def _read_input(key: str, node: "Node") -> str:
    """Return the text of one input that its reader accepts."""
    is_list = key in LISTS and _is(node, "sequence")
    text = ",".join(map(_read_text, node.value)) if is_list else _read_text(node)
    if text or is_list:
        try:
            INPUTS[key].read(text)
        except ValueError as error:
            raise ValueError(f"{_quoted(text)} {error}") from None
    return text


@cache
def _say_why_unknown(key: str) -> str:
    """Return why an entry may not have `key`, and where it belongs."""
    if key == "<<":
        return "merge keys are not read here; put what Spaces share under 'defaults:'"
    if key in ("id", "space-id"):
        return f"is not read here; {SPACES_FORM}"
    known = sorted(ALLOWED & INPUTS.keys())
    if key in INPUTS:
        return f"is for all Spaces alike; give it to the step under 'with:'. A Space may have {', '.join(known)}"
    return f"is no input of a Space{nearest(key, known)}; write one of {', '.join(known)}"


# ---- nodes to keys and text ----


def _read_keys(node: "Node", mistakes: list[_Mistake]) -> "dict[str, tuple[int, Node]]":
    """Return the line and the value of each key; PyYAML itself would keep the last of two silently."""
    parts: dict[str, tuple[int, Node]] = {}
    for key_node, value in node.value:
        line = _line(key_node)
        key = key_node.value
        if key_node.id != "scalar" or _tag(key_node) not in _WORDS or not key:
            mistakes.append(_Mistake(line, "", f"a key {_kind(key_node)}; write a name followed by a colon"))
        elif key in parts:
            mistakes.append(_Mistake(line, key, f"is here twice, first in line {parts[key][0]}; keep one of them"))
        else:
            parts[key] = (line, value)
    return parts


def _read_text(node: "Node") -> str:
    """Return a single value as text, as it is written but for booleans.

    Raises:
        ValueError: it is something else, also where YAML only takes it for something else.
    """
    if node.id != "scalar":
        raise ValueError(f"{_kind(node)}; write a single value")
    text: str = node.value.strip()
    if len(text) > MAX_VALUE:
        raise ValueError(f"is longer than {MAX_VALUE} characters")
    match _tag(node):
        case "str" | "value" | "merge":  # a bare = and a bare << are words here
            return text
        case "int" | "float" if ":" not in text:
            return text
        case "int" | "float":
            raise ValueError(f"{text} is a number in base 60 to YAML; write a duration as 90s or 1h30m, or use quotes")
        case "bool" if text.lower() in _BOOLEANS:
            return _BOOLEANS[text.lower()]
        case "bool":
            raise ValueError(f"{_quoted(text)} is neither true nor false, as its tag !!bool says")
        case "timestamp":
            raise ValueError(f"{_quoted(text)} is a date to YAML; if the text is meant, put it in quotes")
    raise ValueError(f"{_kind(node)}; write a plain value")


def _is(node: "Node", kind: str) -> bool:
    """Whether it is a plain mapping or sequence; a tag such as !!set or !!python/tuple makes another thing of it."""
    return node.id == kind and _tag(node) == {"mapping": "map", "sequence": "seq"}[kind]


def _kind(node: "Node") -> str:
    """Say what a node is that should be something else."""
    match node.id, _tag(node):
        case ("mapping", "map"):
            return "is a mapping"
        case ("sequence", "seq"):
            return "is a list"
        case ("scalar", "null"):
            return "has no value"
        case ("scalar", tag) if tag in _WORDS:
            return f"is the single value {_quoted(node.value)}"
    return f"has the tag {_plain(node.tag.replace(_STANDARD, '!!', 1))}, which is not read"


def _tag(node: "Node") -> str:
    return node.tag.removeprefix(_STANDARD)


def _line(node: "Node") -> int:
    return node.start_mark.line + 1


def _quoted(text: str) -> str:
    return repr(_short(text))


def _plain(text: str) -> str:
    """Return `text` for a message of one line, quoted only where it could not be seen or would break the line."""
    return _short(text) if text.isprintable() else _quoted(text)


def _short(text: str) -> str:
    return text if len(text) <= 100 else f"{text[:99]}…"
