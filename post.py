#!/usr/bin/env -S python3 -I
"""Where the container starts after the job, to undo what a step with `restore: true` changed."""

import sys

sys.path.insert(0, __file__.rpartition("/")[0] or ".")  # isolated mode leaves the script's own folder out
from hf_action.main import main

sys.exit(main([], post=True))
