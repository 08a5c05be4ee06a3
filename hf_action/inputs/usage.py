"""How the command is called, told to people: `--help`, and the few lines for who types nothing but its name.

Drawn from `INPUTS`, `OPERATIONS` and `Outcome`. What the value of an input looks like is told by its reader, here and
to the shells that complete words (`completion`).
"""

import textwrap
from collections.abc import Callable, Mapping
from typing import Any

from hf_action.inputs import readers, table
from hf_action.inputs.table import INPUTS, OPERATIONS, Input
from hf_action.rules.outcomes import Outcome
from hf_action.rules.selection import SORTS
from hf_action.rules.stages import STAGES

# Columns beyond which lines are hard to read, and below which a second column is.
WIDEST, NARROWEST = 100, 30

CALL = "usage: hf-space [OPERATION] SPACE [SPACE ...] [--INPUT VALUE ...]"
EXAMPLES = {
    "hf-space acme/demo": "look at a Space",
    "hf-space restart acme/demo": "restart it, and wait until the new build runs",
    "hf-space wait acme/demo --commit head": "after a push, wait until that commit is running",
    "hf-space pause 'acme/*' --with-hardware 't4-*'": "pause all that runs on such hardware",
    "hf-space list --author acme --json": "list Spaces, for a script",
}

# What a value looks like, and the words that are worth completing, by the function that reads it.
FORMS: dict[Callable[[str], Any], tuple[str, tuple[str, ...]]] = {
    readers.parse_space_ids: ("SPACES", ()),
    table.parse_operation: ("OPERATION", tuple(OPERATIONS)),
    readers.parse_stages: ("STAGES", (*STAGES, "none")),
    readers.parse_filter_stages: ("STAGES", tuple(STAGES)),
    readers.parse_budget: ("DURATION", ()),
    readers.parse_duration: ("DURATION", ()),
    readers.parse_commit: ("COMMIT|head|any|auto", ("head", "any", "auto")),
    readers.parse_health_check: ("PATH|URL|auto", ("auto",)),
    readers.parse_superseded: ("|".join(readers.SUPERSEDED), readers.SUPERSEDED),
    readers.parse_text: ("TEXT", ()),
    readers.parse_revision: ("COMMIT", ()),
    readers.parse_retries: ("NUMBER", ()),
    readers.parse_interval: ("DURATION|auto", ("auto",)),
    readers.parse_boolean: ("", ()),
    readers.parse_flavor: ("FLAVOR", ()),
    readers.parse_sleep_time: ("DURATION|never", ("never",)),
    readers.parse_logs: ("|".join(readers.LOGS), readers.LOGS),
    readers.parse_count: ("NUMBER", ()),
    readers.parse_owners: ("NAMES", ()),
    readers.parse_searches: ("WORDS", ()),
    readers.parse_words: ("NAMES", ()),
    readers.parse_exclusions: ("SPACES", ()),
    readers.parse_sort: ("|".join(SORTS), SORTS),
    readers.parse_token: ("TOKEN", ()),
    readers.parse_endpoint: ("URL", ()),
    str: ("FILE", ()),
}

GROUPS = {
    "which Spaces": (
        *("space-id", "author", "search", "with-sdk", "with-stage", "with-hardware"),
        *("exclude", "sort", "limit", "fleet-file"),
    ),
    "waiting": (
        *("wait-for-stage", "timeout", "commit", "if-superseded", "settle", "stable-for"),
        *("health-check", "health-check-contains", "poll-interval"),
    ),
    "acting": (
        *("operation", "factory-reboot", "hardware", "sleep-time", "retries", "rollback", "rollback-to"),
        *("restore", "max-parallel", "dry-run"),
    ),
    "what is shown": ("logs", "log-lines", "summary"),
    "connection": ("token", "endpoint"),
}

# Flags of the command alone: no variable gives them.
OWN = {
    "json": "Print the outputs as one JSON document to stdout, and all else to stderr.",
    "completion": "Print what makes a shell complete words; write --completion and one of bash, zsh, fish.",
    "help": "Print this.",
    "version": "Print the version.",
}

NOTES = (
    "A DURATION is in seconds (90, 0.5) or like 90s, 20m, 1.5m, 1h30m. A flag without a value may be given true or "
    "false.",
    "An input may also be a variable, such as INPUT_TIMEOUT for --timeout; the flag wins.",
    "In a terminal each Space has a line that moves; in a pipe and in a file, lines stay. NO_COLOR and FORCE_COLOR are "
    "obeyed.",
)


def hint() -> str:
    """Return how to begin, for who has typed nothing but the name."""
    return "\n".join([CALL, "", *_columns(EXAMPLES, width=WIDEST), "", "hf-space --help tells the rest.", ""])


def usage(*, width: int) -> str:
    """Return all there is to know, for a terminal of so many columns."""
    width = min(width, WIDEST)
    words = {status: [each.word for each in Outcome if each.status == status] for status in (o.status for o in Outcome)}
    parts: list[tuple[str, list[str]]] = [
        ("examples", _columns(EXAMPLES, width=width)),
        ("operations, info where none is named", _columns(OPERATIONS, width=width)),
        *((title, [line for name in names for line in _flag(INPUTS[name], width)]) for title, names in GROUPS.items()),
        ("the command itself", _columns({f"--{name}": about for name, about in OWN.items()}, width=width)),
        ("notes", [line for note in NOTES for line in _wrapped(note, width, 2)]),
        ("exit status", _columns({str(code): ", ".join(results) for code, results in words.items()}, width=width)),
    ]
    lead = "Operate Hugging Face Spaces, and wait until they are truly in the stage asked for."
    sections = ["\n".join([f"{title}:", *lines]) for title, lines in parts]
    return "\n\n".join([CALL, "\n".join(_wrapped(lead, width, 0)), *sections])


def _flag(row: Input, width: int) -> list[str]:
    form, _ = FORMS[row.read]
    default = f" Default: {row.default}." if row.default else ""
    return [f"  --{row.name} {form}".rstrip(), *_wrapped(row.about + default, width, 6)]


def _columns(rows: Mapping[str, str], *, width: int) -> list[str]:
    """Return each text beside its name, or below where that leaves too little room."""
    column = max(map(len, rows)) + 4
    if width - column < NARROWEST:
        return [line for name, about in rows.items() for line in (f"  {name}", *_wrapped(about, width, 6))]
    return [
        line for name, about in rows.items() for line in _wrapped(about, width, column, lead=f"  {name}".ljust(column))
    ]


def _wrapped(text: str, width: int, indent: int, *, lead: str | None = None) -> list[str]:
    blanks = " " * indent
    first = blanks if lead is None else lead
    return textwrap.wrap(
        text,
        width,
        initial_indent=first,
        subsequent_indent=blanks,
        break_long_words=False,
        break_on_hyphens=False,
    )
