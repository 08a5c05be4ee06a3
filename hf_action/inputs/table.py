"""Which inputs there are: one row each, with all that is particular to it.

Help, completion, the fleet file and its schema, action.yml and README ask the row. To add an input, add its row here, a
field of its name to `Settings`, and a test; `make docs` draws the rest.

Source: docs/contract.md, "Inputs".
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from hf_action.inputs import forms
from hf_action.inputs.commands import COMMANDS
from hf_action.inputs.forms import Reader
from hf_action.inputs.names import nearest
from hf_action.inputs.readers import PUBLIC_HUB
from hf_action.rules import operations
from hf_action.rules.selection import SORTS

# ---- operations ----

OPERATIONS = {name: row.help for name, row in operations.OPERATIONS.items()}
WRITES = frozenset(name for name, row in operations.OPERATIONS.items() if row.writes)
WAITS = frozenset(name for name, row in operations.OPERATIONS.items() if row.waits_for)
CHANGES = frozenset(name for name, row in operations.OPERATIONS.items() if row.changes)
DEPLOYS = frozenset(name for name, row in operations.OPERATIONS.items() if row.deploys)
RETRIED = frozenset(name for name, row in operations.OPERATIONS.items() if row.retried)
ALL = frozenset(OPERATIONS)

DEFAULT_STAGES = {name: row.waits_for for name, row in operations.OPERATIONS.items() if row.waits_for}


def suggest_operation(text: str) -> str:
    """Return ` (did you mean …?)` for a word that is not an operation; see `nearest`."""
    word = text.lower()
    if word in COMMANDS:
        return f", but a command: run hf-space {word} owner/name in a shell, or in a step with run"
    meant = [name for name, row in operations.OPERATIONS.items() if word in (name, *row.synonyms.split())]
    return f" (did you mean {meant[0]}?)" if meant else nearest(text, (*OPERATIONS, *COMMANDS), changing=CHANGES)


def parse_operation(text: str) -> str:
    """Read the name of an operation."""
    if text in OPERATIONS:
        return text
    raise ValueError(f"is not an operation{suggest_operation(text)}; write one of {', '.join(OPERATIONS)}")


OPERATION = forms.one_of(parse_operation, tuple(OPERATIONS), form="OPERATION")

# ---- inputs ----


class Group(Enum):
    """What an input is for: the parts of `--help`, in their order."""

    SELECTION = "which Spaces"
    WAITING = "waiting"
    ACTION = "acting"
    OUTPUT = "what is shown"
    CONNECTION = "connection"


@dataclass(frozen=True, slots=True)
class Input:
    """One input: its name at both doors, its kind of value, and what depends on it."""

    name: str
    about: str
    reader: Reader
    group: Group
    default: str = ""
    used_by: frozenset[str] = ALL
    per_space: bool = False  # whether a Space of a fleet file may have its own
    secret: bool = False
    # Whether to give it may change more of a Space: then it is suggested for a misspelt name of its own only.
    changes: bool = False

    @property
    def read(self) -> Callable[[str], Any]:
        """What turns the text into the value, or raises ValueError with the accepted forms."""
        return self.reader.read


INPUTS = {
    row.name: row
    for row in (
        Input(
            "space-id",
            "One or more Spaces, separated by newlines, commas or blanks. Write each as owner/name, spaces/owner/name, "
            "the address of the Space's page, or owner/pattern, where * and ? choose from the Spaces of that owner.",
            forms.SPACES,
            Group.SELECTION,
        ),
        Input(
            "operation",
            f"What to do: one of {', '.join(OPERATIONS)}.",
            OPERATION,
            Group.ACTION,
            default="info",
            per_space=True,
            changes=True,
        ),
        Input(
            "wait-for-stage",
            "Stages that count as reached, separated by commas, or none. "
            "The default is RUNNING for wait, restart, wake and hardware, and PAUSED for pause.",
            forms.TARGET_STAGES,
            Group.WAITING,
            used_by=WAITS,
            per_space=True,
        ),
        Input(
            "timeout",
            "Budget of the whole step: seconds, or a duration such as 90s, 20m, 1h30m or 1d. Decimals are allowed. "
            "In a fleet file, the budget of one Space, which is never more than that of the step.",
            forms.BUDGET,
            Group.WAITING,
            default="30m",
            per_space=True,
        ),
        Input(
            "commit",
            "What must be running to count as reached. Write a commit of 7 to 40 hex digits; head for the head of the "
            "Space's repository when the step began; any for whatever runs; or auto, which is head where the Hub "
            "reports a running commit, and any elsewhere.",
            forms.COMMIT,
            Group.WAITING,
            default="auto",
            used_by=WAITS - {"pause"},
            per_space=True,
        ),
        Input(
            "if-superseded",
            "What to do when another push has replaced the commit: fail; or pass, which keeps the result superseded "
            "and sets the exit status to 0.",
            forms.SUPERSEDED,
            Group.WAITING,
            default="fail",
            used_by=WAITS - {"pause"},
            per_space=True,
        ),
        Input(
            "settle",
            "How long to ignore a stage that has not changed since the step acted: the Hub may still be reporting the "
            "old build.",
            forms.DURATION,
            Group.WAITING,
            default="60s",
            used_by=WAITS,
            per_space=True,
        ),
        Input(
            "stable-for",
            "How long the reached stage must last before the step ends, and with it commit, hardware and health check.",
            forms.DURATION,
            Group.WAITING,
            default="0s",
            used_by=WAITS,
            per_space=True,
        ),
        Input(
            "health-check",
            "A path on the Space's own host, such as /healthz; an https address; or auto, which is /config for gradio, "
            "/_stcore/health for streamlit, and / for others. It must answer below 400 before the Space counts as "
            "reached.",
            forms.HEALTH_CHECK,
            Group.WAITING,
            used_by=WAITS - {"pause"},
            per_space=True,
        ),
        Input(
            "health-check-contains",
            "A text that the first MiB of the answer to health-check must contain.",
            forms.TEXT,
            Group.WAITING,
            used_by=WAITS - {"pause"},
            per_space=True,
        ),
        Input(
            "rollback",
            "When a new commit fails, put the files of the last good one back with another commit. The step still "
            "fails.",
            forms.BOOLEAN,
            Group.ACTION,
            default="false",
            used_by=DEPLOYS,
            per_space=True,
            changes=True,
        ),
        Input(
            "rollback-to",
            "With rollback, the commit to put back, instead of the one that was being served at the first look: 7 to "
            "40 hex digits.",
            forms.REVISION,
            Group.ACTION,
            used_by=DEPLOYS,
            per_space=True,
            changes=True,
        ),
        Input(
            "retries",
            "How often to restart a Space again after a failure that is the Hub's own fault, such as a lack of "
            "machines.",
            forms.RETRIES,
            Group.ACTION,
            default="1",
            used_by=RETRIED,
            per_space=True,
            changes=True,
        ),
        Input(
            "poll-interval",
            "Seconds between looks, or auto, which looks more often when a change is near.",
            forms.INTERVAL,
            Group.WAITING,
            default="auto",
            used_by=WAITS,
        ),
        Input(
            "factory-reboot",
            "With restart, rebuild without the cache.",
            forms.BOOLEAN,
            Group.ACTION,
            default="false",
            used_by=frozenset({"restart"}),
            per_space=True,
            changes=True,
        ),
        Input(
            "hardware",
            "With hardware, the flavor to ask for, such as t4-small. Any name is passed on.",
            forms.FLAVOR,
            Group.ACTION,
            used_by=frozenset({"hardware"}),
            per_space=True,
            changes=True,
        ),
        Input(
            "sleep-time",
            "With hardware and sleep-time, how long the Space must go without a visit before it sleeps: a duration, "
            "or never.",
            forms.SLEEP_TIME,
            Group.ACTION,
            used_by=frozenset({"hardware", "sleep-time"}),
            per_space=True,
            changes=True,
        ),
        Input(
            "restore",
            "Undo in the post step what this step changed. Hardware and sleep time are set back, and a Space that was "
            "paused is paused again.",
            forms.BOOLEAN,
            Group.ACTION,
            default="false",
            used_by=CHANGES,
            per_space=True,
            changes=True,
        ),
        Input(
            "logs",
            "When to fetch the end of the build or run log: on-failure, always or never. It needs a token.",
            forms.LOGS,
            Group.OUTPUT,
            default="on-failure",
            used_by=ALL - {"list"},
            per_space=True,
        ),
        Input(
            "log-lines",
            "How many lines of the log to show at most.",
            forms.COUNT,
            Group.OUTPUT,
            default="50",
            used_by=ALL - {"list"},
            per_space=True,
        ),
        Input(
            "author",
            "Select the Spaces of these users or organizations, separated by commas.",
            forms.OWNERS,
            Group.SELECTION,
        ),
        Input(
            "search",
            "Select Spaces that the Hub finds with these words, separated by commas.",
            forms.SEARCHES,
            Group.SELECTION,
        ),
        Input("with-sdk", "Select only Spaces of these SDKs, such as gradio or docker.", forms.NAMES, Group.SELECTION),
        Input(
            "with-stage",
            "Select only Spaces in these stages, such as RUNNING.",
            forms.STAGE_FILTER,
            Group.SELECTION,
        ),
        Input(
            "with-hardware",
            "Select only Spaces that have or ask for this hardware. Patterns such as t4-* are allowed, and the words "
            "paid and free, which the Hub's price list tells apart.",
            forms.FLAVOR_PATTERNS,
            Group.SELECTION,
        ),
        Input(
            "with-sleep-time",
            "Select only Spaces that are never put to sleep (never), or only after a time without visits that is at "
            "least this long (a duration such as 2h).",
            forms.SLEEP_TIME,
            Group.SELECTION,
        ),
        Input(
            "unmodified-for",
            "Select only Spaces whose repository has not changed for this long, such as 14d.",
            forms.AGE,
            Group.SELECTION,
        ),
        Input(
            "exclude",
            "Leave these Spaces out: ids such as acme/demo and patterns such as acme/* or *-prod, separated by commas.",
            forms.EXCLUSIONS,
            Group.SELECTION,
        ),
        Input(
            "exclude-tag",
            "Leave out Spaces whose card has one of these tags, such as keep-alive, separated by commas.",
            forms.TAGS,
            Group.SELECTION,
        ),
        Input(
            "sort",
            f"Sort the selected Spaces by one of {', '.join(SORTS)}.",
            forms.SORT,
            Group.SELECTION,
            default="name",
        ),
        Input(
            "limit",
            "Select at most this many Spaces, after filtering and sorting.",
            forms.COUNT,
            Group.SELECTION,
        ),
        Input(
            "fleet-file",
            "A YAML file in the workspace that lists Spaces, each with its own inputs; see schemas/fleet.schema.json.",
            forms.FILE,
            Group.SELECTION,
        ),
        Input(
            "max-parallel",
            "How many Spaces to act on at once, at most.",
            forms.COUNT,
            Group.ACTION,
            default="8",
        ),
        Input(
            "dry-run",
            "Say what would be done and what a pause would save, and send only reads.",
            forms.BOOLEAN,
            Group.ACTION,
            default="false",
            used_by=CHANGES | DEPLOYS,
        ),
        Input(
            "token",
            "Hugging Face access token. Without it, keyless access is used if HF_OIDC_RESOURCE is set. If it is not, "
            "the first of HF_TOKEN, HUGGINGFACE_TOKEN and HUGGING_FACE_HUB_TOKEN that is set is used; if none is, in a "
            "terminal the token of 'hf auth login'. Without any, the step is anonymous.",
            forms.TOKEN,
            Group.CONNECTION,
            secret=True,
        ),
        Input(
            "endpoint",
            f"Address of the Hub. Without it, HF_ENDPOINT is used, and without that, {PUBLIC_HUB}.",
            forms.ENDPOINT,
            Group.CONNECTION,
        ),
        Input(
            "report-file",
            "A file in the workspace for all outputs as one JSON document, of any size.",
            forms.FILE,
            Group.OUTPUT,
        ),
        Input("summary", "Write a job summary of what happened.", forms.BOOLEAN, Group.OUTPUT, default="true"),
    )
}
