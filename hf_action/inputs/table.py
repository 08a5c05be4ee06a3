"""What inputs there are, and how the text of each is read.

`INPUTS` is the one table of what exists; action.yml, README and the schema of fleet files are checked against it. A
reader returns a value, or raises ValueError with the accepted forms.

Source: shared/contract.md, "Inputs".
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from hf_action.inputs.readers import (
    PUBLIC_HUB,
    nearest,
    parse_boolean,
    parse_budget,
    parse_commit,
    parse_count,
    parse_duration,
    parse_endpoint,
    parse_exclusions,
    parse_filter_stages,
    parse_flavor,
    parse_health_check,
    parse_interval,
    parse_logs,
    parse_owners,
    parse_retries,
    parse_revision,
    parse_searches,
    parse_sleep_time,
    parse_sort,
    parse_space_ids,
    parse_stages,
    parse_superseded,
    parse_text,
    parse_token,
    parse_words,
)
from hf_action.rules import operations as rules
from hf_action.rules.selection import SORTS

Operation = Literal["info", "wait", "restart", "pause", "wake", "hardware", "sleep-time", "list"]
OPERATIONS = {name: row.help for name, row in rules.OPERATIONS.items()}
WRITES = frozenset(name for name, row in rules.OPERATIONS.items() if row.writes)
WAITS = frozenset(name for name, row in rules.OPERATIONS.items() if row.waits_for)
RETRIED = frozenset(name for name, row in rules.OPERATIONS.items() if row.retried)
DEPLOYS = frozenset({"wait", "restart"})
CHANGES = frozenset(name for name, row in rules.OPERATIONS.items() if row.changes)
ALL = frozenset(OPERATIONS)

DEFAULT_STAGES = {name: row.waits_for for name, row in rules.OPERATIONS.items() if row.waits_for}


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
            "if-superseded",
            "What a step does that another push has overtaken: fail, or pass, which leaves the result superseded and "
            "the exit status 0.",
            parse_superseded,
            default="fail",
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
            "the Space counts as reached; or auto, which asks gradio for /config, streamlit for /_stcore/health, and "
            "others for /.",
            parse_health_check,
            used_by=WAITS - {"pause"},
        ),
        Input(
            "health-check-contains",
            "A text that the answer to the health check must contain, in its first MiB.",
            parse_text,
            used_by=WAITS - {"pause"},
        ),
        Input(
            "rollback",
            "When the new commit fails, put the last good one back with a commit of its files. The step still fails.",
            parse_boolean,
            default="false",
            used_by=DEPLOYS,
        ),
        Input(
            "rollback-to",
            "The commit to put back, instead of the one that was served at the first look: 7 to 40 hex digits.",
            parse_revision,
            used_by=DEPLOYS,
        ),
        Input(
            "retries",
            "How often to restart again after a failure that is the Hub's own fault, such as no free machine.",
            parse_retries,
            default="1",
            used_by=RETRIED,
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
            used_by=CHANGES | DEPLOYS,
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
