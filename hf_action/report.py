"""Turns results into outputs, a job summary and single lines, and makes text from elsewhere harmless.

Everything a Space or the Hub says may be hostile: the runner obeys commands in the log, Markdown obeys
punctuation. `plain` makes text one harmless line, `escape` makes it inert in Markdown, `redact` takes tokens out.

Source: shared/contract.md, "Outputs" and "What the step shows".
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote

from hf_action.errors import GRAVITY, Outcome, gravest
from hf_action.facts import Description
from hf_action.gantt import Lane, Moment, draw
from hf_action.selection import shares
from hf_action.stages import is_billed

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Record = TypeVar("Record", bound="DataclassInstance")

# The runner drops a summary over 1 MiB whole; the rest of it is left for what other tools may count differently.
LARGEST_SUMMARY = 1_000_000
# Characters of a message, and Spaces of which a failure names each, that a reader still takes in.
LONGEST_LINE = 2_000
MOST_NAMED = 5
# What a dotenv report of GitLab tells of a step: it may have 20 variables and must be smaller than 5 KiB, where the
# administrator has not changed that (docs.gitlab.com/administration/instance_limits).
DOTENV = (
    *("result", "space-id", "stage", "previous-stage", "changed", "url", "host", "commit"),
    *("hardware", "requested-hardware", "elapsed", "count", "failed", "hourly-cost", "hourly-saved", "message"),
)
LARGEST_VALUE, LARGEST_MESSAGE = 250, 900  # bytes
# Hours for which a saving is estimated.
NIGHT, MONTH = 12, 730

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

SINGLE_OUTPUTS = {
    "space-id": "id",
    "stage": "stage",
    "previous-stage": "previous_stage",
    "changed": "changed",
    "url": "url",
    "host": "host",
    "commit": "commit",
    "hardware": "hardware",
    "requested-hardware": "requested_hardware",
    "sleep-time": "sleep_time",
    "sdk": "sdk",
    "sdk-version": "sdk_version",
    "private": "private",
    "likes": "likes",
    "last-modified": "last_modified",
}

# Control characters, separators of lines, marks of direction, and halves of surrogate pairs, which no file can hold.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]+")
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
# Tokens of the Hub, and the commonest other secrets that an app may have printed. A Space may be named hf_something, so
# what is shorter than a real token, or has other marks in it, is none where it stands in an id.
_TOKEN = re.compile(
    r"\b(?:(?<!/)(?:hf|api_org)_[A-Za-z0-9]{8,}+(?![\w/-])|(?:hf|api_org)_[A-Za-z0-9]{30,}|hf_(?:jwt|oauth)_[\w.\-]{8,}"
    r"|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|sk-[A-Za-z0-9_\-]{20,}|AKIA[A-Z0-9]{16})"
)
# What Markdown, HTML, and GitHub's links, mentions, emoji and formulas are made of inside a line; what counts only at
# the start of a line is left, since no such text ever stands there.
_MARKDOWN = re.compile(
    r"""[\\`*\[\]<>|&~@#$"'] | (?<![A-Za-z0-9])_ | _(?![A-Za-z0-9]) | :(?=\S) | (?<=www)\.""",
    re.VERBOSE | re.IGNORECASE,
)
_COMMIT = re.compile(r"[0-9a-f]{7,64}")
# Pages of the Hub that remedies name, as `escape` leaves them.
_PAGE = re.compile(r"https&#58;//huggingface\.co/((?:docs|settings)/[A-Za-z0-9/_-]+)")


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one Space. `elapsed` is in seconds since the step began."""

    space: str
    outcome: Outcome
    message: str
    elapsed: float
    url: str
    before: Description | None = None  # at the first look
    after: Description | None = None  # at the last answer
    changed: bool = False  # whether this step sent a change that the Hub took
    timeline: tuple[Moment, ...] = ()
    log: tuple[str, ...] = ()  # the tail of the build or run log, plain


@dataclass(frozen=True, slots=True)
class Step:
    """What became of the whole step."""

    operation: str
    outcome: Outcome
    message: str
    elapsed: float
    requests: int
    prices: Mapping[str, float]  # US dollars an hour by flavor
    results: tuple[Result, ...] = ()


def conclude(
    results: Sequence[Result],
    *,
    cancelled: bool,
    operation: str,
    elapsed: float,
    requests: int,
    prices: Mapping[str, float],
) -> Step:
    """Sum up the results of a step that named at least one Space."""
    outcome = Outcome.CANCELLED if cancelled else gravest([result.outcome for result in results])
    if len(results) == 1:
        message = f"{results[0].space}: {results[0].message}"
    else:
        counts = {word: sum(result.outcome.word == word for result in results) for word in _words(results)}
        message = f"{len(results)} Spaces: " + ", ".join(f"{count} {word}" for word, count in counts.items())
    return Step(
        operation=operation,
        outcome=outcome,
        message=message,
        elapsed=elapsed,
        requests=requests,
        prices=prices,
        results=tuple(results),
    )


def _words(results: Iterable[Result]) -> list[str]:
    return list(dict.fromkeys(result.outcome.word for result in results))


# ---- harmless text ----


def redact(text: str, secrets: Sequence[str]) -> str:
    """Take the secrets of this step, and whatever looks like a token, out of `text`.

    Colours go first: a secret that they cut in two would be whole again once they are gone.
    """
    text = _ANSI.sub("", text).replace("\x1b", "\0")
    for secret in secrets:
        text = text.replace(secret, "***")
    return _TOKEN.sub("***", text)


def hidden(record: Record, hide: Callable[[str], str]) -> Record:
    """Return a copy of facts, a result or a step in which `hide` has been over every text.

    It has to happen before a text is cut or Markdown is made: a token that is cut, or spelled with entities, is a
    token all the same.
    """
    return replace(record, **{part.name: _hidden(getattr(record, part.name), hide) for part in fields(record)})


def _hidden(value: object, hide: Callable[[str], str]) -> object:
    if isinstance(value, str):
        return hide(value)
    if isinstance(value, tuple):
        return tuple(_hidden(part, hide) for part in value)
    return hidden(value, hide) if is_dataclass(value) and not isinstance(value, type) else value


def plain(text: str) -> str:
    """Make `text` one line that the runner cannot take for a command.

    It obeys `::command::` at the start of a line and `##[command]` anywhere
    (https://github.com/actions/runner, src/Runner.Common/ActionCommand.cs).
    """
    text = _CONTROL.sub(" ", _ANSI.sub("", text[: 2 * LONGEST_LINE])).replace("##[", "# #[").rstrip()
    if text.lstrip().startswith("::"):
        text = ": " + text.lstrip(": ")
    return text if len(text) <= LONGEST_LINE else text[: LONGEST_LINE - 1] + "…"


def escape(text: str) -> str:
    """Make `text` mean only itself inside a line of Markdown: marks that could mean more become entities."""
    return _MARKDOWN.sub(lambda mark: f"&#{ord(mark[0])};", plain(text))


def duration(seconds: float) -> str:
    """Write seconds as `9.5s`, `48s`, `1m05s` or `2h03m`."""
    if seconds < 10:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    return f"{whole // 60}m{whole % 60:02}s" if whole < 3600 else f"{whole // 3600}h{whole % 3600 // 60:02}m"


# ---- outputs ----


def record(result: Result) -> dict[str, object]:
    """Return one element of the output `spaces`."""
    after = result.after
    runtime = after.runtime if after else None
    entry = {
        "id": result.space,
        "result": result.outcome.word,
        "stage": runtime and runtime.stage,
        "previous_stage": result.before.runtime.stage if result.before else None,
        "changed": result.changed,
        "commit": runtime and runtime.commit,
        "head": after and after.head,
        "hardware": runtime and runtime.hardware,
        "requested_hardware": runtime and runtime.requested_hardware,
        "sleep_time": runtime and runtime.sleep_time,
        "sdk": after and after.sdk,
        "sdk_version": after and after.sdk_version,
        "private": after and after.private,
        "likes": after and after.likes,
        "last_modified": after and after.last_modified,
        "url": result.url,
        "host": after and after.host,
        "elapsed": round(result.elapsed, 1),
        "message": result.message,
        "timeline": [{"at": round(moment.at, 1), "stage": plain(moment.stage)} for moment in result.timeline],
    }
    return {key: plain(value) if isinstance(value, str) else value for key, value in entry.items()}


def document(step: Step) -> dict[str, object]:
    """Return every output of the contract by name; what does not apply is None."""
    records = [record(result) for result in step.results]
    return {
        "result": step.outcome.word,
        **{name: _common([entry[key] for entry in records]) for name, key in SINGLE_OUTPUTS.items()},
        "elapsed": round(step.elapsed, 1),
        "requests": step.requests,
        "count": len(records),
        "failed": sum(result.outcome.status != 0 for result in step.results),
        "hourly-cost": round(_cost(step, before=False), 2) if step.prices else None,
        "hourly-saved": round(_saved(step), 2) if step.prices else None,
        "spaces": records,
        "matrix": {
            "include": [{"space-id": " ".join(share)} for share in shares([result.space for result in step.results])]
        },
        "message": plain(step.message),
    }


def outputs(step: Step) -> dict[str, str]:
    """Return the same in the words of a workflow; what does not apply is empty."""
    return {
        name: _money(value) if isinstance(value, float) and name.startswith("hourly-") else _word(value)
        for name, value in document(step).items()
    }


def _word(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case list() | dict():
            return json.dumps(value)
    return str(value)


def dotenv(outputs: Mapping[str, str]) -> str:
    """Return the outputs that a later job may decide by as a dotenv report of GitLab: one `HF_SPACE_NAME=value` a line.

    GitLab keeps quotes as they are, and its runner puts variables in the place of `$NAME`: hence `$$`. Too long a value
    is left out, since half an address leads astray; too long a message is cut.
    """
    lines = []
    for name in DOTENV:
        value = plain(outputs[name]).replace("$", "$$")
        if name == "message":
            value = value.encode()[:LARGEST_MESSAGE].decode(errors="ignore")
            value = value[:-1] if value.count("$") % 2 else value
        elif len(value.encode()) > LARGEST_VALUE:
            value = ""
        lines.append(f"HF_SPACE_{name.replace('-', '_').upper()}={value}\n")
    return "".join(lines)


def _cost(step: Step, *, before: bool) -> float:
    """Return the US dollars an hour of what is billed, before the step or after it."""
    return sum((_hourly(result.before if before else result.after, step.prices) for result in step.results), 0.0)


def _saved(step: Step) -> float:
    """Return the US dollars an hour that this step has stopped, by pausing or by other hardware."""
    stopped = [
        _hourly(result.before, step.prices) - _hourly(result.after, step.prices)
        for result in step.results
        if result.changed and not result.outcome.status
    ]
    return max(sum(stopped, 0.0), 0.0)


def _hourly(space: Description | None, prices: Mapping[str, float]) -> float:
    if space is None or not is_billed(space.runtime.stage):
        return 0.0
    return prices.get(space.runtime.hardware or space.runtime.requested_hardware or "", 0.0)


def _money(dollars: float) -> str:
    return f"{dollars:.2f}"


def _common(values: Sequence[object]) -> object:
    """Return what all values are; None where they differ."""
    return values[0] if values and all(value == values[0] for value in values) else None


# ---- single lines ----


def annotation(result: Result) -> str:
    """Return the line of one Space for an annotation: what happened, likely cause, what to do."""
    return plain(f"{result.space}: {result.outcome.word}: {result.message}")


def level(outcome: Outcome) -> str:
    """Return the kind of annotation that fits an outcome."""
    return "error" if outcome.status else "notice"


def heading(step: Step) -> str:
    """Return the step in one line."""
    return f"{step.operation} {step.outcome.word} after {duration(step.elapsed)}: {step.message}"


# ---- summary ----


def summary(step: Step) -> str:
    """Return the job summary as Markdown, shorter than the runner's limit of 1 MiB whatever it has to hold."""
    title = step.results[0].space if len(step.results) == 1 else f"{len(step.results)} Spaces"
    subject = f" of {escape(title)}" if step.results else ""
    parts = [f"## {ICONS[step.outcome]} {escape(step.operation.capitalize())}{subject}: {step.outcome.word}\n\n"]
    results = sorted(step.results, key=lambda result: GRAVITY.index(result.outcome))
    if len(results) > 1:
        parts += [f"{_said(step.message)}\n\n", *_failures(results)]
    else:
        parts.append(f"**{step.outcome.word}** {_said(results[0].message if results else step.message)}\n\n")
    if results:
        parts += _table(results, step.prices)
        parts += _timelines(results)
        parts += [_log(result) for result in results if result.log]
    if step.prices:
        parts.append(f"\n{bill(step)}\n")
    foot = f"\n<sub>{duration(step.elapsed)}, {step.requests} requests to the Hub</sub>\n"
    return _fitting(parts, room=LARGEST_SUMMARY - len(foot.encode())) + foot


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


def _failures(results: Sequence[Result]) -> list[str]:
    """Return each failure once, with the Spaces that share it."""
    shared: dict[tuple[Outcome, str], list[str]] = {}
    for result in results:
        if result.outcome.status:
            shared.setdefault((result.outcome, result.message), []).append(result.space)
    lines = []
    for (outcome, message), spaces in shared.items():
        more = f" and {len(spaces) - MOST_NAMED} more" if len(spaces) > MOST_NAMED else ""
        names = escape(", ".join(spaces[:MOST_NAMED]) + more)
        lines.append(f"- {ICONS[outcome]} **{names}:** {_said(message)}\n")
    return [*lines, "\n"] if lines else []


def _said(message: str) -> str:
    """Return a message in which the Hub's own pages, which remedies name, can be clicked."""
    return _PAGE.sub(lambda page: f"[{page[0]}](https://huggingface.co/{page[1]})", escape(message))


def _table(results: Sequence[Result], prices: Mapping[str, float]) -> list[str]:
    rows = ["| Space | Result | Stage | Commit | Hardware | Elapsed |\n|---|---|---|---|---|---|\n"]
    for result in results:
        cells = [
            f"[{escape(result.space)}]({result.url})",
            f"{ICONS[result.outcome]} {result.outcome.word}",
            _stage_cell(result),
            _commit_cell(result),
            _hardware_cell(result, prices),
            duration(result.elapsed),
        ]
        rows.append(f"| {' | '.join(cells)} |\n")
    return rows


def _stage_cell(result: Result) -> str:
    if not result.after:
        return ""
    stage, before = result.after.runtime.stage, result.before.runtime.stage if result.before else None
    return escape(stage) if before in (None, stage) else f"{escape(before)} → {escape(stage)}"


def _commit_cell(result: Result) -> str:
    commit = result.after.runtime.commit if result.after else None
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


def bill(step: Step) -> str:
    """Return what the Spaces cost, as an estimate: the Hub bills by the minute, while an app starts or runs."""
    before, now, saved = _cost(step, before=True), _cost(step, before=False), _saved(step)
    text = f"Estimate from the Hub's price list: ${now:.2f} an hour"
    if round(before, 2) != round(now, 2):
        text += f", before ${before:.2f}"
    if saved:
        text += (
            f"; ${saved:.2f} an hour no longer runs, which is ${saved * NIGHT:.2f} a night of {NIGHT} hours "
            f"or ${saved * MONTH:.0f} a month of {MONTH} hours"
        )
    return text


def _timelines(results: Sequence[Result]) -> list[str]:
    moved = [result for result in results if len(result.timeline) > 1]
    if not moved:
        return []
    diagram = draw([Lane(space=one.space, moments=one.timeline, end=one.elapsed) for one in moved])
    picture = f"\n```mermaid\n{diagram}```\n" if diagram else ""
    rows = [
        f"| {escape(result.space)} | {duration(moment.at)} | {escape(moment.stage)} |\n"
        for result in moved
        for moment in result.timeline
    ]
    opening = "\n<details><summary>Timeline</summary>\n\n| Space | At | Stage |\n|---|---|---|\n"
    return [picture, "".join([opening, *rows, "\n</details>\n"])]


def _log(result: Result) -> str:
    """Return the log folded away, in a fence longer than any the log itself holds."""
    longest = max((len(run) for line in result.log for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    lines = "\n".join(result.log)
    title = f"Log of {escape(result.space)}, last {len(result.log)} lines"
    return f"\n<details><summary>{title}</summary>\n\n{fence}text\n{lines}\n{fence}\n\n</details>\n"


def page(endpoint: str, space: str) -> str:
    """Return the address of the Space's page."""
    return f"{endpoint}/spaces/{quote(space)}"
