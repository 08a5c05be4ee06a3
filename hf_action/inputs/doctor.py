"""Reads how `hf-space doctor` is called.

The inputs are those of an operation, but a token or an endpoint that is wrong is something to tell of, and not a
mistake that ends the call.

Source: docs/contract.md, "Beside the operations" and "Inputs", `token` and `endpoint`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hf_action.inputs.checks import endpoint as check_endpoint
from hf_action.inputs.commands import DOCTOR, DOCTOR_INPUTS, DOCTOR_TIMEOUT
from hf_action.inputs.doors import TOKEN_VARIABLES, read_doctor_flags, read_variables
from hf_action.inputs.readers import PUBLIC_HUB, shown
from hf_action.inputs.table import CHANGES, INPUTS, WRITES
from hf_action.rules.outcomes import InvalidInput
from hf_action.rules.selection import is_pattern
from hf_action.rules.trusted import Keyless


@dataclass(frozen=True, slots=True)
class FoundToken:
    """A token and where it was found; `text` is as it was found, `mistake` what keeps it from being sent."""

    source: str
    text: str = field(repr=False)
    mistake: str = ""

    @property
    def value(self) -> str:
        """The token as it would be sent."""
        return self.text.strip()


@dataclass(frozen=True, slots=True)
class Visit:
    """What the doctor was asked: about which Space, for which operation, and with what."""

    space: str | None
    operation: str | None  # None: nobody says
    timeout: float
    endpoint: str
    endpoint_source: str
    endpoint_mistake: str
    tokens: tuple[FoundToken, ...]  # the first is the one that is used
    keyless: Keyless
    warnings: tuple[str, ...]

    @property
    def token(self) -> str | None:
        """The token that may be sent to the endpoint, if there is one."""
        if self.keyless.is_used or not self.tokens or self.tokens[0].mistake or self.endpoint_mistake:
            return None
        return self.tokens[0].value

    @property
    def writes(self) -> bool:
        """Whether the operation in question changes a Space."""
        return self.operation in WRITES

    @property
    def changes(self) -> bool:
        """Whether the operation in question is about the runtime of a Space."""
        return self.operation in CHANGES


def parse_visit(argv: Sequence[str], environ: Mapping[str, str], login: Callable[[], str] = str) -> Visit:
    """Read flags and variables. `login` returns the token of `hf auth login`, where that may be used.

    Raises:
        InvalidInput: with the mistakes of the call.
    """
    flags, mistakes = read_doctor_flags(argv)
    variables, warnings = read_variables(environ)
    given = variables | flags
    values, wrong = _read(given)
    mistakes += wrong
    spaces = values["space-id"] or ()
    if len(spaces) > 1 or any(map(is_pattern, spaces)):
        named = shown(", ".join(spaces))
        mistakes.append(f"space-id: {named} is not one Space; the doctor looks at one, or at none.")
    tokens = _tokens(flags, variables, environ, login)
    if mistakes:
        raise InvalidInput(mistakes, warnings=warnings, token=tokens[0].value if tokens else None)
    keyless = _keyless(given, environ)
    endpoint, source, mistake = _endpoint(flags, variables, environ, has_token=bool(tokens or keyless.is_used))
    ignored = [f"{name}: is not used by {DOCTOR}; it is ignored." for name in given if name not in DOCTOR_INPUTS]
    return Visit(
        space=spaces[0] if spaces else None,
        operation=values["operation"],
        timeout=values["timeout"] or DOCTOR_TIMEOUT,
        endpoint=endpoint,
        endpoint_source=source,
        endpoint_mistake=mistake,
        tokens=tokens,
        keyless=keyless,
        warnings=(*warnings, *ignored),
    )


def _read(given: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """Read what says what to look at; nothing where it is not given, or is wrong."""
    values: dict[str, Any] = {}  # as `Input.read`
    mistakes = []
    for name in ("space-id", "operation", "timeout"):
        values[name] = None
        try:
            values[name] = INPUTS[name].read(given[name]) if given.get(name) else None
        except ValueError as error:
            quoted = "" if name == "space-id" else f" {shown(given[name])}"
            mistakes.append(f"{name}:{quoted} {error}.")
    return values, mistakes


def _tokens(
    flags: Mapping[str, str], variables: Mapping[str, str], environ: Mapping[str, str], login: Callable[[], str]
) -> tuple[FoundToken, ...]:
    """Return all tokens that are there, in the order in which they are used."""
    places = {"--token": flags.get("token", ""), "the input token": variables.get("token", "")}
    places |= {name: environ.get(name, "") for name in TOKEN_VARIABLES}
    found = [(source, text) for source, text in places.items() if text.strip()]
    if not found and (stored := login()):
        found = [("'hf auth login'", stored)]
    return tuple(FoundToken(source, text, _mistake("token", text.strip())) for source, text in found)


def _keyless(given: Mapping[str, str], environ: Mapping[str, str]) -> Keyless:
    service = ("ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN")
    return Keyless(
        resource=environ.get("HF_OIDC_RESOURCE", "").strip(),
        identity=environ.get("HF_OIDC_ID_TOKEN", "").strip(),
        in_github=environ.get("GITHUB_ACTIONS") == "true",
        may_ask=all(environ.get(name) for name in service),
        overruled=bool(given.get("token")),
    )


def _endpoint(
    flags: Mapping[str, str], variables: Mapping[str, str], environ: Mapping[str, str], *, has_token: bool
) -> tuple[str, str, str]:
    """Return the address of the Hub, where it was found, and what is wrong with it."""
    places = {"--endpoint": flags.get("endpoint"), "the input endpoint": variables.get("endpoint")}
    places |= {"HF_ENDPOINT": environ.get("HF_ENDPOINT", "").strip()}
    source, text = next(((source, text) for source, text in places.items() if text), ("the default", PUBLIC_HUB))
    mistake = _mistake("endpoint", text)
    if mistake:
        return "", source, f"{shown(text)} {mistake}"
    address = INPUTS["endpoint"].read(text)
    unsafe = check_endpoint(address, has_token=has_token)
    return address, source, unsafe[0].removeprefix("endpoint: ").rstrip(".") if unsafe else ""


def _mistake(name: str, text: str) -> str:
    try:
        INPUTS[name].read(text)
    except ValueError as error:
        return str(error)
    return ""
