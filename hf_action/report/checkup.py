"""What `hf-space doctor` prints: for a person aligned lines with what to do below, for a pipe one line a finding."""

import json
import textwrap
from collections.abc import Sequence

from hf_action.report.outputs import Plain
from hf_action.rules.findings import Finding, Mark, status_of

# What stands before what to do.
ARROW = "→ "
# Columns that the text needs at least; with fewer the terminal itself breaks the lines.
NARROWEST = 30


def pipe(findings: Sequence[Finding], plain: Plain) -> list[str]:
    """Return one line a finding: mark, check, what was found, what to do, with tabs between."""
    return ["\t".join((one.mark.word, one.check, plain(one.found), plain(one.remedy))) for one in findings]


def screen(findings: Sequence[Finding], plain: Plain, *, width: int) -> list[tuple[Mark, str]]:
    """Return lines of `width` columns for a person, each with the mark that it belongs to; only a first one shows it.

    With a width of 0 nothing is broken into lines.
    """
    column = max((len(one.check) for one in findings), default=0) + 4
    lines = []
    for one in findings:
        head = f"{one.mark.sign} {one.check}".ljust(column)
        texts = _wrapped(plain(one.found), head, width, column)
        if one.remedy:
            texts += _wrapped(f"{ARROW}{plain(one.remedy)}", " " * column, width, column)
        lines += [(one.mark, text) for text in texts]
    return lines


def _wrapped(text: str, head: str, width: int, column: int) -> list[str]:
    if width - column < NARROWEST:
        return [head + text]
    return textwrap.wrap(
        text,
        width,
        initial_indent=head,
        subsequent_indent=" " * column,
        break_long_words=False,
        break_on_hyphens=False,
    )


def counts(findings: Sequence[Finding]) -> str:
    """Say how many problems there are, and how many warnings."""
    said = [
        f"{number} {word}{'' if number == 1 else 's'}"
        for mark, word in ((Mark.PROBLEM, "problem"), (Mark.WARNING, "warning"))
        if (number := sum(one.mark is mark for one in findings))
    ]
    return ", ".join(said) or "no problem found"


def document(findings: Sequence[Finding], plain: Plain, *, space: str | None, cancelled: bool) -> str:
    """Return the findings as one JSON document."""
    result = "cancelled" if cancelled else "problem" if status_of(findings) else "ok"
    checks = [
        {"check": one.check, "mark": one.mark.word, "found": plain(one.found), "remedy": plain(one.remedy)}
        for one in findings
    ]
    return json.dumps({"result": result, "space-id": space or "", "checks": checks}, indent=2)
