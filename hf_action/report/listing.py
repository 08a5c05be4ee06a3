"""What a shell gets on stdout: one line a Space for a pipe; for a person a table, or one Space in detail.

Progress and errors go to stderr (docs/contract.md, What the step shows).
"""

from collections.abc import Iterator, Mapping

from hf_action.report.outputs import Plain
from hf_action.rules.models import NEVER
from hf_action.rules.results import Result, Step, counts, duration
from hf_action.rules.sanitize import shorten

HEAD = ("SPACE", "STAGE", "HARDWARE", "COMMIT")
# Characters of a value in the detail of one Space, so that all of it fits a screen.
MAX_VALUE = 400
# What stands before the stage of a Space that is broken, and of one that could not be looked at.
BROKEN = "✗ "


def lines(step: Step, plain: Plain) -> list[str]:
    """Return one line a Space for a pipe, with tabs between what it says."""
    if step.only_looks:
        return ["\t".join(_cells(result, plain)) for result in step.results]
    return ["\t".join((result.space, result.outcome.word, _stage(result, plain))) for result in step.results]


def screen(step: Step, plain: Plain) -> list[str]:
    """Return what a person sees of Spaces that were looked at."""
    if len(step.results) == 1 and step.operation == "info":
        return list(_detail(step.results[0], step.prices, plain))
    rows = [HEAD]
    for result in step.results:
        space, stage, hardware, commit = _cells(result, plain)
        rows.append((space, f"{BROKEN if result.is_bad else ''}{stage}", hardware, commit[:7]))
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    table = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return [*table, counts(step.results)] if len(step.results) > 1 else table


def _cells(result: Result, plain: Plain) -> tuple[str, str, str, str]:
    if not result.after:
        return result.space, result.outcome.word, "", ""
    runtime = result.after.runtime
    return result.space, _stage(result, plain), plain(_hardware(result)), runtime.commit or ""


def _stage(result: Result, plain: Plain) -> str:
    return plain(result.after.runtime.stage) if result.after else ""


def _hardware(result: Result) -> str:
    runtime = result.after.runtime if result.after else None
    named = (runtime.hardware, runtime.requested_hardware) if runtime else ()
    return " → ".join(dict.fromkeys(flavor for flavor in named if flavor))


def _detail(result: Result, prices: Mapping[str, float], plain: Plain) -> Iterator[str]:
    """Yield one Space in at most a screen."""
    mark = BROKEN if result.is_bad else ""
    yield f"{result.space}: {mark}{_stage(result, plain) or result.outcome.word}"
    for name, value in _values(result, prices).items():
        if value:
            yield f"  {name.ljust(10)}{shorten(plain(value), MAX_VALUE)}"


def _values(result: Result, prices: Mapping[str, float]) -> dict[str, str]:
    seen = result.after
    if not seen:
        return {"page": result.url}
    runtime = seen.runtime
    price = prices.get(runtime.hardware or runtime.requested_hardware or "")
    behind = " (not served)" if runtime.commit else ""
    return {
        "cause": f"{result.cause} ({result.blame})" if result.cause else "",
        "evidence": result.evidence,
        "remedy": result.remedy if result.cause or result.evidence else "",
        "page": result.url,
        "app": seen.host or "",
        "SDK": " ".join(part for part in (seen.sdk, seen.sdk_version) if part),
        "hardware": _hardware(result) + (f" (${price:.2f} an hour)" if price else ""),
        "sleeps": _sleeps(runtime.sleep_time) if seen.sdk != "static" else "",
        "commit": runtime.commit or "",
        "head": f"{seen.head}{behind}" if seen.head and seen.head != runtime.commit else "",
    }


def _sleeps(seconds: int | None) -> str:
    if seconds is None:
        return "not known"
    return "never" if seconds == NEVER else f"after {duration(seconds)} without a visit"
