"""What each stage of a Space means for somebody who waits.

The Hub names about a dozen stages and adds to them now and then. Waiting needs only to know which of four
kinds a stage is, so this table is the one place that knows the names.

Source: `SpaceStage` of huggingface_hub, and shared/contract.md, "Waiting". `SLEEPING` is missing from
huggingface_hub's enum but the Hub reports it.
"""

from enum import Enum


class Kind(Enum):
    """What may be expected of a Space in a stage."""

    MOVING = "moving"  # it will become something else by itself
    LIVE = "live"  # it serves its app
    RESTING = "resting"  # it stays so until somebody does something
    BROKEN = "broken"  # it stays so until somebody mends it


STAGES = {
    "BUILDING": Kind.MOVING,
    "RUNNING_BUILDING": Kind.MOVING,
    "APP_STARTING": Kind.MOVING,
    "RUNNING_APP_STARTING": Kind.MOVING,
    "RUNNING": Kind.LIVE,
    "SLEEPING": Kind.RESTING,
    "PAUSED": Kind.RESTING,
    "STOPPED": Kind.RESTING,
    "BUILD_ERROR": Kind.BROKEN,
    "RUNTIME_ERROR": Kind.BROKEN,
    "CONFIG_ERROR": Kind.BROKEN,
    "NO_APP_FILE": Kind.BROKEN,
    "DELETING": Kind.BROKEN,
}


def kind_of(stage: str) -> Kind:
    """Return the kind of `stage`; one nobody has heard of counts as moving, so that waiting goes on."""
    return STAGES.get(stage, Kind.MOVING)


def is_billed(stage: str) -> bool:
    """Return whether paid hardware costs money in `stage`: while the app starts or runs, not while it builds or rests.

    Source: https://huggingface.co/docs/hub/spaces-gpus#billing
    """
    return stage == "APP_STARTING" or kind_of(stage) is Kind.LIVE or stage.startswith("RUNNING_")
