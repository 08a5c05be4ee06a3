"""Where a step writes down what it hears of the Hub: `--record` and `--record-anonymous`, or variables of those names.

They belong to the command and not to an operation, so they are no inputs of the action: a bug report needs them, and no
workflow does. A flag wins over a variable.

Source: docs/contract.md, "Beside the operations".
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from hf_action.inputs.readers import parse_boolean, shown
from hf_action.inputs.table import INPUTS

# The variable of each flag.
VARIABLES = {"record": "HF_SPACE_RECORD", "record-anonymous": "HF_SPACE_RECORD_ANONYMOUS"}
# Inputs that a recording does not repeat: who asked, and what belongs to the machine alone.
_LEFT_OUT = frozenset({"token", "endpoint", "report-file", "summary"})


@dataclass(frozen=True, slots=True)
class Recording:
    """A file of the workspace, and whether owners, names and hosts have other names in it; `inputs` are the step's."""

    file: str
    anonymous: bool = False
    inputs: Mapping[str, str] = field(default_factory=dict)

    def of(self, given: Mapping[str, str]) -> "Recording":
        """Return the same recording, of a step with these inputs."""
        kept = {name: text for name, text in given.items() if name in INPUTS and name not in _LEFT_OUT}
        return replace(self, inputs=kept)


def read_recording(
    argv: Sequence[str], environ: Mapping[str, str], check: Callable[[str], object]
) -> tuple[Recording | None, list[str], list[str]]:
    """Return the recording that is asked for, the other words, and the mistakes.

    `check` raises ValueError where the file cannot be one of the workspace.
    """
    given: dict[str, str] = {}
    rest: list[str] = []
    mistakes: list[str] = []
    words = list(argv)
    while words:
        word = words.pop(0)
        flag, has_value, value = word.partition("=")
        name = flag.removeprefix("--")
        if name not in VARIABLES or not flag.startswith("--"):
            rest.append(word)
        elif has_value:
            given[name] = value.strip()
        elif name == "record-anonymous":
            given[name] = words.pop(0) if words and words[0].lower() in ("true", "false") else "true"
        elif words and not words[0].startswith("-"):
            given[name] = words.pop(0).strip()
        else:
            mistakes.append("record: has no value; write --record FILE.")
    variables = {name: environ.get(variable, "").strip() for name, variable in VARIABLES.items()}
    recording, more = _read(variables | given, check)
    if "record-anonymous" in given and not recording and not mistakes + more:
        mistakes.append("record-anonymous: needs record; write --record FILE.")
    return recording, rest, mistakes + more


def _read(given: Mapping[str, str], check: Callable[[str], object]) -> tuple[Recording | None, list[str]]:
    file, anonymous = given["record"], given["record-anonymous"]
    mistakes = []
    is_anonymous = True
    try:
        is_anonymous = parse_boolean(anonymous or "false")
    except ValueError as error:
        mistakes.append(f"record-anonymous: {shown(anonymous)} {error}.")
    try:
        if file:
            check(file)
    except ValueError as error:
        mistakes.append(f"record: {shown(file)} {error}.")
        return None, mistakes
    return Recording(file, anonymous=is_anonymous) if file else None, mistakes
