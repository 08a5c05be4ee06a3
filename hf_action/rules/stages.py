"""What each stage of a Space means for somebody who waits: one row a stage.

The Hub names about a dozen stages and adds to them now and then. Whatever depends on a stage asks its row, so this
table is the one place that knows the names.

Source: `SpaceStage` of huggingface_hub, and docs/contract.md, "Waiting". `SLEEPING` is missing from huggingface_hub's
enum but the Hub reports it. Billing: https://huggingface.co/docs/hub/spaces-gpus#billing
"""

from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """What may be expected of a Space in a stage."""

    MOVING = "moving"  # it will become something else by itself
    LIVE = "live"  # it serves its app
    RESTING = "resting"  # it stays so until somebody does something
    BROKEN = "broken"  # it stays so until somebody repairs it


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage: what may be expected of it, and what to do about it where a Space stays in it."""

    name: str
    kind: Kind
    builds: bool = False  # whether the build log tells more of it than the app's own log
    billed: bool = False  # whether paid hardware costs money in it: while the app starts or runs
    remedy: str = ""  # for a stage that a Space does not leave by itself


STAGES = {
    row.name: row
    for row in (
        Stage("BUILDING", Kind.MOVING, builds=True),
        Stage("RUNNING_BUILDING", Kind.MOVING, builds=True, billed=True),
        Stage("APP_STARTING", Kind.MOVING, billed=True),
        Stage("RUNNING_APP_STARTING", Kind.MOVING, billed=True),
        Stage("RUNNING", Kind.LIVE, billed=True),
        Stage("SLEEPING", Kind.RESTING, remedy="Nobody visits it; a visit or operation restart would wake it"),
        Stage("PAUSED", Kind.RESTING, remedy="It stays so until somebody restarts it; operation restart would"),
        Stage("STOPPED", Kind.RESTING, remedy="It stays so until somebody restarts it; operation restart would"),
        Stage(
            "BUILD_ERROR",
            Kind.BROKEN,
            builds=True,
            remedy="The build failed; read its log on the Space's page, fix the cause and push again",
        ),
        Stage(
            "RUNTIME_ERROR",
            Kind.BROKEN,
            remedy="The app does not run; read its log on the Space's page, fix the cause and push or restart",
        ),
        Stage(
            "CONFIG_ERROR",
            Kind.BROKEN,
            remedy="The configuration is wrong: the block on top of README.md, or a name in Settings; fix it",
        ),
        Stage(
            "NO_APP_FILE",
            Kind.BROKEN,
            remedy="The repository has no app file; push app.py, Dockerfile or index.html, or name it in README.md",
        ),
        Stage("DELETING", Kind.BROKEN, remedy="The Space is being deleted; nothing will bring it back"),
    )
}


def stage_of(name: str) -> Stage:
    """Return the row of a stage; an unknown one counts as moving, so that waiting goes on."""
    return STAGES.get(name) or Stage(name, Kind.MOVING, billed=name.startswith("RUNNING_"))


def kind_of(name: str) -> Kind:
    """Return what may be expected of a Space in a stage."""
    return stage_of(name).kind
