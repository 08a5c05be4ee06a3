"""Turns results into outputs and single lines.

`plain` makes text for people harmless. What a machine reads goes through as it is (docs/contract.md, Outputs).
"""

import json
from collections import Counter
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import replace
from itertools import accumulate
from math import isfinite
from typing import TypeAlias

from hf_action.rules.models import NEVER, SpaceInfo
from hf_action.rules.outcomes import Outcome
from hf_action.rules.results import Result, Step, duration
from hf_action.rules.sanitize import one_line
from hf_action.rules.selection import shares
from hf_action.rules.stages import stage_of

# What a dotenv report of GitLab tells of a step: it may have 20 variables and must be smaller than 5 KiB, where the
# administrator has not changed that (docs.gitlab.com/administration/instance_limits).
DOTENV = (
    *("result", "space-id", "stage", "previous-stage", "changed", "url", "host", "commit"),
    *("hardware", "requested-hardware", "elapsed", "count", "failed", "hourly-cost", "hourly-saved", "message"),
)
# Bytes of a value there; with the message, all of them stay below the limit.
MAX_DOTENV_VALUE = 250
# Bytes of the message there.
MAX_DOTENV_MESSAGE = 900
# Bytes of the output `spaces` (docs/contract.md, Outputs).
MAX_SPACES_BYTES = 900_000
# Spaces that may have messages there: the keys of more alone are too long.
MAX_TOLD = 2_500
# US dollars an hour that no hardware costs.
MAX_PRICE = 100_000.0
# Hours of a night, and of a month, for which a saving is estimated.
NIGHT = 12
MONTH = 730

Plain: TypeAlias = Callable[[str], str]

# What is left out of the output `spaces` first, and next, where it is too long; last all but ids and results is.
_LEFT_OUT = (frozenset[str](), frozenset({"timeline"}), frozenset({"timeline", "message", "evidence"}))
_BARE = frozenset({"id", "result"})

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


# ---- outputs ----


def record(result: Result, plain: Plain) -> dict[str, object]:
    """Return one element of the output `spaces`; only what people read is made plain."""
    after = result.after
    runtime = after.runtime if after else None
    return {
        "id": result.space,
        "result": result.outcome.word,
        "stage": runtime and runtime.stage,
        "previous_stage": result.before.runtime.stage if result.before else None,
        "changed": result.changed,
        "commit": runtime and runtime.commit,
        "head": after and after.head,
        "hardware": runtime and runtime.hardware,
        "requested_hardware": runtime and runtime.requested_hardware,
        "sleep_time": runtime.sleep_time if runtime and runtime.sleep_time != NEVER else None,
        "sdk": after and after.sdk,
        "sdk_version": after and after.sdk_version,
        "private": after and after.private,
        "likes": after and after.likes,
        "last_modified": after and after.last_modified,
        "url": result.url,
        "host": after and after.host,
        "elapsed": round(result.elapsed, 1),
        "cause": result.cause,
        "evidence": plain(result.evidence),
        "blame": result.blame,
        "message": plain(result.message),
        "timeline": [{"at": round(moment.at, 1), "stage": moment.stage} for moment in result.timeline],
    }


def document(step: Step, plain: Plain = one_line) -> dict[str, object]:
    """Return every output of the contract by name; what does not apply is None."""
    records = [record(result, plain) for result in step.results]
    return {
        "result": step.outcome.word,
        **{name: _common([entry[key] for entry in records]) for name, key in SINGLE_OUTPUTS.items()},
        "elapsed": round(step.elapsed, 1),
        "requests": step.requests,
        "count": len(records),
        "failed": sum(result.status != 0 for result in step.results),
        "hourly-cost": round(_cost(step, before=False), 2) if step.prices else None,
        "hourly-saved": round(_saved(step), 2) if step.prices else None,
        "spaces": records,
        "matrix": matrix([result.space for result in step.results]),
        "message": plain(step.message),
        **{name: _common([entry[name] for entry in records]) for name in ("cause", "evidence", "blame")},
        "rolled-back-to": _common([result.rolled_back_to or None for result in step.results]),
    }


def matrix(spaces: Sequence[str]) -> dict[str, object]:
    """Return what `strategy.matrix` takes; further Spaces share entries."""
    return {"include": [{"space-id": " ".join(share)} for share in shares(spaces)]}


def outputs(step: Step, plain: Plain = one_line) -> dict[str, str]:
    """Return the same in the words of a workflow; what does not apply is empty, and what is too long is left out."""
    told = len(step.results) <= MAX_TOLD  # to make thousands of messages plain only to leave them out takes long
    found = document(step, plain if told else str) | {"message": plain(step.message)}
    return {name: _output(name, value) for name, value in found.items()}


def least_outputs(step: Step, plain: Plain) -> dict[str, str]:
    """Return what can be told of a step whatever it holds: ids and results, and a message."""
    ids = [result.space for result in step.results if one_line(result.space) == result.space]
    bare = [{"id": result.space, "result": result.outcome.word} for result in step.results]
    usual = dict.fromkeys(document(replace(step, results=(), prices={}, elapsed=0.0, message=""), plain), "")
    return usual | {
        "result": step.outcome.word,
        "space-id": ids[0] if len(step.results) == len(ids) == 1 else "",
        "count": str(len(bare)),
        "failed": str(sum(result.status != 0 for result in step.results)),
        "spaces": _fitting(bare),
        "matrix": json.dumps(matrix(ids)),
        "message": plain(str(step.message)),
    }


def _output(name: str, value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case float() if not isfinite(value):
            raise ValueError(f"{name} is not a number that can be written")
        case float() if name.startswith("hourly-"):
            return _money(value)
        case list():
            return _fitting(value)
        case dict():
            return json.dumps(value, allow_nan=False)
    return str(value)


def _fitting(records: Sequence[Mapping[str, object]]) -> str:
    """Return the records as JSON that is not too long: without timelines, then messages, then all but ids and results.

    What is still too long has only the first of them.
    """
    for left_out in _LEFT_OUT if len(records) <= MAX_TOLD else ():
        text = json.dumps([_without(row, left_out) for row in records], allow_nan=False)
        if len(text) <= MAX_SPACES_BYTES:
            return text
    bare = [json.dumps(_without(row, row.keys() - _BARE)) for row in records]
    lengths = accumulate(len(row) + len(", ") for row in bare)
    return f"[{', '.join(row for row, length in zip(bare, lengths, strict=True) if length <= MAX_SPACES_BYTES)}]"


def _without(row: Mapping[str, object], left_out: Container[str]) -> Mapping[str, object]:
    return {key: value for key, value in row.items() if key not in left_out}


def dotenv(outputs: Mapping[str, str]) -> dict[str, str]:
    """Return the outputs that a later job may decide by as lines of a dotenv report of GitLab: `HF_SPACE_NAME=value`.

    GitLab keeps quotes as they are, and its runner puts variables in the place of `$NAME`: so `$` is written `$$`. A
    value that is too long is left out, since half an address is wrong; a message that is too long is cut. Of several
    lines the last counts.
    """
    lines = {}
    for name in DOTENV:
        value = one_line(outputs.get(name, "")).replace("$", "$$")
        if name == "message":
            value = value.encode()[:MAX_DOTENV_MESSAGE].decode(errors="ignore")
            value = value[:-1] if value.count("$") % 2 else value
        elif len(value.encode()) > MAX_DOTENV_VALUE:
            value = ""
        lines[name] = f"HF_SPACE_{name.replace('-', '_').upper()}={value}\n"
    return lines


def sound(prices: Mapping[str, object]) -> dict[str, float]:
    """Return the prices that are some: one that is absent, a word or beyond all measure spoils none of the others."""
    return {
        flavor: float(price)
        for flavor, price in prices.items()
        if isinstance(price, int | float) and 0.0 <= price < MAX_PRICE
    }


def _cost(step: Step, *, before: bool) -> float:
    """Return the US dollars an hour of what is billed, before the step or after it."""
    return sum((_hourly(result.before if before else result.after, step.prices) for result in step.results), 0.0)


def _saved(step: Step) -> float:
    """Return the US dollars an hour that this step has stopped, by pausing or by other hardware."""
    stopped = [
        _hourly(result.before, step.prices) - _hourly(result.after, step.prices)
        for result in step.results
        if result.changed and not result.status
    ]
    return max(sum(stopped, 0.0), 0.0)


def _hourly(space: SpaceInfo | None, prices: Mapping[str, float]) -> float:
    if space is None or not stage_of(space.runtime.stage).billed:
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
    return ": ".join(part for part in (result.space, result.outcome.word, result.message) if part)


def good_news(results: Sequence[Result]) -> str:
    """Return one line for all Spaces that went well; nothing where none did."""
    if len(results) < 2:
        return annotation(results[0]) if results else ""
    counts = Counter(result.outcome.word for result in results)
    return f"{len(results)} Spaces: " + ", ".join(f"{count} {word}" for word, count in counts.items())


def level(status: int) -> str:
    """Return the kind of annotation that fits an exit status."""
    return "error" if status else "notice"


def heading(step: Step) -> str:
    """Return the step in one line."""
    return f"{step.operation} {step.outcome.word} after {duration(step.elapsed)}: {step.message}"


def bill(step: Step) -> str:
    """Return what the Spaces cost, as an estimate: the Hub bills by the minute, while an app starts or runs."""
    before, now, saved = _cost(step, before=True), _cost(step, before=False), _saved(step)
    text = f"Estimate from the Hub's price list: ${now:.2f} an hour"
    if round(before, 2) != round(now, 2):
        text += f", before ${before:.2f}"
    if saved:
        text += f"; ${saved:.2f} an hour no longer runs, {_in_time(saved)}"
    would = sum((_hourly(one.after, step.prices) for one in step.results if _would_pause(one)), 0.0)
    if would:
        text += f"; a pause would save ${would:.2f} an hour, {_in_time(would)}"
    return text


def _in_time(hourly: float) -> str:
    return f"which is ${hourly * NIGHT:.2f} a night of {NIGHT} hours or ${hourly * MONTH:.0f} a month of {MONTH} hours"


def _would_pause(result: Result) -> bool:
    return result.outcome is Outcome.PLANNED and result.operation == "pause"
