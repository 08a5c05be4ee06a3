"""`python bench/loop.py owner/name`: a loop as people paste it into a workflow.

Written for this comparison with the rules of app/deploy_docker_space.py in ABnano/MEIDNet on GitHub (commit 53587466):
a look every ten seconds, RUNNING is success, three stages are failure, all others are waited out. Unlike that one it
fails when its time is over. scripts/verify_hf_space_runtime.py in ayutaz/piper-plus is another of its kind.
"""

import sys
import time

from huggingface_hub import HfApi


def main(space: str, *, patience: float = 2700) -> int:
    """Wait for the Space; return an exit status."""
    api = HfApi()
    began = time.monotonic()
    while time.monotonic() - began < patience:
        stage = api.get_space_runtime(space).stage
        if stage == "RUNNING":
            return 0
        if stage in ("BUILD_ERROR", "RUNTIME_ERROR", "CONFIG_ERROR"):
            return 1
        time.sleep(10)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
