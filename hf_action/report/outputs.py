"""Turns results into outputs and single lines."""

import json
from collections.abc import Mapping, Sequence

from hf_action.rules.models import NEVER, SpaceInfo
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
MAX_DOTENV_VALUE, MAX_DOTENV_MESSAGE = 250, 900  # bytes
# Hours for which a saving is estimated.
NIGHT, MONTH = 12, 730

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
        "evidence": result.evidence,
        "blame": result.blame,
        "message": result.message,
        "timeline": [{"at": round(moment.at, 1), "stage": one_line(moment.stage)} for moment in result.timeline],
    }
    return {key: one_line(value) if isinstance(value, str) else value for key, value in entry.items()}


def document(step: Step) -> dict[str, object]:
    """Return every output of the contract by name; what does not apply is None."""
    records = [record(result) for result in step.results]
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
        "matrix": {
            "include": [{"space-id": " ".join(share)} for share in shares([result.space for result in step.results])]
        },
        "message": one_line(step.message),
        **{name: _common([entry[name] for entry in records]) for name in ("cause", "evidence", "blame")},
        "rolled-back-to": _common([result.rolled_back_to or None for result in step.results]),
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
        value = one_line(outputs[name]).replace("$", "$$")
        if name == "message":
            value = value.encode()[:MAX_DOTENV_MESSAGE].decode(errors="ignore")
            value = value[:-1] if value.count("$") % 2 else value
        elif len(value.encode()) > MAX_DOTENV_VALUE:
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
    return one_line(f"{result.space}: {result.outcome.word}: {result.message}")


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
        text += (
            f"; ${saved:.2f} an hour no longer runs, which is ${saved * NIGHT:.2f} a night of {NIGHT} hours "
            f"or ${saved * MONTH:.0f} a month of {MONTH} hours"
        )
    return text
