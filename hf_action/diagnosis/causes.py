"""The table of causes, in the order in which it is searched: what is special stands before what is general."""

from hf_action.diagnosis import build_causes, hub_causes, module_causes, run_causes, settings_causes
from hf_action.diagnosis.signs import Blame, Cause

CAUSES: tuple[Cause, ...] = (
    *hub_causes.ACCOUNT,
    *settings_causes.SETTINGS,
    *hub_causes.HARDWARE,
    *hub_causes.STARTING,
    *build_causes.IMAGES,
    *build_causes.PACKAGES,
    *run_causes.ACCESS,
    *module_causes.MODULES,
    *run_causes.FILES,
    *build_causes.LEFT_OVER,
    *run_causes.LEFT_OVER,
)
BY_WORD = {cause.word: cause for cause in CAUSES}

__all__ = ["BY_WORD", "CAUSES", "Blame", "Cause"]
