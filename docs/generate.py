"""`make docs`: draws from the code what pages, action.yml and the schema of fleet files say of it.

A block between `<!-- name -->` and `<!-- end -->` is what the function of that name here returns. A page that is
not what this draws fails tests/project/test_docs.py, so what the pages promise is what the code does.
"""

import ast
import json
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from docs.composite import composite  # noqa: E402 - a script finds the code beside it
from hf_action.diagnosis.page import draw_page  # noqa: E402 - a script finds the code beside it
from hf_action.inputs.fleet import MAX_SPACES  # noqa: E402
from hf_action.inputs.table import DEFAULT_STAGES, INPUTS, OPERATIONS, WRITES  # noqa: E402
from hf_action.rules.outcomes import SEVERITY, Outcome  # noqa: E402 - a script finds the code beside it
from hf_action.rules.pace import NO_EVENTS, Events, interval  # noqa: E402
from hf_action.rules.stages import STAGES, Kind  # noqa: E402
from hf_action.rules.waiting import BROKEN_FOR, Goal, Observation, judge  # noqa: E402

PAGES = ("README.md", "docs/architecture.md", "docs/causes.md", "docs/performance.md")
OLD, HEAD, NEWER = "0" * 40, "1" * 40, "2" * 40


def main() -> int:
    """Draw every block again; return the exit status."""
    for page in PAGES:
        path = ROOT / page
        path.write_text(drawn(path.read_text()))
    action = ROOT / "action.yml"
    action.write_text(with_inputs(action.read_text()))
    (ROOT / "schemas/fleet.schema.json").write_text(fleet_schema())
    (ROOT / "composite/action.yml").write_text(composite(action.read_text()))
    return 0


def drawn(text: str) -> str:
    """Return a page with its blocks drawn from the code."""
    return re.sub(
        r"(<!-- (\w+) -->\n).*?(<!-- end -->)",
        lambda block: f"{block[1]}{BLOCKS[block[2]]()}\n{block[3]}",
        text,
        flags=re.DOTALL,
    )


def table(head: list[str], rows: list[list[str]]) -> str:
    """Return a table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def code(text: str) -> str:
    """Mark words that are meant literally."""
    return f"`{text}`" if text else ""


# ---- README.md ----


def operations() -> str:
    """What each operation does, waits for and needs."""
    rights = {"info": "for private Spaces", "list": "for private Spaces", "wait": "for private Spaces"}
    return table(
        ["operation", "what it does", "waits for", "token"],
        [
            [
                code(name),
                about.rstrip("."),
                code(DEFAULT_STAGES.get(name, "")),
                "with write access" if name in WRITES else rights.get(name, "for the restart"),
            ]
            for name, about in OPERATIONS.items()
        ],
    )


def inputs() -> str:
    """Every input with its default."""
    rows = [[code(row.name), code(row.default), row.about.rstrip(".")] for row in INPUTS.values()]
    return table(["input", "default", "meaning"], rows)


def outputs() -> str:
    """Every output."""
    promised = yaml.safe_load((ROOT / "action.yml").read_text())["outputs"]
    return table(
        ["output", "meaning"], [[code(name), about["description"].rstrip(".")] for name, about in promised.items()]
    )


def statuses() -> str:
    """The exit status of each result, the worst first."""
    codes = list(dict.fromkeys(outcome.status for outcome in SEVERITY))
    words = {status: [code(each.word) for each in Outcome if each.status == status] for status in codes}
    return table(["exit status", "result"], [[code(str(status)), " ".join(words[status])] for status in codes])


def stages() -> str:
    """What becomes of a wait that sees a stage, as `judge` decides it."""
    rows = []
    for kind in Kind:
        names = [row.name for row in STAGES.values() if row.kind is kind]
        more = ", and any that is unknown" if kind is Kind.MOVING else ""
        rows.append(
            [
                kind.value,
                " ".join(map(code, names)) + more,
                verdict(stage=names[0], wanted=True),
                verdict(stage=names[0], wanted=False),
            ]
        )
    return table(["kind", "stages", "if it is wanted", "if it is not"], rows)


def commits() -> str:
    """What becomes of a wait that sees a believed RUNNING on a commit, as `judge` decides it."""
    columns = {
        "the head of the start": (HEAD, HEAD),
        "an older one": (OLD, HEAD),
        "a newer head": (NEWER, NEWER),
        "none is named": (None, HEAD),
    }
    wishes = {"auto": "auto", "head": "head", "any": "any", "the head's id": HEAD}
    rows = []
    for shown, wish in wishes.items():
        goal = replace(GOAL, commit=wish)
        looks = [
            Observation(at=99.0, stage="RUNNING", commit=commit, head=head, knows_commit=wish == HEAD)
            for commit, head in columns.values()
        ]
        rows.append([code(shown) if shown == wish else shown, *(ended(goal, look) for look in looks)])
    return table([code("commit"), *columns], rows)


GOAL = Goal(stages=frozenset({"RUNNING"}), began=0.0, deadline=1e9, before="RUNNING", head=HEAD)


def verdict(*, stage: str, wanted: bool) -> str:
    """Say how a wait ends on a stage: at once, or once it is believed."""
    goal = replace(GOAL, stages=frozenset({stage if wanted else "ANOTHER"}), before=stage, commit="any")
    first, settled, later = (Observation(at=at, stage=stage) for at in (0.0, goal.settle, goal.settle + BROKEN_FOR))
    if ended(goal, first) == ended(goal, first, settled, later):
        return ended(goal, first)
    if ended(goal, settled) == ended(goal, settled, later):
        return f"{ended(goal, settled)}, once believed"
    return f"{ended(goal, settled, later)}, once believed and seen for {BROKEN_FOR:g} s"


def ended(goal: Goal, *looks: Observation) -> str:
    """Return how the wait ends with the last of some looks."""
    found = judge(goal, looks, looks[-1].at)
    return code(found.outcome.word) if found else "waiting goes on"


# ---- action.yml and schemas/fleet.schema.json ----


def with_inputs(text: str) -> str:
    """Return action.yml with its inputs drawn from the table."""
    rows = []
    for row in INPUTS.values():
        about = row.about if ": " not in row.about else "'" + row.about.replace("'", "''") + "'"
        default = f'\n    default: "{row.default}"' if row.default else ""
        rows.append(f"  {row.name}:\n    description: {about}\n    required: false{default}")
    block = "\n".join(rows)
    return re.sub(r"^inputs:\n.*?(?=\n\noutputs:)", lambda _: f"inputs:\n{block}", text, flags=re.DOTALL | re.MULTILINE)


def fleet_schema() -> str:
    """Return the JSON Schema of fleet files: what editors know of the inputs that a Space may have for itself."""
    own = {row.name: {"description": row.about, **row.reader.schema} for row in INPUTS.values() if row.per_space}
    refs = {name: {"$ref": f"#/$defs/{name}"} for name in ("id", *own)}
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Fleet file",
        "description": "Spaces for one step, each with its own inputs; the input fleet-file names it.",
        "type": "object",
        "required": ["spaces"],
        "additionalProperties": False,
        "properties": {
            "defaults": {
                "description": "Inputs of every Space below that does not set them itself.",
                "type": "object",
                "additionalProperties": False,
                "properties": {name: refs[name] for name in own},
            },
            "spaces": {
                "description": "The Spaces, each once: an id, the address of its page, or a pattern, alone or under id "
                "with inputs of its own.",
                "type": "array",
                "minItems": 1,
                "maxItems": MAX_SPACES,
                "uniqueItems": True,
                "items": {
                    "anyOf": [
                        refs["id"],
                        {"type": "object", "required": ["id"], "additionalProperties": False, "properties": refs},
                    ]
                },
            },
        },
        "$defs": {"id": ENTRY_ID, **own},
    }
    return json.dumps(schema, indent=2) + "\n"


PART = "[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,94}[A-Za-z0-9_])?"  # of an id, see readers
ENTRY_ID = {
    "description": "owner/name, spaces/owner/name, the address of the Space's page, or owner/pattern, where * and ? "
    "choose from the Spaces of that owner.",
    "type": "string",
    "anyOf": [
        {"pattern": rf"^(?!.*(?:--|\.\.|\.git$))(?:spaces/)?{PART}/{PART}$"},
        {"pattern": rf"^(?!.*\*\*)(?:spaces/)?{PART}/(?=.*[*?])[A-Za-z0-9_.*?-]{{1,96}}$"},
        {"pattern": rf"^https?://[^/@\s]+/spaces/{PART}/{PART}(?:[/?#]\S*)?$"},
    ],
}


# ---- docs/architecture.md ----


def imports(*, with_types: bool = False) -> dict[str, set[str]]:
    """Return which modules of hf_action each of them imports, late imports included, type-only ones on demand."""
    package = ROOT / "hf_action"
    paths = {
        name_of(path.relative_to(package)): path for path in sorted(package.glob("**/*.py")) if path.stem != "__init__"
    }
    return {name: imported(path, with_types=with_types) & paths.keys() for name, path in paths.items()}


def name_of(path: Path) -> str:
    """Return the name of a module below hf_action, such as rules.stages."""
    return ".".join(path.with_suffix("").parts)


@cache
def parsed(path: Path) -> ast.Module:
    """Return the syntax tree of a module."""
    return ast.parse(path.read_text())


def imported(path: Path, *, with_types: bool = False) -> set[str]:
    """Return the names that a module may mean by its imports from hf_action."""
    names = set()
    nodes = ast.walk if with_types else running
    for node in nodes(parsed(path)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "hf_action":
            room = (node.module or "").partition(".")[2]
            names |= {room} | {f"{room}.{alias.name}".lstrip(".") for alias in node.names}
    return names


def running(node: ast.AST) -> Iterator[ast.AST]:
    """Yield all nodes that run, not those below TYPE_CHECKING."""
    if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
        return
    yield node
    for child in ast.iter_child_nodes(node):
        yield from running(child)


def reading_order() -> list[str]:
    """Return the modules in the order to read them, as hf_action/__init__.py names it."""
    text = (ROOT / "hf_action/__init__.py").read_text()
    named = re.search(r"Read in this order:(.*)", text, re.DOTALL)
    return re.findall(r"[a-z_]+(?:\.[a-z_]+)*", named[1].partition("\n\n")[0]) if named else []


def picture() -> str:
    """The arrows between the rooms; what another arrow already leads to is left out. Dotted: known by its type only."""
    running_arrows, all_arrows = rooms(imports()), rooms(imports(with_types=True))

    def reach(room: str) -> set[str]:
        return running_arrows[room].union(*map(reach, running_arrows[room]))

    lines = ["```mermaid", "flowchart TD"]
    for room in reversed(list(dict.fromkeys(module.partition(".")[0] for module in reading_order()))):
        direct = running_arrows[room] - set().union(*map(reach, running_arrows[room]))
        lines += [f"    {room} --> {other}" for other in sorted(direct)]
        lines += [f"    {room} -.-> {other}" for other in sorted(all_arrows[room] - reach(room))]
    return "\n".join([*lines, "```"])


def rooms(graph: dict[str, set[str]]) -> dict[str, set[str]]:
    """Return which rooms import each other, from the imports of modules."""
    found: dict[str, set[str]] = {}
    for module, others in graph.items():
        found.setdefault(module.partition(".")[0], set()).update(other.partition(".")[0] for other in others)
    return {room: others - {room} for room, others in found.items()}


def modules() -> str:
    """One row a module: its place in the order, and the first line of its docstring."""
    rows = []
    for name in reading_order():
        file = f"{name.replace('.', '/')}.py"
        text = ast.get_docstring(parsed(ROOT / "hf_action" / file)) or ""
        rows.append([f"[{name}](../hf_action/{file})", text.splitlines()[0].rstrip(".")])
    return table(["module", "what for"], rows)


# ---- docs/causes.md ----


def causes() -> str:
    """Every cause: whose fault it is, how it looks, what to do."""
    return draw_page().strip()


# ---- docs/performance.md ----


def curve() -> str:
    """How long it is to the next look while a stage lasts, with `poll-interval: auto` and without events."""
    longest, step = 180, 12
    lines = {
        stage: [seconds_between(stage, lasted=lasted) for lasted in range(0, longest + 1, step)]
        for stage in ("BUILDING", "APP_STARTING")
    }
    return "\n".join(
        [
            "```mermaid",
            "xychart-beta",
            '    title "poll-interval: auto. The upper line: BUILDING, the lower: any other stage"',
            f'    x-axis "seconds that the stage has lasted" 0 --> {longest}',
            '    y-axis "seconds to the next look" 0 --> 14',
            *(f"    line [{', '.join(f'{seconds:g}' for seconds in line)}]" for line in lines.values()),
            "```",
        ]
    )


def seconds_between(stage: str, *, lasted: float, events: Events = NO_EVENTS) -> float:
    """Return the seconds to the next look at a Space that has been in a stage for so long."""
    goal = Goal(stages=frozenset({"RUNNING"}), began=0.0, deadline=3600.0, before="PAUSED")
    seen = [Observation(at=at, stage=stage) for at in (0.0, lasted)]
    return interval(goal, seen, lasted, events=events)


def rests() -> str:
    """How long it is to the next look by what the Hub's events have been worth so far."""
    heard = Events(heard=True)
    worth = {
        "the stream is open": heard,
        "they announced a change": replace(heard, announced=True),
        "they name the stage, and the log is followed": replace(heard, named=True, log_open=True),
    }
    cases = (("BUILDING", 10), ("BUILDING", 60), ("BUILDING", 300), ("BUILDING", 1200), ("APP_STARTING", 60))
    rows = [
        [
            f"{code(stage)} for {f'{lasted} s' if lasted < 60 else f'{lasted // 60} min'}",
            *(f"{seconds_between(stage, lasted=lasted, events=events):.0f} s" for events in worth.values()),
        ]
        for stage, lasted in cases
    ]
    return table(["stage", *worth], rows)


BLOCKS: dict[str, Callable[[], str]] = {
    each.__name__: each
    for each in (operations, inputs, outputs, statuses, stages, commits, picture, modules, causes, curve, rests)
}

if __name__ == "__main__":
    sys.exit(main())
