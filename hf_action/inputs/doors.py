"""The front doors: GitHub hands inputs over as `INPUT_<NAME>` variables, a shell as flags of the same names.

Both become texts by the names of inputs. What the texts mean is read in `settings`.

Source: docs/contract.md, "Front doors" and "Inputs", `token` and `endpoint`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hf_action.inputs.commands import ALIASES, DOCTOR
from hf_action.inputs.names import nearest
from hf_action.inputs.readers import PUBLIC_HUB, shown
from hf_action.inputs.table import INPUTS, OPERATIONS
from hf_action.rules.addresses import has_credentials

# Where a token is looked for, in huggingface_hub's order.
TOKEN_VARIABLES = ("HF_TOKEN", "HUGGINGFACE_TOKEN", "HUGGING_FACE_HUB_TOKEN")
# Mistakes of one kind that are shown, such as unknown variables.
MAX_SHOWN = 20

# Flags of the command itself, by what they are written like.
_OWN_FLAGS = {"--json": "json", "--format=json": "json", "--quiet": "quiet", "-q": "quiet"}

_CHANGING = tuple(name for name, row in INPUTS.items() if row.changes)


def read_flags(argv: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Return the inputs that flags and bare words give, and the mistakes among them."""
    given, words, mistakes = _split(argv)
    if words and "operation" not in given and "/" not in words[0]:  # a Space, where no operation is named
        operation = words.pop(0)
        given["operation"] = ALIASES.get(operation, operation)
    return _with_spaces(given, words), mistakes


def calls_doctor(argv: Sequence[str]) -> bool:
    """Whether the first bare word is that of the command `doctor`, wherever flags stand."""
    return _split(argv)[1][:1] == [DOCTOR]


def read_doctor_flags(argv: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Return what is given behind `doctor`, and the mistakes; an operation is a flag there, not a bare word."""
    given, words, mistakes = _split(argv)
    return _with_spaces(given, words[1:]), mistakes


def _with_spaces(given: dict[str, str], words: Sequence[str]) -> dict[str, str]:
    """Return all that has a value, with the Spaces among the bare words."""
    spaces = {"space-id": " ".join([given.get("space-id", ""), *words])} if words else {}
    return {name: value for name, value in (given | spaces).items() if value}


def _split(argv: Sequence[str]) -> tuple[dict[str, str], list[str], list[str]]:
    """Return the inputs that flags give, the bare words, and the mistakes.

    argparse is not used because it stops at the first mistake.
    """
    given: dict[str, str] = {}
    words: list[str] = []
    mistakes: list[str] = []
    rest = list(argv)
    while rest:
        word = rest.pop(0)
        if not word.startswith("-"):
            words.append(word)
            continue
        if word == "--no-wait":
            given["wait-for-stage"] = "none"
            continue
        flag, has_value, value = word.partition("=")
        row = INPUTS.get(flag.removeprefix("--"))
        follows = bool(rest) and _is_value(rest[0])
        if not has_value and row and row.reader.is_flag:
            value = rest.pop(0) if follows and rest[0].lower() in ("true", "false") else "true"
        elif not has_value and follows:
            value = rest.pop(0)
        elif not has_value and row:
            mistakes.append(f"{row.name}: has no value; write {flag} VALUE.")
        if row:
            given[row.name] = value.strip()
        else:
            mistakes.append(_unknown_flag(flag))
    return given, words, mistakes


@dataclass(frozen=True, slots=True)
class OwnFlags:
    """What the words say of the command itself, and the other words."""

    rest: list[str]
    json: bool = False
    quiet: bool = False


def read_own_flags(argv: Sequence[str]) -> OwnFlags:
    """Take the flags out that no variable gives: --json, --format json, --quiet."""
    rest: list[str] = []
    found = set()
    words = list(argv)
    while words:
        word = words.pop(0)
        if word == "--format" and words[:1] == ["json"]:
            word = f"{word}={words.pop(0)}"
        if word in _OWN_FLAGS:
            found.add(_OWN_FLAGS[word])
        else:
            rest.append(word)
    return OwnFlags(rest, json="json" in found, quiet="quiet" in found)


def read_variables(environ: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Return the inputs that `INPUT_` variables give, and a warning for each of no known name."""
    given, unknown = {}, []
    for variable in sorted(environ):
        if not variable.startswith("INPUT_"):
            continue
        name = variable.removeprefix("INPUT_").lower()
        value = environ[variable].strip()
        if name not in INPUTS:
            unknown.append(name)
        elif value:
            given[name] = value
    warnings = [
        f"{name}: is not an input of this action{nearest(name, INPUTS, changing=_CHANGING)}; it is ignored."
        for name in unknown[:MAX_SHOWN]
    ]
    if len(unknown) > MAX_SHOWN:
        warnings.append(f"{len(unknown) - MAX_SHOWN} more variables INPUT_… are not inputs of this action.")
    return given, warnings


def with_fallbacks(given: Mapping[str, str], environ: Mapping[str, str], *, token: bool) -> dict[str, str]:
    """Add the endpoint, and the token if wanted, from the variables that huggingface_hub reads too."""
    filled = dict(given)
    for name, variables in (("token", TOKEN_VARIABLES if token else ()), ("endpoint", ("HF_ENDPOINT",))):
        found = (environ.get(variable, "").strip() for variable in variables)
        filled[name] = filled.get(name) or next(filter(None, found), "")
    filled["endpoint"] = filled["endpoint"] or PUBLIC_HUB
    return filled


def _is_value(word: str) -> bool:
    """Whether a word is the value of the flag before it, as -1 is of --sleep-time, rather than the next flag."""
    return not word.startswith("-") or word[1:].isdigit()


def _unknown_flag(flag: str) -> str:
    """Say that there is no such flag, and which one may be meant."""
    name = flag.strip("-")
    if name == "format":
        return f"{flag}: has one value only; write {flag} json, or leave it out."
    if name in OPERATIONS and name not in INPUTS:
        return f"{flag}: is not a flag; {name} is an operation, so write it without the dashes."
    shown_flag = shown(flag) if has_credentials(flag) else flag
    return f"{shown_flag}: is not a flag{nearest(name, INPUTS, prefix='--', changing=_CHANGING)}."
