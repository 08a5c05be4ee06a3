"""How the text of each input is read."""

import re
from collections.abc import Iterable
from difflib import get_close_matches
from urllib.parse import urlsplit

from hf_action.rules.models import NEVER
from hf_action.rules.selection import SORTS, is_pattern

LOGS = ("on-failure", "always", "never")
PUBLIC_HUB = "https://huggingface.co"

# The longest a workflow run may take on GitHub; a larger number is a slip of the keyboard.
MAX_TIMEOUT = 35 * 24 * 3600.0
# Characters of a duration; matching takes quadratic time in the number of digits.
MAX_DURATION_CHARS = 40
# Characters of a name that is compared with the known ones, which takes quadratic time as well.
MAX_NAME = 300

_DURATION = re.compile(r"(?:(?P<h>\d*\.?\d+)h)?(?:(?P<m>\d*\.?\d+)m)?(?:(?P<s>\d*\.?\d+)s)?", re.ASCII)
_NUMBER = re.compile(r"\d*\.?\d+", re.ASCII)
_STAGE = re.compile(r"[A-Z][A-Z0-9_]*")
SUPERSEDED = ("fail", "pass")
MAX_RETRIES = 20
_COMMIT = re.compile(r"[0-9a-f]{7,40}")
# One part of a repository id: huggingface_hub, utils/_validators.py, REPO_ID_REGEX.
_ID_PART = re.compile(r"\b[\w\-.]{1,96}\b", re.ASCII)


# ---- how one value is read ----


def parse_duration(text: str) -> float:
    """Read a duration in seconds from `90`, `0.5`, `90s`, `20m`, `1.5m` or `1h30m`.

    Raises:
        ValueError: it has another form, or is longer than 35 days.
    """
    lowered = text.lower() if len(text) <= MAX_DURATION_CHARS else ""
    match = _DURATION.fullmatch(lowered)
    if _NUMBER.fullmatch(lowered):
        seconds = float(lowered)
    elif match and lowered:
        hours, minutes, rest = (float(match[unit] or 0) for unit in "hms")
        seconds = hours * 3600 + minutes * 60 + rest
    else:
        raise ValueError("is no duration; write seconds (90, 0.5) or 90s, 20m, 1.5m, 1h30m")
    if seconds > MAX_TIMEOUT:
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


def parse_revision(text: str) -> str:
    """Read 7 to 40 hex digits of a commit, in lower case."""
    if _COMMIT.fullmatch(text.lower()):
        return text.lower()
    raise ValueError("is not a commit; write 7 to 40 hex digits of one")


def parse_superseded(text: str) -> str:
    """Read whether a step fails that another push has overtaken."""
    if text in SUPERSEDED:
        return text
    raise ValueError(f"is not one of {', '.join(SUPERSEDED)}")


def parse_text(text: str) -> str:
    """Read any text of one line."""
    if text.isprintable():
        return text
    raise ValueError("has characters that are not printable; write one line of text")


def parse_retries(text: str) -> int:
    """Read a whole number from 0 to 20."""
    if re.fullmatch(r"[0-9]{1,2}", text) and int(text) <= MAX_RETRIES:
        return int(text)
    raise ValueError(f"is not a whole number from 0 to {MAX_RETRIES}")


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
    """Read `auto`, a path on the app's own host, or an https address."""
    if text.lower() == "auto":
        return "auto"
    if re.fullmatch(r"/(?!/)[\x21-\x7e]*", text) or (
        re.fullmatch(r"https://[\x21-\x7e]+", text) and urlsplit(text).hostname and "@" not in urlsplit(text).netloc
    ):
        return text
    raise ValueError("is neither auto, a path such as /healthz on the app's own host, nor an https address")


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


def nearest(name: str, known: Iterable[str], *, prefix: str = "") -> str:
    """Return ` (did you mean …?)`, or nothing where nothing is near; case, and `_` for `-`, make no difference.

    A part of a known name, as `poll` is of poll-interval, is near as well.
    """

    def fold(text: str) -> str:
        return text.lower().replace("_", "-")

    folded = {fold(each): each for each in known}
    near = get_close_matches(fold(name[:MAX_NAME]), folded, n=1)
    near = near or [each for each in folded if fold(name) in each.split("-")]
    return f" (did you mean {prefix}{folded[near[0]]}?)" if near else ""
