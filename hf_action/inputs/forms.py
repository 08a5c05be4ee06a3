"""The kinds of values that inputs have: how each is read, what it looks like in help, and in YAML for an editor.

An input's row names one of these, so that help, completion, the fleet file and its schema ask the row.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hf_action.inputs import readers
from hf_action.rules.models import NEVER
from hf_action.rules.selection import FREE, PAID, SORTS
from hf_action.rules.stages import STAGES


@dataclass(frozen=True, slots=True)
class Reader:
    """One kind of value."""

    read: Callable[[str], Any]  # the type is that of the field of Settings or Filters which it fills
    form: str  # what a value looks like in help; empty: the flag alone means true
    words: tuple[str, ...] = ()  # what a shell may complete
    # The value in a fleet file as JSON Schema, for editors; empty for inputs that belong to the whole step.
    schema: Mapping[str, object] = field(default_factory=dict)

    @property
    def is_flag(self) -> bool:
        """Whether the name alone, without a value, means true."""
        return not self.form

    @property
    def is_file(self) -> bool:
        """Whether the value is the name of a file."""
        return self.form == "FILE"

    @property
    def takes_list(self) -> bool:
        """Whether the value may be a YAML list in a fleet file."""
        return "items" in self.schema


# Regular expressions of JSON Schema (ECMA-262), which say the same as the readers.
_NUMBER = r"[0-9]*\.?[0-9]+"
_DURATION = rf"(?=.)(?:{_NUMBER}|" + "".join(f"(?:{_NUMBER}[{unit}{unit.upper()}])?" for unit in "dhms") + ")"
_STAGE = "[A-Za-z][A-Za-z0-9_]*"
_LONGEST = int(readers.MAX_DURATION)


def one_of(read: Callable[[str], Any], words: tuple[str, ...], *, form: str = "") -> Reader:
    """Return the kind of a value that is one of some words."""
    return Reader(read, form or "|".join(words), words, {"enum": list(words)})


def whole_number(read: Callable[[str], int], *, least: int, most: int, pattern: str) -> Reader:
    """Return the kind of a whole number; `pattern` is how an editor sees one that is text."""
    schema = {"type": ["integer", "string"], "minimum": least, "maximum": most, "pattern": f"^(?:{pattern})$"}
    return Reader(read, "NUMBER", schema=schema)


DURATION = Reader(
    readers.parse_duration,
    "DURATION",
    schema={"type": ["string", "number"], "pattern": f"^{_DURATION}$", "minimum": 0, "maximum": _LONGEST},
)
BUDGET = Reader(
    readers.parse_budget,
    "DURATION",
    schema={"type": ["string", "number"], "pattern": f"^(?:{_DURATION})?$", "exclusiveMinimum": 0, "maximum": _LONGEST},
)
AGE = Reader(readers.parse_age, "DURATION")
INTERVAL = Reader(readers.parse_interval, "DURATION|auto", ("auto",))
SLEEP_TIME = Reader(
    readers.parse_sleep_time,
    "DURATION|never",
    ("never",),
    {
        "type": ["string", "number"],
        "pattern": f"^(?:never|-1|{_DURATION})?$",
        "anyOf": [{"type": "string"}, {"const": NEVER}, {"exclusiveMinimum": 0}],
        "maximum": _LONGEST,
    },
)
SPACES = Reader(readers.parse_space_ids, "SPACES")
EXCLUSIONS = Reader(readers.parse_exclusions, "SPACES")
OWNERS = Reader(readers.parse_owners, "NAMES")
SEARCHES = Reader(readers.parse_searches, "WORDS")
NAMES = Reader(readers.parse_words, "NAMES")
FLAVOR_PATTERNS = Reader(readers.parse_flavor_patterns, "NAMES|paid|free", (PAID, FREE))
TAGS = Reader(readers.parse_tags, "TAGS")
STAGE_FILTER = Reader(readers.parse_filter_stages, "STAGES", tuple(STAGES))
TARGET_STAGES = Reader(
    readers.parse_stages,
    "STAGES",
    (*STAGES, "none"),
    {
        "type": ["string", "array"],
        "pattern": rf"^(?:{_STAGE}(?:[\s,]+{_STAGE})*)?$",
        "minItems": 1,
        "items": {"type": "string", "pattern": f"^{_STAGE}$"},
    },
)
COMMIT = Reader(
    readers.parse_commit,
    "COMMIT|head|any|auto",
    ("head", "any", "auto"),
    {"type": ["string", "integer"], "pattern": "^(?:auto|head|any|[0-9a-fA-F]{7,40})$", "minimum": 0},
)
HEALTH_CHECK = Reader(
    readers.parse_health_check,
    "PATH|URL|auto",
    ("auto",),
    schema={"type": "string", "pattern": r"^(?:[aA][uU][tT][oO]|/(?!/)[!-~]*|https://[^/?#@\s]+(?:[/?#][!-~]*)?)?$"},
)
TEXT = Reader(readers.parse_text, "TEXT", schema={"type": "string", "pattern": r"^[^\x00-\x1f\x7f]*$"})
REVISION = Reader(
    readers.parse_revision,
    "COMMIT",
    schema={"type": ["string", "integer"], "pattern": "^(?:[0-9a-fA-F]{7,40})?$", "minimum": 1_000_000},
)
SUPERSEDED = one_of(readers.parse_superseded, readers.SUPERSEDED)
RETRIES = whole_number(readers.parse_retries, least=0, most=readers.MAX_RETRIES, pattern="[01]?[0-9]|20")
BOOLEAN = Reader(readers.parse_boolean, "", schema={"type": ["boolean", "string"], "pattern": "^(?:true|false)$"})
FLAVOR = Reader(
    readers.parse_flavor,
    "FLAVOR",
    schema={"type": "string", "pattern": "^(?:[A-Za-z0-9][A-Za-z0-9._-]{0,63})?$"},
)
LOGS = one_of(readers.parse_logs, readers.LOGS)
COUNT = whole_number(readers.parse_count, least=1, most=readers.MAX_COUNT, pattern="[1-9][0-9]{0,3}|10000")
SORT = one_of(readers.parse_sort, SORTS)
FILE = Reader(str, "FILE")
TOKEN = Reader(readers.parse_token, "TOKEN")
ENDPOINT = Reader(readers.parse_endpoint, "URL")
