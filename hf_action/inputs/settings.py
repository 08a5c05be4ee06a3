"""Turns inputs and flags into one frozen `Settings`, or into every mistake at once.

Two front doors lead here: GitHub hands inputs over as `INPUT_<NAME>` variables, a shell as flags of the same
names. A flag wins over a variable. Nothing here asks the Hub or reads the real environment: both doors are arguments.

Source: shared/contract.md, "Front doors" and "Inputs".
"""

import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from hf_action.inputs.readers import PUBLIC_HUB, nearest, parse_stages
from hf_action.inputs.table import DEFAULT_STAGES, DEPLOYS, INPUTS, OPERATIONS, WRITES, Operation
from hf_action.rules.operations import Wish
from hf_action.rules.outcomes import InvalidInput
from hf_action.rules.selection import Filters, is_pattern
from hf_action.rules.stages import STAGES

# Addresses that the Internet has no way to. `is_private` of ipaddress says yes to those of documentation, too.
# Sources: RFC 1918, RFC 4193; RFC 3927 and RFC 4291 for a link of its own.
PRIVATE = tuple(
    map(
        ipaddress.ip_network,
        ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "fc00::/7", "fe80::/10"),
    )
)
TOKEN_VARIABLES = ("HF_TOKEN", "HUGGINGFACE_TOKEN", "HUGGING_FACE_HUB_TOKEN")


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything one call was asked to do. Durations are in seconds."""

    operation: Operation
    spaces: tuple[str, ...]  # by name
    patterns: tuple[str, ...]  # owner/pattern, to be chosen from listings
    filters: Filters
    stages: frozenset[str]  # empty: do not wait
    timeout: float
    commit: str  # auto, head, any, or the beginning of a commit
    if_superseded: str  # fail, pass
    settle: float
    stable_for: float
    health_check: str | None  # auto, a path on the app's own host, or an address
    health_check_contains: str | None
    rollback: bool
    rollback_to: str | None  # a commit, or the beginning of one
    retries: int
    poll_interval: float | None  # None: auto
    factory_reboot: bool
    hardware: str | None
    sleep_time: int | None  # seconds, -1 for never
    restore: bool
    logs: str  # on-failure, always, never
    log_lines: int
    max_parallel: int
    dry_run: bool
    endpoint: str
    summary: bool
    token: str | None = field(repr=False)
    # What to exchange an identity for, instead of a token; and that identity, where GitHub is not to be asked for it.
    keyless: str | None = None
    identity: str | None = field(default=None, repr=False)
    warnings: tuple[str, ...] = ()
    fleet: "tuple[Settings, ...]" = ()  # Spaces of the fleet file, each entry with settings of its own

    @property
    def selects(self) -> bool:
        """Whether Spaces are chosen from listings, rather than named."""
        return bool(self.patterns or self.filters.search)

    @property
    def writes(self) -> bool:
        """Whether the step needs the right to change the Space."""
        return (self.operation in WRITES or (self.rollback and self.operation in DEPLOYS)) and not self.dry_run

    @property
    def wish(self) -> Wish:
        """What is asked of each Space, stages aside."""
        return Wish(hardware=self.hardware, sleep_time=self.sleep_time, factory_reboot=self.factory_reboot)

    @property
    def has_credentials(self) -> bool:
        """Whether there is a token, or something to exchange for one."""
        return bool(self.token or self.keyless)


def describe(settings: Settings) -> str:
    """Return in one line what the step is about to do."""
    subjects = [*settings.spaces, *settings.patterns, *(f"search {word!r}" for word in settings.filters.search)]
    subjects += [f"{len(settings.fleet)} entries of the fleet file"] if settings.fleet else []
    spaces = ", ".join(subjects) if len(subjects) < 4 else f"{len(subjects)} Spaces"
    stages = f", waiting for {' or '.join(sorted(settings.stages))}" if settings.stages else ""
    who = "keyless" if settings.keyless else "with a token" if settings.token else "without a token"
    dry = " (dry run)" if settings.dry_run else ""
    return f"{settings.operation}{dry} {spaces} on {settings.endpoint} {who}{stages}, at most {settings.timeout:g} s"


# ---- both doors ----


def parse(argv: Sequence[str], environ: Mapping[str, str], read_file: Callable[[str], str] = lambda _: "") -> Settings:
    """Read flags and variables into settings. `read_file` returns the text of a file of the workspace.

    Raises:
        InvalidInput: with every mistake of the call, found before anything is asked of the Hub.
    """
    flags, mistakes = _read_flags(argv)
    variables, warnings = _read_variables(environ)
    given = variables | flags
    # An explicit token wins; otherwise keyless access comes before the variables, as in huggingface_hub.
    keyless = None if given.get("token") else environ.get("HF_OIDC_RESOURCE", "").strip() or None
    given = _with_fallbacks(given, environ, token=not keyless)
    settings, more, warned = build_settings(given, keyless=keyless, identity=environ.get("HF_OIDC_ID_TOKEN") or None)
    mistakes += more
    fleet: tuple[Settings, ...] = ()
    if given.get("fleet-file"):
        fleet, more, noted = _read_fleet(given, read_file, settings)
        # What the step gets wrong for all Spaces is not said again for each.
        mistakes += [one for one in more if not any(one.endswith(f": {said}") for said in mistakes)]
        warned += noted
    own = () if _is_all_in_file(given) else (settings,)
    warnings += _check_use(given, [each.operation for each in (*own, *fleet)]) + warned
    warnings += _check_time(settings)
    mistakes += _check_subject(given, settings)
    if mistakes:
        raise InvalidInput(mistakes, warnings=warnings, token=settings.token)
    return replace(settings, fleet=fleet, warnings=tuple(warnings))


def build_settings(
    given: Mapping[str, str], *, keyless: str | None, identity: str | None
) -> tuple[Settings, list[str], list[str]]:
    """Read every given text; return settings with nothing in place of what is wrong, mistakes and warnings."""
    values, mistakes = _read_values(given)
    operation = values["operation"] or ""
    stages = values["wait-for-stage"]
    if stages is None:
        stages = parse_stages(DEFAULT_STAGES.get(operation, "none"))
    if operation == "wait" and not stages:
        mistakes.append("wait-for-stage: 'none' leaves operation wait nothing to wait for; name a stage.")
    if operation in ("hardware", "sleep-time") and not given.get(operation) and not _is_all_in_file(given):
        mistakes.append(f"{operation}: is missing; operation {operation} needs it.")
    if values["health-check-contains"] and not given.get("health-check"):
        mistakes.append("health-check-contains: needs a health-check; write health-check: auto, or a path.")
    if values["rollback-to"] and values["rollback"] is False:
        mistakes.append("rollback-to: needs rollback: true.")
    mistakes += _check_endpoint(values["endpoint"], has_token=bool(given.get("token") or keyless))
    spaces = values["space-id"] or ()
    settings = Settings(
        operation=values["operation"],
        spaces=tuple(space for space in spaces if not is_pattern(space)),
        patterns=(
            *(space for space in spaces if is_pattern(space)),
            *(f"{author}/*" for author in values["author"] or ()),
        ),
        filters=Filters(
            search=values["search"] or (),
            sdks=values["with-sdk"] or frozenset(),
            stages=values["with-stage"] or frozenset(),
            hardware=values["with-hardware"] or frozenset(),
            exclude=values["exclude"] or (),
            sort=values["sort"],
            limit=values["limit"],
        ),
        stages=stages,
        timeout=values["timeout"],
        commit=values["commit"],
        if_superseded=values["if-superseded"],
        settle=values["settle"],
        stable_for=values["stable-for"],
        health_check=values["health-check"],
        health_check_contains=values["health-check-contains"],
        rollback=values["rollback"],
        rollback_to=values["rollback-to"],
        retries=values["retries"],
        poll_interval=values["poll-interval"],
        factory_reboot=values["factory-reboot"],
        hardware=values["hardware"],
        sleep_time=values["sleep-time"],
        restore=values["restore"],
        logs=values["logs"],
        log_lines=values["log-lines"],
        max_parallel=values["max-parallel"],
        dry_run=values["dry-run"],
        endpoint=values["endpoint"],
        summary=values["summary"],
        token=values["token"],
        keyless=keyless,
        identity=identity,
    )
    warnings = [
        *_check_stages("wait-for-stage", stages, "it is waited for all the same"),
        *_check_stages("with-stage", settings.filters.stages, "Spaces in it are selected all the same"),
    ]
    return settings, mistakes, warnings


def _read_values(given: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """Read each input, or its default; what is wrong is None, and a mistake."""
    values: dict[str, Any] = {}  # as `Input.read`
    mistakes = []
    for name, row in INPUTS.items():
        text = given.get(name) or row.default
        try:
            values[name] = row.read(text) if text else None
        except ValueError as error:
            shown = "" if row.secret or name == "space-id" else f" {text!r}"
            mistakes.append(f"{name}:{shown} {error}.")
            values[name] = None
    return values, mistakes


def _read_fleet(
    given: Mapping[str, str], read_file: Callable[[str], str], base: Settings
) -> tuple[tuple[Settings, ...], list[str], list[str]]:
    """Read the fleet file: each entry is a call of its own, with what the step gives as its defaults."""
    from hf_action.inputs.fleet import ALLOWED, FleetError, read_fleet

    name, mistakes, warnings = given["fleet-file"], [], []
    try:
        entries = read_fleet(read_file(name), name=name)
    except FleetError as error:
        entries, mistakes = error.entries, error.mistakes
    except ValueError as error:
        return (), [f"fleet-file: {name!r} {error}."], []
    shared = {key: value for key, value in given.items() if key in ALLOWED or key in ("token", "endpoint")}
    fleet = []
    for entry in entries:
        own, wrong, warned = build_settings(
            shared | dict(entry.inputs) | {"space-id": entry.space}, keyless=base.keyless, identity=base.identity
        )
        fleet.append(replace(own, timeout=base.timeout, filters=base.filters))
        where = f"{name}:{entry.line}: {entry.space}"
        mistakes += [f"{where}: {mistake}" for mistake in wrong]
        warned += _check_use({key: value for key, value in entry.inputs.items() if key in entry.own}, [own.operation])
        for warning in warned:
            about = warning.partition(":")[0]
            if about in entry.inputs:
                warnings.append(f"{where if about in entry.own else f'{name}: defaults'}: {warning}")
    return tuple(fleet), mistakes, list(dict.fromkeys(warnings))


def _is_all_in_file(given: Mapping[str, str]) -> bool:
    """Whether the step names and selects no Spaces beside those of its fleet file, each with inputs of its own."""
    return bool(given.get("fleet-file")) and not any(given.get(name) for name in ("space-id", "author", "search"))


def _check_subject(given: Mapping[str, str], settings: Settings) -> list[str]:
    """A call must say which Spaces it is about, and a list must have something to choose from."""
    if settings.operation == "list":
        if settings.selects or given.get("fleet-file"):
            return []
        return ["author: is missing; operation list needs author, search, a pattern in space-id, or a fleet-file."]
    if given.get("space-id") or given.get("author") or given.get("search") or given.get("fleet-file"):
        return []
    return ["space-id: is missing; write owner/name."]


def _read_flags(argv: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Return the inputs that flags and bare words give, and the mistakes among them.

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
        flag, has_value, value = word.partition("=")
        row = INPUTS.get(flag.removeprefix("--"))
        follows = bool(rest) and not rest[0].startswith("-")
        if not has_value and row and row.is_flag:
            value = rest.pop(0) if follows and rest[0].lower() in ("true", "false") else "true"
        elif not has_value and follows:
            value = rest.pop(0)
        elif not has_value and row:
            mistakes.append(f"{row.name}: has no value; write {flag} VALUE.")
        if row:
            given[row.name] = value.strip()
        else:
            mistakes.append(f"{flag}: is no flag{nearest(flag.strip('-'), INPUTS, prefix='--')}.")
    if words and "operation" not in given and "/" not in words[0]:  # a Space, where no operation is named
        given["operation"] = words.pop(0)
    if words:
        given["space-id"] = " ".join([given.get("space-id", ""), *words])
    return {name: value for name, value in given.items() if value}, mistakes


def _read_variables(environ: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Return the inputs that `INPUT_` variables give, and a warning for each of no known name."""
    given, warnings = {}, []
    for variable in sorted(environ):
        if not variable.startswith("INPUT_"):
            continue
        name = variable.removeprefix("INPUT_").lower()
        value = environ[variable].strip()
        if name in INPUTS:
            if value:
                given[name] = value
        else:
            warnings.append(f"{name}: is no input of this action{nearest(name, INPUTS)}; it is ignored.")
    return given, warnings


def _with_fallbacks(given: dict[str, str], environ: Mapping[str, str], *, token: bool) -> dict[str, str]:
    """Add the endpoint, and the token if wanted, from the variables that huggingface_hub reads too."""
    filled = dict(given)
    for name, variables in (("token", TOKEN_VARIABLES if token else ()), ("endpoint", ("HF_ENDPOINT",))):
        found = (environ.get(variable, "").strip() for variable in variables)
        filled[name] = filled.get(name) or next(filter(None, found), "")
    filled["endpoint"] = filled["endpoint"] or PUBLIC_HUB
    return filled


def _check_endpoint(endpoint: object, *, has_token: bool) -> list[str]:
    """A token may cross plain http only where nobody else listens: loopback, private address, bare name."""
    host = urlsplit(str(endpoint or "")).hostname or ""
    if not endpoint or not has_token or str(endpoint).startswith("https://") or _is_near(host):
        return []
    return [f"endpoint: {str(endpoint)!r} would carry the token over plain http; write https:// instead."]


def _is_near(host: str) -> bool:
    """Whether `host` is a loopback or private address, or a bare name, such as that of a service container."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        # To the C library a bare number is an address, too: 134744072 and 0x8080808 are 8.8.8.8 (inet_aton).
        return not re.search(r"\.|^[0-9]+$|^0x", host)
    # What is bound to 0.0.0.0 is reached there, too, on this very machine.
    return address.is_loopback or address.is_unspecified or any(address in network for network in PRIVATE)


def _check_use(given: Mapping[str, str], operations: Sequence[str]) -> list[str]:
    """Warn about inputs that none of the operations uses; one that says the default says nothing."""
    known = OPERATIONS.keys() & set(operations)
    return [
        f"{row.name}: is not used by operation {' or '.join(sorted(known))}; it is ignored."
        for row in INPUTS.values()
        if known and not known & row.used_by and given.get(row.name, row.default) != row.default
    ]


def _check_time(settings: Settings) -> list[str]:
    """Warn about a stage that cannot hold for long enough within the budget."""
    if not settings.timeout or (settings.stable_for or 0.0) < settings.timeout:
        return []
    return [f"stable-for: {settings.stable_for:g} s do not fit into a timeout of {settings.timeout:g} s."]


def _check_stages(name: str, stages: frozenset[str], all_the_same: str) -> list[str]:
    """Warn about stages that may be misspelt; the Hub may have new ones."""
    return [
        f"{name}: {stage!r} is no stage known today{nearest(stage, STAGES)}; {all_the_same}."
        for stage in sorted(stages - STAGES.keys())
    ]
