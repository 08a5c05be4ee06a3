"""Turns results into a job summary.

Everything a Space or the Hub says may be hostile, and Markdown obeys punctuation: `plain` makes text one line without
secrets, `escape` makes it mean only itself (docs/contract.md, What the step shows).

Source: docs/contract.md, "Outputs" and "What the step shows".
Parts are made one by one, and no more of them than fit: thousands of Spaces must not delay the end of the step.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

from hf_action.report.gantt import FEW, MAX_DRAWN, Lane, draw
from hf_action.report.outputs import Plain, bill
from hf_action.rules.outcomes import SEVERITY, Outcome
from hf_action.rules.results import Result, Step, counted, duration, last_lines
from hf_action.rules.sanitize import one_line
from hf_action.rules.stages import stage_of

# The runner drops a summary over 1 MiB whole; the rest of it is left for what other tools may count differently.
MAX_SUMMARY_BYTES = 1_000_000
# Spaces that share a failure and are named beside it.
MAX_NAMED = 5
# Rows of the table of timelines.
MAX_MOMENTS = 2_000

ICONS = {
    Outcome.OK: "✅",
    Outcome.UNCHANGED: "✅",
    Outcome.PLANNED: "📝",
    Outcome.SKIPPED: "⏭️",
    Outcome.FAILED: "❌",
    Outcome.INVALID_INPUT: "❌",
    Outcome.DENIED: "🔒",
    Outcome.NOT_FOUND: "🔍",
    Outcome.TIMED_OUT: "⏱️",
    Outcome.UNREACHABLE: "📡",
    Outcome.SUPERSEDED: "⏩",
    Outcome.CANCELLED: "🛑",
}
# What Markdown, HTML, and GitHub's links, mentions, emoji and formulas are made of inside a line; what counts only at
# the start of a line is left, since no such text ever stands there.
_MARKDOWN = re.compile(
    r"""[\\`*\[\]<>|&~@#$"'] | (?<![A-Za-z0-9])_ | _(?![A-Za-z0-9]) | :(?=\S) | (?<=www)\.""",
    re.VERBOSE | re.IGNORECASE,
)
_COMMIT = re.compile(r"[0-9a-f]{7,64}")
# Pages of the Hub that remedies name, as `escape` leaves them.
_PAGE = re.compile(r"https&#58;//huggingface\.co/((?:docs|settings)/[A-Za-z0-9/_-]+)")


def escape(text: str) -> str:
    """Make `text` mean only itself inside a line of Markdown: marks that could mean more become entities."""
    return _MARKDOWN.sub(lambda mark: f"&#{ord(mark[0])};", one_line(text))


# ---- summary ----


def summary(step: Step, plain: Plain = one_line) -> str:
    """Return the job summary as Markdown, shorter than the runner's limit of 1 MiB whatever it has to hold."""
    foot = f"\n<sub>{duration(step.elapsed)}, {counted(step.requests, 'request')} to the Hub</sub>\n"
    return _fitting(_parts(step, plain), room=MAX_SUMMARY_BYTES - len(foot.encode())) + foot


def least_summary(step: Step, plain: Plain) -> str:
    """Return a summary of results only, which nothing that a step holds can spoil."""
    title = f"## {ICONS[step.outcome]} {escape(plain(step.operation))}: {step.outcome.word}\n\n"
    rows = (f"- {escape(plain(result.space))}: {result.outcome.word}\n" for result in step.results)
    return _fitting((title, f"{_said(plain(str(step.message)))}\n\n", *rows), room=MAX_SUMMARY_BYTES)


def correction(step: Step) -> str:
    """Return what corrects a summary that was written before a signal came."""
    return f"\n{ICONS[step.outcome]} **{step.outcome.word}** while the report was written\n"


def _parts(step: Step, plain: Plain) -> Iterator[str]:
    title = step.results[0].space if len(step.results) == 1 else f"{len(step.results)} Spaces"
    subject = f" of {escape(title)}" if step.results else ""
    yield f"## {ICONS[step.outcome]} {escape(step.operation.capitalize())}{subject}: {step.outcome.word}\n\n"
    results = sorted(step.results, key=lambda result: SEVERITY.index(result.outcome))
    if len(results) > 1:
        yield f"{_said(plain(step.message))}\n\n"
        yield from _failures(results, plain)
    else:
        yield f"{_told(results[0], plain) if results else _of_step(step, plain)}\n\n"
    if results:
        yield from _table(results, step.prices)
        yield from _timelines(results)
        for result in results:
            if result.log:
                yield _log(result, plain)
    if step.prices:
        yield f"\n{bill(step)}\n"


def _fitting(parts: Iterable[str], *, room: int) -> str:
    """Join as many whole parts as there is room for, and say so when some are left out."""
    cut = "\n\n_Cut here: the whole would not fit into a job summary. The output `spaces` has it all._\n"
    room -= len(cut.encode())
    kept: list[str] = []
    for part in parts:
        room -= len(part.encode())
        if room < 0:
            return "".join([*kept, cut])
        kept.append(part)
    return "".join(kept)


def _failures(results: Sequence[Result], plain: Plain) -> Iterator[str]:
    """Yield each failure once, with the Spaces that share it."""
    shared: dict[tuple[Outcome, str], list[Result]] = {}
    for result in results:
        if result.status:
            shared.setdefault((result.outcome, result.message), []).append(result)
    for (outcome, _), alike in shared.items():
        more = f" and {len(alike) - MAX_NAMED} more" if len(alike) > MAX_NAMED else ""
        names = escape(", ".join(result.space for result in alike[:MAX_NAMED]) + more)
        yield f"- {ICONS[outcome]} **{names}:** {_message(alike[0], plain)}\n"
    if shared:
        yield "\n"


def _told(result: Result, plain: Plain) -> str:
    """Return what is said of the only Space: the cause comes first, where there is one."""
    lead = "" if result.cause else f"**{result.outcome.word}** "
    return f"{lead}{_message(result, plain)}"


def _of_step(step: Step, plain: Plain) -> str:
    return f"**{step.outcome.word}** {_said(plain(step.message))}"


def _message(result: Result, plain: Plain) -> str:
    """Return the message of a Space, with the cause that it begins with in bold."""
    said = _said(plain(result.message))
    known = result.cause and said.startswith(result.cause)
    return f"**{result.cause}**{said.removeprefix(result.cause)}" if known else said


def _said(message: str) -> str:
    """Return a message in which the Hub's own pages, which remedies name, can be clicked."""
    return _PAGE.sub(lambda page: f"[{page[0]}](https://huggingface.co/{page[1]})", escape(message))


def _table(results: Sequence[Result], prices: Mapping[str, float]) -> Iterator[str]:
    yield "| Space | Result | Stage | Commit | Hardware | Elapsed |\n|---|---|---|---|---|---|\n"
    for result in results:
        cells = [
            f"[{escape(result.space)}]({result.url})",
            f"{ICONS[result.outcome]} {result.outcome.word}{_log_link(result)}",
            _stage_cell(result),
            _commit_cell(result),
            _hardware_cell(result, prices),
            duration(result.elapsed),
        ]
        yield f"| {' | '.join(cells)} |\n"


def _stage_cell(result: Result) -> str:
    if not result.after:
        return ""
    stage, before = result.after.runtime.stage, result.before.runtime.stage if result.before else None
    broken = " (broken)" if result.is_broken else ""
    return f"{escape(stage)}{broken}" if before in (None, stage) else f"{escape(before)} → {escape(stage)}{broken}"


def _log_link(result: Result) -> str:
    """Return a link to the log that tells more, of a Space that failed or is broken."""
    if not result.after or result.after.sdk == "static" or not result.is_bad:
        return ""
    builds = stage_of(result.after.runtime.stage).builds
    return f" · [{'build' if builds else 'app'} log]({result.url}?logs={'build' if builds else 'container'})"


def _commit_cell(result: Result) -> str:
    """Return the commit being served; where nothing is, the one that failed to be."""
    commit = result.after and (result.after.runtime.commit or (result.after.head if result.is_bad else None))
    if not commit:
        return ""
    if not _COMMIT.fullmatch(commit):
        return escape(commit)
    return f"[{commit[:7]}]({result.url}/commit/{commit})"


def _hardware_cell(result: Result, prices: Mapping[str, float]) -> str:
    if not result.after:
        return ""
    before, after = (result.before or result.after).runtime, result.after.runtime
    first = before.requested_hardware if result.changed else before.hardware  # what was on its way is what was changed
    flavors = [first or before.hardware or before.requested_hardware, after.requested_hardware or after.hardware]
    return " → ".join(escape(flavor) + _price(flavor, prices) for flavor in dict.fromkeys(flavors) if flavor)


def _price(flavor: str, prices: Mapping[str, float]) -> str:
    price = prices.get(flavor)
    return f" (${price:.2f}/h)" if price else ""


def _timelines(results: Sequence[Result]) -> Iterator[str]:
    """Yield the stages over time as a picture, and as a table: one part, which is whole or not there."""
    moved = [result for result in results if len(result.timeline) > 1]
    if not moved:
        return
    news = [one for one in results if one.timeline and (one.is_bad or _is_another(one))]
    drawn = news if len(results) > FEW else moved
    diagram = draw([Lane(space=one.space, moments=one.timeline, end=one.elapsed) for one in drawn]) if drawn else ""
    yield f"\n```mermaid\n{diagram}```\n{_others(len(results), len(drawn))}" if diagram else ""
    rows = [
        f"| {escape(result.space)} | {duration(moment.at)} | {escape(moment.stage)} |\n"
        for result, moment in islice(((one, moment) for one in moved for moment in one.timeline), MAX_MOMENTS)
    ]
    opening = "\n<details><summary>Timeline</summary>\n\n| Space | At | Stage |\n|---|---|---|\n"
    yield "".join([opening, *rows, "\n</details>\n"])


def _is_another(result: Result) -> bool:
    """Whether the step has changed a Space, and it is not again what it was: a restart alone is no news."""
    runtimes = [seen.runtime for seen in (result.before, result.after) if seen]
    return result.changed and len({(one.stage, one.commit, one.hardware, one.sleep_time) for one in runtimes}) > 1


def _others(count: int, wanted: int) -> str:
    """Say how many of a fleet are not in the picture, for which there is room for so many only."""
    left_out = count - min(wanted, MAX_DRAWN) if count > FEW else 0
    why = ": nothing failed there" if wanted <= MAX_DRAWN else ""
    subject = "1 other Space is" if left_out == 1 else f"{left_out} other Spaces are"
    return f"\n{subject} not drawn{why}.\n" if left_out else ""


def _log(result: Result, plain: Plain) -> str:
    """Return the log folded away, in a fence longer than any the log itself holds."""
    lines = [plain(line) for line in result.log]
    longest = max((len(run) for line in lines for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    title = f"Log of {escape(result.space)}, {last_lines(len(lines))}"
    text = "\n".join(lines)
    return f"\n<details><summary>{title}</summary>\n\n{fence}text\n{text}\n{fence}\n\n</details>\n"
