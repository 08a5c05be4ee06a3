"""Turns inputs and flags into one frozen `Settings`, or into every mistake at once.

Two front doors lead here: GitHub hands inputs over as `INPUT_<NAME>` variables, a shell as flags of the same
names. A flag wins over a variable. `INPUTS` is the one table of what exists; action.yml and README are checked
against it. Nothing here asks the Hub or reads the real environment: both doors are arguments.

Source: shared/contract.md, "Front doors" and "Inputs".
"""

import ipaddress
import re
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Any, Literal
from urllib.parse import urlsplit

from hf_action.errors import InvalidInput
from hf_action.selection import SORTS, Filters, is_pattern
from hf_action.stages import STAGES

Operation = Literal["info", "wait", "restart", "pause", "wake", "hardware", "sleep-time", "list"]
OPERATIONS: dict[str, str] = {
    "info": "Take one look at each Space and report it.",
    "wait": "Wait until each Space is in the stage asked for; change nothing.",
    "restart": "Restart each Space, then wait until the new build runs.",
    "pause": "Pause each Space unless it is paused already, then wait until it is.",
    "wake": "Wake each sleeping Space by a visit, or by a restart where that does not help, then wait until it runs.",
    "hardware": "Ask for other hardware, then wait until each Space runs on it.",
    "sleep-time": "Set after how long without a visit each Space goes to sleep.",
    "list": "List the selected Spaces; act on none.",
}
WRITES = frozenset({"restart", "pause", "hardware", "sleep-time"})
WAITS = frozenset({"wait", "restart", "pause", "wake", "hardware"})
CHANGES = WRITES | {"wake"}
ALL = frozenset(OPERATIONS)

DEFAULT_STAGES = {"pause": "PAUSED"} | dict.fromkeys(("wait", "restart", "wake", "hardware"), "RUNNING")
NEVER = -1  # how the Hub writes a sleep time of never
PUBLIC_HUB = "https://huggingface.co"
TOKEN_VARIABLES = ("HF_TOKEN", "HUGGINGFACE_TOKEN", "HUGGING_FACE_HUB_TOKEN")

# The longest a workflow run may take on GitHub; a larger number is a slip of the keyboard.
LONGEST = 35 * 24 * 3600.0
# Characters of a duration; matching takes quadratic time in the number of digits.
LONGEST_DURATION = 40

_DURATION = re.compile(r"(?:(?P<h>\d*\.?\d+)h)?(?:(?P<m>\d*\.?\d+)m)?(?:(?P<s>\d*\.?\d+)s)?", re.ASCII)
_NUMBER = re.compile(r"\d*\.?\d+", re.ASCII)
_STAGE = re.compile(r"[A-Z][A-Z0-9_]*")
_COMMIT = re.compile(r"[0-9a-f]{7,40}")
# One part of a repository id: huggingface_hub, utils/_validators.py, REPO_ID_REGEX.
_ID_PART = re.compile(r"\b[\w\-.]{1,96}\b", re.ASCII)


# ---- how one value is read; each raises ValueError with the accepted forms ----


def parse_duration(text: str) -> float:
    """Read a duration in seconds from `90`, `0.5`, `90s`, `20m`, `1.5m` or `1h30m`.

    Raises:
        ValueError: it has another form, or is longer than 35 days.
    """
    lowered = text.lower() if len(text) <= LONGEST_DURATION else ""
    match = _DURATION.fullmatch(lowered)
    if _NUMBER.fullmatch(lowered):
        seconds = float(lowered)
    elif match and lowered:
        hours, minutes, rest = (float(match[unit] or 0) for unit in "hms")
        seconds = hours * 3600 + minutes * 60 + rest
    else:
        raise ValueError("is no duration; write seconds (90, 0.5) or 90s, 20m, 1.5m, 1h30m")
    if seconds > LONGEST:
        raise ValueError("is longer than 35 days, the longest a workflow can run")
    return seconds


def parse_budget(text: str) -> float:
    """Read a duration in seconds that is longer than nothing."""
    seconds = parse_duration(text)
    if seconds <= 0:
        raise ValueError("must be longer than 0")
    return seconds


def parse_interval(text: str) -> float | None:
    """Read seconds between looks; `auto` is None."""
    return None if text.lower() == "auto" else parse_budget(text)


def parse_boolean(text: str) -> bool:
    """Read `true` or `false` in any case."""
    match text.lower():
        case "true":
            return True
        case "false":
            return False
    raise ValueError("is neither true nor false")


def parse_commit(text: str) -> str:
    """Read `auto`, `head`, `any`, or 7 to 40 hex digits, in lower case."""
    lowered = text.lower()
    if lowered in ("auto", "head", "any") or _COMMIT.fullmatch(lowered):
        return lowered
    raise ValueError("is no commit; write auto, head, any, or 7 to 40 hex digits of a commit")


def parse_stages(text: str) -> frozenset[str]:
    """Read stage names separated by commas, in upper case; `none` is the empty set."""
    names = [name.upper() for name in re.split(r"[\s,]+", text) if name]
    if names == ["NONE"]:
        return frozenset()
    wrong = [name for name in names if name == "NONE" or not _STAGE.fullmatch(name)]
    if wrong or not names:
        raise ValueError("is no list of stages; write names such as RUNNING or RUNNING,SLEEPING, or none alone")
    return frozenset(names)


def parse_space_id(text: str) -> str:
    """Read `owner/name`, `spaces/owner/name` or the address of the Space's page as `owner/name`.

    Raises:
        ValueError: it is none of these, by the rules of huggingface_hub for repository ids.
    """
    path = text
    if re.match(r"https?://", text, re.IGNORECASE):
        parts = urlsplit(text).path.strip("/").split("/")
        if parts[0] != "spaces" or len(parts) < 3:
            raise ValueError("is not the address of a Space's page; write https://huggingface.co/spaces/owner/name")
        path = "/".join(parts[:3])
    path = path.removeprefix("spaces/")
    parts = path.split("/")
    if len(parts) != 2 or not all(_ID_PART.fullmatch(part) for part in parts):
        raise ValueError("is not a Space; write owner/name with letters, digits, '-', '_' and '.' only")
    if "--" in path or ".." in path or path.endswith(".git"):
        raise ValueError("is not a Space; a name has no '--' and no '..', and does not end in .git")
    return path


def parse_pattern(text: str) -> str:
    """Read `owner/pattern` with `*` or `?` in the pattern only: a listing is always of one owner."""
    path = text.removeprefix("spaces/")
    owner, _, pattern = path.partition("/")
    if _ID_PART.fullmatch(owner) and re.fullmatch(r"[\w\-.*?]{1,96}", pattern, re.ASCII):
        return path
    raise ValueError("is no pattern; write owner/pattern with '*' or '?' after the slash only")


def parse_space_ids(text: str) -> tuple[str, ...]:
    """Read Spaces and patterns separated by newlines, commas or blanks; the same one twice counts once."""
    spaces: dict[str, str] = {}
    wrong = []
    for part in split(text):
        try:
            space = parse_pattern(part) if is_pattern(part) and "://" not in part else parse_space_id(part)
            spaces.setdefault(space.lower(), space)  # the Hub tells ids apart without regard to case
        except ValueError as error:
            wrong.append(f"{part!r} {error}")
    if wrong:
        raise ValueError("; ".join(wrong))
    if not spaces:
        raise ValueError("names no Space; write owner/name")
    return tuple(spaces.values())


def split(text: str) -> tuple[str, ...]:
    """Split a list at commas, blanks and newlines."""
    return tuple(part for part in re.split(r"[\s,]+", text) if part)


def parse_owners(text: str) -> tuple[str, ...]:
    """Read names of users or organizations."""
    wrong = [name for name in split(text) if not _ID_PART.fullmatch(name)]
    if wrong or not split(text):
        raise ValueError("is no list of users or organizations; write names separated by commas")
    return split(text)


def parse_searches(text: str) -> tuple[str, ...]:
    """Read words to search for, separated by commas."""
    return tuple(filter(None, (part.strip() for part in text.split(","))))


def parse_words(text: str) -> frozenset[str]:
    """Read names separated by commas, in lower case."""
    return frozenset(split(text.lower()))


def parse_exclusions(text: str) -> tuple[str, ...]:
    """Read ids and patterns to leave out; a pattern without an owner is of the name alone."""
    wrong = [part for part in split(text) if not re.fullmatch(r"(?:[\w\-.]+/)?[\w\-.*?]+", part, re.ASCII)]
    if wrong:
        raise ValueError("is no list of ids and patterns; write owner/name, owner/pattern, or a pattern of the name")
    return split(text)


def parse_sort(text: str) -> str:
    """Read what to sort by."""
    if text in SORTS:
        return text
    raise ValueError(f"is no order; write one of {', '.join(SORTS)}")


def parse_flavor(text: str) -> str:
    """Read the name of a hardware flavor; flavors come and go, so any name is passed on."""
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", text):
        return text.lower()
    raise ValueError("is no name of hardware; write one such as cpu-basic or t4-small (hf spaces hardware lists them)")


def parse_sleep_time(text: str) -> int:
    """Read a duration as whole seconds; `never` is -1, as the Hub writes it."""
    return NEVER if text.lower() == "never" else round(parse_budget(text))


def parse_endpoint(text: str) -> str:
    """Read the address of a Hub, without its trailing slash."""
    try:
        parts = urlsplit(text)
        _ = parts.port  # raises ValueError when it is no number
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname or re.search(r"[\s@?#]", text):
        raise ValueError(f"is no address of a Hub; write {PUBLIC_HUB} or another http(s) address")
    return text.rstrip("/")


def parse_health_check(text: str) -> str:
    """Read a path on the app's own host, or an https address."""
    if re.fullmatch(r"/(?!/)[\x21-\x7e]*", text) or (
        re.fullmatch(r"https://[\x21-\x7e]+", text) and urlsplit(text).hostname and "@" not in urlsplit(text).netloc
    ):
        return text
    raise ValueError("is neither a path such as /healthz on the app's own host nor an https address")


def parse_logs(text: str) -> str:
    """Read when the log is fetched."""
    if text in ("on-failure", "always", "never"):
        return text
    raise ValueError("is none of on-failure, always, never")


def parse_count(text: str) -> int:
    """Read a whole number from 1 to 10000."""
    if re.fullmatch(r"[0-9]{1,5}", text) and 1 <= int(text) <= 10_000:
        return int(text)
    raise ValueError("is no whole number from 1 to 10000")


def parse_token(text: str) -> str:
    """Read a token; one that no HTTP header can carry is a mistake, and is not shown."""
    if not re.fullmatch(r"[\x21-\x7e]+", text):
        raise ValueError("has characters that no token has; check how the secret was pasted")
    return text


def parse_operation(text: str) -> str:
    """Read the name of an operation."""
    if text in OPERATIONS:
        return text
    raise ValueError(f"is no operation{_nearest(text, OPERATIONS)}; write one of {', '.join(OPERATIONS)}")


# ---- the table ----


@dataclass(frozen=True, slots=True)
class Input:
    """One input: its name at both doors, how it is read, and which operations use it."""

    name: str
    about: str
    read: Callable[[str], Any]  # the type is that of the field of Settings or Filters which it fills
    default: str = ""
    used_by: frozenset[str] = ALL
    secret: bool = False

    @property
    def is_flag(self) -> bool:
        """Whether the name alone, without a value, means true."""
        return self.read is parse_boolean


INPUTS = {
    row.name: row
    for row in (
        Input(
            "space-id",
            "One or more Spaces, separated by newlines, commas or blanks. Each is owner/name, spaces/owner/name, the "
            "address of the Space's page, or owner/pattern with * or ?, chosen from that owner's Spaces.",
            parse_space_ids,
        ),
        Input("operation", f"What to do: one of {', '.join(OPERATIONS)}.", parse_operation, default="info"),
        Input(
            "wait-for-stage",
            "Stages that count as reached, separated by commas, or none. "
            "The default is RUNNING for wait, restart, wake and hardware, and PAUSED for pause.",
            parse_stages,
            used_by=WAITS,
        ),
        Input(
            "timeout",
            "Budget of the whole step, in seconds or as 90s, 20m, 1h30m; decimals are allowed.",
            parse_budget,
            default="30m",
        ),
        Input(
            "commit",
            "What must be running to count as reached: a commit of 7 to 40 hex digits; head, the head of the "
            "Space's repository when the step began; any, do not look; or auto, as head where the Hub reports a "
            "running commit, else any.",
            parse_commit,
            default="auto",
            used_by=WAITS - {"pause"},
        ),
        Input(
            "settle",
            "How long a stage that has not moved since the step's action is not believed.",
            parse_duration,
            default="60s",
            used_by=WAITS,
        ),
        Input(
            "stable-for",
            "How long the reached stage must hold before the step ends.",
            parse_duration,
            default="0s",
            used_by=WAITS,
        ),
        Input(
            "health-check",
            "A path on the Space's own host, such as /healthz, or an https address, which must answer below 400 before "
            "the Space counts as reached.",
            parse_health_check,
            used_by=WAITS - {"pause"},
        ),
        Input(
            "poll-interval",
            "Seconds between looks, or auto, which looks often when something is about to change.",
            parse_interval,
            default="auto",
            used_by=WAITS,
        ),
        Input(
            "factory-reboot",
            "With restart, rebuild without the cache.",
            parse_boolean,
            default="false",
            used_by=frozenset({"restart"}),
        ),
        Input(
            "hardware",
            "With hardware, the flavor to ask for, such as t4-small; any name is passed on.",
            parse_flavor,
            used_by=frozenset({"hardware"}),
        ),
        Input(
            "sleep-time",
            "With hardware and sleep-time, after how long without a visit the Space sleeps: a duration, or never.",
            parse_sleep_time,
            used_by=frozenset({"hardware", "sleep-time"}),
        ),
        Input(
            "restore",
            "Undo in the post step what this step changed: hardware and sleep time back, a Space that was paused or "
            "asleep paused again.",
            parse_boolean,
            default="false",
            used_by=CHANGES,
        ),
        Input(
            "logs",
            "When to fetch the tail of the build or run log: on-failure, always or never. It needs a token.",
            parse_logs,
            default="on-failure",
        ),
        Input("log-lines", "How many lines of the log to show at most.", parse_count, default="50"),
        Input("author", "Select the Spaces of these users or organizations, separated by commas.", parse_owners),
        Input("search", "Select Spaces that the Hub finds with these words, separated by commas.", parse_searches),
        Input("with-sdk", "Select only Spaces of these SDKs, such as gradio or docker.", parse_words),
        Input("with-stage", "Select only Spaces in these stages, such as RUNNING.", parse_stages),
        Input(
            "with-hardware",
            "Select only Spaces that have or ask for this hardware; patterns such as t4-* are allowed.",
            parse_words,
        ),
        Input("exclude", "Leave these Spaces out: ids and patterns, separated by commas.", parse_exclusions),
        Input("sort", f"Sort the selected Spaces by one of {', '.join(SORTS)}.", parse_sort, default="name"),
        Input("limit", "Select at most so many Spaces, after filtering and sorting.", parse_count),
        Input(
            "fleet-file",
            "A YAML file in the workspace that lists Spaces, each with its own inputs; see schemas/fleet.schema.json.",
            str,
        ),
        Input("max-parallel", "How many Spaces are acted on at once at most.", parse_count, default="8"),
        Input(
            "dry-run",
            "Say what would be done, and send nothing but reads.",
            parse_boolean,
            default="false",
            used_by=CHANGES,
        ),
        Input(
            "token",
            "Hugging Face access token. Without it, keyless access is used where HF_OIDC_RESOURCE is set, else "
            "HF_TOKEN, HUGGINGFACE_TOKEN and HUGGING_FACE_HUB_TOKEN are looked at in this order, else the step is "
            "anonymous.",
            parse_token,
            secret=True,
        ),
        Input(
            "endpoint",
            f"Address of the Hub. Without it, HF_ENDPOINT is looked at, then {PUBLIC_HUB} is used.",
            parse_endpoint,
        ),
        Input("summary", "Write a job summary of what happened.", parse_boolean, default="true"),
    )
}


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
    settle: float
    stable_for: float
    health_check: str | None  # a path on the app's own host, or an address
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
        """Whether the operation needs the right to change the Space."""
        return self.operation in WRITES and not self.dry_run

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


def usage() -> str:
    """Return the help of the command, drawn from `OPERATIONS` and `INPUTS`."""
    lines = [
        "usage: hf-space OPERATION SPACE [SPACE ...] [--INPUT VALUE ...]",
        "",
        "Operate Hugging Face Spaces, and wait until they are truly in the stage asked for.",
        "",
        "operations:",
        *(f"  {name:<12}{about}" for name, about in OPERATIONS.items()),
        "",
        "inputs, as flags or as INPUT_<NAME> variables:",
    ]
    for row in INPUTS.values():
        default = f" Default: {row.default}." if row.default else ""
        about = textwrap.fill(row.about + default, width=100, initial_indent=" " * 6, subsequent_indent=" " * 6)
        lines += [f"  --{row.name}" + ("" if row.is_flag else " VALUE"), about]
    return "\n".join([*lines, "", EXIT_STATUS])


EXIT_STATUS = """exit status:
  0 done   1 failed   2 invalid input   3 denied or not found   4 timed out   5 unreachable
  6 superseded by another commit   130 cancelled"""


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
    settings, more, warned = _settle(given, keyless=keyless, identity=environ.get("HF_OIDC_ID_TOKEN") or None)
    mistakes += more
    warnings += warned
    fleet: tuple[Settings, ...] = ()
    if given.get("fleet-file"):
        fleet, more, warned = _read_fleet(given, read_file, settings)
        mistakes += more
        warnings += warned
    mistakes += _check_subject(given, settings)
    if mistakes:
        raise InvalidInput(mistakes, warnings=warnings, token=settings.token)
    return replace(settings, fleet=fleet, warnings=tuple(warnings))


def _settle(
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
    for needed in {"hardware": ("hardware",), "sleep-time": ("sleep-time",)}.get(operation, ()):
        if not given.get(needed):
            mistakes.append(f"{needed}: is missing; operation {operation} needs it.")
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
        settle=values["settle"],
        stable_for=values["stable-for"],
        health_check=values["health-check"],
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
    return settings, mistakes, _check_use(given, operation) + _check_stages(stages | settings.filters.stages)


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
    from hf_action.fleet import ALLOWED, FleetError, read_fleet

    name = given["fleet-file"]
    try:
        entries = read_fleet(read_file(name), name=name)
    except FleetError as error:
        return (), error.mistakes, []
    except ValueError as error:
        return (), [f"fleet-file: {name!r} {error}."], []
    shared = {key: value for key, value in given.items() if key in ALLOWED or key in ("token", "endpoint")}
    fleet, mistakes, warnings = [], [], []
    for entry in entries:
        own, wrong, warned = _settle(
            shared | dict(entry.inputs) | {"space-id": entry.space}, keyless=base.keyless, identity=base.identity
        )
        fleet.append(replace(own, timeout=base.timeout, filters=base.filters))
        where = f"{name}:{entry.line}: {entry.space}"
        mistakes += [f"{where}: {mistake}" for mistake in wrong]
        warnings += [f"{where}: {warning}" for warning in warned if warning.partition(":")[0] in entry.inputs]
    return tuple(fleet), mistakes, warnings


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
            mistakes.append(f"{flag}: is no flag{_nearest(flag.strip('-'), INPUTS, prefix='--')}.")
    if words and "operation" not in given:
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
            warnings.append(f"{name}: is no input of this action{_nearest(name, INPUTS)}; it is ignored.")
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
    if not endpoint or not has_token or str(endpoint).startswith("https://"):
        return []
    host = urlsplit(str(endpoint)).hostname or ""
    try:
        address = ipaddress.ip_address(host)
        near = address.is_loopback or address.is_private
    except ValueError:
        near = "." not in host
    if near:
        return []
    return [f"endpoint: {str(endpoint)!r} would carry the token over plain http; write https:// instead."]


def _check_use(given: Mapping[str, str], operation: str) -> list[str]:
    """Warn about inputs that the operation does not use; one that says the default says nothing."""
    if operation not in OPERATIONS:
        return []
    return [
        f"{row.name}: is not used by operation {operation}; it is ignored."
        for row in INPUTS.values()
        if operation not in row.used_by and given.get(row.name, row.default) != row.default
    ]


def _check_stages(stages: frozenset[str]) -> list[str]:
    return [
        f"wait-for-stage: {stage!r} is no stage known today{_nearest(stage, STAGES)}; it is waited for all the same."
        for stage in sorted(stages - STAGES.keys())
    ]


def _nearest(name: str, known: Mapping[str, object], *, prefix: str = "") -> str:
    """Return ` (did you mean …?)`, or nothing where nothing is near."""
    near = get_close_matches(name.replace("_", "-") if prefix else name, known, n=1)
    return f" (did you mean {prefix}{near[0]}?)" if near else ""
