"""Reads the text of an input into a value, or raises ValueError with what is wrong and what to write instead.

The message goes on where the name and the text of the input end: `timeout: 'soon' is not a duration; write …`.

Source: docs/contract.md, "Inputs".
"""

import re

from hf_action.rules.addresses import Address, has_credentials, read_address
from hf_action.rules.models import FLAVOR, ID_PART, NEVER
from hf_action.rules.selection import SORTS, check_pattern, is_pattern

LOGS = ("on-failure", "always", "never")
PUBLIC_HUB = "https://huggingface.co"

# Seconds of the longest duration: a workflow run on GitHub takes 35 days at most, so more is a typing error.
MAX_DURATION = 35 * 24 * 3600.0
# Seconds of the longest time without a change that is asked for: longer than there have been Spaces.
MAX_AGE = 10 * 365 * 24 * 3600.0
# Characters of a duration. The time to match it grows with the square of the number of digits.
MAX_DURATION_CHARS = 40
# The largest number of log lines, of Spaces to select and of Spaces to act on at once.
MAX_COUNT = 10_000
# Patterns of one input. Each is tried on each Space, so that their number bounds the work.
MAX_PATTERNS = 100
# Spaces of one input that a message names as wrong.
MAX_WRONG = 20
# Characters of an input that a message shows.
MAX_SHOWN = 200

_DURATION = re.compile(
    r"(?:(?P<d>\d*\.?\d+)d)?(?:(?P<h>\d*\.?\d+)h)?(?:(?P<m>\d*\.?\d+)m)?(?:(?P<s>\d*\.?\d+)s)?", re.ASCII
)
_UNITS = {"d": 86_400, "h": 3600, "m": 60, "s": 1}  # seconds
_NUMBER = re.compile(r"\d*\.?\d+", re.ASCII)
_STAGE = re.compile(r"[A-Z][A-Z0-9_]*")
SUPERSEDED = ("fail", "pass")
MAX_RETRIES = 20
_COMMIT = re.compile(r"[0-9a-f]{7,40}")


# ---- how one value is read ----


def parse_duration(text: str) -> float:
    """Read a duration in seconds from `90`, `0.5`, `90s`, `20m`, `1.5m`, `1h30m` or `1d`.

    Raises:
        ValueError: it has another form, or is longer than 35 days.
    """
    seconds = _read_seconds(text)
    if seconds > MAX_DURATION:
        raise ValueError("is longer than 35 days, the longest duration that is taken")
    return seconds


def parse_age(text: str) -> float:
    """Read how long ago something was, as a duration of up to ten years; not at all would let everything pass."""
    seconds = _read_seconds(text)
    if not 0 < seconds <= MAX_AGE:
        raise ValueError("must be longer than 0, and at most 3650d")
    return seconds


def _read_seconds(text: str) -> float:
    lowered = text.lower() if len(text) <= MAX_DURATION_CHARS else ""
    match = _DURATION.fullmatch(lowered)
    if _NUMBER.fullmatch(lowered):
        return float(lowered)
    if match and lowered:
        return sum(float(match[unit] or 0) * length for unit, length in _UNITS.items())
    raise ValueError("is not a duration; write seconds (90, 0.5) or 90s, 20m, 1.5m, 1h30m, 1d")


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
    raise ValueError("is not a commit; write auto, head, any, or 7 to 40 hex digits of a commit")


def parse_revision(text: str) -> str:
    """Read 7 to 40 hex digits of a commit, in lower case."""
    if _COMMIT.fullmatch(text.lower()):
        return text.lower()
    raise ValueError("is not a commit; write 7 to 40 hex digits of one")


def parse_superseded(text: str) -> str:
    """Read whether a step fails that another push has overtaken."""
    return _one_of(SUPERSEDED, text)


def parse_text(text: str) -> str:
    """Read any text of one line."""
    if text.isprintable():
        return text
    raise ValueError("has characters that cannot be shown; write one line of text")


def parse_retries(text: str) -> int:
    """Read a whole number from 0 to 20."""
    return _whole_number(text, least=0, most=MAX_RETRIES)


def parse_stages(text: str) -> frozenset[str]:
    """Read stage names separated by commas, in upper case; `none` is the empty set."""
    names = [name.upper() for name in re.split(r"[\s,]+", text) if name]
    if names == ["NONE"]:
        return frozenset()
    wrong = [name for name in names if name == "NONE" or not _STAGE.fullmatch(name)]
    if wrong or not names:
        raise ValueError("is not a list of stages; write names such as RUNNING or RUNNING,SLEEPING, or none alone")
    return frozenset(names)


def parse_filter_stages(text: str) -> frozenset[str]:
    """Read stage names that a Space may be in. `none` is a mistake: it would let every Space pass."""
    stages = parse_stages(text)
    if not stages:
        raise ValueError("is not a stage of a Space; leave it out to select Spaces in every stage")
    return stages


def parse_space_id(text: str) -> str:
    """Read `owner/name`, `spaces/owner/name` or the address of the Space's page as `owner/name`.

    Raises:
        ValueError: it is none of these, by the rules of huggingface_hub for repository ids.
    """
    path = text
    if "://" in text or has_credentials(text):
        parts = _address(text).path.partition("?")[0].partition("#")[0].strip("/").split("/")
        if parts[0] != "spaces" or len(parts) < 3:
            raise ValueError("is not the address of a Space's page; write https://huggingface.co/spaces/owner/name")
        path = "/".join(parts[:3])
    path = path.removeprefix("spaces/")
    parts = path.split("/")
    if len(parts) != 2 or not all(ID_PART.fullmatch(part) for part in parts):
        raise ValueError("is not a Space; write owner/name with letters, digits, '-', '_' and '.' only")
    if "--" in path or ".." in path or path.endswith(".git"):
        raise ValueError("is not a Space; a name has no '--' and no '..' in it, and does not end in .git")
    return path


def parse_pattern(text: str) -> str:
    """Read `owner/pattern`. The owner has no `*` and no `?`, since a listing is always of one owner."""
    path = text.removeprefix("spaces/")
    owner, _, pattern = path.partition("/")
    if not ID_PART.fullmatch(owner) or not re.fullmatch(r"[\w\-.*?]{1,96}", pattern, re.ASCII):
        raise ValueError("is not a pattern; write owner/pattern with '*' or '?' after the slash only")
    check_pattern(pattern)
    return path


def parse_space(text: str) -> str:
    """Read one Space, or one pattern."""
    # In an address, a ? begins the query.
    return parse_pattern(text) if is_pattern(text) and "://" not in text else parse_space_id(text)


def parse_space_ids(text: str) -> tuple[str, ...]:
    """Read Spaces and patterns separated by newlines, commas or blanks; the same one twice counts once."""
    spaces: dict[str, str] = {}
    wrong = []
    for part in split(text):
        try:
            space = parse_space(part)
            spaces.setdefault(space.lower(), space)  # the Hub does not tell case apart
        except ValueError as error:
            wrong.append(f"{shown(part)} {error}")
    if wrong:
        more = f"; and {len(wrong) - MAX_WRONG} more" if len(wrong) > MAX_WRONG else ""
        raise ValueError("; ".join(wrong[:MAX_WRONG]) + more)
    if not spaces:
        raise ValueError("names no Space; write owner/name")
    _check_number(tuple(spaces))
    return tuple(spaces.values())


def _check_number(spaces: tuple[str, ...]) -> None:
    """Raise where there are more patterns than anybody needs."""
    count = sum(map(is_pattern, spaces))
    if count > MAX_PATTERNS:
        raise ValueError(f"has {count} patterns; write at most {MAX_PATTERNS}, or use a fleet-file")


def shown(text: str, *, longest: int = MAX_SHOWN) -> str:
    """Return a text in quotes for a message, shortened; one that may hold a password is not shown at all."""
    if has_credentials(text):
        return "(not shown)"
    return repr(text if len(text) <= longest else f"{text[: longest - 1]}…")


def split(text: str) -> tuple[str, ...]:
    """Split a list at commas, blanks and newlines."""
    return tuple(part for part in re.split(r"[\s,]+", text) if part)


def parse_owners(text: str) -> tuple[str, ...]:
    """Read names of users or organizations."""
    wrong = [name for name in split(text) if not ID_PART.fullmatch(name)]
    if wrong or not split(text):
        raise ValueError("is not a list of users or organizations; write names separated by commas")
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


def parse_flavor_patterns(text: str) -> frozenset[str]:
    """Read names and patterns of hardware, in lower case."""
    words = parse_words(text)
    for word in sorted(words):
        check_pattern(word)
    _check_number(tuple(words))
    return words


def parse_tags(text: str) -> frozenset[str]:
    """Read tags separated by commas, in lower case."""
    tags = frozenset(filter(None, (part.strip().lower() for part in text.split(","))))
    if not tags:
        raise ValueError("names no tag; write tags separated by commas, or leave it out")
    if any(map(is_pattern, tags)):  # it would leave out nothing, and what should be left alone would be changed
        raise ValueError("has a pattern in it; write whole tags")
    return tags


def parse_exclusions(text: str) -> tuple[str, ...]:
    """Read ids and patterns to leave out; a pattern without an owner is of the name alone."""
    parts = split(text)
    for part in parts:
        if not re.fullmatch(r"(?:[\w\-.]+/)?[\w\-.*?]+", part, re.ASCII):
            raise ValueError(
                "is not a list of ids and patterns; write owner/name, owner/pattern, or a pattern of the name"
            )
        if "/" not in part and not is_pattern(part):
            raise ValueError(
                f"would leave out nothing: write {part}/* for all Spaces of an owner, or owner/{part} for one"
            )
        check_pattern(part)
    _check_number(parts)
    return parts


def parse_sort(text: str) -> str:
    """Read what to sort by."""
    if text in SORTS:
        return text
    raise ValueError(f"is not an order; write one of {', '.join(SORTS)}")


def parse_flavor(text: str) -> str:
    """Read the name of a hardware flavor."""
    if FLAVOR.fullmatch(text):
        return text.lower()
    raise ValueError(
        "is not a name of hardware; write one such as cpu-basic or t4-small (hf spaces hardware lists them)"
    )


def parse_sleep_time(text: str) -> int:
    """Read a duration as whole seconds; `never` and `-1` are -1, as the Hub writes it."""
    if text.lower() in ("never", "-1"):
        return NEVER
    seconds = round(parse_budget(text))
    if not seconds:
        raise ValueError("must be at least 1 second")
    return seconds


def parse_endpoint(text: str) -> str:
    """Read the address of a Hub in one form, without its trailing slash."""
    address = _address(text, f"; write {PUBLIC_HUB} or another http(s) address")
    if re.search(r"[@?#]", address.path):
        raise ValueError(f"has a query or a fragment; write an address such as {PUBLIC_HUB}")
    return str(address).rstrip("/")


def parse_health_check(text: str) -> str:
    """Read `auto`, a path on the app's own host, or an https address."""
    wrong = "is not auto, a path such as /healthz on the app's own host, or an https address"
    if text.lower() == "auto":
        return "auto"
    if re.fullmatch(r"/(?!/)[\x21-\x7e]*", text):
        return text
    address = _address(text, wrong)
    if address.scheme != "https" or not re.fullmatch(r"[\x21-\x7e]*", address.path):
        raise ValueError(wrong)
    return str(address)


def _address(text: str, form: str = "") -> Address:
    """Read an address; `form` says what to write instead of another text."""
    try:
        return read_address(text)
    except ValueError as error:
        if has_credentials(text) or not form:
            raise
        raise ValueError(f"{error}{form}" if form.startswith(";") else form) from None


def parse_logs(text: str) -> str:
    """Read when the log is fetched."""
    return _one_of(LOGS, text)


def _one_of(words: tuple[str, ...], text: str) -> str:
    if text in words:
        return text
    raise ValueError(f"is not one of {', '.join(words)}")


def parse_count(text: str) -> int:
    """Read a whole number from 1 to 10000."""
    return _whole_number(text, least=1, most=MAX_COUNT)


def _whole_number(text: str, *, least: int, most: int) -> int:
    if len(text) <= len(str(most)) and re.fullmatch("[0-9]+", text) and least <= int(text) <= most:
        return int(text)
    raise ValueError(f"is not a whole number from {least} to {most}")


def parse_token(text: str) -> str:
    """Read a token; one that no HTTP header can carry is a mistake, and is not shown."""
    if not re.fullmatch(r"[\x21-\x7e]+", text):
        raise ValueError("has a character that a token cannot have; check how the secret was pasted")
    return text
