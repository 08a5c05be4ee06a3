"""What inputs there are, and how the text of each is read.

`INPUTS` is the one table of what exists; action.yml, README and the schema of fleet files are checked against it. A
reader returns a value, or raises ValueError with the accepted forms.

Source: shared/contract.md, "Inputs".
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Literal
from urllib.parse import urlsplit

from hf_action.selection import SORTS, is_pattern

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
LOGS = ("on-failure", "always", "never")
NEVER = -1  # how the Hub writes a sleep time of never
PUBLIC_HUB = "https://huggingface.co"

# The longest a workflow run may take on GitHub; a larger number is a slip of the keyboard.
LONGEST = 35 * 24 * 3600.0
# Characters of a duration; matching takes quadratic time in the number of digits.
LONGEST_DURATION = 40
# Characters of a name that is compared with the known ones, which takes quadratic time as well.
LONGEST_NAME = 300

_DURATION = re.compile(r"(?:(?P<h>\d*\.?\d+)h)?(?:(?P<m>\d*\.?\d+)m)?(?:(?P<s>\d*\.?\d+)s)?", re.ASCII)
_NUMBER = re.compile(r"\d*\.?\d+", re.ASCII)
_STAGE = re.compile(r"[A-Z][A-Z0-9_]*")
_COMMIT = re.compile(r"[0-9a-f]{7,40}")
# One part of a repository id: huggingface_hub, utils/_validators.py, REPO_ID_REGEX.
_ID_PART = re.compile(r"\b[\w\-.]{1,96}\b", re.ASCII)


# ---- how one value is read ----


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


def parse_filter_stages(text: str) -> frozenset[str]:
    """Read stage names that a Space may be in; `none` would let every Space pass, which nobody means."""
    stages = parse_stages(text)
    if not stages:
        raise ValueError("is no stage a Space can be in; leave it out to select Spaces in every stage")
    return stages


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
    words = tuple(filter(None, (part.strip() for part in text.split(","))))
    if not words:
        raise ValueError("names nothing to search for; write words separated by commas")
    return words


def parse_words(text: str) -> frozenset[str]:
    """Read names separated by commas, in lower case; a filter without a name would let every Space pass."""
    words = frozenset(split(text.lower()))
    if not words:
        raise ValueError("names nothing; write names separated by commas, or leave it out")
    return words


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
    seconds = NEVER if text.lower() == "never" else round(parse_budget(text))
    if not seconds:
        raise ValueError("must be at least 1 second")
    return seconds


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
    if text in LOGS:
        return text
    raise ValueError(f"is none of {', '.join(LOGS)}")


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
    raise ValueError(f"is no operation{nearest(text, OPERATIONS)}; write one of {', '.join(OPERATIONS)}")


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
            used_by=ALL - {"list"},
        ),
        Input(
            "log-lines",
            "How many lines of the log to show at most.",
            parse_count,
            default="50",
            used_by=ALL - {"list"},
        ),
        Input("author", "Select the Spaces of these users or organizations, separated by commas.", parse_owners),
        Input("search", "Select Spaces that the Hub finds with these words, separated by commas.", parse_searches),
        Input("with-sdk", "Select only Spaces of these SDKs, such as gradio or docker.", parse_words),
        Input("with-stage", "Select only Spaces in these stages, such as RUNNING.", parse_filter_stages),
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


def nearest(name: str, known: Iterable[str], *, prefix: str = "") -> str:
    """Return ` (did you mean …?)`, or nothing where nothing is near; case, and `_` for `-`, make no difference.

    A part of a known name, as `poll` is of poll-interval, is near as well.
    """

    def fold(text: str) -> str:
        return text.lower().replace("_", "-")

    folded = {fold(each): each for each in known}
    near = get_close_matches(fold(name[:LONGEST_NAME]), folded, n=1)
    near = near or [each for each in folded if fold(name) in each.split("-")]
    return f" (did you mean {prefix}{folded[near[0]]}?)" if near else ""
