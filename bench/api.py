"""`python bench/api.py owner/name ...`: `HfApi.wait_for_space` as a script uses it, with a thread for each Space."""

import sys
from concurrent.futures import ThreadPoolExecutor

from huggingface_hub import HfApi


def main(*spaces: str, patience: float = 2700) -> int:
    """Wait for the Spaces; return an exit status."""
    api = HfApi()
    with ThreadPoolExecutor(len(spaces)) as pool:
        runtimes = pool.map(lambda space: api.wait_for_space(space, timeout=patience), spaces)
        stages = [runtime.stage for runtime in runtimes]
    return 0 if set(stages) == {"RUNNING"} else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
