"""Turns the text of a YAML document into nodes that keep the text and the line of every value.

PyYAML only says what comes next (its events). Composing them here keeps the work in bounds: the depth, and what aliases
repeat, are counted while the tree is built. libyaml is used where PyYAML has it, which takes a tenth of the time.

PyYAML is the one import of a pure room from outside the standard library: a second YAML parser would be worse. It is
imported late, so that a step without a fleet file never loads it.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["scalar", "sequence", "mapping"]

# Levels of lists and mappings inside each other. A fleet file has four; libyaml takes quadratic time in their number.
MAX_DEPTH = 20
# Nodes that aliases stand for, taken together.
MAX_REPEATED = 10_000

# What YAML's own tags begin with; in a file that is written !!.
_STANDARD = "tag:yaml.org,2002:"


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """One value: a text, a list, or the pairs of a mapping."""

    kind: Kind
    tag: str  # YAML's own tags begin with !!, as in !!str
    line: int
    text: str = ""
    items: "list[Node]" = field(default_factory=list)  # of a mapping: key, value, key, value, …

    @property
    def pairs(self) -> "Iterator[tuple[Node, Node]]":
        """The keys and values of a mapping."""
        parts = iter(self.items)
        return zip(parts, parts, strict=True)


class NotYaml(ValueError):
    """A text that is not one YAML document of sensible size: what is wrong, and in which line."""

    def __init__(self, line: int, about: str) -> None:
        super().__init__(about)
        self.line = line


def compose(text: str) -> Node | None:
    """Return the root of the one document in `text`; None: there is no document.

    Raises:
        NotYaml: it is not YAML, or is nested too deep, or aliases repeat too much.
    """
    import yaml

    odd = yaml.reader.Reader.NON_PRINTABLE.search(text)
    if odd:
        line = text.count("\n", 0, odd.start()) + 1
        raise NotYaml(line, f"character U+{ord(odd[0]):04X} is not allowed; save the file as UTF-8 text")
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text)
    builder = _Builder(
        loader.resolve,
        {"scalar": yaml.ScalarNode, "sequence": yaml.SequenceNode, "mapping": yaml.MappingNode},
    )
    try:
        while loader.check_event():
            builder.add(loader.get_event())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        about = ", ".join(filter(None, (error.context, error.problem)))
        lines = text.split("\n")
        line = min(mark.line, len(lines) - 1) if mark else 0  # libyaml counts the end as a line of its own
        remedy = "; write blanks, not tabs" if lines[line].lstrip(" ").startswith("\t") else ""
        raise NotYaml(line + 1, f"is not one YAML document: {about}{remedy}") from None
    except NotYaml:
        raise
    except (ValueError, OverflowError):  # PyYAML lets int() and chr() fail, as for "\\UFFFFFFFF"
        raise NotYaml(builder.line, "has a number or an escape beyond what YAML can hold") from None
    finally:
        loader.dispose()
    if builder.root:
        _check_aliases(builder.root)
    return builder.root


class _Builder:
    """Makes nodes of events, which come one by one."""

    def __init__(self, resolve: Callable[..., str], kinds: Mapping[Kind, type]) -> None:
        self.root: Node | None = None
        self.line = 1  # where the last event began
        self._resolve = resolve  # gives a value without a tag the one that its text stands for
        self._kinds = kinds  # PyYAML's names of them
        self._open: list[Node] = []
        self._anchors: dict[str, Node] = {}

    def add(self, event: Any) -> None:  # noqa: ANN401 - each event of PyYAML has attributes of its own
        """Add what an event of PyYAML says; raises NotYaml."""
        self.line = event.start_mark.line + 1
        match type(event).__name__.removesuffix("Event"):
            case "Scalar":
                self._add(event, "scalar")
            case "SequenceStart":
                self._open.append(self._add(event, "sequence"))
            case "MappingStart":
                self._open.append(self._add(event, "mapping"))
            case "SequenceEnd" | "MappingEnd":
                self._open.pop()
            case "Alias":
                known = self._anchors.get(event.anchor)
                if known is None:
                    raise NotYaml(self.line, f"is not one YAML document: found undefined alias {event.anchor!r}")
                self._open[-1].items.append(known)
            case "DocumentStart" if self.root:
                raise NotYaml(self.line, "is not one YAML document: found another document")
        if len(self._open) > MAX_DEPTH:
            raise NotYaml(self.line, f"is nested more than {MAX_DEPTH} levels deep; a fleet file needs four")

    def _add(self, event: Any, kind: Kind) -> Node:  # noqa: ANN401
        text = event.value if kind == "scalar" else ""
        tag = event.tag
        if tag is None or tag == "!":
            tag = self._resolve(self._kinds[kind], text, event.implicit)
        node = Node(kind, tag.replace(_STANDARD, "!!", 1), self.line, text)
        if event.anchor:
            self._anchors[event.anchor] = node
        if self._open:
            self._open[-1].items.append(node)
        else:
            self.root = node
        return node


def _check_aliases(root: Node) -> None:
    """Raise where aliases unfold into more than anybody would write, or into themselves."""
    seen: set[int] = set()
    repeated = 0
    for node in _walk(root):
        repeated += id(node) in seen
        seen.add(id(node))
        if repeated > MAX_REPEATED:
            about = f"aliases repeat this, and other values, more than {MAX_REPEATED} times; write fewer of them"
            raise NotYaml(node.line, about)


def _walk(root: Node) -> Iterator[Node]:
    """Yield every node as often as it is reached, lazily: through aliases this may never end."""
    open_nodes = [iter((root,))]
    while open_nodes:
        node = next(open_nodes[-1], None)
        if node is None:
            open_nodes.pop()
            continue
        yield node
        if node.items:
            open_nodes.append(iter(node.items))
