"""Tells people how to call the command: `--help`, and a few lines for a user who types only its name.

Drawn from `INPUTS`, `OPERATIONS` and `Outcome`.
"""

import textwrap
from collections.abc import Mapping
from dataclasses import replace

from hf_action.inputs.commands import COMMANDS, DOCTOR, DOCTOR_INPUTS, DOCTOR_TIMEOUT
from hf_action.inputs.table import INPUTS, OPERATIONS, Group, Input
from hf_action.rules.outcomes import Outcome

# Columns of the longest line: longer ones are hard to read, however wide the terminal is.
WIDEST = 100
# Columns that a text beside a word needs at least; with fewer it stands below the word.
NARROWEST = 30

CALL = "usage: hf-space [OPERATION] SPACE [SPACE ...] [--INPUT VALUE ...]"
EXAMPLES = {
    "hf-space acme/demo": "look at a Space",
    "hf-space restart acme/demo": "restart it, and wait until the new build runs",
    "hf-space wait acme/demo --commit head": "after a push, wait until that commit runs",
    "hf-space pause 'acme/*' --with-hardware paid": "pause every Space that costs money",
    "hf-space list --author acme --json": "list Spaces, for a script",
    "hf-space doctor acme/demo": "find out why something does not work",
}

# Flags of the command alone: no variable gives them.
OWN = {
    "json": "Print the outputs as one JSON document to stdout, and everything else to stderr. So does --format json.",
    "quiet": "Print results, warnings and errors only. -q is the same.",
    "record FILE": "Write every exchange with the Hub to FILE, without tokens and secrets, for a bug report.",
    "record-anonymous": "Give owners, Spaces and hosts other names in that file.",
    "no-wait": "End as soon as the request is accepted: the same as --wait-for-stage none.",
    "completion": "Print a script that makes a shell complete words; write --completion and one of bash, zsh, fish.",
    "help": "Print this help; behind an operation, the help of that operation.",
    "version": "Print the version.",
}

DOCTOR_STATUS = {
    "0": "no problem was found",
    "1": "there is a problem that would make an operation fail",
    "2": "the call itself is wrong",
    "130": "it was cancelled",
}

NOTES = (
    "A DURATION is in seconds (90, 0.5) or like 90s, 20m, 1.5m, 1h30m, 1d. A flag without a value may be given true or "
    "false.",
    "An input may also be a variable, such as INPUT_TIMEOUT for --timeout. The flag wins.",
    "Results go to stdout, and to a pipe as one line a Space with tabs in it; progress and errors go to stderr. "
    "In a terminal each Space has one line that is updated. NO_COLOR and FORCE_COLOR are obeyed.",
)


def hint() -> str:
    """Return how to begin, for somebody who typed only the name."""
    return "\n".join([CALL, "", *_columns(EXAMPLES, width=WIDEST), "", "hf-space --help shows the rest.", ""])


def usage(*, width: int) -> str:
    """Return the whole help, for a terminal of `width` columns."""
    width = min(width, WIDEST)
    words = {status: [each.word for each in Outcome if each.status == status] for status in (o.status for o in Outcome)}
    parts: list[tuple[str, list[str]]] = [
        ("examples", _columns(EXAMPLES, width=width)),
        ("operations (info if none is named)", _columns(OPERATIONS, width=width)),
        ("beside the operations", _columns(COMMANDS, width=width)),
        *((group.value, [line for row in in_group(group) for line in _flag(row, width)]) for group in Group),
        ("the command itself", _columns({f"--{name}": about for name, about in OWN.items()}, width=width)),
        ("notes", [line for note in NOTES for line in _wrapped(note, width, 2)]),
        ("exit status", _columns({str(code): ", ".join(results) for code, results in words.items()}, width=width)),
    ]
    lead = "Operate Hugging Face Spaces, and wait until they are really in the stage asked for."
    sections = ["\n".join([f"{title}:", *lines]) for title, lines in parts]
    return "\n\n".join([CALL, "\n".join(_wrapped(lead, width, 0)), *sections])


def usage_of(operation: str, *, width: int) -> str:
    """Return the help of one operation, or of a command beside them: what it does, and the inputs that it uses."""
    width = min(width, WIDEST)
    if operation == DOCTOR:
        return _usage_of_doctor(width)
    about = f"{OPERATIONS[operation]}"
    parts = [
        (group.value, [line for row in rows for line in _flag(row, width)])
        for group in Group
        if (rows := [row for row in in_group(group) if operation in row.used_by and row.name != "operation"])
    ]
    examples = {line: text for line, text in EXAMPLES.items() if line.split()[1] == operation}
    lead = [("examples", _columns(examples, width=width))] if examples else []
    sections = ["\n".join([f"{title}:", *lines]) for title, lines in lead + parts]
    call = f"usage: hf-space {operation} SPACE [SPACE ...] [--INPUT VALUE ...]"
    return "\n\n".join([call, "\n".join(_wrapped(about, width, 0)), *sections, "hf-space --help shows the rest."])


def _usage_of_doctor(width: int) -> str:
    notes = {
        "operation": "The operation that does not work; what it needs and is not there is a problem then.",
        "timeout": f"How long it may take. Default: {DOCTOR_TIMEOUT:g}s.",
    }
    rows = [replace(INPUTS[name], about=notes.get(name, INPUTS[name].about), default="") for name in DOCTOR_INPUTS]
    return "\n\n".join(
        [
            f"usage: hf-space {DOCTOR} [SPACE] [--INPUT VALUE ...]",
            "\n".join(_wrapped(COMMANDS[DOCTOR], width, 0)),
            "\n".join(["inputs:", *(line for row in rows[1:] for line in _flag(row, width))]),
            "\n".join(["exit status:", *_columns(DOCTOR_STATUS, width=width)]),
            "hf-space --help shows the rest.",
        ]
    )


def in_group(group: Group) -> list[Input]:
    """Return the inputs of one group, in the order of the table."""
    return [row for row in INPUTS.values() if row.group is group]


def _flag(row: Input, width: int) -> list[str]:
    default = f" Default: {row.default}." if row.default else ""
    return [f"  --{row.name} {row.reader.form}".rstrip(), *_wrapped(row.about + default, width, 6)]


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
