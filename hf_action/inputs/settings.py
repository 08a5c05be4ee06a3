"""Turns inputs and flags into one frozen `Settings`, or into every mistake at once.

A flag wins over a variable. Nothing here asks the Hub or reads the real environment: both doors are arguments.

Source: docs/contract.md, "Front doors" and "Inputs".
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from hf_action.inputs import checks
from hf_action.inputs.doors import read_flags, read_variables, with_fallbacks
from hf_action.inputs.readers import parse_stages, shown
from hf_action.inputs.recording import Recording, read_recording
from hf_action.inputs.table import DEFAULT_STAGES, DEPLOYS, INPUTS, WRITES
from hf_action.rules.operations import Wish
from hf_action.rules.outcomes import InvalidInput
from hf_action.rules.selection import COSTS, Choice, Facts, Filters, is_pattern

if TYPE_CHECKING:
    from hf_action.inputs.fleet import Entry

# Mistakes and warnings of the entries of a fleet file that are shown; the others are only counted.
MAX_OF_FLEET = 20


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything one call was asked to do. Durations are in seconds."""

    operation: str
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
    report_file: str | None
    summary: bool
    token: str | None = field(repr=False)
    # What to exchange an identity for, instead of a token; and that identity, where GitHub is not to be asked for it.
    keyless: str | None = None
    identity: str | None = field(default=None, repr=False)
    logged_in: bool = False  # whether the token is that of `hf auth login`
    recording: Recording | None = None
    warnings: tuple[str, ...] = ()
    fleet: "tuple[Settings, ...]" = ()  # Spaces of the fleet file, each entry with settings of its own

    @property
    def selects(self) -> bool:
        """Whether Spaces are chosen from listings, rather than named."""
        return bool(self.patterns or self.filters.search)

    @property
    def choice(self) -> Choice:
        """Which Spaces are meant, as `selection.account` takes it."""
        return Choice(self.spaces, self.patterns, self.filters)

    def knowing(self, facts: Facts) -> "Settings":
        """Return the same settings with what their filters judge by."""
        fleet = tuple(each.knowing(facts) for each in self.fleet)
        return replace(self, filters=replace(self.filters, facts=facts), fleet=fleet)

    @property
    def writes(self) -> bool:
        """Whether the step needs the right to change the Space."""
        return (self.operation in WRITES or self.may_roll_back) and not self.dry_run

    @property
    def may_roll_back(self) -> bool:
        """Whether the last good commit is to be put back where a new one fails."""
        return self.rollback and self.operation in DEPLOYS

    @property
    def wish(self) -> Wish:
        """What is asked of each Space, stages aside."""
        return Wish(**{each.name: getattr(self, each.name) for each in fields(Wish)})

    @property
    def has_credentials(self) -> bool:
        """Whether there is a token, or something to exchange for one."""
        return bool(self.token or self.keyless)


@dataclass(frozen=True, slots=True)
class PostSettings:
    """What the post step needs to undo what the step changed; what it changed is in its memory."""

    endpoint: str
    timeout: float
    summary: bool
    max_parallel: int
    token: str | None = field(repr=False)
    keyless: str | None = None
    identity: str | None = field(default=None, repr=False)
    recording: Recording | None = None

    @property
    def has_credentials(self) -> bool:
        """Whether there is a token, or something to exchange for one."""
        return bool(self.token or self.keyless)


# The inputs that fill a field of their own name, which has `_` for `-`.
_OWN_FIELDS = {
    name: name.replace("-", "_")
    for name in INPUTS
    if name.replace("-", "_") in {each.name for each in fields(Settings)}
}


def describe(settings: Settings) -> str:
    """Return in one line what the step is about to do."""
    subjects = [*settings.spaces, *settings.patterns, *(f"search {word!r}" for word in settings.filters.search)]
    subjects += [f"{len(settings.fleet)} entries of the fleet file"] if settings.fleet else []
    spaces = ", ".join(subjects) if len(subjects) < 4 else f"{len(subjects)} Spaces"
    stages = f", waiting for {' or '.join(sorted(settings.stages))}" if settings.stages else ""
    who = "keyless" if settings.keyless else "with a token" if settings.token else "without a token"
    who = "with the token of 'hf auth login'" if settings.logged_in else who
    dry = " (dry run)" if settings.dry_run else ""
    return f"{settings.operation}{dry} {spaces} on {settings.endpoint} {who}{stages}, at most {settings.timeout:g} s"


# ---- a whole call ----


def parse(
    argv: Sequence[str],
    environ: Mapping[str, str],
    read_file: Callable[[str], str] = lambda _: "",
    check_file: Callable[[str], object] = lambda _: None,
    login: Callable[[], str] = str,
) -> Settings:
    """Read flags and variables into settings. `read_file` returns the text of a file of the workspace.

    `check_file` raises ValueError where what is to be written cannot be a file of the workspace. `login` returns the
    token of `hf auth login`, where that may be used; it is asked only where there is no other.

    Raises:
        InvalidInput: with the mistakes of the call, found before anything is asked of the Hub.
    """
    recording, words, wrong = read_recording(argv, environ, check_file)
    flags, mistakes = read_flags(words)
    mistakes += wrong
    variables, warnings = read_variables(environ)
    given, access = _with_access(variables | flags, environ)
    logged_in = not given["token"] and not access["keyless"] and bool(token := login())
    given |= {"token": token} if logged_in else {}
    settings, more, warned = build_settings(given, **access)
    mistakes += more
    fleet: tuple[Settings, ...] = ()
    if given.get("fleet-file"):
        fleet, more, noted = _read_fleet(given, read_file, settings)
        # What the step gets wrong for all Spaces is not said again for each.
        mistakes += [one for one in more if not any(one.endswith(f": {said}") for said in mistakes)]
        warned += noted
    own = () if checks.is_all_in_file(given) else (settings,)
    warnings += checks.unused(given, [each.operation for each in (*own, *fleet)]) + warned
    warnings += checks.not_waited_for(given, operation=settings.operation, stages=settings.stages)
    warnings += checks.too_short(settings.stable_for, timeout=settings.timeout)
    report_file, more = _report_file(settings.report_file, check_file)
    mistakes += more
    mistakes += checks.subject(given, operation=settings.operation, selects=settings.selects)
    if not environ.get("GITHUB_STATE"):
        mistakes += checks.no_post_step(settings.restore, any(each.restore for each in fleet))
    if mistakes:
        raise InvalidInput(mistakes, warnings=warnings, token=settings.token, report_file=report_file)
    return replace(
        settings,
        fleet=fleet,
        warnings=tuple(warnings),
        logged_in=logged_in,
        recording=recording.of(given) if recording else None,
    )


def _report_file(name: str | None, check: Callable[[str], object]) -> tuple[str | None, list[str]]:
    """Return the name, or None and what is wrong with it."""
    if not name:
        return None, []
    try:
        check(name)
    except ValueError as error:
        return None, [f"report-file: {shown(name)} {error}."]
    return name, []


def parse_post(environ: Mapping[str, str], check_file: Callable[[str], object] = lambda _: None) -> PostSettings:
    """Read what the post step needs; no other input can stop it. `check_file` is that of `parse`.

    It runs with the variables of its step. An input that cannot be read has its default here: the step itself has said
    what is wrong with it.

    Raises:
        InvalidInput: the token has no safe place to go to.
    """
    variables, _ = read_variables(environ)
    given, access = _with_access(variables, environ)
    needed = ("endpoint", "timeout", "summary", "max-parallel", "token")
    values = {name: _read_or_default(name, given.get(name, "")) for name in needed}
    has_token = bool(values["token"] or access["keyless"])
    mistakes = _read_values({"endpoint": given["endpoint"]}, only=("endpoint",))[1]
    mistakes += checks.endpoint(values["endpoint"], has_token=has_token)
    if mistakes:
        raise InvalidInput(mistakes, warnings=[], token=values["token"])
    return PostSettings(
        endpoint=values["endpoint"],
        timeout=values["timeout"],
        summary=values["summary"],
        max_parallel=values["max-parallel"],
        token=values["token"],
        keyless=access["keyless"],
        identity=access["identity"],
        recording=read_recording((), environ, check_file)[0],
    )


def _with_access(given: Mapping[str, str], environ: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str | None]]:
    """Add token and endpoint from variables, and tell what to exchange an identity for in place of a token.

    An explicit token wins; otherwise keyless access comes before the variables, as in huggingface_hub.
    """
    keyless = None if given.get("token") else environ.get("HF_OIDC_RESOURCE", "").strip() or None
    identity = environ.get("HF_OIDC_ID_TOKEN") or None
    return with_fallbacks(given, environ, token=not keyless), {"keyless": keyless, "identity": identity}


def build_settings(
    given: Mapping[str, str], *, keyless: str | None, identity: str | None
) -> tuple[Settings, list[str], list[str]]:
    """Read every given text; return settings with nothing in place of what is wrong, mistakes and warnings."""
    values, mistakes = _read_values(given)
    operation = values["operation"] or ""
    stages = values["wait-for-stage"]
    if stages is None:
        stages = parse_stages(DEFAULT_STAGES.get(operation, "none"))
    filters = _filters(values)
    spaces = values["space-id"] or ()
    mistakes += checks.operation(
        operation, stages=stages, given=given, restore=values["restore"], rollback=values["rollback"]
    )
    mistakes += checks.endpoint(values["endpoint"], has_token=bool(given.get("token") or keyless))
    mistakes += checks.without(given, rollback=values["rollback"])
    mistakes += checks.contradictions(spaces, values["author"] or (), filters.search)
    settings = Settings(
        **{fieldname: values[name] for name, fieldname in _OWN_FIELDS.items()},
        spaces=tuple(space for space in spaces if not is_pattern(space)),
        patterns=checks.patterns(spaces, values["author"] or ()),
        filters=filters,
        stages=stages,
        keyless=keyless,
        identity=identity,
    )
    warnings = [
        *checks.unknown_stages("wait-for-stage", stages, "the step waits for it all the same"),
        *checks.unknown_stages("with-stage", filters.stages, "Spaces in it are selected all the same"),
    ]
    return settings, mistakes, warnings


def _filters(values: Mapping[str, Any]) -> Filters:
    hardware = values["with-hardware"] or frozenset()
    return Filters(
        search=values["search"] or (),
        sdks=values["with-sdk"] or frozenset(),
        stages=values["with-stage"] or frozenset(),
        hardware=hardware - COSTS,
        costs=hardware & COSTS,
        sleep_time=values["with-sleep-time"],
        unmodified_for=values["unmodified-for"],
        exclude=values["exclude"] or (),
        exclude_tags=values["exclude-tag"] or frozenset(),
        sort=values["sort"],
        limit=values["limit"],
    )


def _read_values(given: Mapping[str, str], only: Sequence[str] = tuple(INPUTS)) -> tuple[dict[str, Any], list[str]]:
    """Read each input, or its default; what is wrong is None, and a mistake."""
    values: dict[str, Any] = {}  # as `Input.read`
    mistakes = []
    for name in only:
        row = INPUTS[name]
        text = given.get(name) or row.default
        try:
            values[name] = row.read(text) if text else None
        except ValueError as error:
            quoted = "" if row.secret or name == "space-id" else f" {shown(text)}"
            mistakes.append(f"{name}:{quoted} {error}.")
            values[name] = None
    return values, mistakes


def _read_or_default(name: str, text: str) -> Any:  # noqa: ANN401 - as `Input.read`
    """Read one input, or its default where it is wrong."""
    values, mistakes = _read_values({name: text}, only=(name,))
    return _read_values({}, only=(name,))[0][name] if mistakes else values[name]


# ---- the fleet file ----


def _read_fleet(
    given: Mapping[str, str], read_file: Callable[[str], str], base: Settings
) -> tuple[tuple[Settings, ...], list[str], list[str]]:
    """Read the fleet file: each entry is a call of its own, with what the step gives as its defaults."""
    from hf_action.inputs.fleet import FleetError, read_fleet

    mistakes, more = [], 0
    name = given["fleet-file"]
    called = name if shown(name) == f"'{name}'" else shown(name)
    try:
        entries = read_fleet(read_file(name), name=called)
    except FleetError as error:
        entries, mistakes, more = error.entries, error.mistakes, error.more
    except ValueError as error:
        return (), [f"fleet-file: {shown(name)} {error}."], []
    fleet, wrong, warnings = _build_fleet(entries, given, base, called=called)
    return (
        fleet,
        checks.first_of(mistakes + wrong, MAX_OF_FLEET, f"{called}: {{}} more mistakes are not shown.", more=more),
        checks.first_of(warnings, MAX_OF_FLEET, f"{called}: {{}} more warnings are not shown."),
    )


def _build_fleet(
    entries: "Sequence[Entry]", given: Mapping[str, str], base: Settings, *, called: str
) -> tuple[tuple[Settings, ...], list[str], list[str]]:
    """Return the settings of each entry, and what its inputs get wrong together; `called` is the name of the file."""
    shared = {key: value for key, value in given.items() if key in ("token", "endpoint") or INPUTS[key].per_space}

    @lru_cache(maxsize=1024)
    def build(own: frozenset[tuple[str, str]]) -> tuple[Settings, list[str], list[str]]:
        """Most entries of a large file say the same, and then are read once."""
        return build_settings(shared | dict(own), keyless=base.keyless, identity=base.identity)

    fleet, mistakes, warnings = [], [], []
    for entry in entries:
        settings, wrong, warned = build(frozenset(entry.inputs.items()))
        spaces, patterns = ((), (entry.space,)) if is_pattern(entry.space) else ((entry.space,), ())
        budget = min(filter(None, (settings.timeout, base.timeout)), default=0.0)  # there is one if nothing is wrong
        fleet.append(replace(settings, spaces=spaces, patterns=patterns, timeout=budget, filters=base.filters))
        where = f"{called}:{entry.line}: {entry.space}"
        mistakes += [f"{where}: {mistake}" for mistake in wrong]
        own = {key: value for key, value in entry.inputs.items() if key in entry.own}
        for warning in warned + checks.unused(own, [settings.operation]):
            about = warning.partition(":")[0]
            if about in entry.inputs:
                warnings.append(f"{where if about in entry.own else f'{called}: defaults'}: {warning}")
    return tuple(fleet), mistakes, list(dict.fromkeys(warnings))
