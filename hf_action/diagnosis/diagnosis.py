"""From what the Hub and the log say of a failed Space to its cause, the line that shows it, and what to do."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from hf_action.diagnosis.causes import BY_WORD, CAUSES
from hf_action.diagnosis.evidence import (
    Evidence,
    find_build_evidence,
    find_run_evidence,
    find_starting_evidence,
)
from hf_action.diagnosis.messages import OWN_CODES, Message, read_message
from hf_action.diagnosis.remedies import fill
from hf_action.diagnosis.signs import Cause, names
from hf_action.diagnosis.text import read_lines

_BUILD_FAILED = "BUILD_ERROR"
_FAILED = frozenset({_BUILD_FAILED, "RUNTIME_ERROR", "CONFIG_ERROR", "NO_APP_FILE"})
_RESTING = frozenset({"PAUSED", "STOPPED", "SLEEPING", "DELETING"})
_TIMED_OUT = "aunch timed out"
_NOT_README = re.compile(r"(?i)\b(?:variable|secret|hardware|flavor|storage|volume|domain|plan)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What broke: the word for it (empty where none is sure), whose fault it is, the line that shows it, what to do."""

    cause: str = ""
    blame: str = ""
    evidence: str = ""
    remedy: str = ""
    link: str = ""


def diagnose(
    *,
    stage: str,
    message: str | None,
    log: Sequence[str],
    log_kind: str | None,
    files: Collection[str] = (),
    settings: str = "",
) -> Diagnosis | None:
    """Return what is wrong with a Space; None where nothing is, or where nothing is said of it.

    Args:
        stage: The Hub's name for what the Space does.
        message: The Hub's own error message.
        log: The last lines of its log.
        log_kind: Which log that is, `build` or `run`; None for the one that fits the stage.
        files: The files of the Space's repository, as far as they are known.
        settings: The address of the Space's settings page.
    """
    if stage not in _FAILED and not (stage in _RESTING and message):
        return None
    building = stage == _BUILD_FAILED
    said = read_message(message or "")
    fits = stage in _FAILED and log_kind in (None, "build" if building else "run")
    evidences = _collect(said, read_lines(log) if fits else [], building=building)
    for evidence in evidences:
        found = _find_cause(replace(evidence, files=files))
        if found:
            cause, line, given = found
            return _describe(cause, line, given | ({"settings": settings} if settings else {}))
    left_over, line = _left_over(stage, said, evidences)
    return _describe(left_over, line, {}) if left_over or line else None


def _collect(said: Message, lines: Sequence[str], *, building: bool) -> list[Evidence]:
    """Return all there is to find a cause in, the most telling first: the Hub's own words, then the logs."""
    own = said.evidence(building=building)
    starting = find_starting_evidence(lines) if any(_TIMED_OUT in line for line in said.verdict) else None
    find = find_build_evidence if building else find_run_evidence
    logs = (find(said.log), find(lines))
    return [evidence for evidence in (starting, *own, *logs) if evidence]


def _find_cause(evidence: Evidence) -> tuple[Cause, str, dict[str, str]] | None:
    """Return the first cause of the table of which the evidence has a sign, with the line that shows it."""
    for scope in (*evidence.scopes, *([(evidence.text,)] if evidence.text else [])):
        for cause in CAUSES:
            for sign in cause.signs:
                if not sign.where & evidence.source:
                    continue
                for line in scope:
                    match = sign.pattern.search(line)
                    if match and (sign.when is None or sign.when(match, evidence)):
                        remedy = sign.remedy or cause.remedy
                        shown = evidence.line if line is evidence.text else line
                        return replace(cause, remedy=remedy), shown, names(match)
    return None


def _left_over(stage: str, said: Message, evidences: Sequence[Evidence]) -> tuple[Cause | None, str]:
    """Return what the stage alone says, with the best line there is."""
    errors = [evidence.line for evidence in evidences if evidence.is_error]
    best = next(iter(errors), "") or next((evidence.line for evidence in evidences), "")
    match stage:
        case "NO_APP_FILE":
            word = "app-file-missing"
        case "CONFIG_ERROR":
            word = "" if _NOT_README.search(best) else "readme-config"
        case "BUILD_ERROR":
            word = "build-step-failed" if errors or said.code in OWN_CODES else ""
        case "RUNTIME_ERROR":
            word = "app-error" if errors or said.code in OWN_CODES else ""
        case _:
            word = ""
    return BY_WORD.get(word), best


def _describe(cause: Cause | None, line: str, given: Mapping[str, str]) -> Diagnosis:
    if cause is None:
        return Diagnosis(evidence=line.strip())
    return Diagnosis(
        cause=cause.word,
        blame=cause.blame.value,
        evidence=line.strip(),
        remedy=fill(cause.remedy, given),
        link=cause.link,
    )
